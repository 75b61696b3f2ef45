//! The executor made of candle's tensor operations: the reference, and the one for every device candle knows.
//!
//! Gradients are vector-Jacobian products written out per operation, because candle's autograd always computes weight
//! gradients and has no backward for the pools of these networks. Images run one by one, so that no kernel can make
//! the values of an image depend on its batch.

mod backward;
mod conv;
mod forward;
mod layer;

use candle_core::{DType, Device, Tensor};

use self::layer::Layer;
use super::candle_ops::{device_name, host_f32, host_f64};
use super::error::{Error, Result};
use super::executor::{
    Activation, Batch, Executor, Pass, PassOutput, ReluRule, check_input, check_pass, resolve_classes,
};
use super::graph::{Graph, NodeId};
use super::weights::Weights;

/// Runs a graph with candle tensor operations on any candle device, in `f32` or `f64`.
#[derive(Debug)]
pub struct CandleExecutor {
    graph: Graph,
    layers: Vec<Layer>,
    /// For every node the last node that reads it; its value is dropped after that.
    last_readers: Vec<usize>,
    device: Device,
    dtype: DType,
}

/// What a [`Pass`] gave, in double precision; every field as in [`PassOutput`].
#[derive(Clone, Debug, PartialEq)]
pub struct PassOutputF64 {
    /// Logits, `[n, classes]`, row-major.
    pub logits: Vec<f64>,
    /// The class differentiated, one an image.
    pub classes: Vec<usize>,
    /// Input gradient `[n, c, h, w]` where asked for.
    pub gradient: Option<Vec<f64>>,
    /// Guided input gradient `[n, c, h, w]` where asked for.
    pub guided_gradient: Option<Vec<f64>>,
    /// Value and gradient of the node asked for, both `[n, c, h, w]`.
    pub activation: Option<(Vec<f64>, Vec<f64>)>,
}

/// What one image gave, on the device.
struct ImageOutput {
    logits: Tensor,
    class: usize,
    gradient: Option<Tensor>,
    guided_gradient: Option<Tensor>,
    activation: Option<(Tensor, Tensor)>,
}

impl CandleExecutor {
    /// Copies the weights to `device` as `dtype`, which is `F32` or `F64` (the latter not on Metal).
    ///
    /// # Errors
    /// When the weights lack a tensor of the graph or hold it in another shape, for other data types, and when the
    /// device fails.
    pub fn new(graph: Graph, weights: &Weights, device: Device, dtype: DType) -> Result<Self> {
        if !matches!(dtype, DType::F32 | DType::F64) {
            return Err(Error::UnsupportedDtype { dtype: dtype.as_str().to_owned() });
        }
        weights.check(&graph)?;
        let layers = (0..graph.nodes().len())
            .map(|index| Layer::new(&graph, NodeId(index), weights, &device, dtype))
            .collect::<Result<Vec<_>>>()?;
        let mut last_readers: Vec<usize> =
            graph.readers().iter().map(|readers| readers.last().map_or(usize::MAX, |reader| reader.index())).collect();
        // Outputs stay, whoever reads them.
        for output in graph.outputs() {
            last_readers[output.index()] = usize::MAX;
        }
        Ok(Self { graph, layers, last_readers, device, dtype })
    }

