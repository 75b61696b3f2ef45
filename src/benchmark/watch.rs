//! Who looks on while a benchmark runs.

use super::results::Score;
use super::unit::Unit;
use crate::watch::Watch;

/// How far a sitting is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Units finished or failed, earlier sittings included.
    pub done: usize,
    /// Units in all.
    pub total: usize,
    /// Of those done, units that failed.
    pub failed: usize,
    /// Work done, 0 to 1, by the time that units take.
    pub fraction: f64,
    /// Units of this sitting a second so far. Units differ in cost, and quick ones come first: no measure of what is left.
    pub units_per_sec: f64,
    /// Time left, judged by how long units of each kind and method took; nothing before the run's first maps.
    pub secs_left: Option<f64>,
    /// Time since the sitting began, pauses left out.
    pub work_secs: f64,
}

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitReport<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// Its numbers.
    pub scores: &'a [Score],
    /// Why there are none.
    pub failure: Option<&'a str>,
}

/// Parts of a whole run as [`Watch::progress`] counts them. Units differ too much in cost to be counted.
const PARTS: usize = 10_000;

/// Follows a running benchmark, from any of its threads. A part of [`Watch::progress`] is a ten-thousandth of the work.
/// All methods do nothing unless overridden; `()` follows nothing.
pub trait RunWatch: Watch {
    /// How far it is; told with every [`Watch::progress`]: after every transaction, and every few seconds between two passes.
    fn sitting(&self, progress: &Progress) {
        let _ = progress;
    }

    /// A unit was finished, or failed, and is in the database.
    fn unit(&self, report: &UnitReport<'_>) {
        let _ = report;
    }

    /// Something a person should know; names no file and no id.
    fn warning(&self, text: &str) {
        let _ = text;
    }
}

impl RunWatch for () {}

impl Progress {
    /// Tells whoever looks on.
    pub(super) fn tell(&self, watch: &dyn RunWatch) {
        watch.progress((self.fraction * PARTS as f64) as usize, PARTS);
        watch.sitting(self);
    }
}
