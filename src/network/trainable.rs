//! What training needs of a network: outputs, gradients by the weights, and steps of an optimizer.

use super::error::{Error, Result};
use super::executor::{Batch, check_input};
use super::graph::{Graph, ParameterRole};
use super::weights::Weights;

/// What batch normalization does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Normalizes by the statistics of the batch and moves the running ones a tenth of the way towards them.
    Train,
    /// Normalizes by the running statistics.
    Evaluate,
}

/// How far running statistics move towards those of a batch.
pub(super) const NORM_MOMENTUM: f64 = 0.1;

/// One step of `AdamW` (Loshchilov and Hutter 2019, algorithm 2): decoupled weight decay, moments corrected for their
/// start at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Share of a weight lost each step, times the learning rate. Biases and normalizations lose nothing.
    pub weight_decay: f64,
    /// Gradients longer than this (Euclidean norm over all weights) are shortened to it.
    pub clip_norm: Option<f64>,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2, clip_norm: None }
    }
}

/// The optimizer's memory: both moments of every trained tensor, by the tensor's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Steps done.
    pub steps: u64,
    /// Running mean of the gradient.
    pub first: Weights,
    /// Running mean of its square.
    pub second: Weights,
}

/// A network whose weights follow gradients.
pub trait Trainable: Send {
    /// The network.
    fn graph(&self) -> &Graph;

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    fn describe(&self) -> String;

    /// The weights as they are now.
    ///
    /// # Errors
    /// When the device fails.
    fn weights(&self) -> Result<Weights>;

    /// Values of the graph's outputs, one batch `[n, c, h, w]` each, for images `[n, c, h, w]`. In [`Mode::Train`] what
    /// [`Trainable::backward`] needs is kept.
    ///
    /// # Errors
    /// When the input does not fit the graph or the device fails.
    fn forward(&mut self, input: &Batch, mode: Mode) -> Result<Vec<Batch>>;

    /// Goes back from the gradients by the outputs of the last [`Trainable::forward`] in [`Mode::Train`] to those of all
    /// weights, which replace the earlier ones.
    ///
    /// # Errors
    /// When there was no such pass, shapes differ, or the device fails.
    fn backward(&mut self, output_gradients: &[Batch]) -> Result<()>;

    /// The gradients by the weights as the last [`Trainable::backward`] left them, by tensor name.
    ///
    /// # Errors
    /// When there are none or the device fails.
    fn gradients(&self) -> Result<Weights>;

    /// Changes the weights by the gradients. Gives the length of the gradient before clipping; where that is not finite
    /// nothing is changed.
    ///
    /// # Errors
    /// When there are no gradients or the device fails.
    fn update(&mut self, step: &AdamW) -> Result<f64>;

    /// The optimizer's memory.
    ///
    /// # Errors
    /// When the device fails.
    fn moments(&self) -> Result<Moments>;

    /// Goes back to weights and moments kept earlier.
    ///
    /// # Errors
    /// When tensors are missing or misshapen, or the device fails.
    fn restore(&mut self, weights: &Weights, moments: &Moments) -> Result<()>;
}

impl ParameterRole {
    /// Whether gradients change it; running statistics follow the batches instead.
    pub fn is_trained(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance) && !self.is_constant()
    }

    /// Whether it is part of the network and nothing ever changes it.
    pub fn is_constant(self) -> bool {
        matches!(self, Self::ConstantFactor | Self::ConstantOffset)
    }

    /// Whether weight decay applies: to kernels and matrices alone.
    pub fn decays(self) -> bool {
        matches!(self, Self::ConvWeight | Self::LinearConvWeight | Self::HeadWeight | Self::LinearWeight)
    }
}

/// The extents of all nodes for a batch with images.
///
/// # Errors
/// When it holds no image, or does not fit the graph.
pub(super) fn check_images(graph: &Graph, input: &Batch) -> Result<Vec<[usize; 2]>> {
    if input.is_empty() {
        return Err(Error::Training("a batch without images cannot be run".to_owned()));
    }
    check_input(graph, input)
}

/// Refuses gradients that have not the shapes of the outputs.
pub(super) fn check_output_gradients(outputs: impl Iterator<Item = [usize; 4]>, gradients: &[Batch]) -> Result<()> {
    let wanted: Vec<_> = outputs.collect();
    let found: Vec<_> = gradients.iter().map(Batch::shape).collect();
    if wanted == found {
        return Ok(());
    }
    Err(Error::Training(format!("the gradients of shapes {found:?} do not fit the outputs {wanted:?}")))
}

/// There is nothing to go back from.
pub(super) fn no_pass() -> Error {
    Error::Training("there was no forward pass in training mode to go back from".to_owned())
}

/// There is nothing to change weights by.
pub(super) fn no_gradient() -> Error {
    Error::Training("there was no backward pass whose gradient could be used".to_owned())
}
