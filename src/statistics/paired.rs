//! Differences within groups, without the mixed model's assumption of one spread for all levels: t, signed ranks, and
//! the bootstrap over groups.

use rayon::prelude::*;

use super::distributions::{normal_cdf, normal_quantile, t_critical, t_two_sided};
use super::signed_rank::{SignedRank, signed_rank};
use crate::metrics::{Bootstrap, percentile};

/// What differences say by themselves.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Paired {
    /// Groups that have both values.
    pub groups: usize,
    /// Mean difference.
    pub mean: f64,
    /// Standard deviation of the differences (n - 1); nothing for a single one.
    pub sd: Option<f64>,
    /// Mean divided by standard deviation.
    pub effect_size: Option<f64>,
    /// Share of groups with a positive difference, those with none counted half.
    pub share_above: f64,
    /// Student's test; nothing where all differences are equal.
    pub t_test: Option<TTest>,
    /// Wilcoxon's test.
    pub signed_rank: SignedRank,
    /// Intervals of the mean by resampling groups; nothing for a single group.
    pub bootstrap: Option<BootstrapInterval>,
}

/// Student's test of one mean.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct TTest {
    /// Mean divided by its standard error.
    pub t: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Two-sided P.
    pub p: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// 95 % intervals over resampled groups. The same groups are drawn for every contrast of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct BootstrapInterval {
    /// 2.5th percentile.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
    /// Lower end of the bias-corrected and accelerated interval; nothing where it is not defined.
    pub bca_low: Option<f64>,
    /// Upper end.
    pub bca_high: Option<f64>,
    /// Resamples without a single difference, left out.
    pub undefined_resamples: usize,
}

/// Numbers of a resample that are kept at once: one for each resample and list of differences.
const AT_ONCE: usize = 1 << 22;

/// Most lists of differences that share a resample.
const MOST_LISTS: usize = 64;

/// Describes and tests differences, one for each group or none where a value is missing; nothing without any.
pub fn paired(differences: &[Option<f64>], bootstrap: &Bootstrap) -> Option<Paired> {
    paired_lists(1, |_| differences.to_vec(), bootstrap).pop().flatten()
}

/// The same of several lists over the same groups, whose resamples are drawn once for many of them.
pub(super) fn paired_lists(
    count: usize,
    list: impl Fn(usize) -> Vec<Option<f64>> + Sync,
    bootstrap: &Bootstrap,
) -> Vec<Option<Paired>> {
    let together = (AT_ONCE / bootstrap.resamples.max(1)).clamp(1, MOST_LISTS);
    let mut found = Vec::with_capacity(count);
    for first in (0..count).step_by(together) {
        let lists: Vec<Vec<Option<f64>>> = (first..(first + together).min(count)).into_par_iter().map(&list).collect();
        let mut own: Vec<Option<Paired>> = lists.par_iter().map(|differences| described(differences)).collect();
        let means: Vec<f64> = own.iter().map(|own| own.as_ref().map_or(f64::NAN, |own| own.mean)).collect();
        let resampled = resampled(&lists, &means, bootstrap);
        let filled = own.iter_mut().zip(&lists).zip(resampled).collect::<Vec<_>>();
        filled.into_par_iter().for_each(|((own, differences), values)| {
            if let Some(own) = own {
                own.bootstrap = interval(differences, own.mean, values, bootstrap);
            }
        });
        found.append(&mut own);
    }
    found
}

