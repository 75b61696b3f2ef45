//! From maps to numbers.

use crate::benchmark::protocol::Test;
use crate::benchmark::results::{Score, metric};
use crate::cascade::{Comparable, Similarity};
use crate::metrics::{MapScores, above, dice, iou, iou_at_area, otsu_threshold, spearman, structural_similarities};
use crate::truth::Mask;

/// What all numbers of one unit have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label<'a> {
    pub(super) test: Test,
    pub(super) image: &'a str,
    pub(super) method: &'a str,
    pub(super) condition: &'a str,
    pub(super) models: &'a str,
    pub(super) replicate: u32,
}

impl Label<'_> {
    fn score(&self, metric: &str, value: Option<f64>, note: Option<&str>) -> Score {
        // A number that is none would come back from the database as nothing.
        let value = value.filter(|value| value.is_finite());
        Score {
            test: self.test,
            image: self.image.to_owned(),
            method: self.method.to_owned(),
            condition: self.condition.to_owned(),
            models: self.models.to_owned(),
            replicate: self.replicate,
            metric: metric.to_owned(),
            note: note.filter(|_| value.is_none()).map(str::to_owned),
            value,
        }
    }

    fn all(&self, found: &[(&str, Result<f64, String>)]) -> Vec<Score> {
        let score = |(metric, value): &(&str, Result<f64, String>)| {
            self.score(metric, value.as_ref().ok().copied(), value.as_ref().err().map(String::as_str))
        };
        found.iter().map(score).collect()
    }

    /// How well a map finds the experts' marks.
    pub(super) fn utility(&self, map: Result<&[f32], &str>, truth: &Result<Mask, String>) -> Vec<Score> {
        const METRICS: [&str; 6] = [
            metric::AUPRC_TRAPEZOID,
            metric::AVERAGE_PRECISION,
            metric::ROC_AUC,
            metric::HIT,
            metric::IOU_OTSU,
            metric::IOU_AREA,
        ];
        let (map, truth) = match (map, truth) {
            (Ok(map), Ok(truth)) => (map, truth.pixels()),
            (Err(note), _) => return METRICS.iter().map(|metric| self.score(metric, None, Some(note))).collect(),
            (_, Err(note)) => return METRICS.iter().map(|metric| self.score(metric, None, Some(note))).collect(),
        };
        let words = |error: crate::metrics::Error| error.to_string();
        let scores = MapScores::of(map, truth).map_err(words);
        let roc_auc = scores.clone().and_then(|scores| {
            scores.roc_auc.ok_or_else(|| "every pixel is marked, so that nothing can be told apart".to_owned())
        });
        let otsu = otsu_threshold(map).map(|threshold| iou(&above(map, threshold), truth)).map_err(words);
        self.all(&[
            (METRICS[0], scores.clone().map(|scores| scores.auprc_trapezoid)),
            (METRICS[1], scores.clone().map(|scores| scores.average_precision)),
            (METRICS[2], roc_auc),
            (METRICS[3], scores.map(|scores| scores.hit)),
            (METRICS[4], otsu),
            (METRICS[5], iou_at_area(map, truth).map_err(words)),
        ])
    }

    /// How alike two maps of `size` are.
    pub(super) fn agreement(&self, one: &[f32], two: &[f32], size: [usize; 2]) -> Vec<Score> {
        let words = |error: crate::metrics::Error| error.to_string();
        let ssim = structural_similarities(one, two, size, [1.0, 2.0]).map_err(words);
        self.all(&[
            (metric::SSIM_RANGE_1, ssim.clone().map(|ssim| ssim[0])),
            (metric::SSIM_RANGE_2, ssim.map(|ssim| ssim[1])),
            (metric::SPEARMAN, spearman(one, two).map_err(words)),
            (metric::DICE, shared_parts(one, two).map_err(words)),
        ])
    }

    /// How alike two maps of a method are, as the cascade compares them. `overlap` adds Dice's coefficient.
    pub(super) fn similarity(
        &self,
        one: &Comparable,
        two: &Comparable,
        note: Option<&str>,
        overlap: bool,
    ) -> Vec<Score> {
        let mut scores = self.similarities(&one.similarity(two), note);
        if overlap {
            let shared = one.display().zip(two.display()).map(|(one, two)| shared_parts(one, two));
            let found = match shared {
                Some(shared) => shared.map_err(|error| error.to_string()),
                None => Err(note.unwrap_or(UNDEFINED).to_owned()),
            };
            scores.extend(self.all(&[(metric::DICE, found)]));
        }
        scores
    }

    /// Likenesses that are there already. Methods without a sign have no number for it.
    pub(super) fn similarities(&self, found: &Similarity, note: Option<&str>) -> Vec<Score> {
        let note = Some(note.unwrap_or(UNDEFINED));
        let mut scores = vec![
            self.score(metric::SSIM_RANGE_1, found.ssim_range_1, note),
            self.score(metric::SSIM_RANGE_2, found.ssim_range_2, note),
            self.score(metric::SPEARMAN, found.spearman, note),
        ];
        if found.signed_ssim.is_some() {
            scores.push(self.score(metric::SIGNED_SSIM, found.signed_ssim, note));
        }
        scores
    }
}

