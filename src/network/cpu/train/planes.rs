//! Steps over whole planes: means, upsampling, borders, sums.

use rayon::prelude::*;

use super::super::super::op::Border;

/// Values of a task.
const PART: usize = 1 << 14;

/// Calls `work` with every plane of `target` and its number, in parallel.
pub(super) fn for_each_plane(target: &mut [f32], plane_len: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    // Small planes go to a thread by the dozen.
    let planes = (4096 / plane_len).max(1);
    target.par_chunks_mut(planes * plane_len).enumerate().for_each(|(group, values)| {
        for (index, plane) in values.chunks_exact_mut(plane_len).enumerate() {
            work(group * planes + index, plane);
        }
    });
}

/// Adds `source` to `target`, or puts it there.
pub(super) fn put(source: &[f32], target: &mut [f32], accumulate: bool) {
    let parts = target.par_chunks_mut(PART).zip(source.par_chunks(PART));
    parts.for_each(|(target, source)| {
        if accumulate {
            target.iter_mut().zip(source).for_each(|(target, value)| *target += *value);
        } else {
            target.copy_from_slice(source);
        }
    });
}

/// Adds `value` of every position to `target`, or puts it there.
pub(super) fn put_each(target: &mut [f32], accumulate: bool, value: impl Fn(usize) -> f32 + Sync) {
    target.par_chunks_mut(PART).enumerate().for_each(|(part, values)| {
        for (at, target) in values.iter_mut().enumerate() {
            let value = value(part * PART + at);
            *target = if accumulate { *target + value } else { value };
        }
    });
}

/// Puts `plane` (`[h, w]` = `from`) with zeros around it into `target`.
pub(super) fn pad(plane: &[f32], from: [usize; 2], border: Border, target: &mut [f32]) {
    target.fill(0.0);
    for (at, row) in inner_rows(from, border) {
        target[at..at + from[1]].copy_from_slice(&plane[row * from[1]..][..from[1]]);
    }
}

/// Adds the gradient of [`pad`] to `target` (`[h, w]` = `from`).
pub(super) fn pad_gradient(gradient: &[f32], from: [usize; 2], border: Border, target: &mut [f32]) {
    for (at, row) in inner_rows(from, border) {
        let target = &mut target[row * from[1]..][..from[1]];
        target.iter_mut().zip(&gradient[at..]).for_each(|(target, value)| *target += *value);
    }
}

/// Where each row of the inner plane begins in the outer one.
fn inner_rows(from: [usize; 2], border: Border) -> impl Iterator<Item = (usize, usize)> {
    let width = from[1] + border.sum(1);
    (0..from[0]).map(move |row| ((row + border.before[0]) * width + border.before[1], row))
}

/// Row or column of the small plane under each of `out` ones.
fn nearest(from: usize, out: usize) -> impl Fn(usize) -> usize {
    move |at| at * from / out
}

/// Repeats the pixels of `plane` (`[h, w]` = `from`) over `target` (`[h, w]` = `to`).
pub(super) fn upsample(plane: &[f32], from: [usize; 2], to: [usize; 2], target: &mut [f32]) {
    let (row_of, column_of) = (nearest(from[0], to[0]), nearest(from[1], to[1]));
    for (y, row) in target.chunks_exact_mut(to[1]).enumerate() {
        let source = &plane[row_of(y) * from[1]..][..from[1]];
        row.iter_mut().enumerate().for_each(|(x, value)| *value = source[column_of(x)]);
    }
}

/// Adds the gradient of [`upsample`] to `target` (`[h, w]` = `from`).
pub(super) fn upsample_gradient(gradient: &[f32], from: [usize; 2], to: [usize; 2], target: &mut [f32]) {
    let (row_of, column_of) = (nearest(from[0], to[0]), nearest(from[1], to[1]));
    for (y, row) in gradient.chunks_exact(to[1]).enumerate() {
        let target = &mut target[row_of(y) * from[1]..][..from[1]];
        row.iter().enumerate().for_each(|(x, value)| target[column_of(x)] += *value);
    }
}
