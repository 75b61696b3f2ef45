//! One step of a plan: which kernel, on which memory, split into which tasks.
//!
//! A task's sums never depend on how a step is split, so that results are the same for any number of threads and any
//! batch.

mod patches;
mod product;
mod rows;
mod target;

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;

use super::depthwise::{Depthwise, Lines};
use super::image::Patches;
use super::isa::{Kernels, TileShape};
use super::layer_norm::LayerNorm;
use super::memory::{Aligned, Memory, Pointers};
use super::pointwise::{Normalize, Spread};
use super::pool::Pooling;
use super::product::Values;
use super::simd::LANES;
use super::sparse::{Listed, Sparse};
use super::winograd;
use patches::{patches_backward, patches_forward};
pub use rows::{FlatSpec, SharedValues};
use rows::{flat_backward, flat_forward, rearrange};
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
    /// First channel and number of channels that it reads of its source; none reads all.
    pub window: Option<(usize, usize)>,
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
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Border before the first row and column.
    pub padding: [usize; 2],
    /// Rows and columns of the image with its border.
    pub bordered_px: [usize; 2],
    pub count_include_pad: bool,
    /// First winner in the winners of one image, for max pooling.
    pub winners: usize,
    /// The same of the winners' higher bytes, for windows of more than 256 pixels.
    pub high_winners: Option<usize>,
}

/// Layer normalization of a step's input.
#[derive(Clone, Debug)]
pub struct LayerNormSpec {
    /// 1 for each channel, 0 for padding.
    pub present: Arc<Aligned>,
    /// Channels without padding.
    pub channels: usize,
    pub weight: Arc<Aligned>,
    pub eps: f32,
    /// Keeps normalized values for the way back.
    pub normalized: Tensor,
    /// Keeps one factor a pixel for the way back.
    pub inverse: Tensor,
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
    /// Sums over all pixels, of products with a second tensor where there is one, times a factor.
    SumPixels {
        source: Tensor,
        second: Option<Tensor>,
        share: f32,
        target: Target,
    },
    GlobalSpread {
        source: Tensor,
        target: Target,
    },
    /// The product of two tensors, of which the second may have one pixel, plus a third one times a factor.
    Multiply {
        factors: [Tensor; 2],
        third: Option<(Tensor, f32)>,
        target: Target,
    },
    Depthwise {
        source: Tensor,
        target: Target,
        lines: Arc<[Lines; 2]>,
        /// Taps of a row of the kernel.
        columns: usize,
        packed: Arc<Packed>,
    },
    Sparse {
        source: Tensor,
        target: Target,
        listed: Arc<Listed>,
    },
    LayerNorm {
        source: Tensor,
        target: Target,
        spec: LayerNormSpec,
    },
    LayerNormBackward {
        source: Tensor,
        target: Target,
        spec: LayerNormSpec,
    },
    FlatForward {
        source: Tensor,
        target: Target,
        spec: FlatSpec,
    },
    FlatBackward {
        source: Tensor,
        target: Target,
        spec: FlatSpec,
    },
    /// Channels in another order: for each channel of the target the one of the source, or none.
    Rearrange {
        source: Tensor,
        target: Target,
        from: Arc<Vec<Option<usize>>>,
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
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
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
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
                    let total = memory.batch * source.pixels();
                    parallel(total, 1, chunk(source.channels * window * window), |first, last| {
                        (kernels.spread)(step.get(), epilogue.get(), first, last);
                    });
                }
                Self::MaxForward { source, target, window } => {
                    pool(kernels, kernels.max_forward, memory, mode, source, target, window, true);
                }
                Self::MaxBackward { source, target, window } => {
                    pool(kernels, kernels.max_backward, memory, mode, source, target, window, false);
                }
                Self::MeanForward { source, target, window } => {
                    pool(kernels, kernels.mean_forward, memory, mode, source, target, window, true);
                }
                Self::MeanBackward { source, target, window } => {
                    pool(kernels, kernels.mean_backward, memory, mode, source, target, window, false);
                }
                Self::SumPixels { source, second, share, target } => {
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
                    let values = Shared((values(source, memory), second.as_ref().map(|second| values(second, memory))));
                    let groups = source.groups();
                    let wanted = chunk(source.pixels() * LANES).max(4);
                    parallel(memory.batch * groups, 1, wanted, |first, last| {
                        let (source, second) = values.get();
                        (kernels.sum_pixels)(source, second.as_ref(), groups, *share, epilogue.get(), first, last);
                    });
                }
                Self::Multiply { factors, third, target } => {
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
                    let factors = Shared(factors.map(|factor| values(&factor, memory)));
                    let third = Shared(third.map(|(tensor, share)| (values(&tensor, memory), share)));
                    let size = (target.tensor.groups(), target.tensor.pixels());
                    let total = memory.batch * target.tensor.pixels();
                    parallel(total, 1, chunk(2 * target.tensor.channels), |first, last| {
                        (kernels.multiply)(factors.get(), third.get().as_ref(), size, epilogue.get(), first, last);
                    });
                }
                Self::Depthwise { source, target, lines, columns, packed } => {
                    let conv = Shared(Depthwise {
                        source: source.pointer(memory),
                        source_stride: source.stride,
                        groups: source.groups(),
                        source_px: source.px,
                        target_px: target.tensor.px,
                        lines,
                        columns: *columns,
                        weights: packed.values.as_slice().as_ptr(),
                        epilogue: target.epilogue(kernels, memory, mode),
                    });
                    let [height, width] = target.tensor.px;
                    let wanted = chunk(2 * width * source.channels);
                    parallel(memory.batch * height, 1, wanted, |first, last| {
                        (kernels.depthwise)(conv.get(), first, last);
                    });
                }
                Self::Sparse { source, target, listed } => {
                    let pixels = target.tensor.pixels();
                    let sums = Shared(Sparse {
                        source: source.pointer(memory),
                        source_stride: source.stride,
                        groups: source.groups(),
                        pixels: [source.pixels(), pixels],
                        listed,
                        epilogue: target.epilogue(kernels, memory, mode),
                    });
                    parallel(memory.batch * pixels, 1, chunk(2 * source.channels), |first, last| {
                        (kernels.sparse)(sums.get(), first, last);
                    });
                }
                Self::LayerNorm { source, target, spec } => {
                    let norm = Shared(layer_norm(kernels, source, target, spec, memory, mode, mode.keep_bits));
                    let total = memory.batch * source.pixels();
                    parallel(total, 1, chunk(source.channels), |first, last| {
                        (kernels.layer_norm)(norm.get(), first, last);
                    });
                }
                Self::LayerNormBackward { source, target, spec } => {
                    let norm = Shared(layer_norm(kernels, source, target, spec, memory, mode, true));
                    let total = memory.batch * source.pixels();
                    parallel(total, 1, chunk(source.channels), |first, last| {
                        (kernels.layer_norm_backward)(norm.get(), first, last);
                    });
                }
                Self::FlatForward { source, target, spec } => {
                    flat_forward(kernels, memory, mode, source, target, spec);
                }
                Self::FlatBackward { source, target, spec } => {
                    flat_backward(kernels, memory, mode, source, target, spec);
                }
                Self::Rearrange { source, target, from } => rearrange(kernels, memory, mode, source, target, from),
                Self::GlobalSpread { source, target } => {
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
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
                    let epilogue = Shared(target.epilogue(kernels, memory, mode));
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
                    target.for_each_tensor(&mut visit);
                }
            }
            Self::Winograd { source, target, .. }
            | Self::Normalize { source, target, .. }
            | Self::Spread { source, target, .. }
            | Self::MaxForward { source, target, .. }
            | Self::MaxBackward { source, target, .. }
            | Self::MeanForward { source, target, .. }
            | Self::MeanBackward { source, target, .. }
            | Self::GlobalSpread { source, target }
            | Self::Depthwise { source, target, .. }
            | Self::Sparse { source, target, .. }
            | Self::FlatForward { source, target, .. }
            | Self::FlatBackward { source, target, .. }
            | Self::Rearrange { source, target, .. }
            | Self::PatchesForward { image: source, target, .. } => {
                visit(source);
                target.for_each_tensor(&mut visit);
            }
            Self::SumPixels { source, second, target, .. } => {
                visit(source);
                second.iter_mut().for_each(&mut visit);
                target.for_each_tensor(&mut visit);
            }
            Self::Multiply { factors, third, target } => {
                factors.iter_mut().for_each(&mut visit);
                if let Some((tensor, _)) = third {
                    visit(tensor);
                }
                target.for_each_tensor(&mut visit);
            }
            Self::LayerNorm { source, target, spec } | Self::LayerNormBackward { source, target, spec } => {
                visit(source);
                visit(&mut spec.normalized);
                visit(&mut spec.inverse);
                target.for_each_tensor(&mut visit);
            }
            Self::PatchesBackward { source, image, .. } | Self::UnpadImage { source, image } => {
                visit(source);
                visit(image);
            }
            Self::PadImage { image, target } => {
                visit(image);
                visit(target);
            }
            Self::Mask { target } => target.for_each_tensor(&mut visit),
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

