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
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Border before the first row and column.
    pub padding: [usize; 2],
    /// Max pooling: which tap of its window won, one byte an output value, `[pixel][group * LANES]`.
    pub winners: *mut u8,
    /// The tap's higher byte, where windows have more than 256 pixels; else null.
    pub high_winners: *mut u8,
    /// Average pooling: divide by the pixels of image and border under the window instead of those of the image.
    pub count_include_pad: bool,
    /// Rows and columns of the image with its border.
    pub bordered_px: [usize; 2],
    pub epilogue: Epilogue,
}

impl Pooling {
    /// First pixel under the window at output position `at` along an axis; negative in the border.
    #[inline(always)]
    fn origin(&self, axis: usize, at: usize) -> isize {
        (at * self.stride[axis]) as isize - self.padding[axis] as isize
    }

    /// Taps `first..last` of a window starting at `origin` that lie inside the image along an axis.
    #[inline(always)]
    fn inside(&self, axis: usize, origin: isize) -> (usize, usize) {
        let first = (-origin).max(0) as usize;
        let last = (self.input_px[axis] as isize - origin).clamp(0, self.kernel[axis] as isize) as usize;
        (first, last)
    }

    /// Output positions `first..last` along an axis whose windows cover input position `at`.
    #[inline(always)]
    fn covering(&self, axis: usize, at: usize) -> (usize, usize) {
        let at = at + self.padding[axis];
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        let first = if at < kernel { 0 } else { (at - kernel) / stride + 1 };
        (first, (at / stride + 1).min(self.output_px[axis]))
    }

    /// Weight of every tap of the window at output (y, x).
    #[inline(always)]
    fn share(&self, y: usize, x: usize) -> f32 {
        let counted = |axis: usize, at: usize| {
            if self.count_include_pad {
                let start = at * self.stride[axis];
                (start + self.kernel[axis]).min(self.bordered_px[axis]) - start
            } else {
                let (first, last) = self.inside(axis, self.origin(axis, at));
                last - first
            }
        };
        1.0 / (counted(0, y) * counted(1, x)) as f32
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
            let (top, left) = (pool.origin(0, y), pool.origin(1, x));
            let (rows, columns) = (pool.inside(0, top), pool.inside(1, left));
            for group in 0..pool.groups {
                let mut best = L::splat(f32::NEG_INFINITY);
                let mut winner = [0u8; LANES];
                let mut high_winner = [0u8; LANES];
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + (top + row as isize) as usize) * width
                            + (left + column as isize) as usize;
                        let value = L::load(pool.source.add(at * pool.source_stride + group * LANES));
                        let better = L::greater(value, best);
                        best = L::blend(better, value, best);
                        let tap = row * pool.kernel[1] + column;
                        for (lane, winner) in winner.iter_mut().enumerate() {
                            *winner = if better >> lane & 1 == 1 { tap as u8 } else { *winner };
                        }
                        if !pool.high_winners.is_null() {
                            for (lane, winner) in high_winner.iter_mut().enumerate() {
                                *winner = if better >> lane & 1 == 1 { (tap >> 8) as u8 } else { *winner };
                            }
                        }
                    }
                }
                let at = (pixel * pool.groups + group) * LANES;
                pool.winners.add(at).cast::<[u8; LANES]>().write_unaligned(winner);
                if !pool.high_winners.is_null() {
                    pool.high_winners.add(at).cast::<[u8; LANES]>().write_unaligned(high_winner);
                }
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
            let (rows, columns) = (pool.covering(0, y), pool.covering(1, x));
            for group in 0..pool.groups {
                let mut sum = L::splat(0.0);
                for row in rows.0..rows.1 {
                    for column in columns.0..columns.1 {
                        let at = (image * height + row) * width + column;
                        let tap = (y + pool.padding[0] - row * pool.stride[0]) * pool.kernel[1]
                            + (x + pool.padding[1] - column * pool.stride[1]);
                        let winner = (at * pool.groups + group) * LANES;
                        let mut mask = L::equal_bytes(pool.winners.add(winner), tap as u8);
                        if !pool.high_winners.is_null() {
                            mask &= L::equal_bytes(pool.high_winners.add(winner), (tap >> 8) as u8);
                        }
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
            let (top, left) = (pool.origin(0, y), pool.origin(1, x));
            let (rows, columns) = (pool.inside(0, top), pool.inside(1, left));
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
            let (rows, columns) = (pool.covering(0, y), pool.covering(1, x));
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
