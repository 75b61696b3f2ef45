//! Cubic B-spline interpolation over zeros, one axis after the other (Unser, Aldroubi and Eden 1991).

use super::source_coordinate_px;

/// Zeros put on each side of an axis before the prefilter: its response decays by 0.27 a pixel, so that what the far
/// side of the padding does is lost in rounding.
const PADDING_PX: usize = 12;

/// Resizes one plane `[h, w]` into `resized`, which has the size `to`.
pub(super) fn resize_plane(plane: &[f32], from: [usize; 2], to: [usize; 2], resized: &mut [f32]) {
    let values: Vec<f64> = plane.iter().map(|&value| f64::from(value)).collect();
    let vertical = resize_rows(values, from[1], from[0], to[0]);
    let transposed = transpose(&vertical, [to[0], from[1]]);
    let horizontal = resize_rows(transposed, to[0], from[1], to[1]);
    let horizontal = transpose(&horizontal, [to[1], to[0]]);
    for (resized, &value) in resized.iter_mut().zip(&horizontal) {
        *resized = value as f32;
    }
}

/// Resizes `from` rows of `width` values to `to` rows.
fn resize_rows(values: Vec<f64>, width: usize, from: usize, to: usize) -> Vec<f64> {
    if from == to {
        return values;
    }
    let coefficients = prefiltered(&values, width);
    let mut resized = vec![0.0; to * width];
    for (index, row) in resized.chunks_exact_mut(width).enumerate() {
        let coordinate = source_coordinate_px(index, from, to) + PADDING_PX as f64;
        let middle = coordinate.floor();
        let first = middle as usize - 1;
        let weights = cubic_weights(coordinate - middle);
        let taps = &coefficients[first * width..][..4 * width];
        let (upper, lower) = taps.split_at(2 * width);
        let ((a, b), (c, d)) = (upper.split_at(width), lower.split_at(width));
        for ((((row, a), b), c), d) in row.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *row = a * weights[0] + b * weights[1] + c * weights[2] + d * weights[3];
        }
    }
    resized
}

/// The cubic B-spline's weights for the four knots around a point `x` (0 to 1) past the second of them.
fn cubic_weights(x: f64) -> [f64; 4] {
    let rest = 1.0 - x;
    let near = |distance: f64| (distance * distance * (distance - 2.0) * 3.0 + 4.0) / 6.0;
    let [first, second, third] = [rest * rest * rest / 6.0, near(x), near(rest)];
    [first, second, third, 1.0 - first - second - third]
}

/// The B-spline coefficients of rows padded by zeros, along the first axis, with mirrored ends.
fn prefiltered(values: &[f64], width: usize) -> Vec<f64> {
    const GAIN: f64 = 6.0;
    let pole = 3.0_f64.sqrt() - 2.0;
    let len = values.len() / width + 2 * PADDING_PX;
    let mut rows = vec![0.0; len * width];
    for (row, &value) in rows[PADDING_PX * width..].iter_mut().zip(values) {
        *row = value * GAIN;
    }

    // Start of the causal pass: the geometric sum over the mirrored signal, until its terms are lost in rounding.
    let end_power = pole.powf((len - 1) as f64);
    let (first, rest) = rows.split_at_mut(width);
    let mut power = pole;
    add_scaled(first, &rest[(len - 2) * width..], end_power);
    for index in 1..len - 1 {
        add_scaled(first, &rest[(index - 1) * width..][..width], power);
        add_scaled(first, &rest[(len - 2 - index) * width..][..width], power * end_power);
        power *= pole;
        if power.abs() < 1e-30 {
            break;
        }
    }
    for first in first {
        *first /= 1.0 - end_power * end_power;
    }

    for index in 1..len {
        let (before, row) = rows.split_at_mut(index * width);
        add_scaled(&mut row[..width], &before[(index - 1) * width..], pole);
    }
    let (before, last) = rows.split_at_mut((len - 1) * width);
    for (last, &before) in last.iter_mut().zip(&before[(len - 2) * width..]) {
        *last = (pole * before + *last) * pole / (pole * pole - 1.0);
    }
    for index in (0..len - 1).rev() {
        let (row, after) = rows.split_at_mut((index + 1) * width);
        for (row, &after) in row[index * width..].iter_mut().zip(&after[..width]) {
            *row = pole * (after - *row);
        }
    }
    rows
}

fn add_scaled(target: &mut [f64], source: &[f64], factor: f64) {
    for (target, &source) in target.iter_mut().zip(source) {
        *target += factor * source;
    }
}

/// `[h, w]` to `[w, h]`, in tiles that stay in the nearest cache.
fn transpose(values: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
    const TILE: usize = 16;
    let mut transposed = vec![0.0; values.len()];
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            for y in top..(top + TILE).min(height) {
                for x in left..(left + TILE).min(width) {
                    transposed[x * height + y] = values[y * width + x];
                }
            }
        }
    }
    transposed
}
