//! Memory of one pass: values or gradients, ReLU bits, max-pool winners.

use memmap2::MmapMut;

use super::simd::LANES;

/// One cache line of values.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Blocks of at least this many bytes are mapped, in large pages where the system has them: passes touch hundreds of
/// megabytes, far more than small pages can be looked up quickly.
const MAPPED_BYTES: usize = 4 << 20;

/// `f32` values that start on a cache line, so that no vector load crosses one.
#[derive(Debug)]
pub struct Aligned {
    block: Block,
    len: usize,
}

#[derive(Debug)]
enum Block {
    Heap(Vec<Line>),
    Mapped(MmapMut),
}

impl Default for Aligned {
    fn default() -> Self {
        Self { block: Block::Heap(Vec::new()), len: 0 }
    }
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<f32>();
        if bytes >= MAPPED_BYTES
            && let Ok(pages) = MmapMut::map_anon(bytes)
        {
            // A wish: without large pages everything works, slower.
            #[cfg(target_os = "linux")]
            let _ = pages.advise(memmap2::Advice::HugePage);
            return Self { block: Block::Mapped(pages), len };
        }
        Self { block: Block::Heap(vec![Line([0.0; LANES]); len.div_ceil(LANES)]), len }
    }

    pub fn from_slice(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.as_mut_slice().copy_from_slice(values);
        aligned
    }

    /// Grows to at least `len` values; what they hold is unspecified.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len {
            // The old values go first, so that both are never there at once.
            *self = Self::default();
            *self = Self::zeros(len);
        }
    }

    pub fn as_slice(&self) -> &[f32] {
        let start = match &self.block {
            Block::Heap(lines) => lines.as_ptr().cast(),
            Block::Mapped(pages) => pages.as_ptr().cast(),
        };
        // SAFETY: both blocks hold at least `len` f32, zeroed when made, without gaps; a page is aligned to more than a
        // line.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let start = match &mut self.block {
            Block::Heap(lines) => lines.as_mut_ptr().cast(),
            Block::Mapped(pages) => pages.as_mut_ptr().cast(),
        };
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

/// How much memory one image takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// `f32` values; forward and backward passes use the same ones in turn.
    pub values: usize,
    /// The first of these values, which a forward pass leaves for the way back.
    pub kept: usize,
    /// Groups of sixteen ReLU bits.
    pub bits: usize,
    /// Max-pool winners.
    pub winners: usize,
}

/// Memory for a batch of `batch` images.
#[derive(Debug, Default)]
pub struct Memory {
    pub batch: usize,
    sizes: Sizes,
    values: Aligned,
    bits: Vec<u16>,
    winners: Vec<u8>,
}

impl Memory {
    /// Makes room for `batch` images of `sizes`; what the memory holds is unspecified.
    pub fn prepare(&mut self, sizes: Sizes, batch: usize) {
        self.batch = batch;
        self.sizes = sizes;
        self.values.reserve(sizes.values * batch);
        self.bits.resize(self.bits.len().max(sizes.bits * batch), 0);
        self.winners.resize(self.winners.len().max(sizes.winners * batch), 0);
    }

    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub fn values(&self) -> &[f32] {
        self.values.as_slice()
    }

    pub fn values_mut(&mut self) -> &mut [f32] {
        self.values.as_mut_slice()
    }

    /// ReLU bits of all images.
    pub fn bits(&self) -> &[u16] {
        &self.bits[..self.sizes.bits * self.batch]
    }

    /// Max-pool winners of all images.
    pub fn winners(&self) -> &[u8] {
        &self.winners[..self.sizes.winners * self.batch]
    }

    /// Values of all images that a forward pass left for the way back.
    pub fn kept(&self) -> &[f32] {
        &self.values.as_slice()[..self.sizes.kept * self.batch]
    }

    /// Puts back kept values, bits and winners of a batch of this size.
    pub fn restore(&mut self, kept: &[f32], bits: &[u16], winners: &[u8]) {
        self.values.as_mut_slice()[..kept.len()].copy_from_slice(kept);
        self.bits[..bits.len()].copy_from_slice(bits);
        self.winners[..winners.len()].copy_from_slice(winners);
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
