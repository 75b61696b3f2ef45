//! Precision over recall, and the two ways to take its area.

use super::error::{Error, Result};
use super::{ranked, tied};

/// A precision-recall curve: one point for each different score, taken as threshold (score at least the threshold is a
/// call), from the highest down, after the customary start at recall 0 and precision 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// True positives over positives, ascending from 0 to 1.
    pub recall: Vec<f64>,
    /// True positives over calls.
    pub precision: Vec<f64>,
    /// Share of positives.
    pub prevalence: f64,
}

impl PrecisionRecall {
    /// Area by trapezoids, the customary start included: scikit-learn's `auc(recall, precision)` and the study's AUPRC.
    /// Scores that are all equal give (1 + prevalence) / 2.
    pub fn trapezoid_area(&self) -> f64 {
        self.sum(|before, here| f64::midpoint(here, before))
    }

    /// Average precision: each step of recall times the precision it reaches, scikit-learn's `average_precision_score`.
    /// Scores that are all equal give the prevalence.
    pub fn average_precision(&self) -> f64 {
        self.sum(|_, here| here)
    }

    fn sum(&self, height: impl Fn(f64, f64) -> f64) -> f64 {
        let steps = self.recall.windows(2).zip(self.precision.windows(2));
        steps.map(|(recall, precision)| (recall[1] - recall[0]) * height(precision[0], precision[1])).sum()
    }
}

/// The curve of scores against truth; over the pixels of a map it is the study's.
///
/// # Errors
/// When lengths differ, a score is NaN, or there is no positive.
pub fn precision_recall<S: Copy + Into<f64>>(scores: &[S], truth: &[bool]) -> Result<PrecisionRecall> {
    let ranked = ranked(scores, truth)?;
    let positives = truth.iter().filter(|truth| **truth).count();
    if positives == 0 {
        return Err(Error::OneClass { missing: "positive" });
    }
    let (mut recall, mut precision) = (vec![0.0], vec![1.0]);
    let (mut calls, mut hits) = (0, 0);
    for equal in tied(&ranked).rev() {
        calls += equal.len();
        hits += equal.iter().filter(|(_, truth)| *truth).count();
        recall.push(hits as f64 / positives as f64);
        precision.push(hits as f64 / calls as f64);
    }
    Ok(PrecisionRecall { recall, precision, prevalence: positives as f64 / truth.len() as f64 })
}
