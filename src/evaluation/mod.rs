//! How good a model is on a split of a cohort.
//!
//! Images are read in parallel, a batch ahead of the network, and dropped once judged: memory does not grow with the
//! cohort.

mod calibration;
mod case_truth;
mod chosen;
mod error;
mod findings;
mod judge;
mod pairing;
mod plots;
mod scores;

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use calibration::Calibration;
pub use case_truth::{CaseTruth, case_truth};
pub use chosen::{CaseMark, ChosenOn, JudgedOn, Threshold};
pub use error::{Error, Result};
pub use findings::{FindingOutcome, FindingScores, FindingsScores, JudgedFinding, judged_findings};
pub use judge::{CaseOutcome, Judge, PixelAreas};
pub use pairing::pair;
pub use plots::{JudgedOnOne, Plots, calibration_csv, curve_csv};
pub use scores::{
    CaseMean, ClassifierScores, DetectionScores, Scores, SegmentationScores, ThresholdRule, ThresholdScores,
    validation_score,
};

use findings::{FindingThresholds, outcomes_of};

use crate::cohort::{Case, Cohort, Split};
use crate::metrics::Bootstrap;
use crate::model_input::model_input;
use crate::network::{Batch, Forward, Model, ModelKind};
use crate::watch::Watch;

/// What is evaluated, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Cases that judge the model.
    pub split: Split,
    /// Also judge a classifier at the threshold that is best on the validation split, by Youden's index.
    pub youden: bool,
    /// Also at the highest threshold that calls this share of the positives of the validation split, above 0 to 1.
    pub sensitivity: Option<f64>,
    /// Also at the lowest threshold that passes this share of its negatives, above 0 to 1.
    pub specificity: Option<f64>,
    /// Images a pass; nothing takes what suits the network. No result depends on it.
    pub batch: Option<usize>,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
}

impl Default for Options {
    /// The test split, at a probability of 0.5.
    fn default() -> Self {
        Self {
            split: Split::Test,
            youden: false,
            sensitivity: None,
            specificity: None,
            batch: None,
            bootstrap: Bootstrap::default(),
        }
    }
}

impl Options {
    /// What the validation split is asked for, with the shares that are kept.
    fn rules(&self) -> Vec<(ThresholdRule, Option<f64>)> {
        let youden = self.youden.then_some((ThresholdRule::YoudenOnValidation, None));
        let sensitivity = self.sensitivity.map(|share| (ThresholdRule::SensitivityOnValidation, Some(share)));
        let specificity = self.specificity.map(|share| (ThresholdRule::SpecificityOnValidation, Some(share)));
        youden.into_iter().chain(sensitivity).chain(specificity).collect()
    }
}

/// How good a model is on a split.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Evaluation {
    /// The split.
    pub split: Split,
    /// Cases judged.
    pub cases: usize,
    /// Of these, cases with the finding.
    pub positives: usize,
    /// Cases of the split of which nobody said whether they have the finding; left out.
    pub unlabelled: usize,
    /// Cases whose image or truth could not be used; left out.
    pub unusable: Vec<Unusable>,
    /// Resamples behind every interval.
    pub resamples: usize,
    /// Their seed.
    pub bootstrap_seed: u64,
    /// The figures.
    pub scores: Scores,
    /// What each case said, for curves.
    #[serde(skip)]
    pub outcomes: Vec<CaseOutcome>,
}

/// Cases left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unusable {
    /// What is wrong; names no file.
    pub reason: String,
    /// How many.
    pub cases: usize,
}

/// Judges `model`, which `network` runs, on a split of `cohort`. `watch` is told the number of images judged and of all.
///
/// # Errors
/// When the split has no labelled case that can be read, a detector meets positive cases without boxes, the card names no
/// positive class, the network fails, or `watch` cancels.
pub fn evaluate(
    model: &Model,
    network: &mut Forward,
    cohort: &Cohort,
    options: &Options,
    watch: &dyn Watch,
) -> Result<Evaluation> {
    let findings = judged_findings(&model.card, cohort)?;
    let judge = if findings.is_empty() {
        Judge::new(&model.card, &model.graph)?
    } else {
        Judge::of_several(&model.card, &model.graph)?
    };
    let labelled =
        |split: Split| -> Vec<&Case> { cohort.in_split(split).filter(|case| case.label.is_some()).collect() };
    let cases = labelled(options.split);
    let unlabelled = cohort.in_split(options.split).count() - cases.len();
    let rules = if model.card.kind == ModelKind::Classifier { options.rules() } else { Vec::new() };
    let validation = if rules.is_empty() { Vec::new() } else { labelled(Split::Val) };
    if !rules.is_empty() && validation.is_empty() {
        return Err(Error::NothingToChooseOn { split: Split::Val });
    }
    if model.card.kind == ModelKind::Detection {
        let mut positives = cases.iter().filter(|case| case.label == Some(true)).peekable();
        if positives.peek().is_some() && positives.all(|case| cohort.boxes(case).is_empty()) {
            return Err(Error::NoBoxes);
        }
    }
    let total = cases.len() + validation.len();
    let mut run = Run {
        model,
        judge: &judge,
        findings: &findings,
        cohort,
        batch: options.batch,
        watch,
        done: 0,
        total,
        unusable: BTreeMap::new(),
    };
    let chose = run.judge_all(network, &validation)?;
    // Cases left out of the validation split are not those of the figures.
    run.unusable.clear();
    let Judged { outcomes, marks } = run.judge_all(network, &cases)?;
    if outcomes.is_empty() {
        return Err(Error::NoCases { split: options.split });
    }
    let chosen_on = ChosenOn::new(Split::Val, &chose.marks, &marks);
    // By half, and by the cases of the validation split that tell of the finding.
    let thresholds = |choosing: &[CaseOutcome]| -> Result<Vec<Threshold>> {
        let mut thresholds = vec![Threshold::HALF];
        for (rule, at_least) in &rules {
            let log_odds = scores::threshold(*rule, *at_least, choosing);
            let log_odds = log_odds.map_err(|problem| Error::Threshold { problem })?;
            let chosen_on = Some(chosen_on.clone());
            thresholds.push(Threshold { rule: *rule, at_least: *at_least, log_odds, chosen_on });
        }
        Ok(thresholds)
    };
    let scores = if findings.is_empty() {
        Scores::new(&outcomes, &thresholds(&chose.outcomes)?, &options.bootstrap)
    } else {
        let of = |finding: usize| match thresholds(&outcomes_of(&chose.outcomes, finding)) {
            Ok(list) => FindingThresholds { list, problem: None },
            // The other findings are judged all the same.
            Err(problem) => FindingThresholds { list: vec![Threshold::HALF], problem: Some(problem.to_string()) },
        };
        let thresholds: Vec<FindingThresholds> = (0..findings.len()).map(of).collect();
        Scores::Findings(FindingsScores::new(&outcomes, &findings, &thresholds, &options.bootstrap))
    };
    Ok(Evaluation {
        split: options.split,
        cases: outcomes.len(),
        positives: outcomes.iter().filter(|outcome| outcome.positive()).count(),
        unlabelled,
        unusable: std::mem::take(&mut run.unusable)
            .into_iter()
            .map(|(reason, cases)| Unusable { reason, cases })
            .collect(),
        resamples: options.bootstrap.resamples,
        bootstrap_seed: options.bootstrap.seed,
        scores,
        outcomes,
    })
}

