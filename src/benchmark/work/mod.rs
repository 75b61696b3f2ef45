//! Doing the units of one job.

mod block;
mod fixed;
mod localizers;
mod maps;
mod predictions;
mod scores;
mod thumbnails;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::{Error, Result};
use super::executors::Executors;
use super::plan::Job;
use super::progress::Counter;
use super::results::{Score, condition};
use super::setup::Setup;
use super::store::{Finished, KeptMap, Store};
use super::unit::{Kind, Unit};
use super::watch::{RunWatch, UnitReport};
use crate::cohort::{Cohort, Split};
use crate::watch::Watch;

use scores::Label;

/// How often a paused run looks whether it may go on.
const PAUSE: Duration = Duration::from_millis(50);

/// What a worker of a sitting has at hand; all but its number is everyone's.
pub(super) struct Bench<'a> {
    pub(super) setup: &'a Setup,
    pub(super) store: &'a Mutex<Store>,
    /// The sitting's number in the database.
    pub(super) session: i64,
    /// Whether small copies of the radiographs are kept.
    pub(super) keeps_thumbnails: bool,
    pub(super) executors: &'a dyn Executors,
    pub(super) watch: &'a dyn RunWatch,
    pub(super) counter: &'a Counter,
    pub(super) worker: usize,
    /// The mean of all training and validation masks, at the size of the maps; nothing where it is not wanted.
    pub(super) average: Option<&'a [f32]>,
    /// Whether failures of earlier sittings are tried again.
    pub(super) retry: bool,
    /// Inputs a pass; the executor's preference when `None`.
    pub(super) batch: Option<usize>,
}

