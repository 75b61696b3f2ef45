//! Convolution and its input gradient.

use candle_core::{Result, Tensor};

use super::super::graph::Conv2d;
use super::strided::{crop, every, interleave, pad, phase_extent, place};

/// A convolution with its weights on the device.
///
/// The input gradient of a convolution with stride `s` falls apart into `s_h * s_w` phases of the input, each a
/// stride-1 convolution of the output gradient with every `s`-th tap of the turned kernel. This costs no zeros, needs
/// no output padding, and uses candle's fast convolution on every device (its transposed one is naive on CUDA).
#[derive(Debug)]
pub(super) struct ConvLayer {
    conv: Conv2d,
    weight: Tensor,
    bias: Option<Tensor>,
    /// Kernels `[in, out, taps_h, taps_w]` of the phases, row-major; none where the phase has no taps.
    phases: Vec<Option<Tensor>>,
}

impl ConvLayer {
    /// Takes the kernel `[out, in, kh, kw]` and the bias `[1, out, 1, 1]`.
    pub(super) fn new(conv: Conv2d, weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        let mut phases = Vec::with_capacity(conv.stride[0] * conv.stride[1]);
        for row in 0..conv.stride[0] {
            for column in 0..conv.stride[1] {
                phases.push(phase_kernel(&conv, &weight, [row, column])?);
            }
        }
        Ok(Self { conv, weight, bias, phases })
    }

    pub(super) fn forward(&self, x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
        let stride = self.conv.stride;
        let y = if stride[0] == stride[1] {
            convolve(x, &self.weight, self.conv.padding, stride[0])?
        } else {
            every(&convolve(x, &self.weight, self.conv.padding, 1)?, [0, 0], stride, output)?
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// Gradient by the input, which has `input` rows and columns.
    pub(super) fn backward(&self, gradient: &Tensor, input: [usize; 2]) -> Result<Tensor> {
        let (padding, stride) = (self.conv.padding, self.conv.stride);
        let extent = phase_extent(input, padding, stride);
        let (n, in_channels) = (gradient.dim(0)?, self.weight.dim(1)?);
        let parts = self
            .phases
            .iter()
            .map(|kernel| match kernel {
                None => Tensor::zeros((n, in_channels, extent[0], extent[1]), gradient.dtype(), gradient.device()),
                Some(kernel) => {
                    let full = [kernel.dim(2)? - 1, kernel.dim(3)? - 1];
                    place(&convolve(gradient, kernel, full, 1)?, [0, 0], extent)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        crop(&interleave(&parts, stride)?, padding, input)
    }
}

/// candle's convolution knows one padding for both axes; unequal ones are added by hand.
fn convolve(x: &Tensor, kernel: &Tensor, padding: [usize; 2], stride: usize) -> Result<Tensor> {
    if padding[0] == padding[1] {
        return x.conv2d(kernel, padding[0], stride, 1, 1);
    }
    pad(x, padding, 0.0)?.conv2d(kernel, 0, stride, 1, 1)
}

/// Every stride-th tap from `phase` on, in reverse order, with input and output channels exchanged.
fn phase_kernel(conv: &Conv2d, weight: &Tensor, phase: [usize; 2]) -> Result<Option<Tensor>> {
    let mut kernel = weight.clone();
    for (axis, first) in phase.into_iter().enumerate() {
        let taps: Vec<u32> =
            (first..conv.kernel[axis]).step_by(conv.stride[axis]).rev().map(|tap| tap as u32).collect();
        if taps.is_empty() {
            return Ok(None);
        }
        let len = taps.len();
        kernel = kernel.contiguous()?.index_select(&Tensor::from_vec(taps, len, weight.device())?, axis + 2)?;
    }
    kernel.transpose(0, 1)?.contiguous().map(Some)
}
