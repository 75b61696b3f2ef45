//! Steps that touch each value alone: normalization with ReLU (and the mean over small windows behind it), copies,
//! masks, and the gathering of rows for matrix products.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// `max(x * scale + shift, 0)` per channel, with the bits of positive results kept for the gradient.
pub(crate) struct Normalize {
    pub source: *const f32,
    pub source_stride: usize,
    pub groups: usize,
    pub scale: *const f32,
    pub shift: *const f32,
    pub relu: bool,
    /// Bits of positive results, `[source pixel][group]`; null without ReLU.
    pub mask: *mut u16,
    /// Input height and width in pixels.
    pub input_px: [usize; 2],
    /// Side of the window averaged behind it; 1 for none.
    pub window: usize,
}

#[inline(always)]
unsafe fn normalized<L: Lanes>(step: &Normalize, pixel: usize, group: usize) -> L::F {
    // SAFETY: the caller has the instruction set and describes live memory: `pixel` and `group` lie inside the source,
    // scale, shift and bits, and other tasks write the bits of other pixels.
    unsafe {
        let value = L::load(step.source.add(pixel * step.source_stride + group * LANES));
        let scale = L::load(step.scale.add(group * LANES));
        let shift = L::load(step.shift.add(group * LANES));
        let value = L::fma(value, scale, shift);
        if step.relu {
            let zero = L::splat(0.0);
            *step.mask.add(pixel * step.groups + group) = L::greater(value, zero);
            L::keep(!L::greater(zero, value), value)
        } else {
            value
        }
    }
}

/// Input pixels under the window of output pixel `pixel`: first one and values per row.
#[inline(always)]
fn window_origin(input_px: [usize; 2], window: usize, pixel: usize) -> usize {
    let [height, width] = input_px;
    let (rows, columns) = (height / window, width / window);
    let (image, y, x) = (pixel / (rows * columns), pixel % (rows * columns) / columns, pixel % columns);
    (image * height + y * window) * width + x * window
}

/// Normalized rows of output pixels `first..last`, written without gaps to `rows`.
#[inline(always)]
pub(crate) unsafe fn normalize_rows<L: Lanes>(step: &Normalize, first: usize, last: usize, rows: *mut f32) {
    // SAFETY: as above; `rows` has room for the groups of `last - first` pixels.
    unsafe {
        for pixel in first..last {
            let row = rows.add((pixel - first) * step.groups * LANES);
            for group in 0..step.groups {
                L::store(row.add(group * LANES), normalized::<L>(step, pixel, group));
            }
        }
    }
}

/// Normalization of output pixels `first..last` into a tensor.
#[inline(always)]
pub(crate) unsafe fn normalize<L: Lanes>(step: &Normalize, target: &Epilogue, first: usize, last: usize) {
    // SAFETY: as above for every pixel under the window of an output pixel, which lies inside the target.
    unsafe {
        if step.window == 1 {
            for pixel in first..last {
                for group in 0..step.groups {
                    target.apply::<L>(normalized::<L>(step, pixel, group), pixel, group);
                }
            }
            return;
        }
        let share = L::splat(1.0 / (step.window * step.window) as f32);
        for pixel in first..last {
            let origin = window_origin(step.input_px, step.window, pixel);
            for group in 0..step.groups {
                let mut sum = L::splat(0.0);
                for row in 0..step.window {
                    for column in 0..step.window {
                        let at = origin + row * step.input_px[1] + column;
                        sum = L::add(sum, normalized::<L>(step, at, group));
                    }
                }
                target.apply::<L>(L::mul(sum, share), pixel, group);
            }
        }
    }
}

/// Sends gradients of output pixels `first..last` back to every input pixel under their windows.
#[inline(always)]
pub(crate) unsafe fn spread<L: Lanes>(spread: &Spread, target: &Epilogue, first: usize, last: usize) {
    // SAFETY: as above; every pixel under the window of a source pixel lies inside the target, and windows do not
    // overlap.
    unsafe {
        let share = L::splat(1.0 / (spread.window * spread.window) as f32);
        for pixel in first..last {
            let origin = window_origin(spread.input_px, spread.window, pixel);
            for group in 0..spread.groups {
                let gradient = L::load(spread.source.add(pixel * spread.source_stride + group * LANES));
                let gradient = if spread.window == 1 { gradient } else { L::mul(gradient, share) };
                for row in 0..spread.window {
                    for column in 0..spread.window {
                        target.apply::<L>(gradient, origin + row * spread.input_px[1] + column, group);
                    }
                }
            }
        }
    }
}

/// A tensor whose pixels each stand for a window of another one; window 1 is a plain copy.
pub(crate) struct Spread {
    pub source: *const f32,
    pub source_stride: usize,
    pub groups: usize,
    pub input_px: [usize; 2],
    pub window: usize,
}

/// Applies a ReLU's mask or a curve's derivatives in place to pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn mask<L: Lanes>(target: &Epilogue, groups: usize, first: usize, last: usize) {
    // SAFETY: as above; a task reads and writes its own pixels of the target in place.
    unsafe {
        for pixel in first..last {
            for group in 0..groups {
                let at = target.target.add(pixel * target.stride + group * LANES);
                target.apply::<L>(L::load(at), pixel, group);
            }
        }
    }
}

/// Sends the gradient of a global mean back to pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn global_spread<L: Lanes>(
    source: *const f32,
    stride: usize,
    groups: usize,
    pixels: usize,
    target: &Epilogue,
    first: usize,
    last: usize,
) {
    // SAFETY: as above; every image has one pixel in the source and `pixels` in the target.
    unsafe {
        let share = L::splat(1.0 / pixels as f32);
        for pixel in first..last {
            for group in 0..groups {
                let gradient = L::load(source.add(pixel / pixels * stride + group * LANES));
                target.apply::<L>(L::mul(gradient, share), pixel, group);
            }
        }
    }
}
