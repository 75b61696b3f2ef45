//! All weights of a network on the device, and what the optimizer keeps about each.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use super::super::candle_ops::{host_f32, host_f64};
use super::super::error::{Error, Result};
use super::super::graph::{Graph, NodeId, Parameter, ParameterRole};
use super::super::trainable::{AdamW, Moments};
use super::super::weights::{self, Weights};

/// Where a node's tensors lie in the list.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    /// Kernel, matrix or factor.
    weight: Option<usize>,
    /// Bias or offset.
    bias: Option<usize>,
    /// Running mean.
    mean: Option<usize>,
    /// Running variance.
    variance: Option<usize>,
}

/// What a node reads.
pub(super) struct NodeParameters<'a> {
    /// Kernel, matrix or factor; a normalization may lack it.
    pub(super) weight: Option<&'a Var>,
    /// Bias or offset; a convolution may lack it.
    pub(super) bias: Option<&'a Var>,
    /// Running mean and running variance of a normalization.
    pub(super) running: Option<[&'a Var; 2]>,
}

/// Values, gradients and moments of all tensors.
pub(super) struct Parameters {
    list: Vec<Entry>,
    slots: Vec<Slots>,
    device: Device,
    steps: u64,
}

struct Entry {
    parameter: Parameter,
    value: Var,
    /// None for running statistics, which no gradient changes.
    trained: Option<Trained>,
}

struct Trained {
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
}

impl Parameters {
    pub(super) fn new(graph: &Graph, weights: &Weights, device: &Device) -> Result<Self> {
        weights.check(graph)?;
        let mut slots = vec![Slots::default(); graph.nodes().len()];
        let mut list = Vec::new();
        for (index, parameter) in graph.parameters().into_iter().enumerate() {
            let own = &mut slots[parameter.node.index()];
            let slot = match parameter.role {
                ParameterRole::ConvWeight
                | ParameterRole::LinearConvWeight
                | ParameterRole::HeadWeight
                | ParameterRole::LinearWeight
                | ParameterRole::NormWeight
                | ParameterRole::ConstantFactor => &mut own.weight,
                ParameterRole::Bias
                | ParameterRole::RareScoreBias
                | ParameterRole::NormBias
                | ParameterRole::ConstantOffset => &mut own.bias,
                ParameterRole::RunningMean => &mut own.mean,
                ParameterRole::RunningVariance => &mut own.variance,
            };
            *slot = Some(index);
            list.push(Entry::new(parameter, weights, device)?);
        }
        // Nodes that share parameters read those of their owner.
        let slots = (0..slots.len()).map(|index| slots[graph.owner(NodeId(index)).index()]).collect();
        Ok(Self { list, slots, device: device.clone(), steps: 0 })
    }

