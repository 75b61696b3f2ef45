//! Curves of a classifier as figures and tables.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::calibration::{Calibration, probability};
use super::findings::outcomes_of;
use super::scores::{ClassifierScores, ThresholdRule, ThresholdScores, classified};
use super::{CaseOutcome, Evaluation, FindingScores, Scores};
use crate::figure::{PlotBars, PlotLine, PlotMark, Rgb, UnitPlot};
use crate::metrics::{Band, Bootstrap, Estimate, OperatingCurve, OperatingPoint, Result};

const CURVE: Rgb = [0, 92, 169];
const COMPARED: Rgb = [110, 116, 126];
const MARKS: [Rgb; 4] = [[196, 78, 0], [0, 128, 96], [140, 60, 150], [170, 20, 60]];

/// The figures of a classifier on the cases that judged it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plots {
    /// Receiver operating characteristic.
    pub receiver_operating_characteristic: UnitPlot,
    /// Precision over recall.
    pub precision_recall: UnitPlot,
    /// Reliability diagram.
    pub calibration: UnitPlot,
}

/// A classifier on the cases that tell of one finding.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedOnOne<'a> {
    /// The finding, where the model is judged on several.
    pub finding: Option<&'a str>,
    /// The figures.
    pub scores: &'a ClassifierScores,
    /// What each case says.
    pub outcomes: Cow<'a, [CaseOutcome]>,
}

impl Evaluation {
    /// The findings that a classifier is judged on, one or several; nothing of a model that localizes.
    pub fn of_each_finding(&self) -> Vec<JudgedOnOne<'_>> {
        match &self.scores {
            Scores::Classifier(scores) => {
                vec![JudgedOnOne { finding: None, scores, outcomes: Cow::Borrowed(&self.outcomes) }]
            }
            Scores::Findings(scores) => {
                let all = scores.findings.iter().enumerate();
                all.map(|(index, FindingScores { name, scores, .. })| JudgedOnOne {
                    finding: Some(name),
                    scores,
                    outcomes: Cow::Owned(outcomes_of(&self.outcomes, index)),
                })
                .collect()
            }
            Scores::Segmentation(_) | Scores::Detection(_) => Vec::new(),
        }
    }
}

impl Plots {
    /// The figures. `details` stand in each, after what it is about, and so does `caution`.
    ///
    /// # Errors
    /// When only one class is there.
    pub fn new(
        judged: &JudgedOnOne<'_>,
        bootstrap: Bootstrap,
        details: &[String],
        caution: Option<&str>,
    ) -> Result<Self> {
        let (log_odds, truth) = classified(&judged.outcomes);
        let curve = OperatingCurve::new(&log_odds, &truth)?;
        let prevalence = truth.iter().filter(|is_positive| **is_positive).count() as f64 / truth.len() as f64;
        let page = Page { scores: judged.scores, details, caution };
        Ok(Self {
            receiver_operating_characteristic: page
                .characteristic(&curve, bootstrap.sensitivity_band(&log_odds, &truth)),
            precision_recall: page.precision(&curve, bootstrap.precision_band(&log_odds, &truth), prevalence),
            calibration: page.reliability(),
        })
    }
}

/// What stands in every figure.
struct Page<'a> {
    scores: &'a ClassifierScores,
    details: &'a [String],
    caution: Option<&'a str>,
}

impl Page<'_> {
    fn characteristic(&self, curve: &OperatingCurve, band: Option<Band>) -> UnitPlot {
        let line = PlotLine {
            name: "sensitivity, band: 95 % of resamples of cases at each specificity".to_owned(),
            colour: CURVE,
            is_dashed: false,
            points: curve.receiver_operating_characteristic(),
            band: borders(band),
        };
        let chance = dashed("chance", vec![[0.0, 0.0], [1.0, 1.0]]);
        let at = |point: &OperatingPoint| Some([1.0 - point.specificity()?, point.sensitivity()?]);
        UnitPlot {
            headline: format!("Receiver operating characteristic: AUC {}", in_words(self.scores.auc.as_ref())),
            lines: vec![chance, line],
            marks: self.marks(at),
            ..self.page_of_thresholds(["1 - specificity", "sensitivity"])
        }
    }

    fn precision(&self, curve: &OperatingCurve, band: Option<Band>, prevalence: f64) -> UnitPlot {
        // Between two thresholds there is no model with a precision in between: the curve goes in steps, and its area is the
        // average precision.
        let points = curve.precision_recall();
        let steps = points.windows(2).flat_map(|pair| [[pair[0][0], pair[1][1]], pair[1]]);
        let line = PlotLine {
            name: "precision, band: 95 % of resamples of cases at each recall".to_owned(),
            colour: CURVE,
            is_dashed: false,
            points: steps.collect(),
            band: borders(band),
        };
        let chance = dashed(
            &format!("prevalence, {prevalence:.3}: precision by chance"),
            vec![[0.0, prevalence], [1.0, prevalence]],
        );
        UnitPlot {
            headline: format!(
                "Precision and recall: average precision {}",
                in_words(self.scores.average_precision.as_ref())
            ),
            lines: vec![chance, line],
            marks: self.marks(|point| Some([point.sensitivity()?, point.precision()?])),
            ..self.page_of_thresholds(["recall (sensitivity)", "precision (positive predictive value)"])
        }
    }

    fn reliability(&self) -> UnitPlot {
        let calibration = self.scores.calibration.as_ref();
        let bins = calibration.map(|own| own.bins.clone()).unwrap_or_default();
        let found: Vec<PlotMark> = bins
            .iter()
            .filter_map(|bin| {
                let name = "share with the finding in each tenth, with its 95 % interval (Wilson)".to_owned();
                Some(PlotMark {
                    name,
                    colour: CURVE,
                    at: [bin.mean_probability?, bin.observed?],
                    interval: bin.interval,
                })
            })
            .collect();
        let curve = PlotLine {
            name: "observed".to_owned(),
            colour: CURVE,
            is_dashed: false,
            points: found.iter().map(|mark| mark.at).collect(),
            band: Vec::new(),
        };
        let mut page = self.page(["probability of the finding", "share of cases with the finding"]);
        page.details.extend(calibration.map(line_in_words));
        UnitPlot {
            headline: format!(
                "Calibration: expected calibration error {}",
                in_words(calibration.and_then(|own| own.expected_calibration_error.as_ref()))
            ),
            lines: vec![dashed("probabilities that are what they say", vec![[0.0, 0.0], [1.0, 1.0]]), curve],
            marks: found,
            bars: Some(PlotBars { label: "cases".to_owned(), counts: bins.iter().map(|bin| bin.cases).collect() }),
            ..page
        }
    }

    /// The operating points of all thresholds.
    fn marks(&self, at: impl Fn(&OperatingPoint) -> Option<[f64; 2]>) -> Vec<PlotMark> {
        let marked = self.scores.thresholds.iter().zip(MARKS.iter().cycle());
        let mark = |(threshold, colour): (&ThresholdScores, &Rgb)| {
            let name = format!("at a probability of {:.3}{}", threshold.threshold, threshold.origin());
            Some(PlotMark { name, colour: *colour, at: at(&threshold.counts)?, interval: None })
        };
        marked.filter_map(mark).collect()
    }

    /// A page that shows thresholds, with what has to be said of them.
    fn page_of_thresholds(&self, axes: [&str; 2]) -> UnitPlot {
        let mut page = self.page(axes);
        for caution in self.scores.thresholds.iter().filter_map(|own| own.chosen_on.as_ref()?.caution.clone()) {
            // Several thresholds are chosen by the same cases.
            if !page.details.contains(&caution) {
                page.details.push(caution);
            }
        }
        page
    }

    fn page(&self, axes: [&str; 2]) -> UnitPlot {
        UnitPlot {
            headline: String::new(),
            caution: self.caution.map(str::to_owned),
            details: self.details.to_vec(),
            axes: axes.map(str::to_owned),
            lines: Vec::new(),
            marks: Vec::new(),
            bars: None,
        }
    }
}

