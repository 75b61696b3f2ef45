//! The way from images to outputs.

use candle_core::{Result, Tensor, Var, bail};

use super::super::candle_ops::{adaptive, conv, layer_norm, nonlinearity, pooling, strided, upsample};
use super::super::error;
use super::super::graph::{Node, NodeId};
use super::super::op::{BatchNorm, Conv2d, Op};
use super::super::trainable::{Mode, NORM_MOMENTUM};
use super::CandleTrainer;
use super::derivatives::{ConvDerivative, LayerNormDerivative, ProductDerivative, ScaleDerivative, UnaryDerivative};
use super::norm::{NormDerivative, Statistics, per_channel, values_per_channel};
use super::parameters::NodeParameters;
use super::recorded::{Derivative, record};

/// Runs all nodes; in training mode the outputs are on a tape that leads back to the weights.
pub(super) fn run(
    trainer: &CandleTrainer,
    image: Tensor,
    extents: &[[usize; 2]],
    mode: Mode,
) -> error::Result<Vec<Tensor>> {
    let nodes = trainer.graph.nodes();
    let mut values: Vec<Option<Tensor>> = vec![None; nodes.len()];
    values[0] = Some(image);
    for (index, node) in nodes.iter().enumerate().skip(1) {
        let inputs: Vec<Tensor> = node.inputs.iter().filter_map(|id| values[id.index()].clone()).collect();
        let value = Step { trainer, index, node, output: extents[index], mode }
            .run(&inputs)
            .map_err(|source| error::Error::candle(&node.name, inputs[0].dims(), source))?;
        values[index] = Some(value);
        for id in &node.inputs {
            if trainer.last_reader[id.index()] == index && !trainer.graph.outputs().contains(id) {
                values[id.index()] = None;
            }
        }
    }
    let output = |id: &NodeId| {
        let unknown = || error::Error::UnknownNode { name: trainer.graph.node(*id).name.clone() };
        values[id.index()].clone().ok_or_else(unknown)
    };
    trainer.graph.outputs().iter().map(output).collect()
}

/// One node in one pass.
struct Step<'a> {
    trainer: &'a CandleTrainer,
    index: usize,
    node: &'a Node,
    /// Rows and columns of the result.
    output: [usize; 2],
    mode: Mode,
}

