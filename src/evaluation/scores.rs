//! Figures over all cases, with their intervals.

use serde::Serialize;

use super::calibration::Calibration;
use super::chosen::{ChosenOn, Threshold};
use super::findings::FindingsScores;
use super::judge::{CaseOutcome, PixelAreas};
use crate::metrics::{
    Bootstrap, DetectionCurve, Error, Estimate, ImageMatches, Interpolation, OperatingCurve, OperatingPoint, Result,
    operating_point, precision_recall, roc_auc, youden_threshold,
};

/// The figures of a model of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "model_kind")]
pub enum Scores {
    /// Of a classifier.
    Classifier(ClassifierScores),
    /// Of a classifier that is judged on several findings.
    Findings(FindingsScores),
    /// Of a segmentation.
    Segmentation(SegmentationScores),
    /// Of a detector.
    Detection(DetectionScores),
}

/// Figures of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassifierScores {
    /// Area under the receiver operating characteristic; nothing where one class is missing.
    pub auc: Option<Estimate>,
    /// Average precision over cases; nothing without positives.
    pub average_precision: Option<Estimate>,
    /// How far probabilities are what they say.
    pub calibration: Option<Calibration>,
    /// Sensitivity and specificity, at 0.5 first.
    pub thresholds: Vec<ThresholdScores>,
}

/// Where a threshold comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdRule {
    /// A probability of 0.5.
    Half,
    /// The best Youden index on the validation split.
    YoudenOnValidation,
    /// The highest that calls a share of the positives of the validation split.
    SensitivityOnValidation,
    /// The lowest that passes a share of the negatives of the validation split.
    SpecificityOnValidation,
}

/// A classifier at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdScores {
    /// Where the threshold comes from.
    pub rule: ThresholdRule,
    /// The share that it keeps on the cases that chose it, where it keeps one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The cases that chose it, and whether they judge it; nothing where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_on: Option<ChosenOn>,
    /// The probability from which on the finding is called.
    pub threshold: f64,
    /// Calls, counted.
    pub counts: OperatingPoint,
    /// Share of positives called; nothing without positives.
    pub sensitivity: Option<Estimate>,
    /// Share of negatives passed; nothing without negatives.
    pub specificity: Option<Estimate>,
}

/// Mean of a figure over cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CaseMean {
    /// Mean, with its interval.
    #[serde(flatten)]
    pub mean: Estimate,
    /// Standard deviation over cases (n - 1); 0 for one case.
    pub sd: f64,
    /// Cases for which the figure is defined.
    pub cases: usize,
}

/// Figures of a segmentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentationScores {
    /// Dice at a probability of 0.5, over cases with the finding.
    pub dice_of_positives: Option<CaseMean>,
    /// The same over all cases; an empty map of a case without the finding is 1.
    pub dice_of_all: Option<CaseMean>,
    /// Area below the precision-recall curve over the pixels of a case by trapezoids, over cases with marked pixels.
    pub pixel_auprc: Option<CaseMean>,
    /// The same as average precision.
    pub pixel_average_precision: Option<CaseMean>,
}

/// Figures of a detector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetectionScores {
    /// Mean average precision at overlaps 0.5, 0.55, ... 0.95, each at 101 points of recall, as COCO.
    pub map: Option<Estimate>,
    /// Average precision at an overlap of 0.5, at 101 points of recall.
    pub ap50: Option<Estimate>,
    /// Average precision at an overlap of 0.5 over all points of recall, as PASCAL VOC.
    pub ap50_all_points: Option<Estimate>,
    /// Area below the precision-recall curve of the pixel map (a pixel takes the highest score of the boxes over it) by
    /// trapezoids, over cases with marked pixels.
    pub pixel_auprc: Option<CaseMean>,
    /// The same as average precision.
    pub pixel_average_precision: Option<CaseMean>,
}

