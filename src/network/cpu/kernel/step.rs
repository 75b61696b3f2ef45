//! One step of a plan: which kernel, on which memory, split into which tasks.
//!
//! A task's sums never depend on how a step is split, so that results are the same for any number of threads and any
//! batch.

use std::cell::RefCell;
use std::sync::Arc;

use rayon::prelude::*;

use super::direct::{Direct, Panel, Source, Tap};
use super::epilogue::Epilogue;
use super::image::Patches;
use super::isa::{Kernels, TileShape};
use super::memory::{Aligned, Memory, Pointers, Sizes};
use super::pointwise::{Normalize, Spread};
use super::pool::Pooling;
use super::simd::LANES;
use super::winograd::{self, Winograd};

/// Values that a task's inputs should not exceed, so that they stay in the second-level cache.
const TASK_VALUES: usize = 48 * 1024;

/// Fewest tasks a thread should find in a step, where the work can be split that far.
const TASKS_PER_THREAD: usize = 2;

/// A range of channels of a buffer of one image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tensor {
    /// First value of the buffer in the memory of one image.
    pub(crate) offset: usize,
    /// Channels of the whole buffer.
    pub(crate) stride: usize,
    /// First channel of this tensor in its buffer.
    pub(crate) first: usize,
    /// Channels of this tensor.
    pub(crate) channels: usize,
    /// Height and width in pixels.
    pub(crate) px: [usize; 2],
}

impl Tensor {
    pub(crate) fn pixels(&self) -> usize {
        self.px[0] * self.px[1]
    }

    fn groups(&self) -> usize {
        self.channels / LANES
    }

    /// Checks that the tensor lies inside the memory of one image.
    fn check(&self, sizes: Sizes) {
        assert!(self.first + self.channels <= self.stride, "channels {self:?} lie in their buffer");
        assert!(self.offset + self.pixels() * self.stride <= sizes.values, "{self:?} lies in memory");
    }

    unsafe fn pointer(&self, memory: &Pointers) -> *mut f32 {
        unsafe { memory.values.add(self.offset * memory.batch + self.first) }
    }
}

/// ReLU bits of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits {
    /// First group of the plane in the bits of one image.
    pub(crate) offset: usize,
    /// Groups of the whole plane.
    pub(crate) stride: usize,
    /// First group of this tensor.
    pub(crate) first: usize,
}

impl Bits {
    fn pointer(bits: Option<&Self>, memory: &Pointers) -> (*mut u16, usize) {
        bits.map_or((std::ptr::null_mut(), 0), |bits| {
            // SAFETY: `Plan` places bit planes inside the memory it sizes.
            (unsafe { memory.bits.add(bits.offset * memory.batch + bits.first) }, bits.stride)
        })
    }
}

/// Where a step writes, and what happens on the way.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) tensor: Tensor,
    pub(crate) bias: Option<Arc<Aligned>>,
    pub(crate) relu: bool,
    pub(crate) mask_out: Option<Bits>,
    pub(crate) inner_mask: Option<Bits>,
    pub(crate) inner_scale: Option<Arc<Aligned>>,
    pub(crate) accumulate: bool,
    pub(crate) mask: Option<Bits>,
}

impl Target {
    /// Replaces what the tensor holds.
    pub(crate) fn store(tensor: Tensor) -> Self {
        Self {
            tensor,
            bias: None,
            relu: false,
            mask_out: None,
            inner_mask: None,
            inner_scale: None,
            accumulate: false,
            mask: None,
        }
    }

    unsafe fn epilogue(&self, memory: &Pointers, mode: Mode) -> Epilogue {
        let (mask_out, mask_out_stride) =
            if mode.keep_bits { Bits::pointer(self.mask_out.as_ref(), memory) } else { (std::ptr::null_mut(), 0) };
        let (inner_mask, inner_mask_stride) = Bits::pointer(self.inner_mask.as_ref(), memory);
        let (mask, mask_stride) = Bits::pointer(self.mask.as_ref(), memory);
        let values = |values: &Option<Arc<Aligned>>| {
            values.as_ref().map_or(std::ptr::null(), |values| values.as_slice().as_ptr())
        };
        Epilogue {
            bias: values(&self.bias),
            relu: self.relu,
            mask_out,
            mask_out_stride,
            inner_mask,
            inner_mask_stride,
            inner_scale: values(&self.inner_scale),
            accumulate: self.accumulate,
            mask,
            mask_stride,
            guided: mode.guided,
            ..Epilogue::store(unsafe { self.tensor.pointer(memory) }, self.tensor.stride)
        }
    }
}

/// A panel of packed weights and the target it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedPanel {
    /// First value in the packed weights.
    pub(crate) offset: usize,
    pub(crate) vectors: usize,
    pub(crate) group: usize,
    pub(crate) target: usize,
}

/// Weights of one kernel call and the panels they form.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) values: Aligned,
    pub(crate) panels: Vec<PackedPanel>,
}

