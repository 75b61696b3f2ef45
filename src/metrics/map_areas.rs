//! The three areas by which a map is judged against a mask, from one sort.

use super::error::{Error, Result};

/// Bits of a key that one pass of the sort looks at; three passes cover 32.
const DIGIT_BITS: u32 = 11;

/// Areas over the pixels of one map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapAreas {
    /// Below precision over recall, by trapezoids: see [`PrecisionRecall::trapezoid_area`](super::PrecisionRecall).
    pub trapezoid: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Below the ROC curve; nothing where every pixel is marked.
    pub roc_auc: Option<f64>,
}

/// The areas of [`precision_recall`](super::precision_recall) and [`roc_auc`](super::roc_auc) for one map, to the last
/// bit and some twenty times as fast: marked and unmarked pixels are sorted apart, digit by digit, and only the thresholds
/// at marked pixels change recall.
///
/// # Errors
/// When the lengths differ, a score is NaN, or no pixel is marked.
pub fn map_areas(scores: &[f32], truth: &[bool]) -> Result<MapAreas> {
    if scores.len() != truth.len() {
        return Err(Error::Lengths { scores: scores.len(), truth: truth.len() });
    }
    let marked = truth.iter().filter(|truth| **truth).count();
    if marked == 0 {
        return Err(Error::OneClass { missing: "positive" });
    }
    let (mut positives, mut negatives) = (vec![0; marked], vec![0; truth.len() - marked]);
    let (mut positive, mut negative) = (0, 0);
    let mut broken = false;
    for (score, truth) in scores.iter().zip(truth) {
        broken |= score.is_nan();
        if *truth {
            positives[positive] = ordered(*score);
            positive += 1;
        } else {
            negatives[negative] = ordered(*score);
            negative += 1;
        }
    }
    if broken {
        return Err(Error::NotANumber);
    }
    let mut room = vec![0; marked.max(negatives.len())];
    sort(&mut positives, &mut room);
    sort(&mut negatives, &mut room);
    Ok(areas(&positives, &negatives))
}

/// The bits of a number such that larger numbers have larger bits; both zeros have the same.
fn ordered(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// Sorts keys by their digits, the lowest first.
fn sort(keys: &mut [u32], room: &mut [u32]) {
    const BINS: usize = 1 << DIGIT_BITS;
    if keys.len() < BINS / 8 {
        keys.sort_unstable();
        return;
    }
    let digit = |key: u32, pass: usize| (key >> (pass as u32 * DIGIT_BITS)) as usize & (BINS - 1);
    let mut counts = vec![[0_u32; BINS]; 3];
    for key in keys.iter() {
        for (pass, counts) in counts.iter_mut().enumerate() {
            counts[digit(*key, pass)] += 1;
        }
    }
    let room = &mut room[..keys.len()];
    let (mut from, mut to): (&mut [u32], &mut [u32]) = (keys, room);
    let mut swapped = false;
    for (pass, counts) in counts.iter_mut().enumerate() {
        // A digit that all keys share sorts nothing.
        if counts[digit(from[0], pass)] as usize == from.len() {
            continue;
        }
        let mut start = 0;
        for count in counts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for key in from.iter() {
            let place = &mut counts[digit(*key, pass)];
            to[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
        swapped = !swapped;
    }
    if swapped {
        // After an odd number of passes the sorted keys are in the other slice.
        to.copy_from_slice(from);
    }
}

fn areas(positives: &[u32], negatives: &[u32]) -> MapAreas {
    let all = positives.len() as f64;
    let (mut trapezoid, mut average_precision) = (0.0, 0.0);
    let mut twice_wins = 0_u128;
    // Pixels above the threshold at hand, marked and not.
    let (mut hits, mut alarms) = (0_usize, 0_usize);
    let (mut recall, mut above, mut below) = (0.0, positives.len(), negatives.len());
    while above > 0 {
        let key = positives[above - 1];
        while below > 0 && negatives[below - 1] > key {
            below -= 1;
            alarms += 1;
        }
        // Of the threshold just above this one; the curve starts at precision 1.
        let before = if hits + alarms == 0 { 1.0 } else { hits as f64 / (hits + alarms) as f64 };
        let (mut tied_hits, mut tied_alarms) = (0_usize, 0_usize);
        while above > 0 && positives[above - 1] == key {
            above -= 1;
            tied_hits += 1;
        }
        while below > 0 && negatives[below - 1] == key {
            below -= 1;
            tied_alarms += 1;
        }
        // Each marked pixel wins against the unmarked ones below, and half against those at its height.
        twice_wins += tied_hits as u128 * (2 * below + tied_alarms) as u128;
        hits += tied_hits;
        alarms += tied_alarms;
        let precision = hits as f64 / (hits + alarms) as f64;
        let next = hits as f64 / all;
        trapezoid += (next - recall) * f64::midpoint(precision, before);
        average_precision += (next - recall) * precision;
        recall = next;
    }
    let pairs = 2 * positives.len() as u128 * negatives.len() as u128;
    let roc_auc = (pairs > 0).then(|| twice_wins as f64 / pairs as f64);
    MapAreas { trapezoid, average_precision, roc_auc }
}

#[cfg(test)]
mod tests {
    use super::super::{precision_recall, roc_auc};
    use super::*;

    fn map(len: usize, levels: f32, seed: u32) -> Vec<f32> {
        let value = |pixel: u32| (pixel ^ seed).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(40_503);
        (0..len as u32).map(|pixel| (value(pixel) as f32 / u32::MAX as f32 * levels).floor() / levels - 0.25).collect()
    }

    #[test]
    fn one_sort_gives_the_bits_of_three_curves() {
        for (len, levels) in [(1, 1.0), (7, 3.0), (400, 2.0), (3000, 1.0), (20_000, 50.0), (20_000, 1e9)] {
            let scores = map(len, levels, 5);
            let truth: Vec<bool> = map(len, 10.0, 9).iter().enumerate().map(|(i, v)| i == 0 || *v > 0.6).collect();
            let found = map_areas(&scores, &truth).unwrap();
            let curve = precision_recall(&scores, &truth).unwrap();
            assert_eq!(found.trapezoid, curve.trapezoid_area(), "{len} {levels}");
            assert_eq!(found.average_precision, curve.average_precision());
            assert_eq!(found.roc_auc, roc_auc(&scores, &truth).ok());
        }
    }

    #[test]
    fn signs_zeros_and_infinities_are_in_order() {
        let scores = [f32::NEG_INFINITY, -1.0, -0.0, 0.0, 1e-40, f32::INFINITY];
        let truth = [false, false, false, true, true, true];
        let found = map_areas(&scores, &truth).unwrap();
        assert_eq!(found.roc_auc, roc_auc(&scores, &truth).ok(), "the two zeros tie");
        assert_eq!(found.roc_auc, Some(8.5 / 9.0));
    }

    #[test]
    fn what_has_no_curve_is_refused() {
        assert_eq!(map_areas(&[1.0], &[false]), Err(Error::OneClass { missing: "positive" }));
        assert_eq!(map_areas(&[f32::NAN, 1.0], &[false, true]), Err(Error::NotANumber));
        assert!(map_areas(&[1.0], &[]).is_err());
        assert_eq!(map_areas(&[1.0], &[true]).unwrap().roc_auc, None);
    }
}
