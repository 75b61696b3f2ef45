//! Batch normalization of `[n, c, h, w]` with its ReLU, forward and back.

use candle_core::{Result, Tensor};

use super::recorded::Derivative;

/// Mean, variance and what follows from them, each `[1, c, 1, 1]`.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    pub(super) mean: Tensor,
    /// Over n.
    pub(super) variance: Tensor,
    /// 1 / sqrt(variance + eps)
    inverse_deviation: Tensor,
}

impl Statistics {
    /// Those of each channel of `x`.
    pub(super) fn of_batch(x: &Tensor, eps: f64) -> Result<Self> {
        let count = values_per_channel(x)?;
        let mean = (sum_per_channel(x)? / count)?;
        let variance = (sum_per_channel(&x.broadcast_sub(&mean)?.sqr()?)? / count)?;
        Self::new(mean, variance, eps)
    }

    pub(super) fn new(mean: Tensor, variance: Tensor, eps: f64) -> Result<Self> {
        let inverse_deviation = (&variance + eps)?.sqrt()?.recip()?;
        Ok(Self { mean, variance, inverse_deviation })
    }

    /// `(x - mean) / deviation * factor + offset`, negative values to 0 where `relu`; factor and offset are `[c]`,
    /// without a factor it is 1.
    pub(super) fn normalize(&self, x: &Tensor, factor: Option<&Tensor>, offset: &Tensor, relu: bool) -> Result<Tensor> {
        let y = x.broadcast_sub(&self.mean)?.broadcast_mul(&self.scale(factor)?)?;
        let y = y.broadcast_add(&per_channel(offset)?)?;
        if relu { y.relu() } else { Ok(y) }
    }

    fn scale(&self, factor: Option<&Tensor>) -> Result<Tensor> {
        match factor {
            Some(factor) => per_channel(factor)? * &self.inverse_deviation,
            None => Ok(self.inverse_deviation.clone()),
        }
    }
}

/// The way back through [`Statistics::normalize`] by statistics of the batch. Arguments: input, factor where there is
/// one, offset.
pub(super) struct NormDerivative {
    pub(super) statistics: Statistics,
    pub(super) relu: bool,
}

impl Derivative for NormDerivative {
    const NAME: &'static str = "batch normalization";

    fn back(&self, arguments: &[Tensor], y: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let (x, factor) = match arguments {
            [x, factor, _] => (x, Some(factor)),
            [x, _] => (x, None),
            _ => candle_core::bail!("a normalization has two or three arguments"),
        };
        let gradient = if self.relu { &where_positive(y, gradient)? } else { gradient };
        let Statistics { mean, inverse_deviation, .. } = &self.statistics;
        let normalized = x.broadcast_sub(mean)?.broadcast_mul(inverse_deviation)?;
        let plain = sum_per_channel(gradient)?;
        let weighted = sum_per_channel(&(gradient * &normalized)?)?;
        let count = values_per_channel(x)?;
        // The mean and the variance depend on x as well.
        let by_x = gradient
            .broadcast_sub(&(&plain / count)?)?
            .sub(&normalized.broadcast_mul(&(&weighted / count)?)?)?
            .broadcast_mul(&self.statistics.scale(factor)?)?;
        let mut parts = vec![Some(by_x)];
        if factor.is_some() {
            parts.push(Some(weighted.flatten_all()?));
        }
        parts.push(Some(plain.flatten_all()?));
        Ok(parts)
    }
}

/// `[c]` as `[1, c, 1, 1]`.
pub(super) fn per_channel(values: &Tensor) -> Result<Tensor> {
    values.reshape((1, values.elem_count(), 1, 1))
}

/// Sums `[n, c, h, w]` to `[1, c, 1, 1]`, axis by axis: a sum of sums rounds less than one long sum.
pub(super) fn sum_per_channel(values: &Tensor) -> Result<Tensor> {
    values.sum_keepdim(3)?.sum_keepdim(2)?.sum_keepdim(0)
}

/// How many values of `[n, c, h, w]` each channel has.
pub(super) fn values_per_channel(values: &Tensor) -> Result<f64> {
    Ok((values.elem_count() / values.dim(1)?) as f64)
}

/// The gradient where `y` is positive, 0 elsewhere.
pub(super) fn where_positive(y: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    y.gt(0.0)?.where_cond(gradient, &gradient.zeros_like()?)
}
