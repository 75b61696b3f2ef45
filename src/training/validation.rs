//! How well a network does on images it does not learn from.

use rayon::prelude::*;

use super::augmentation::{Augmentation, Augmented};
use super::error::{Error, Result};
use super::objective::{Objective, Truth};
use super::run::{Watch, scaled};
use super::samples::{Sample, Samples};
use crate::detection::{Selection, select};
use crate::metrics::{DetectionCurve, ImageMatches, dice, roc_auc};
use crate::network::{Batch, Mode, ModelKind, Scaling, Trainable};

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

/// What is collected image by image.
#[derive(Default)]
struct Found {
    scores: Vec<f64>,
    labels: Vec<bool>,
    dice: Vec<f64>,
    matches: Vec<ImageMatches>,
}

/// Scores the network in evaluation mode.
pub(super) fn validate(
    trainer: &mut dyn Trainable,
    objective: &Objective,
    samples: &Samples,
    scaling: Scaling,
    batch: usize,
    watch: &dyn Watch,
) -> Result<Score> {
    let channels = trainer.graph().input_channels();
    let mut found = Found::default();
    let mut loss_sum = 0.0;
    for group in samples.list.chunks(batch) {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        let images: Vec<Augmented> =
            group.par_iter().map(|sample| Augmentation::NONE.apply(sample, samples.size_px, 0, 0)).collect();
        let classes: Vec<usize> = group.iter().map(|sample| usize::from(sample.positive)).collect();
        let input = scaled(images.iter().map(|image| &image.gray[..]), samples.size_px, channels, scaling);
        let outputs = trainer.forward(&input, Mode::Evaluate)?;
        let (loss, _) = objective.gradients(&outputs, &Truth { classes: &classes, images: &images })?;
        loss_sum += loss * group.len() as f64;
        found.add(trainer.graph().kind(), objective, &outputs, group, &images);
    }
    let score = found.score(trainer.graph().kind());
    Ok(Score { loss: loss_sum / samples.list.len() as f64, score })
}

impl Found {
    fn add(
        &mut self,
        kind: ModelKind,
        objective: &Objective,
        outputs: &[Batch],
        group: &[Sample],
        images: &[Augmented],
    ) {
        for (index, (sample, image)) in group.iter().zip(images).enumerate() {
            let values = outputs[0].image(index);
            match kind {
                ModelKind::Classifier => {
                    self.labels.push(sample.positive);
                    self.scores.push(match values {
                        [negative, positive] => f64::from(positive - negative),
                        [positive] => f64::from(*positive),
                        _ => f64::NAN,
                    });
                }
                ModelKind::Segmentation if sample.positive => {
                    let predicted: Vec<bool> = values.iter().map(|logit| *logit > 0.0).collect();
                    let truth: Vec<bool> = image.mask.iter().map(|value| *value > 0.5).collect();
                    self.dice.push(dice(&predicted, &truth));
                }
                ModelKind::Segmentation => {}
                ModelKind::Detection => {
                    let Some(anchors) = objective.anchors() else { continue };
                    let detections = select(outputs, index, anchors, 1, &Selection::default());
                    self.matches.push(ImageMatches::new(&detections, &image.boxes));
                }
            }
        }
    }

    /// 0 where the score is not defined, so that any defined one is better.
    fn score(&self, kind: ModelKind) -> f64 {
        match kind {
            ModelKind::Classifier => roc_auc(&self.scores, &self.labels).unwrap_or(0.0),
            ModelKind::Segmentation => self.dice.iter().sum::<f64>() / self.dice.len().max(1) as f64,
            ModelKind::Detection => {
                let all: Vec<usize> = (0..self.matches.len()).collect();
                DetectionCurve::new(&self.matches).mean_average_precision(&all).unwrap_or(0.0)
            }
        }
    }
}
