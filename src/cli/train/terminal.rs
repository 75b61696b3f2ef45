//! A training on the terminal.

use std::path::Path;

use super::super::console;
use super::super::progress::Progress as Bar;
use crate::training::{Checkpoint, Error as TrainingError, Progress, TrainingWatch};
use crate::watch::Watch;

/// Progress on the terminal, checkpoints on disk.
pub(super) struct Terminal<'a> {
    pub(super) progress: Bar,
    pub(super) told: serde_json::Map<String, serde_json::Value>,
    pub(super) checkpoint: &'a Path,
}

impl Watch for Terminal<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.progress.progress(done, total);
    }

    fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled()
    }
}

impl TrainingWatch for Terminal<'_> {
    fn step(&self, progress: &Progress) {
        let Progress { epoch, epochs, loss, secs_left, .. } = *progress;
        let left = indicatif::HumanDuration(std::time::Duration::from_secs_f64(secs_left.max(0.0)));
        self.progress.bar.set_message(format!("epoch {epoch} of {epochs}, loss {loss:.4}, {left} left"));
    }

    fn epoch(&self, checkpoint: &Checkpoint) -> std::result::Result<(), TrainingError> {
        if let Some(last) = checkpoint.log.last() {
            let best = if checkpoint.best_epoch == last.epoch { " (best so far)" } else { "" };
            let line = format!(
                "epoch {}: training loss {:.4}, validation loss {:.4}, validation score {:.4}{best}, {:.0} s",
                last.epoch, last.train_loss, last.validation_loss, last.validation_score, last.seconds
            );
            let bar = &self.progress.bar;
            if !bar.is_hidden() {
                bar.println(line);
            } else if bar.length().is_some() {
                console::tell(line);
            }
        }
        checkpoint.save(&self.told, self.checkpoint)
    }
}
