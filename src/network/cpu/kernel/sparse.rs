//! Sums over listed pixels: borders of zeros, repeated pixels, means over windows of any size, forward and backward.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// For every target pixel the source pixels that it sums, each with a factor, in the order of the sum.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    pub entries: Vec<(u32, f32)>,
    /// First entry of each target pixel, and the end.
    pub starts: Vec<u32>,
}

impl Listed {
    /// From the entries of each target pixel in turn.
    pub fn new(pixels: impl Iterator<Item = Vec<(u32, f32)>>) -> Self {
        let mut listed = Self { entries: Vec::new(), starts: vec![0] };
        for pixel in pixels {
            listed.entries.extend(pixel);
            listed.starts.push(listed.entries.len() as u32);
        }
        listed
    }

    /// The same sums the other way: what each of `sources` source pixels gave to whom.
    #[must_use]
    pub fn transposed(&self, sources: usize) -> Self {
        let mut given = vec![Vec::new(); sources];
        for (target, range) in self.starts.windows(2).enumerate() {
            for (source, factor) in &self.entries[range[0] as usize..range[1] as usize] {
                given[*source as usize].push((target as u32, *factor));
            }
        }
        Self::new(given.into_iter())
    }
}

pub(crate) struct Sparse<'a> {
    pub source: *const f32,
    pub source_stride: usize,
    pub groups: usize,
    /// Pixels of one image in source and target.
    pub pixels: [usize; 2],
    pub listed: &'a Listed,
    pub epilogue: Epilogue,
}

/// Sums target pixels `first..last`, counted over all images.
#[inline(always)]
pub(crate) unsafe fn sparse<L: Lanes>(sums: &Sparse<'_>, first: usize, last: usize) {
    // SAFETY: the caller has the instruction set and describes live memory in which all listed pixels lie; other tasks
    // write other pixels.
    unsafe {
        let [sources, targets] = sums.pixels;
        for pixel in first..last {
            let (image, at) = (pixel / targets, pixel % targets);
            let range = sums.listed.starts[at] as usize..sums.listed.starts[at + 1] as usize;
            let entries = &sums.listed.entries[range];
            for group in 0..sums.groups {
                let mut sum = L::splat(0.0);
                for (source, factor) in entries {
                    let from = (image * sources + *source as usize) * sums.source_stride + group * LANES;
                    sum = L::fma(L::load(sums.source.add(from)), L::splat(*factor), sum);
                }
                sums.epilogue.apply::<L>(sum, pixel, group);
            }
        }
    }
}
