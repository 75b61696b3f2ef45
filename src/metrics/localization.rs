//! Where a map is largest, and where its marked part lies.

use super::error::{Error, Result};

/// Bins of the histogram behind Otsu's threshold, as scikit-image's.
const BINS: usize = 256;

/// Intersection over union of two masks; 1 for two empty ones, as Dice's coefficient.
///
/// # Panics
/// When their lengths differ.
pub fn iou(a: &[bool], b: &[bool]) -> f64 {
    assert_eq!(a.len(), b.len(), "masks of one size are compared");
    let count = |keep: fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| keep(**a, **b)).count();
    match count(|a, b| a || b) {
        0 => 1.0,
        union => count(|a, b| a && b) as f64 / union as f64,
    }
}

/// The threshold that parts the values of a map best into two classes (Otsu 1979); what lies above it belongs to the
/// upper one. As `skimage.filters.threshold_otsu` on floating-point images: a histogram of 256 bins between the smallest
/// and the largest value, the centre of a bin as threshold, the first of the best.
///
/// # Errors
/// When a value is not finite or all are equal.
pub fn otsu_threshold(map: &[f32]) -> Result<f64> {
    if map.is_empty() {
        return Err(Error::NoCases);
    }
    if map.iter().any(|value| !value.is_finite()) {
        return Err(Error::NotANumber);
    }
    let (low, high) = map.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(f64::from(*value)), high.max(f64::from(*value)))
    });
    if low >= high {
        return Err(Error::OneValue);
    }
    let step = (high - low) / BINS as f64;
    let edge = |bin: usize| if bin == BINS { high } else { bin as f64 * step + low };
    let mut counts = [0_usize; BINS];
    for value in map {
        let value = f64::from(*value);
        // NumPy's rule: the bin by division, corrected at the edges, the last one closed on both sides.
        let mut bin = (((value - low) / (high - low) * BINS as f64) as usize).min(BINS - 1);
        if value < edge(bin) {
            bin -= 1;
        } else if bin + 1 < BINS && value >= edge(bin + 1) {
            bin += 1;
        }
        counts[bin] += 1;
    }
    let centre = |bin: usize| f64::midpoint(edge(bin), edge(bin + 1));
    // Sums from the top, so that they are rounded as scikit-image's.
    let mut sums_above = [0.0; BINS];
    let mut sum = 0.0;
    for (bin, count) in counts.iter().enumerate().rev() {
        sum += *count as f64 * centre(bin);
        sums_above[bin] = sum;
    }
    let (mut below, mut sum_below) = (0, 0.0);
    let (mut best, mut threshold) = (f64::NEG_INFINITY, low);
    for (bin, count) in counts.iter().enumerate().take(BINS - 1) {
        below += count;
        sum_below += *count as f64 * centre(bin);
        let above = map.len() - below;
        let distance = sum_below / below as f64 - sums_above[bin + 1] / above as f64;
        let variance = below as f64 * above as f64 * (distance * distance);
        if variance > best {
            (best, threshold) = (variance, centre(bin));
        }
    }
    Ok(threshold)
}

/// Which pixels lie above `threshold`.
pub fn above(map: &[f32], threshold: f64) -> Vec<bool> {
    map.iter().map(|value| f64::from(*value) > threshold).collect()
}

/// Whether the largest value of a map lies on the finding (the pointing game, Zhang et al. 2016): 1 or 0, and where
/// several pixels share the largest value, the fraction of them that do.
///
/// # Errors
/// When the lengths differ, there are none, or a value is NaN.
pub fn hit(map: &[f32], truth: &[bool]) -> Result<f64> {
    check(map, truth)?;
    let largest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let at_top = map.iter().zip(truth).filter(|(value, _)| **value >= largest);
    let (top, hits) = at_top.fold((0, 0), |(top, hits), (_, truth)| (top + 1, hits + usize::from(*truth)));
    Ok(hits as f64 / f64::from(top))
}

/// Intersection over union of the finding with as many of the largest pixels of a map as the finding has. Of pixels that
/// tie for the last places the finding gets its share.
///
/// # Errors
/// When the lengths differ, a value is NaN, or no pixel is marked.
pub fn iou_at_area(map: &[f32], truth: &[bool]) -> Result<f64> {
    check(map, truth)?;
    let area = truth.iter().filter(|truth| **truth).count();
    if area == 0 {
        return Err(Error::OneClass { missing: "positive" });
    }
    let mut sorted = map.to_vec();
    let (_, last, _) = sorted.select_nth_unstable_by(area - 1, |a, b| (b + 0.0).total_cmp(&(a + 0.0)));
    let last = *last;
    let count = |keep: &dyn Fn(f32, bool) -> bool| map.iter().zip(truth).filter(|(v, t)| keep(**v, **t)).count();
    let above = count(&|value, _| value > last);
    let hits = count(&|value, truth| truth && value > last);
    // Those that are neither above nor below: both zeros are one value.
    let is_tied = |value: f32| (value + 0.0).total_cmp(&(last + 0.0)).is_eq();
    let tied = count(&|value, _| is_tied(value));
    let tied_hits = count(&|value, truth| truth && is_tied(value));
    let shared = hits as f64 + tied_hits as f64 * (area - above) as f64 / tied as f64;
    Ok(shared / (2.0 * area as f64 - shared))
}

fn check(map: &[f32], truth: &[bool]) -> Result<()> {
    if map.len() != truth.len() {
        return Err(Error::Lengths { scores: map.len(), truth: truth.len() });
    }
    if map.is_empty() {
        return Err(Error::NoCases);
    }
    if map.iter().any(|value| value.is_nan()) {
        return Err(Error::NotANumber);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_by_hand() {
        assert_eq!(iou(&[true, true, false], &[false, true, true]), 1.0 / 3.0);
        assert_eq!(iou(&[false; 2], &[false; 2]), 1.0);
        assert_eq!(hit(&[0.0, 3.0, 3.0, 1.0], &[true, true, false, false]).unwrap(), 0.5);
        assert_eq!(hit(&[5.0, 3.0], &[true, false]).unwrap(), 1.0);
        // Two pixels wanted, one for sure and one of two that tie, of which one is right.
        let found = iou_at_area(&[9.0, 4.0, 4.0, 0.0], &[true, true, false, false]).unwrap();
        assert!((found - 1.5 / 2.5).abs() < 1e-15);
        assert_eq!(iou_at_area(&[1.0; 4], &[true, false, false, false]).unwrap(), 0.25 / 1.75);
    }

    #[test]
    fn otsu_parts_two_heaps() {
        let map: Vec<f32> = (0..100).map(|i| if i < 70 { i as f32 / 700.0 } else { 0.8 + i as f32 / 1000.0 }).collect();
        let threshold = otsu_threshold(&map).unwrap();
        assert_eq!(above(&map, threshold).iter().filter(|pixel| **pixel).count(), 30, "{threshold}");
        assert_eq!(otsu_threshold(&[2.0; 9]), Err(Error::OneValue));
        assert_eq!(otsu_threshold(&[f32::NAN, 1.0]), Err(Error::NotANumber));
        let found = otsu_threshold(&[0.0, 1.0]).unwrap();
        assert!((0.0..1.0).contains(&found), "{found}");
    }

    #[test]
    fn what_cannot_be_judged_says_so() {
        assert!(hit(&[], &[]).is_err() && hit(&[1.0], &[]).is_err());
        assert_eq!(iou_at_area(&[1.0], &[false]), Err(Error::OneClass { missing: "positive" }));
        assert_eq!(iou_at_area(&[f32::NAN], &[true]), Err(Error::NotANumber));
    }
}
