//! How well a network does on images it does not learn from.

use rayon::prelude::*;

use super::augmentation::{Augmentation, Augmented};
use super::error::{Error, Result};
use super::objective::{Objective, Truth};
use super::run::scaled;
use super::samples::{Sample, Samples};
use super::temperature::Answer;
use crate::detection::{Selection, select};
use crate::evaluation::{CaseOutcome, validation_score};
use crate::metrics::{ImageMatches, dice};
use crate::network::{Batch, Mode, ModelKind, Output, Scaling, Trainable};
use crate::watch::Watch;

/// Loss and score on validation images.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Mean loss over images.
    pub loss: f64,
    /// AUC (the mean of those of several findings or classes), Dice or mean average precision, by the kind of network.
    pub score: f64,
    /// The AUC of each of several findings, or of each class against the others; nothing where it is not defined.
    pub each: Vec<Option<f64>>,
}

/// What a network of this kind is scored by: `auc`, `dice` or `map`.
pub fn score_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Classifier => "auc",
        ModelKind::Segmentation => "dice",
        ModelKind::Detection => "map",
    }
}

/// What is needed to score a network.
pub(super) struct Scoring<'a> {
    pub(super) objective: &'a Objective,
    pub(super) samples: &'a Samples,
    pub(super) scaling: &'a Scaling,
    /// How the logits of a classifier become probabilities.
    pub(super) output: Option<Output>,
    /// Images a pass.
    pub(super) batch: usize,
}

impl Scoring<'_> {
    /// Scores the network in evaluation mode.
    pub(super) fn score(&self, trainer: &mut dyn Trainable, watch: &dyn Watch) -> Result<Score> {
        let count = self.samples.list.len();
        let mut outcomes = Vec::with_capacity(count);
        let mut of_findings: Vec<Vec<CaseOutcome>> = vec![Vec::new(); self.logits_scored()];
        let mut loss_sum = 0.0;
        self.passes(trainer, watch, |samples, images, outputs| {
            let (loss, _) = self.objective.gradients(outputs, &Truth { samples, images })?;
            loss_sum += loss * samples.len() as f64;
            for (index, (sample, image)) in samples.iter().zip(images).enumerate() {
                if of_findings.is_empty() {
                    outcomes.push(self.outcome(outputs, index, sample, image));
                }
                for (finding, outcomes) in of_findings.iter_mut().enumerate() {
                    outcomes.extend(self.outcome_of(finding, outputs[0].image(index), sample));
                }
            }
            Ok(())
        })?;
        let each: Vec<Option<f64>> = of_findings.iter().map(|outcomes| validation_score(outcomes).ok()).collect();
        // 0 where the score is not defined, so that any defined one is better.
        let score = if each.is_empty() { validation_score(&outcomes).ok() } else { mean(&each) }.unwrap_or(0.0);
        Ok(Score { loss: loss_sum / count as f64, score, each })
    }

    /// What a classifier answers to the images, with what is true of them.
    pub(super) fn answers(&self, trainer: &mut dyn Trainable, watch: &dyn Watch) -> Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(self.samples.list.len());
        self.passes(trainer, watch, |samples, _, outputs| {
            for (index, sample) in samples.iter().enumerate() {
                let logits = outputs[0].image(index).to_vec();
                answers.push(match self.output {
                    Some(Output::Sigmoid) => Answer::Labels { logits, labels: sample.labels.clone() },
                    _ => Answer::Class { logits, class: sample.class() },
                });
            }
            Ok(())
        })?;
        Ok(answers)
    }

    /// Passes all images through the network, a batch at a time.
    fn passes(
        &self,
        trainer: &mut dyn Trainable,
        watch: &dyn Watch,
        mut each: impl FnMut(&[&Sample], &[Augmented], &[Batch]) -> Result<()>,
    ) -> Result<()> {
        let Self { samples, scaling, batch, .. } = *self;
        let channels = trainer.graph().input_channels();
        for group in samples.list.chunks(batch) {
            if watch.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let read = |sample: &Sample| {
                let pixels = samples.pixels(sample)?;
                Ok(Augmentation::NONE.apply(sample, &pixels, samples.size_px, 0, 0))
            };
            let images: Vec<Augmented> = group.par_iter().map(read).collect::<Result<_>>()?;
            let input = scaled(images.iter().map(|image| &image.gray[..]), samples.size_px, channels, scaling);
            let outputs = trainer.forward(&input, Mode::Evaluate)?;
            each(&group.iter().collect::<Vec<_>>(), &images, &outputs)?;
        }
        Ok(())
    }

    /// Findings or classes that have a score each; none where there is one finding alone.
    fn logits_scored(&self) -> usize {
        Some(self.samples.findings()).filter(|findings| *findings > 1).unwrap_or(0)
    }

    /// What one image says about one of several findings or classes; nothing where its truth is not known.
    fn outcome_of(&self, finding: usize, logits: &[f32], sample: &Sample) -> Option<CaseOutcome> {
        let output = self.output?;
        let positive = match output {
            Output::Softmax => sample.class() == finding,
            Output::Sigmoid => sample.labels[finding]?,
        };
        Some(CaseOutcome::Classified { positive, log_odds: output.log_odds(logits, finding) })
    }

    /// What one image says about the network. Boxes are those that a reader would be shown.
    fn outcome(&self, outputs: &[Batch], index: usize, sample: &Sample, image: &Augmented) -> CaseOutcome {
        let positive = sample.positive;
        let values = outputs[0].image(index);
        match self.objective {
            Objective::Classes(_) | Objective::Findings(_) => {
                let log_odds = match values {
                    [negative, positive] => f64::from(positive - negative),
                    [positive] => f64::from(*positive),
                    _ => f64::NAN,
                };
                CaseOutcome::Classified { positive, log_odds }
            }
            Objective::Pixels => {
                let called: Vec<bool> = values.iter().map(|logit| *logit >= 0.0).collect();
                let truth: Vec<bool> = image.mask.iter().map(|value| *value > 0.5).collect();
                CaseOutcome::Segmented { positive, dice: dice(&called, &truth), pixels: None }
            }
            Objective::Boxes(anchors) => {
                let detections = select(outputs, index, anchors, 1, &Selection::default());
                CaseOutcome::Detected { positive, matches: ImageMatches::new(&detections, &image.boxes), pixels: None }
            }
        }
    }
}

/// Mean of those that are defined.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}
