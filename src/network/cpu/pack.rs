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

/// Packs panels on all threads: `pack` writes the `rows` rows of the panel of `count` vectors from group `group` on, each
/// `count * LANES` values, for the target numbered first.
fn packed(
    panels: &[(usize, usize, usize)],
    rows: impl Fn(usize) -> usize,
    pack: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
) -> Packed {
    let mut described = Vec::with_capacity(panels.len());
    let mut len = 0;
    for (target, group, vectors) in panels {
        described.push(PackedPanel { offset: len, vectors: *vectors, group: *group, target: *target });
        len += rows(*target) * vectors * LANES;
    }
    let mut values = Aligned::zeros(len);
    let mut rest = values.as_mut_slice();
    let mut parts = Vec::with_capacity(panels.len());
    for (target, group, vectors) in panels {
        let (part, others) = rest.split_at_mut(rows(*target) * vectors * LANES);
        parts.push((*target, *group, *vectors, part));
        rest = others;
    }
    parts.into_par_iter().for_each(|(target, group, vectors, part)| pack(target, group, vectors, part));
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
    let rows = |target: usize| filters[target].taps().len() * filters[target].inputs.len();
    packed(&panels, rows, |target, group, count, values| {
        let placed = &filters[target];
        let mut rows = values.chunks_exact_mut(count * LANES);
        for tap in placed.taps() {
            for (input, row) in (0..placed.inputs.len()).zip(&mut rows) {
                for (output, value) in (group * LANES..).zip(row) {
                    *value = placed.weight(output, input, tap) as f32;
                }
            }
        }
    })
}

/// Backward weights over the given taps of each filter: `[panel][filter][tap][output][vectors * LANES]`.
pub(super) fn direct_backward(filters: &[Placed<'_>], taps: &[[usize; 2]], vectors: usize) -> Packed {
    let rows = filters.iter().map(|placed| taps.len() * placed.outputs).sum();
    packed(
        &panels_of(filters[0].inputs.len(), vectors),
        |_| rows,
        |_, group, count, values| {
            let mut rows = values.chunks_exact_mut(count * LANES);
            for placed in filters {
                for tap in taps {
                    for (output, row) in (0..placed.outputs).zip(&mut rows) {
                        for (input, value) in (group * LANES..).zip(row) {
                            *value = placed.weight(output, input, *tap) as f32;
                        }
                    }
                }
            }
        },
    )
}

/// Weights over patches, `[panel][tap][input][vectors * LANES]` without input padding.
pub(super) fn patches_forward(placed: &Placed<'_>, vectors: usize) -> Packed {
    direct_forward(std::slice::from_ref(placed), vectors)
}

/// Weights from outputs to patches: `[panel][output][vectors * LANES]`, patch values padded to whole vectors.
pub(super) fn patches_backward(placed: &Placed<'_>, vectors: usize) -> Packed {
    let (taps, inputs) = (placed.taps(), placed.inputs.len());
    let patch = taps.len() * inputs;
    let panels = panels_of(patch.next_multiple_of(LANES), vectors);
    packed(
        &panels,
        |_| placed.outputs,
        |_, group, count, values| {
            for (output, row) in values.chunks_exact_mut(count * LANES).enumerate() {
                for (at, value) in (group * LANES..patch).zip(row) {
                    *value = placed.weight(output, at % inputs, taps[at / inputs]) as f32;
                }
            }
        },
    )
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
    packed(
        &panels_of(width_out, vectors),
        |_| positions * channels,
        |_, group, count, values| {
            // Kernels of one channel side by side, so that all lanes of a panel are transformed together.
            let lanes = count * LANES;
            let mut taps = vec![0.0; height * width * lanes];
            let mut lines = vec![0.0; width * lanes];
            let mut sums = vec![0.0; lanes];
            for channel in 0..channels {
                for (tap, values) in taps.chunks_exact_mut(lanes).enumerate() {
                    let [y, x] = [tap / width, tap % width];
                    for (out, value) in (group * LANES..).zip(values) {
                        *value = match direction {
                            Direction::Forward => placed.weight(out, channel, [y, x]),
                            Direction::Backward => placed.weight(channel, out, [height - 1 - y, width - 1 - x]),
                        };
                    }
                }
                for (position_y, row) in rows.iter().enumerate() {
                    for (x, line) in lines.chunks_exact_mut(lanes).enumerate() {
                        weighted_sum(line, row, (0..height).map(|y| &taps[(y * width + x) * lanes..][..lanes]));
                    }
                    for (position_x, column) in columns.iter().enumerate() {
                        weighted_sum(&mut sums, column, lines.chunks_exact(lanes));
                        let position = position_y * columns.len() + position_x;
                        let out = &mut values[(position * channels + channel) * lanes..][..lanes];
                        for (out, sum) in out.iter_mut().zip(&sums) {
                            *out = *sum as f32;
                        }
                    }
                }
            }
        },
    )
}

/// The sum of `terms`, each times its factor, in their order.
fn weighted_sum<'a>(sum: &mut [f64], factors: &[f64], terms: impl Iterator<Item = &'a [f64]>) {
    sum.fill(0.0);
    for (factor, term) in factors.iter().zip(terms) {
        for (sum, value) in sum.iter_mut().zip(term) {
            *sum += factor * value;
        }
    }
}
