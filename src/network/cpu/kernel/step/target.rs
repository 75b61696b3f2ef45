//! Where steps read and write.

use std::sync::Arc;

use super::super::epilogue::Epilogue;
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
    pub relu: bool,
    pub mask_out: Option<Bits>,
    pub inner_mask: Option<Bits>,
    pub inner_scale: Option<Arc<Aligned>>,
    pub accumulate: bool,
    pub mask: Option<Bits>,
}

impl Target {
    /// Replaces what the tensor holds.
    pub fn store(tensor: Tensor) -> Self {
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

    pub(super) unsafe fn epilogue(&self, memory: &Pointers, mode: Mode) -> Epilogue {
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
            // SAFETY: the caller's promise is handed on.
            ..Epilogue::store(unsafe { self.tensor.pointer(memory) }, self.tensor.stride)
        }
    }
}
