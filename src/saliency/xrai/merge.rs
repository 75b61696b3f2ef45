//! From segments and an attribution to the XRAI map: the segments in the order of what they add.

use super::mask::{Mask, for_each_run};
use super::{Error, MergeRule, Parameters, Result, Segmentation};

/// One segment taken into the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Index into [`Segmentation::masks`].
    pub mask: usize,
    /// Mean attribution over the pixels the segment added: their value in the map.
    pub gain: f64,
    /// Number of pixels it added.
    pub new_pixels: usize,
}

/// An XRAI map and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The map, `[h, w]`, in the attribution's unit.
    pub map: Vec<f32>,
    /// The segments in the order they were taken.
    pub steps: Vec<Step>,
    /// Number of pixels no step covers; they hold the mean attribution over themselves.
    pub uncovered_pixels: usize,
}

/// Orders the segments by attribution and writes each one's mean attribution where it is the first to cover a pixel.
///
/// `attribution` is `[h, w]`, signed: for PAIR's XRAI the maximum over channels of the mean of two integrated
/// gradients. [`MergeRule::Full`] and [`MergeRule::Fast`] follow PAIR; ties go to the first mask. Sums are exact to
/// 2^-40 of the largest attribution for images up to 2^22 pixels and do not depend on any order.
///
/// # Errors
/// If `attribution` is not of the segmentation's size, holds a NaN or an infinity, or `parameters` are out of range.
pub fn merge(attribution: &[f32], segmentation: &Segmentation, parameters: &Parameters) -> Result<Merged> {
    parameters.check()?;
    let size = segmentation.size;
    if attribution.len() != size[0] * size[1] {
        return Err(Error::AttributionSize { values: attribution.len(), height: size[0], width: size[1] });
    }
    if let Some(pixel) = attribution.iter().position(|value| !value.is_finite()) {
        return Err(Error::AttributionNotFinite { value: attribution[pixel], y: pixel / size[1], x: pixel % size[1] });
    }
    let mut merger = Merger::new(attribution, size);
    match parameters.merge {
        MergeRule::Full => merger.full(&segmentation.masks, parameters),
        MergeRule::Fast => merger.fast(&segmentation.masks, parameters),
    }
    Ok(merger.finish())
}

/// Number of pixels and sum of their attributions in units of the merger's quantum.
#[derive(Clone, Copy, Default)]
struct Total {
    pixels: usize,
    sum: i64,
}

/// A mask that may still be taken, and the total over its uncovered pixels.
struct Candidate<'a> {
    index: usize,
    mask: &'a Mask,
    uncovered: Total,
}

struct Merger {
    size: [usize; 2],
    words_per_row: usize,
    /// One bit a pixel, `words_per_row` words a row: already in the map.
    covered: Vec<u64>,
    covered_pixels: usize,
    /// For each row, the sums of the attributions left of columns 0 to w.
    prefix_sums: Vec<i64>,
    /// The attribution one unit of the sums stands for.
    quantum: f64,
    map: Vec<f32>,
    steps: Vec<Step>,
}

impl Merger {
    fn new(attribution: &[f32], size: [usize; 2]) -> Self {
        let [height, width] = size;
        let words_per_row = width.div_ceil(64);
        let largest = attribution.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // Fixed point makes sums exact and free of order: equal masks keep equal sums, as their ties need. A sum over
        // the whole image stays below 2^62.
        let pixel_bits = (attribution.len() as f64).log2().ceil() as i32;
        let largest_bits = if largest > 0.0 { f64::from(largest).log2().ceil() as i32 } else { 0 };
        let quantum = 2.0_f64.powi(largest_bits + pixel_bits - 62);
        let mut prefix_sums = Vec::with_capacity(height * (width + 1));
        for row in attribution.chunks_exact(width) {
            let mut sum = 0;
            prefix_sums.push(0);
            prefix_sums.extend(row.iter().map(|&value| {
                sum += (f64::from(value) / quantum) as i64;
                sum
            }));
        }
        Self {
            size,
            words_per_row,
            covered: vec![0; height * words_per_row],
            covered_pixels: 0,
            prefix_sums,
            quantum,
            map: vec![0.0; attribution.len()],
            steps: Vec::new(),
        }
    }

    fn mean(&self, total: Total) -> f64 {
        total.sum as f64 / total.pixels as f64 * self.quantum
    }

    /// Adds row `y`'s pixels under `words`, the first of which is word `first_word` of the row.
    fn add_row(&self, total: &mut Total, y: usize, first_word: usize, words: &[u64]) {
        let sums = &self.prefix_sums[y * (self.size[1] + 1) + first_word * 64..];
        for_each_run(words, |start, end| {
            total.pixels += end - start;
            total.sum += sums[end] - sums[start];
        });
    }

