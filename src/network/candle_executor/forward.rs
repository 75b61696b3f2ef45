//! The forward pass, keeping only what the backward pass will read.

use candle_core::Tensor;

use super::super::candle_ops::{pooling, upsample};
use super::super::error::{Error, Result};
use super::super::graph::NodeId;
use super::CandleExecutor;
use super::layer::Layer;

/// What one forward pass leaves.
pub(super) struct Trace {
    /// The graph's outputs; the first of a classifier's are the logits `[1, classes, 1, 1]`.
    pub(super) outputs: Vec<Tensor>,
    /// For a ReLU where its output is positive, for a max pool the winners; both in the shape of the output.
    pub(super) saved: Vec<Option<Tensor>>,
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
        let mut saved = vec![None; nodes.len()];
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
    ) -> candle_core::Result<(Tensor, Option<Tensor>)> {
        let x = inputs[0];
        Ok(match &self.layers[index] {
            Layer::Input => (x.clone(), None),
            Layer::Conv(layer) => (layer.forward(x, output)?, None),
            Layer::Affine { scale, shift } => (x.broadcast_mul(scale)?.broadcast_add(shift)?, None),
            Layer::Relu => {
                let y = x.relu()?;
                let positive = if differentiate { Some(y.gt(0.0)?) } else { None };
                (y, positive)
            }
            Layer::MaxPool(pool) => {
                let y = pooling::max_pool(x, *pool)?;
                let winners = if differentiate { Some(pooling::max_pool_winners(x, &y, *pool)?) } else { None };
                (y, winners)
            }
            Layer::AvgPool { pool, count_include_pad } => (pooling::avg_pool(x, *pool, *count_include_pad)?, None),
            Layer::Concat => (Tensor::cat(inputs, 1)?, None),
            Layer::GlobalAvgPool => (x.mean_keepdim(3)?.mean_keepdim(2)?, None),
            Layer::Add => ((x + inputs[1])?, None),
            Layer::UpsampleNearest => (upsample::nearest(x, output)?, None),
        })
    }
}
