//! Which pixels a convolution connects.

use super::super::kernel::{OUTSIDE, Patches, Tensor};
use super::super::lower::Convolution;

/// How the first convolution reads the image.
pub(super) fn patches(convolution: &Convolution, image: Tensor, output: Tensor) -> Patches {
    Patches {
        channels: image.channels,
        input_px: image.px,
        output_px: output.px,
        kernel: convolution.kernel,
        stride: convolution.stride,
        padding: convolution.padding,
    }
}

/// Input pixel under each tap of each output pixel, [`OUTSIDE`] in the padding.
pub(super) fn forward_table(convolution: &Convolution, input_px: [usize; 2], output_px: [usize; 2]) -> Vec<u32> {
    let inside = |axis: usize, at: usize, tap: usize| {
        let position = (at * convolution.stride[axis] + tap).checked_sub(convolution.padding[axis])?;
        (position < input_px[axis]).then_some(position)
    };
    let mut table = Vec::new();
    for y in 0..output_px[0] {
        for x in 0..output_px[1] {
            for tap_y in 0..convolution.kernel[0] {
                for tap_x in 0..convolution.kernel[1] {
                    let at = inside(0, y, tap_y).zip(inside(1, x, tap_x));
                    table.push(at.map_or(OUTSIDE, |(y, x)| (y * input_px[1] + x) as u32));
                }
            }
        }
    }
    table
}

/// For the input pixels of one phase of a stride: the taps that reach them, the output pixel behind each tap ([`OUTSIDE`]
/// for none), and the pixels themselves.
pub(super) fn backward_table(
    convolution: &Convolution,
    input_px: [usize; 2],
    output_px: [usize; 2],
    phase: [usize; 2],
) -> (Vec<[usize; 2]>, Vec<u32>, Vec<u32>) {
    let taps_of = |axis: usize| -> Vec<usize> {
        let stride = convolution.stride[axis];
        (0..convolution.kernel[axis])
            .filter(|tap| (phase[axis] + convolution.padding[axis]) % stride == tap % stride)
            .collect()
    };
    let taps: Vec<[usize; 2]> = taps_of(0).iter().flat_map(|y| taps_of(1).into_iter().map(move |x| [*y, x])).collect();
    let outside = |axis: usize, at: usize, tap: usize| {
        let position = (at + convolution.padding[axis]).checked_sub(tap)? / convolution.stride[axis];
        (position < output_px[axis]).then_some(position)
    };
    let (mut table, mut listed) = (Vec::new(), Vec::new());
    for y in (phase[0]..input_px[0]).step_by(convolution.stride[0]) {
        for x in (phase[1]..input_px[1]).step_by(convolution.stride[1]) {
            listed.push((y * input_px[1] + x) as u32);
            for [tap_y, tap_x] in &taps {
                let at = outside(0, y, *tap_y).zip(outside(1, x, *tap_x));
                table.push(at.map_or(OUTSIDE, |(y, x)| (y * output_px[1] + x) as u32));
            }
        }
    }
    (taps, table, listed)
}
