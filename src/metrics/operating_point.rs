//! Sensitivity and specificity at a threshold.

use super::error::{Error, Result};
use super::{both_classes, ranked, tied};

/// Calls at a threshold, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OperatingPoint {
    /// Positives called.
    pub true_positives: usize,
    /// Positives missed.
    pub false_negatives: usize,
    /// Negatives called.
    pub false_positives: usize,
    /// Negatives passed.
    pub true_negatives: usize,
}

impl OperatingPoint {
    /// Share of positives that are called; nothing without positives.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// Share of negatives that are passed; nothing without negatives.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.false_positives)
    }

    /// Share of calls that are right; nothing without a call.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.false_positives)
    }
}

fn share(part: usize, rest: usize) -> Option<f64> {
    (part + rest > 0).then(|| part as f64 / (part + rest) as f64)
}

/// Calls where the score is at least `threshold`.
///
/// # Errors
/// When lengths differ or a score is NaN.
pub fn operating_point<S: Copy + Into<f64>>(scores: &[S], truth: &[bool], threshold: f64) -> Result<OperatingPoint> {
    if scores.len() != truth.len() {
        return Err(Error::Lengths { scores: scores.len(), truth: truth.len() });
    }
    let mut point = OperatingPoint { true_positives: 0, false_negatives: 0, false_positives: 0, true_negatives: 0 };
    for (score, truth) in scores.iter().zip(truth) {
        let score: f64 = (*score).into();
        if score.is_nan() {
            return Err(Error::NotANumber);
        }
        *match (score >= threshold, truth) {
            (true, true) => &mut point.true_positives,
            (true, false) => &mut point.false_positives,
            (false, true) => &mut point.false_negatives,
            (false, false) => &mut point.true_negatives,
        } += 1;
    }
    Ok(point)
}

/// The threshold with the largest sensitivity + specificity - 1 (Youden 1950): one of the scores, the highest where several
/// are equally good. Compared in whole numbers, so that ties are ties.
///
/// # Errors
/// When lengths differ, a score is NaN, or only one class is there.
pub fn youden_threshold<S: Copy + Into<f64>>(scores: &[S], truth: &[bool]) -> Result<f64> {
    let ranked = ranked(scores, truth)?;
    let (positives, negatives) = both_classes(truth)?;
    let (mut hits, mut alarms) = (0_i128, 0_i128);
    let mut best: Option<(i128, f64)> = None;
    for equal in tied(&ranked).rev() {
        let here = equal.iter().filter(|(_, truth)| *truth).count() as i128;
        hits += here;
        alarms += equal.len() as i128 - here;
        let index = hits * negatives as i128 - alarms * positives as i128;
        if best.is_none_or(|(highest, _)| index > highest) {
            best = Some((index, equal[0].0));
        }
    }
    best.map(|(_, threshold)| threshold).ok_or(Error::NoCases)
}
