//! Counting what is done, and how long it took.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pace::{Sort, Tally, Times, forecast};
use super::store::SittingNote;
use super::unit::Unit;
use super::watch::Progress;

/// Longest time for which neither the database nor whoever looks on is told how far a sitting is.
const BEAT: Duration = Duration::from_secs(2);

/// How far a sitting is, for all its workers.
pub(super) struct Counter {
    ledger: Mutex<Ledger>,
    started: Instant,
    /// When somebody was last told, since the start.
    told: Mutex<Duration>,
}

impl Counter {
    /// A counter for a sitting of `workers` that begins with units as `tallies` say, timed by earlier sittings.
    pub(super) fn new(tallies: BTreeMap<Sort, Tally>, failed: usize, workers: usize) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new(tallies, failed, workers)),
            started: Instant::now(),
            told: Mutex::default(),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker begins.
    pub(super) fn enter(&self, worker: usize) {
        self.ledger().enter(worker, self.started.elapsed());
    }

    /// A worker has no more to do.
    pub(super) fn leave(&self, worker: usize) {
        self.ledger().leave(worker);
    }

    /// Counts units that a worker finished, and times them.
    pub(super) fn finish<'a>(&self, worker: usize, units: impl Iterator<Item = &'a Unit>) {
        self.ledger().finish(worker, self.started.elapsed(), &units.collect::<Vec<_>>());
    }

    /// Counts units that failed.
    pub(super) fn fail(&self, worker: usize, units: &[Unit]) {
        self.ledger().fail(worker, self.started.elapsed(), units);
    }

    /// Time of a worker that was no work.
    pub(super) fn pause(&self, worker: usize, time: Duration) {
        self.ledger().pause(worker, time);
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        self.ledger().progress(self.started.elapsed())
    }

    /// What is to be kept of it.
    pub(super) fn note(&self) -> SittingNote {
        self.ledger().note(self.started.elapsed())
    }

    /// Whether it is time to tell how far it is; whoever asks tells.
    pub(super) fn is_due(&self) -> bool {
        let now = self.started.elapsed();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now.saturating_sub(*told) >= BEAT;
        if is_due {
            *told = now;
        }
        is_due
    }
}

/// The same without a clock: everything happens at a time since the sitting began.
struct Ledger {
    /// With the times of earlier sittings.
    tallies: BTreeMap<Sort, Tally>,
    /// Of this sitting.
    times: BTreeMap<Sort, Times>,
    failed: usize,
    /// Of this sitting.
    units: usize,
    /// Since when each worker has been at what it finishes next; nothing where it does not work.
    since: Vec<Option<Duration>>,
    /// Workers that have no more to do.
    gone: usize,
    paused: Duration,
}

impl Ledger {
    fn new(tallies: BTreeMap<Sort, Tally>, failed: usize, workers: usize) -> Self {
        let since = vec![None; workers.max(1)];
        Self { tallies, times: BTreeMap::new(), failed, units: 0, since, gone: 0, paused: Duration::ZERO }
    }

    fn enter(&mut self, worker: usize, now: Duration) {
        self.since[worker] = Some(now);
    }

    fn leave(&mut self, worker: usize) {
        self.since[worker] = None;
        self.gone += 1;
    }

    fn finish(&mut self, worker: usize, now: Duration, units: &[&Unit]) {
        let secs = self.lap(worker, now);
        let passes = |unit: &Unit| self.tallies.get(&sort(unit)).map_or(0.0, |tally| tally.passes);
        // Units that come together have their time by the passes they take.
        let all: f64 = units.iter().map(|unit| passes(unit)).sum();
        let shares: Vec<f64> =
            units.iter().map(|unit| if all > 0.0 { passes(unit) / all } else { 1.0 / units.len() as f64 }).collect();
        for (unit, share) in units.iter().zip(shares) {
            let times = self.times.entry(sort(unit)).or_default();
            times.units += 1.0;
            times.secs += secs * share;
            self.count(unit);
        }
    }