impl Bench<'_> {
    /// Does what is not yet done of a job.
    pub(super) fn job(&self, job: &Job) -> Result<()> {
        let mut missing = Vec::new();
        for unit in self.setup.units(job) {
            if !self.store().has(&unit, !self.retry)? {
                missing.push(unit);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.check()?;
        match job {
            Job::Shared => self.shared(&missing),
            Job::Predictions { subject, range } => self.predictions(*subject, range.clone(), &missing),
            Job::Block(range) => self.block(range.clone(), missing.into_iter().collect()),
        }
    }

    /// Units that belong to no image.
    fn shared(&self, missing: &[Unit]) -> Result<()> {
        let [height, width] = self.setup.size_px();
        for unit in missing {
            self.check()?;
            let mut finished = Finished { unit: unit.clone(), scores: Vec::new(), map: None, prediction: None };
            if unit.kind == Kind::NoisePair {
                finished.scores = self.noise_pair(unit);
            } else if let Some(average) = self.average {
                let kept =
                    || KeptMap { height, width, class: None, outcome: "normal".to_owned(), values: average.to_vec() };
                finished.map = self.setup.protocol.keep_maps.then(kept);
            }
            self.keep(&[finished])?;
        }
        Ok(())
    }

    fn noise_pair(&self, unit: &Unit) -> Vec<Score> {
        let size = self.setup.size_px();
        let seed = self.setup.protocol.seeds.controls;
        let clip_percentile = self.setup.clip_percentile();
        let map = |side: &str| {
            let own = super::controls::derived_seed(seed, &["noise pair", &unit.image, side]);
            super::controls::blurred_noise(own, size, clip_percentile)
        };
        let label = Label {
            test: super::protocol::Test::Randomization,
            image: &unit.image,
            method: &unit.method,
            condition: condition::CONTROL,
            models: "",
            replicate: 0,
        };
        label.agreement(&map("first"), &map("second"), size)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic elsewhere cannot leave half a transaction.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps finished units as one transaction and tells of them.
    fn keep(&self, finished: &[Finished]) -> Result<()> {
        if finished.is_empty() {
            return Ok(());
        }
        self.store().keep(finished)?;
        self.counter.finish(self.worker, finished.iter().map(|finished| &finished.unit));
        for Finished { unit, scores, .. } in finished {
            self.watch.unit(&UnitReport { unit, scores, failure: None });
        }
        self.counter.progress().tell(self.watch);
        self.note_if_due().map(|_| ())
    }

    /// Notes that units failed.
    fn fail(&self, units: &[Unit], reason: &str) -> Result<()> {
        if units.is_empty() {
            return Ok(());
        }
        self.store().fail(units, reason)?;
        self.counter.fail(self.worker, units);
        for unit in units {
            self.watch.unit(&UnitReport { unit, scores: &[], failure: Some(reason) });
        }
        self.counter.progress().tell(self.watch);
        self.note_if_due().map(|_| ())
    }

    /// Notes in the database how far the sitting is.
    pub(super) fn note(&self) -> Result<()> {
        let store = self.store();
        store.require_there()?;
        store.note_session(self.session, &self.counter.note())
    }

    /// The same unless it was done a moment ago; says whether it was due.
    fn note_if_due(&self) -> Result<bool> {
        let is_due = self.counter.is_due();
        if is_due {
            self.note()?;
        }
        Ok(is_due)
    }

    /// Fails once it is time to stop; waits while the run is paused.
    fn check(&self) -> Result<()> {
        if self.stop() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn stop(&self) -> bool {
        let began = std::time::Instant::now();
        let mut waited = false;
        while self.watch.is_paused() && !self.watch.is_cancelled() {
            std::thread::sleep(PAUSE);
            waited = true;
        }
        if waited {
            self.counter.pause(self.worker, began.elapsed());
        }
        // A database that cannot be written is told of with the next unit.
        if self.note_if_due().unwrap_or(false) {
            self.counter.progress().tell(self.watch);
        }
        self.watch.is_cancelled()
    }
}

/// The runner's watch as a cascade's.
struct Passes<'a, 'b>(&'a Bench<'b>);

impl Watch for Passes<'_, '_> {
    fn is_cancelled(&self) -> bool {
        self.0.stop()
    }
}

/// The mean of the masks of all training and validation images of a cohort, at `size` (`[height, width]`), scaled to a
/// largest value of 1: a map that knows where findings usually are. Images whose mask cannot be read do not count.
///
/// # Errors
/// When no mask can be read, or `watch` cancels.
pub(super) fn average_mask(
    cohort: &Cohort,
    size: [usize; 2],
    rule: crate::cohort::TruthRule,
    watch: &dyn Watch,
) -> Result<(Vec<f32>, usize)> {
    use rayon::prelude::*;

    let [height, width] = size;
    let judged: Vec<_> = [Split::Train, Split::Val].into_iter().flat_map(|split| cohort.in_split(split)).collect();
    let positives: Vec<_> = judged.into_iter().filter(|case| case.label == Some(true)).collect();
    // Whole numbers: their sum does not depend on the order.
    let empty = || (vec![0_u32; height * width], 0_usize, 0_usize);
    let (sum, masks, unusable) = positives
        .par_iter()
        .fold(empty, |(mut sum, masks, unusable), case| {
            if watch.is_cancelled() {
                return (sum, masks, unusable);
            }
            let Ok(mask) = cohort.truth(case, height, width, rule) else { return (sum, masks, unusable + 1) };
            for (sum, marked) in sum.iter_mut().zip(mask.pixels()) {
                *sum += u32::from(*marked);
            }
            (sum, masks + 1, unusable)
        })
        .reduce(empty, |(mut one, a, c), (two, b, d)| {
            one.iter_mut().zip(two).for_each(|(one, two)| *one += two);
            (one, a + b, c + d)
        });
    if watch.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let largest = sum.iter().copied().max().unwrap_or(0);
    if masks == 0 || largest == 0 {
        let problem = "is on, but no training or validation image has a mask that can be read: turn it off";
        return Err(Error::field("average_mask", problem));
    }
    Ok((sum.into_iter().map(|sum| (f64::from(sum) / f64::from(largest)) as f32).collect(), unusable))
}
