//! Fully connected layers on values `[c, n, h, w]`; results and their gradients are `[out, n]`.

use std::borrow::Cow;

use rayon::prelude::*;

/// Products summed in one run; longer rows are sums of such.
const STRETCH: usize = 2048;

/// Inputs whose gradients a task computes.
const PART: usize = 64;

/// What one layer reads.
pub(super) struct Inputs<'a> {
    /// `[c * h * w, n]`
    values: Cow<'a, [f32]>,
    images: usize,
}

impl<'a> Inputs<'a> {
    /// Of values `[c, n, h, w]` with `plane` pixels an image.
    pub(super) fn new(x: &'a [f32], images: usize, plane: usize) -> Self {
        let values = if plane == 1 {
            Cow::Borrowed(x)
        } else {
            let mut values = vec![0.0; x.len()];
            exchange(x, images, plane, |at, from| values[at] = x[from]);
            Cow::Owned(values)
        };
        Self { values, images }
    }

    fn count(&self) -> usize {
        self.values.len() / self.images
    }

    /// `out = weight * inputs + bias`; weight is `[out, c * h * w]`, bias `[out]` or empty.
    pub(super) fn forward(&self, weight: &[f32], bias: &[f32], out: &mut [f32]) {
        let rows = out.par_chunks_exact_mut(self.images).zip(weight.par_chunks_exact(self.count()));
        rows.enumerate().for_each(|(row, (target, weight))| {
            target.fill(bias.get(row).copied().unwrap_or(0.0));
            let mut part = vec![0.0; self.images];
            for (index, weight) in weight.chunks(STRETCH).enumerate() {
                let values = &self.values[index * STRETCH * self.images..];
                let sums = if index == 0 { &mut *target } else { &mut part[..] };
                for (values, weight) in values.chunks_exact(self.images).zip(weight) {
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
                }
                if index > 0 {
                    target.iter_mut().zip(&mut part).for_each(|(target, sum)| *target += std::mem::take(sum));
                }
            }
        });
    }

    /// Adds the gradient by the weight to `weight_gradient`.
    pub(super) fn weight_gradient(&self, gradient: &[f32], weight_gradient: &mut [f32]) {
        let rows = weight_gradient.par_chunks_exact_mut(self.count()).zip(gradient.par_chunks_exact(self.images));
        rows.for_each(|(sums, gradient)| {
            for (sum, values) in sums.iter_mut().zip(self.values.chunks_exact(self.images)) {
                *sum += values.iter().zip(gradient).map(|(value, gradient)| value * gradient).sum::<f32>();
            }
        });
    }
}

/// Gradient by the values `[c, n, h, w]` that a layer read, added to `target` where `accumulate`.
pub(super) fn input_gradient(
    weight: &[f32],
    gradient: &[f32],
    [images, plane]: [usize; 2],
    target: &mut [f32],
    accumulate: bool,
) {
    let count = target.len() / images;
    let sum_up = |target: &mut [f32]| {
        target.par_chunks_mut(PART * images).enumerate().for_each(|(part, target)| {
            for (row, gradient) in gradient.chunks_exact(images).enumerate() {
                let weight = &weight[row * count + part * PART..];
                for (target, weight) in target.chunks_exact_mut(images).zip(weight) {
                    target.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += weight * gradient);
                }
            }
        });
    };
    if !accumulate {
        target.fill(0.0);
    }
    if plane == 1 {
        return sum_up(target);
    }
    let mut sums = vec![0.0; target.len()];
    sum_up(&mut sums);
    exchange(&sums, images, plane, |from, at| target[at] += sums[from]);
}

/// Calls `visit` with every position in `[c, h * w, n]` and the one of the same value in `[c, n, h * w]`.
fn exchange(values: &[f32], images: usize, plane: usize, mut visit: impl FnMut(usize, usize)) {
    for channel in (0..values.len()).step_by(images * plane) {
        for image in 0..images {
            for pixel in 0..plane {
                visit(channel + pixel * images + image, channel + image * plane + pixel);
            }
        }
    }
}
