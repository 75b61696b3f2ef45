//! Resizes that give scikit-image's values: linear for Grad-CAM, cubic and nearest for XRAI.
//!
//! Every rule samples at half-pixel centres: output index `d` of `to` samples reads the input of `from` samples at
//! `(d + 0.5) · from / to - 0.5`. They differ in what lies outside the image and in what is done before sampling:
//!
//! | function | scikit-image call | outside the image | before sampling |
//! |---|---|---|---|
//! | [`linear_mirror`] | `resize(x, to)` | mirrored about the outermost pixel's centre | Gaussian where an axis shrinks |
//! | [`cubic_antialiased`] | `resize(x, to, order=3, mode="constant", preserve_range=True, anti_aliasing=True)` | 0 | the same, and the B-spline prefilter |
//! | [`nearest`] | `resize(x, to, order=0, mode="constant", preserve_range=True, anti_aliasing=False)` | never read | nothing |
//!
//! The anti-aliasing Gaussian has σ = (from / to - 1) / 2 along each shrinking axis. Sizes are `[height, width]`.

pub(crate) mod gaussian;
mod spline;

use rayon::prelude::*;

use gaussian::Border;

/// The anti-aliasing σ of an axis, in input pixels: 0 where the axis keeps its size or grows.
fn antialiasing_sigma_px(from: usize, to: usize) -> f64 {
    ((from as f64 / to as f64 - 1.0) / 2.0).max(0.0)
}

/// Where output sample `index` lies on the input's axis, in pixels; pixel centres are integers.
fn source_coordinate_px(index: usize, from: usize, to: usize) -> f64 {
    (index as f64 + 0.5) * (from as f64 / to as f64) - 0.5
}

/// The smallest and the largest value, NaNs left out: `[inf, -inf]` where there is nothing else.
fn value_range(values: &[f32]) -> [f32; 2] {
    values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)])
}

/// Clips in place; NaN stays NaN.
fn clip(values: &mut [f32], [low, high]: [f32; 2]) {
    for value in values {
        if *value < low {
            *value = low;
        } else if *value > high {
            *value = high;
        }
    }
}

fn assert_shape(what: &str, len: usize, from: [usize; 2], to: [usize; 2]) {
    let pixels = from[0] * from[1];
    assert!(
        pixels > 0 && to[0] * to[1] > 0 && len > 0 && len.is_multiple_of(pixels),
        "{what}: {len} values are no image of {from:?} pixels that could be resized to {to:?}"
    );
}

/// Resizes one map `[h, w]` linearly, the neighbours outside mirrored about the centres of the outermost pixels.
///
/// Equals `skimage.transform.resize(x, to)` for float32, which is what PAIR's Grad-CAM calls. The result lies within
/// the range of the input. An axis of one pixel repeats it.
///
/// # Panics
/// If `values` is not of size `from`, or a size is 0.
#[must_use]
pub fn linear_mirror(values: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    assert_shape("linear_mirror", values.len(), from, to);
    assert_eq!(values.len(), from[0] * from[1], "linear_mirror resizes one map of {from:?} pixels at a time");
    if from == to {
        return values.to_vec();
    }
    let sigma_px = [antialiasing_sigma_px(from[0], to[0]), antialiasing_sigma_px(from[1], to[1])];
    let [rows, columns] = [linear_taps(from[0], to[0]), linear_taps(from[1], to[1])];
    // Of a map that is much reduced, few rows are read.
    let mut wanted: Vec<usize> = rows.iter().flat_map(|row| row.index).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let source = gaussian::filter_rows(values, from, sigma_px, Border::Mirror, &wanted);
    let mut resized = Vec::with_capacity(to[0] * to[1]);
    for row in &rows {
        let line = |tap: usize| {
            let place = wanted.partition_point(|wanted| *wanted < row.index[tap]);
            &source[place * from[1]..][..from[1]]
        };
        let (upper, lower) = (line(0), line(1));
        resized.extend(columns.iter().map(|column| {
            let along = |line: &[f32]| {
                f64::from(line[column.index[0]]) * column.weight[0]
                    + f64::from(line[column.index[1]]) * column.weight[1]
            };
            (along(upper) * row.weight[0] + along(lower) * row.weight[1]) as f32
        }));
    }
    clip(&mut resized, value_range(values));
    resized
}

