//! Pooling of planes `[h, w]` and its gradients.

use std::ops::Range;

use super::super::super::op::Pool;

/// The windows over a plane of `[height, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pool: Pool,
    in_px: [usize; 2],
    out_px: [usize; 2],
}

impl Windows {
    pub(super) fn new(pool: Pool, in_px: [usize; 2], out_px: [usize; 2]) -> Self {
        Self { pool, in_px, out_px }
    }

    /// Pixels of one axis under output pixel `at`.
    fn span(&self, axis: usize, at: usize) -> Range<usize> {
        let start = at * self.pool.stride[axis];
        let end = (start + self.pool.kernel[axis] - self.pool.padding.before[axis]).min(self.in_px[axis]);
        start.saturating_sub(self.pool.padding.before[axis])..end
    }

    /// Calls `visit` with each output pixel and the spans of rows and columns under it.
    fn each(&self, mut visit: impl FnMut(usize, Range<usize>, Range<usize>)) {
        for y in 0..self.out_px[0] {
            let rows = self.span(0, y);
            for x in 0..self.out_px[1] {
                visit(y * self.out_px[1] + x, rows.clone(), self.span(1, x));
            }
        }
    }

    /// Position of the first maximum, row-major.
    fn winner(&self, plane: &[f32], rows: Range<usize>, columns: Range<usize>) -> usize {
        let width = self.in_px[1];
        let mut best = rows.start * width + columns.start;
        for y in rows {
            for (x, value) in plane[y * width..(y + 1) * width][columns.clone()].iter().enumerate() {
                if *value > plane[best] {
                    best = y * width + columns.start + x;
                }
            }
        }
        best
    }

    /// Largest value of every window.
    pub(super) fn max(&self, plane: &[f32], out: &mut [f32]) {
        self.each(|at, rows, columns| out[at] = plane[self.winner(plane, rows, columns)]);
    }

    /// Adds the gradient of [`Windows::max`] to `target`.
    pub(super) fn max_gradient(&self, plane: &[f32], gradient: &[f32], target: &mut [f32]) {
        self.each(|at, rows, columns| target[self.winner(plane, rows, columns)] += gradient[at]);
    }

    fn share(&self, rows: &Range<usize>, columns: &Range<usize>, count_include_pad: bool) -> f32 {
        let count =
            if count_include_pad { self.pool.kernel[0] * self.pool.kernel[1] } else { rows.len() * columns.len() };
        1.0 / count as f32
    }

    /// Mean of every window.
    pub(super) fn mean(&self, plane: &[f32], count_include_pad: bool, out: &mut [f32]) {
        let width = self.in_px[1];
        self.each(|at, rows, columns| {
            let share = self.share(&rows, &columns, count_include_pad);
            let row_sum = |y: usize| plane[y * width + columns.start..y * width + columns.end].iter().sum::<f32>();
            out[at] = rows.map(row_sum).sum::<f32>() * share;
        });
    }

    /// Adds the gradient of [`Windows::mean`] to `target`.
    pub(super) fn mean_gradient(&self, gradient: &[f32], count_include_pad: bool, target: &mut [f32]) {
        let width = self.in_px[1];
        self.each(|at, rows, columns| {
            let value = gradient[at] * self.share(&rows, &columns, count_include_pad);
            for y in rows {
                for pixel in &mut target[y * width + columns.start..y * width + columns.end] {
                    *pixel += value;
                }
            }
        });
    }
}