    /// Runs one pass and returns the values of the device in double precision, unrounded.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_f64(&self, pass: &Pass<'_>) -> Result<PassOutputF64> {
        let outputs = self.run_images(pass)?;
        let collect = |pick: &dyn Fn(&ImageOutput) -> Option<&Tensor>| -> Result<Vec<f64>> {
            let mut values = Vec::new();
            for tensor in outputs.iter().filter_map(pick) {
                values.extend(host_f64(tensor)?);
            }
            Ok(values)
        };
        let wanted = |flag: bool, pick: &dyn Fn(&ImageOutput) -> Option<&Tensor>| -> Result<Option<Vec<f64>>> {
            if flag { collect(pick).map(Some) } else { Ok(None) }
        };
        let value = wanted(pass.activation.is_some(), &|output| output.activation.as_ref().map(|pair| &pair.0))?;
        let slope = wanted(pass.activation.is_some(), &|output| output.activation.as_ref().map(|pair| &pair.1))?;
        Ok(PassOutputF64 {
            logits: collect(&|output| Some(&output.logits))?,
            classes: outputs.iter().map(|output| output.class).collect(),
            gradient: wanted(pass.gradient, &|output| output.gradient.as_ref())?,
            guided_gradient: wanted(pass.guided_gradient, &|output| output.guided_gradient.as_ref())?,
            activation: value.zip(slope),
        })
    }

    /// Runs the network forward alone and returns its outputs `[n, c, h, w]`, in the order of [`Graph::outputs`]. This
    /// is how networks that localize run; of a classifier it gives the logits.
    ///
    /// # Errors
    /// When the input does not fit the graph, or the device fails.
    pub fn outputs(&self, input: &Batch) -> Result<Vec<Batch>> {
        let extents = check_input(&self.graph, input)?;
        let shape = |id: &NodeId| {
            let [rows, columns] = extents[id.index()];
            [input.len(), self.graph.node(*id).channels, rows, columns]
        };
        let mut outputs: Vec<Batch> = self.graph.outputs().iter().map(|id| Batch::zeros(shape(id))).collect();
        for index in 0..input.len() {
            let trace = self.forward(self.upload(input, index)?, &extents, false, None)?;
            for (batch, tensor) in outputs.iter_mut().zip(&trace.outputs) {
                batch.image_mut(index).copy_from_slice(&host_f32(tensor)?);
            }
        }
        Ok(outputs)
    }

    fn upload(&self, input: &Batch, index: usize) -> Result<Tensor> {
        let [_, channels, height, width] = input.shape();
        let shape = [1, channels, height, width];
        Tensor::from_slice(input.image(index), &shape, &self.device)
            .and_then(|image| image.to_dtype(self.dtype))
            .map_err(|source| Error::candle("the copy of the image", &shape, source))
    }

    fn run_images(&self, pass: &Pass<'_>) -> Result<Vec<ImageOutput>> {
        check_pass(&self.graph, pass)?;
        (0..pass.input.len()).map(|index| self.run_image(pass, index)).collect()
    }

    fn run_image(&self, pass: &Pass<'_>, index: usize) -> Result<ImageOutput> {
        let [_, _, height, width] = pass.input.shape();
        let extents = self.graph.extents(height, width)?;
        let image = self.upload(pass.input, index)?;
        let differentiate = pass.gradient || pass.guided_gradient || pass.activation.is_some();
        let trace = self.forward(image, &extents, differentiate, pass.activation)?;

        let class = match pass.target {
            super::executor::Target::Classes(list) => list[index],
            other => resolve_classes(&other, &host_f32(&trace.outputs[0])?, self.graph.logit_count())[0],
        };
        let image_node = NodeId(0);
        let backward = |rule, stop| self.backward(&trace, class, rule, stop, pass.activation);
        let mut activation = None;
        let mut gradient = None;
        if pass.gradient || pass.activation.is_some() {
            let stop = if pass.gradient { image_node } else { pass.activation.unwrap_or(image_node) };
            let slopes = backward(ReluRule::Standard, stop)?;
            activation = trace.activation.clone().zip(slopes.activation);
            gradient = pass.gradient.then_some(slopes.stop);
        }
        let guided_gradient =
            if pass.guided_gradient { Some(backward(ReluRule::Guided, image_node)?.stop) } else { None };
        let logits = trace.outputs[0].clone();
        Ok(ImageOutput { logits, class, gradient, guided_gradient, activation })
    }
}

impl Executor for CandleExecutor {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        format!("candle ({}, {})", device_name(&self.device), self.dtype.as_str())
    }

    fn preferred_batch(&self, _height: usize, _width: usize) -> usize {
        1
    }

    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput> {
        let outputs = self.run_images(pass)?;
        let gather = |shape: [usize; 4], pick: &dyn Fn(&ImageOutput) -> Option<&Tensor>| -> Result<Batch> {
            let mut values = Vec::with_capacity(shape.iter().product());
            for tensor in outputs.iter().filter_map(pick) {
                values.extend(host_f32(tensor)?);
            }
            Ok(Batch::new(shape, values))
        };
        let wanted = |flag: bool, pick: &dyn Fn(&ImageOutput) -> Option<&Tensor>| -> Result<Option<Batch>> {
            if flag { gather(pass.input.shape(), pick).map(Some) } else { Ok(None) }
        };
        let activation = match pass.activation {
            None => None,
            Some(node) => {
                let [n, _, height, width] = pass.input.shape();
                let [rows, columns] = self.graph.extents(height, width)?[node.index()];
                let shape = [n, self.graph.node(node).channels, rows, columns];
                let value = gather(shape, &|output| output.activation.as_ref().map(|pair| &pair.0))?;
                let gradient = gather(shape, &|output| output.activation.as_ref().map(|pair| &pair.1))?;
                Some(Activation { value, gradient })
            }
        };
        let logits = gather([pass.input.len(), self.graph.logit_count(), 1, 1], &|output| Some(&output.logits))?;
        Ok(PassOutput {
            logits: logits.into_values(),
            classes: outputs.iter().map(|output| output.class).collect(),
            gradient: wanted(pass.gradient, &|output| output.gradient.as_ref())?,
            guided_gradient: wanted(pass.guided_gradient, &|output| output.guided_gradient.as_ref())?,
            activation,
        })
    }
}
