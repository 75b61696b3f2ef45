//! The first convolution, patch by patch.

use rayon::prelude::*;

use super::super::direct::{Direct, Source, Tap};
use super::super::epilogue::Epilogue;
use super::super::image::Patches;
use super::super::isa::Kernels;
use super::super::memory::Pointers;
use super::super::simd::LANES;
use super::product::{address, rows_only, rows_product};
use super::{Mode, Packed, Shared, Target, Tensor, chunk, parallel, with_scratch};

pub(super) unsafe fn patches_forward(
    kernels: &Kernels,
    memory: &Pointers,
    mode: Mode,
    image: &Tensor,
    patches: &Patches,
    target: &Target,
    packed: &Packed,
) {
    // SAFETY: `Step::run` checked that image and target lie in memory; the image is read only, rows are this thread's
    // scratch, and tasks write pixels of their own.
    unsafe {
        let images = std::slice::from_raw_parts(
            image.pointer(memory).cast_const(),
            memory.batch * image.pixels() * image.channels,
        );
        let panels = address(packed);
        let epilogues = [target.epilogue(kernels, memory, mode)];
        let pixels = target.tensor.pixels();
        let conv = Shared(rows_only(&panels, &epilogues, pixels));
        let len = patches.patch_len();
        parallel(memory.batch * pixels, kernels.rows, chunk(len), |first, last| {
            with_scratch((last - first) * len, |rows| {
                patches.gather(images, first, last, rows);
                rows_product(kernels, conv.get(), rows.as_ptr(), len, first, last);
            });
        });
    }
}

pub(super) unsafe fn patches_backward(
    kernels: &Kernels,
    memory: &Pointers,
    source: &Tensor,
    patches: &Patches,
    image: &Tensor,
    packed: &Packed,
) {
    // SAFETY: `Step::run` checked that source and image lie in memory; a task writes the rows of its own band of one
    // image, and the rows of gradients are this thread's scratch. Addresses before its start are only formed, never
    // touched.
    unsafe {
        let panels = address(packed);
        let panels = Shared(panels);
        let [height, width] = image.px;
        let [_, columns] = source.px;
        let padded = patches.patch_len().next_multiple_of(LANES);
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
