//! A convolution and its gradients, split into tasks for threads.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::super::isa::Kernels;
use super::super::memory::Aligned;
use super::super::simd::LANES;
use super::geometry::Geometry;
use super::lines::{Correlation, Product, ROWS};

/// Positions a task computes at least, where there are as many.
const TASK_POSITIONS: usize = 2048;

/// Values of a task's own results, which should stay in the second-level cache.
const TASK_VALUES: usize = 48 * 1024;

/// Positions whose products are summed into one partial weight gradient.
const PARTIAL_POSITIONS: usize = 8192;

/// Positions correlated before the sums leave the registers; short enough for the lines to stay in the cache.
const STRETCH: usize = 1024;

/// Most values that partial weight gradients take together.
const PARTIAL_VALUES: usize = 4 << 20;

/// Rows of a weight gradient in one task.
const TASK_ROWS: usize = 8;

thread_local! {
    static SCRATCH: RefCell<Aligned> = RefCell::default();
}

/// An address that tasks share.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: every task writes its own channels and images only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The values `range` from this address.
    ///
    /// # Safety
    /// They must lie in the tensor, and no other task may touch them meanwhile.
    #[allow(clippy::mut_from_ref, reason = "tasks borrow disjoint parts")]
    unsafe fn part(&self, range: Range<usize>) -> &mut [f32] {
        // SAFETY: the caller promises that the values lie in the tensor and are this task's alone.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

/// Where the gradient by the input goes.
pub struct InputGradient<'a> {
    /// `[c, n, h, w]`
    pub target: &'a mut [f32],
    /// Whether it is added to what is there.
    pub accumulate: bool,
}

/// Lines that sums read, and what each sum takes of them.
struct Sum<'a> {
    source: &'a [f32],
    /// From the first line of the group.
    offsets: &'a [usize],
    /// Values from the first line of one group to that of the next.
    group_stride: usize,
    /// `[block][term][row]`
    weights: &'a [f32],
    /// Channels of one group.
    channels: usize,
}

/// The rows of each block: as equal as can be, at most [`ROWS`], and all of one group of `channels` channels.
fn blocks(groups: usize, channels: usize) -> Vec<Range<usize>> {
    let count = channels.div_ceil(ROWS);
    let of_group = |group: usize| {
        let first = group * channels;
        (0..count).map(move |block| first + block * channels / count..first + (block + 1) * channels / count)
    };
    (0..groups).flat_map(of_group).collect()
}

/// Weights as `[block][term][row]`.
fn pack(groups: usize, channels: usize, terms: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut packed = Vec::with_capacity(groups * channels * terms);
    for block in blocks(groups, channels) {
        for term in 0..terms {
            packed.extend(block.clone().map(|row| weight(row, term)));
        }
    }
    packed
}

/// `out = convolution of input with weight, plus bias`.
///
/// `input` is `[in, n, h, w]`, `weight` `[out, in / groups, kh, kw]`, `bias` `[out]` or empty, `out` `[out, n, ho, wo]`.
///
/// # Panics
/// When the lengths of the tensors are not those of the geometry.
pub fn forward(kernels: &Kernels, geometry: &Geometry, input: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    assert_eq!((input.len(), out.len()), (geometry.in_len(), geometry.out_len()), "tensors of the geometry");
    assert_eq!(weight.len(), geometry.weight_len(), "a weight of the geometry");
    let buffer;
    let lines = if geometry.is_plain() {
        input
    } else {
        buffer = input_lines(geometry, input);
        buffer.as_slice()
    };
    let offsets = forward_offsets(geometry);
    let terms = offsets.len();
    let channels = geometry.out_group();
    let weights = pack(geometry.groups, channels, terms, |row, term| weight[row * terms + term]);
    let group_stride = in_group_stride(geometry);
    let sum = Sum { source: lines, offsets: &offsets, group_stride, weights: &weights, channels };
    let target = Shared(out.as_mut_ptr());
    let image_len = geometry.out_px[0] * geometry.out_px[1];
    products(kernels, geometry, &sum, target, &|channel, images, line| {
        let start = channel * geometry.images + images.start;
        // SAFETY: every task has its own channels and images of `out`, whose length was checked.
        let part = unsafe { target.part(start * image_len..(start + images.len()) * image_len) };
        geometry.gather_output(line, part);
    });
    if !bias.is_empty() {
        let channels = out.par_chunks_mut(geometry.images * image_len).zip(bias);
        channels.for_each(|(channel, bias)| channel.iter_mut().for_each(|value| *value += *bias));
    }
}

