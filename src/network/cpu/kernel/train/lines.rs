//! Products of long lines with weights, and of long lines with each other.

use super::super::simd::{LANES, Lanes};

/// Most lines computed together.
pub(super) const ROWS: usize = 6;

/// `out[row][p] = sum over terms of weights[term][row] * source[offsets[term] + p]`.
pub(crate) struct Product {
    pub source: *const f32,
    /// Start of each term's line, shift included, in values from `source`.
    pub offsets: *const usize,
    pub terms: usize,
    /// `[term][row]`
    pub weights: *const f32,
    /// 1 to [`ROWS`].
    pub rows: usize,
    pub out: *mut f32,
    pub out_stride: usize,
}

/// Computes positions `first..first + count`; where `count` is no multiple of a vector, `first + count` must be at least
/// [`LANES`], and up to that many positions before `first` are written again with the same values.
///
/// # Safety
/// The pointers must describe live memory for these positions; `out` must not overlap the rest.
#[inline(always)]
pub(crate) unsafe fn product<L: Lanes, const WIDE: usize>(step: &Product, first: usize, count: usize) {
    // SAFETY: the caller's promises are handed on; `rows` is at most `ROWS`.
    unsafe {
        match step.rows {
            1 => rows::<L, 1, WIDE>(step, first, count),
            2 => rows::<L, 2, WIDE>(step, first, count),
            3 => rows::<L, 3, WIDE>(step, first, count),
            4 => rows::<L, 4, WIDE>(step, first, count),
            5 => rows::<L, 5, WIDE>(step, first, count),
            _ => rows::<L, 6, WIDE>(step, first, count),
        }
    }
}

#[inline(always)]
unsafe fn rows<L: Lanes, const R: usize, const WIDE: usize>(step: &Product, first: usize, count: usize) {
    // SAFETY: as above; the last vector ends at `end`, which is at least a vector behind the start of the line.
    unsafe {
        let end = first + count;
        let mut position = first;
        while position + WIDE * LANES <= end {
            block::<L, R, WIDE>(step, position);
            position += WIDE * LANES;
        }
        while position + LANES <= end {
            block::<L, R, 1>(step, position);
            position += LANES;
        }
        if position < end {
            block::<L, R, 1>(step, end - LANES);
        }
    }
}

#[inline(always)]
unsafe fn block<L: Lanes, const R: usize, const V: usize>(step: &Product, position: usize) {
    // SAFETY: the caller has the instruction set and describes live memory: `V` vectors from `position` on lie inside
    // every term's line and inside each row of `out`, and `weights` has `R` values a term.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        let source = step.source.add(position);
        let mut weights = step.weights;
        for term in 0..step.terms {
            let line = source.add(*step.offsets.add(term));
            let mut values = [L::splat(0.0); V];
            for v in 0..V {
                values[v] = L::load(line.add(v * LANES));
            }
            for r in 0..R {
                let weight = L::broadcast(weights.add(r));
                for v in 0..V {
                    sums[r][v] = L::fma(weight, values[v], sums[r][v]);
                }
            }
            weights = weights.add(R);
        }
        for r in 0..R {
            for v in 0..V {
                L::store(step.out.add(r * step.out_stride + position + v * LANES), sums[r][v]);
            }
        }
    }
}

/// Dot products of some lines with others: `sums[row][term] += sum over p of left[row][p] * right[term][p]`.
pub(crate) struct Correlation {
    pub left: *const f32,
    pub left_stride: usize,
    pub rows: usize,
    pub right: *const f32,
    /// Start of each term's line, shift included, in values from `right`.
    pub offsets: *const usize,
    pub terms: usize,
    /// `[row][term]`, rows `sums_stride` apart.
    pub sums: *mut f32,
    pub sums_stride: usize,
}

/// Adds positions `first..first + count`. Where `count` is no multiple of a vector, `first + count` must be at least
/// [`LANES`].
///
/// # Safety
/// The pointers must describe live memory for these positions; `sums` must not overlap the rest.
#[inline(always)]
pub(crate) unsafe fn correlate<L: Lanes, const R: usize, const T: usize>(
    step: &Correlation,
    first: usize,
    count: usize,
) {
    // SAFETY: the caller's promises are handed on.
    unsafe {
        let mut row = 0;
        while row < step.rows {
            let mut term = 0;
            while term < step.terms {
                tile::<L, R, T>(step, row, term, first, count);
                term += T;
            }
            row += R;
        }
    }
}

/// Rows and terms beyond the end repeat the last one, and are not kept.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const T: usize>(
    step: &Correlation,
    row: usize,
    term: usize,
    first: usize,
    count: usize,
) {
    // SAFETY: the caller has the instruction set and describes live memory: rows and terms beyond the end repeat the
    // last one, vectors lie between the start of the line and `end`, and the sums of these rows are this task's own.
    unsafe {
        let mut left = [step.left; R];
        for r in 0..R {
            left[r] = step.left.add((row + r).min(step.rows - 1) * step.left_stride);
        }
        let mut right = [step.right; T];
        for t in 0..T {
            right[t] = step.right.add(*step.offsets.add((term + t).min(step.terms - 1)));
        }
        let mut sums = [[L::splat(0.0); T]; R];
        let end = first + count;
        let mut position = first;
        while position + LANES <= end {
            let mut values = [L::splat(0.0); R];
            for r in 0..R {
                values[r] = L::load(left[r].add(position));
            }
            for t in 0..T {
                let other = L::load(right[t].add(position));
                for r in 0..R {
                    sums[r][t] = L::fma(values[r], other, sums[r][t]);
                }
            }
            position += LANES;
        }
        if position < end {
            // The last vector overlaps the one before; lanes that were counted there are dropped.
            let keep = u16::MAX << (LANES - (end - position));
            let start = end - LANES;
            for t in 0..T {
                let other = L::load(right[t].add(start));
                for r in 0..R {
                    sums[r][t] = L::fma(L::keep(keep, L::load(left[r].add(start))), other, sums[r][t]);
                }
            }
        }
        let mut finished = [[[0.0f32; LANES]; T]; R];
        for r in 0..R {
            for t in 0..T {
                L::store(finished[r][t].as_mut_ptr(), sums[r][t]);
            }
        }
        for r in 0..R.min(step.rows - row) {
            for t in 0..T.min(step.terms - term) {
                *step.sums.add((row + r) * step.sums_stride + term + t) += total(&finished[r][t]);
            }
        }
    }
}

/// The sum of all lanes, by halves.
#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f32 {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
