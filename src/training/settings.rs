//! What a training is told.

use serde::{Deserialize, Serialize};

use super::augmentation::Augmentation;
use super::error::{Error, Result};
use crate::limits;

/// Everything that decides the weights, besides the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Seed of first weights, order and augmentation.
    pub seed: u64,
    /// Passes over all images, at most.
    pub epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Epochs over which the learning rate rises.
    pub warmup_epochs: f64,
    /// Decoupled weight decay of `AdamW`.
    pub weight_decay: f64,
    /// Longest gradient; longer ones are shortened.
    pub clip_norm: f64,
    /// Epochs without a better validation score after which training ends; 0 for never.
    pub patience: usize,
    /// Rare classes count as much as common ones.
    pub balanced: bool,
    /// Random changes of the images.
    pub augmentation: Augmentation,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 30,
            batch: 16,
            learning_rate: 1e-3,
            warmup_epochs: 1.0,
            weight_decay: 1e-2,
            clip_norm: 5.0,
            patience: 8,
            balanced: true,
            augmentation: Augmentation::USUAL,
        }
    }
}

impl Settings {
    /// Refuses what no training can be done with.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let refuse = |field, problem: &str| Err(Error::Settings { field, problem: problem.to_owned() });
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        if !limits::EPOCHS.contains(self.epochs) {
            return refuse("epochs", &format!("must be {}", limits::EPOCHS));
        }
        if !limits::TRAINING_BATCH.contains(self.batch) {
            let why = "batch normalization compares the images of a batch";
            return refuse("batch", &format!("must be {}: {why}", limits::TRAINING_BATCH));
        }
        if !limits::PATIENCE.contains(self.patience) {
            return refuse("patience", &format!("must be {}", limits::PATIENCE));
        }
        if !(positive(self.learning_rate) && self.learning_rate <= limits::RATE) {
            return refuse("learning rate", &format!("must be a number above 0 and up to {}", limits::RATE));
        }
        if !(0.0..=limits::RATE).contains(&self.weight_decay) {
            return refuse("weight decay", &format!("must be a number from 0 to {}", limits::RATE));
        }
        if !(self.warmup_epochs.is_finite() && self.warmup_epochs >= 0.0) {
            return refuse("warmup epochs", "must be a number from 0 up");
        }
        if !positive(self.clip_norm) {
            return refuse("clip norm", "must be a number above 0");
        }
        let Augmentation { flip: _, rotation_deg, scale, shift, contrast, brightness } = self.augmentation;
        let angles_and_levels = (0.0..=180.0).contains(&rotation_deg) && (0.0..=255.0).contains(&brightness);
        if !(angles_and_levels && [scale, shift, contrast].into_iter().all(share)) {
            return refuse(
                "augmentation",
                "must have a rotation up to 180 degrees, shares below 1 and up to 255 levels",
            );
        }
        Ok(())
    }
}