/// Why two maps are not compared where neither says more.
const UNDEFINED: &str = "one of the two maps is blank or cannot be scaled";

/// Dice's coefficient of what lies above either map's Otsu threshold.
fn shared_parts(one: &[f32], two: &[f32]) -> crate::metrics::Result<f64> {
    let parts = |map: &[f32]| otsu_threshold(map).map(|threshold| above(map, threshold));
    Ok(dice(&parts(one)?, &parts(two)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: Label<'_> =
        Label { test: Test::Utility, image: "a", method: "GRAD", condition: "trained", models: "m", replicate: 1 };

    fn value(scores: &[Score], metric: &str) -> Option<f64> {
        scores.iter().find(|score| score.metric == metric).unwrap().value
    }

    #[test]
    fn a_map_of_the_mark_itself_is_perfect() {
        let marked: Vec<bool> = (0..100).map(|pixel| pixel % 10 < 3).collect();
        let map: Vec<f32> = marked.iter().map(|marked| f32::from(u8::from(*marked))).collect();
        let scores = LABEL.utility(Ok(&map), &Ok(Mask::new(10, 10, marked)));
        assert_eq!(scores.len(), 6);
        assert!(scores.iter().all(|score| score.value == Some(1.0) && score.note.is_none()), "{scores:?}");
        let same = LABEL.agreement(&map, &map, [10, 10]);
        assert!(same.iter().all(|score| score.value == Some(1.0)), "{same:?}");
    }

    #[test]
    fn a_blank_map_shows_the_trap_of_the_trapezoid() {
        let marked: Vec<bool> = (0..100).map(|pixel| pixel < 20).collect();
        let scores = LABEL.utility(Ok(&[0.0; 100]), &Ok(Mask::new(10, 10, marked)));
        assert_eq!(value(&scores, metric::AUPRC_TRAPEZOID), Some(0.6), "(1 + prevalence) / 2");
        assert_eq!(value(&scores, metric::AVERAGE_PRECISION), Some(0.2));
        assert_eq!(value(&scores, metric::ROC_AUC), Some(0.5));
        assert_eq!(value(&scores, metric::IOU_OTSU), None);
        let alike = LABEL.agreement(&[0.0; 100], &[0.0; 100], [10, 10]);
        assert_eq!(value(&alike, metric::SSIM_RANGE_1), Some(1.0), "two blank maps are perfectly alike");
    }

    #[test]
    fn what_is_missing_says_why() {
        let scores = LABEL.utility(Err("it is blank"), &Ok(Mask::empty(2, 2)));
        assert!(scores.iter().all(|score| score.value.is_none() && score.note.as_deref() == Some("it is blank")));
        let scores = LABEL.utility(Ok(&[0.0; 4]), &Err("no mark".to_owned()));
        assert!(scores.iter().all(|score| score.note.as_deref() == Some("no mark")));
    }
}
