//! A progress bar on the terminal, and the interrupt, for work that takes long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::Interrupt;
use crate::saliency::MapWatch;
use crate::watch::Watch;

/// Shows parts done on standard error where that is a terminal, and stops the work at Ctrl-C.
pub(super) struct Progress {
    /// The bar.
    pub(super) bar: ProgressBar,
    interrupt: Interrupt,
}

impl Progress {
    /// A bar without words, or nothing when `quiet`.
    pub(super) fn plain(quiet: bool, interrupt: Interrupt) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        Self { bar, interrupt }
    }

    /// A bar over the evaluations of a request with the time left, or nothing when `quiet`.
    pub(super) fn new(quiet: bool, interrupt: Interrupt) -> Self {
        let template = "{bar:32} {percent:>3} %  {pos} of {len} gradients  {elapsed} elapsed, {eta} left";
        Self::plain(quiet, interrupt).styled(template)
    }

    /// A bar over `unit` with the time so far and room for words, or nothing when `quiet`.
    pub(super) fn over(unit: &str, quiet: bool, interrupt: Interrupt) -> Self {
        let template = format!("{{bar:32}} {{percent:>3}} %  {{pos}} of {{len}} {unit}  {{elapsed}} elapsed  {{msg}}");
        Self::plain(quiet, interrupt).styled(&template)
    }

    fn styled(self, template: &str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self
    }

    /// Takes the bar off the terminal.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Progress {
    fn progress(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    fn is_cancelled(&self) -> bool {
        self.interrupt.is_cancelled()
    }
}

impl MapWatch for Progress {}
