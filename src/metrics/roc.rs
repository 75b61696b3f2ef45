//! Area under the receiver operating characteristic.

use super::error::Result;
use super::{both_classes, ranked, tied};

/// Probability that a positive case scores above a negative one, ties counting half (Mann and Whitney 1947), 0 to 1.
/// Counted in whole numbers: the one rounding is the last division.
///
/// # Errors
/// When lengths differ, a score is NaN, or only one class is there.
pub fn roc_auc<S: Copy + Into<f64>>(scores: &[S], truth: &[bool]) -> Result<f64> {
    let ranked = ranked(scores, truth)?;
    let (positives, negatives) = both_classes(truth)?;
    let mut negatives_below = 0_u128;
    let mut twice_wins = 0_u128;
    for equal in tied(&ranked) {
        let positives = equal.iter().filter(|(_, truth)| *truth).count() as u128;
        let negatives = equal.len() as u128 - positives;
        twice_wins += positives * (2 * negatives_below + negatives);
        negatives_below += negatives;
    }
    Ok(twice_wins as f64 / (2 * positives as u128 * negatives as u128) as f64)
}
