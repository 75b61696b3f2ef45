//! One step of a plan: which kernel, on which memory, split into which tasks.
//!
//! A task's sums never depend on how a step is split, so that results are the same for any number of threads and any
//! batch.

mod patches;
mod product;
mod target;

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;

use super::image::Patches;
use super::isa::{Kernels, TileShape};
use super::memory::{Aligned, Memory, Pointers};
use super::pointwise::{Normalize, Spread};
use super::pool::Pooling;
use super::winograd;
use patches::{patches_backward, patches_forward};
pub use target::{Bits, Target, Tensor};

/// Values that a task's inputs should not exceed, so that they stay in the second-level cache.
const TASK_VALUES: usize = 48 * 1024;

/// Fewest tasks a thread should find in a step, where the work can be split that far.
const TASKS_PER_THREAD: usize = 2;
/// A panel of packed weights and the target it writes.
#[derive(Clone, Copy, Debug)]
pub struct PackedPanel {
    /// First value in the packed weights.
    pub offset: usize,
    pub vectors: usize,
    pub group: usize,
    pub target: usize,
}

/// Weights of one kernel call and the panels they form.
#[derive(Debug)]
pub struct Packed {
    pub values: Aligned,
    pub panels: Vec<PackedPanel>,
}

/// Normalization of a step's input.
#[derive(Clone, Debug)]
pub struct NormalizeSpec {
    pub scale: Arc<Aligned>,
    pub shift: Arc<Aligned>,
    pub relu: bool,
    pub bits: Option<Bits>,
    pub window: usize,
}

/// Window of a pooling step.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub count_include_pad: bool,
    /// First winner in the winners of one image, for max pooling.
    pub winners: usize,
}

impl Window {
    /// The window of a max pool of `kernel` pixels a side whose winners begin at `winners`.
    pub fn max(kernel: usize, stride: usize, padding: usize, winners: usize) -> Self {
        Self { kernel, stride, padding, count_include_pad: false, winners }
    }

    /// The window of an average pool.
    pub fn mean(kernel: usize, stride: usize, padding: usize, count_include_pad: bool) -> Self {
        Self { count_include_pad, ..Self::max(kernel, stride, padding, 0) }
    }
}

/// One kernel call over a whole batch.
#[derive(Clone, Debug)]
pub enum Step {
    Direct {
        sources: Vec<Tensor>,
        /// Source and column of the table of each tap.
        taps: Vec<(usize, Option<usize>)>,
        table: Arc<Vec<u32>>,
        columns: usize,
        /// Output pixel of each listed pixel; empty where they are the same.
        listed: Arc<Vec<u32>>,
        packed: Arc<Packed>,
        targets: Vec<Target>,
        before: Option<NormalizeSpec>,
    },
    Winograd {
        source: Tensor,
        target: Target,
        shape: TileShape,
        axes: [winograd::Axis; 2],
        padding: [usize; 2],
        packed: Arc<Packed>,
    },
    PatchesForward {
        image: Tensor,
        patches: Patches,
        target: Target,
        packed: Arc<Packed>,
    },
    PatchesBackward {
        source: Tensor,
        patches: Patches,
        image: Tensor,
        packed: Arc<Packed>,
    },
    Normalize {
        source: Tensor,
        target: Target,
        spec: NormalizeSpec,
    },
    Spread {
        source: Tensor,
        target: Target,
        window: usize,
    },
    MaxForward {
        source: Tensor,
        target: Target,
        window: Window,
    },
    MaxBackward {
        source: Tensor,
        target: Target,
        window: Window,
    },
    MeanForward {
        source: Tensor,
        target: Target,
        window: Window,
    },
    MeanBackward {
        source: Tensor,
        target: Target,
        window: Window,
    },
    GlobalMean {
        source: Tensor,
        target: Target,
    },
    GlobalSpread {
        source: Tensor,
        target: Target,
    },
    PadImage {
        image: Tensor,
        target: Tensor,
    },
    UnpadImage {
        source: Tensor,
        image: Tensor,
    },
    Mask {
        target: Target,
    },
    Zero {
        tensor: Tensor,
    },
}

/// What a pass wants of its steps.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// A gradient will follow: keep the bits of positive outputs.
    pub keep_bits: bool,
    /// Gradients pass each ReLU by the guided rule.
    pub guided: bool,
}

thread_local! {
    static SCRATCH: RefCell<Aligned> = RefCell::new(Aligned::default());
}

