//! What happens to sixteen finished sums before they reach memory.

use super::simd::{LANES, Lanes};

/// Destination of a kernel's sums and the steps on the way, in this order: bias, ReLU, inner mask, inner scale,
/// accumulation, mask.
///
/// Values lie at `pixel * stride + group * LANES`, mask bits at `pixel * mask_stride + group`. Null pointers skip a step.
#[derive(Clone, Copy)]
pub struct Epilogue {
    pub target: *mut f32,
    /// Values from one pixel to the next.
    pub stride: usize,
    /// Added to the sums, one value a channel.
    pub bias: *const f32,
    pub relu: bool,
    /// Receives the bits of positive outputs.
    pub mask_out: *mut u16,
    pub mask_out_stride: usize,
    /// Gradient through a ReLU that lies between this tensor and the sums (pre-activation networks).
    pub inner_mask: *const u16,
    pub inner_mask_stride: usize,
    /// Factor of the normalization before that ReLU, one value a channel.
    pub inner_scale: *const f32,
    /// Adds to what the target holds instead of replacing it.
    pub accumulate: bool,
    /// Gradient through the ReLU that produced this tensor.
    pub mask: *const u16,
    pub mask_stride: usize,
    /// Both masks let positive gradients pass only.
    pub guided: bool,
}

impl Epilogue {
    /// Stores sums as they are.
    pub fn store(target: *mut f32, stride: usize) -> Self {
        Self {
            target,
            stride,
            bias: std::ptr::null(),
            relu: false,
            mask_out: std::ptr::null_mut(),
            mask_out_stride: 0,
            inner_mask: std::ptr::null(),
            inner_mask_stride: 0,
            inner_scale: std::ptr::null(),
            accumulate: false,
            mask: std::ptr::null(),
            mask_stride: 0,
            guided: false,
        }
    }

    /// Finishes the sums of one pixel and channel group.
    #[inline(always)]
    pub unsafe fn apply<L: Lanes>(&self, sums: L::F, pixel: usize, group: usize) {
        // SAFETY: the caller has the instruction set; every address that is not null describes live memory in which
        // `pixel` and `group` lie, and other tasks write other pixels or groups.
        unsafe {
            let zero = L::splat(0.0);
            let mut value = sums;
            if !self.bias.is_null() {
                value = L::add(value, L::load(self.bias.add(group * LANES)));
            }
            if self.relu {
                if !self.mask_out.is_null() {
                    *self.mask_out.add(pixel * self.mask_out_stride + group) = L::greater(value, zero);
                }
                // Keeps NaN, as PyTorch does.
                value = L::keep(!L::greater(zero, value), value);
            }
            if !self.inner_mask.is_null() {
                let mask = *self.inner_mask.add(pixel * self.inner_mask_stride + group);
                value = pass::<L>(mask, self.guided, value);
            }
            if !self.inner_scale.is_null() {
                value = L::mul(value, L::load(self.inner_scale.add(group * LANES)));
            }
            let target = self.target.add(pixel * self.stride + group * LANES);
            if self.accumulate {
                value = L::add(value, L::load(target));
            }
            if !self.mask.is_null() {
                value = pass::<L>(*self.mask.add(pixel * self.mask_stride + group), self.guided, value);
            }
            L::store(target, value);
        }
    }
}

/// A gradient behind a ReLU whose outputs were positive where `mask` has bits.
#[inline(always)]
pub(crate) unsafe fn pass<L: Lanes>(mask: u16, guided: bool, gradient: L::F) -> L::F {
    // SAFETY: the caller has the instruction set; no address is read.
    unsafe {
        let mask = if guided { mask & L::greater(gradient, L::splat(0.0)) } else { mask };
        L::keep(mask, gradient)
    }
}
