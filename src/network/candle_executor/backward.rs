//! The vector-Jacobian product of every operation, from the logit back to the node asked for.

use candle_core::Tensor;

use super::super::candle_ops::{adaptive, layer_norm, pooling, strided, upsample};
use super::super::class_logit::logit_of;
use super::super::error::{Error, Result};
use super::super::executor::ReluRule;
use super::super::graph::NodeId;
use super::CandleExecutor;
use super::forward::Trace;
use super::layer::Layer;

/// Gradients of one logit.
pub(super) struct Slopes {
    /// By the node at which the walk stopped.
    pub(super) stop: Tensor,
    /// By the node whose activation was asked for.
    pub(super) activation: Option<Tensor>,
}

impl CandleExecutor {
    /// Differentiates the logit that speaks for `class` by the output of `stop`. Where several nodes read one output, their
    /// contributions are added from the last reader to the first.
    pub(super) fn backward(
        &self,
        trace: &Trace,
        class: usize,
        rule: ReluRule,
        stop: NodeId,
        activation: Option<NodeId>,
    ) -> Result<Slopes> {
        let nodes = self.graph.nodes();
        let last = self.graph.logits().index();
        let mut gradients: Vec<Option<Tensor>> = vec![None; nodes.len()];
        gradients[last] = Some(self.one_hot(class)?);
        let mut kept = None;
        for index in (stop.index()..=last).rev() {
            if activation.is_some_and(|id| id.index() == index) {
                kept = Some(self.gradient_or_zeros(trace, index, gradients[index].as_ref())?);
            }
            if index == stop.index() {
                break;
            }
            let Some(gradient) = gradients[index].take() else { continue };
            let node = &nodes[index];
            let parts = self
                .backward_node(index, &gradient, trace, rule)
                .map_err(|source| Error::candle(&format!("backward of {}", node.name), gradient.dims(), source))?;
            for (input, part) in node.inputs.iter().zip(parts) {
                let sum = match gradients[input.index()].take() {
                    None => part,
                    Some(earlier) => (earlier + part).map_err(|source| {
                        Error::candle(&format!("the sum of gradients of {}", nodes[input.index()].name), &[], source)
                    })?,
                };
                gradients[input.index()] = Some(sum);
            }
        }
        let stop = self.gradient_or_zeros(trace, stop.index(), gradients[stop.index()].as_ref())?;
        Ok(Slopes { stop, activation: kept })
    }

    fn one_hot(&self, class: usize) -> Result<Tensor> {
        let logits = self.graph.logit_count();
        let (index, sign) = logit_of(class, logits);
        let mut values = vec![0f32; logits];
        values[index] = sign;
        Tensor::from_vec(values, (1, logits, 1, 1), &self.device)
            .and_then(|one| one.to_dtype(self.dtype))
            .map_err(|source| Error::candle("the choice of a logit", &[1, logits, 1, 1], source))
    }

    /// A node that no path joins to the logits has gradient zero.
    fn gradient_or_zeros(&self, trace: &Trace, index: usize, gradient: Option<&Tensor>) -> Result<Tensor> {
        if let Some(gradient) = gradient {
            return Ok(gradient.clone());
        }
        let [rows, columns] = trace.extents[index];
        let shape = [1, self.graph.nodes()[index].channels, rows, columns];
        Tensor::zeros(&shape, self.dtype, &self.device)
            .map_err(|source| Error::candle("a gradient of zero", &shape, source))
    }

    /// Gradients by the inputs of a node, in their order; inputs at the end whose gradient is zero may be left out.
    fn backward_node(
        &self,
        index: usize,
        gradient: &Tensor,
        trace: &Trace,
        rule: ReluRule,
    ) -> candle_core::Result<Vec<Tensor>> {
        let node = &self.graph.nodes()[index];
        let Some(first) = node.inputs.first() else { return Ok(Vec::new()) };
        let input = trace.extents[first.index()];
        let saved = |at: usize, what: &str| {
            let missing = || candle_core::Error::Msg(format!("the forward pass kept no {what}"));
            trace.saved[index].get(at).ok_or_else(missing)
        };
        let passed = || match rule {
            ReluRule::Standard => Ok(gradient.clone()),
            ReluRule::Guided => gradient.relu(),
        };
        let part = match &self.layers[index] {
            Layer::Input => return Ok(Vec::new()),
            Layer::Conv(layer) => layer.backward(gradient, input)?,
            Layer::Linear { weight, .. } => {
                let n = gradient.dim(0)?;
                let by_values = gradient.reshape((n, ()))?.matmul(weight)?;
                by_values.reshape((n, (), input[0], input[1]))?
            }
            Layer::Affine { scale, .. } => gradient.broadcast_mul(scale)?,
            Layer::LayerNorm { scale, .. } => {
                let kept = [saved(0, "normalized values")?, saved(1, "deviation")?];
                layer_norm::normalize_backward(&gradient.broadcast_mul(scale)?, kept)?
            }
            Layer::Relu => {
                let passed = passed()?;
                saved(0, "mask")?.where_cond(&passed, &passed.zeros_like()?)?
            }
            // Under the guided rule all functions of the network are gates: `check_pass` sees to that.
            Layer::Nonlinearity(_) => (passed()? * saved(0, "derivative")?)?,
            Layer::MaxPool(pool) => pooling::max_pool_backward(gradient, saved(0, "winners")?, *pool, input)?,
            Layer::AvgPool { pool, count_include_pad } => {
                pooling::avg_pool_backward(gradient, *pool, *count_include_pad, input)?
            }
            Layer::AdaptiveAvgPool => adaptive::avg_pool_backward(gradient, input)?,
            Layer::Concat => return self.split(index, gradient),
            Layer::Add => return Ok(vec![gradient.clone(), gradient.clone()]),
            Layer::Mul => {
                let [first, second] = [saved(0, "first factor")?, saved(1, "second factor")?];
                let mut by_second = (gradient * first)?;
                if second.dims() != first.dims() {
                    by_second = by_second.sum_keepdim(3)?.sum_keepdim(2)?;
                }
                return Ok(vec![gradient.broadcast_mul(second)?, by_second]);
            }
            Layer::Pad(border) => strided::crop(gradient, border.before, input)?,
            // The reference gives its extent alone: its gradient is zero, so nothing is passed on to it.
            Layer::UpsampleNearest => upsample::nearest_backward(gradient, input)?,
            Layer::GlobalAvgPool => {
                let (n, c, _, _) = gradient.dims4()?;
                let share = (gradient / (input[0] * input[1]) as f64)?;
                share.broadcast_as((n, c, input[0], input[1]))?.contiguous()?
            }
        };
        Ok(vec![part])
    }

    fn split(&self, index: usize, gradient: &Tensor) -> candle_core::Result<Vec<Tensor>> {
        let mut start = 0;
        let mut parts = Vec::new();
        for input in &self.graph.nodes()[index].inputs {
            let channels = self.graph.node(*input).channels;
            parts.push(gradient.narrow(1, start, channels)?.contiguous()?);
            start += channels;
        }
        Ok(parts)
    }
}
