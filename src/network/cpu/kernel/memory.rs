//! Memory of one pass: values or gradients, ReLU bits, max-pool winners.

use super::simd::LANES;

/// One cache line of values.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// `f32` values that start on a cache line, so that no vector load crosses one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; LANES]); len.div_ceil(LANES)], len }
    }

    pub(crate) fn from_slice(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.as_mut_slice().copy_from_slice(values);
        aligned
    }

    /// Grows to at least `len` values; what they hold is unspecified.
    pub(crate) fn reserve(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeros(len);
        }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: lines are `len` rounded up to whole lines of f32, without gaps between them (size 64, align 64).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// How much memory one image takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// `f32` values; forward and backward passes use the same ones in turn.
    pub(crate) values: usize,
    /// Groups of sixteen ReLU bits.
    pub(crate) bits: usize,
    /// Max-pool winners.
    pub(crate) winners: usize,
}

/// Memory for a batch of `batch` images.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) batch: usize,
    sizes: Sizes,
    values: Aligned,
    bits: Vec<u16>,
    winners: Vec<u8>,
}

impl Memory {
    pub(crate) fn new(sizes: Sizes, batch: usize) -> Self {
        Self {
            batch,
            sizes,
            values: Aligned::zeros(sizes.values * batch),
            bits: vec![0; sizes.bits * batch],
            winners: vec![0; sizes.winners * batch],
        }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(crate) fn values(&self) -> &[f32] {
        self.values.as_slice()
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.values.as_mut_slice()
    }

    pub(super) fn pointers(&mut self) -> Pointers {
        Pointers {
            values: self.values.as_mut_slice().as_mut_ptr(),
            bits: self.bits.as_mut_ptr(),
            winners: self.winners.as_mut_ptr(),
            batch: self.batch,
        }
    }
}

/// Addresses of a [`Memory`], shared by the threads of one step, which write disjoint parts.
#[derive(Clone, Copy)]
pub(super) struct Pointers {
    pub(super) values: *mut f32,
    pub(super) bits: *mut u16,
    pub(super) winners: *mut u8,
    pub(super) batch: usize,
}

// SAFETY: the steps of a plan give every task its own pixels and channels to write, and read only what earlier steps
// finished.
unsafe impl Send for Pointers {}
// SAFETY: as above.
unsafe impl Sync for Pointers {}
