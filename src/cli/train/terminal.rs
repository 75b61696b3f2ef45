//! A training on the terminal, or in a file of messages.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::super::console;
use super::super::progress::{Progress as Bar, time_left};
use crate::training::{Checkpoint, Error as TrainingError, Progress, TrainingWatch};
use crate::watch::Watch;

/// Progress on the terminal, checkpoints on disk.
pub(super) struct Terminal<'a> {
    pub(super) progress: Bar,
    pub(super) told: serde_json::Map<String, serde_json::Value>,
    pub(super) checkpoint: &'a Path,
    /// Names of several findings or classes that have a score each.
    pub(super) findings: &'a [String],
    /// Time that all epochs still take, by the last step.
    left: Mutex<Option<Duration>>,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(
        progress: Bar,
        told: serde_json::Map<String, serde_json::Value>,
        checkpoint: &'a Path,
        findings: &'a [String],
    ) -> Self {
        Self { progress, told, checkpoint, findings, left: Mutex::new(None) }
    }
}

impl Watch for Terminal<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.progress.set(done, total);
    }

    fn is_cancelled(&self) -> bool {
        self.progress.is_cancelled()
    }
}

impl TrainingWatch for Terminal<'_> {
    fn step(&self, progress: &Progress) {
        let Progress { epoch, epochs, steps, total_steps, loss, secs_left } = *progress;
        let left = Duration::from_secs_f64(secs_left.max(0.0));
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        let left = time_left(left);
        self.progress.bar.set_message(format!("epoch {epoch} of {epochs}, loss {loss:.4}, {left}"));
        if let Some(lines) = self.progress.lines.as_ref().filter(|lines| lines.is_due()) {
            lines.tell(&format!("step {steps} of {total_steps}, epoch {epoch} of {epochs}: loss {loss:.4}, {left}"));
        }
    }

    fn epoch(&self, checkpoint: &Checkpoint) -> std::result::Result<(), TrainingError> {
        if let Some(last) = checkpoint.log.last() {
            let best = if checkpoint.best_epoch == last.epoch { " (best so far)" } else { "" };
            let mut line = format!(
                "epoch {}: training loss {:.4}, validation loss {:.4}, validation score {:.4}{best}, {:.0} s",
                last.epoch, last.train_loss, last.validation_loss, last.validation_score, last.seconds
            );
            if let Some(left) = *self.left.lock().unwrap_or_else(PoisonError::into_inner) {
                line.push_str(", ");
                line.push_str(&time_left(left));
            }
            let each = self.findings.iter().zip(&last.validation_scores);
            let each: Vec<String> = each
                .map(|(finding, score)| match score {
                    Some(score) => format!("{finding} {score:.4}"),
                    None => format!("{finding} not defined"),
                })
                .collect();
            if !each.is_empty() {
                line.push_str("\n  AUC of each: ");
                line.push_str(&each.join(", "));
            }
            match &self.progress.lines {
                Some(lines) => lines.tell(&line),
                None if self.progress.bar.is_hidden() => {}
                None => self.progress.bar.println(console::visible(&line)),
            }
        }
        checkpoint.save(&self.told, self.checkpoint)
    }
}