/// Gradients of a convolution: by the input where asked for, and by the weight, added to `weight_gradient`.
///
/// # Panics
/// When the lengths of the tensors are not those of the geometry.
pub fn backward(
    kernels: &Kernels,
    geometry: &Geometry,
    input: &[f32],
    weight: &[f32],
    out_gradient: &[f32],
    in_gradient: Option<InputGradient<'_>>,
    weight_gradient: &mut [f32],
) {
    assert_eq!((input.len(), out_gradient.len()), (geometry.in_len(), geometry.out_len()), "tensors of the geometry");
    assert_eq!([weight.len(), weight_gradient.len()], [geometry.weight_len(); 2], "a weight of the geometry");
    let (input_buffer, gradient_buffer);
    let (lines, gradient_lines) = if geometry.is_plain() {
        (input, out_gradient)
    } else {
        input_buffer = input_lines(geometry, input);
        gradient_buffer = gradient_lines_of(geometry, out_gradient);
        (input_buffer.as_slice(), gradient_buffer.as_slice())
    };
    weight_products(kernels, geometry, lines, gradient_lines, weight_gradient);
    if let Some(in_gradient) = in_gradient {
        input_products(kernels, geometry, weight, gradient_lines, in_gradient);
    }
}

fn input_lines(geometry: &Geometry, input: &[f32]) -> Aligned {
    let stride = geometry.line_stride() * geometry.phases();
    let mut lines = Aligned::zeros(geometry.in_channels * stride);
    let channel_len = input.len() / geometry.in_channels;
    let channels = lines.as_mut_slice().par_chunks_mut(stride).zip(input.par_chunks(channel_len));
    channels.for_each(|(lines, channel)| geometry.spread_input(channel, lines));
    lines
}

/// Lines of the gradient by the output; each begins with `reach` zeros.
fn gradient_lines_of(geometry: &Geometry, gradient: &[f32]) -> Aligned {
    let stride = geometry.line_stride();
    let mut lines = Aligned::zeros(geometry.out_channels * stride);
    let channel_len = gradient.len() / geometry.out_channels;
    let channels = lines.as_mut_slice().par_chunks_mut(stride).zip(gradient.par_chunks(channel_len));
    channels.for_each(|(line, channel)| geometry.spread_output(channel, &mut line[geometry.reach..]));
    lines
}

/// Values from the input lines of one group to those of the next.
fn in_group_stride(geometry: &Geometry) -> usize {
    geometry.in_group() * geometry.phases() * geometry.line_stride()
}

/// Start of the line of every (input channel, tap) of a group.
fn forward_offsets(geometry: &Geometry) -> Vec<usize> {
    let taps = geometry.taps();
    let (stride, phases) = (geometry.line_stride(), geometry.phases());
    let of_channel = |channel| taps.iter().map(move |tap| (channel * phases + tap.phase) * stride + tap.shift);
    (0..geometry.in_group()).flat_map(of_channel).collect()
}

/// Takes a channel, a range of images, and the channel's line of them.
type Keep<'a> = dyn Fn(usize, Range<usize>, &[f32]) + Sync + 'a;

