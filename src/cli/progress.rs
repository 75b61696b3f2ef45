//! A progress bar on the terminal or lines in a file, and the interrupt, for work that takes long.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console;
use super::interrupt::Interrupt;
use crate::saliency::MapWatch;
use crate::watch::Watch;

/// Shows parts done on standard error where that is a terminal, and stops the work at Ctrl-C.
pub(super) struct Progress {
    /// The bar.
    pub(super) bar: ProgressBar,
    /// Lines in place of the bar, for work that has them.
    pub(super) lines: Option<Lines>,
    interrupt: Interrupt,
}

/// Time between two lines about work under way.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Lines about work whose standard error is no terminal but a file or a pipe: plain text, now and then.
pub(super) struct Lines {
    /// What is counted.
    unit: String,
    begun: Instant,
    last: Mutex<Instant>,
}

impl Lines {
    fn new(unit: &str) -> Self {
        let now = Instant::now();
        Self { unit: unit.to_owned(), begun: now, last: Mutex::new(now) }
    }

    /// Whether a line about work under way is due; the next one is not for a while then.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.elapsed() >= BETWEEN_LINES;
        if is_due {
            *last = Instant::now();
        }
        is_due
    }

    /// Writes a line, due or not.
    pub(super) fn tell(&self, line: &str) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        console::tell(line);
    }
}

/// How far work is, with the time that is left at the rate so far.
fn line_of_parts(unit: &str, done: usize, total: usize, elapsed: Duration) -> String {
    let rest = total.saturating_sub(done) as f64 / done.max(1) as f64;
    format!("{done} of {total} {unit}, {}", time_left(elapsed.mul_f64(rest)))
}

/// Time left, such as `3 minutes left`.
pub(super) fn time_left(left: Duration) -> String {
    format!("{} left", HumanDuration(left))
}

impl Progress {
    /// A bar without words, or nothing when `quiet`.
    pub(super) fn plain(quiet: bool, interrupt: Interrupt) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        Self { bar, lines: None, interrupt }
    }

    /// A bar over the evaluations of a request with the time left, or nothing when `quiet`.
    pub(super) fn new(quiet: bool, interrupt: Interrupt) -> Self {
        let template = "{bar:32} {percent:>3} %  {pos} of {len} gradients  {elapsed} elapsed, {eta} left";
        Self::plain(quiet, interrupt).styled(template)
    }

    /// A bar over `unit` with the time so far and room for words, or lines now and then where standard error is no terminal;
    /// nothing when `quiet`.
    pub(super) fn over(unit: &str, quiet: bool, interrupt: Interrupt) -> Self {
        let template = format!("{{bar:32}} {{percent:>3}} %  {{pos}} of {{len}} {unit}  {{elapsed}} elapsed  {{msg}}");
        let lines = (!quiet && !std::io::stderr().is_terminal()).then(|| Lines::new(unit));
        Self { lines, ..Self::plain(quiet, interrupt).styled(&template) }
    }

    /// Says on the bar alone how far work is.
    pub(super) fn set(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
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
        self.set(done, total);
        if let Some(lines) = self.lines.as_ref().filter(|lines| lines.is_due()) {
            lines.tell(&line_of_parts(&lines.unit, done, total, lines.begun.elapsed()));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.interrupt.is_cancelled()
    }
}

impl MapWatch for Progress {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_the_time_left_and_come_now_and_then() {
        let line = line_of_parts("train images", 100, 400, Duration::from_mins(1));
        assert_eq!(line, "100 of 400 train images, 3 minutes left");
        assert_eq!(line_of_parts("steps", 0, 0, Duration::ZERO), "0 of 0 steps, 0 seconds left");
        let lines = Lines::new("steps");
        assert!(!lines.is_due(), "none at once");
        *lines.last.lock().unwrap() -= BETWEEN_LINES;
        assert!(lines.is_due() && !lines.is_due(), "one, then none for a while");
    }
}
