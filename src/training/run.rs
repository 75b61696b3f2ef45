//! The epochs of a training.

use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::augmentation::Augmented;
use super::checkpoint::Checkpoint;
use super::error::{Error, Result};
use super::log::Epoch;
use super::objective::{Objective, Truth};
use super::samples::{Sample, Samples};
use super::schedule::Schedule;
use super::settings::Settings;
use super::temperature::{NoTemperature, temperature};
use super::validation::{Score, Scoring};
use crate::network::{AdamW, Batch, Mode, ModelKind, Output, Scaling, Trainable, Weights};
use crate::watch::Watch;

/// Steps in a row whose gradient may be no number before the training is given up.
const MAX_LOST_STEPS: usize = 20;

/// Where a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Epoch under way, from 1.
    pub epoch: usize,
    /// Epochs, at most.
    pub epochs: usize,
    /// Steps done in all epochs.
    pub steps: u64,
    /// Steps of all epochs.
    pub total_steps: u64,
    /// Loss of the last step.
    pub loss: f64,
    /// Time that all epochs still take at this rate.
    pub secs_left: f64,
}

/// Follows a training. A part of [`Watch::progress`] is a step.
pub trait TrainingWatch: Watch {
    /// Told after every step.
    fn step(&self, progress: &Progress);
    /// Told after every epoch, with what a resumed training would begin from.
    ///
    /// # Errors
    /// Whatever keeps the checkpoint from being kept; ends the training.
    fn epoch(&self, checkpoint: &Checkpoint) -> Result<()>;
}

/// A network, images, and how the one learns from the others.
pub struct Training<'a> {
    /// The network at its start.
    pub trainer: Box<dyn Trainable>,
    /// How gray values become its input.
    pub scaling: Scaling,
    /// How the logits of a classifier become probabilities; nothing for others.
    pub output: Option<Output>,
    /// Side of a detector's smallest anchor in pixels; others do not use it.
    pub anchor_base_px: f64,
    /// Images to learn from.
    pub train: &'a Samples,
    /// Images to stop by.
    pub validation: &'a Samples,
    /// How.
    pub settings: &'a Settings,
}

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The weights of the best epoch.
    pub weights: Weights,
    /// Its number, from 1.
    pub best_epoch: usize,
    /// Its score on the validation images.
    pub best_score: f64,
    /// All epochs.
    pub epochs: Vec<Epoch>,
}

