//! Steps over whole planes: pools, means, upsampling, sums.

use rayon::prelude::*;

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
    const PART: usize = 1 << 14;
    let parts = target.par_chunks_mut(PART).zip(source.par_chunks(PART));
    parts.for_each(|(target, source)| {
        if accumulate {
            target.iter_mut().zip(source).for_each(|(target, value)| *target += *value);
        } else {
            target.copy_from_slice(source);
        }
    });
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
