//! What the similarity of a method's maps says, in words.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::baseline::BetweenImages;
use super::run::Curve;

/// Part of the way from the baseline to perfect likeness from which on one single image is called alike.
const ALIKE_SHARE: f64 = 0.5;

/// Likeness from which on maps are hardly told apart: a map that keeps so much did not fall apart, even where maps of
/// different images are as alike.
const HARDLY_TOLD_APART: f64 = 0.95;

/// Confidence of the interval around the mean over images.
const CONFIDENCE: f64 = 0.95;

/// What a method did when the network forgot what it learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Its maps became as different as maps that have nothing to do with each other: the study's "pass".
    Changes,
    /// Its maps stayed more alike than that: the study's "did not pass".
    HardlyChanges,
    /// Neither is clear.
    Unclear,
    /// There was nothing to compare.
    NotJudged,
}

/// A verdict for a reader who knows radiographs, not networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// In a word.
    pub kind: VerdictKind,
    /// Whether the last block alone made more than half of the change: all before left the map much as it was.
    pub is_late: bool,
    /// In plain language.
    pub sentence: String,
}

/// Judges the last state of `curve` that has a value, by the study's rule: maps should be no more alike than `baseline`,
/// the mean similarity of maps of different images, or, where there is none, than `control`, that of unrelated blurred noise
/// ([`super::control`]). All three must be of one measure. The curve should be that of a cumulative order, whose last
/// state is the most random.
///
/// With two or more images, maps stayed alike where the 95 % confidence interval (t) of their mean lies above the baseline,
/// and changed where the mean does not exceed it, unless both are so alike that no map could be told from an unrelated one:
/// then nothing is clear. A single image allows no such test: it is called alike from half the way
/// between the baseline and perfect likeness on, and the sentence says that this is a hint. The sentence also tells where the
/// last block alone made the difference.
pub fn verdict(curve: &Curve, baseline: Option<BetweenImages>, control: Option<f64>) -> Verdict {
    let mut downwards =
        curve.points.iter().skip(1).rev().filter_map(|point| point.mean.map(|mean| (mean, point.sd, point.images)));
    let (last, before) = (downwards.next(), downwards.next());
    let Some((mean, sd, images)) = last else {
        return Verdict {
            kind: VerdictKind::NotJudged,
            is_late: false,
            sentence:
                "No map of the randomized network can be compared with the original one, so this test says nothing."
                    .to_owned(),
        };
    };
    let (limit, others) = match (baseline, control) {
        (Some(baseline), _) => {
            (baseline.mean, format!("maps of different images, {} of them,", baseline.pairs_words()))
        }
        (None, Some(control)) => (control, "patches of blurred noise that have nothing in common".to_owned()),
        (None, None) => {
            return Verdict {
                kind: VerdictKind::NotJudged,
                is_late: false,
                sentence: format!(
                    "The map keeps a likeness of {mean:.2} when the network forgets what it learned; without maps to \
                     compare with, this test says nothing."
                ),
            };
        }
    };
    let alike = |mean: f64| mean >= limit + ALIKE_SHARE * (1.0 - limit);
    // A limit at the end of what likeness can be would make every map one that changes.
    let is_blunt = mean <= limit && mean >= HARDLY_TOLD_APART;
    let kind = if is_blunt {
        VerdictKind::Unclear
    } else if mean <= limit {
        VerdictKind::Changes
    } else if match sd.and_then(|sd| half_width(sd, images)) {
        Some(half_width) => mean - half_width > limit,
        None => alike(mean),
    } {
        VerdictKind::HardlyChanges
    } else {
        VerdictKind::Unclear
    };
    let numbers = format!("likeness {mean:.2}, {others} reach {limit:.2}").replace("-0.00", "0.00");
    let finding = match kind {
        VerdictKind::HardlyChanges if alike(mean) => format!(
            "The map hardly changes when the network forgets what it learned ({numbers}): do not read it as what the \
             network looked at."
        ),
        VerdictKind::HardlyChanges => format!(
            "The map stays more alike than it should when the network forgets what it learned ({numbers}): part of it \
             does not come from what the network learned."
        ),
        VerdictKind::Changes => format!(
            "The map falls apart when the network forgets what it learned ({numbers}): it depends on what was learned, \
             which does not make it right."
        ),
        VerdictKind::Unclear if is_blunt => format!(
            "By this measure maps are almost the same whatever the network and the image ({numbers}): this test cannot tell \
             whether the map depends on what was learned."
        ),
        VerdictKind::Unclear | VerdictKind::NotJudged => format!(
            "The map changes when the network forgets what it learned, but not clearly enough ({numbers}): this test \
             leaves open whether it shows what was learned."
        ),
    };
    let before = before.map(|(before, ..)| before).filter(|before| before - mean > 1.0 - before && !alike(mean));
    let late = before.map_or_else(String::new, |before| {
        format!(" Only the last block changed it much: before, its likeness was {before:.2}.")
    });
    let images = match images {
        1 => "One image only: a hint about this case, not a finding about the method.".to_owned(),
        images => format!("Mean of {images} images."),
    };
    Verdict { kind, is_late: before.is_some(), sentence: format!("{finding}{late} {images}") }
}

