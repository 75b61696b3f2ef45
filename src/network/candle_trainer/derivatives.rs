//! The way back through single operations; see [`super::norm`] for normalization.

use candle_core::{Result, Tensor, bail};

use super::super::candle_ops::{adaptive, conv, layer_norm, nonlinearity, pooling, strided, upsample};
use super::super::nonlinearity::Nonlinearity;
use super::super::op::{Border, Conv2d, Pool};
use super::norm::{per_channel, sum_per_channel, where_positive};
use super::recorded::Derivative;

/// Of a convolution. Arguments: input, kernel, bias where there is one.
pub(super) struct ConvDerivative {
    pub(super) conv: Conv2d,
    /// Nobody learns from the gradient by the image.
    pub(super) input_wanted: bool,
}

impl Derivative for ConvDerivative {
    const NAME: &'static str = "convolution";

    fn back(&self, arguments: &[Tensor], _: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [x, weight, bias @ ..] = arguments else { bail!("a convolution has an input and a kernel") };
        let by_input = if self.input_wanted {
            let phases = conv::phases(&self.conv, weight)?;
            let (_, in_channels, height, width) = x.dims4()?;
            Some(conv::input_gradient(&self.conv, &phases, in_channels, gradient, [height, width])?)
        } else {
            None
        };
        let mut parts = vec![by_input, Some(conv::weight_gradient(&self.conv, x, gradient)?)];
        if !bias.is_empty() {
            parts.push(Some(sum_per_channel(gradient)?.flatten_all()?));
        }
        Ok(parts)
    }
}

/// Of an operation with a single argument, `[n, c, h, w]`.
pub(super) enum UnaryDerivative {
    Relu,
    Nonlinearity(Nonlinearity),
    MaxPool(Pool),
    AvgPool { pool: Pool, count_include_pad: bool },
    AdaptiveAvgPool,
    Pad(Border),
    UpsampleNearest,
}

impl Derivative for UnaryDerivative {
    const NAME: &'static str = "function, pool, border or upsampling";

    fn back(&self, arguments: &[Tensor], y: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [x] = arguments else { bail!("a {} has one argument", Self::NAME) };
        let (_, _, height, width) = x.dims4()?;
        let input = [height, width];
        let part = match *self {
            Self::Relu => where_positive(y, gradient)?,
            Self::Nonlinearity(function) => (gradient * nonlinearity::derivative(function, x)?)?,
            Self::MaxPool(pool) => {
                pooling::max_pool_backward(gradient, &pooling::max_pool_winners(x, y, pool)?, pool, input)?
            }
            Self::AvgPool { pool, count_include_pad } => {
                pooling::avg_pool_backward(gradient, pool, count_include_pad, input)?
            }
            Self::AdaptiveAvgPool => adaptive::avg_pool_backward(gradient, input)?,
            Self::Pad(border) => strided::crop(gradient, border.before, input)?,
            Self::UpsampleNearest => upsample::nearest_backward(gradient, input)?,
        };
        Ok(vec![Some(part)])
    }
}

/// Of a product with a factor a channel, and an offset where there are three arguments: input, factor, offset.
pub(super) struct ScaleDerivative;

impl Derivative for ScaleDerivative {
    const NAME: &'static str = "factor a channel";

    fn back(&self, arguments: &[Tensor], _: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [x, factor, offset @ ..] = arguments else { bail!("a {} has an input and a factor", Self::NAME) };
        let by_factor = sum_per_channel(&(gradient * x)?)?.flatten_all()?;
        let mut parts = vec![Some(gradient.broadcast_mul(&per_channel(factor)?)?), Some(by_factor)];
        if !offset.is_empty() {
            parts.push(Some(sum_per_channel(gradient)?.flatten_all()?));
        }
        Ok(parts)
    }
}

/// Of a normalization of every pixel. Arguments: input, factor, offset.
pub(super) struct LayerNormDerivative {
    /// See [`layer_norm::normalize`].
    pub(super) normalized: [Tensor; 2],
}

impl Derivative for LayerNormDerivative {
    const NAME: &'static str = "layer normalization";

    fn back(&self, arguments: &[Tensor], _: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [_, factor, _] = arguments else { bail!("a {} has three arguments", Self::NAME) };
        let [normalized, inverse_deviation] = &self.normalized;
        let by_normalized = gradient.broadcast_mul(&per_channel(factor)?)?;
        Ok(vec![
            Some(layer_norm::normalize_backward(&by_normalized, [normalized, inverse_deviation])?),
            Some(sum_per_channel(&(gradient * normalized)?)?.flatten_all()?),
            Some(sum_per_channel(gradient)?.flatten_all()?),
        ])
    }
}

/// Of a product of two values. Arguments: both factors; the second has one pixel or as many as the first.
pub(super) struct ProductDerivative;

impl Derivative for ProductDerivative {
    const NAME: &'static str = "product";

    fn back(&self, arguments: &[Tensor], _: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [first, second] = arguments else { bail!("a {} has two factors", Self::NAME) };
        let mut by_second = (gradient * first)?;
        if second.dims() != first.dims() {
            by_second = by_second.sum_keepdim(3)?.sum_keepdim(2)?;
        }
        Ok(vec![Some(gradient.broadcast_mul(second)?), Some(by_second)])
    }
}
