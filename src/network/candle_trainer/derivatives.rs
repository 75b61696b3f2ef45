//! The way back through single operations; see [`super::norm`] for normalization.

use candle_core::{Result, Tensor, bail};

use super::super::candle_ops::{conv, pooling, upsample};
use super::super::op::{Conv2d, Pool};
use super::norm::{sum_per_channel, where_positive};
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
    MaxPool(Pool),
    AvgPool { pool: Pool, count_include_pad: bool },
    UpsampleNearest,
}

impl Derivative for UnaryDerivative {
    const NAME: &'static str = "ReLU, pool or upsampling";

    fn back(&self, arguments: &[Tensor], y: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [x] = arguments else { bail!("a {} has one argument", Self::NAME) };
        let (_, _, height, width) = x.dims4()?;
        let input = [height, width];
        let part = match *self {
            Self::Relu => where_positive(y, gradient)?,
            Self::MaxPool(pool) => {
                pooling::max_pool_backward(gradient, &pooling::max_pool_winners(x, y, pool)?, pool, input)?
            }
            Self::AvgPool { pool, count_include_pad } => {
                pooling::avg_pool_backward(gradient, pool, count_include_pad, input)?
            }
            Self::UpsampleNearest => upsample::nearest_backward(gradient, input)?,
        };
        Ok(vec![Some(part)])
    }
}
