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
    /// Parts of channels that do not mix.
    groups: usize,
    /// Padded input channels, each with its logical channel.
    inputs: Vec<Option<usize>>,
    /// Padded output channels.
    outputs: usize,
}

impl<'a> Placed<'a> {
    pub(super) fn new(
        filter: &'a Filter,
        weights: &'a Weights,
        (kernel, groups): ([usize; 2], usize),
        input_map: &[usize],
        input_width: usize,
        outputs: usize,
    ) -> Result<Self> {
        let mut inputs = vec![None; input_width];
        for (channel, at) in input_map.iter().enumerate() {
            inputs[*at] = Some(channel);
        }
        Ok(Self { filter, tensor: weights.get(&filter.weight)?, kernel, groups, inputs, outputs })
    }

    /// Folded weight from padded input channel to padded output channel at one tap; 0 in the padding.
    fn weight(&self, output: usize, input: usize, tap: [usize; 2]) -> f64 {
        match (self.filter.scale.get(output), self.inputs[input]) {
            (Some(scale), Some(input)) => {
                let inputs = self.tensor.shape[1];
                let group = output / (self.filter.scale.len() / self.groups);
                let Some(input) = input.checked_sub(group * inputs).filter(|input| *input < inputs) else {
                    return 0.0;
                };
                let at = ((output * inputs + input) * self.kernel[0] + tap[0]) * self.kernel[1] + tap[1];
                f64::from(self.tensor.values[at]) * scale
            }
            _ => 0.0,
        }
    }

    /// First and number of the padded input channels that padded outputs `range` read.
    fn inputs_of(&self, range: std::ops::Range<usize>) -> (usize, usize) {
        let (outputs, inputs) = (self.filter.scale.len() / self.groups, self.tensor.shape[1]);
        let groups = range.start / outputs..range.end.min(self.filter.scale.len()).div_ceil(outputs);
        let read = groups.start * inputs..groups.end * inputs;
        let reads = |input: &Option<usize>| input.is_some_and(|input| read.contains(&input));
        let first = self.inputs.iter().position(reads).unwrap_or(0);
        let last = self.inputs.iter().rposition(reads).map_or(0, |last| last + 1);
        (first, last - first)
    }