/// A case as it goes into a pass.
struct Loaded {
    input: Batch,
    truth: CaseTruth,
    /// What is known of each of several findings.
    labels: Vec<Option<bool>>,
    mark: CaseMark,
}

/// What cases say about a network, and who they are.
#[derive(Default)]
struct Judged {
    outcomes: Vec<CaseOutcome>,
    /// In the same order.
    marks: Vec<CaseMark>,
}

/// What the judging of one list of cases needs.
struct Run<'a> {
    model: &'a Model,
    judge: &'a Judge,
    /// Of a classifier that is judged on several.
    findings: &'a [JudgedFinding],
    cohort: &'a Cohort,
    batch: Option<usize>,
    watch: &'a dyn Watch,
    done: usize,
    total: usize,
    /// Reasons why cases were left out, with their number.
    unusable: BTreeMap<String, usize>,
}

impl Run<'_> {
    fn judge_all(&mut self, network: &mut Forward, cases: &[&Case]) -> Result<Judged> {
        let [height, width] = self.model.card.input_size;
        let batch = self.batch.unwrap_or_else(|| network.preferred_batch(height, width)).max(1);
        let mut judged = Judged::default();
        let mut groups = cases.chunks(batch);
        let mut loaded = groups.next().map(|group| self.load(group)).unwrap_or_default();
        loop {
            if self.watch.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let following = groups.next();
            // The next images are read while the network works.
            let (found, next) = rayon::join(|| self.pass(network, &loaded), || following.map(|group| self.load(group)));
            judged.outcomes.extend(found?);
            judged.marks.extend(loaded.iter().flatten().map(|case| case.mark.clone()));
            for problem in loaded.iter().filter_map(|case| case.as_ref().err()) {
                *self.unusable.entry(problem.without_path()).or_default() += 1;
            }
            self.done += loaded.len();
            self.watch.progress(self.done, self.total);
            match next {
                Some(next) => loaded = next,
                None => return Ok(judged),
            }
        }
    }

    fn load(&self, cases: &[&Case]) -> Vec<Result<Loaded>> {
        let load = |case: &&Case| {
            let input = model_input(&self.cohort.radiograph(case)?, self.model).map_err(Error::Image)?;
            let image = Sha256::digest(bytemuck::cast_slice::<f32, u8>(input.values())).into();
            let truth = case_truth(self.cohort, case, &self.model.card)?;
            let labels = case.labels.iter().map(|label| label.known()).collect();
            Ok(Loaded { input, truth, labels, mark: CaseMark { image, patient: case.patient.clone() } })
        };
        cases.par_iter().map(load).collect()
    }

    /// Outcomes of the cases that could be read.
    fn pass(&self, network: &mut Forward, loaded: &[Result<Loaded>]) -> Result<Vec<CaseOutcome>> {
        let mut values = Vec::new();
        let mut truths = Vec::new();
        for Loaded { input, truth, labels, .. } in loaded.iter().flatten() {
            values.extend_from_slice(input.values());
            truths.push((truth, labels));
        }
        if truths.is_empty() {
            return Ok(Vec::new());
        }
        let [height, width] = self.model.card.input_size;
        let input = Batch::new([truths.len(), self.model.card.channels, height, width], values);
        let outputs = network.outputs(&input)?;
        let outcome = |(index, (truth, labels)): (usize, &(&CaseTruth, &Vec<Option<bool>>))| {
            if self.findings.is_empty() {
                self.judge.outcome(&outputs, index, truth)
            } else {
                self.judge.of_findings(&outputs, index, self.findings, labels)
            }
        };
        truths.par_iter().enumerate().map(outcome).collect()
    }
}
