//! Convolution and its gradients by input and kernel.

use candle_core::{Result, Tensor};

use super::super::op::{Border, Conv2d};
use super::strided::{crop, every, interleave, pad, phase_extent, place};

/// How taps of a kernel walk over an image.
#[derive(Clone, Copy, Debug)]
struct Walk {
    stride: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
}

/// The taps of a kernel that read, or write, one phase of the input: every `stride`-th row and column.
#[derive(Debug)]
pub(in super::super) struct Phase {
    /// `[in, out / groups, taps_h, taps_w]`, in reverse order.
    kernel: Tensor,
    /// Pixels of the phase from one tap to the next.
    spacing: [usize; 2],
    /// Pixels of the phase before the first tap.
    offset: [usize; 2],
}

/// Convolves `x` with `weight` `[out, in / groups, kh, kw]`; the result has `output` rows and columns.
pub(in super::super) fn forward(conv: &Conv2d, x: &Tensor, weight: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let walk = Walk { stride: conv.stride, dilation: conv.dilation, groups: conv.groups };
    convolve(x, weight, conv.padding, walk, output)
}

/// The phases of [`input_gradient`], row-major; none where a phase has no taps.
pub(in super::super) fn phases(conv: &Conv2d, weight: &Tensor) -> Result<Vec<Option<Phase>>> {
    let mut phases = Vec::with_capacity(conv.stride[0] * conv.stride[1]);
    for row in 0..conv.stride[0] {
        for column in 0..conv.stride[1] {
            phases.push(phase(conv, weight, [row, column])?);
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
    phases: &[Option<Phase>],
    in_channels: usize,
    gradient: &Tensor,
    input: [usize; 2],
) -> Result<Tensor> {
    let extent = phase_extent(input, conv.padding, conv.stride);
    let (n, _, rows, columns) = gradient.dims4()?;
    let parts = phases
        .iter()
        .map(|phase| match phase {
            None => Tensor::zeros((n, in_channels, extent[0], extent[1]), gradient.dtype(), gradient.device()),
            Some(Phase { kernel, spacing, offset }) => {
                let full = [(kernel.dim(2)? - 1) * spacing[0], (kernel.dim(3)? - 1) * spacing[1]];
                let walk = Walk { stride: [1, 1], dilation: *spacing, groups: conv.groups };
                let output = [rows + full[0], columns + full[1]];
                place(&convolve(gradient, kernel, Border::equal(full), walk, output)?, *offset, extent)
            }
        })
        .collect::<Result<Vec<_>>>()?;
    crop(&interleave(&parts, conv.stride)?, conv.padding.before, input)
}

/// Gradient by the kernel, `[out, in / groups, kh, kw]`: for every tap one matrix product a group of the output gradient
/// with the pixels that the tap reads. As one convolution it would need the memory of all taps at once.
pub(in super::super) fn weight_gradient(conv: &Conv2d, x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let (n, out_channels, rows, columns) = gradient.dims4()?;
    let (groups, pixels) = (conv.groups, n * rows * columns);
    let gradient = by_channel(gradient)?.reshape((groups, out_channels / groups, pixels))?;
    let x = pad(&by_channel(x)?, conv.padding, 0.0)?;
    let in_channels = x.dim(0)? / groups;
    let [height, width] = conv.kernel;
    let mut taps = Vec::with_capacity(height * width);
    for tap in 0..height * width {
        let offset = [tap / width * conv.dilation[0], tap % width * conv.dilation[1]];
        let read = every(&x, offset, conv.stride, [rows, columns])?;
        let read = read.contiguous()?.reshape((groups, in_channels, pixels))?;
        taps.push(gradient.matmul(&read.transpose(1, 2)?)?.reshape((out_channels, in_channels))?);
    }
    Tensor::stack(&taps, 2)?.reshape((out_channels, in_channels, height, width))
}

/// `[n, c, h, w]` as `[c, n, h, w]`, or back.
fn by_channel(x: &Tensor) -> Result<Tensor> {
    x.transpose(0, 1)?.contiguous()
}

/// candle's convolution knows one padding, one stride and one dilation for both axes; others are made by hand.
fn convolve(x: &Tensor, kernel: &Tensor, padding: Border, walk: Walk, output: [usize; 2]) -> Result<Tensor> {
    let Walk { stride, dilation, groups } = walk;
    if groups > 1 || dilation[0] != dilation[1] {
        return tap_by_tap(x, kernel, padding, walk, output);
    }
    let (x, padding) = match padding.equal_sides() {
        Some([rows, columns]) if rows == columns => (x.clone(), rows),
        _ => (pad(x, padding, 0.0)?, 0),
    };
    if stride[0] == stride[1] {
        return x.conv2d(kernel, padding, stride[0], dilation[0], 1);
    }
    every(&x.conv2d(kernel, padding, 1, dilation[0], 1)?, [0, 0], stride, output)
}

/// The convolution as a sum over the taps of the kernel, all groups at once: candle's own runs them one after the other,
/// which are hundreds where each channel is a group.
fn tap_by_tap(x: &Tensor, kernel: &Tensor, padding: Border, walk: Walk, output: [usize; 2]) -> Result<Tensor> {
    let Walk { stride, dilation, groups } = walk;
    let (out_channels, in_channels, height, width) = kernel.dims4()?;
    let n = x.dim(0)?;
    let pixels = n * output[0] * output[1];
    let x = pad(&by_channel(x)?, padding, 0.0)?;
    let taps = kernel.permute((2, 3, 0, 1))?.contiguous()?;
    let taps = taps.reshape((height * width, groups, out_channels / groups, in_channels))?;
    let mut sum: Option<Tensor> = None;
    for tap in 0..height * width {
        let offset = [tap / width * dilation[0], tap % width * dilation[1]];
        let read = every(&x, offset, stride, output)?.contiguous()?.reshape((groups, in_channels, pixels))?;
        let weights = taps.get(tap)?;
        let part = if in_channels == 1 { read.broadcast_mul(&weights)? } else { weights.matmul(&read)? };
        sum = Some(match sum {
            None => part,
            Some(sum) => (sum + part)?,
        });
    }
    match sum {
        Some(sum) => by_channel(&sum.reshape((out_channels, n, output[0], output[1]))?),
        None => candle_core::bail!("a kernel needs at least one tap"),
    }
}

/// The taps that touch rows and columns `phase`, `phase + stride`, ... of the input with its border, in reverse order,
/// with input and output channels of each group exchanged.
fn phase(conv: &Conv2d, weight: &Tensor, phase: [usize; 2]) -> Result<Option<Phase>> {
    let (mut spacing, mut offset) = ([1, 1], [0, 0]);
    let mut kernel = weight.clone();
    for axis in 0..2 {
        let (stride, dilation) = (conv.stride[axis], conv.dilation[axis]);
        let taps: Vec<usize> = (0..conv.kernel[axis]).filter(|tap| tap * dilation % stride == phase[axis]).collect();
        let Some(first) = taps.first() else { return Ok(None) };
        offset[axis] = first * dilation / stride;
        if let Some(second) = taps.get(1) {
            spacing[axis] = (second - first) * dilation / stride;
        }
        let reversed: Vec<u32> = taps.iter().rev().map(|tap| *tap as u32).collect();
        let reversed = Tensor::from_vec(reversed, taps.len(), weight.device())?;
        kernel = kernel.contiguous()?.index_select(&reversed, axis + 2)?;
    }
    let (out_channels, in_channels, height, width) = kernel.dims4()?;
    let groups = conv.groups;
    let kernel = kernel.reshape((groups, out_channels / groups, in_channels, height, width))?.transpose(1, 2)?;
    let kernel = kernel.contiguous()?.reshape((groups * in_channels, out_channels / groups, height, width))?;
    Ok(Some(Phase { kernel, spacing, offset }))
}
