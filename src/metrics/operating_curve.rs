//! Every operating point of a classifier, and what receiver operating characteristic and precision-recall curve make of them.

use rayon::prelude::*;

use super::bootstrap::{Bootstrap, percentile};
use super::error::{Error, Result};
use super::operating_point::OperatingPoint;
use super::{both_classes, ranked, tied};

/// The calls at every threshold that makes a difference: first none, then those at each different score, from the highest down.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatingCurve {
    /// The score from which on there is a call, the first infinite.
    pub thresholds: Vec<f64>,
    /// The calls.
    pub points: Vec<OperatingPoint>,
}

/// Percentiles of a curve over resampled cases, at places from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Places along the horizontal axis, evenly from 0 to 1.
    pub at: Vec<f64>,
    /// 2.5th percentile there.
    pub low: Vec<f64>,
    /// 97.5th percentile there.
    pub high: Vec<f64>,
}

/// Places of a [`Band`].
const PLACES: usize = 101;

impl OperatingCurve {
    /// The curve of scores against truth.
    ///
    /// # Errors
    /// When lengths differ, a score is NaN, or only one class is there.
    pub fn new<S: Copy + Into<f64>>(scores: &[S], truth: &[bool]) -> Result<Self> {
        let ranked = ranked(scores, truth)?;
        let (positives, negatives) = both_classes(truth)?;
        let mut point = OperatingPoint {
            true_positives: 0,
            false_negatives: positives,
            false_positives: 0,
            true_negatives: negatives,
        };
        let mut curve = Self { thresholds: vec![f64::INFINITY], points: vec![point] };
        for equal in tied(&ranked).rev() {
            let hits = equal.iter().filter(|(_, truth)| *truth).count();
            let alarms = equal.len() - hits;
            point.true_positives += hits;
            point.false_negatives -= hits;
            point.false_positives += alarms;
            point.true_negatives -= alarms;
            curve.thresholds.push(equal[0].0);
            curve.points.push(point);
        }
        Ok(curve)
    }

    /// The highest threshold at which at least this share of the positives is called.
    pub fn threshold_for_sensitivity(&self, at_least: f64) -> f64 {
        let reached = |point: &OperatingPoint| point.sensitivity().is_some_and(|share| share >= at_least);
        // The lowest score calls all.
        let position = self.points[1..].iter().position(reached).unwrap_or(self.points.len() - 2);
        self.thresholds[position + 1]
    }

    /// The lowest threshold at which at least this share of the negatives is passed.
    ///
    /// # Errors
    /// When only a threshold above all scores, which calls nothing, passes so many.
    pub fn threshold_for_specificity(&self, at_least: f64) -> Result<f64> {
        let reached = self.points.iter().rposition(|point| point.specificity().is_some_and(|share| share >= at_least));
        match reached {
            Some(position) if position > 0 => Ok(self.thresholds[position]),
            _ => Err(Error::NothingCalled { specificity: at_least }),
        }
    }

    /// `[1 - specificity, sensitivity]` of each point: the receiver operating characteristic.
    pub fn receiver_operating_characteristic(&self) -> Vec<[f64; 2]> {
        let at = |point: &OperatingPoint| Some([1.0 - point.specificity()?, point.sensitivity()?]);
        self.points.iter().filter_map(at).collect()
    }

    /// `[recall, precision]` of each point that calls anything, after the customary start at recall 0 and precision 1.
    pub fn precision_recall(&self) -> Vec<[f64; 2]> {
        let at = |point: &OperatingPoint| Some([point.sensitivity()?, point.precision()?]);
        std::iter::once([0.0, 1.0]).chain(self.points.iter().filter_map(at)).collect()
    }
}

impl Bootstrap {
    /// The band of the receiver operating characteristic: of each resample with both classes, the sensitivity at evenly spaced
    /// false positive rates, between points along straight lines (Fawcett 2006, vertical averaging).
    ///
    /// Nothing where no resample has both classes.
    pub fn sensitivity_band<S: Copy + Into<f64> + Sync>(&self, scores: &[S], truth: &[bool]) -> Option<Band> {
        self.band(scores, truth, |curve| {
            let points = curve.receiver_operating_characteristic();
            let mut next = 0;
            Band::places()
                .map(|rate| {
                    // The last point at this rate or before it: the upper end of a vertical step.
                    while next + 1 < points.len() && points[next + 1][0] <= rate {
                        next += 1;
                    }
                    match points.get(next + 1) {
                        Some([later, above]) => {
                            let [here, below] = points[next];
                            below + (above - below) * (rate - here) / (later - here)
                        }
                        None => points[next][1],
                    }
                })
                .collect()
        })
    }

    /// The band of the precision-recall curve: of each resample with both classes, the precision of the first point that
    /// reaches the recall. Straight lines between points would promise too much (Davis and Goadrich 2006).
    ///
    /// Nothing where no resample has both classes.
    pub fn precision_band<S: Copy + Into<f64> + Sync>(&self, scores: &[S], truth: &[bool]) -> Option<Band> {
        self.band(scores, truth, |curve| {
            let points = curve.precision_recall();
            // The customary start is no threshold.
            let mut next = 1;
            Band::places()
                .map(|recall| {
                    while next + 1 < points.len() && points[next][0] < recall {
                        next += 1;
                    }
                    points[next][1]
                })
                .collect()
        })
    }

