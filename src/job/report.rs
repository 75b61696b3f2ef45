//! How far a job is and how it ended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::told::Told;
use crate::watch::Watch;

/// Names a job for as long as the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(super) u64);

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All was done; the text says what, where there is something to say. It names no file: see [`JobWatch::about`].
    Done(Option<String>),
    /// Somebody cancelled it.
    Cancelled,
    /// It failed for this reason, one sentence that names no file: see [`JobWatch::about`].
    Failed(String),
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its lane.
    Waiting,
    /// It is being worked on.
    Running,
    /// It is over.
    Over(Ending),
}

/// A look at one job.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// Which.
    pub id: JobId,
    /// What it does, in words a user knows; never a path or a patient.
    pub name: String,
    /// Where it stands.
    pub phase: Phase,
    /// The file or folder that its last words are about: for eyes that may see identity.
    pub place: Option<String>,
    /// Parts done.
    pub done: usize,
    /// Parts in all; 0 while nobody knows.
    pub total: usize,
    /// Since it began to run.
    pub elapsed: Duration,
    /// Time left as the job itself sees it, where it knows better than its rate.
    pub told_left: Option<Duration>,
    /// It runs, reaches for files, and has not moved for so long that one of them may not answer.
    pub is_stalled: bool,
}

impl JobReport {
    /// Why it failed, or what was done, where it is over and said so; with the name of the file only where identity may be
    /// seen.
    pub fn words(&self, has_identity: bool) -> Option<String> {
        let Phase::Over(Ending::Failed(words) | Ending::Done(Some(words))) = &self.phase else { return None };
        Some(match self.place.as_ref().filter(|_| has_identity) {
            Some(place) => format!("{place}: {words}"),
            None => words.clone(),
        })
    }

    /// Parts done as a fraction, once the total is known.
    pub fn fraction(&self) -> Option<f32> {
        (self.total > 0).then(|| (self.done as f32 / self.total as f32).min(1.0))
    }

    /// Time left, as the job told or at the rate so far, once there is one.
    pub fn time_left(&self) -> Option<Duration> {
        if self.phase == Phase::Running && self.told_left.is_some() {
            return self.told_left;
        }
        let done = self.fraction().filter(|done| *done > 0.02)?;
        (self.phase == Phase::Running).then(|| self.elapsed.mul_f32((1.0 - done) / done))
    }

    /// Whether it waits or runs.
    pub fn is_under_way(&self) -> bool {
        !matches!(self.phase, Phase::Over(_))
    }
}

/// What a job shares with those who watch it.
pub(super) struct Shared {
    pub(super) cancelled: AtomicBool,
    pub(super) done: AtomicUsize,
    pub(super) total: AtomicUsize,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) started: std::sync::OnceLock<Instant>,
    pub(super) told_left: Mutex<Option<Duration>>,
    pub(super) place: Mutex<Option<String>>,
    /// When it last told how far it is.
    pub(super) moved: Mutex<Option<Instant>>,
}

impl Shared {
    pub(super) fn new(wake: &Arc<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self {
            cancelled: AtomicBool::new(false),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            wake: Arc::clone(wake),
            started: std::sync::OnceLock::new(),
            told_left: Mutex::default(),
            place: Mutex::default(),
            moved: Mutex::default(),
        })
    }

    /// Notes that it is not stuck.
    pub(super) fn moves(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// For how long it has told nothing.
    pub(super) fn still_for(&self) -> Duration {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |moved| moved.elapsed())
    }
}

/// The job's own end of the line: it tells how far it is and asks whether to stop.
#[derive(Clone)]
pub struct JobWatch {
    pub(super) shared: Arc<Shared>,
}

impl JobWatch {
    /// Tells how much time is left, where parts of the job differ too much for its rate to say.
    pub fn expect(&self, left: Option<Duration>) {
        *self.shared.told_left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        self.wake();
    }

    /// Names the file or folder that the words are about with which the job ends.
    pub fn about(&self, place: impl Into<String>) {
        *self.shared.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place.into());
    }

    /// The end of a job that failed.
    pub fn failed(&self, told: Told) -> Ending {
        if let Some(place) = told.place {
            self.about(place);
        }
        Ending::Failed(told.words)
    }

    /// Asks whoever draws to look again.
    pub fn wake(&self) {
        (self.shared.wake)();
    }
}

impl Watch for JobWatch {
    fn progress(&self, done: usize, total: usize) {
        self.shared.done.store(done, Ordering::Relaxed);
        self.shared.total.store(total, Ordering::Relaxed);
        self.shared.moves();
        self.wake();
    }

    fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_the_rate() {
        let mut report = JobReport {
            id: JobId(0),
            name: String::new(),
            phase: Phase::Running,
            place: None,
            done: 25,
            total: 100,
            elapsed: Duration::from_secs(10),
            told_left: None,
            is_stalled: false,
        };
        assert_eq!(report.time_left().map(|left| left.as_secs()), Some(30));
        report.told_left = Some(Duration::from_secs(90));
        assert_eq!(report.time_left(), report.told_left, "the job knows better");
        report.phase = Phase::Waiting;
        assert_eq!(report.time_left(), None);
        (report.phase, report.told_left, report.done) = (Phase::Running, None, 0);
        assert_eq!(report.time_left(), None);
        report.total = 0;
        assert_eq!(report.fraction(), None);
    }
}