    /// Calls `visit(y, words)` with the uncovered part of each row of a mask.
    fn for_each_uncovered_row(&self, mask: &Mask, mut visit: impl FnMut(usize, &[u64])) {
        let mut fresh = vec![0; mask.words().len()];
        for y in mask.rows() {
            let covered = &self.covered[y * self.words_per_row..][mask.words()];
            for ((fresh, &word), &covered) in fresh.iter_mut().zip(mask.row(y)).zip(covered) {
                *fresh = word & !covered;
            }
            visit(y, &fresh);
        }
    }

    fn uncovered(&self, mask: &Mask) -> Total {
        let mut total = Total::default();
        self.for_each_uncovered_row(mask, |y, words| self.add_row(&mut total, y, mask.words().start, words));
        total
    }

    /// Writes `value` where the mask is the first to cover a pixel; returns these pixels.
    fn cover(&mut self, mask: &Mask, value: f64) -> Mask {
        let mut fresh = mask.clone();
        let words = mask.words();
        for y in mask.rows() {
            let row = fresh.row_mut(y);
            let covered = &mut self.covered[y * self.words_per_row..][words.clone()];
            for (fresh, covered) in row.iter_mut().zip(covered) {
                *fresh &= !*covered;
                *covered |= *fresh;
            }
            let map = &mut self.map[y * self.size[1]..][..self.size[1]];
            let first = words.start * 64;
            for_each_run(row, |start, end| map[first + start..first + end].fill(value as f32));
        }
        fresh
    }

    /// Takes a mask whose uncovered pixels total `added`; returns these pixels.
    fn take(&mut self, index: usize, mask: &Mask, added: Total) -> Mask {
        let gain = self.mean(added);
        self.steps.push(Step { mask: index, gain, new_pixels: added.pixels });
        self.covered_pixels += added.pixels;
        self.cover(mask, gain)
    }

    /// The best mask by its *uncovered* pixels, again and again.
    fn full(&mut self, masks: &[Mask], parameters: &Parameters) {
        let mut candidates: Vec<Candidate> = masks
            .iter()
            .enumerate()
            .map(|(index, mask)| Candidate { index, mask, uncovered: self.uncovered(mask) })
            .collect();
        let area = (self.size[0] * self.size[1]) as f64;
        while self.covered_pixels as f64 / area <= parameters.area_threshold {
            candidates.retain(|candidate| candidate.uncovered.pixels >= parameters.min_new_pixels.max(1));
            // `max_by` returns the last of equals, hence the reversal: the first wins.
            let best = candidates
                .iter()
                .enumerate()
                .rev()
                .map(|(position, candidate)| (position, self.mean(candidate.uncovered)))
                .max_by(|(_, a), (_, b)| a.total_cmp(b));
            let Some((position, _)) = best else { break };
            let taken = candidates.remove(position);
            let fresh = self.take(taken.index, taken.mask, taken.uncovered);
            for candidate in &mut candidates {
                let lost = self.overlap(candidate.mask, &fresh);
                candidate.uncovered.pixels -= lost.pixels;
                candidate.uncovered.sum -= lost.sum;
            }
        }
    }

    /// The masks by their whole mean, overlaps ignored in the ranking.
    fn fast(&mut self, masks: &[Mask], parameters: &Parameters) {
        let mut ranked: Vec<(usize, f64)> = masks
            .iter()
            .map(|mask| self.uncovered(mask))
            .enumerate()
            .filter(|(_, total)| total.pixels > 0)
            .map(|(index, total)| (index, self.mean(total)))
            .collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        for (index, _) in ranked {
            let uncovered = self.uncovered(&masks[index]);
            if uncovered.pixels >= parameters.min_new_pixels.max(1) {
                self.take(index, &masks[index], uncovered);
            }
        }
    }

    /// The total over the pixels of both masks.
    fn overlap(&self, a: &Mask, b: &Mask) -> Total {
        let mut total = Total::default();
        let words = a.words().start.max(b.words().start)..a.words().end.min(b.words().end);
        let rows = a.rows().start.max(b.rows().start)..a.rows().end.min(b.rows().end);
        if words.is_empty() {
            return total;
        }
        let mut both = vec![0; words.len()];
        for y in rows {
            let [a, b] = [a, b].map(|mask| &mask.row(y)[words.start - mask.words().start..]);
            let mut any = 0;
            for ((both, &a), &b) in both.iter_mut().zip(a).zip(b) {
                *both = a & b;
                any |= *both;
            }
            if any != 0 {
                self.add_row(&mut total, y, words.start, &both);
            }
        }
        total
    }

