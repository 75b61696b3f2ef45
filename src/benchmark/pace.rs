//! How long the units that are left will take, judged by the time that units of the same sort took.
//!
//! A map of one sort may cost a thousand times another one, and the quick units come first: neither the number of units
//! nor the time so far says when a run is over.

use std::collections::BTreeMap;

use super::unit::Kind;

/// Timed units of a sort from which on older sittings say nothing more: some blocks of images, so that no single one
/// counts for much.
const ENOUGH: f64 = 200.0;

/// Most of what is left that can be begun: work that takes longer than was expected is never as good as done.
const MOST_BEGUN: f64 = 0.9;

/// Passes of timed maps from which on they say how long other maps take: the first ones of a run wait for networks to be
/// made ready.
const PASSES_TO_JUDGE_BY: f64 = 50.0;

/// Units that cost about the same: those of one kind and method.
pub(crate) type Sort = (Kind, String);

/// How long units took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Times {
    /// How many they were.
    pub(crate) units: f64,
    /// How long all of them took: a machine's time, of which each of several workers has its share.
    pub(crate) secs: f64,
}

impl Times {
    fn mean_secs(self) -> Option<f64> {
        (self.units > 0.0).then(|| self.secs / self.units)
    }

    /// These times and `older` ones, which count only as far as these are too few: another sitting may have run on
    /// another machine.
    pub(crate) fn after(self, older: Self) -> Self {
        let wanted = (ENOUGH - self.units).clamp(0.0, older.units);
        Self { units: self.units + wanted, secs: self.secs + wanted * older.mean_secs().unwrap_or(0.0) }
    }
}

/// How far the units of a sort are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Units in all.
    pub(crate) total: usize,
    /// Of those, units that are finished or failed.
    pub(crate) done: usize,
    /// About how much work one is, in passes through a network; used where none was timed.
    pub(crate) passes: f64,
    /// How long some of them took.
    pub(crate) times: Times,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// Work done, 0 to 1.
    pub(crate) fraction: f64,
    /// Time left; nothing while it is not known.
    pub(crate) secs_left: Option<f64>,
}

/// How far a run is whose units stand as `tallies` say, after `begun_secs` of work on units that are not finished.
///
/// A unit takes as long as the timed ones of its sort did on average. Where there are none, its passes take as long as
/// those of the units nearest to it. While that is not known of all that is left, work is measured in passes.
pub(crate) fn forecast(tallies: &BTreeMap<Sort, Tally>, begun_secs: f64) -> Forecast {
    let cost = |((kind, _), tally): (&Sort, &Tally)| {
        let by_passes = || secs_per_pass(tallies, *kind).map(|secs| secs * tally.passes);
        // What nobody timed and nobody waits for was lost: all of it failed.
        tally.times.mean_secs().or_else(by_passes).or((tally.done >= tally.total).then_some(0.0))
    };
    let known: Option<Vec<f64>> = tallies.iter().map(cost).collect();
    let is_known = known.is_some();
    let costs = known.unwrap_or_else(|| tallies.values().map(|tally| tally.passes).collect());
    let (mut all, mut left) = (0.0, 0.0);
    for (tally, cost) in tallies.values().zip(costs) {
        all += cost * tally.total as f64;
        left += cost * tally.total.saturating_sub(tally.done) as f64;
    }
    if is_known {
        left -= begun_secs.clamp(0.0, MOST_BEGUN * left);
    }
    let fraction = if all > 0.0 { (1.0 - left / all).clamp(0.0, 1.0) } else { 1.0 };
    Forecast { fraction, secs_left: is_known.then_some(left) }
}

