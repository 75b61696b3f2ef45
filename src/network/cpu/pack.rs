//! Weights in the order the kernels read them.

use super::super::Result;
use rayon::prelude::*;

use super::super::weights::{Tensor, Weights};
use super::kernel::{Aligned, Axis, LANES, Packed, PackedPanel};
use super::lower::Filter;

/// A filter with its tensor and the place of its channels in memory.
pub(super) struct Placed<'a> {
    pub(super) filter: &'a Filter,
    tensor: &'a Tensor,
    kernel: [usize; 2],
    /// Padded input channels, each with its logical channel.
    inputs: Vec<Option<usize>>,
    /// Padded output channels.
    outputs: usize,
}

impl<'a> Placed<'a> {
    pub(super) fn new(
        filter: &'a Filter,
        weights: &'a Weights,
        kernel: [usize; 2],
        input_map: &[usize],
        input_width: usize,
        outputs: usize,
    ) -> Result<Self> {
        let mut inputs = vec![None; input_width];
        for (channel, at) in input_map.iter().enumerate() {
            inputs[*at] = Some(channel);
        }
        Ok(Self { filter, tensor: weights.get(&filter.weight)?, kernel, inputs, outputs })
    }

    /// Folded weight from padded input channel to padded output channel at one tap; 0 in the padding.
    fn weight(&self, output: usize, input: usize, tap: [usize; 2]) -> f64 {
        match (self.filter.scale.get(output), self.inputs[input]) {
            (Some(scale), Some(input)) => {
                let inputs = self.tensor.shape[1];
                let at = ((output * inputs + input) * self.kernel[0] + tap[0]) * self.kernel[1] + tap[1];
                f64::from(self.tensor.values[at]) * scale
            }
            _ => 0.0,
        }
    }

    fn taps(&self) -> Vec<[usize; 2]> {
        let [height, width] = self.kernel;
        (0..height).flat_map(|y| (0..width).map(move |x| [y, x])).collect()
    }
}

/// Splits `channels` padded channels into panels of at most `vectors` vectors.
fn split(channels: usize, vectors: usize) -> Vec<(usize, usize)> {
    let groups = channels / LANES;
    (0..groups).step_by(vectors).map(|group| (group, vectors.min(groups - group))).collect()
}

/// Packs panels on all threads: `pack` gives the values of the panel of `count` vectors from group `group` on for the
/// target numbered first.
fn packed(panels: &[(usize, usize, usize)], pack: impl Fn(usize, usize, usize) -> Vec<f32> + Sync) -> Packed {
    let parts: Vec<Vec<f32>> =
        panels.par_iter().map(|(target, group, vectors)| pack(*target, *group, *vectors)).collect();
    let mut values = Aligned::zeros(parts.iter().map(Vec::len).sum());
    let mut described = Vec::with_capacity(panels.len());
    let mut offset = 0;
    for ((target, group, vectors), part) in panels.iter().zip(&parts) {
        values.as_mut_slice()[offset..offset + part.len()].copy_from_slice(part);
        described.push(PackedPanel { offset, vectors: *vectors, group: *group, target: *target });
        offset += part.len();
    }
    Packed { values, panels: described }
}

/// Panels of a single target.
fn panels_of(channels: usize, vectors: usize) -> Vec<(usize, usize, usize)> {
    split(channels, vectors).into_iter().map(|(group, count)| (0, group, count)).collect()
}

/// Forward weights of filters that share their input: `[panel][tap][input][vectors * LANES]`.
pub(super) fn direct_forward(filters: &[Placed<'_>], vectors: usize) -> Packed {
    let panels: Vec<_> = filters
        .iter()
        .enumerate()
        .flat_map(|(target, placed)| {
            split(placed.outputs, vectors).into_iter().map(move |(group, count)| (target, group, count))
        })
        .collect();
    packed(&panels, |target, group, count| {
        let placed = &filters[target];
        let mut values = Vec::new();
        for tap in placed.taps() {
            for input in 0..placed.inputs.len() {
                let outputs = group * LANES..(group + count) * LANES;
                values.extend(outputs.map(|output| placed.weight(output, input, tap) as f32));
            }
        }
        values
    })
}

/// Backward weights over the given taps of each filter: `[panel][filter][tap][output][vectors * LANES]`.
pub(super) fn direct_backward(filters: &[Placed<'_>], taps: &[[usize; 2]], vectors: usize) -> Packed {
    packed(&panels_of(filters[0].inputs.len(), vectors), |_, group, count| {
        let mut values = Vec::new();
        for placed in filters {
            for tap in taps {
                for output in 0..placed.outputs {
                    let inputs = group * LANES..(group + count) * LANES;
                    values.extend(inputs.map(|input| placed.weight(output, input, *tap) as f32));
                }
            }
        }
        values
    })
}

/// Weights over patches, `[panel][tap][input][vectors * LANES]` without input padding.
pub(super) fn patches_forward(placed: &Placed<'_>, vectors: usize) -> Packed {
    direct_forward(std::slice::from_ref(placed), vectors)
}

/// Weights from outputs to patches: `[panel][output][vectors * LANES]`, patch values padded to whole vectors.
pub(super) fn patches_backward(placed: &Placed<'_>, vectors: usize) -> Packed {
    let (taps, inputs) = (placed.taps(), placed.inputs.len());
    let patch = taps.len() * inputs;
    packed(&panels_of(patch.next_multiple_of(LANES), vectors), |_, group, count| {
        let mut values = Vec::new();
        for output in 0..placed.outputs {
            for at in group * LANES..(group + count) * LANES {
                let value = if at < patch { placed.weight(output, at % inputs, taps[at / inputs]) } else { 0.0 };
                values.push(value as f32);
            }
        }
        values
    })
}

/// Which way a Winograd convolution runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    /// Kernels turned by 180 degrees, inputs and outputs exchanged.
    Backward,
}

/// Transformed kernels: `[panel][position][channel][vectors * LANES]`.
pub(super) fn winograd(placed: &Placed<'_>, axes: [Axis; 2], direction: Direction, vectors: usize) -> Packed {
    let [height, width] = placed.kernel;
    let (rows, columns) = (axes[0].kernel_transform(), axes[1].kernel_transform());
    let positions = rows.len() * columns.len();
    let (channels, width_out) = match direction {
        Direction::Forward => (placed.inputs.len(), placed.outputs),
        Direction::Backward => (placed.outputs, placed.inputs.len()),
    };
    packed(&panels_of(width_out, vectors), |_, group, count| {
        let lanes = count * LANES;
        let mut values = vec![0.0; positions * channels * lanes];
        for channel in 0..channels {
            for lane in 0..lanes {
                let out = group * LANES + lane;
                let kernel = |y: usize, x: usize| match direction {
                    Direction::Forward => placed.weight(out, channel, [y, x]),
                    Direction::Backward => placed.weight(channel, out, [height - 1 - y, width - 1 - x]),
                };
                for (position_y, row) in rows.iter().enumerate() {
                    let mut line = [0.0f64; 7];
                    for (x, sum) in line.iter_mut().enumerate().take(width) {
                        *sum = (0..height).map(|y| row[y] * kernel(y, x)).sum();
                    }
                    for (position_x, column) in columns.iter().enumerate() {
                        let value: f64 = (0..width).map(|x| column[x] * line[x]).sum();
                        let position = position_y * columns.len() + position_x;
                        values[(position * channels + channel) * lanes + lane] = value as f32;
                    }
                }
            }
        }
        values
    })
}
