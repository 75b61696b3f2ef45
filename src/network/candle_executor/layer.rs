//! One node with its weights on the device.

use candle_core::{DType, Device, Tensor};

use super::super::error::{Error, Result};
use super::super::graph::{Graph, NodeId};
use super::super::nonlinearity::Nonlinearity;
use super::super::op::{BatchNorm, Border, Conv2d, Op, Pool};
use super::super::weights::{self, Weights};
use super::conv::ConvLayer;

/// What a node computes, ready to run.
#[derive(Debug)]
#[expect(clippy::enum_variant_names, reason = "layer normalization is called so")]
pub(super) enum Layer {
    Input,
    /// Convolution, or a fully connected layer of one pixel as one of 1x1.
    Conv(ConvLayer),
    /// Fully connected layer: weight `[out, c * h * w]`, bias `[1, out]`.
    Linear {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    /// Batch normalization, or a factor a channel, as `x * scale + shift`, both `[1, c, 1, 1]`.
    Affine {
        scale: Tensor,
        shift: Option<Tensor>,
    },
    /// Factor and offset are `[1, c, 1, 1]`.
    LayerNorm {
        eps: f64,
        scale: Tensor,
        shift: Tensor,
    },
    Relu,
    Nonlinearity(Nonlinearity),
    MaxPool(Pool),
    AvgPool {
        pool: Pool,
        count_include_pad: bool,
    },
    AdaptiveAvgPool,
    Concat,
    GlobalAvgPool,
    Add,
    Mul,
    Pad(Border),
    UpsampleNearest,
}

impl Layer {
    pub(super) fn new(graph: &Graph, id: NodeId, weights: &Weights, device: &Device, dtype: DType) -> Result<Self> {
        let node = graph.node(id);
        let upload = |values: &[f64], shape: &[usize]| {
            // Cast on the host: not every device has f64.
            Tensor::from_slice(values, shape, &Device::Cpu)
                .and_then(|tensor| tensor.to_dtype(dtype))
                .and_then(|tensor| tensor.to_device(device))
                .map_err(|source| Error::candle(&format!("the upload of {}", node.name), shape, source))
        };
        let tensor = |suffix: &str| weights.get(&graph.parameter_name(id, suffix));
        let parameter = |suffix: &str, shape: &[usize]| upload(&as_f64(tensor(suffix)?), shape);
        let per_channel = [1, node.channels, 1, 1];
        let in_channels = node.inputs.first().map_or(0, |id| graph.node(*id).channels);
        let convolution = |conv: Conv2d| -> Result<Self> {
            let shape = [conv.out_channels, in_channels / conv.groups, conv.kernel[0], conv.kernel[1]];
            let kernel = parameter("weight", &shape)?;
            let bias = if conv.bias { Some(parameter("bias", &per_channel)?) } else { None };
            ConvLayer::new(conv, kernel, bias)
                .map(Self::Conv)
                .map_err(|source| Error::candle(&format!("the kernels of {}", node.name), &shape, source))
        };
        Ok(match node.op {
            Op::Input => Self::Input,
            Op::Conv2d(conv) => convolution(conv)?,
            Op::Linear { out_features, extent: [1, 1], bias } => {
                convolution(Conv2d::new(out_features, [1, 1]).bias(bias))?
            }
            Op::Linear { out_features, extent, bias } => Self::Linear {
                weight: parameter("weight", &[out_features, in_channels * extent[0] * extent[1]])?,
                bias: if bias { Some(parameter("bias", &[1, out_features])?) } else { None },
            },
            Op::BatchNorm(norm) => {
                let (scale, shift) = fold(graph, id, norm, weights)?;
                Self::Affine { scale: upload(&scale, &per_channel)?, shift: Some(upload(&shift, &per_channel)?) }
            }
            Op::LayerNorm { eps } => Self::LayerNorm {
                eps,
                scale: parameter("weight", &per_channel)?,
                shift: parameter("bias", &per_channel)?,
            },
            Op::Scale { bias } => Self::Affine {
                scale: parameter("weight", &per_channel)?,
                shift: if bias { Some(parameter("bias", &per_channel)?) } else { None },
            },
            Op::Relu => Self::Relu,
            Op::Nonlinearity(function) => Self::Nonlinearity(function),
            Op::MaxPool(pool) => Self::MaxPool(pool),
            Op::AvgPool { pool, count_include_pad } => Self::AvgPool { pool, count_include_pad },
            Op::AdaptiveAvgPool { .. } => Self::AdaptiveAvgPool,
            Op::Concat => Self::Concat,
            Op::GlobalAvgPool => Self::GlobalAvgPool,
            Op::Add => Self::Add,
            Op::Mul => Self::Mul,
            Op::Pad(border) => Self::Pad(border),
            Op::UpsampleNearest => Self::UpsampleNearest,
        })
    }
}

fn as_f64(tensor: &weights::Tensor) -> Vec<f64> {
    tensor.values.iter().map(|value| f64::from(*value)).collect()
}

/// Factor and offset of each channel.
fn fold(graph: &Graph, id: NodeId, norm: BatchNorm, weights: &Weights) -> Result<(Vec<f64>, Vec<f64>)> {
    let tensor = |suffix: &str| weights.get(&graph.parameter_name(id, suffix)).map(as_f64);
    let factors = if norm.scale { tensor("weight")? } else { vec![1.0; graph.node(id).channels] };
    let (offsets, means, variances) = (tensor("bias")?, tensor("running_mean")?, tensor("running_var")?);
    let scale: Vec<f64> =
        factors.iter().zip(&variances).map(|(factor, variance)| factor / (variance + norm.eps).sqrt()).collect();
    let shift = offsets.iter().zip(&means).zip(&scale).map(|((offset, mean), scale)| offset - mean * scale).collect();
    Ok((scale, shift))
}