    fn fail(&mut self, worker: usize, now: Duration, units: &[Unit]) {
        // How long something took that came to nothing says nothing about what does not fail.
        self.lap(worker, now);
        for unit in units {
            self.failed += 1;
            self.count(unit);
        }
    }

    fn count(&mut self, unit: &Unit) {
        self.units += 1;
        if let Some(tally) = self.tallies.get_mut(&sort(unit)) {
            tally.done += 1;
        }
    }

    fn pause(&mut self, worker: usize, time: Duration) {
        // Workers pause side by side: each for its share of the sitting.
        self.paused += time.div_f64(self.at_work());
        if let Some(since) = &mut self.since[worker] {
            *since += time;
        }
    }

    /// Workers that still have something to do, at least one.
    fn at_work(&self) -> f64 {
        self.since.len().saturating_sub(self.gone).max(1) as f64
    }

    /// A worker's share of the time since it last finished something.
    fn lap(&mut self, worker: usize, now: Duration) -> f64 {
        let workers = self.since.len() as f64;
        let since = self.since[worker].replace(now).unwrap_or(now);
        now.saturating_sub(since).as_secs_f64() / workers
    }

    fn begun_secs(&self, now: Duration) -> f64 {
        let begun: Duration = self.since.iter().flatten().map(|since| now.saturating_sub(*since)).sum();
        begun.as_secs_f64() / self.since.len() as f64
    }

    fn work_secs(&self, now: Duration) -> f64 {
        now.saturating_sub(self.paused).as_secs_f64()
    }

    fn progress(&self, now: Duration) -> Progress {
        let mut tallies = self.tallies.clone();
        for (sort, times) in &self.times {
            if let Some(tally) = tallies.get_mut(sort) {
                tally.times = times.after(tally.times);
            }
        }
        let work_secs = self.work_secs(now);
        let forecast = forecast(&tallies, self.begun_secs(now));
        // The threads of workers that are gone help nobody.
        let slower = self.since.len() as f64 / self.at_work();
        Progress {
            done: self.tallies.values().map(|tally| tally.done).sum(),
            total: self.tallies.values().map(|tally| tally.total).sum(),
            failed: self.failed,
            fraction: forecast.fraction,
            units_per_sec: self.units as f64 / work_secs.max(1e-9),
            secs_left: forecast.secs_left.map(|left| left * slower),
            work_secs,
        }
    }

    fn note(&self, now: Duration) -> SittingNote {
        SittingNote {
            work_secs: self.work_secs(now),
            begun_secs: self.begun_secs(now),
            units: self.units,
            times: self.times.clone(),
        }
    }
}

fn sort(unit: &Unit) -> Sort {
    (unit.kind, unit.method.clone())
}

#[cfg(test)]
mod tests {
    use super::super::unit::Kind;
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// 40 predictions and 20 maps.
    fn plan() -> BTreeMap<Sort, Tally> {
        let tally = |total, passes| Tally { total, done: 0, passes, times: Times::default() };
        BTreeMap::from([
            ((Kind::Prediction, String::new()), tally(40, 0.3)),
            ((Kind::Map, "SIG".to_owned()), tally(20, 300.0)),
        ])
    }

    fn prediction() -> Unit {
        Unit::prediction("a", "m")
    }

    fn map() -> Unit {
        Unit::map("a", "m", "Original", "SIG")
    }

    /// A ledger of `workers` that all work since `now`.
    fn ledger(workers: usize, now: Duration) -> Ledger {
        let mut ledger = Ledger::new(plan(), 0, workers);
        (0..workers).for_each(|worker| ledger.enter(worker, now));
        ledger
    }

    fn left(ledger: &Ledger, now: u64) -> f64 {
        ledger.progress(secs(now)).secs_left.unwrap()
    }

