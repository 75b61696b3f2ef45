//! How well a network does on images it does not learn from.

use rayon::prelude::*;

use super::augmentation::{Augmentation, Augmented};
use super::error::{Error, Result};
use super::objective::{Objective, Truth};
use super::run::scaled;
use super::samples::{Sample, Samples};
use crate::detection::{Selection, select};
use crate::evaluation::{CaseOutcome, validation_score};
use crate::metrics::{ImageMatches, dice};
use crate::network::{Batch, Mode, ModelKind, Scaling, Trainable};
use crate::watch::Watch;

/// Loss and score on validation images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean loss over images.
    pub loss: f64,
    /// AUC, Dice or mean average precision, by the kind of network.
    pub score: f64,
}

/// What a network of this kind is scored by: `auc`, `dice` or `map`.
pub fn score_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Classifier => "auc",
        ModelKind::Segmentation => "dice",
        ModelKind::Detection => "map",
    }
}

/// Scores the network in evaluation mode.
pub(super) fn validate(
    trainer: &mut dyn Trainable,
    objective: &Objective,
    samples: &Samples,
    scaling: &Scaling,
    batch: usize,
    watch: &dyn Watch,
) -> Result<Score> {
    let channels = trainer.graph().input_channels();
    let mut outcomes = Vec::with_capacity(samples.list.len());
    let mut loss_sum = 0.0;
    for group in samples.list.chunks(batch) {
        if watch.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let images: Vec<Augmented> =
            group.par_iter().map(|sample| Augmentation::NONE.apply(sample, samples.size_px, 0, 0)).collect();
        let classes: Vec<usize> = group.iter().map(|sample| usize::from(sample.positive)).collect();
        let input = scaled(images.iter().map(|image| &image.gray[..]), samples.size_px, channels, scaling);
        let outputs = trainer.forward(&input, Mode::Evaluate)?;
        let (loss, _) = objective.gradients(&outputs, &Truth { classes: &classes, images: &images })?;
        loss_sum += loss * group.len() as f64;
        let pairs = group.iter().zip(&images).enumerate();
        outcomes.extend(pairs.map(|(index, (sample, image))| outcome(objective, &outputs, index, sample, image)));
    }
    // 0 where the score is not defined, so that any defined one is better.
    let score = validation_score(&outcomes).unwrap_or(0.0);
    Ok(Score { loss: loss_sum / samples.list.len() as f64, score })
}

/// What one image says about the network. Boxes are those that a reader would be shown.
fn outcome(objective: &Objective, outputs: &[Batch], index: usize, sample: &Sample, image: &Augmented) -> CaseOutcome {
    let positive = sample.positive;
    let values = outputs[0].image(index);
    match objective {
        Objective::Classes(_) => {
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
