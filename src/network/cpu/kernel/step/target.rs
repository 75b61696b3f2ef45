//! Where steps read and write.

use std::sync::Arc;

use super::super::epilogue::{Curved, Epilogue};
use super::super::function::Activation;
use super::super::isa::Kernels;
use super::super::memory::{Aligned, Pointers, Sizes};
use super::super::simd::LANES;
use super::Mode;

/// A range of channels of a buffer of one image.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// First value of the buffer in the memory of one image.
    pub offset: usize,
    /// Channels of the whole buffer.
    pub stride: usize,
    /// First channel of this tensor in its buffer.
    pub first: usize,
    /// Channels of this tensor.
    pub channels: usize,
    /// Height and width in pixels.
    pub px: [usize; 2],
}

impl Tensor {
    pub fn pixels(&self) -> usize {
        self.px[0] * self.px[1]
    }

    pub(super) fn groups(&self) -> usize {
        self.channels / LANES
    }

    /// Checks that the tensor lies inside the memory of one image.
    pub(super) fn check(&self, sizes: Sizes) {
        assert!(self.first + self.channels <= self.stride, "channels {self:?} lie in their buffer");
        assert!(self.offset + self.pixels() * self.stride <= sizes.values, "{self:?} lies in memory");
    }

    pub(super) unsafe fn pointer(&self, memory: &Pointers) -> *mut f32 {
        // SAFETY: `Step::run` checked that the tensor lies in the memory of one image, of which there are `batch`.
        unsafe { memory.values.add(self.offset * memory.batch + self.first) }
    }
}

/// ReLU bits of a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    /// First group of the plane in the bits of one image.
    pub offset: usize,
    /// Groups of the whole plane.
    pub stride: usize,
    /// First group of this tensor.
    pub first: usize,
}

impl Bits {
    pub(super) fn pointer(bits: Option<&Self>, memory: &Pointers) -> (*mut u16, usize) {
        bits.map_or((std::ptr::null_mut(), 0), |bits| {
            // SAFETY: `Plan` places bit planes inside the memory it sizes.
            (unsafe { memory.bits.add(bits.offset * memory.batch + bits.first) }, bits.stride)
        })
    }
}

/// Where a step writes, and what happens on the way.
#[derive(Clone, Debug)]
pub struct Target {
    pub tensor: Tensor,
    pub bias: Option<Arc<Aligned>>,
    pub activation: Option<Activation>,
    /// Receives the bits of a gate.
    pub mask_out: Option<Bits>,
    /// Receives the derivatives of a curve.
    pub slope_out: Option<Tensor>,
    pub inner_mask: Option<Bits>,
    pub inner_slope: Option<Tensor>,
    pub inner_scale: Option<Arc<Aligned>>,
    /// Added before the activation; the tensor itself to add to what it holds.
    pub addend: Option<Tensor>,
    pub mask: Option<Bits>,
    pub slope: Option<Tensor>,
}

impl Target {
    /// Replaces what the tensor holds.
    pub fn store(tensor: Tensor) -> Self {
        Self {
            tensor,
            bias: None,
            activation: None,
            mask_out: None,
            slope_out: None,
            inner_mask: None,
            inner_slope: None,
            inner_scale: None,
            addend: None,
            mask: None,
            slope: None,
        }
    }

    /// Visits every tensor it reads or writes.
    pub(super) fn for_each_tensor(&mut self, visit: &mut impl FnMut(&mut Tensor)) {
        visit(&mut self.tensor);
        let others = [&mut self.slope_out, &mut self.inner_slope, &mut self.addend, &mut self.slope];
        others.into_iter().flatten().for_each(visit);
    }

    pub(super) unsafe fn epilogue(&self, kernels: &Kernels, memory: &Pointers, mode: Mode) -> Epilogue {
        let (mask_out, mask_out_stride) =
            if mode.keep_bits { Bits::pointer(self.mask_out.as_ref(), memory) } else { (std::ptr::null_mut(), 0) };
        let (inner_mask, inner_mask_stride) = Bits::pointer(self.inner_mask.as_ref(), memory);
        let (mask, mask_stride) = Bits::pointer(self.mask.as_ref(), memory);
        let values = |values: &Option<Arc<Aligned>>| {
            values.as_ref().map_or(std::ptr::null(), |values| values.as_slice().as_ptr())
        };
        let at = |tensor: Option<&Tensor>| {
            // SAFETY: the caller's promise is handed on.
            tensor.map_or((std::ptr::null_mut(), 0), |tensor| (unsafe { tensor.pointer(memory) }, tensor.stride))
        };
        let (relu, high, curve) = match self.activation {
            None => (false, f32::INFINITY, None),
            Some(Activation::Gate { high }) => (true, high, None),
            Some(Activation::Curve(curve)) => (false, f32::INFINITY, Some((kernels.activate, curve))),
        };
        let curved = curve.is_some() || self.inner_slope.is_some() || self.slope.is_some();
        let (slope_out, slope_out_stride) = at(self.slope_out.as_ref().filter(|_| mode.keep_bits));
        let (inner_slope, inner_slope_stride) = at(self.inner_slope.as_ref());
        let (slope, slope_stride) = at(self.slope.as_ref());
        let (addend, addend_stride) = at(self.addend.as_ref());
        Epilogue {
            bias: values(&self.bias),
            relu,
            high,
            mask_out,
            mask_out_stride,
            inner_mask,
            inner_mask_stride,
            inner_scale: values(&self.inner_scale),
            addend,
            addend_stride,
            mask,
            mask_stride,
            guided: mode.guided,
            curved: curved.then_some(Curved {
                curve,
                slope_out,
                slope_out_stride,
                inner_slope,
                inner_slope_stride,
                slope,
                slope_stride,
            }),
            // SAFETY: the caller's promise is handed on.
            ..Epilogue::store(unsafe { self.tensor.pointer(memory) }, self.tensor.stride)
        }
    }
}
