//! How well a network does on images it does not learn from.

use rayon::prelude::*;

use super::augmentation::{Augmentation, Augmented};
use super::error::{Error, Result};
use super::objective::{Objective, Truth};
use super::run::{Watch, scaled};
use super::samples::{Sample, Samples};
use crate::detection::{Detection, EdgeBox, Selection, select};
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
    detections: Vec<Vec<Detection>>,
    boxes: Vec<Vec<EdgeBox>>,
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
                    let predicted = values.iter().map(|logit| *logit > 0.0);
                    self.dice.push(dice(predicted, image.mask.iter().map(|value| *value > 0.5)));
                }
                ModelKind::Segmentation => {}
                ModelKind::Detection => {
                    let Some(anchors) = objective.anchors() else { continue };
                    self.detections.push(select(outputs, index, anchors, 1, &Selection::default()));
                    self.boxes.push(image.boxes.clone());
                }
            }
        }
    }

    fn score(&self, kind: ModelKind) -> f64 {
        match kind {
            ModelKind::Classifier => auc(&self.scores, &self.labels),
            ModelKind::Segmentation => self.dice.iter().sum::<f64>() / self.dice.len().max(1) as f64,
            ModelKind::Detection => average_precision(&self.detections, &self.boxes, 0.5),
        }
    }
}

fn dice(predicted: impl Iterator<Item = bool>, truth: impl Iterator<Item = bool>) -> f64 {
    let (mut both, mut sum) = (0_usize, 0_usize);
    for (p, t) in predicted.zip(truth) {
        both += usize::from(p && t);
        sum += usize::from(p) + usize::from(t);
    }
    if sum == 0 { 1.0 } else { 2.0 * both as f64 / sum as f64 }
}

fn auc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && scores[order[end]] == scores[order[start]] {
            end += 1;
        }
        let rank = (start + 1 + end) as f64 / 2.0;
        rank_sum += rank * order[start..end].iter().filter(|index| labels[**index]).count() as f64;
        start = end;
    }
    let positive = labels.iter().filter(|label| **label).count() as f64;
    let negative = labels.len() as f64 - positive;
    (rank_sum - positive * (positive + 1.0) / 2.0) / (positive * negative)
}

fn average_precision(detections: &[Vec<Detection>], boxes: &[Vec<EdgeBox>], overlap: f32) -> f64 {
    let total: usize = boxes.iter().map(Vec::len).sum();
    let mut all: Vec<(f32, usize, EdgeBox)> = detections
        .iter()
        .enumerate()
        .flat_map(|(image, found)| found.iter().map(move |d| (d.score, image, d.bounds)))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut used: Vec<Vec<bool>> = boxes.iter().map(|own| vec![false; own.len()]).collect();
    let (mut right, mut sum) = (0_usize, 0.0);
    for (count, (_, image, bounds)) in all.iter().enumerate() {
        let best = boxes[*image]
            .iter()
            .enumerate()
            .filter(|(i, _)| !used[*image][*i])
            .max_by(|a, b| a.1.iou(bounds).total_cmp(&b.1.iou(bounds)));
        if let Some((index, truth)) = best
            && truth.iou(bounds) >= overlap
        {
            used[*image][index] = true;
            right += 1;
            sum += right as f64 / (count + 1) as f64;
        }
    }
    sum / total.max(1) as f64
}