/// Normalization of a step's input.
#[derive(Clone, Debug)]
pub(crate) struct NormalizeSpec {
    pub(crate) scale: Arc<Aligned>,
    pub(crate) shift: Arc<Aligned>,
    pub(crate) relu: bool,
    pub(crate) bits: Option<Bits>,
    pub(crate) window: usize,
}

/// Window of a pooling step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) count_include_pad: bool,
    /// First winner in the winners of one image, for max pooling.
    pub(crate) winners: usize,
}

/// One kernel call over a whole batch.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Direct {
        sources: Vec<Tensor>,
        /// Source and column of the table of each tap.
        taps: Vec<(usize, Option<usize>)>,
        table: Arc<Vec<i32>>,
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
pub(crate) struct Mode {
    /// A gradient will follow: keep the bits of positive outputs.
    pub(crate) keep_bits: bool,
    /// Gradients pass ReLUs by the guided rule.
    pub(crate) guided: bool,
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
    pub(crate) fn run(&self, kernels: &Kernels, memory: &mut Memory, mode: Mode) {
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
    pub(crate) fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        self.clone().for_each_tensor(|tensor| tensors.push(*tensor));
        tensors
    }

    /// Visits every tensor the step reads or writes.
    pub(crate) fn for_each_tensor(&mut self, mut visit: impl FnMut(&mut Tensor)) {
        match self {
            Self::Direct { sources, targets, .. } => {
                sources.iter_mut().for_each(&mut visit);
                targets.iter_mut().for_each(|target| visit(&mut target.tensor));
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

    unsafe fn run_direct(&self, kernels: &Kernels, memory: &Pointers, mode: Mode) {
        let Self::Direct { sources, taps, table, columns, listed, packed, targets, before } = self else {
            return;
        };
        unsafe {
            let taps: Vec<Tap> = taps.iter().map(|(source, column)| Tap { source: *source, column: *column }).collect();
            let described: Vec<Source> = sources
                .iter()
                .map(|tensor| Source {
                    values: tensor.pointer(memory),
                    stride: tensor.stride,
                    channels: tensor.channels,
                    image_pixels: tensor.pixels(),
                })
                .collect();
            let panels = address(packed);
            let epilogues: Vec<Epilogue> = targets.iter().map(|target| target.epilogue(memory, mode)).collect();
            let zeros = Aligned::zeros(sources.iter().map(|tensor| tensor.channels).max().unwrap_or(0));
            let target_pixels = targets[0].tensor.pixels();
            let listed_pixels = if listed.is_empty() { target_pixels } else { listed.len() };
            let conv = Direct {
                sources: &described,
                taps: &taps,
                table,
                columns: *columns,
                targets: listed,
                listed_pixels,
                target_pixels,
                panels: &panels,
                epilogues: &epilogues,
                zeros: zeros.as_slice().as_ptr(),
            };
            let total = memory.batch * listed_pixels;
            let channels: usize = sources.iter().map(|tensor| tensor.channels).sum();
            let len = chunk(channels).next_multiple_of(kernels.rows);
            if let Some(spec) = before {
                let source = &sources[0];
                let step = Shared(normalize(source, spec, memory));
                let conv = Shared(conv);
                parallel(total, kernels.rows, len, |first, last| {
                    with_scratch((last - first) * source.channels, |rows| {
                        (kernels.normalize_rows)(step.get(), first, last, rows.as_mut_ptr());
                        rows_product(kernels, conv.get(), rows.as_ptr(), source.channels, first, last);
                    });
                });
                return;
            }
            let conv = Shared(conv);
            // Few pixels: the panels are split as well.
            let fair = rayon::current_num_threads() * TASKS_PER_THREAD;
            let splits = fair.div_ceil(total.div_ceil(len)).min(panels.len()).max(1);
            let per_split = panels.len().div_ceil(splits);
            let len = if splits > 1 { len } else { len.min(total.div_ceil(fair).next_multiple_of(kernels.rows)) };
            let chunks = total.div_ceil(len);
            (0..chunks * splits).into_par_iter().for_each(|task| {
                let (chunk, split) = (task % chunks, task / chunks);
                let count = conv.get().panels.len();
                let panels = (split * per_split).min(count)..((split + 1) * per_split).min(count);
                (kernels.direct)(conv.get(), chunk * len, ((chunk + 1) * len).min(total), panels);
            });
        }
    }

    unsafe fn run_winograd(&self, kernels: &Kernels, memory: &Pointers, mode: Mode) {
        let Self::Winograd { source, target, shape, axes, padding, packed } = self else { return };
        unsafe {
            let tiles = [0, 1].map(|axis| target.tensor.px[axis].div_ceil(axes[axis].output));
            let panels = address(packed);
            let conv = Shared(Winograd {
                source: source.pointer(memory),
                source_stride: source.stride,
                channels: source.channels,
                source_px: source.px,
                target_px: target.tensor.px,
                padding: *padding,
                tiles,
                panels: &panels,
                epilogue: target.epilogue(memory, mode),
            });
            let positions = axes[0].input * axes[1].input;
            let wanted = (2 * TASK_VALUES / (positions * source.channels)).clamp(2 * kernels.rows, 8 * kernels.rows);
            let widest = panels.iter().map(|panel| panel.vectors).max().unwrap_or(1);
            let run = kernels.winograd(*shape);
            let total = memory.batch * tiles[0] * tiles[1];
            parallel(total, kernels.rows, wanted, |first, last| {
                let len = winograd::scratch_len(positions, last - first, kernels.rows, source.channels, widest);
                with_scratch(len, |scratch| run(conv.get(), first, last, 0..conv.get().panels.len(), scratch));
            });
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

fn address(packed: &Packed) -> Vec<Panel> {
    packed
        .panels
        .iter()
        .map(|panel| Panel {
            weights: packed.values.as_slice()[panel.offset..].as_ptr(),
            vectors: panel.vectors,
            epilogue: panel.target,
            group: panel.group,
        })
        .collect()
}

unsafe fn normalize(source: &Tensor, spec: &NormalizeSpec, memory: &Pointers) -> Normalize {
    Normalize {
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

/// A matrix product of `rows` (pixels `first..last`, `width` values each) with all panels of `conv`.
unsafe fn rows_product(
    kernels: &Kernels,
    conv: &Direct<'_>,
    rows: *const f32,
    width: usize,
    first: usize,
    last: usize,
) {
    unsafe {
        let source = [Source {
            // The rows hold pixel `first` on, the kernel counts from pixel 0.
            values: rows.wrapping_sub(first * width),
            stride: width,
            channels: width,
            image_pixels: conv.target_pixels,
        }];
        let taps = [Tap { source: 0, column: None }];
        let conv = Direct { sources: &source, taps: &taps, table: &[], columns: 0, targets: &[], ..*conv };
        (kernels.direct)(&conv, first, last, 0..conv.panels.len());
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

unsafe fn patches_forward(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    image: &Tensor,
    patches: &Patches,
    target: &Target,
    packed: &Packed,
) {
    unsafe {
        let images = std::slice::from_raw_parts(
            image.pointer(memory).cast_const(),
            memory.batch * image.pixels() * image.channels,
        );
        let panels = address(packed);
        let epilogues = [target.epilogue(memory, mode)];
        let pixels = target.tensor.pixels();
        let conv = Shared(rows_only(&panels, &epilogues, pixels));
        let len = patches.len();
        parallel(memory.batch * pixels, kernels.rows, chunk(len), |first, last| {
            with_scratch((last - first) * len, |rows| {
                patches.gather(images, first, last, rows);
                rows_product(kernels, conv.get(), rows.as_ptr(), len, first, last);
            });
        });
    }
}

unsafe fn patches_backward(
    kernels: &Kernels,
    memory: &Pointers,
    source: &Tensor,
    patches: &Patches,
    image: &Tensor,
    packed: &Packed,
) {
    unsafe {
        let panels = address(packed);
        let panels = Shared(panels);
        let [height, width] = image.px;
        let [_, columns] = source.px;
        let padded = patches.len().next_multiple_of(LANES);
        let bands = (2 * rayon::current_num_threads()).div_ceil(memory.batch).min(height);
        let rows_per_band = height.div_ceil(bands);
        let gradients = Shared(source.pointer(memory));
        let target = Shared(image.pointer(memory));
        (0..memory.batch * bands).into_par_iter().for_each(|task| {
            let (batch, band) = (task / bands, task % bands);
            let band = (band * rows_per_band).min(height)..((band + 1) * rows_per_band).min(height);
            let row_values = width * image.channels;
            let target = std::slice::from_raw_parts_mut(
                target.get().add((batch * height + band.start) * row_values),
                band.len() * row_values,
            );
            with_scratch(columns * padded, |rows| {
                for y in patches.touching(&band) {
                    let first = (batch * source.px[0] + y) * columns;
                    let epilogues = [Epilogue::store(rows.as_mut_ptr().wrapping_sub(first * padded), padded)];
                    let conv = rows_only(panels.get(), &epilogues, source.pixels());
                    let sources = [Source {
                        values: *gradients.get(),
                        stride: source.stride,
                        channels: source.channels,
                        image_pixels: source.pixels(),
                    }];
                    let taps = [Tap { source: 0, column: None }];
                    let conv = Direct { sources: &sources, taps: &taps, ..conv };
                    (kernels.direct)(&conv, first, first + columns, 0..conv.panels.len());
                    patches.scatter(rows, padded, (y, 0), &band, target);
                }
            });
        });
    }
}

/// A matrix product whose rows are filled in by the caller.
fn rows_only<'a>(panels: &'a [Panel], epilogues: &'a [Epilogue], pixels: usize) -> Direct<'a> {
    Direct {
        sources: &[],
        taps: &[],
        table: &[],
        columns: 0,
        targets: &[],
        listed_pixels: pixels,
        target_pixels: pixels,
        panels,
        epilogues,
        zeros: std::ptr::null(),
    }
}
