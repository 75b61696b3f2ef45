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
use super::loss::ClassWeights;
use super::objective::{Objective, Truth};
use super::samples::{Sample, Samples};
use super::schedule::Schedule;
use super::settings::Settings;
use super::validation::{Score, validate};
use crate::network::{AdamW, Batch, Mode, ModelKind, Scaling, Trainable, Weights};
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
    pub fn run(mut self, resume: Option<Checkpoint>, watch: &dyn TrainingWatch) -> Result<Outcome> {
        self.settings.check()?;
        let kind = self.trainer.graph().kind();
        for (split, samples) in [("train", self.train), ("val", self.validation)] {
            let [negative, positive] = samples.counts();
            let one_class = if negative == 0 { Some("no image without it") } else { None };
            let one_class = if positive == 0 { Some("no image with the finding") } else { one_class };
            if let Some(found) = one_class.filter(|_| kind == ModelKind::Classifier || positive == 0) {
                return Err(Error::OneClass { split, found: found.to_owned() });
            }
        }
        let classes = self.trainer.graph().classes();
        let weights = match (self.settings.balanced, classes) {
            (true, 1 | 2) => ClassWeights::balanced(&self.train.counts()),
            _ => ClassWeights::equal(classes.max(2)),
        };
        let size_px = self.train.size_px;
        let objective = Objective::new(self.trainer.graph(), size_px, self.anchor_base_px, weights)?;
        let batch = self.settings.batch.min(self.train.list.len());
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
            let Score { loss: validation_loss, score: validation_score } =
                validate(self.trainer.as_mut(), &objective, self.validation, &self.scaling, batch, watch)?;
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
                seconds: started.elapsed().as_secs_f64(),
            });
            watch.epoch(&state)?;
        }
        let (best_epoch, best_score) = (state.best_epoch, state.best_score);
        Ok(Outcome { weights: state.best, best_epoch, best_score, epochs: state.log })
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
        let images: Vec<Augmented> =
            samples.par_iter().map(|sample| augmentation.apply(sample, size_px, seed, epoch)).collect();
        let classes: Vec<usize> = samples.iter().map(|sample| usize::from(sample.positive)).collect();
        let channels = self.trainer.graph().input_channels();
        let input = scaled(images.iter().map(|image| &image.gray[..]), size_px, channels, &self.scaling);
        let outputs = self.trainer.forward(&input, Mode::Train)?;
        let (loss, gradients) = objective.gradients(&outputs, &Truth { classes: &classes, images: &images })?;
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