/// All but the bootstrap.
fn described(differences: &[Option<f64>]) -> Option<Paired> {
    let present: Vec<f64> = differences.iter().flatten().copied().collect();
    let count = present.len() as f64;
    let mean = mean(&present)?;
    let squares: f64 = present.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (present.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    // Equal differences differ by rounding at most.
    let largest = present.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let spread = sd.filter(|sd| *sd > 4.0 * f64::EPSILON * largest);
    let t_test = spread.map(|sd| {
        let (error, df) = (sd / count.sqrt(), count - 1.0);
        let (t, half) = (mean / error, t_critical(0.05, df) * error);
        TTest { t, df, p: t_two_sided(t, df), low: mean - half, high: mean + half }
    });
    let above = present.iter().map(|value| if *value > 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(*value == 0.0)) });
    Some(Paired {
        groups: present.len(),
        mean,
        sd,
        effect_size: spread.map(|sd| mean / sd),
        share_above: above.sum::<f64>() / count,
        t_test,
        signed_rank: signed_rank(&present),
        bootstrap: None,
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    let first = values.first()?;
    Some(first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64)
}

/// Means of each list over resampled groups, in the order of the resamples; NaN where a resample has no difference.
fn resampled(lists: &[Vec<Option<f64>>], means: &[f64], bootstrap: &Bootstrap) -> Vec<Vec<f64>> {
    let (width, groups) = (lists.len(), lists.first().map_or(0, Vec::len));
    // By group, so that what is drawn lies together. Less the mean of all, so that a large offset costs no digits.
    let mut deviations = vec![0.0; groups * width];
    let has_gaps = lists.iter().flatten().any(Option::is_none);
    let mut is_there = vec![1.0; if has_gaps { groups * width } else { 0 }];
    for (column, (list, mean)) in lists.iter().zip(means).enumerate() {
        for (group, own) in list.iter().enumerate() {
            match own {
                Some(own) => deviations[group * width + column] = own - mean,
                None => is_there[group * width + column] = 0.0,
            }
        }
    }
    let rows: Vec<Vec<f64>> = (0..bootstrap.resamples)
        .into_par_iter()
        .map(|resample| {
            let mut sums = vec![0.0; width];
            let mut counts = vec![if has_gaps { 0.0 } else { groups as f64 }; width];
            for group in bootstrap.drawn(groups, resample) {
                let own = group * width..(group + 1) * width;
                sums.iter_mut().zip(&deviations[own.clone()]).for_each(|(sum, own)| *sum += own);
                if has_gaps {
                    counts.iter_mut().zip(&is_there[own]).for_each(|(count, own)| *count += own);
                }
            }
            let means = sums.iter().zip(&counts).zip(means);
            means.map(|((sum, count), mean)| if *count > 0.0 { mean + sum / count } else { f64::NAN }).collect()
        })
        .collect();
    (0..width).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

/// The intervals of a mean whose resampled values these are; nothing for a single difference.
fn interval(
    differences: &[Option<f64>],
    mean: f64,
    mut values: Vec<f64>,
    bootstrap: &Bootstrap,
) -> Option<BootstrapInterval> {
    let present: Vec<f64> = differences.iter().flatten().copied().collect();
    values.retain(|value| !value.is_nan());
    if present.len() < 2 || values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let bca = accelerated_shares(&values, &present, mean);
    Some(BootstrapInterval {
        low: percentile(&values, 0.025),
        high: percentile(&values, 0.975),
        bca_low: bca.map(|[low, _]| percentile(&values, low)),
        bca_high: bca.map(|[_, high]| percentile(&values, high)),
        undefined_resamples: bootstrap.resamples - values.len(),
    })
}

/// Where the ends of a bias-corrected and accelerated interval lie among the resampled values (Efron 1987, J. Am. Stat.
/// Assoc. 82:171), with the acceleration of a mean by the jackknife.
fn accelerated_shares(values: &[f64], present: &[f64], value: f64) -> Option<[f64; 2]> {
    let below = values.iter().filter(|own| **own < value).count() as f64;
    let not_above = values.iter().filter(|own| **own <= value).count() as f64;
    let bias = normal_quantile(f64::midpoint(below, not_above) / values.len() as f64);
    if !bias.is_finite() {
        return None;
    }
    // Leaving out a case moves the mean by minus its deviation over n - 1; the factor cancels.
    let [squares, cubes] = [2, 3].map(|power| present.iter().map(|own| (own - value).powi(power)).sum::<f64>());
    let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
    let share = |z: f64| {
        let shifted = bias + z;
        let below = 1.0 - acceleration * shifted;
        (below > 0.0).then(|| normal_cdf(bias + shifted / below))
    };
    Some([share(normal_quantile(0.025))?, share(normal_quantile(0.975))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_t_test_is_that_of_r() {
        // R: t.test(extra ~ group, sleep, paired = TRUE), the data of Student 1908.
        let differences = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4].map(Some);
        let found = paired(&differences, &Bootstrap::default()).unwrap();
        let test = found.t_test.unwrap();
        assert!((test.t + 4.062_127_683_382_04).abs() < 1e-10);
        assert!((test.p - 0.002_832_890_197_384_27).abs() < 1e-12);
        assert!((test.low + 2.459_885_763_237_2).abs() < 1e-6 && (test.high + 0.700_114_236_762_8).abs() < 1e-6);
        assert_eq!(found.share_above, 0.05);
        // Skewed to the left: BCa reaches further down than the percentiles.
        let interval = found.bootstrap.unwrap();
        assert!(interval.bca_low.unwrap() < interval.low && interval.bca_high.unwrap() < interval.high);
    }

    #[test]
    fn symmetric_differences_need_no_correction() {
        let differences: Vec<Option<f64>> = (-50..=50).map(|i| Some(f64::from(i))).collect();
        let interval = paired(&differences, &Bootstrap::default()).unwrap().bootstrap.unwrap();
        assert!((interval.bca_low.unwrap() - interval.low).abs() < 0.6, "{interval:?}");
        assert!((interval.bca_high.unwrap() - interval.high).abs() < 0.6, "{interval:?}");
    }

    #[test]
    fn few_and_equal_differences() {
        let bootstrap = Bootstrap { resamples: 200, seed: 0 };
        assert!(paired(&[None, None], &bootstrap).is_none());
        let single = paired(&[Some(0.3), None], &bootstrap).unwrap();
        assert_eq!((single.groups, single.sd, single.t_test, single.bootstrap), (1, None, None, None));
        let equal = paired(&[Some(0.3), Some(0.1 + 0.2)], &bootstrap).unwrap();
        assert_eq!((equal.t_test, equal.effect_size), (None, None));
        let gaps = paired(&[Some(1.0), None, None, Some(2.0)], &bootstrap).unwrap();
        let undefined = gaps.bootstrap.unwrap().undefined_resamples;
        assert!((1..40).contains(&undefined), "one in 16 draws no difference: {undefined}");
    }

    #[test]
    fn lists_together_are_what_each_is_alone() {
        let bootstrap = Bootstrap { resamples: 300, seed: 5 };
        let list = |own: usize| -> Vec<Option<f64>> {
            let value = |group: usize| ((group * (own + 3) * 7919) % 101) as f64 / 7.0 - 3.0;
            (0..40)
                .map(|group| Some(value(group)).filter(|_| !own.is_multiple_of(3) || !group.is_multiple_of(5)))
                .collect()
        };
        let together = paired_lists(130, list, &bootstrap);
        assert_eq!(together.len(), 130);
        for (own, found) in together.iter().enumerate() {
            assert_eq!(*found, paired(&list(own), &bootstrap), "list {own}");
            // As the bootstrap of a single statistic draws them.
            let differences = list(own);
            let mean = found.as_ref().unwrap().mean;
            let values = bootstrap.values(40, |drawn| {
                let sum = drawn.iter().filter_map(|group| differences[*group]);
                let (sum, count) = sum.fold((0.0, 0.0), |(sum, count), own| (sum + (own - mean), count + 1.0));
                (count > 0.0).then(|| mean + sum / count)
            });
            let interval = found.as_ref().unwrap().bootstrap.unwrap();
            assert_eq!(interval.low.to_bits(), percentile(&values, 0.025).to_bits(), "list {own}");
        }
    }
}