/// Computes `sum` for all positions. Plain lines go to `plain` as they are; others are handed, a channel's line of
/// some images at a time, to `keep`.
fn products(kernels: &Kernels, geometry: &Geometry, sum: &Sum<'_>, plain: Shared, keep: &Keep<'_>) {
    let blocks = blocks(geometry.groups, sum.channels);
    let terms = sum.offsets.len();
    let product = |block: &Range<usize>, out: *mut f32, out_stride: usize| Product {
        source: sum.source[block.start / sum.channels * sum.group_stride..].as_ptr(),
        offsets: sum.offsets.as_ptr(),
        terms,
        weights: sum.weights[block.start * terms..block.end * terms].as_ptr(),
        rows: block.len(),
        out,
        out_stride,
    };
    let positions = geometry.positions();
    if geometry.is_plain() {
        let chunks = positions.div_ceil(TASK_POSITIONS);
        (0..chunks).into_par_iter().for_each(|chunk| {
            let first = chunk * positions / chunks;
            let end = (chunk + 1) * positions / chunks;
            // A chunk shorter than a vector would reach back into its neighbour's positions.
            debug_assert!(end - first >= LANES || chunks == 1, "chunks hold a vector");
            let mut start = first;
            while start < end {
                // Few positions at a time for all blocks: the lines stay in the first cache.
                let count = if end - start < 2 * STRETCH_PLAIN { end - start } else { STRETCH_PLAIN };
                for block in &blocks {
                    // SAFETY: plain lines have `positions` values, those of `plain` too; a stretch holds a vector.
                    unsafe {
                        let step = product(block, { plain }.0.add(block.start * positions), positions);
                        (kernels.product)(&step, start, count);
                    }
                }
                start += count;
            }
        });
        return;
    }
    let image = geometry.image_positions();
    let images_a_task = TASK_POSITIONS.div_ceil(image).min(geometry.images);
    let groups = geometry.images.div_ceil(images_a_task);
    let line = (images_a_task * image).next_multiple_of(LANES);
    let blocks_a_task = (TASK_VALUES / (line * ROWS)).clamp(1, blocks.len());
    let tasks = blocks.len().div_ceil(blocks_a_task);
    (0..groups * tasks).into_par_iter().for_each(|task| {
        let (group, part) = (task / tasks, task % tasks);
        let images = group * images_a_task..((group + 1) * images_a_task).min(geometry.images);
        let blocks = &blocks[part * blocks_a_task..((part + 1) * blocks_a_task).min(blocks.len())];
        let channels = blocks[0].start..blocks[blocks.len() - 1].end;
        let first = images.start * image;
        let count = (images.len() * image).next_multiple_of(LANES);
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.reserve(channels.len() * line);
            let out = scratch.as_mut_slice();
            let mut start = 0;
            while start < count {
                let stretch = STRETCH_PLAIN.min(count - start);
                for block in blocks {
                    // SAFETY: lines have room for whole vectors behind the last position and its taps; `out` has `line`
                    // values a channel. Addresses before its start are only formed, never touched.
                    unsafe {
                        let rows = out.as_mut_ptr().add((block.start - channels.start) * line);
                        let step = product(block, rows.wrapping_sub(first), line);
                        (kernels.product)(&step, first + start, stretch);
                    }
                }
                start += stretch;
            }
            for (channel, line) in channels.clone().zip(out.chunks_exact(line)) {
                keep(channel, images.clone(), line);
            }
        });
    });
}

/// Positions computed for all rows before the next ones; whole vectors.
const STRETCH_PLAIN: usize = 256;