fn with_scratch(len: usize, work: impl FnOnce(&mut [f32])) {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.reserve(len);
        work(&mut scratch.as_mut_slice()[..len]);
    });
}

/// Runs `task` on consecutive ranges of `0..total`, each a multiple of `unit` long and near `wanted`.
fn parallel(total: usize, unit: usize, wanted: usize, task: impl Fn(usize, usize) + Sync) {
    let fair = total.div_ceil(rayon::current_num_threads() * TASKS_PER_THREAD);
    let len = wanted.min(fair).max(1).next_multiple_of(unit);
    (0..total.div_ceil(len)).into_par_iter().for_each(|index| task(index * len, ((index + 1) * len).min(total)));
}

impl Step {
    /// Runs the step on all images of `memory`, on the current rayon pool.
    #[expect(clippy::too_many_lines, reason = "one arm a step, each a call")]
    pub fn run(&self, kernels: &Kernels, memory: &mut Memory, mode: Mode) {
        let sizes = memory.sizes();
        self.tensors().iter().for_each(|tensor| tensor.check(sizes));
        let memory = memory.pointers();
        let memory = &memory;
        // SAFETY: all tensors were checked to lie in memory; a plan gives the source and target of a step disjoint
        // channels or buffers, and tasks disjoint pixels or channels of the target.
        unsafe {
            match self {
                Self::Direct { .. } => self.run_direct(kernels, memory, mode),
                Self::Winograd { .. } => self.run_winograd(kernels, memory, mode),
                Self::PatchesForward { image, patches, target, packed } => {
                    patches_forward(kernels, memory, mode, image, patches, target, packed);
                }
                Self::PatchesBackward { source, patches, image, packed } => {
                    patches_backward(kernels, memory, source, patches, image, packed);
                }
                Self::Normalize { source, target, spec } => {
                    let step = normalize(source, spec, memory);
                    let epilogue = Shared(target.epilogue(memory, mode));
                    let step = Shared(step);
                    let total = memory.batch * target.tensor.pixels();
                    parallel(total, 1, chunk(source.channels * spec.window * spec.window), |first, last| {
                        (kernels.normalize)(step.get(), epilogue.get(), first, last);
                    });
                }
                Self::Spread { source, target, window } => {
                    let step = Shared(Spread {
                        source: source.pointer(memory),
                        source_stride: source.stride,
                        groups: source.groups(),
                        input_px: target.tensor.px,
                        window: *window,
                    });
                    let epilogue = Shared(target.epilogue(memory, mode));
                    let total = memory.batch * source.pixels();
                    parallel(total, 1, chunk(source.channels * window * window), |first, last| {
                        (kernels.spread)(step.get(), epilogue.get(), first, last);
                    });
                }
                Self::MaxForward { source, target, window } => {
                    pool(kernels.max_forward, memory, mode, source, target, window, true);
                }
                Self::MaxBackward { source, target, window } => {
                    pool(kernels.max_backward, memory, mode, source, target, window, false);
                }
                Self::MeanForward { source, target, window } => {
                    pool(kernels.mean_forward, memory, mode, source, target, window, true);
                }
                Self::MeanBackward { source, target, window } => {
                    pool(kernels.mean_backward, memory, mode, source, target, window, false);
                }
                Self::GlobalMean { source, target } => {
                    let epilogue = target.epilogue(memory, mode);
                    let values = source.pointer(memory);
                    (kernels.global_mean)(
                        values,
                        source.stride,
                        source.groups(),
                        source.pixels(),
                        &epilogue,
                        0..memory.batch,
                    );
                }
                Self::GlobalSpread { source, target } => {
                    let epilogue = Shared(target.epilogue(memory, mode));
                    let values = Shared(source.pointer(memory));
                    let pixels = target.tensor.pixels();
                    parallel(memory.batch * pixels, 1, chunk(source.channels), |first, last| {
                        let values = *values.get();
                        let groups = source.groups();
                        (kernels.global_spread)(values, source.stride, groups, pixels, epilogue.get(), first, last);
                    });
                }
                Self::PadImage { image, target } => {
                    for pixel in 0..memory.batch * image.pixels() {
                        let to = target.pointer(memory).add(pixel * target.stride);
                        to.write_bytes(0, target.channels);
                        let from = image.pointer(memory).add(pixel * image.stride);
                        to.copy_from_nonoverlapping(from, image.channels);
                    }
                }
                Self::UnpadImage { source, image } => {
                    for pixel in 0..memory.batch * image.pixels() {
                        let from = source.pointer(memory).add(pixel * source.stride);
                        let to = image.pointer(memory).add(pixel * image.stride);
                        for channel in 0..image.channels {
                            *to.add(channel) += *from.add(channel);
                        }
                    }
                }
                Self::Mask { target } => {
                    let epilogue = Shared(target.epilogue(memory, mode));
                    let groups = target.tensor.groups();
                    let total = memory.batch * target.tensor.pixels();
                    parallel(total, 1, chunk(target.tensor.channels), |first, last| {
                        (kernels.mask)(epilogue.get(), groups, first, last);
                    });
                }
                Self::Zero { tensor } => {
                    let values = Shared(tensor.pointer(memory));
                    parallel(memory.batch * tensor.pixels(), 1, chunk(tensor.channels), |first, last| {
                        for pixel in first..last {
                            values.get().add(pixel * tensor.stride).write_bytes(0, tensor.channels);
                        }
                    });
                }
            }
        }
    }