/// Where a tensor's values lie.
unsafe fn values(tensor: &Tensor, memory: &Pointers) -> Values {
    // SAFETY: `Step::run` checked that the tensor lies in memory.
    Values { start: unsafe { tensor.pointer(memory) }, stride: tensor.stride, pixels: tensor.pixels() }
}

unsafe fn layer_norm(
    kernels: &Kernels,
    source: &Tensor,
    target: &Target,
    spec: &LayerNormSpec,
    memory: &Pointers,
    mode: Mode,
    kept: bool,
) -> LayerNorm {
    // SAFETY: `Step::run` checked that all tensors lie in memory.
    unsafe {
        let kept = |tensor: &Tensor| if kept { tensor.pointer(memory) } else { std::ptr::null_mut() };
        LayerNorm {
            source: source.pointer(memory),
            source_stride: source.stride,
            groups: source.groups(),
            present: spec.present.as_slice().as_ptr(),
            channels: spec.channels,
            weight: spec.weight.as_slice().as_ptr(),
            eps: spec.eps,
            normalized: kept(&spec.normalized),
            inverse: kept(&spec.inverse),
            epilogue: target.epilogue(kernels, memory, mode),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site a pass; a struct would only rename them")]
unsafe fn pool(
    kernels: &Kernels,
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
            high_winners: window
                .high_winners
                .map_or(std::ptr::null_mut(), |winners| memory.winners.add(winners * memory.batch)),
            count_include_pad: window.count_include_pad,
            bordered_px: window.bordered_px,
            epilogue: target.epilogue(kernels, memory, mode),
        });
        parallel(memory.batch * target.tensor.pixels(), 1, chunk(4 * source.channels), |first, last| {
            kernel(pooling.get(), first, last);
        });
    }
}