/// How long a pass took in the timed units nearest to `kind`: of the kind, else with a network as it or without one as it,
/// else of all. Maps are judged by maps alone: they are nearly all of the work, and what else asks a network spends most of
/// its time on reading images.
fn secs_per_pass(tallies: &BTreeMap<Sort, Tally>, kind: Kind) -> Option<f64> {
    let of = |is_near: &dyn Fn(Kind) -> bool| {
        let timed = tallies.iter().filter(|((other, _), tally)| is_near(*other) && tally.times.units > 0.0);
        let (secs, passes) = timed.fold((0.0, 0.0), |(secs, passes), (_, tally)| {
            (secs + tally.times.secs, passes + tally.passes * tally.times.units)
        });
        (passes > 0.0).then(|| (secs / passes, passes))
    };
    let others = || {
        let alike = of(&|other| other.asks_network() == kind.asks_network());
        alike.or_else(|| of(&|_| true)).filter(|_| kind != Kind::Map)
    };
    let is_enough = |(_, passes): &(f64, f64)| kind != Kind::Map || *passes >= PASSES_TO_JUDGE_BY;
    of(&|other| other == kind).or_else(others).filter(is_enough).map(|(secs, _)| secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(total: usize, done: usize, passes: f64, secs_each: f64) -> Tally {
        let times = Times { units: done as f64, secs: done as f64 * secs_each };
        Tally { total, done, passes, times }
    }

    fn tallies(of: &[(Kind, &str, Tally)]) -> BTreeMap<Sort, Tally> {
        of.iter().map(|(kind, method, tally)| ((*kind, (*method).to_owned()), *tally)).collect()
    }

    fn left(of: &[(Kind, &str, Tally)], begun_secs: f64) -> f64 {
        forecast(&tallies(of), begun_secs).secs_left.unwrap()
    }

    #[test]
    fn quick_units_say_nothing_about_dear_ones() {
        // 300 quick units in 8 seconds, one map of ten in 60: by units alone a quarter of a second would be left.
        let early =
            [(Kind::Prediction, "", tally(300, 300, 0.3, 8.0 / 300.0)), (Kind::Map, "SIG", tally(10, 1, 500.0, 60.0))];
        assert_eq!(left(&early, 0.0), 540.0);
        let done = 8.0 + 60.0;
        assert!((forecast(&tallies(&early), 0.0).fraction - done / (done + 540.0)).abs() < 1e-12);
    }

    #[test]
    fn a_sort_that_nobody_timed_is_judged_by_the_passes_of_those_nearest() {
        let seen = [
            (Kind::NoisePair, "BLURRED", tally(50, 50, 0.05, 0.1)),
            (Kind::Prediction, "", tally(300, 300, 0.3, 0.03)),
            (Kind::Map, "SG", tally(10, 0, 25.0, 0.0)),
        ];
        let unknown = forecast(&tallies(&seen), 3.0);
        assert_eq!(unknown.secs_left, None, "what reads images says nothing about maps");
        assert!((unknown.fraction - 92.5 / 342.5).abs() < 1e-12, "by passes: {unknown:?}");
        let better = [seen[0], seen[1], seen[2], (Kind::Map, "GRAD", tally(60, 60, 1.0, 0.4))];
        assert!((left(&better, 0.0) - 10.0 * 25.0 * 0.4).abs() < 1e-9, "maps are judged by maps");
        let early = [seen[0], seen[1], seen[2], (Kind::Map, "GRAD", tally(60, 2, 1.0, 9.0))];
        assert_eq!(forecast(&tallies(&early), 0.0).secs_left, None, "the first maps waited for their network");
        let near = [seen[0], seen[1], (Kind::Localizer, "U-Net", tally(2, 0, 1.0, 0.0))];
        assert!((left(&near, 0.0) - 2.0 * 0.1).abs() < 1e-9, "a prediction's 0.03 s are 0.3 passes");
        let far = [seen[0], near[2]];
        assert!((left(&far, 0.0) - 2.0 * 2.0).abs() < 1e-9, "by whatever there is");
    }

    #[test]
    fn before_the_first_unit_nothing_is_known_and_after_the_last_nothing_is_left() {
        let none = tallies(&[(Kind::Map, "GRAD", tally(3, 0, 1.0, 0.0)), (Kind::Map, "SG", tally(1, 0, 25.0, 0.0))]);
        assert_eq!(forecast(&none, 5.0), Forecast { fraction: 0.0, secs_left: None });
        let all = tallies(&[(Kind::Map, "GRAD", tally(3, 3, 1.0, 0.0))]);
        assert_eq!(forecast(&all, 0.0), Forecast { fraction: 1.0, secs_left: Some(0.0) });
        // Failed units are done and were not timed.
        let failed = tallies(&[(Kind::Map, "GRAD", Tally { total: 3, done: 3, passes: 1.0, times: Times::default() })]);
        assert_eq!(forecast(&failed, 0.0), Forecast { fraction: 1.0, secs_left: Some(0.0) });
        assert_eq!(forecast(&BTreeMap::new(), 0.0).fraction, 1.0);
    }

    #[test]
    fn what_is_begun_counts_and_is_never_as_good_as_done() {
        let of = [(Kind::Map, "XRAI", tally(12, 2, 200.0, 10.0))];
        assert_eq!(left(&of, 30.0), 70.0);
        assert!((left(&of, 1e6) - 10.0).abs() < 1e-9, "it takes longer than it should");
    }

    #[test]
    fn another_sitting_counts_until_this_one_has_seen_enough() {
        let slow = Times { units: 1000.0, secs: 10_000.0 };
        assert_eq!(Times::default().after(slow).mean_secs(), Some(10.0), "a resumed run knows at once");
        let half = Times { units: 100.0, secs: 100.0 };
        assert_eq!(half.after(slow).mean_secs(), Some(5.5));
        let enough = Times { units: 200.0, secs: 200.0 };
        assert_eq!(enough.after(slow), enough);
        assert_eq!(half.after(Times::default()), half);
    }
}
