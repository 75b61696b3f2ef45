//! Batch normalization of `[c, n, h, w]` with its ReLU, forward and back.

use rayon::prelude::*;

use super::super::kernel::{Kernels, NormRow};

/// What one normalization found in its batch, a value a channel.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    pub(super) mean: Vec<f64>,
    /// Over n.
    pub(super) variance: Vec<f64>,
    /// 1 / sqrt(variance + eps)
    inverse_deviation: Vec<f64>,
}

impl Statistics {
    /// Those of each channel of `x`.
    pub(super) fn of_batch(kernels: &Kernels, x: &[f32], channels: usize, eps: f64) -> Self {
        let rows = x.par_chunks_exact(x.len() / channels);
        let moments: Vec<(f64, f64)> = rows.map(|row| kernels.moments(row)).collect();
        let (mean, variance) = moments.into_iter().unzip();
        Self::new(mean, variance, eps)
    }

    pub(super) fn new(mean: Vec<f64>, variance: Vec<f64>, eps: f64) -> Self {
        let inverse_deviation = variance.iter().map(|variance| 1.0 / (variance + eps).sqrt()).collect();
        Self { mean, variance, inverse_deviation }
    }

    /// `(x - mean) / deviation * factor + offset`, negative values to 0 where `relu`; without `factor` it is 1.
    pub(super) fn normalize(
        &self,
        kernels: &Kernels,
        [factor, offset]: [&[f32]; 2],
        relu: bool,
        x: &[f32],
        y: &mut [f32],
    ) {
        let row_len = x.len() / self.mean.len();
        let rows = x.par_chunks_exact(row_len).zip(y.par_chunks_exact_mut(row_len));
        rows.enumerate().for_each(|(channel, (x, y))| {
            let factor = factor.get(channel).map_or(1.0, |factor| f64::from(*factor));
            let scale = factor * self.inverse_deviation[channel];
            let shift = f64::from(offset[channel]) - self.mean[channel] * scale;
            kernels.affine(x, scale as f32, shift as f32, relu, y);
        });
    }

    /// Gradient by the input, added to `target` where `accumulate`; gives those by factor and offset, a pair a channel.
    /// `y` is the output behind a ReLU, empty without.
    pub(super) fn gradient(
        &self,
        kernels: &Kernels,
        factor: &[f32],
        [x, y, gradient]: [&[f32]; 3],
        target: &mut [f32],
        accumulate: bool,
    ) -> Vec<(f32, f32)> {
        let row_len = x.len() / self.mean.len();
        let rows = x.par_chunks_exact(row_len).zip(target.par_chunks_exact_mut(row_len));
        let of_row = |(channel, (x, target)): (usize, (&[f32], &mut [f32]))| {
            let span = channel * row_len..(channel + 1) * row_len;
            let row = NormRow {
                x,
                y: if y.is_empty() { y } else { &y[span.clone()] },
                gradient: &gradient[span],
                mean: self.mean[channel] as f32,
                inverse_deviation: self.inverse_deviation[channel] as f32,
            };
            let (plain, weighted) = kernels.norm_sums(&row);
            let factor = factor.get(channel).map_or(1.0, |factor| f64::from(*factor));
            let scale = (factor * self.inverse_deviation[channel]) as f32;
            let means = [plain, weighted].map(|sum| (sum / row_len as f64) as f32);
            kernels.norm_gradient(&row, scale, means, accumulate, target);
            (weighted as f32, plain as f32)
        };
        rows.enumerate().map(of_row).collect()
    }
}