impl Scores {
    /// The figures of outcomes, which are all of the first one's kind; those of classifiers at `thresholds`.
    ///
    /// # Panics
    /// When there is no outcome.
    pub fn new(outcomes: &[CaseOutcome], thresholds: &[Threshold], bootstrap: &Bootstrap) -> Self {
        let areas = |area: fn(&PixelAreas) -> f64| {
            let of = |outcome: &CaseOutcome| match outcome {
                CaseOutcome::Segmented { pixels, .. } | CaseOutcome::Detected { pixels, .. } => {
                    pixels.as_ref().map(area)
                }
                CaseOutcome::Classified { .. } | CaseOutcome::Findings(_) => None,
            };
            CaseMean::new(outcomes, of, bootstrap)
        };
        let pixel_auprc = areas(|areas| areas.trapezoid);
        let pixel_average_precision = areas(|areas| areas.average_precision);
        match &outcomes[0] {
            CaseOutcome::Classified { .. } => Self::Classifier(ClassifierScores::new(outcomes, thresholds, bootstrap)),
            // Whoever judges several findings names them ([`FindingsScores::new`]).
            CaseOutcome::Findings(_) => Self::Findings(FindingsScores::new(outcomes, &[], &[], bootstrap)),
            CaseOutcome::Segmented { .. } => {
                let dice = |wanted: fn(bool) -> bool| {
                    let of = |outcome: &CaseOutcome| match outcome {
                        CaseOutcome::Segmented { positive, dice, .. } if wanted(*positive) => Some(*dice),
                        _ => None,
                    };
                    CaseMean::new(outcomes, of, bootstrap)
                };
                Self::Segmentation(SegmentationScores {
                    dice_of_positives: dice(|positive| positive),
                    dice_of_all: dice(|_| true),
                    pixel_auprc,
                    pixel_average_precision,
                })
            }
            CaseOutcome::Detected { .. } => {
                let images = matches(outcomes);
                let curve = DetectionCurve::new(&images);
                let ap50 = |interpolation| {
                    bootstrap.estimate(images.len(), |drawn| curve.average_precision(drawn, 0, interpolation))
                };
                Self::Detection(DetectionScores {
                    map: bootstrap.estimate(images.len(), |drawn| curve.mean_average_precision(drawn)),
                    ap50: ap50(Interpolation::Points101),
                    ap50_all_points: ap50(Interpolation::AllPoints),
                    pixel_auprc,
                    pixel_average_precision,
                })
            }
        }
    }
}

impl ClassifierScores {
    pub(super) fn new(outcomes: &[CaseOutcome], thresholds: &[Threshold], bootstrap: &Bootstrap) -> Self {
        let (log_odds, truth) = classified(outcomes);
        let drawn = |positions: &[usize]| -> (Vec<f64>, Vec<bool>) {
            positions.iter().map(|position| (log_odds[*position], truth[*position])).unzip()
        };
        let auc = bootstrap.estimate(log_odds.len(), |positions| {
            let (log_odds, truth) = drawn(positions);
            roc_auc(&log_odds, &truth).ok()
        });
        let average_precision = bootstrap.estimate(log_odds.len(), |positions| {
            let (log_odds, truth) = drawn(positions);
            precision_recall(&log_odds, &truth).ok().map(|curve| curve.average_precision())
        });
        let thresholds =
            thresholds.iter().filter_map(|Threshold { rule, at_least, log_odds: threshold, chosen_on }| {
                let at = |positions: &[usize]| {
                    let (log_odds, truth) = drawn(positions);
                    operating_point(&log_odds, &truth, *threshold).ok()
                };
                let share = |of: fn(&OperatingPoint) -> Option<f64>| {
                    bootstrap.estimate(log_odds.len(), |positions| at(positions).and_then(|point| of(&point)))
                };
                Some(ThresholdScores {
                    rule: *rule,
                    at_least: *at_least,
                    chosen_on: chosen_on.clone(),
                    threshold: 1.0 / (1.0 + (-threshold).exp()),
                    counts: operating_point(&log_odds, &truth, *threshold).ok()?,
                    sensitivity: share(OperatingPoint::sensitivity),
                    specificity: share(OperatingPoint::specificity),
                })
            });
        let thresholds = thresholds.collect();
        Self { auc, average_precision, calibration: Calibration::new(&log_odds, &truth, bootstrap), thresholds }
    }
}

