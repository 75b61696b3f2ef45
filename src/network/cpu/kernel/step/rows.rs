//! Steps that write rows of values of their own before an epilogue sees them: large fully connected layers, and channels in
//! another order.

use std::fmt;
use std::sync::Arc;

use super::super::flat::Flat;
use super::super::isa::Kernels;
use super::super::memory::Pointers;
use super::super::pointwise::Spread;
use super::super::simd::LANES;
use super::{Mode, Shared, Target, Tensor, chunk, parallel, with_scratch};

/// Outputs of a task of a large fully connected layer.
const TASK_OUTPUTS: usize = 16;
/// Inputs of a task on the way back.
const TASK_INPUTS: usize = 2048;

/// Values that a step shares with whoever owns them.
#[derive(Clone)]
pub struct SharedValues(pub Arc<dyn AsRef<[f32]> + Send + Sync>);

impl fmt::Debug for SharedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedValues({})", (*self.0).as_ref().len())
    }
}

/// A fully connected layer on all values of an image.
#[derive(Clone, Debug)]
pub struct FlatSpec {
    /// `[out][channel][row][column]`.
    pub weights: SharedValues,
    /// Offset in the source of each channel.
    pub places: Arc<Vec<usize>>,
    /// A factor an output.
    pub scale: Arc<Vec<f32>>,
}

impl FlatSpec {
    /// The product over `images` images of `pixels` pixels; `source` is `[image][in]` or `[image][out]`.
    fn product<'a>(&'a self, source: &'a [f32], pixels: usize, images: usize) -> Flat<'a> {
        let inputs = self.places.len() * pixels;
        let weights = (*self.weights.0).as_ref();
        assert_eq!(weights.len(), inputs * self.scale.len(), "as many weights as inputs times outputs");
        Flat { weights, inputs, outputs: self.scale.len(), images, source }
    }
}

/// Sends rows of `target.tensor.channels` values, one a pixel from pixel `first` on, through the target's epilogue.
unsafe fn finish(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    rows: &[f32],
    target: &Target,
    (first, last): (usize, usize),
) {
    let width = target.tensor.channels;
    let spread = Spread {
        // The rows hold pixel `first` on, the kernel counts from pixel 0.
        source: rows.as_ptr().wrapping_sub(first * width),
        source_stride: width,
        groups: target.tensor.groups(),
        input_px: target.tensor.px,
        window: 1,
    };
    // SAFETY: the caller checked that the target lies in memory and gives a row for each pixel; addresses before the first
    // are only formed.
    unsafe { (kernels.spread)(&spread, &target.epilogue(kernels, memory, mode), first, last) };
}

pub(super) unsafe fn flat_forward(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    source: &Tensor,
    target: &Target,
    spec: &FlatSpec,
) {
    let (images, pixels) = (memory.batch, source.pixels());
    let inputs = spec.places.len() * pixels;
    let mut flattened = vec![0.0; images * inputs];
    // SAFETY: `Step::run` checked that source and target lie in memory; tasks write outputs of their own.
    unsafe {
        let values = source.pointer(memory);
        for (image, row) in flattened.chunks_exact_mut(inputs).enumerate() {
            for (plane, place) in row.chunks_exact_mut(pixels).zip(spec.places.iter()) {
                for (pixel, value) in plane.iter_mut().enumerate() {
                    *value = *values.add((image * pixels + pixel) * source.stride + place);
                }
            }
        }
        let flat = spec.product(&flattened, pixels, images);
        let outputs = flat.outputs;
        let mut sums = vec![0.0; images * outputs];
        let sums_at = Shared(sums.as_mut_ptr());
        parallel(outputs, 1, TASK_OUTPUTS, |first, last| {
            (kernels.flat_forward)(&flat, *sums_at.get(), first, last);
        });
        let width = target.tensor.channels;
        let mut rows = vec![0.0; images * width];
        for (row, sums) in rows.chunks_exact_mut(width).zip(sums.chunks_exact(outputs)) {
            for ((value, sum), scale) in row.iter_mut().zip(sums).zip(spec.scale.iter()) {
                *value = sum * scale;
            }
        }
        finish(kernels, memory, mode, &rows, target, (0, images));
    }
}

pub(super) unsafe fn flat_backward(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    source: &Tensor,
    target: &Target,
    spec: &FlatSpec,
) {
    let (images, pixels) = (memory.batch, target.tensor.pixels());
    let outputs = spec.scale.len();
    let mut gradients = vec![0.0; images * outputs];
    // SAFETY: as above; tasks write inputs or pixels of their own.
    unsafe {
        let values = source.pointer(memory);
        for (image, row) in gradients.chunks_exact_mut(outputs).enumerate() {
            for (output, (value, scale)) in row.iter_mut().zip(spec.scale.iter()).enumerate() {
                *value = *values.add(image * source.stride + output) * scale;
            }
        }
        let flat = spec.product(&gradients, pixels, images);
        let inputs = flat.inputs;
        let mut sums = vec![0.0; images * inputs];
        let sums_at = Shared(sums.as_mut_ptr());
        parallel(inputs, LANES, TASK_INPUTS, |first, last| {
            (kernels.flat_backward)(&flat, *sums_at.get(), first, last);
        });
        let width = target.tensor.channels;
        parallel(images * pixels, 1, chunk(width), |first, last| {
            with_scratch((last - first) * width, |rows| {
                rows.fill(0.0);
                for (pixel, row) in (first..last).zip(rows.chunks_exact_mut(width)) {
                    let image = &sums[pixel / pixels * inputs..][..inputs];
                    for (channel, place) in spec.places.iter().enumerate() {
                        row[*place] = image[channel * pixels + pixel % pixels];
                    }
                }
                finish(kernels, memory, mode, rows, target, (first, last));
            });
        });
    }
}

pub(super) unsafe fn rearrange(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    source: &Tensor,
    target: &Target,
    from: &[Option<usize>],
) {
    let width = target.tensor.channels;
    // SAFETY: as above.
    unsafe {
        let values = Shared(source.pointer(memory));
        parallel(memory.batch * source.pixels(), 1, chunk(width), |first, last| {
            with_scratch((last - first) * width, |rows| {
                for (pixel, row) in (first..last).zip(rows.chunks_exact_mut(width)) {
                    for (value, from) in row.iter_mut().zip(from) {
                        *value = from.map_or(0.0, |channel| *values.get().add(pixel * source.stride + channel));
                    }
                }
                finish(kernels, memory, mode, rows, target, (first, last));
            });
        });
    }
}