    #[test]
    fn early_quick_units_do_not_hide_late_dear_ones() {
        // What came before any worker, such as the average mask, is no unit's time.
        let mut ledger = ledger(1, secs(100));
        assert_eq!(ledger.progress(secs(100)).secs_left, None);
        ledger.finish(0, secs(104), &[&prediction(); 40]);
        let early = ledger.progress(secs(104));
        assert_eq!(early.secs_left, None, "no map was seen");
        assert!(early.fraction < 0.01, "{early:?}");
        for number in 1..=5 {
            ledger.finish(0, secs(104 + 60 * number), &[&map()]);
        }
        let progress = ledger.progress(secs(404));
        assert!((progress.secs_left.unwrap() - 15.0 * 60.0).abs() < 1e-6, "{progress:?}");
        assert!((progress.fraction - 304.0 / 1204.0).abs() < 1e-9);
        assert_eq!((progress.done, progress.total, progress.work_secs), (45, 60, 404.0));
        // Half of a map later.
        assert!((left(&ledger, 434) - 14.5 * 60.0).abs() < 1e-6);
    }

    #[test]
    fn a_pause_is_no_work() {
        let mut ledger = ledger(1, secs(0));
        ledger.finish(0, secs(10), &[&map()]);
        ledger.pause(0, secs(1000));
        ledger.finish(0, secs(1020), &[&map()]);
        let progress = ledger.progress(secs(1020));
        assert_eq!(progress.work_secs, 20.0);
        assert_eq!(ledger.times[&sort(&map())], Times { units: 2.0, secs: 20.0 });
        assert_eq!(progress.units_per_sec, 0.1);

        let mut together = Ledger::new(plan(), 0, 2);
        together.enter(0, secs(0));
        together.enter(1, secs(0));
        together.pause(0, secs(1000));
        together.pause(1, secs(1000));
        assert_eq!(together.note(secs(1010)).work_secs, 10.0, "two that pause together do not pause twice");
    }

    #[test]
    fn workers_share_the_time() {
        let mut ledger = ledger(2, secs(0));
        // Both finish a map every 60 seconds: 30 seconds of the machine each.
        for minute in 1..=4 {
            ledger.finish(0, secs(60 * minute), &[&map()]);
            ledger.finish(1, secs(60 * minute), &[&map()]);
        }
        ledger.finish(0, secs(240), &[&prediction(); 40]);
        assert!((left(&ledger, 240) - 12.0 * 30.0).abs() < 1e-9);
        let note = ledger.note(secs(250));
        assert_eq!(note.begun_secs, 10.0);
        assert_eq!(note.times[&sort(&map())], Times { units: 8.0, secs: 240.0 });
        // One that has no more to do does not help the other one.
        ledger.leave(1);
        assert!((left(&ledger, 240) - 12.0 * 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_resumed_run_knows_at_once_and_learns_its_own_pace() {
        let mut plan = plan();
        for tally in plan.values_mut() {
            tally.done = tally.total / 2;
            tally.times = Times { units: tally.done as f64, secs: 100.0 * tally.done as f64 };
        }
        let mut ledger = Ledger::new(plan, 0, 1);
        assert_eq!(left(&ledger, 0), 3000.0, "before the first unit of this sitting");
        ledger.enter(0, secs(0));
        ledger.finish(0, secs(20), &[&map(), &map()]);
        let mean = (20.0 + 1000.0) / 12.0;
        assert!((left(&ledger, 20) - (2000.0 + 8.0 * mean)).abs() < 1e-6);
        assert_eq!(ledger.note(secs(20)).times[&sort(&map())], Times { units: 2.0, secs: 20.0 }, "its own alone");
        assert_eq!(ledger.progress(secs(20)).units_per_sec, 0.1);
    }

    #[test]
    fn units_that_come_together_share_by_passes_and_failures_time_nothing() {
        let mut ledger = ledger(1, secs(0));
        ledger.finish(0, secs(3003), &[&prediction(), &map()]);
        assert!((ledger.times[&sort(&map())].secs - 3000.0).abs() < 1e-3);
        ledger.fail(0, secs(4000), &[map(), map()]);
        let progress = ledger.progress(secs(4000));
        assert_eq!((progress.done, progress.failed), (4, 2));
        assert_eq!(ledger.times[&sort(&map())].units, 1.0);
        ledger.finish(0, secs(4001), &[&prediction()]);
        assert!(ledger.times[&sort(&prediction())].secs < 5.0, "the failure's time is nobody's");
    }
}