impl ThresholdScores {
    /// How the threshold was found, as the rest of a sentence.
    pub fn origin(&self) -> String {
        let share = self.at_least.unwrap_or(1.0);
        match self.rule {
            ThresholdRule::Half => String::new(),
            ThresholdRule::YoudenOnValidation => ", best Youden index on the validation split".to_owned(),
            ThresholdRule::SensitivityOnValidation => format!(", sensitivity of {share} on the validation split"),
            ThresholdRule::SpecificityOnValidation => format!(", specificity of {share} on the validation split"),
        }
    }
}

fn dashed(name: &str, points: Vec<[f64; 2]>) -> PlotLine {
    PlotLine { name: name.to_owned(), colour: COMPARED, is_dashed: true, points, band: Vec::new() }
}

fn borders(band: Option<Band>) -> Vec<[f64; 3]> {
    let borders = |Band { at, low, high }: Band| {
        at.into_iter().zip(low).zip(high).map(|((at, low), high)| [at, low, high]).collect()
    };
    band.map(borders).unwrap_or_default()
}

fn in_words(estimate: Option<&Estimate>) -> String {
    match estimate {
        Some(Estimate { value, low, high, .. }) => format!("{value:.3} [{low:.3}, {high:.3}]"),
        None => "not defined".to_owned(),
    }
}

/// Brier score, slope and intercepts.
fn line_in_words(calibration: &Calibration) -> String {
    let Calibration { brier_score, slope, intercept, in_the_large, .. } = calibration;
    format!(
        "Brier score {}; slope {}, intercept {}, calibration in the large {}.",
        in_words(brier_score.as_ref()),
        in_words(slope.as_ref()),
        in_words(intercept.as_ref()),
        in_words(in_the_large.as_ref())
    )
}

/// Every operating point of a classifier as comma-separated values, the highest threshold first.
///
/// # Errors
/// When only one class is there.
pub fn curve_csv(outcomes: &[CaseOutcome]) -> Result<String> {
    let (log_odds, truth) = classified(outcomes);
    let curve = OperatingCurve::new(&log_odds, &truth)?;
    let mut text = "probability,log_odds,true_positives,false_negatives,false_positives,true_negatives,sensitivity,\
                    specificity,precision\n"
        .to_owned();
    for (threshold, point) in curve.thresholds.iter().zip(&curve.points) {
        let OperatingPoint { true_positives, false_negatives, false_positives, true_negatives } = point;
        let shares = [point.sensitivity(), point.specificity(), point.precision()].map(or_empty).join(",");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{threshold},{true_positives},{false_negatives},{false_positives},{true_negatives},{shares}",
            probability(*threshold)
        );
    }
    Ok(text)
}

/// The reliability diagram as comma-separated values.
pub fn calibration_csv(calibration: &Calibration) -> String {
    let mut text = "low,high,cases,positives,mean_probability,observed,interval_low,interval_high\n".to_owned();
    for bin in &calibration.bins {
        let [low, high] = bin.range;
        let [interval_low, interval_high] = [0, 1].map(|end| bin.interval.map(|ends| ends[end]));
        let numbers = [bin.mean_probability, bin.observed, interval_low, interval_high].map(or_empty).join(",");
        // The same.
        let _ = writeln!(text, "{low},{high},{},{},{numbers}", bin.cases, bin.positives);
    }
    text
}

fn or_empty(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