    /// First and number of the outputs that read some of the padded input channels `range`.
    fn outputs_of(&self, range: std::ops::Range<usize>) -> (usize, usize) {
        let (outputs, inputs) = (self.filter.scale.len() / self.groups, self.tensor.shape[1]);
        let groups = self.inputs[range].iter().flatten().map(|input| input / inputs);
        let (first, last) =
            groups.fold((usize::MAX, 0), |(first, last), group| (first.min(group), last.max(group + 1)));
        if first < last { (first * outputs, (last - first) * outputs) } else { (0, 0) }
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

/// A panel to be packed.
#[derive(Clone, Copy)]
struct Part {
    target: usize,
    group: usize,
    vectors: usize,
    window: Option<(usize, usize)>,
}

/// Packs panels on all threads: `pack` writes the `rows` rows of a panel, each `vectors * LANES` values.
fn packed(parts: &[Part], rows: impl Fn(&Part) -> usize, pack: impl Fn(&Part, &mut [f32]) + Sync) -> Packed {
    let mut panels = Vec::with_capacity(parts.len());
    let mut len = 0;
    for part in parts {
        let Part { target, group, vectors, window } = *part;
        panels.push(PackedPanel { offset: len, vectors, group, target, window });
        len += rows(part) * vectors * LANES;
    }
    let mut values = Aligned::zeros(len);
    let mut rest = values.as_mut_slice();
    let mut places = Vec::with_capacity(parts.len());
    for part in parts {
        let (place, others) = rest.split_at_mut(rows(part) * part.vectors * LANES);
        places.push((part, place));
        rest = others;
    }
    places.into_par_iter().for_each(|(part, place)| pack(part, place));
    Packed { values, panels }
}

/// Panels of a single target.
fn panels_of(channels: usize, vectors: usize) -> Vec<Part> {
    let part = |(group, vectors)| Part { target: 0, group, vectors, window: None };
    split(channels, vectors).into_iter().map(part).collect()
}

/// Panels of a convolution in groups, each with the channels it reads: as wide as `vectors` where that reads no more channels
/// than a single vector does, which is all that wide panels would save.
fn grouped(channels: usize, vectors: usize, reads: impl Fn(std::ops::Range<usize>) -> (usize, usize)) -> Vec<Part> {
    let mut parts = Vec::new();
    for (group, count) in split(channels, vectors) {
        let read = |group: usize, count: usize| reads(group * LANES..(group + count) * LANES);
        let whole = read(group, count);
        if read(group, 1).1 == whole.1 {
            parts.push(Part { target: 0, group, vectors: count, window: Some(whole) });
        } else {
            let single = |group| Part { target: 0, group, vectors: 1, window: Some(read(group, 1)) };
            parts.extend((group..group + count).map(single));
        }
    }
    parts
}

/// Kernels of channels that do not mix, `[tap][channel]` in the layout of the input.
pub(super) fn depthwise(placed: &Placed<'_>) -> Packed {
    let width = placed.inputs.len();
    let mut values = Aligned::zeros(placed.taps().len() * width);
    for (tap, row) in placed.taps().into_iter().zip(values.as_mut_slice().chunks_exact_mut(width)) {
        for ((at, value), channel) in row.iter_mut().enumerate().zip(&placed.inputs) {
            if let Some(channel) = channel {
                *value = placed.weight(*channel, at, tap) as f32;
            }
        }
    }
    Packed { values, panels: Vec::new() }
}

/// Forward weights of filters that share their input: `[panel][tap][input][vectors * LANES]`.
pub(super) fn direct_forward(filters: &[Placed<'_>], vectors: usize) -> Packed {
    let parts: Vec<Part> = if let [placed] = filters
        && placed.groups > 1
    {
        grouped(placed.outputs, vectors, |range| placed.inputs_of(range))
    } else {
        let of = |(target, placed): (usize, &Placed<'_>)| {
            panels_of(placed.outputs, vectors).into_iter().map(move |part| Part { target, ..part })
        };
        filters.iter().enumerate().flat_map(of).collect()
    };
    let read = |part: &Part| part.window.unwrap_or((0, filters[part.target].inputs.len()));
    packed(
        &parts,
        |part| filters[part.target].taps().len() * read(part).1,
        |part, values| {
            let placed = &filters[part.target];
            let mut rows = values.chunks_exact_mut(part.vectors * LANES);
            let (first, count) = read(part);
            for tap in placed.taps() {
                for (input, row) in (first..first + count).zip(&mut rows) {
                    for (output, value) in (part.group * LANES..).zip(row) {
                        *value = placed.weight(output, input, tap) as f32;
                    }
                }
            }
        },
    )
}

/// Backward weights over the given taps of each filter: `[panel][filter][tap][output][vectors * LANES]`.
pub(super) fn direct_backward(filters: &[Placed<'_>], taps: &[[usize; 2]], vectors: usize) -> Packed {
    let inputs = filters[0].inputs.len();
    let parts = match filters {
        [placed] if placed.groups > 1 => grouped(inputs, vectors, |range| placed.outputs_of(range)),
        _ => panels_of(inputs, vectors),
    };
    let read = |part: &Part, placed: &Placed<'_>| part.window.unwrap_or((0, placed.outputs));
    packed(
        &parts,
        |part| filters.iter().map(|placed| taps.len() * read(part, placed).1).sum(),
        |part, values| {
            let mut rows = values.chunks_exact_mut(part.vectors * LANES);
            for placed in filters {
                let (first, count) = read(part, placed);
                for tap in taps {
                    for (output, row) in (first..first + count).zip(&mut rows) {
                        for (input, value) in (part.group * LANES..).zip(row) {
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
        |part, values| {
            for (output, row) in values.chunks_exact_mut(part.vectors * LANES).enumerate() {
                for (at, value) in (part.group * LANES..patch).zip(row) {
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
        |part, values| {
            // Kernels of one channel side by side, so that all lanes of a panel are transformed together.
            let lanes = part.vectors * LANES;
            let mut taps = vec![0.0; height * width * lanes];
            let mut lines = vec![0.0; width * lanes];
            let mut sums = vec![0.0; lanes];
            for channel in 0..channels {
                for (tap, values) in taps.chunks_exact_mut(lanes).enumerate() {
                    let [y, x] = [tap / width, tap % width];
                    for (out, value) in (part.group * LANES..).zip(values) {
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