    fn band<S: Copy + Into<f64> + Sync>(
        &self,
        scores: &[S],
        truth: &[bool],
        heights: impl Fn(&OperatingCurve) -> Vec<f64> + Sync,
    ) -> Option<Band> {
        let curves: Vec<Vec<f64>> = (0..self.resamples)
            .into_par_iter()
            .filter_map(|resample| {
                let drawn: Vec<usize> = self.drawn(scores.len(), resample).collect();
                let (scores, truth): (Vec<S>, Vec<bool>) =
                    drawn.iter().map(|position| (scores[*position], truth[*position])).unzip();
                // A resample of one class has no curve.
                OperatingCurve::new(&scores, &truth).ok().map(|curve| heights(&curve))
            })
            .collect();
        if curves.is_empty() {
            return None;
        }
        let [mut low, mut high] = [Vec::with_capacity(PLACES), Vec::with_capacity(PLACES)];
        for place in 0..PLACES {
            let mut values: Vec<f64> = curves.iter().map(|curve| curve[place]).collect();
            values.sort_unstable_by(f64::total_cmp);
            low.push(percentile(&values, 0.025));
            high.push(percentile(&values, 0.975));
        }
        Some(Band { at: Band::places().collect(), low, high })
    }
}

impl Band {
    fn places() -> impl Iterator<Item = f64> {
        (0..PLACES).map(|place| place as f64 / (PLACES - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 6] = [0.9, 0.8, 0.8, 0.4, 0.3, 0.1];
    const TRUTH: [bool; 6] = [true, true, false, true, false, false];

    #[test]
    fn points_are_counted_at_every_different_score() {
        let curve = OperatingCurve::new(&SCORES, &TRUTH).unwrap();
        assert_eq!(curve.thresholds, [f64::INFINITY, 0.9, 0.8, 0.4, 0.3, 0.1]);
        let thirds = |point: [f64; 2]| point.map(|share| share * 3.0);
        let found: Vec<[f64; 2]> = curve.receiver_operating_characteristic().into_iter().map(thirds).collect();
        let expected = [[0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 3.0], [2.0, 3.0], [3.0, 3.0]];
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12));
        }
        let precision: Vec<f64> = curve.precision_recall().iter().map(|point| point[1]).collect();
        assert_eq!(precision, [1.0, 1.0, 2.0 / 3.0, 0.75, 0.6, 0.5]);
        assert!(OperatingCurve::new(&SCORES, &[true; 6]).is_err());
    }

    #[test]
    fn thresholds_keep_what_was_asked() {
        let curve = OperatingCurve::new(&SCORES, &TRUTH).unwrap();
        for (sensitivity, threshold) in [(0.0, 0.9), (0.3, 0.9), (0.34, 0.8), (0.67, 0.4), (1.0, 0.4)] {
            assert_eq!(curve.threshold_for_sensitivity(sensitivity), threshold, "{sensitivity}");
        }
        for (specificity, threshold) in [(0.0, 0.1), (0.3, 0.3), (0.34, 0.4), (0.66, 0.4), (0.67, 0.9), (1.0, 0.9)] {
            assert_eq!(curve.threshold_for_specificity(specificity), Ok(threshold), "{specificity}");
        }
        // The highest score is a negative's.
        let curve = OperatingCurve::new(&[3.0, 2.0], &[false, true]).unwrap();
        assert_eq!(curve.threshold_for_specificity(1.0), Err(Error::NothingCalled { specificity: 1.0 }));
        // 19 of 20 are 95 %.
        let scores: Vec<f64> = (0..21).map(f64::from).collect();
        let truth: Vec<bool> = (0..21).map(|case| case > 0).collect();
        assert_eq!(OperatingCurve::new(&scores, &truth).unwrap().threshold_for_sensitivity(0.95), 2.0);
    }

    #[test]
    fn bands_hold_the_curve_and_narrow_with_cases() {
        let scores: Vec<f64> = (0..400_u32).map(|case| f64::from(case.wrapping_mul(2_654_435_761) >> 16)).collect();
        let truth: Vec<bool> =
            scores.iter().enumerate().map(|(case, score)| case % 3 == 0 || *score > 50_000.0).collect();
        let bootstrap = Bootstrap { resamples: 300, seed: 1 };
        let width = |cases: usize| {
            let band = bootstrap.sensitivity_band(&scores[..cases], &truth[..cases]).unwrap();
            assert!(band.low.iter().zip(&band.high).all(|(low, high)| 0.0 <= *low && low <= high && *high <= 1.0));
            assert_eq!((band.at.len(), band.low[100], band.high[100]), (101, 1.0, 1.0));
            band.high[50] - band.low[50]
        };
        assert!(width(400) < 0.7 * width(100), "{} {}", width(400), width(100));
        let band = bootstrap.precision_band(&scores, &truth).unwrap();
        let prevalence = truth.iter().filter(|truth| **truth).count() as f64 / 400.0;
        assert!(band.low[100] <= prevalence + 0.1 && band.high[100] >= prevalence - 0.01);
        assert!(bootstrap.precision_band(&scores, &[true; 400]).is_none());
    }

    #[test]
    fn curves_of_one_score_are_straight() {
        let curve = OperatingCurve::new(&[1.0; 4], &[true, false, false, true]).unwrap();
        assert_eq!(curve.receiver_operating_characteristic(), [[0.0, 0.0], [1.0, 1.0]]);
        assert_eq!(curve.precision_recall(), [[0.0, 1.0], [1.0, 0.5]]);
        let band =
            Bootstrap { resamples: 20, seed: 0 }.sensitivity_band(&[1.0; 40], &[[true, false]; 20].concat()).unwrap();
        assert!(band.at.iter().zip(&band.low).all(|(at, low)| (at - low).abs() < 1e-12));
    }
}