/// The gradient by the input, one phase after the other.
fn input_products(
    kernels: &Kernels,
    geometry: &Geometry,
    weight: &[f32],
    gradient_lines: &[f32],
    in_gradient: InputGradient<'_>,
) {
    let InputGradient { target, accumulate } = in_gradient;
    assert_eq!(target.len(), geometry.in_len(), "a gradient of the input's shape");
    let taps = geometry.taps();
    let image_len = geometry.in_px[0] * geometry.in_px[1];
    let plain = geometry.is_plain();
    let stride = geometry.line_stride();
    let mut own = Aligned::default();
    if !accumulate && geometry.phases() > 1 {
        // A phase without taps gets no gradient.
        target.fill(0.0);
    }
    let out = if plain && accumulate {
        own.reserve(target.len());
        Shared(own.as_mut_slice().as_mut_ptr())
    } else {
        Shared(target.as_mut_ptr())
    };
    for phase in 0..geometry.phases() {
        let of_phase: Vec<usize> = (0..taps.len()).filter(|tap| taps[*tap].phase == phase).collect();
        if of_phase.is_empty() {
            continue;
        }
        let term = |term: usize| (term / of_phase.len(), of_phase[term % of_phase.len()]);
        let terms = geometry.out_group() * of_phase.len();
        let offset = |at: usize| {
            let (channel, tap) = term(at);
            channel * stride + geometry.reach - taps[tap].shift
        };
        let offsets: Vec<usize> = (0..terms).map(offset).collect();
        let channels = geometry.in_group();
        let weights = pack(geometry.groups, channels, terms, |row, at| {
            let (channel, tap) = term(at);
            let channel = row / channels * geometry.out_group() + channel;
            weight[(channel * channels + row % channels) * taps.len() + tap]
        });
        let group_stride = geometry.out_group() * stride;
        let sum = Sum { source: gradient_lines, offsets: &offsets, group_stride, weights: &weights, channels };
        products(kernels, geometry, &sum, out, &|channel, images, line| {
            let start = channel * geometry.images + images.start;
            // SAFETY: every task has its own channels and images of `target`, whose length was checked.
            let part = unsafe { out.part(start * image_len..(start + images.len()) * image_len) };
            geometry.gather_input(phase, line, part, accumulate);
        });
    }
    if plain && accumulate {
        let parts = target.par_chunks_mut(TASK_VALUES).zip(own.as_slice().par_chunks(TASK_VALUES));
        parts.for_each(|(target, own)| target.iter_mut().zip(own).for_each(|(target, value)| *target += *value));
    }
}

/// The gradient by the weight, added to `weight_gradient`.
fn weight_products(
    kernels: &Kernels,
    geometry: &Geometry,
    lines: &[f32],
    gradient_lines: &[f32],
    weight_gradient: &mut [f32],
) {
    let offsets = forward_offsets(geometry);
    let terms = offsets.len();
    let rows = geometry.out_channels;
    let stride = geometry.line_stride();
    // Lines that are no tensors are 0 behind their last position.
    let plain = geometry.is_plain();
    let positions = if plain { geometry.positions() } else { geometry.positions().next_multiple_of(LANES) };
    let lead = if plain { 0 } else { geometry.reach };
    let most = (PARTIAL_VALUES / weight_gradient.len()).max(1);
    let partials = positions.div_ceil(PARTIAL_POSITIONS).min(most);
    let mut sums = Aligned::zeros(partials * rows * terms);
    let shared = Shared(sums.as_mut_slice().as_mut_ptr());
    // A task has rows of one group alone, which read the same lines.
    let group_rows = geometry.out_group();
    let tasks_a_group = group_rows.div_ceil(TASK_ROWS);
    let tasks = geometry.groups * tasks_a_group;
    (0..partials * tasks).into_par_iter().for_each(|task| {
        let (partial, task) = (task / tasks, task % tasks);
        let (group, part) = (task / tasks_a_group, task % tasks_a_group);
        let own = group * group_rows + part * TASK_ROWS..group * group_rows + ((part + 1) * TASK_ROWS).min(group_rows);
        let vectors = positions / LANES;
        let first = partial * vectors / partials * LANES;
        let end = if partial + 1 == partials { positions } else { (partial + 1) * vectors / partials * LANES };
        // SAFETY: `lead` is within the first line; the rows' sums are this task's own.
        let step = unsafe {
            Correlation {
                left: gradient_lines.as_ptr().add(own.start * stride + lead),
                left_stride: stride,
                rows: own.len(),
                right: lines[group * in_group_stride(geometry)..].as_ptr(),
                offsets: offsets.as_ptr(),
                terms,
                sums: { shared }.0.add((partial * rows + own.start) * terms),
                sums_stride: terms,
            }
        };
        let mut start = first;
        while start < end {
            let count = if end - start < 2 * STRETCH { end - start } else { STRETCH };
            // SAFETY: positions and shifts stay inside the lines; a stretch ends a vector or more behind its line's
            // start.
            unsafe { (kernels.correlate)(&step, start, count) };
            start += count;
        }
    });
    for partial in sums.as_slice().chunks_exact(rows * terms) {
        weight_gradient.iter_mut().zip(partial).for_each(|(sum, value)| *sum += *value);
    }
}
