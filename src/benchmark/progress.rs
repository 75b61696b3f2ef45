//! Counting what is done.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::unit::{Kind, Unit};
use super::watch::Progress;

/// How far a sitting is, for all its workers.
pub(super) struct Counter {
    state: Mutex<State>,
    /// Work of a unit by its kind and method.
    costs: BTreeMap<(Kind, String), f64>,
    total: usize,
    total_cost: f64,
    started: Instant,
}

struct State {
    done: usize,
    failed: usize,
    cost: f64,
    /// Of this sitting.
    units: usize,
    own_cost: f64,
    paused: Duration,
}

impl Counter {
    /// A counter for the units of a sitting by kind and method, of which some are done.
    pub(super) fn new(
        units: &BTreeMap<(Kind, String), usize>,
        done: &BTreeMap<(Kind, String), usize>,
        failed: usize,
        cost: impl Fn(Kind, &str) -> f64,
    ) -> Self {
        let costs: BTreeMap<(Kind, String), f64> =
            units.keys().map(|(kind, method)| ((*kind, method.clone()), cost(*kind, method))).collect();
        let sum = |counts: &BTreeMap<(Kind, String), usize>| {
            counts.iter().map(|(key, count)| costs.get(key).copied().unwrap_or(0.0) * *count as f64).sum::<f64>()
        };
        let (total_cost, cost) = (sum(units), sum(done));
        let state = State { done: done.values().sum(), failed, cost, units: 0, own_cost: 0.0, paused: Duration::ZERO };
        let total = units.values().sum();
        Self { state: Mutex::new(state), total, total_cost, costs, started: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a unit.
    pub(super) fn add(&self, unit: &Unit, failed: bool) {
        let cost = self.costs.get(&(unit.kind, unit.method.clone())).copied().unwrap_or(0.0);
        let mut state = self.state();
        state.done += 1;
        state.failed += usize::from(failed);
        state.units += 1;
        state.cost += cost;
        state.own_cost += cost;
    }

    /// Time that was no work.
    pub(super) fn pause(&self, time: Duration) {
        self.state().paused += time;
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let state = self.state();
        let work_secs = self.started.elapsed().saturating_sub(state.paused).as_secs_f64();
        let left = (self.total_cost - state.cost).max(0.0);
        Progress {
            done: state.done,
            total: self.total,
            failed: state.failed,
            fraction: if self.total_cost > 0.0 { (state.cost / self.total_cost).min(1.0) } else { 1.0 },
            units_per_sec: state.units as f64 / work_secs.max(1e-9),
            secs_left: (state.own_cost > 0.0).then(|| left / state.own_cost * work_secs),
            work_secs,
        }
    }

    /// Units of this sitting.
    pub(super) fn units(&self) -> usize {
        self.state().units
    }
}
