//! What happened in each epoch, as a table.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps done by its end.
    pub steps: u64,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss over its batches.
    pub train_loss: f64,
    /// Loss on the validation images.
    pub validation_loss: f64,
    /// Score on the validation images: AUC, Dice or mean average precision.
    pub validation_score: f64,
    /// Time it took, validation included.
    pub seconds: f64,
}

/// The epochs as CSV, with a head.
pub fn csv(epochs: &[Epoch], score: &str) -> String {
    let mut text = format!("epoch,steps,learning_rate,train_loss,validation_loss,validation_{score},seconds\n");
    for epoch in epochs {
        let Epoch { epoch, steps, learning_rate, train_loss, validation_loss, validation_score, seconds } = epoch;
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{epoch},{steps},{learning_rate},{train_loss},{validation_loss},{validation_score},{seconds:.1}"
        );
    }
    text
}
