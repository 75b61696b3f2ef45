//! Percentile intervals by resampling cases (Efron and Tibshirani 1993, chapter 13).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How often cases are drawn anew, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Resamples, at least 1.
    pub resamples: usize,
    /// Seed; resample `r` follows from it and `r` alone.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 2,000 resamples from seed 0.
    fn default() -> Self {
        Self { resamples: 2000, seed: 0 }
    }
}

/// A statistic with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Of the cases as they are.
    pub value: f64,
    /// 2.5th percentile over resamples.
    pub low: f64,
    /// 97.5th percentile over resamples.
    pub high: f64,
    /// Resamples in which the statistic was not defined, such as an AUC of one class; left out.
    pub undefined_resamples: usize,
}

impl Estimate {
    /// From ascending values of resamples; nothing without any.
    fn of(value: f64, values: &[f64], resamples: usize) -> Option<Self> {
        let undefined_resamples = resamples - values.len();
        let [low, high] =
            if values.is_empty() { return None } else { [0.025, 0.975].map(|share| percentile(values, share)) };
        Some(Self { value, low, high, undefined_resamples })
    }
}

impl Bootstrap {
    /// Draws as many of `cases` cases as there are, with replacement, again and again, and gives the percentiles of
    /// `statistic`, which is told the positions drawn. Percentiles between two values are interpolated linearly, as
    /// NumPy's. Nothing where the statistic is not defined, for the cases themselves or for any resample.
    ///
    /// The result does not depend on the number of threads.
    pub fn estimate(&self, cases: usize, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Option<Estimate> {
        let own: Vec<usize> = (0..cases).collect();
        let value = statistic(&own)?;
        Estimate::of(value, &self.values(cases, statistic), self.resamples)
    }

    /// The same of two statistics that are found together and are defined together.
    pub fn estimate_both(
        &self,
        cases: usize,
        statistic: impl Fn(&[usize]) -> Option<[f64; 2]> + Sync,
    ) -> Option<[Estimate; 2]> {
        let own: Vec<usize> = (0..cases).collect();
        let value = statistic(&own)?;
        let resampled = |resample| statistic(&self.drawn(cases, resample).collect::<Vec<usize>>());
        let found = (0..self.resamples).into_par_iter().filter_map(resampled);
        let found: Vec<[f64; 2]> = found.filter(|both| both.iter().all(|value| !value.is_nan())).collect();
        let estimate = |part: usize| {
            let mut values: Vec<f64> = found.iter().map(|both| both[part]).collect();
            values.sort_unstable_by(f64::total_cmp);
            Estimate::of(value[part], &values, self.resamples)
        };
        Some([estimate(0)?, estimate(1)?])
    }

    /// The positions of the cases of one resample, as many as there are cases.
    pub(crate) fn drawn(&self, cases: usize, resample: usize) -> impl Iterator<Item = usize> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(resample as u64);
        (0..cases).map(move |_| random.random_range(0..cases))
    }

    /// The values behind [`Bootstrap::estimate`], ascending, of the resamples in which the statistic is defined.
    pub fn values(&self, cases: usize, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Vec<f64> {
        let mut values: Vec<f64> = (0..self.resamples)
            .into_par_iter()
            .filter_map(|resample| {
                let drawn: Vec<usize> = self.drawn(cases, resample).collect();
                statistic(&drawn).filter(|value| !value.is_nan())
            })
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// The quantile at `share`, 0 to 1, of ascending values, at least one, interpolated linearly as NumPy's.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let position = share * (values.len() - 1) as f64;
    let (below, fraction) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> impl Fn(&[usize]) -> Option<f64> + '_ {
        |drawn| Some(drawn.iter().map(|index| values[*index]).sum::<f64>() / drawn.len() as f64)
    }

    #[test]
    fn percentiles_are_numpys() {
        // np.percentile([1, 2, 4, 8], [2.5, 97.5]) = [1.075, 7.7].
        let values = [1.0, 2.0, 4.0, 8.0];
        assert!((percentile(&values, 0.025) - 1.075).abs() < 1e-15);
        assert!((percentile(&values, 0.975) - 7.7).abs() < 1e-14);
        assert_eq!(percentile(&[3.0], 0.975), 3.0);
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        let values: Vec<f64> = (0..400).map(|index| f64::from(index % 20)).collect();
        let found = Bootstrap::default().estimate(values.len(), mean(&values)).unwrap();
        assert_eq!(found.value, 9.5);
        // Standard deviation of 0..20 over the root of 400.
        let half_width = 1.96 * (399.0_f64 / 12.0).sqrt() / 20.0;
        for side in [found.value - found.low, found.high - found.value] {
            assert!((side / half_width - 1.0).abs() < 0.07, "{side} instead of {half_width}");
        }
    }

    #[test]
    fn seed_alone_decides() {
        let values: Vec<f64> = (0..50).map(|index| f64::from(index * index)).collect();
        let with = |seed: u64, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let bootstrap = Bootstrap { resamples: 300, seed };
            pool.install(|| bootstrap.estimate(values.len(), mean(&values)).unwrap())
        };
        assert_eq!(with(1, 1), with(1, 3));
        assert_ne!(with(1, 1), with(2, 1));
    }

    #[test]
    fn two_statistics_are_those_of_each_alone() {
        let values: Vec<f64> = (0..40).map(|index| f64::from(index * index)).collect();
        let bootstrap = Bootstrap { resamples: 200, seed: 3 };
        let sum = |drawn: &[usize]| Some(drawn.iter().map(|index| values[*index]).sum::<f64>());
        let both = bootstrap.estimate_both(40, |drawn| Some([mean(&values)(drawn)?, sum(drawn)?])).unwrap();
        assert_eq!(Some(both[0]), bootstrap.estimate(40, mean(&values)));
        assert_eq!(Some(both[1]), bootstrap.estimate(40, sum));
        assert_eq!(bootstrap.estimate_both(3, |_| None), None);
    }

    #[test]
    fn resamples_without_a_value_are_counted() {
        // Defined where case 0 was drawn: with probability 1 - (1 - 1/2)^2.
        let found =
            Bootstrap { resamples: 4000, seed: 5 }.estimate(2, |drawn| drawn.contains(&0).then_some(1.0)).unwrap();
        assert!((found.undefined_resamples as f64 / 4000.0 - 0.25).abs() < 0.03);
        assert_eq!((found.low, found.high), (1.0, 1.0));
        assert_eq!(Bootstrap::default().estimate(3, |_| None), None);
        assert_eq!(Bootstrap::default().estimate(0, |drawn| drawn.first().map(|_| 1.0)), None);
    }
}