    /// Gives the pixels no mask covered their own mean.
    fn finish(mut self) -> Merged {
        let rest = Mask::whole(self.size);
        let uncovered = self.uncovered(&rest);
        if uncovered.pixels > 0 {
            let mean = self.mean(uncovered);
            self.cover(&rest, mean);
        }
        Merged { map: self.map, steps: self.steps, uncovered_pixels: uncovered.pixels }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, with every mask scanned again in each round. Attributions are integers, so sums are exact.
    fn merged_by_definition(attribution: &[f32], segmentation: &Segmentation, parameters: &Parameters) -> Merged {
        let [height, width] = segmentation.size;
        let masks: Vec<Vec<usize>> = (segmentation.masks.iter())
            .map(|mask| (0..height * width).filter(|pixel| mask.contains(pixel / width, pixel % width)).collect())
            .collect();
        let mean = |pixels: &[usize]| {
            pixels.iter().map(|&pixel| f64::from(attribution[pixel])).sum::<f64>() / pixels.len() as f64
        };
        let mut map = vec![None; height * width];
        let mut steps = Vec::new();
        let fresh = |map: &[Option<f32>], mask: &[usize]| -> Vec<usize> {
            mask.iter().copied().filter(|&pixel| map[pixel].is_none()).collect()
        };
        let mut take = |map: &mut [Option<f32>], mask: usize, pixels: &[usize]| {
            pixels.iter().for_each(|&pixel| map[pixel] = Some(mean(pixels) as f32));
            steps.push(Step { mask, gain: mean(pixels), new_pixels: pixels.len() });
        };
        let enough = |pixels: &[usize]| pixels.len() >= parameters.min_new_pixels.max(1);
        if parameters.merge == MergeRule::Full {
            let covered = |map: &[Option<f32>]| map.iter().flatten().count() as f64 / map.len() as f64;
            while covered(&map) <= parameters.area_threshold {
                let best = (0..masks.len())
                    .map(|mask| (mask, fresh(&map, &masks[mask])))
                    .filter(|(_, pixels)| enough(pixels))
                    .reduce(|best, next| if mean(&next.1) > mean(&best.1) { next } else { best });
                let Some((mask, pixels)) = best else { break };
                take(&mut map, mask, &pixels);
            }
        } else {
            let mut ranked: Vec<usize> = (0..masks.len()).filter(|&mask| !masks[mask].is_empty()).collect();
            ranked.sort_by(|&a, &b| mean(&masks[b]).total_cmp(&mean(&masks[a])));
            for mask in ranked {
                let pixels = fresh(&map, &masks[mask]);
                if enough(&pixels) {
                    take(&mut map, mask, &pixels);
                }
            }
        }
        let rest = fresh(&map, &(0..map.len()).collect::<Vec<_>>());
        let mean = mean(&rest) as f32;
        Merged { map: map.iter().map(|value| value.unwrap_or(mean)).collect(), steps, uncovered_pixels: rest.len() }
    }

    proptest! {
        #[test]
        fn maps_follow_the_definition(
            (width, labels, attribution) in (1_usize..90).prop_flat_map(|width| {
                let labels = prop::collection::vec(prop::collection::vec(0..6_i32, width), 3);
                // Few values, so that ties between segments are common.
                (Just(width), labels, prop::collection::vec(-2..3_i8, width * 6))
            }),
            radius in 0_usize..4,
            min_new_pixels in 0_usize..9,
            area_threshold in prop_oneof![Just(1.0), 0.0..1.0_f64],
            merge_rule in prop_oneof![Just(MergeRule::Full), Just(MergeRule::Fast)],
        ) {
            // Two rows a label row; the first two scales are the same, so every segment of theirs ties.
            let scales = vec![&labels[0], &labels[0], &labels[1]]
                .into_iter()
                .map(|row| [row, row, &labels[2], &labels[2], row, row].into_iter().flatten().copied().collect())
                .collect();
            let segmentation = Segmentation::from_labels(scales, [6, width], radius).unwrap();
            let parameters = Parameters { min_new_pixels, area_threshold, merge: merge_rule, ..Parameters::default() };
            let attribution: Vec<f32> = attribution.into_iter().map(f32::from).collect();
            let expected = merged_by_definition(&attribution, &segmentation, &parameters);
            prop_assert_eq!(merge(&attribution, &segmentation, &parameters).unwrap(), expected);
        }

        #[test]
        fn the_scale_of_the_attribution_scales_the_map(exponent in -140..120_i32) {
            let labels = vec![(0..400).map(|pixel| pixel / 70).collect::<Vec<i32>>()];
            let segmentation = Segmentation::from_labels(labels, [20, 20], 2).unwrap();
            let parameters = Parameters { min_new_pixels: 3, ..Parameters::default() };
            let scale = 2.0_f32.powi(exponent);
            let attribution: Vec<f32> = (0..400_u16).map(|pixel| f32::from(pixel * 37 % 64) - 20.0).collect();
            let scaled: Vec<f32> = attribution.iter().map(|value| value * scale).collect();
            let map = merge(&attribution, &segmentation, &parameters).unwrap().map;
            let expected: Vec<f32> = map.iter().map(|value| value * scale).collect();
            let tolerance = 1e-6 * scale + f32::from_bits(1);
            let scaled = merge(&scaled, &segmentation, &parameters).unwrap().map;
            prop_assert!(scaled.iter().zip(expected).all(|(ours, expected)| (ours - expected).abs() <= tolerance));
        }
    }
}