/// Half the width of the confidence interval of a mean.
fn half_width(sd: f64, images: usize) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, images as f64 - 1.0).ok()?.inverse_cdf(0.5 + CONFIDENCE / 2.0);
    Some(t * sd / (images as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::run::CurvePoint;
    use super::*;
    use crate::saliency::Method;

    fn between(mean: f64) -> BetweenImages {
        BetweenImages { mean, pairs: 15 }
    }

    fn curve(last: Option<f64>, sd: Option<f64>, images: usize) -> Curve {
        let point = |mean, sd| CurvePoint { mean, sd, images };
        Curve { method: Method::Grad, points: vec![point(Some(1.0), Some(0.0)), point(Some(0.6), sd), point(last, sd)] }
    }

    #[test]
    fn the_limit_is_the_baseline_and_else_the_control() {
        let kind = |last, baseline: Option<f64>, control| {
            verdict(&curve(Some(last), Some(0.02), 9), baseline.map(between), control).kind
        };
        assert_eq!(kind(0.3, Some(0.3), Some(0.1)), VerdictKind::Changes);
        assert_eq!(kind(0.3, None, Some(0.1)), VerdictKind::HardlyChanges);
        assert_eq!(kind(0.3, None, None), VerdictKind::NotJudged);
        // Nine images with a standard deviation of 0.02: the interval reaches 0.0154 to either side.
        assert_eq!(kind(0.315, Some(0.3), None), VerdictKind::Unclear);
        assert_eq!(kind(0.316, Some(0.3), None), VerdictKind::HardlyChanges);
    }

    #[test]
    fn maps_that_are_the_same_everywhere_do_not_fall_apart() {
        let of = |last, limit| verdict(&curve(Some(last), Some(0.0), 9), Some(between(limit)), None);
        // A map that ignores network and image: the limit is perfect likeness, which nothing exceeds.
        let same = of(1.0, 1.0);
        assert_eq!(same.kind, VerdictKind::Unclear);
        assert!(same.sentence.contains("likeness 1.00") && same.sentence.contains("reach 1.00"), "{}", same.sentence);
        assert!(same.sentence.contains("cannot tell") && !same.sentence.contains("falls apart"), "{}", same.sentence);
        assert_eq!(of(0.96, 0.97).kind, VerdictKind::Unclear);
        assert_eq!(of(0.3, 0.97).kind, VerdictKind::Changes, "it did change");
        assert_eq!(of(0.99, 0.97).kind, VerdictKind::HardlyChanges, "more alike than maps of different images");
    }

    #[test]
    fn one_image_is_a_hint_and_says_so() {
        let of = |last| verdict(&curve(Some(last), None, 1), Some(between(0.2)), None);
        assert_eq!(
            [0.1, 0.4, 0.61].map(|last| of(last).kind),
            [VerdictKind::Changes, VerdictKind::Unclear, VerdictKind::HardlyChanges]
        );
        assert!(of(0.9).sentence.contains("maps of different images, 15 pairs of them, reach 0.20"), "{:?}", of(0.9));
        assert!(of(0.9).sentence.contains("do not read it") && of(0.9).sentence.contains("One image only"));
        assert!(!verdict(&curve(Some(0.9), Some(0.0), 2), Some(between(0.2)), None).sentence.contains("One image"));
    }

    #[test]
    fn a_map_that_only_the_last_block_changes_is_told_apart() {
        let late = |before| {
            let mut curve = curve(Some(0.1), Some(0.01), 5);
            curve.points[1].mean = Some(before);
            verdict(&curve, Some(between(0.2)), None)
        };
        assert!(late(0.9).kind == VerdictKind::Changes && late(0.9).sentence.contains("likeness was 0.90"));
        // From 1 to 0.1 half the way is 0.55.
        assert!(late(0.56).is_late && !late(0.54).is_late);
        assert!(!late(0.54).sentence.contains("Only the last"));
    }

    #[test]
    fn the_last_state_with_a_value_counts_and_the_original_does_not() {
        let found = verdict(&curve(None, Some(0.01), 5), Some(between(0.2)), None);
        assert!(found.kind == VerdictKind::HardlyChanges && found.sentence.contains("0.60"), "{found:?}");
        let mut blank = curve(None, None, 1);
        blank.points[1].mean = None;
        assert_eq!(verdict(&blank, Some(between(0.2)), None).kind, VerdictKind::NotJudged);
    }
}
