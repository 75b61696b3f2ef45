//! Pooling in both directions. Backward passes gather: each input pixel sums over the windows that cover it, in
//! row-major order, so that threads never share a target and the order of summation is fixed.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Geometry and memory of one pooling layer. In a backward pass the roles of `source` and the epilogue's target turn.
pub(crate) struct Pooling {
    /// Values read: the input going forward, the gradient of the output going back.
    pub source: *const f32,
    /// Values from one read pixel to the next.
    pub source_stride: usize,
    pub groups: usize,
    pub input_px: [usize; 2],
    pub output_px: [usize; 2],
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Max pooling: which tap of its window won, one byte an output value, `[pixel][group * LANES]`.
    pub winners: *mut u8,
    /// Average pooling: divide by the whole window, border included.
    pub count_include_pad: bool,
    pub epilogue: Epilogue,
}

impl Pooling {
    /// Taps `first..last` of a window starting at `origin` that lie inside an axis of `length` pixels.
    #[inline(always)]
    fn inside(&self, origin: isize, length: usize) -> (usize, usize) {
        let first = (-origin).max(0) as usize;
        let last = (length as isize - origin).clamp(0, self.kernel as isize) as usize;
        (first, last)
    }

    /// Output positions `first..last` along one axis whose windows cover input position `at`.
    #[inline(always)]
    fn covering(&self, at: usize, outputs: usize) -> (usize, usize) {
        let at = at + self.padding;
        let first = if at < self.kernel { 0 } else { (at - self.kernel) / self.stride + 1 };
        (first, (at / self.stride + 1).min(outputs))
    }

    /// Weight of every tap of the window at output (y, x).
    #[inline(always)]
    fn share(&self, y: usize, x: usize) -> f32 {
        let origin = |at: usize| (at * self.stride) as isize - self.padding as isize;
        let count = if self.count_include_pad {
            self.kernel * self.kernel
        } else {
            let (top, bottom) = self.inside(origin(y), self.input_px[0]);
            let (left, right) = self.inside(origin(x), self.input_px[1]);
            (bottom - top) * (right - left)
        };
        1.0 / count as f32
    }
}

/// Image, row and column of a flat pixel number.
#[inline(always)]
fn place(pixel: usize, extent_px: [usize; 2]) -> (usize, usize, usize) {
    let in_image = extent_px[0] * extent_px[1];
    (pixel / in_image, pixel % in_image / extent_px[1], pixel % extent_px[1])
}

/// Max pooling of output pixels `first..last`; the first maximum of a window wins.
#[inline(always)]
pub(crate) unsafe fn max_forward<L: Lanes>(pool: &Pooling, first: usize, last: usize) {
    // SAFETY: the caller has the instruction set and describes live memory: every tap lies inside the input, `winners`
    // and the epilogue's target have room for every group of output pixels below `last`, and other tasks write other
    // pixels.
    unsafe {
        for pixel in first..last {
            let (image, y, x) = place(pixel, pool.output_px);
            let [height, width] = pool.input_px;
            let (top, left) = (
                (y * pool.stride) as isize - pool.padding as isize,
                (x * pool.stride) as isize - pool.padding as isize,
            );
            let (rows, columns) = (pool.inside(top, height), pool.inside(left, width));
            for group in 0..pool.groups {
                let mut best = L::splat(f32::NEG_INFINITY);
                let mut winner = [0u8; LANES];
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + (top + row as isize) as usize) * width
                            + (left + column as isize) as usize;
                        let value = L::load(pool.source.add(at * pool.source_stride + group * LANES));
                        let better = L::greater(value, best);
                        best = L::blend(better, value, best);
                        let tap = (row * pool.kernel + column) as u8;
                        for (lane, winner) in winner.iter_mut().enumerate() {
                            *winner = if better >> lane & 1 == 1 { tap } else { *winner };
                        }
                    }
                }
                let winners = pool.winners.add((pixel * pool.groups + group) * LANES);
                winners.cast::<[u8; LANES]>().write_unaligned(winner);
                pool.epilogue.apply::<L>(best, pixel, group);
            }
        }
    }
}

/// Gradient of max pooling for input pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn max_backward<L: Lanes>(pool: &Pooling, first: usize, last: usize) {
    // SAFETY: as above; windows that cover an input pixel lie inside the output, whose gradients and winners are read.
    unsafe {
        for pixel in first..last {
            let (image, y, x) = place(pixel, pool.input_px);
            let [height, width] = pool.output_px;
            let (rows, columns) = (pool.covering(y, height), pool.covering(x, width));
            for group in 0..pool.groups {
                let mut sum = L::splat(0.0);
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + row) * width + column;
                        let tap = (y + pool.padding - row * pool.stride) * pool.kernel
                            + (x + pool.padding - column * pool.stride);
                        let winners = pool.winners.add((at * pool.groups + group) * LANES);
                        let mask = L::equal_bytes(winners, tap as u8);
                        let gradient = L::load(pool.source.add(at * pool.source_stride + group * LANES));
                        sum = L::add(sum, L::keep(mask, gradient));
                    }
                }
                pool.epilogue.apply::<L>(sum, pixel, group);
            }
        }
    }
}

/// Average pooling of output pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn mean_forward<L: Lanes>(pool: &Pooling, first: usize, last: usize) {
    // SAFETY: as above, without winners.
    unsafe {
        for pixel in first..last {
            let (image, y, x) = place(pixel, pool.output_px);
            let [height, width] = pool.input_px;
            let (top, left) = (
                (y * pool.stride) as isize - pool.padding as isize,
                (x * pool.stride) as isize - pool.padding as isize,
            );
            let (rows, columns) = (pool.inside(top, height), pool.inside(left, width));
            let share = L::splat(pool.share(y, x));
            for group in 0..pool.groups {
                let mut sum = L::splat(0.0);
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + (top + row as isize) as usize) * width
                            + (left + column as isize) as usize;
                        sum = L::add(sum, L::load(pool.source.add(at * pool.source_stride + group * LANES)));
                    }
                }
                pool.epilogue.apply::<L>(L::mul(sum, share), pixel, group);
            }
        }
    }
}

/// Gradient of average pooling for input pixels `first..last`.
#[inline(always)]
pub(crate) unsafe fn mean_backward<L: Lanes>(pool: &Pooling, first: usize, last: usize) {
    // SAFETY: as above; windows that cover an input pixel lie inside the output, whose gradients are read.
    unsafe {
        for pixel in first..last {
            let (image, y, x) = place(pixel, pool.input_px);
            let [height, width] = pool.output_px;
            let (rows, columns) = (pool.covering(y, height), pool.covering(x, width));
            for group in 0..pool.groups {
                let mut sum = L::splat(0.0);
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + row) * width + column;
                        let gradient = L::load(pool.source.add(at * pool.source_stride + group * LANES));
                        sum = L::fma(gradient, L::splat(pool.share(row, column)), sum);
                    }
                }
                pool.epilogue.apply::<L>(sum, pixel, group);
            }
        }
    }
}
