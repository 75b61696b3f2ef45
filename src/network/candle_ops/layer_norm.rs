//! Normalization of every pixel over its channels, forward and back.

use candle_core::{Result, Tensor};

/// `[n, c, h, w]` with mean 0 and variance 1 over the channels, and 1 / sqrt(variance + eps), `[n, 1, h, w]`.
pub(in super::super) fn normalize(x: &Tensor, eps: f64) -> Result<[Tensor; 2]> {
    let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
    let inverse_deviation = (centred.sqr()?.mean_keepdim(1)? + eps)?.sqrt()?.recip()?;
    Ok([centred.broadcast_mul(&inverse_deviation)?, inverse_deviation])
}

/// Gradient by the input of [`normalize`] from that by the normalized values.
pub(in super::super) fn normalize_backward(
    gradient: &Tensor,
    [normalized, inverse_deviation]: [&Tensor; 2],
) -> Result<Tensor> {
    // The mean and the variance depend on every channel of the pixel.
    let plain = gradient.mean_keepdim(1)?;
    let weighted = (gradient * normalized)?.mean_keepdim(1)?;
    let rest = gradient.broadcast_sub(&plain)?.sub(&normalized.broadcast_mul(&weighted)?)?;
    rest.broadcast_mul(inverse_deviation)
}
