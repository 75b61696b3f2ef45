//! One node with its weights on the device.

use candle_core::{DType, Device, Tensor};

use super::super::error::{Error, Result, unsupported};
use super::super::graph::{Graph, NodeId};
use super::super::op::{BatchNorm, Conv2d, Op, Pool};
use super::super::weights::{self, Weights};
use super::conv::ConvLayer;

/// What a node computes, ready to run.
#[derive(Debug)]
pub(super) enum Layer {
    Input,
    /// Convolution, or a fully connected layer as one of 1x1.
    Conv(ConvLayer),
    /// Batch normalization as `x * scale + shift`, both `[1, c, 1, 1]`.
    Affine {
        scale: Tensor,
        shift: Tensor,
    },
    Relu,
    MaxPool(Pool),
    AvgPool {
        pool: Pool,
        count_include_pad: bool,
    },
    Concat,
    GlobalAvgPool,
    Add,
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
        let convolution = |conv: Conv2d| -> Result<Self> {
            let in_channels = node.inputs.first().map_or(0, |id| graph.node(*id).channels);
            let shape = [conv.out_channels, in_channels, conv.kernel[0], conv.kernel[1]];
            let kernel = upload(&as_f64(tensor("weight")?), &shape)?;
            let bias =
                if conv.bias { Some(upload(&as_f64(tensor("bias")?), &[1, conv.out_channels, 1, 1])?) } else { None };
            ConvLayer::new(conv, kernel, bias)
                .map(Self::Conv)
                .map_err(|source| Error::candle(&format!("the kernels of {}", node.name), &shape, source))
        };
        if !node.op.is_plain() {
            return Err(unsupported("candle", graph, id));
        }
        Ok(match node.op {
            Op::Input => Self::Input,
            Op::Conv2d(conv) => convolution(conv)?,
            Op::Linear { out_features, extent, bias } => convolution(Conv2d::new(out_features, extent).bias(bias))?,
            Op::BatchNorm(norm) => {
                let (scale, shift) = fold(graph, id, norm, weights)?;
                let shape = [1, node.channels, 1, 1];
                Self::Affine { scale: upload(&scale, &shape)?, shift: upload(&shift, &shape)? }
            }
            Op::Relu => Self::Relu,
            Op::MaxPool(pool) => Self::MaxPool(pool),
            Op::AvgPool { pool, count_include_pad } => Self::AvgPool { pool, count_include_pad },
            Op::Concat => Self::Concat,
            Op::GlobalAvgPool => Self::GlobalAvgPool,
            Op::Add => Self::Add,
            Op::UpsampleNearest => Self::UpsampleNearest,
            Op::LayerNorm { .. }
            | Op::Scale { .. }
            | Op::Nonlinearity(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Mul
            | Op::Pad(_) => return Err(unsupported("candle", graph, id)),
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
