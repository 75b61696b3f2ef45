//! Convolution and its gradients by input and kernel.

use candle_core::{Result, Tensor};

use super::super::op::Conv2d;
use super::strided::{crop, every, interleave, pad, phase_extent, place};

/// Convolves `x` with `weight` `[out, in, kh, kw]`; the result has `output` rows and columns.
pub(in super::super) fn forward(conv: &Conv2d, x: &Tensor, weight: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let stride = conv.stride;
    if stride[0] == stride[1] {
        return convolve(x, weight, conv.padding.before, stride[0]);
    }
    every(&convolve(x, weight, conv.padding.before, 1)?, [0, 0], stride, output)
}

/// Kernels `[in, out, taps_h, taps_w]` of the phases of [`input_gradient`], row-major; none where a phase has no taps.
pub(in super::super) fn phase_kernels(conv: &Conv2d, weight: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let mut phases = Vec::with_capacity(conv.stride[0] * conv.stride[1]);
    for row in 0..conv.stride[0] {
        for column in 0..conv.stride[1] {
            phases.push(phase_kernel(conv, weight, [row, column])?);
        }
    }
    Ok(phases)
}

/// Gradient by the input, which has `input` rows and columns and `in_channels` channels.
///
/// The input gradient of a convolution with stride `s` falls apart into `s_h * s_w` phases of the input, each a
/// stride-1 convolution of the output gradient with every `s`-th tap of the turned kernel. This costs no zeros, needs
/// no output padding, and uses candle's fast convolution on every device (its transposed one is naive on CUDA).
pub(in super::super) fn input_gradient(
    conv: &Conv2d,
    phases: &[Option<Tensor>],
    in_channels: usize,
    gradient: &Tensor,
    input: [usize; 2],
) -> Result<Tensor> {
    let extent = phase_extent(input, conv.padding.before, conv.stride);
    let n = gradient.dim(0)?;
    let parts = phases
        .iter()
        .map(|kernel| match kernel {
            None => Tensor::zeros((n, in_channels, extent[0], extent[1]), gradient.dtype(), gradient.device()),
            Some(kernel) => {
                let full = [kernel.dim(2)? - 1, kernel.dim(3)? - 1];
                place(&convolve(gradient, kernel, full, 1)?, [0, 0], extent)
            }
        })
        .collect::<Result<Vec<_>>>()?;
    crop(&interleave(&parts, conv.stride)?, conv.padding.before, input)
}

/// Gradient by the kernel, `[out, in, kh, kw]`: for every tap one matrix product of the output gradient with the pixels
/// that the tap reads. As one convolution it would need the memory of all taps at once.
pub(in super::super) fn weight_gradient(conv: &Conv2d, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (n, out_channels, rows, columns) = gradient.dims4()?;
    let pixels = n * rows * columns;
    let by_channel = |values: &Tensor| values.transpose(0, 1)?.contiguous();
    let gradient = by_channel(gradient)?.reshape((out_channels, pixels))?;
    let x = pad(&by_channel(x)?, conv.padding.before, 0.0)?;
    let in_channels = x.dim(0)?;
    let [height, width] = conv.kernel;
    let mut taps = Vec::with_capacity(height * width);
    for tap in 0..height * width {
        let read = every(&x, [tap / width, tap % width], conv.stride, [rows, columns])?;
        let read = read.contiguous()?.reshape((in_channels, pixels))?;
        taps.push(gradient.matmul(&read.t()?)?);
    }
    Tensor::stack(&taps, 2)?.reshape((out_channels, in_channels, height, width))
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
