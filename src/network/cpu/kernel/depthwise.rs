//! Convolutions whose channels do not mix: one kernel a channel.
//!
//! A sum runs over the taps in row-major order whatever pixels are computed together, so that equal neighbourhoods give
//! equal bits.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// A convolution of every channel by itself. Going back with a stride, `source` is the gradient of the output.
pub(crate) struct Depthwise<'a> {
    pub source: *const f32,
    /// Values from one source pixel to the next.
    pub source_stride: usize,
    pub groups: usize,
    pub source_px: [usize; 2],
    pub target_px: [usize; 2],
    /// Taps that each target row and column sums over, and the source row or column under each.
    pub lines: &'a [Lines; 2],
    /// Taps of a row of the kernel.
    pub columns: usize,
    /// `[tap][group * LANES]`.
    pub weights: *const f32,
    pub epilogue: Epilogue,
}

/// For one axis: which taps reach each target position and from where.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// `(tap, source position)`, all positions one after the other, taps ascending.
    pub taps: Vec<(u32, u32)>,
    /// First entry of each target position, and the end.
    pub starts: Vec<u32>,
    /// From each target position on how many, `period` apart, have the same taps, each `step` source positions further.
    pub runs: Vec<u32>,
    pub period: usize,
    pub step: usize,
}

impl Lines {
    /// Going forward: tap `t` of output `o` lies over input `o * stride + t * dilation - padding`.
    pub fn forward(taps: usize, stride: usize, dilation: usize, padding: usize, input: usize, output: usize) -> Self {
        let place = |at: usize, tap: usize| (at * stride + tap * dilation).checked_sub(padding).filter(|p| *p < input);
        Self::new(taps, output, (1, stride), place)
    }

    /// Going back: tap `t` leads from output `o` to input `o * stride + t * dilation - padding`.
    pub fn backward(taps: usize, stride: usize, dilation: usize, padding: usize, input: usize, output: usize) -> Self {
        let place = |at: usize, tap: usize| {
            let position = (at + padding).checked_sub(tap * dilation)?;
            (position % stride == 0 && position / stride < output).then_some(position / stride)
        };
        Self::new(taps, input, (stride, 1), place)
    }

    fn new(
        taps: usize,
        targets: usize,
        (period, step): (usize, usize),
        place: impl Fn(usize, usize) -> Option<usize>,
    ) -> Self {
        let mut lines = Self { period, step, starts: vec![0], runs: vec![1; targets], ..Self::default() };
        for at in 0..targets {
            lines.taps.extend((0..taps).filter_map(|tap| Some((tap as u32, place(at, tap)? as u32))));
            lines.starts.push(lines.taps.len() as u32);
        }
        for at in (0..targets.saturating_sub(period)).rev() {
            let moved = lines.of(at).iter().map(|(tap, source)| (*tap, source + step as u32));
            if moved.eq(lines.of(at + period).iter().copied()) {
                lines.runs[at] = lines.runs[at + period] + 1;
            }
        }
        lines
    }

    /// `(tap, source position)` of one target position.
    #[inline(always)]
    fn of(&self, at: usize) -> &[(u32, u32)] {
        &self.taps[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// Computes rows `first..last`, counted over all images.
#[inline(always)]
pub(crate) unsafe fn depthwise<L: Lanes, const WIDE: usize>(conv: &Depthwise<'_>, first: usize, last: usize) {
    // SAFETY: the caller has the instruction set and describes live memory: lines name source pixels, weights all taps,
    // and other tasks write other rows of the target.
    unsafe {
        let [height, width] = conv.target_px;
        let columns = &conv.lines[1];
        for row in first..last {
            let (image, y) = (row / height, row % height);
            for phase in 0..columns.period.min(width) {
                let mut x = phase;
                while x < width {
                    let count = match columns.runs[x] as usize {
                        run if run >= WIDE => WIDE,
                        4.. => 4,
                        2.. => 2,
                        _ => 1,
                    };
                    for group in 0..conv.groups {
                        if count == WIDE {
                            pixels::<L, WIDE>(conv, image, y, x, group);
                        } else if count == 4 {
                            pixels::<L, 4>(conv, image, y, x, group);
                        } else if count == 2 {
                            pixels::<L, 2>(conv, image, y, x, group);
                        } else {
                            pixels::<L, 1>(conv, image, y, x, group);
                        }
                    }
                    x += count * columns.period;
                }
            }
        }
    }
}

/// `COUNT` pixels of a row, a period apart, over all of which the same taps lie.
#[inline(always)]
unsafe fn pixels<L: Lanes, const COUNT: usize>(conv: &Depthwise<'_>, image: usize, y: usize, x: usize, group: usize) {
    // SAFETY: as above; the run from `x` on has at least `COUNT` columns.
    unsafe {
        let step = conv.lines[1].step * conv.source_stride;
        let width = conv.groups * LANES;
        let base = image * conv.source_px[0] * conv.source_px[1];
        let columns = conv.lines[1].of(x);
        let mut sums = [L::splat(0.0); COUNT];
        for (tap_row, source_row) in conv.lines[0].of(y) {
            let row = base + *source_row as usize * conv.source_px[1];
            for (tap_column, source_column) in columns {
                let tap = *tap_row as usize * conv.columns + *tap_column as usize;
                let weight = L::load(conv.weights.add(tap * width + group * LANES));
                let values = conv.source.add((row + *source_column as usize) * conv.source_stride + group * LANES);
                for index in 0..COUNT {
                    sums[index] = L::fma(L::load(values.add(index * step)), weight, sums[index]);
                }
            }
        }
        let mut finished = [[0.0f32; LANES]; COUNT];
        for index in 0..COUNT {
            L::store(finished[index].as_mut_ptr(), sums[index]);
        }
        let pixel = (image * conv.target_px[0] + y) * conv.target_px[1] + x;
        for (index, sum) in finished.iter().enumerate() {
            conv.epilogue.apply::<L>(L::load(sum.as_ptr()), pixel + index * conv.lines[1].period, group);
        }
    }
}
