//! What happens to sixteen finished sums before they reach memory.

use super::function::Curve;
use super::simd::{LANES, Lanes};

/// Replaces sixteen values by a curve's and writes its derivatives where the second pointer is not null.
pub(crate) type Activate = unsafe fn(&Curve, *mut f32, *mut f32);

/// Destination of a kernel's sums and the steps on the way, in this order: bias, inner mask, inner scale, addend, gate or
/// curve, mask.
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
    /// Largest value that the ReLU lets through; infinite for none.
    pub high: f32,
    /// Receives the bits of outputs that the ReLU let through as they were.
    pub mask_out: *mut u16,
    pub mask_out_stride: usize,
    /// Gradient through a ReLU that lies between this tensor and the sums (pre-activation networks).
    pub inner_mask: *const u16,
    pub inner_mask_stride: usize,
    /// Factor of the normalization before that ReLU, one value a channel.
    pub inner_scale: *const f32,
    /// Added before it is stored: another tensor, or what the target holds.
    pub addend: *const f32,
    pub addend_stride: usize,
    /// Gradient through the ReLU that produced this tensor.
    pub mask: *const u16,
    pub mask_stride: usize,
    /// Both masks let positive gradients pass only.
    pub guided: bool,
    /// What curves need; apart, because most networks have none.
    pub curved: Option<Curved>,
}

/// A curve in place of the ReLU, or derivatives of curves in place of masks. Addresses as in [`Epilogue`].
#[derive(Clone, Copy)]
pub struct Curved {
    pub curve: Option<(Activate, Curve)>,
    /// Receives the curve's derivatives.
    pub slope_out: *mut f32,
    pub slope_out_stride: usize,
    /// Derivatives in place of the inner mask.
    pub inner_slope: *const f32,
    pub inner_slope_stride: usize,
    /// Derivatives in place of the mask.
    pub slope: *const f32,
    pub slope_stride: usize,
}

impl Epilogue {
    /// Stores sums as they are.
    pub fn store(target: *mut f32, stride: usize) -> Self {
        Self {
            target,
            stride,
            bias: std::ptr::null(),
            relu: false,
            high: f32::INFINITY,
            mask_out: std::ptr::null_mut(),
            mask_out_stride: 0,
            inner_mask: std::ptr::null(),
            inner_mask_stride: 0,
            inner_scale: std::ptr::null(),
            addend: std::ptr::null(),
            addend_stride: 0,
            mask: std::ptr::null(),
            mask_stride: 0,
            guided: false,
            curved: None,
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
            if !self.inner_mask.is_null() {
                let mask = *self.inner_mask.add(pixel * self.inner_mask_stride + group);
                value = pass::<L>(mask, self.guided, value);
            }
            if let Some(curved) = &self.curved
                && !curved.inner_slope.is_null()
            {
                let slope = curved.inner_slope.add(pixel * curved.inner_slope_stride + group * LANES);
                value = L::mul(value, L::load(slope));
            }
            if !self.inner_scale.is_null() {
                value = L::mul(value, L::load(self.inner_scale.add(group * LANES)));
            }
            let target = self.target.add(pixel * self.stride + group * LANES);
            if !self.addend.is_null() {
                value = L::add(value, L::load(self.addend.add(pixel * self.addend_stride + group * LANES)));
            }
            if self.relu {
                let mut bits = L::greater(value, zero);
                // Keeps NaN, as PyTorch does.
                value = L::keep(!L::greater(zero, value), value);
                if self.high < f32::INFINITY {
                    let high = L::splat(self.high);
                    bits &= L::greater(high, value);
                    value = L::blend(L::greater(value, high), high, value);
                }
                if !self.mask_out.is_null() {
                    *self.mask_out.add(pixel * self.mask_out_stride + group) = bits;
                }
            }
            if !self.mask.is_null() {
                value = pass::<L>(*self.mask.add(pixel * self.mask_stride + group), self.guided, value);
            }
            if let Some(curved) = &self.curved {
                if !curved.slope.is_null() {
                    let slope = curved.slope.add(pixel * curved.slope_stride + group * LANES);
                    value = L::mul(value, L::load(slope));
                }
                if let Some((activate, curve)) = &curved.curve {
                    L::store(target, value);
                    let slopes = if curved.slope_out.is_null() {
                        std::ptr::null_mut()
                    } else {
                        curved.slope_out.add(pixel * curved.slope_out_stride + group * LANES)
                    };
                    activate(curve, target, slopes);
                    return;
                }
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
