//! Which pixels a convolution connects.

use super::super::super::op::Pool;
use super::super::kernel::{Lines, Listed, OUTSIDE, Patches, Tensor, Window};
use super::super::lower::{Convolution, Listing};

/// How the first convolution reads the image.
pub(super) fn patches(convolution: &Convolution, image: Tensor, output: Tensor) -> Patches {
    Patches {
        channels: image.channels,
        input_px: image.px,
        output_px: output.px,
        kernel: convolution.kernel,
        stride: convolution.stride,
        padding: convolution.padding.before,
    }
}

/// Input pixel under each tap of each output pixel, [`OUTSIDE`] in the padding.
pub(super) fn forward_table(convolution: &Convolution, input_px: [usize; 2], output_px: [usize; 2]) -> Vec<u32> {
    let inside = |axis: usize, at: usize, tap: usize| {
        let position = (at * convolution.stride[axis] + tap * convolution.dilation[axis])
            .checked_sub(convolution.padding.before[axis])?;
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
            .filter(|tap| {
                (phase[axis] + convolution.padding.before[axis]) % stride == tap * convolution.dilation[axis] % stride
            })
            .collect()
    };
    let taps: Vec<[usize; 2]> = taps_of(0).iter().flat_map(|y| taps_of(1).into_iter().map(move |x| [*y, x])).collect();
    let outside = |axis: usize, at: usize, tap: usize| {
        let position = (at + convolution.padding.before[axis]).checked_sub(tap * convolution.dilation[axis])?
            / convolution.stride[axis];
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

/// The window of a max pool whose winners begin at `winners`, of `len` winners an image, or of an average pool.
pub(super) fn window(
    pool: &Pool,
    input_px: [usize; 2],
    count_include_pad: bool,
    (winners, len): (usize, usize),
) -> Window {
    let wide = pool.kernel[0] * pool.kernel[1] > 256;
    Window {
        kernel: pool.kernel,
        stride: pool.stride,
        padding: pool.padding.before,
        bordered_px: [0, 1].map(|axis| input_px[axis] + pool.padding.sum(axis)),
        count_include_pad,
        winners,
        high_winners: wide.then_some(winners + len),
    }
}

/// How rows and columns of a convolution meet, forward or back.
pub(super) fn lines(convolution: &Convolution, input_px: [usize; 2], output_px: [usize; 2], back: bool) -> [Lines; 2] {
    let make = if back { Lines::backward } else { Lines::forward };
    [0, 1].map(|axis| {
        make(
            convolution.kernel[axis],
            convolution.stride[axis],
            convolution.dilation[axis],
            convolution.padding.before[axis],
            input_px[axis],
            output_px[axis],
        )
    })
}

/// The pixels that each pixel of a layer's output sums.
pub(super) fn listed(listing: Listing, input_px: [usize; 2], output_px: [usize; 2]) -> Listed {
    let along = |axis: usize, at: usize| -> std::ops::Range<usize> {
        let (input, output) = (input_px[axis], output_px[axis]);
        match listing {
            Listing::Pad(border) => match at.checked_sub(border.before[axis]).filter(|at| *at < input) {
                Some(at) => at..at + 1,
                None => 0..0,
            },
            Listing::Nearest => at * input / output..at * input / output + 1,
            Listing::Adaptive => at * input / output..((at + 1) * input).div_ceil(output),
        }
    };
    Listed::new((0..output_px[0]).flat_map(|y| (0..output_px[1]).map(move |x| (y, x))).map(|(y, x)| {
        let (rows, columns) = (along(0, y), along(1, x));
        let share = 1.0 / (rows.len() * columns.len()).max(1) as f32;
        rows.flat_map(|row| columns.clone().map(move |column| ((row * input_px[1] + column) as u32, share))).collect()
    }))
}
