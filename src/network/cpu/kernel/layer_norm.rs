//! Normalization of every pixel over its channels (Ba et al. 2016), and its way back.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Geometry and memory of one layer normalization.
pub(crate) struct LayerNorm {
    /// Values read: the input going forward, the gradient of the output going back.
    pub source: *const f32,
    pub source_stride: usize,
    pub groups: usize,
    /// 1 for each channel, 0 for padding.
    pub present: *const f32,
    /// Channels without padding.
    pub channels: usize,
    pub weight: *const f32,
    pub eps: f32,
    /// `(x - mean) / sqrt(variance + eps)`, `[pixel][group * LANES]`; null where no gradient follows.
    pub normalized: *mut f32,
    /// `1 / sqrt(variance + eps)`, one a pixel; null where no gradient follows.
    pub inverse: *mut f32,
    pub epilogue: Epilogue,
}

/// The sum of the lanes, lane 0 first.
#[inline(always)]
unsafe fn sum<L: Lanes>(value: L::F) -> f32 {
    let mut lanes = [0.0f32; LANES];
    // SAFETY: the caller has the instruction set; there is room for sixteen values.
    unsafe { L::store(lanes.as_mut_ptr(), value) };
    lanes.iter().sum()
}

/// Normalizes pixels `first..last`; the offset is the epilogue's bias.
#[inline(always)]
pub(crate) unsafe fn forward<L: Lanes>(norm: &LayerNorm, first: usize, last: usize) {
    // SAFETY: the caller has the instruction set and describes live memory; other tasks write other pixels.
    unsafe {
        let share = 1.0 / norm.channels as f32;
        for pixel in first..last {
            let source = norm.source.add(pixel * norm.source_stride);
            let mut total = L::splat(0.0);
            for group in 0..norm.groups {
                let present = L::load(norm.present.add(group * LANES));
                total = L::fma(L::load(source.add(group * LANES)), present, total);
            }
            let mean = L::splat(sum::<L>(total) * share);
            let mut squares = L::splat(0.0);
            for group in 0..norm.groups {
                let present = L::load(norm.present.add(group * LANES));
                let distance = L::mul(L::sub(L::load(source.add(group * LANES)), mean), present);
                squares = L::fma(distance, distance, squares);
            }
            let inverse = 1.0 / (sum::<L>(squares) * share + norm.eps).sqrt();
            if !norm.inverse.is_null() {
                *norm.inverse.add(pixel) = inverse;
            }
            let inverse = L::splat(inverse);
            for group in 0..norm.groups {
                let present = L::load(norm.present.add(group * LANES));
                let distance = L::mul(L::sub(L::load(source.add(group * LANES)), mean), present);
                let normalized = L::mul(distance, inverse);
                if !norm.normalized.is_null() {
                    L::store(norm.normalized.add((pixel * norm.groups + group) * LANES), normalized);
                }
                let value = L::mul(normalized, L::load(norm.weight.add(group * LANES)));
                norm.epilogue.apply::<L>(value, pixel, group);
            }
        }
    }
}

/// `inverse * (g w - mean(g w) - normalized * mean(g w * normalized))` for pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn backward<L: Lanes>(norm: &LayerNorm, first: usize, last: usize) {
    // SAFETY: as above; a forward pass filled what was kept.
    unsafe {
        let share = 1.0 / norm.channels as f32;
        for pixel in first..last {
            let source = norm.source.add(pixel * norm.source_stride);
            let (mut total, mut along) = (L::splat(0.0), L::splat(0.0));
            for group in 0..norm.groups {
                let gradient = L::mul(L::load(source.add(group * LANES)), L::load(norm.weight.add(group * LANES)));
                let normalized = L::load(norm.normalized.add((pixel * norm.groups + group) * LANES));
                total = L::add(total, gradient);
                along = L::fma(gradient, normalized, along);
            }
            let mean = L::splat(sum::<L>(total) * share);
            let along = L::splat(-(sum::<L>(along) * share));
            let inverse = L::splat(*norm.inverse.add(pixel));
            for group in 0..norm.groups {
                let gradient = L::mul(L::load(source.add(group * LANES)), L::load(norm.weight.add(group * LANES)));
                let normalized = L::load(norm.normalized.add((pixel * norm.groups + group) * LANES));
                let value = L::fma(normalized, along, L::sub(gradient, mean));
                norm.epilogue.apply::<L>(L::mul(value, inverse), pixel, group);
            }
        }
    }
}