impl CaseMean {
    fn new(
        outcomes: &[CaseOutcome],
        figure: impl Fn(&CaseOutcome) -> Option<f64>,
        bootstrap: &Bootstrap,
    ) -> Option<Self> {
        let values: Vec<f64> = outcomes.iter().filter_map(figure).collect();
        let mean = bootstrap.estimate(values.len(), |drawn| {
            let sum: f64 = drawn.iter().map(|position| values[*position]).sum();
            (!drawn.is_empty()).then(|| sum / drawn.len() as f64)
        })?;
        let squares: f64 = values.iter().map(|value| (value - mean.value).powi(2)).sum();
        let sd = (squares / values.len().saturating_sub(1).max(1) as f64).sqrt();
        Some(Self { mean, sd, cases: values.len() })
    }
}

/// One figure to choose among models by, larger being better: the AUC of a classifier, the mean Dice over positive cases
/// of a segmentation, COCO's mAP of a detector. All outcomes are of the first one's kind.
///
/// # Errors
/// When it is not defined: there are no cases, or those of a needed class are missing.
pub fn validation_score(outcomes: &[CaseOutcome]) -> Result<f64> {
    let no_positive = Error::OneClass { missing: "positive" };
    match outcomes.first().ok_or(Error::NoCases)? {
        CaseOutcome::Classified { .. } => {
            let (log_odds, truth) = classified(outcomes);
            roc_auc(&log_odds, &truth)
        }
        CaseOutcome::Findings(_) => Err(Error::NoCases),
        CaseOutcome::Segmented { .. } => {
            let dice: Vec<f64> = outcomes
                .iter()
                .filter_map(|outcome| match outcome {
                    CaseOutcome::Segmented { positive: true, dice, .. } => Some(*dice),
                    _ => None,
                })
                .collect();
            if dice.is_empty() { Err(no_positive) } else { Ok(dice.iter().sum::<f64>() / dice.len() as f64) }
        }
        CaseOutcome::Detected { .. } => {
            let images = matches(outcomes);
            let all: Vec<usize> = (0..images.len()).collect();
            DetectionCurve::new(&images).mean_average_precision(&all).ok_or(no_positive)
        }
    }
}

/// The threshold of a classifier that a rule chooses on these cases, on the logarithm of the odds.
pub(super) fn threshold(rule: ThresholdRule, at_least: Option<f64>, outcomes: &[CaseOutcome]) -> Result<f64> {
    let (log_odds, truth) = classified(outcomes);
    let curve = || OperatingCurve::new(&log_odds, &truth);
    match rule {
        ThresholdRule::Half => Ok(0.0),
        ThresholdRule::YoudenOnValidation => youden_threshold(&log_odds, &truth),
        ThresholdRule::SensitivityOnValidation => Ok(curve()?.threshold_for_sensitivity(at_least.unwrap_or(1.0))),
        ThresholdRule::SpecificityOnValidation => curve()?.threshold_for_specificity(at_least.unwrap_or(1.0)),
    }
}

/// The logarithm of the odds that a classifier gave each case, and whether it has the finding.
pub(super) fn classified(outcomes: &[CaseOutcome]) -> (Vec<f64>, Vec<bool>) {
    let scores = outcomes.iter().filter_map(|outcome| match outcome {
        CaseOutcome::Classified { positive, log_odds } => Some((*log_odds, *positive)),
        CaseOutcome::Findings(_) | CaseOutcome::Segmented { .. } | CaseOutcome::Detected { .. } => None,
    });
    scores.unzip()
}

fn matches(outcomes: &[CaseOutcome]) -> Vec<ImageMatches> {
    let matches = outcomes.iter().filter_map(|outcome| match outcome {
        CaseOutcome::Detected { matches, .. } => Some(matches.clone()),
        CaseOutcome::Classified { .. } | CaseOutcome::Findings(_) | CaseOutcome::Segmented { .. } => None,
    });
    matches.collect()
}
