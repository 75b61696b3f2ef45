//! Figures of a classifier that knows several findings, or several classes of which one is true.

use serde::Serialize;

use super::chosen::Threshold;
use super::error::{Error, Result};
use super::judge::CaseOutcome;
use super::scores::ClassifierScores;
use crate::cohort::Cohort;
use crate::metrics::{Bootstrap, Estimate, roc_auc};
use crate::network::{ModelCard, ModelKind};
use crate::truth::Task;

/// What one case says about one of several findings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FindingOutcome {
    /// Whether the case has it.
    pub positive: bool,
    /// Logarithm of the odds of it: 0 is a probability of 0.5.
    pub log_odds: f64,
}

/// Figures of a classifier over several findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingsScores {
    /// Mean of the areas below the receiver operating characteristics of the findings that have one, with an interval over
    /// resampled cases.
    pub mean_auc: Option<Estimate>,
    /// Findings of that mean.
    pub in_mean: usize,
    /// Each finding.
    pub findings: Vec<FindingScores>,
}

/// Figures of a classifier for one of several findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingScores {
    /// Its name in the cohort.
    pub name: String,
    /// The model's class that means it.
    pub class: usize,
    /// Cases of which it is known whether they have it.
    pub cases: usize,
    /// Of these, cases with it.
    pub positives: usize,
    /// Why a threshold that was asked for cannot be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_threshold: Option<String>,
    /// The figures over these cases.
    #[serde(flatten)]
    pub scores: ClassifierScores,
}

/// The thresholds that a finding is judged at.
pub(super) struct FindingThresholds {
    pub(super) list: Vec<Threshold>,
    /// Why one that was asked for is not among them.
    pub(super) problem: Option<String>,
}

/// A finding as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedFinding {
    /// Its name in the cohort.
    pub name: String,
    /// The model's class that means it.
    pub class: usize,
}

/// The findings of a cohort of several, each with the class of the model that means it; none where the cohort has one
/// finding, or the model localizes.
///
/// # Errors
/// When the model knows one of them not.
pub fn judged_findings(card: &ModelCard, cohort: &Cohort) -> Result<Vec<JudgedFinding>> {
    let findings = cohort.findings();
    if findings.len() < 2 || card.kind != ModelKind::Classifier {
        return Ok(Vec::new());
    }
    let judged = |task: &Task| {
        let names = || card.classes.iter().map(String::as_str);
        let found = task.find(names()).ok().flatten().or_else(|| names().position(|name| task.is_meant_by(name)));
        let no_class = || Error::NoClass { finding: task.name().to_owned(), classes: card.classes.clone() };
        Ok(JudgedFinding { name: task.name().to_owned(), class: found.ok_or_else(no_class)? })
    };
    findings.iter().map(judged).collect()
}

impl FindingsScores {
    /// Of outcomes that tell of each of `findings`, at thresholds for each.
    pub(super) fn new(
        outcomes: &[CaseOutcome],
        findings: &[JudgedFinding],
        thresholds: &[FindingThresholds],
        bootstrap: &Bootstrap,
    ) -> Self {
        let of_case: Vec<&[Option<FindingOutcome>]> = outcomes.iter().map(CaseOutcome::findings).collect();
        let auc = |finding: usize, drawn: &[usize]| {
            let known = drawn.iter().filter_map(|position| of_case[*position][finding]);
            let (log_odds, truth): (Vec<f64>, Vec<bool>) = known.map(|one| (one.log_odds, one.positive)).unzip();
            roc_auc(&log_odds, &truth).ok()
        };
        let all: Vec<usize> = (0..of_case.len()).collect();
        let defined: Vec<usize> = (0..findings.len()).filter(|finding| auc(*finding, &all).is_some()).collect();
        // A resample that misses a class of a finding says nothing about the mean.
        let mean = |drawn: &[usize]| -> Option<f64> {
            let areas: Option<Vec<f64>> = defined.iter().map(|finding| auc(*finding, drawn)).collect();
            areas.filter(|areas| !areas.is_empty()).map(|areas| areas.iter().sum::<f64>() / areas.len() as f64)
        };
        let one = |(finding, JudgedFinding { name, class }): (usize, &JudgedFinding)| {
            let outcomes = outcomes_of(outcomes, finding);
            FindingScores {
                name: name.clone(),
                class: *class,
                cases: outcomes.len(),
                positives: outcomes.iter().filter(|outcome| outcome.positive()).count(),
                no_threshold: thresholds[finding].problem.clone(),
                scores: ClassifierScores::new(&outcomes, &thresholds[finding].list, bootstrap),
            }
        };
        Self {
            mean_auc: bootstrap.estimate(of_case.len(), mean),
            in_mean: defined.len(),
            findings: findings.iter().enumerate().map(one).collect(),
        }
    }
}

/// What the cases that tell of a finding say of it, as of a classifier that knows it alone.
pub(super) fn outcomes_of(outcomes: &[CaseOutcome], finding: usize) -> Vec<CaseOutcome> {
    let of_case = outcomes.iter().filter_map(|outcome| outcome.findings()[finding]);
    of_case.map(|FindingOutcome { positive, log_odds }| CaseOutcome::Classified { positive, log_odds }).collect()
}
