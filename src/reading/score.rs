//! How well one map finds what experts marked.

use crate::metrics::{precision_recall, roc_auc};
use crate::truth::Mask;

/// Scores of one map against the truth at the map's own size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapScores {
    /// Area under precision over recall by trapezoids, the study's AUPRC.
    pub auprc_trapezoid: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Area under the receiver operating characteristic of pixels.
    pub roc_auc: f64,
    /// Whether the brightest pixel, the first of equals, lies on the finding (the pointing game of Zhang et al. 2018).
    pub hit: bool,
    /// Share of pixels that belong to the finding: what average precision gives to chance.
    pub prevalence: f64,
}

/// Scores `map`, display values `[h, w]`; `None` where the truth marks nothing or everything, or sizes differ.
pub fn scores(map: &[f32], truth: &Mask) -> Option<MapScores> {
    let truth = truth.pixels();
    if map.len() != truth.len() {
        return None;
    }
    let curve = precision_recall(map, truth).ok()?;
    let roc_auc = roc_auc(map, truth).ok()?;
    let brightest =
        map.iter().enumerate().fold(0, |best, (index, value)| if *value > map[best] { index } else { best });
    Some(MapScores {
        auprc_trapezoid: curve.trapezoid_area(),
        average_precision: curve.average_precision(),
        roc_auc,
        hit: truth[brightest],
        prevalence: curve.prevalence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_map_scores_one_and_an_inverted_one_misses() {
        let truth = Mask::new(2, 3, vec![false, true, true, false, false, false]);
        let perfect = scores(&[0.0, 1.0, 0.9, 0.0, 0.1, 0.2], &truth).unwrap();
        assert_eq!((perfect.auprc_trapezoid, perfect.average_precision, perfect.roc_auc), (1.0, 1.0, 1.0));
        assert!(perfect.hit && (perfect.prevalence - 1.0 / 3.0).abs() < 1e-15);
        let inverted = scores(&[1.0, 0.0, 0.1, 1.0, 0.9, 0.8], &truth).unwrap();
        assert!(!inverted.hit && inverted.roc_auc == 0.0);
        assert!(scores(&[1.0; 6], &Mask::empty(2, 3)).is_none());
        assert!(scores(&[1.0; 5], &truth).is_none());
    }
}
