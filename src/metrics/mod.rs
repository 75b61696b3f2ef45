//! How well scores tell findings: curves and their areas, operating points, overlap, boxes, and intervals around them;
//! and how alike two maps are.
//!
//! All take slices, and none knows where they come from.

mod average_precision;
mod bootstrap;
mod calibration;
mod edges;
mod error;
mod localization;
mod map_areas;
mod map_scores;
mod operating_curve;
mod operating_point;
mod overlap;
mod precision_recall;
mod rank_correlation;
mod roc;
mod structural_similarity;

pub use average_precision::{
    COCO_DETECTIONS, COCO_THRESHOLDS, DetectionCurve, ImageMatches, Interpolation, average_precision,
};
pub use bootstrap::{Bootstrap, Estimate, percentile};
pub use calibration::{
    CALIBRATION_BINS, CalibrationBin, brier_score, calibration_bins, calibration_in_the_large, calibration_line,
    expected_calibration_error, wilson_interval,
};
pub use edges::sobel;
pub use error::{Error, Result};
pub use localization::{above, hit, iou, iou_at_area, otsu_threshold};
pub use map_areas::{MapAreas, map_areas};
pub use map_scores::MapScores;
pub use operating_curve::{Band, OperatingCurve};
pub use operating_point::{OperatingPoint, operating_point, youden_threshold};
pub use overlap::dice;
pub use precision_recall::{PrecisionRecall, precision_recall};
pub use rank_correlation::{Ranks, spearman};
pub use roc::roc_auc;
pub use structural_similarity::{SSIM_WINDOW_PX, structural_similarities, structural_similarity};

/// Scores in ascending order with their truth; equal ones stand side by side.
fn ranked<S: Copy + Into<f64>>(scores: &[S], truth: &[bool]) -> Result<Vec<(f64, bool)>> {
    if scores.len() != truth.len() {
        return Err(Error::Lengths { scores: scores.len(), truth: truth.len() });
    }
    // + 0.0 makes one number of both zeros, which are equal but ordered.
    let mut ranked: Vec<(f64, bool)> =
        scores.iter().zip(truth).map(|(score, truth)| ((*score).into() + 0.0, *truth)).collect();
    if ranked.iter().any(|(score, _)| score.is_nan()) {
        return Err(Error::NotANumber);
    }
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    Ok(ranked)
}

/// Groups of equal scores, ascending.
fn tied(ranked: &[(f64, bool)]) -> impl DoubleEndedIterator<Item = &[(f64, bool)]> {
    ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
}

/// Positives and negatives, both at least one.
fn both_classes(truth: &[bool]) -> Result<(usize, usize)> {
    let positives = truth.iter().filter(|truth| **truth).count();
    match (positives, truth.len() - positives) {
        (0, _) => Err(Error::OneClass { missing: "positive" }),
        (_, 0) => Err(Error::OneClass { missing: "negative" }),
        both => Ok(both),
    }
}
