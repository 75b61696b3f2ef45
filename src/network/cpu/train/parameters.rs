//! All weights of a network in one run of memory, and, apart from them, what training keeps about each.

use std::ops::Range;

use super::super::super::error::{Error, Result};
use super::super::super::graph::{Graph, NodeId, Parameter, ParameterRole};
use super::super::super::trainable::{AdamW, Moments};
use super::super::super::weights::{Tensor, Weights};

/// Where a node's tensors lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// Kernel, matrix or factor.
    pub(super) weight: Range<usize>,
    /// Bias or offset.
    pub(super) bias: Range<usize>,
    /// Running mean.
    pub(super) mean: Range<usize>,
    /// Running variance.
    pub(super) variance: Range<usize>,
}

/// Values of all tensors: all that a forward pass needs.
#[derive(Debug)]
pub(super) struct Parameters {
    list: Vec<(Parameter, Range<usize>)>,
    pub(super) slots: Vec<Slots>,
    pub(super) values: Vec<f32>,
}

/// What training keeps beside the values, each in their order.
#[derive(Debug)]
pub(super) struct Optimizer {
    pub(super) gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
}

impl Parameters {
    pub(super) fn new(graph: &Graph, weights: &Weights) -> Result<Self> {
        weights.check(graph)?;
        let mut slots = vec![Slots::default(); graph.nodes().len()];
        let mut list = Vec::new();
        let mut values = Vec::new();
        for parameter in graph.parameters() {
            let start = values.len();
            values.extend_from_slice(&weights.get(&parameter.name)?.values);
            let range = start..values.len();
            let own = &mut slots[parameter.node.index()];
            match parameter.role {
                ParameterRole::ConvWeight
                | ParameterRole::LinearConvWeight
                | ParameterRole::HeadWeight
                | ParameterRole::LinearWeight
                | ParameterRole::NormWeight
                | ParameterRole::ConstantFactor => own.weight = range.clone(),
                ParameterRole::Bias
                | ParameterRole::RareScoreBias
                | ParameterRole::NormBias
                | ParameterRole::ConstantOffset => {
                    own.bias = range.clone();
                }
                ParameterRole::RunningMean => own.mean = range.clone(),
                ParameterRole::RunningVariance => own.variance = range.clone(),
            }
            list.push((parameter, range));
        }
        for index in 0..slots.len() {
            // Nodes that share parameters read and move those of their owner.
            slots[index] = slots[graph.owner(NodeId(index)).index()].clone();
        }
        Ok(Self { list, slots, values })
    }

    pub(super) fn weights(&self) -> Weights {
        self.named(&self.values, |_| true)
    }

    fn named(&self, values: &[f32], wanted: impl Fn(ParameterRole) -> bool) -> Weights {
        let mut weights = Weights::default();
        for (parameter, range) in self.list.iter().filter(|(parameter, _)| wanted(parameter.role)) {
            let tensor = Tensor { shape: parameter.shape.clone(), values: values[range.clone()].to_vec() };
            weights.insert(parameter.name.clone(), tensor);
        }
        weights
    }
}

impl Optimizer {
    /// Nothing learned yet.
    pub(super) fn new(parameters: &Parameters) -> Self {
        let zeros = || vec![0.0; parameters.values.len()];
        Self { gradient: zeros(), first: zeros(), second: zeros(), steps: 0 }
    }

    /// Numbers kept.
    pub(super) fn len(&self) -> usize {
        self.gradient.len() + self.first.len() + self.second.len()
    }

    pub(super) fn gradients(&self, parameters: &Parameters) -> Weights {
        parameters.named(&self.gradient, ParameterRole::is_trained)
    }

    pub(super) fn moments(&self, parameters: &Parameters) -> Moments {
        let named = |values| parameters.named(values, ParameterRole::is_trained);
        Moments { steps: self.steps, first: named(&self.first), second: named(&self.second) }
    }

    pub(super) fn restore(&mut self, parameters: &mut Parameters, weights: &Weights, moments: &Moments) -> Result<()> {
        // Into copies first: a misfit leaves everything as it was.
        let mut sets = [parameters.values.clone(), self.first.clone(), self.second.clone()];
        for (parameter, range) in &parameters.list {
            let sources = [weights, &moments.first, &moments.second];
            let count = if parameter.role.is_trained() { 3 } else { 1 };
            for (set, source) in sets.iter_mut().zip(sources).take(count) {
                let tensor = source.get(&parameter.name)?;
                if tensor.shape != parameter.shape {
                    return Err(Error::MissingTensor { name: format!("{} {:?}", parameter.name, parameter.shape) });
                }
                set[range.clone()].copy_from_slice(&tensor.values);
            }
        }
        [parameters.values, self.first, self.second] = sets;
        self.steps = moments.steps;
        Ok(())
    }

    /// Every sum in a fixed order, so that a resumed training goes on bit for bit.
    pub(super) fn update(&mut self, parameters: &mut Parameters, step: &AdamW) -> f64 {
        let norm = self.gradient.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return norm;
        }
        self.steps += 1;
        let clip = step.clip_norm.map_or(1.0, |most| (most / norm.max(f64::MIN_POSITIVE)).min(1.0)) as f32;
        let corrected = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let rate = (step.learning_rate / corrected(step.beta1)) as f32;
        let second_scale = (1.0 / corrected(step.beta2)) as f32;
        let (beta1, beta2, eps) = (step.beta1 as f32, step.beta2 as f32, step.eps as f32);
        for (parameter, range) in &parameters.list {
            if !parameter.role.is_trained() {
                continue;
            }
            let decay = if parameter.role.decays() { step.weight_decay } else { 0.0 };
            let kept = (1.0 - step.learning_rate * decay) as f32;
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            let values = parameters.values[range.clone()].iter_mut().zip(&self.gradient[range.clone()]);
            for ((value, gradient), (first, second)) in values.zip(moments) {
                let gradient = gradient * clip;
                *first = beta1 * *first + (1.0 - beta1) * gradient;
                *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                *value = *value * kept - rate * *first / ((*second * second_scale).sqrt() + eps);
            }
        }
        norm
    }
}
