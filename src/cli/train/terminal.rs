//! A training on the terminal.

use std::io::Write;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::interrupt::Interrupt;
use crate::training::{Checkpoint, Error as TrainingError, Progress, Watch};

/// A progress bar over `unit`, hidden when `quiet`.
pub(super) fn bar(quiet: bool, unit: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    let template = format!("{{bar:32}} {{percent:>3}} %  {{pos}} of {{len}} {unit}  {{elapsed}} elapsed  {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// Progress on the terminal, checkpoints on disk.
pub(super) struct Terminal<'a> {
    pub(super) bar: ProgressBar,
    pub(super) interrupt: Interrupt,
    pub(super) told: serde_json::Map<String, serde_json::Value>,
    pub(super) checkpoint: &'a Path,
}

impl Watch for Terminal<'_> {
    fn step(&self, progress: &Progress) {
        let Progress { epoch, epochs, steps, total_steps, loss, secs_left } = *progress;
        self.bar.set_length(total_steps);
        self.bar.set_position(steps);
        let left = indicatif::HumanDuration(std::time::Duration::from_secs_f64(secs_left.max(0.0)));
        self.bar.set_message(format!("epoch {epoch} of {epochs}, loss {loss:.4}, {left} left"));
    }

    fn epoch(&self, checkpoint: &Checkpoint) -> std::result::Result<(), TrainingError> {
        if let Some(last) = checkpoint.log.last() {
            let best = if checkpoint.best_epoch == last.epoch { " (best so far)" } else { "" };
            let line = format!(
                "epoch {}: training loss {:.4}, validation loss {:.4}, validation score {:.4}{best}, {:.0} s",
                last.epoch, last.train_loss, last.validation_loss, last.validation_score, last.seconds
            );
            if !self.bar.is_hidden() {
                self.bar.println(line);
            } else if self.bar.length().is_some() {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
        checkpoint.save(&self.told, self.checkpoint)
    }

    fn cancelled(&self) -> bool {
        self.interrupt.is_set()
    }
}
