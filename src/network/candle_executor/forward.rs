//! The forward pass, keeping only what the backward pass will read.

use candle_core::Tensor;

use super::super::candle_ops::{adaptive, layer_norm, nonlinearity, pooling, strided, upsample};
use super::super::error::{Error, Result};
use super::super::graph::NodeId;
use super::CandleExecutor;
use super::layer::Layer;

/// What one forward pass leaves.
pub(super) struct Trace {
    /// The graph's outputs; the first of a classifier's are the logits `[1, classes, 1, 1]`.
    pub(super) outputs: Vec<Tensor>,
    /// What each node's way back reads: of a ReLU where its output is positive, of another function the derivative, of a
    /// max pool the winners, of a product its factors, of a layer normalization what [`layer_norm::normalize`] gave.
    pub(super) saved: Vec<Vec<Tensor>>,
    /// Rows and columns of every node.
    pub(super) extents: Vec<[usize; 2]>,
    /// Output of the node asked for.
    pub(super) activation: Option<Tensor>,
}

impl CandleExecutor {
    pub(super) fn forward(
        &self,
        image: Tensor,
        extents: &[[usize; 2]],
        differentiate: bool,
        activation: Option<NodeId>,
    ) -> Result<Trace> {
        let nodes = self.graph.nodes();
        let mut values: Vec<Option<Tensor>> = vec![None; nodes.len()];
        let mut saved = vec![Vec::new(); nodes.len()];
        let mut kept = None;
        values[0] = Some(image);
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|id| values[id.index()].as_ref()).collect();
                let (value, to_save) = self
                    .forward_node(index, &inputs, extents[index], differentiate)
                    .map_err(|source| Error::candle(&node.name, inputs[0].dims(), source))?;
                values[index] = Some(value);
                saved[index] = to_save;
            }
            if activation.is_some_and(|id| id.index() == index) {
                kept.clone_from(&values[index]);
            }
            for input in &node.inputs {
                if self.last_readers[input.index()] == index {
                    values[input.index()] = None;
                }
            }
        }
        let output = |id: &NodeId| {
            values[id.index()].clone().ok_or_else(|| Error::UnknownNode { name: self.graph.node(*id).name.clone() })
        };
        let outputs = self.graph.outputs().iter().map(output).collect::<Result<Vec<_>>>()?;
        Ok(Trace { outputs, saved, extents: extents.to_vec(), activation: kept })
    }

    /// The value of a node, and what its backward pass needs.
    fn forward_node(
        &self,
        index: usize,
        inputs: &[&Tensor],
        output: [usize; 2],
        differentiate: bool,
    ) -> candle_core::Result<(Tensor, Vec<Tensor>)> {
        let x = inputs[0];
        let mut saved = Vec::new();
        let value = match &self.layers[index] {
            Layer::Input => x.clone(),
            Layer::Conv(layer) => layer.forward(x, output)?,
            Layer::Linear { weight, bias } => {
                let y = x.reshape((x.dim(0)?, ()))?.matmul(&weight.t()?)?;
                let y = if let Some(bias) = bias { y.broadcast_add(bias)? } else { y };
                y.reshape((x.dim(0)?, (), 1, 1))?
            }
            Layer::Affine { scale, shift } => {
                let y = x.broadcast_mul(scale)?;
                if let Some(shift) = shift { y.broadcast_add(shift)? } else { y }
            }
            Layer::LayerNorm { eps, scale, shift } => {
                let [normalized, inverse_deviation] = layer_norm::normalize(x, *eps)?;
                let y = normalized.broadcast_mul(scale)?.broadcast_add(shift)?;
                saved = vec![normalized, inverse_deviation];
                y
            }
            Layer::Relu => {
                let y = x.relu()?;
                if differentiate {
                    saved.push(y.gt(0.0)?);
                }
                y
            }
            Layer::Nonlinearity(function) => {
                if differentiate {
                    saved.push(nonlinearity::derivative(*function, x)?);
                }
                nonlinearity::value(*function, x)?
            }
            Layer::MaxPool(pool) => {
                let y = pooling::max_pool(x, *pool)?;
                if differentiate {
                    saved.push(pooling::max_pool_winners(x, &y, *pool)?);
                }
                y
            }
            Layer::AvgPool { pool, count_include_pad } => pooling::avg_pool(x, *pool, *count_include_pad)?,
            Layer::AdaptiveAvgPool => adaptive::avg_pool(x, output)?,
            Layer::Concat => Tensor::cat(inputs, 1)?,
            Layer::GlobalAvgPool => x.mean_keepdim(3)?.mean_keepdim(2)?,
            Layer::Add => (x + inputs[1])?,
            Layer::Mul => {
                if differentiate {
                    saved = vec![x.clone(), inputs[1].clone()];
                }
                x.broadcast_mul(inputs[1])?
            }
            Layer::Pad(border) => strided::pad(x, *border, 0.0)?,
            Layer::UpsampleNearest => upsample::nearest(x, output)?,
        };
        Ok((value, if differentiate { saved } else { Vec::new() }))
    }
}
