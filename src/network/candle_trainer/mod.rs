//! Training on every device that candle knows: its tape, with derivatives of our own where candle's will not do.

mod derivatives;
mod forward;
mod norm;
mod parameters;
mod recorded;

use candle_core::{Device, Tensor};

use super::candle_ops::{device_name, host_f32};
use super::error::{Error, Result};
use super::executor::Batch;
use super::graph::{Graph, NodeId};
use super::trainable::{AdamW, Mode, Moments, Trainable, check_images, check_output_gradients, no_gradient, no_pass};
use super::weights::Weights;
use parameters::Parameters;

/// Trains a graph with candle tensor operations on any candle device, in `f32`.
pub struct CandleTrainer {
    graph: Graph,
    device: Device,
    parameters: Parameters,
    /// Per normalization the ReLU that alone reads it: both are computed at once.
    relu_of: Vec<Option<NodeId>>,
    /// Per node the last one that reads it, and itself where nobody does.
    last_reader: Vec<usize>,
    /// The outputs of a pass in training mode; the tape hangs on them.
    outputs: Option<Vec<Tensor>>,
    has_gradient: bool,
}

impl CandleTrainer {
    /// Copies the weights to `device`.
    ///
    /// # Errors
    /// When the weights do not fit the graph, or the device fails.
    pub fn new(graph: Graph, weights: &Weights, device: Device) -> Result<Self> {
        let parameters = Parameters::new(&graph, weights, &device)?;
        let readers = graph.readers();
        let last = |(index, readers): (usize, &Vec<NodeId>)| readers.last().map_or(index, |id| id.index());
        let last_reader = readers.iter().enumerate().map(last).collect();
        let relu_of = graph.relus_of_norms();
        Ok(Self { graph, device, parameters, relu_of, last_reader, outputs: None, has_gradient: false })
    }

    fn upload(&self, batch: &Batch) -> Result<Tensor> {
        Tensor::from_slice(batch.values(), &batch.shape()[..], &self.device)
            .map_err(|source| Error::candle("the copy to the device", &batch.shape(), source))
    }
}

impl Trainable for CandleTrainer {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        format!("candle ({}, f32)", device_name(&self.device))
    }

    fn weights(&self) -> Result<Weights> {
        self.parameters.weights()
    }

    fn forward(&mut self, input: &Batch, mode: Mode) -> Result<Vec<Batch>> {
        let extents = check_images(&self.graph, input)?;
        self.outputs = None;
        let outputs = forward::run(self, self.upload(input)?, &extents, mode)?;
        let batch = |output: &Tensor| Ok(Batch::new(shape_of(output)?, host_f32(output)?));
        let batches = outputs.iter().map(batch).collect::<Result<Vec<_>>>()?;
        if mode == Mode::Train {
            self.outputs = Some(outputs);
        }
        Ok(batches)
    }

    fn backward(&mut self, output_gradients: &[Batch]) -> Result<()> {
        let outputs = self.outputs.take().ok_or_else(no_pass)?;
        let shapes = outputs.iter().map(shape_of).collect::<Result<Vec<_>>>()?;
        check_output_gradients(shapes.into_iter(), output_gradients)?;
        let gradients = output_gradients.iter().map(|gradient| self.upload(gradient)).collect::<Result<Vec<_>>>()?;
        // The derivative of this sum by an output is the gradient given for it.
        let weighted = |(output, gradient): (&Tensor, &Tensor)| (output * gradient)?.sum_all();
        let sum = outputs.iter().zip(&gradients).map(weighted).reduce(|sum, part| sum? + part?);
        let found = match sum {
            Some(sum) => sum.and_then(|sum| sum.backward()),
            None => return Err(no_pass()),
        };
        let found = found.map_err(|source| Error::candle("the backward pass", &[], source))?;
        self.parameters.take_gradients(found)?;
        self.has_gradient = true;
        Ok(())
    }

    fn gradients(&self) -> Result<Weights> {
        if self.has_gradient { self.parameters.gradients() } else { Err(no_gradient()) }
    }

    fn update(&mut self, step: &AdamW) -> Result<f64> {
        if self.has_gradient { self.parameters.update(step) } else { Err(no_gradient()) }
    }

    fn moments(&self) -> Result<Moments> {
        self.parameters.moments()
    }

    fn restore(&mut self, weights: &Weights, moments: &Moments) -> Result<()> {
        self.parameters.restore(weights, moments)
    }
}

fn shape_of(values: &Tensor) -> Result<[usize; 4]> {
    values.dims4().map(Into::into).map_err(|source| Error::candle("an output", values.dims(), source))
}