    /// Every tensor the step reads or writes.
    pub fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        self.clone().for_each_tensor(|tensor| tensors.push(*tensor));
        tensors
    }

    /// Visits every tensor the step reads or writes.
    pub fn for_each_tensor(&mut self, mut visit: impl FnMut(&mut Tensor)) {
        match self {
            Self::Direct { sources, targets, .. } => {
                sources.iter_mut().for_each(&mut visit);
                for target in targets {
                    visit(&mut target.tensor);
                }
            }
            Self::Winograd { source, target, .. }
            | Self::Normalize { source, target, .. }
            | Self::Spread { source, target, .. }
            | Self::MaxForward { source, target, .. }
            | Self::MaxBackward { source, target, .. }
            | Self::MeanForward { source, target, .. }
            | Self::MeanBackward { source, target, .. }
            | Self::GlobalMean { source, target }
            | Self::GlobalSpread { source, target }
            | Self::PatchesForward { image: source, target, .. } => {
                visit(source);
                visit(&mut target.tensor);
            }
            Self::PatchesBackward { source, image, .. } | Self::UnpadImage { source, image } => {
                visit(source);
                visit(image);
            }
            Self::PadImage { image, target } => {
                visit(image);
                visit(target);
            }
            Self::Mask { target } => visit(&mut target.tensor),
            Self::Zero { tensor } => visit(tensor),
        }
    }
}

/// A value that threads read only.
struct Shared<T>(T);

// SAFETY: tasks read the description and write disjoint memory behind its pointers.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

/// Pixels of a task whose pixels have `channels` values.
fn chunk(channels: usize) -> usize {
    (TASK_VALUES / channels.max(1)).max(1)
}

unsafe fn normalize(source: &Tensor, spec: &NormalizeSpec, memory: &Pointers) -> Normalize {
    Normalize {
        // SAFETY: `Step::run` checked that the source lies in memory.
        source: unsafe { source.pointer(memory) },
        source_stride: source.stride,
        groups: source.groups(),
        scale: spec.scale.as_slice().as_ptr(),
        shift: spec.shift.as_slice().as_ptr(),
        relu: spec.relu,
        mask: Bits::pointer(spec.bits.as_ref(), memory).0,
        input_px: source.px,
        window: spec.window,
    }
}

unsafe fn pool(
    kernel: unsafe fn(&Pooling, usize, usize),
    memory: &Pointers,
    mode: Mode,
    source: &Tensor,
    target: &Target,
    window: &Window,
    forward: bool,
) {
    // SAFETY: `Step::run` checked that source and target lie in memory; a plan places as many winners there as a max
    // pool has outputs, and tasks write pixels of their own.
    unsafe {
        let (input, output) = if forward { (source, &target.tensor) } else { (&target.tensor, source) };
        let pooling = Shared(Pooling {
            source: source.pointer(memory),
            source_stride: source.stride,
            groups: source.groups(),
            input_px: input.px,
            output_px: output.px,
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding,
            winners: memory.winners.add(window.winners * memory.batch),
            count_include_pad: window.count_include_pad,
            epilogue: target.epilogue(memory, mode),
        });
        parallel(memory.batch * target.tensor.pixels(), 1, chunk(4 * source.channels), |first, last| {
            kernel(pooling.get(), first, last);
        });
    }
}
