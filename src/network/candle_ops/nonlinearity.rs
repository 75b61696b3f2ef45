//! Functions of single values, and their derivatives, as [`Nonlinearity`] defines them.

use candle_core::{Result, Tensor};

use super::super::nonlinearity::{GELU_CUBE, GELU_FACTOR, Nonlinearity, exact};

/// The function of every value.
pub(in super::super) fn value(function: Nonlinearity, x: &Tensor) -> Result<Tensor> {
    match function {
        Nonlinearity::Clip { low, high } => x.clamp(f64::from(low), f64::from(high)),
        Nonlinearity::Sigmoid => sigmoid(x),
        Nonlinearity::Silu => x * sigmoid(x)?,
        Nonlinearity::HardSigmoid { slope, offset } => x.affine(exact(slope), exact(offset))?.clamp(0.0, 1.0),
        Nonlinearity::HardSwish => x * x.affine(1.0 / 6.0, 0.5)?.clamp(0.0, 1.0)?,
        Nonlinearity::Gelu => x * normal_cdf(x)?,
        Nonlinearity::GeluTanh => x * gelu_argument(x)?.tanh()?.affine(0.5, 0.5)?,
        Nonlinearity::LeakyRelu { slope } => positive(x)?.where_cond(x, &(x * exact(slope))?),
        Nonlinearity::Elu { alpha } => {
            // Positive values are not taken to their exponential, which may be infinite.
            let below = x.minimum(0.0)?.exp()?.affine(exact(alpha), -exact(alpha))?;
            positive(x)?.where_cond(x, &below)
        }
        Nonlinearity::Tanh => x.tanh(),
    }
}

/// The derivative at every value.
pub(in super::super) fn derivative(function: Nonlinearity, x: &Tensor) -> Result<Tensor> {
    let number = |value: f64| Tensor::full(value as f32, x.shape(), x.device())?.to_dtype(x.dtype());
    match function {
        Nonlinearity::Clip { low, high } => between(x, f64::from(low), f64::from(high)),
        Nonlinearity::Sigmoid => sigmoid(x)? * sigmoid(&x.neg()?)?,
        Nonlinearity::Silu => sigmoid(x)? * ((x * sigmoid(&x.neg()?)?)? + 1.0)?,
        Nonlinearity::HardSigmoid { slope, offset } => {
            between(&x.affine(exact(slope), exact(offset))?, 0.0, 1.0)? * exact(slope)
        }
        Nonlinearity::HardSwish => {
            let inside = x.lt(3.0)?.where_cond(&x.affine(1.0 / 3.0, 0.5)?, &number(1.0)?)?;
            x.gt(-3.0)?.where_cond(&inside, &number(0.0)?)
        }
        Nonlinearity::Gelu => {
            let density = ((x.sqr()? * -0.5)?.exp()? / (2.0 * std::f64::consts::PI).sqrt())?;
            normal_cdf(x)? + (x * density)?
        }
        Nonlinearity::GeluTanh => {
            let tanh = gelu_argument(x)?.tanh()?;
            let slope = x.sqr()?.affine(3.0 * GELU_FACTOR * GELU_CUBE, GELU_FACTOR)?;
            let bent = ((x * tanh.sqr()?.affine(-0.5, 0.5)?)? * slope)?;
            tanh.affine(0.5, 0.5)? + bent
        }
        Nonlinearity::LeakyRelu { slope } => positive(x)?.where_cond(&number(1.0)?, &(number(1.0)? * exact(slope))?),
        Nonlinearity::Elu { alpha } => {
            let below = (x.minimum(0.0)?.exp()? * exact(alpha))?;
            positive(x)?.where_cond(&number(1.0)?, &below)
        }
        Nonlinearity::Tanh => x.tanh()?.sqr()?.affine(-1.0, 1.0),
    }
}

fn positive(x: &Tensor) -> Result<Tensor> {
    x.gt(0.0)
}

/// 1 where a value lies between the bounds, 0 at them and beyond.
fn between(x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    x.gt(low)?.to_dtype(x.dtype())? * x.lt(high)?.to_dtype(x.dtype())?
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}

/// Distribution function of the standard normal distribution.
fn normal_cdf(x: &Tensor) -> Result<Tensor> {
    (x * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)
}

fn gelu_argument(x: &Tensor) -> Result<Tensor> {
    x * x.sqr()?.affine(GELU_FACTOR * GELU_CUBE, GELU_FACTOR)?
}
