//! How well one map finds what experts marked.

use serde::Serialize;

use crate::metrics::{precision_recall, roc_auc};
use crate::truth::Mask;

/// Scores of a map against the truth, over its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// Area under the precision-recall curve by trapezoids, as in the study.
    pub auprc_trapezoid: f64,
    /// The same by steps.
    pub average_precision: f64,
    /// Area under the ROC curve; absent where every pixel is marked.
    pub roc_auc: Option<f64>,
    /// Share of the pixels with the largest value that are marked: 1 where the map points at the finding.
    pub hit: f64,
    /// Share of the pixels that are marked: what a map of chance reaches in both areas.
    pub prevalence: f64,
}

impl MapScores {
    /// Scores of a display map `[h, w]`; nothing where nothing is marked, the sizes differ or a value is NaN.
    pub fn of(map: &[f32], truth: &Mask) -> Option<Self> {
        let marked = truth.pixels();
        let curve = precision_recall(map, marked).ok()?;
        let largest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let top = map.iter().zip(marked).filter(|(value, _)| **value >= largest);
        let (count, hits) = top.fold((0, 0), |(count, hits), (_, marked)| (count + 1, hits + i32::from(*marked)));
        Some(Self {
            auprc_trapezoid: curve.trapezoid_area(),
            average_precision: curve.average_precision(),
            roc_auc: roc_auc(map, marked).ok(),
            hit: f64::from(hits) / f64::from(count),
            prevalence: truth.area_px() as f64 / marked.len() as f64,
        })
    }

    /// In short lines.
    pub fn lines(&self) -> Vec<String> {
        let hit = match self.hit {
            hit if hit >= 1.0 => "hit".to_owned(),
            hit if hit <= 0.0 => "miss".to_owned(),
            hit => format!("hit {:.0} %", hit * 100.0),
        };
        let auc = self.roc_auc.map(|auc| format!("AUC {auc:.2}, ")).unwrap_or_default();
        vec![format!("AUPRC {:.2}, AP {:.2}", self.auprc_trapezoid, self.average_precision), format!("{auc}{hit}")]
    }

    /// What the lines mean, as a sentence for the whole figure.
    pub fn explanation(&self) -> String {
        format!(
            "Scores over pixels against the marked finding, which covers {:.1} % of them: chance gives AUPRC and AP {:.2}, \
             AUC 0.50. Hit: the share of the map's largest values that lie on it.",
            self.prevalence * 100.0,
            self.prevalence
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_the_truth_scores_best() {
        let truth = Mask::new(1, 4, vec![false, true, true, false]);
        let scores = MapScores::of(&[0.0, 1.0, 0.9, 0.1], &truth).unwrap();
        assert_eq!((scores.auprc_trapezoid, scores.average_precision, scores.roc_auc), (1.0, 1.0, Some(1.0)));
        assert_eq!((scores.hit, scores.prevalence), (1.0, 0.5));
        assert_eq!(scores.lines(), ["AUPRC 1.00, AP 1.00", "AUC 1.00, hit"]);
        let miss = MapScores::of(&[1.0, 0.0, 0.0, 0.0], &truth).unwrap();
        assert_eq!(miss.hit, 0.0);
        let blank = MapScores::of(&[0.0; 4], &truth).unwrap();
        assert_eq!((blank.hit, blank.average_precision), (0.5, 0.5));
    }

    #[test]
    fn without_a_mark_there_is_no_score() {
        assert_eq!(MapScores::of(&[0.0; 4], &Mask::empty(1, 4)), None);
        assert_eq!(MapScores::of(&[0.0; 3], &Mask::new(1, 4, vec![true; 4])), None);
    }
}