impl Step<'_> {
    fn run(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let x = &inputs[0];
        // Values are computed without a tape; `unary` and others put them on it together with our derivative.
        let plain = x.detach();
        match self.node.op {
            Op::Input => Ok(x.clone()),
            Op::Conv2d(conv) => self.convolve(x, conv),
            Op::BatchNorm(norm) => self.normalize(x, norm),
            Op::Relu if self.trainer.relu_of[self.node.inputs[0].index()].is_some() => Ok(x.clone()),
            Op::Relu => self.unary(x, plain.relu()?, UnaryDerivative::Relu),
            Op::MaxPool(pool) => self.unary(x, pooling::max_pool(&plain, pool)?, UnaryDerivative::MaxPool(pool)),
            Op::AvgPool { pool, count_include_pad } => {
                let y = pooling::avg_pool(&plain, pool, count_include_pad)?;
                self.unary(x, y, UnaryDerivative::AvgPool { pool, count_include_pad })
            }
            Op::Concat => Tensor::cat(inputs, 1),
            Op::GlobalAvgPool => x.mean_keepdim(3)?.mean_keepdim(2),
            Op::Linear { out_features, .. } => self.connect(x, out_features),
            Op::Add => x + &inputs[1],
            Op::LayerNorm { eps } => self.normalize_pixels(x, eps),
            Op::Scale { .. } => self.scale(x),
            Op::Nonlinearity(function) => {
                self.unary(x, nonlinearity::value(function, &plain)?, UnaryDerivative::Nonlinearity(function))
            }
            Op::AdaptiveAvgPool { output } => {
                self.unary(x, adaptive::avg_pool(&plain, output)?, UnaryDerivative::AdaptiveAvgPool)
            }
            Op::Mul => {
                let y = plain.broadcast_mul(&inputs[1].detach())?;
                self.record(&[x, &inputs[1]], y, ProductDerivative)
            }
            Op::Pad(border) => self.unary(x, strided::pad(&plain, border, 0.0)?, UnaryDerivative::Pad(border)),
            Op::UpsampleNearest => {
                self.unary(x, upsample::nearest(&plain, self.output)?, UnaryDerivative::UpsampleNearest)
            }
        }
    }

    fn convolve(&self, x: &Tensor, conv: Conv2d) -> Result<Tensor> {
        let parameters = self.parameters();
        let Some(weight) = parameters.weight else { bail!("a convolution has a kernel") };
        let mut y = conv::forward(&conv, &x.detach(), &weight.as_detached_tensor(), self.output)?;
        if let Some(bias) = parameters.bias {
            y = y.broadcast_add(&per_channel(&bias.as_detached_tensor())?)?;
        }
        let input_wanted = self.trainer.graph.node(self.node.inputs[0]).op != Op::Input;
        let arguments: Vec<&Tensor> =
            [Some(x), Some(weight.as_tensor()), parameters.bias.map(Var::as_tensor)].into_iter().flatten().collect();
        self.record(&arguments, y, ConvDerivative { conv, input_wanted })
    }

    /// A normalization, with its ReLU where that alone reads it.
    fn normalize(&self, x: &Tensor, norm: BatchNorm) -> Result<Tensor> {
        let parameters = self.parameters();
        let (Some(offset), Some(running)) = (parameters.bias, parameters.running) else {
            bail!("a normalization has an offset and running statistics");
        };
        let plain = x.detach();
        let statistics = match self.mode {
            Mode::Train => {
                let found = Statistics::of_batch(&plain, norm.eps)?;
                // The running variance is the unbiased one (over n - 1), as PyTorch's is.
                let count = values_per_channel(&plain)?;
                let unbiased = (&found.variance * (count / (count - 1.0).max(1.0)))?;
                for (running, found) in running.into_iter().zip([&found.mean, &unbiased]) {
                    let old = running.as_detached_tensor();
                    running.set(&(&old + ((found.flatten_all()? - &old)? * NORM_MOMENTUM)?)?)?;
                }
                found
            }
            Mode::Evaluate => {
                let [mean, variance] = running.map(|running| per_channel(&running.as_detached_tensor()));
                Statistics::new(mean?, variance?, norm.eps)?
            }
        };
        let relu = self.trainer.relu_of[self.index].is_some();
        let factor = parameters.weight.map(Var::as_detached_tensor);
        let y = statistics.normalize(&plain, factor.as_ref(), &offset.as_detached_tensor(), relu)?;
        let arguments: Vec<&Tensor> =
            [Some(x), parameters.weight.map(Var::as_tensor), Some(offset.as_tensor())].into_iter().flatten().collect();
        self.record(&arguments, y, NormDerivative { statistics, relu })
    }

    /// A normalization of every pixel over its channels.
    fn normalize_pixels(&self, x: &Tensor, eps: f64) -> Result<Tensor> {
        let NodeParameters { weight: Some(factor), bias: Some(offset), .. } = self.parameters() else {
            bail!("a layer normalization has a factor and an offset");
        };
        let normalized = layer_norm::normalize(&x.detach(), eps)?;
        let y = normalized[0].broadcast_mul(&per_channel(&factor.as_detached_tensor())?)?;
        let y = y.broadcast_add(&per_channel(&offset.as_detached_tensor())?)?;
        self.record(&[x, factor.as_tensor(), offset.as_tensor()], y, LayerNormDerivative { normalized })
    }

    /// A factor a channel, with an offset where there is one.
    fn scale(&self, x: &Tensor) -> Result<Tensor> {
        let NodeParameters { weight: Some(factor), bias, .. } = self.parameters() else {
            bail!("a factor a channel has a factor");
        };
        let mut y = x.detach().broadcast_mul(&per_channel(&factor.as_detached_tensor())?)?;
        if let Some(offset) = bias {
            y = y.broadcast_add(&per_channel(&offset.as_detached_tensor())?)?;
        }
        let arguments: Vec<&Tensor> =
            [Some(x), Some(factor.as_tensor()), bias.map(Var::as_tensor)].into_iter().flatten().collect();
        self.record(&arguments, y, ScaleDerivative)
    }

    /// A fully connected layer.
    fn connect(&self, x: &Tensor, out_features: usize) -> Result<Tensor> {
        let NodeParameters { weight: Some(weight), bias, .. } = self.parameters() else {
            bail!("a fully connected layer has a matrix");
        };
        let n = x.dim(0)?;
        let mut y = x.reshape((n, ()))?.matmul(&self.read(weight).t()?)?;
        if let Some(bias) = bias {
            y = y.broadcast_add(&self.read(bias))?;
        }
        y.reshape((n, out_features, 1, 1))
    }

    fn parameters(&self) -> NodeParameters<'_> {
        self.trainer.parameters.of_node(self.index)
    }

    /// A parameter as this pass reads it.
    fn read(&self, var: &Var) -> Tensor {
        match self.mode {
            Mode::Train => var.as_tensor().clone(),
            Mode::Evaluate => var.as_detached_tensor(),
        }
    }

    fn unary(&self, x: &Tensor, y: Tensor, derivative: UnaryDerivative) -> Result<Tensor> {
        self.record(&[x], y, derivative)
    }

    fn record(&self, arguments: &[&Tensor], y: Tensor, derivative: impl Derivative) -> Result<Tensor> {
        match self.mode {
            Mode::Train => record(arguments, y, derivative),
            Mode::Evaluate => Ok(y),
        }
    }
}
