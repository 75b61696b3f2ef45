//! How well one map finds what experts marked.

use serde::Serialize;

use super::error::Result;
use super::localization::hit;
use super::map_areas::map_areas;

/// Scores of a map against the truth, over its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// Area below precision over recall by trapezoids, as in the study.
    pub auprc_trapezoid: f64,
    /// The same by steps: average precision.
    pub average_precision: f64,
    /// Area below the ROC curve; nothing where every pixel is marked.
    pub roc_auc: Option<f64>,
    /// Share of the pixels with the largest value that are marked: 1 where the map points at the finding. See [`hit`].
    pub hit: f64,
    /// Share of the pixels that are marked: what average precision gives to chance.
    pub prevalence: f64,
}

impl MapScores {
    /// Scores of `map`, pixel by pixel against `truth`.
    ///
    /// # Errors
    /// When the lengths differ, a value is NaN, or no pixel is marked.
    pub fn of(map: &[f32], truth: &[bool]) -> Result<Self> {
        let areas = map_areas(map, truth)?;
        let marked = truth.iter().filter(|truth| **truth).count();
        Ok(Self {
            auprc_trapezoid: areas.trapezoid,
            average_precision: areas.average_precision,
            roc_auc: areas.roc_auc,
            hit: hit(map, truth)?,
            prevalence: marked as f64 / truth.len() as f64,
        })
    }

    /// The same of the pixels that have a value; those that are NaN count as if they were not there.
    ///
    /// # Errors
    /// When the lengths differ, or no pixel with a value is marked.
    pub fn of_present(map: &[f32], truth: &[bool]) -> Result<Self> {
        if map.len() != truth.len() || !map.iter().any(|value| value.is_nan()) {
            return Self::of(map, truth);
        }
        let present = map.iter().zip(truth).filter(|(value, _)| !value.is_nan());
        let (map, truth): (Vec<f32>, Vec<bool>) = present.map(|(value, truth)| (*value, *truth)).unzip();
        Self::of(&map, &truth)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Error;
    use super::*;

    #[test]
    fn a_perfect_map_scores_one_and_an_inverted_one_misses() {
        let truth = [false, true, true, false, false, false];
        let perfect = MapScores::of(&[0.0, 1.0, 0.9, 0.0, 0.1, 0.2], &truth).unwrap();
        assert_eq!((perfect.auprc_trapezoid, perfect.average_precision, perfect.roc_auc), (1.0, 1.0, Some(1.0)));
        assert_eq!((perfect.hit, perfect.prevalence), (1.0, 1.0 / 3.0));
        let inverted = MapScores::of(&[1.0, 0.0, 0.1, 1.0, 0.9, 0.8], &truth).unwrap();
        assert_eq!((inverted.hit, inverted.roc_auc), (0.0, Some(0.0)));
    }

    #[test]
    fn pixels_without_a_value_do_not_count() {
        let all = MapScores::of(&[0.1, 0.9, 0.4], &[false, true, true]).unwrap();
        let some = [f32::NAN, 0.1, 0.9, f32::NAN, 0.4];
        assert_eq!(MapScores::of_present(&some, &[true, false, true, false, true]).unwrap(), all);
        assert!(MapScores::of_present(&some, &[true, false, false, false, false]).is_err(), "the mark lies outside");
        assert!(MapScores::of(&some, &[true, false, true, false, true]).is_err());
    }

    #[test]
    fn a_blank_map_gets_the_share_of_chance() {
        let blank = MapScores::of(&[0.0; 4], &[false, true, false, false]).unwrap();
        assert_eq!((blank.hit, blank.average_precision, blank.roc_auc), (0.25, 0.25, Some(0.5)));
        assert_eq!(blank.auprc_trapezoid, 0.625, "(1 + prevalence) / 2");
    }

    #[test]
    fn without_an_unmarked_pixel_the_curve_alone_is_missing() {
        let all = MapScores::of(&[0.5, 0.1], &[true, true]).unwrap();
        assert_eq!((all.roc_auc, all.hit, all.prevalence), (None, 1.0, 1.0));
    }

    #[test]
    fn what_has_no_score_says_why() {
        assert_eq!(MapScores::of(&[0.0; 4], &[false; 4]), Err(Error::OneClass { missing: "positive" }));
        assert_eq!(MapScores::of(&[0.0; 3], &[true; 4]), Err(Error::Lengths { scores: 3, truth: 4 }));
        assert_eq!(MapScores::of(&[f32::NAN, 0.0], &[true, false]), Err(Error::NotANumber));
    }
}