    /// The tensors of a node.
    pub(super) fn of_node(&self, index: usize) -> NodeParameters<'_> {
        let slots = self.slots[index];
        let value = |slot: usize| &self.list[slot].value;
        NodeParameters {
            weight: slots.weight.map(value),
            bias: slots.bias.map(value),
            running: slots.mean.zip(slots.variance).map(|(mean, variance)| [value(mean), value(variance)]),
        }
    }

    pub(super) fn weights(&self) -> Result<Weights> {
        self.named(|entry| Some(entry.value.as_tensor()))
    }

    pub(super) fn gradients(&self) -> Result<Weights> {
        self.named(|entry| entry.trained.as_ref().map(|trained| &trained.gradient))
    }

    pub(super) fn moments(&self) -> Result<Moments> {
        let first = self.named(|entry| entry.trained.as_ref().map(|trained| &trained.first))?;
        let second = self.named(|entry| entry.trained.as_ref().map(|trained| &trained.second))?;
        Ok(Moments { steps: self.steps, first, second })
    }

    pub(super) fn restore(&mut self, weights: &Weights, moments: &Moments) -> Result<()> {
        // Everything first, then the change: a misfit leaves everything as it was.
        let mut values = Vec::with_capacity(self.list.len());
        for Entry { parameter, trained, .. } in &self.list {
            let read = |source: &Weights| upload(parameter, source.get(&parameter.name)?, &self.device);
            let moments = match trained {
                Some(_) => Some([read(&moments.first)?, read(&moments.second)?]),
                None => None,
            };
            values.push((read(weights)?, moments));
        }
        for (entry, (value, moments)) in self.list.iter_mut().zip(values) {
            entry.set(&value)?;
            if let (Some(trained), Some([first, second])) = (&mut entry.trained, moments) {
                (trained.first, trained.second) = (first, second);
            }
        }
        self.steps = moments.steps;
        Ok(())
    }

    /// Takes the gradients that candle's tape gave; that of a tensor from which no output was made is 0.
    pub(super) fn take_gradients(&mut self, mut gradients: GradStore) -> Result<()> {
        for entry in &mut self.list {
            let Some(trained) = &mut entry.trained else { continue };
            trained.gradient = match gradients.remove(&entry.value) {
                // Detached, lest the tape live on in it.
                Some(gradient) => gradient.detach(),
                None => entry.value.zeros_like().map_err(|source| entry.parameter.error("the gradient of", source))?,
            };
        }
        Ok(())
    }

    /// As the processor's trainer does it, value by value in the same order of operations.
    pub(super) fn update(&mut self, step: &AdamW) -> Result<f64> {
        let norm = self.gradient_norm()?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        self.steps += 1;
        let clip = step.clip_norm.map_or(1.0, |most| (most / norm.max(f64::MIN_POSITIVE)).min(1.0)) as f32;
        let corrected = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let rate = (step.learning_rate / corrected(step.beta1)) as f32;
        let second_scale = (1.0 / corrected(step.beta2)) as f32;
        for entry in &mut self.list {
            entry
                .update(step, clip, rate, second_scale)
                .map_err(|source| entry.parameter.error("a step of", source))?;
        }
        Ok(norm)
    }

    /// Euclidean norm over all gradients, in double precision where the device has it. One copy to the host for all.
    fn gradient_norm(&self) -> Result<f64> {
        let dtype = if self.device.is_metal() { DType::F32 } else { DType::F64 };
        let mut squares = Vec::new();
        for Entry { parameter, trained, .. } in &self.list {
            let Some(trained) = trained else { continue };
            let square = trained.gradient.to_dtype(dtype).and_then(|values| values.sqr()?.sum_all()?.reshape(1));
            squares.push(square.map_err(|source| parameter.error("the norm of", source))?);
        }
        if squares.is_empty() {
            return Ok(0.0);
        }
        let count = squares.len();
        let squares =
            Tensor::cat(&squares, 0).map_err(|source| Error::candle("the norm of the gradient", &[count], source))?;
        Ok(host_f64(&squares)?.iter().sum::<f64>().sqrt())
    }

    fn named<'a>(&'a self, pick: impl Fn(&'a Entry) -> Option<&'a Tensor>) -> Result<Weights> {
        let mut weights = Weights::default();
        for entry in &self.list {
            if let Some(tensor) = pick(entry) {
                let Parameter { name, shape, .. } = &entry.parameter;
                let values = host_f32(tensor)?;
                weights.insert(name.clone(), weights::Tensor { shape: shape.clone(), values });
            }
        }
        Ok(weights)
    }
}

impl Entry {
    fn new(parameter: Parameter, weights: &Weights, device: &Device) -> Result<Self> {
        let value = upload(&parameter, weights.get(&parameter.name)?, device)?;
        let value = Var::from_tensor(&value).map_err(|source| parameter.error("the upload of", source))?;
        let trained = if parameter.role.is_trained() {
            let zeros = || value.zeros_like().map_err(|source| parameter.error("the moments of", source));
            Some(Trained { gradient: zeros()?, first: zeros()?, second: zeros()? })
        } else {
            None
        };
        Ok(Self { parameter, value, trained })
    }

    fn set(&self, value: &Tensor) -> Result<()> {
        self.value.set(value).map_err(|source| self.parameter.error("the change of", source))
    }

    fn update(&mut self, step: &AdamW, clip: f32, rate: f32, second_scale: f32) -> candle_core::Result<()> {
        let Some(Trained { gradient, first, second }) = &mut self.trained else { return Ok(()) };
        let decay = if self.parameter.role.decays() { step.weight_decay } else { 0.0 };
        let kept = (1.0 - step.learning_rate * decay) as f32;
        let (beta1, beta2, eps) = (step.beta1 as f32, step.beta2 as f32, step.eps as f32);
        let times = |values: &Tensor, factor: f32| values.affine(f64::from(factor), 0.0);
        let gradient = times(gradient, clip)?;
        *first = (times(first, beta1)? + times(&gradient, 1.0 - beta1)?)?;
        *second = (times(second, beta2)? + (times(&gradient, 1.0 - beta2)? * &gradient)?)?;
        let root = times(second, second_scale)?.sqrt()?.affine(1.0, f64::from(eps))?;
        let value = (times(&self.value.as_detached_tensor(), kept)? - (times(first, rate)? / root)?)?;
        self.value.set(&value)
    }
}

impl Parameter {
    fn error(&self, operation: &str, source: candle_core::Error) -> Error {
        Error::candle(&format!("{operation} {}", self.name), &self.shape, source)
    }
}

fn upload(parameter: &Parameter, tensor: &weights::Tensor, device: &Device) -> Result<Tensor> {
    if tensor.shape != parameter.shape {
        return Err(Error::MissingTensor { name: format!("{} {:?}", parameter.name, parameter.shape) });
    }
    Tensor::from_slice(&tensor.values, &parameter.shape[..], device)
        .map_err(|source| parameter.error("the upload of", source))
}
