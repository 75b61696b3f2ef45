//! How far the probabilities of a classifier are what they say.

use serde::Serialize;

use crate::metrics::{
    Bootstrap, CalibrationBin, Estimate, brier_score, calibration_bins, calibration_in_the_large, calibration_line,
    expected_calibration_error,
};

/// Calibration of a classifier on cases that share its prevalence: on others, intercepts tell the difference of prevalence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Mean squared error of the probability, see [`brier_score`].
    pub brier_score: Option<Estimate>,
    /// See [`expected_calibration_error`]; its interval lies above 0 whatever the model, because resamples scatter.
    pub expected_calibration_error: Option<Estimate>,
    /// Slope of the logistic regression on the logarithm of the odds, see [`calibration_line`]; nothing where a threshold parts
    /// the classes.
    pub slope: Option<Estimate>,
    /// Its intercept.
    pub intercept: Option<Estimate>,
    /// See [`calibration_in_the_large`].
    pub in_the_large: Option<Estimate>,
    /// The reliability diagram.
    pub bins: Vec<CalibrationBin>,
}

/// A figure of values and truth.
type Figure<'a> = &'a (dyn Fn(&[f64], &[bool]) -> Option<f64> + Sync);

impl Calibration {
    /// Of cases by the logarithm of the odds; nothing without cases.
    pub(super) fn new(log_odds: &[f64], truth: &[bool], bootstrap: &Bootstrap) -> Option<Self> {
        let probabilities: Vec<f64> = log_odds.iter().map(|own| probability(*own)).collect();
        let of = |values: &[f64], figure: Figure<'_>| {
            bootstrap.estimate(values.len(), |positions| {
                let (values, truth): (Vec<f64>, Vec<bool>) =
                    positions.iter().map(|position| (values[*position], truth[*position])).unzip();
                figure(&values, &truth)
            })
        };
        // A resample without a line is left out and counted.
        let line = bootstrap.estimate_both(truth.len(), |positions| {
            let (log_odds, truth): (Vec<f64>, Vec<bool>) =
                positions.iter().map(|position| (log_odds[*position], truth[*position])).unzip();
            calibration_line(&log_odds, &truth).ok()
        });
        let [intercept, slope] = line.map_or([None, None], |line| line.map(Some));
        Some(Self {
            brier_score: of(&probabilities, &|values, truth| brier_score(values, truth).ok()),
            expected_calibration_error: of(&probabilities, &|values, truth| {
                expected_calibration_error(values, truth).ok()
            }),
            slope,
            intercept,
            in_the_large: of(log_odds, &|values, truth| calibration_in_the_large(values, truth).ok()),
            bins: calibration_bins(&probabilities, truth).ok()?,
        })
    }
}

/// The probability of a logarithm of odds.
pub(super) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