/// The two input samples one output sample is made of.
struct LinearTaps {
    index: [usize; 2],
    weight: [f64; 2],
}

fn linear_taps(from: usize, to: usize) -> Vec<LinearTaps> {
    let last = from as f64 - 1.0;
    (0..to)
        .map(|index| {
            let coordinate = source_coordinate_px(index, from, to);
            // The coordinate is at most half a pixel outside, so one reflection brings it back.
            let inside = if from == 1 {
                0.0
            } else if coordinate < 0.0 {
                -coordinate
            } else if coordinate > last {
                2.0 * last - coordinate
            } else {
                coordinate
            };
            let first = inside.floor();
            let weight = inside - first;
            let first = first as usize;
            LinearTaps { index: [first, (first + 1).min(from - 1)], weight: [1.0 - weight, weight] }
        })
        .collect()
}

/// Resizes `[c, h, w]` by cubic B-splines after an anti-aliasing Gaussian, with zeros outside.
///
/// Equals `skimage.transform.resize(x, to, order=3, mode="constant", preserve_range=True, anti_aliasing=True)` of
/// scikit-image 0.19 and later for a float32 image `[h, w, c]`. All channels are clipped to the range of the whole
/// input, widened to hold 0 where the zeros outside show in the result.
///
/// # Panics
/// If `values` does not hold whole planes of size `from`, or a size is 0.
#[must_use]
pub fn cubic_antialiased(values: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    assert_shape("cubic_antialiased", values.len(), from, to);
    if from == to {
        return values.to_vec();
    }
    let sigma_px = [antialiasing_sigma_px(from[0], to[0]), antialiasing_sigma_px(from[1], to[1])];
    let mut resized = vec![0.0; values.len() / (from[0] * from[1]) * to[0] * to[1]];
    resized.par_chunks_exact_mut(to[0] * to[1]).zip(values.par_chunks_exact(from[0] * from[1])).for_each(
        |(resized, plane)| {
            let smooth = gaussian::filter(plane, from, sigma_px, Border::Zero);
            spline::resize_plane(&smooth, from, to, resized);
        },
    );
    let [mut low, mut high] = value_range(values);
    let [resized_low, resized_high] = value_range(&resized);
    if !(low..=high).contains(&0.0) && (resized_low..=resized_high).contains(&0.0) {
        low = low.min(0.0);
        high = high.max(0.0);
    }
    clip(&mut resized, [low, high]);
    resized
}

/// Resizes one label image `[h, w]` by taking the value at the nearest pixel centre, the farther one of two equally
/// near.
///
/// Equals `skimage.transform.resize(x, to, order=0, preserve_range=True, anti_aliasing=False)`, which keeps the labels.
///
/// # Panics
/// If `values` is not of size `from`, or a size is 0.
#[must_use]
pub fn nearest<T: Copy>(values: &[T], from: [usize; 2], to: [usize; 2]) -> Vec<T> {
    assert_shape("nearest", values.len(), from, to);
    assert_eq!(values.len(), from[0] * from[1], "nearest resizes one map of {from:?} pixels at a time");
    let index = |axis: usize| -> Vec<usize> {
        (0..to[axis])
            .map(|index| (source_coordinate_px(index, from[axis], to[axis]) + 0.5).floor() as usize)
            .map(|index| index.min(from[axis] - 1))
            .collect()
    };
    let [rows, columns] = [index(0), index(1)];
    let mut resized = Vec::with_capacity(to[0] * to[1]);
    for (position, &row) in rows.iter().enumerate() {
        if position > 0 && rows[position - 1] == row {
            resized.extend_from_within((position - 1) * to[1]..position * to[1]);
        } else {
            let line = &values[row * from[1]..][..from[1]];
            resized.extend(columns.iter().map(|&column| line[column]));
        }
    }
    resized
}
