//! Normalization of every pixel of `[c, n, h, w]` over its channels, forward and back.

use rayon::prelude::*;

/// Pixels of a task.
const PART: usize = 512;

/// What one normalization found in its batch, a value a pixel.
pub(super) struct PixelStatistics {
    mean: Vec<f64>,
    /// 1 / sqrt(variance + eps)
    inverse_deviation: Vec<f64>,
}

impl PixelStatistics {
    /// Those of each pixel of `x`.
    pub(super) fn new(x: &[f32], channels: usize, eps: f64) -> Self {
        let pixels = x.len() / channels;
        let mean = per_pixel(pixels, |start, sums| {
            for row in x.chunks_exact(pixels) {
                sums.iter_mut().zip(&row[start..]).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            for sum in sums {
                *sum /= channels as f64;
            }
        });
        let inverse_deviation = per_pixel(pixels, |start, sums| {
            for row in x.chunks_exact(pixels) {
                for (sum, (value, mean)) in sums.iter_mut().zip(row[start..].iter().zip(&mean[start..])) {
                    *sum += (f64::from(*value) - mean).powi(2);
                }
            }
            for sum in sums {
                *sum = 1.0 / (*sum / channels as f64 + eps).sqrt();
            }
        });
        Self { mean, inverse_deviation }
    }

    fn normalized(&self, pixel: usize, value: f32) -> f64 {
        (f64::from(value) - self.mean[pixel]) * self.inverse_deviation[pixel]
    }

    /// `(x - mean) / deviation * factor + offset`.
    pub(super) fn normalize(&self, [factor, offset]: [&[f32]; 2], x: &[f32], y: &mut [f32]) {
        let pixels = self.mean.len();
        let rows = y.par_chunks_exact_mut(pixels).zip(x.par_chunks_exact(pixels)).zip(factor.par_iter().zip(offset));
        rows.for_each(|((y, x), (factor, offset))| {
            for (pixel, (y, x)) in y.iter_mut().zip(x).enumerate() {
                *y = (self.normalized(pixel, *x) * f64::from(*factor) + f64::from(*offset)) as f32;
            }
        });
    }

    /// Gradient by the input, added to `target` where `accumulate`; gives those by factor and offset, a pair a channel.
    pub(super) fn gradient(
        &self,
        factor: &[f32],
        [x, gradient]: [&[f32]; 2],
        target: &mut [f32],
        accumulate: bool,
    ) -> Vec<(f32, f32)> {
        let pixels = self.mean.len();
        let channels = factor.len() as f64;
        let rows = || gradient.chunks_exact(pixels).zip(x.chunks_exact(pixels)).zip(factor);
        // The mean and the deviation depend on every channel of the pixel.
        let plain = per_pixel(pixels, |start, sums| {
            for ((gradient, _), factor) in rows() {
                let values = sums.iter_mut().zip(&gradient[start..]);
                values.for_each(|(sum, gradient)| *sum += f64::from(*gradient) * f64::from(*factor) / channels);
            }
        });
        let weighted = per_pixel(pixels, |start, sums| {
            for ((gradient, x), factor) in rows() {
                for (at, sum) in sums.iter_mut().enumerate() {
                    let pixel = start + at;
                    let by_normalized = f64::from(gradient[pixel]) * f64::from(*factor);
                    *sum += by_normalized * self.normalized(pixel, x[pixel]) / channels;
                }
            }
        });
        let rows = target.par_chunks_exact_mut(pixels).enumerate();
        rows.map(|(channel, target)| {
            let span = channel * pixels..(channel + 1) * pixels;
            let (gradient, x, factor) = (&gradient[span.clone()], &x[span], f64::from(factor[channel]));
            let (mut by_factor, mut by_offset) = (0.0, 0.0);
            for (pixel, target) in target.iter_mut().enumerate() {
                let (gradient, normalized) = (f64::from(gradient[pixel]), self.normalized(pixel, x[pixel]));
                by_factor += gradient * normalized;
                by_offset += gradient;
                let rest = gradient * factor - plain[pixel] - normalized * weighted[pixel];
                let value = (rest * self.inverse_deviation[pixel]) as f32;
                *target = if accumulate { *target + value } else { value };
            }
            (by_factor as f32, by_offset as f32)
        })
        .collect()
    }
}

/// A value a pixel, from 0 on: `fill` is handed the first pixel of a part and the part.
fn per_pixel(pixels: usize, fill: impl Fn(usize, &mut [f64]) + Sync) -> Vec<f64> {
    let mut values = vec![0.0; pixels];
    values.par_chunks_mut(PART).enumerate().for_each(|(part, values)| fill(part * PART, values));
    values
}
