//! Pooling of planes `[h, w]` and its gradients.

use std::ops::Range;

use super::super::super::op::{Pool, adaptive_window};

/// How windows lie over a plane.
#[derive(Clone, Copy, Debug)]
enum Spans {
    Pool(Pool),
    /// As equal as can be.
    Adaptive,
}

/// The windows over a plane of `[height, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    spans: Spans,
    in_px: [usize; 2],
    out_px: [usize; 2],
}

impl Windows {
    pub(super) fn new(pool: Pool, in_px: [usize; 2], out_px: [usize; 2]) -> Self {
        Self { spans: Spans::Pool(pool), in_px, out_px }
    }

    /// Those of an adaptive pool.
    pub(super) fn adaptive(in_px: [usize; 2], out_px: [usize; 2]) -> Self {
        Self { spans: Spans::Adaptive, in_px, out_px }
    }

    /// Pixels of one axis under output pixel `at`, and how many a mean divides by.
    fn span(&self, axis: usize, at: usize, count_include_pad: bool) -> (Range<usize>, usize) {
        match self.spans {
            Spans::Pool(pool) => pool.window(axis, at, self.in_px[axis], count_include_pad),
            Spans::Adaptive => {
                let window = adaptive_window(at, self.in_px[axis], self.out_px[axis]);
                (window.clone(), window.len())
            }
        }
    }

    /// Calls `visit` with each output pixel and the spans of rows and columns under it.
    fn each(&self, mut visit: impl FnMut(usize, Range<usize>, Range<usize>)) {
        for y in 0..self.out_px[0] {
            let (rows, _) = self.span(0, y, false);
            for x in 0..self.out_px[1] {
                visit(y * self.out_px[1] + x, rows.clone(), self.span(1, x, false).0);
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

    /// What each pixel of the window under output pixel `at` counts in its mean.
    fn share(&self, at: usize, count_include_pad: bool) -> f32 {
        let (y, x) = (at / self.out_px[1], at % self.out_px[1]);
        let (_, rows) = self.span(0, y, count_include_pad);
        let (_, columns) = self.span(1, x, count_include_pad);
        1.0 / (rows * columns) as f32
    }

    /// Mean of every window.
    pub(super) fn mean(&self, plane: &[f32], count_include_pad: bool, out: &mut [f32]) {
        let width = self.in_px[1];
        self.each(|at, rows, columns| {
            let share = self.share(at, count_include_pad);
            let row_sum = |y: usize| plane[y * width + columns.start..y * width + columns.end].iter().sum::<f32>();
            out[at] = rows.map(row_sum).sum::<f32>() * share;
        });
    }

    /// Adds the gradient of [`Windows::mean`] to `target`.
    pub(super) fn mean_gradient(&self, gradient: &[f32], count_include_pad: bool, target: &mut [f32]) {
        let width = self.in_px[1];
        self.each(|at, rows, columns| {
            let value = gradient[at] * self.share(at, count_include_pad);
            for y in rows {
                for pixel in &mut target[y * width + columns.start..y * width + columns.end] {
                    *pixel += value;
                }
            }
        });
    }
}
