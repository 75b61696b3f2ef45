//! What follows a convolution and is computed with it: normalizations and factors, a sum, a function of each value.

use super::super::super::error::Result;
use super::super::super::graph::NodeId;
use super::super::super::nonlinearity::Nonlinearity;
use super::super::super::op::{BatchNorm, Op};
use super::super::kernel::{Activation, Curve};
use super::ValueId;
use super::fusion::Lowering;

/// A chain of nodes behind a convolution, of which nobody else reads anything but the last.
pub(super) struct Tail {
    /// Factor of each output channel.
    pub(super) scale: Vec<f64>,
    /// Offset of each output channel, where there is any.
    pub(super) bias: Option<Vec<f32>>,
    /// Added before the activation.
    pub(super) addend: Option<ValueId>,
    pub(super) activation: Option<Activation>,
    /// The last node of the chain.
    pub(super) end: NodeId,
}

/// The function that the kernels know by another name.
pub(super) fn activation(function: Nonlinearity) -> Activation {
    Activation::Curve(match function {
        function @ Nonlinearity::Clip { high, .. } if function.is_gate() => return Activation::Gate { high },
        Nonlinearity::Clip { low, high } => Curve::Clip { low, high },
        Nonlinearity::Sigmoid => Curve::Sigmoid,
        Nonlinearity::Silu => Curve::Silu,
        Nonlinearity::HardSigmoid { slope, offset } => Curve::HardSigmoid { slope, offset },
        Nonlinearity::HardSwish => Curve::HardSwish,
        Nonlinearity::Gelu => Curve::Gelu,
        Nonlinearity::GeluTanh => Curve::GeluTanh,
        Nonlinearity::LeakyRelu { slope } => Curve::LeakyRelu { slope },
        Nonlinearity::Elu { alpha } => Curve::Elu { alpha },
        Nonlinearity::Tanh => Curve::Tanh,
    })
}

impl Lowering<'_> {
    /// The chain behind `start`, which stands for the convolution at `weighted` of `channels` outputs. A sum belongs to it
    /// where its other input is there already and lies as `layout` says: the place of each channel, and the width.
    pub(super) fn tail(
        &mut self,
        weighted: NodeId,
        start: NodeId,
        has_bias: bool,
        layout: Option<(&[usize], usize)>,
    ) -> Result<Tail> {
        let channels = self.graph.node(weighted).channels;
        let mut scale = vec![1.0; channels];
        let mut bias = vec![0.0; channels];
        let mut offset = has_bias;
        if has_bias {
            let tensor = self.weights.get(&self.graph.parameter_name(weighted, "bias"))?;
            bias = tensor.values.iter().map(|value| f64::from(*value)).collect();
        }
        let mut end = start;
        while let Some(reader) = self.sole_reader(end) {
            let Some((factors, offsets)) = self.affine(reader)? else { break };
            for (channel, bias) in bias.iter_mut().enumerate() {
                scale[channel] *= factors[channel];
                *bias = *bias * factors[channel] + offsets[channel];
            }
            offset = true;
            self.fused[reader.index()] = true;
            end = reader;
        }
        let mut addend = None;
        if let Some(layout) = layout
            && let Some((sum, other)) = self.sum_behind(end, layout)
        {
            self.fused[sum.index()] = true;
            addend = Some(other);
            end = sum;
        }
        let activation = self.take_activation(&mut end);
        let bias = offset.then(|| bias.iter().map(|value| *value as f32).collect());
        Ok(Tail { scale, bias, addend, activation, end })
    }

    /// The sum that alone reads `id`, and its other input where that has been computed in the same layout.
    fn sum_behind(&self, id: NodeId, (map, width): (&[usize], usize)) -> Option<(NodeId, ValueId)> {
        let sum = self.sole_reader(id).filter(|reader| self.graph.node(*reader).op == Op::Add)?;
        let other = *self.graph.node(sum).inputs.iter().find(|input| **input != id)?;
        let value = self.values_of[other.index()]?;
        let lies = &self.values[value];
        (lies.buffer.is_some() && lies.map == map && lies.channels.len() == width).then_some((sum, value))
    }

    /// The function that alone reads `end`, which then is the end.
    pub(super) fn take_activation(&mut self, end: &mut NodeId) -> Option<Activation> {
        let reader = self.sole_reader(*end)?;
        let found = match self.graph.node(reader).op {
            Op::Relu => Activation::RELU,
            Op::Nonlinearity(function) => activation(function),
            _ => return None,
        };
        self.fused[reader.index()] = true;
        *end = reader;
        Some(found)
    }

    /// Factor and offset of each channel of a normalization with fixed statistics, or of a learned factor.
    pub(super) fn affine(&self, id: NodeId) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
        let get = |suffix: &str| self.weights.get(&self.graph.parameter_name(id, suffix));
        let numbers = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect();
        match self.graph.node(id).op {
            Op::BatchNorm(norm) => self.norm(id, norm).map(Some),
            Op::Scale { bias } => {
                let factors: Vec<f64> = numbers(&get("weight")?.values);
                let offsets = if bias { numbers(&get("bias")?.values) } else { vec![0.0; factors.len()] };
                Ok(Some((factors, offsets)))
            }
            _ => Ok(None),
        }
    }

    fn norm(&self, id: NodeId, norm: BatchNorm) -> Result<(Vec<f64>, Vec<f64>)> {
        let get = |suffix: &str| self.weights.get(&self.graph.parameter_name(id, suffix));
        let (mean, variance, offset) = (get("running_mean")?, get("running_var")?, get("bias")?);
        let weight = if norm.scale { Some(get("weight")?) } else { None };
        Ok((0..self.graph.node(id).channels)
            .map(|channel| {
                let weight = weight.map_or(1.0, |tensor| f64::from(tensor.values[channel]));
                let factor = weight / (f64::from(variance.values[channel]) + norm.eps).sqrt();
                (factor, f64::from(offset.values[channel]) - f64::from(mean.values[channel]) * factor)
            })
            .unzip())
    }
}
