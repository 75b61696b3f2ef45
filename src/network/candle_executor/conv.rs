//! A convolution whose weights stay as they are.

use candle_core::{Result, Tensor};

use super::super::candle_ops::conv;
use super::super::op::Conv2d;

/// A convolution with its weights on the device.
#[derive(Debug)]
pub(super) struct ConvLayer {
    conv: Conv2d,
    weight: Tensor,
    bias: Option<Tensor>,
    phases: Vec<Option<conv::Phase>>,
}

impl ConvLayer {
    /// Takes the kernel `[out, in / groups, kh, kw]` and the bias `[1, out, 1, 1]`.
    pub(super) fn new(conv: Conv2d, weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        let phases = conv::phases(&conv, &weight)?;
        Ok(Self { conv, weight, bias, phases })
    }

    pub(super) fn forward(&self, x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
        let y = conv::forward(&self.conv, x, &self.weight, output)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// Gradient by the input, which has `input` rows and columns.
    pub(super) fn backward(&self, gradient: &Tensor, input: [usize; 2]) -> Result<Tensor> {
        conv::input_gradient(&self.conv, &self.phases, self.weight.dim(1)? * self.conv.groups, gradient, input)
    }
}