impl Training<'_> {
    /// Runs all epochs, from the first or from a checkpoint.
    ///
    /// # Errors
    /// When settings or images do not allow it, it diverges, the device fails, or `watch` cancels.
    pub fn run(&mut self, resume: Option<Checkpoint>, watch: &dyn TrainingWatch) -> Result<Outcome> {
        self.settings.check()?;
        self.check_classes()?;
        let objective = self.objective()?;
        let batch = self.batch();
        let steps_per_epoch = (self.train.list.len() / batch).max(1) as u64;
        let total_steps = steps_per_epoch * self.settings.epochs as u64;
        let schedule = Schedule {
            peak: self.settings.learning_rate,
            warmup_steps: ((self.settings.warmup_epochs * steps_per_epoch as f64) as u64).min(total_steps / 2),
            total_steps,
        };
        let mut state = match resume {
            Some(checkpoint) => {
                self.trainer.restore(&checkpoint.weights, &checkpoint.moments)?;
                checkpoint
            }
            None => Checkpoint::start(self.trainer.weights()?, self.trainer.moments()?),
        };
        let begun = (Instant::now(), state.steps);
        while state.log.len() < self.settings.epochs && !state.is_stale(self.settings.patience) {
            let epoch = state.log.len() + 1;
            let started = Instant::now();
            let order = self.order(epoch);
            let mut loss_sum = 0.0;
            let mut lost = 0;
            for group in order.chunks_exact(batch) {
                if watch.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let learning_rate = schedule.learning_rate(state.steps);
                let loss = self.step(&objective, group, epoch, learning_rate)?;
                match loss {
                    Some(loss) => {
                        loss_sum += loss;
                        lost = 0;
                    }
                    None if lost == MAX_LOST_STEPS => return Err(Error::Diverged { epoch, what: "gradient" }),
                    None => lost += 1,
                }
                state.steps += 1;
                let rate = begun.0.elapsed().as_secs_f64() / (state.steps - begun.1) as f64;
                watch.progress(state.steps as usize, total_steps as usize);
                watch.step(&Progress {
                    epoch,
                    epochs: self.settings.epochs,
                    steps: state.steps,
                    total_steps,
                    loss: loss.unwrap_or(f64::NAN),
                    secs_left: rate * (total_steps - state.steps) as f64,
                });
            }
            let (samples, scaling, output) = (self.validation, &self.scaling, self.output);
            let scoring = Scoring { objective: &objective, samples, scaling, output, batch };
            let Score { loss: validation_loss, score: validation_score, each } =
                scoring.score(self.trainer.as_mut(), watch)?;
            if !validation_loss.is_finite() {
                return Err(Error::Diverged { epoch, what: "validation loss" });
            }
            state.weights = self.trainer.weights()?;
            state.moments = self.trainer.moments()?;
            state.record(Epoch {
                epoch,
                steps: state.steps,
                learning_rate: schedule.learning_rate(state.steps - 1),
                train_loss: loss_sum / steps_per_epoch as f64,
                validation_loss,
                validation_score,
                validation_scores: each,
                seconds: started.elapsed().as_secs_f64(),
            });
            watch.epoch(&state)?;
        }
        let (best_epoch, best_score) = (state.best_epoch, state.best_score);
        Ok(Outcome { weights: state.best, best_epoch, best_score, epochs: state.log })
    }

    /// The temperature of a classifier with these weights, fitted on the validation images.
    ///
    /// # Errors
    /// When the device fails or `watch` cancels. The inner error says why there is none.
    pub fn temperature(
        &mut self,
        weights: &Weights,
        watch: &dyn Watch,
    ) -> Result<std::result::Result<f64, NoTemperature>> {
        let moments = self.trainer.moments()?;
        self.trainer.restore(weights, &moments)?;
        let objective = self.objective()?;
        let (batch, samples, scaling, output) = (self.batch(), self.validation, &self.scaling, self.output);
        let scoring = Scoring { objective: &objective, samples, scaling, output, batch };
        Ok(temperature(&scoring.answers(self.trainer.as_mut(), watch)?))
    }

    /// Refuses images that cannot teach what they are to teach.
    fn check_classes(&self) -> Result<()> {
        let is_classifier = self.trainer.graph().kind() == ModelKind::Classifier;
        for (split, samples) in [("train", self.train), ("val", self.validation)] {
            let several = Some(samples.findings()).filter(|findings| is_classifier && *findings > 1);
            let counts: Vec<[usize; 2]> = match several {
                Some(findings) => (0..findings).map(|finding| samples.counts_of(finding)).collect(),
                None => vec![samples.counts()],
            };
            let missing = |[negative, positive]: [usize; 2]| match (negative, positive) {
                (_, 0) => Some("no image with the finding"),
                (0, _) if is_classifier => Some("no image without it"),
                _ => None,
            };
            let which = |finding: usize| several.map(|_| finding);
            let faults: Vec<(usize, &str)> =
                counts.iter().enumerate().filter_map(|(finding, counts)| Some((finding, missing(*counts)?))).collect();
            // A finding that the validation images do not tell apart has no score; the others decide.
            let is_fatal = split == "train" || faults.len() == counts.len();
            if let Some((finding, found)) = faults.first().filter(|_| is_fatal) {
                return Err(Error::OneClass { split, finding: which(*finding), found: (*found).to_owned() });
            }
        }
        Ok(())
    }

    fn objective(&self) -> Result<Objective> {
        let (graph, anchor_base_px) = (self.trainer.graph(), self.anchor_base_px);
        Objective::new(graph, self.output, self.train, anchor_base_px, self.settings.balanced)
    }

    /// Images a step.
    fn batch(&self) -> usize {
        self.settings.batch.min(self.train.list.len())
    }

    /// The order of the images in an epoch.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut hash = Sha256::new();
        hash.update(b"order");
        hash.update(self.settings.seed.to_le_bytes());
        hash.update((epoch as u64).to_le_bytes());
        let mut order: Vec<usize> = (0..self.train.list.len()).collect();
        order.shuffle(&mut ChaCha8Rng::from_seed(hash.finalize().into()));
        order
    }

    /// One step of the optimizer; gives the loss, or nothing where the gradient was no number and was left out.
    fn step(
        &mut self,
        objective: &Objective,
        group: &[usize],
        epoch: usize,
        learning_rate: f64,
    ) -> Result<Option<f64>> {
        let samples: Vec<&Sample> = group.iter().map(|index| &self.train.list[*index]).collect();
        let Settings { augmentation, seed, weight_decay, clip_norm, .. } = *self.settings;
        let size_px = self.train.size_px;
        let read = |sample: &&Sample| {
            let pixels = self.train.pixels(sample)?;
            Ok(augmentation.apply(sample, &pixels, size_px, seed, epoch))
        };
        let images: Vec<Augmented> = samples.par_iter().map(read).collect::<Result<_>>()?;
        let channels = self.trainer.graph().input_channels();
        let input = scaled(images.iter().map(|image| &image.gray[..]), size_px, channels, &self.scaling);
        let outputs = self.trainer.forward(&input, Mode::Train)?;
        let (loss, gradients) = objective.gradients(&outputs, &Truth { samples: &samples, images: &images })?;
        self.trainer.backward(&gradients)?;
        let optimizer = AdamW { learning_rate, weight_decay, clip_norm: Some(clip_norm), ..AdamW::default() };
        let norm = self.trainer.update(&optimizer)?;
        Ok((loss.is_finite() && norm.is_finite()).then_some(loss))
    }
}

/// Gray images as a batch `[n, c, h, w]`.
pub(super) fn scaled<'a>(
    images: impl Iterator<Item = &'a [f32]>,
    [height, width]: [usize; 2],
    channels: usize,
    scaling: &Scaling,
) -> Batch {
    let mut values = Vec::new();
    let mut count = 0;
    for gray in images {
        for channel in 0..channels {
            values.extend(gray.iter().map(|value| scaling.apply(*value, channel)));
        }
        count += 1;
    }
    Batch::new([count, channels, height, width], values)
}
