//! Single-step P values of any family of contrasts: the distribution of the largest |T| (Hothorn, Bretz and Westfall
//! 2008, Biom. J. 50:346).
//!
//! A normal vector is split into its direction u and its radius. Given u, P(max |T| >= t) is a tail of the radius at
//! t / m(u), where m(u) is the largest `|b_j'u|` over the contrasts, so that only directions are sampled: Richtmyer's
//! points through the normal quantile, with fixed shifts. The same directions serve every P value. Nothing is random.

use rayon::prelude::*;
use statrs::function::beta::beta_reg;

use super::distributions::{gamma_upper, normal_quantile};
use super::matrix::{Matrix, dot};
use super::root;
use super::studentized_range::studentized_range_upper;

/// Sets of directions, each with a shift of its own; their spread gives the error.
const SHIFTS: usize = 8;

/// Directions of each set.
const DIRECTIONS: usize = 1 << 15;

/// Bins of m, which lies between 0 and 1.
const BINS: usize = 4096;

/// A family of contrasts.
#[derive(Clone, Debug)]
pub struct MaxT {
    /// Dimension of the space of the contrasts.
    rank: f64,
    /// Share of directions by m, for each shift; less that of the exchangeable case for all pairs.
    shares: Vec<Vec<f64>>,
    /// Number of means where the family is all their pairs.
    pairs_of: Option<usize>,
    contrasts: f64,
}

/// A P value and its standard error from sampling directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxTProbability {
    /// P(max |T| >= t).
    pub p: f64,
    /// Standard error.
    pub error: f64,
}

impl MaxT {
    /// The family with these covariances of its contrasts.
    pub(super) fn of_contrasts(covariance: &Matrix) -> Self {
        let contrasts = covariance.rows;
        let correlation = Matrix::from_fn(contrasts, contrasts, |i, j| {
            covariance[(i, j)] / (covariance[(i, i)] * covariance[(j, j)]).sqrt()
        });
        let (variances, directions) = correlation.symmetric_eigen();
        let largest = variances.iter().fold(0.0_f64, |most, variance| most.max(*variance));
        let kept: Vec<usize> = (0..contrasts).filter(|row| variances[*row] > 1e-10 * largest).collect();
        let loadings = Matrix::from_fn(contrasts, kept.len(), |contrast, axis| {
            variances[kept[axis]].sqrt() * directions[(kept[axis], contrast)]
        });
        let shares = sample(kept.len(), |u| vec![(1.0, largest_share(&loadings, u))]);
        Self { rank: kept.len() as f64, shares, pairs_of: None, contrasts: contrasts as f64 }
    }

    /// The family of all pairs of means with this covariance. The exchangeable case, whose distribution is that of the
    /// studentized range, is sampled along the same directions and corrects the result; where the means are
    /// exchangeable it is exact.
    pub(super) fn all_pairs(covariance: &Matrix) -> Self {
        let means = covariance.rows;
        // Helmert's basis of what is orthogonal to the constant vector.
        let basis = Matrix::from_fn(means - 1, means, |row, column| {
            let count = (row + 1) as f64;
            match column {
                column if column <= row => 1.0 / (count * (count + 1.0)).sqrt(),
                column if column == row + 1 => -(count / (count + 1.0)).sqrt(),
                _ => 0.0,
            }
        });
        let reduced = basis.times(covariance).times(&basis.transposed());
        let (variances, directions) = reduced.symmetric_eigen();
        let mut half = Matrix::zeros(means - 1, means - 1);
        for (row, variance) in variances.iter().enumerate() {
            half.add_outer(variance.max(0.0).sqrt(), directions.row(row));
        }
        let positions = half.times(&basis).transposed();
        let plain = basis.transposed();
        let pairs: Vec<(usize, usize)> = (0..means).flat_map(|i| (i + 1..means).map(move |j| (i, j))).collect();
        let loadings_of = |positions: &Matrix| {
            let mut loadings = Matrix::from_fn(pairs.len(), means - 1, |pair, axis| {
                positions[(pairs[pair].0, axis)] - positions[(pairs[pair].1, axis)]
            });
            for pair in 0..pairs.len() {
                let norm = dot(loadings.row(pair), loadings.row(pair)).sqrt();
                for axis in 0..means - 1 {
                    loadings[(pair, axis)] /= norm;
                }
            }
            loadings
        };
        let loadings = loadings_of(&positions);
        let shares = sample(means - 1, |u| {
            let ends = plain.apply(u);
            let (low, high) =
                ends.iter().fold((f64::MAX, f64::MIN), |(low, high), end| (low.min(*end), high.max(*end)));
            vec![(1.0, largest_share(&loadings, u)), (-1.0, (high - low) * std::f64::consts::FRAC_1_SQRT_2)]
        });
        Self { rank: (means - 1) as f64, shares, pairs_of: Some(means), contrasts: pairs.len() as f64 }
    }

    /// P(max |T| >= |t|) with `df` degrees of freedom, infinity being the normal distribution. Kept between the P value
    /// of a single test, `unadjusted`, and Bonferroni's.
    pub fn probability(&self, t: f64, df: f64, unadjusted: f64) -> MaxTProbability {
        let MaxTProbability { p, error } = self.sampled(t.abs(), df);
        MaxTProbability { p: p.clamp(unadjusted.min(1.0), (unadjusted * self.contrasts).min(1.0)), error }
    }

    fn sampled(&self, t: f64, df: f64) -> MaxTProbability {
        let tails = self.tails(t, df);
        let known = self.pairs_of.map_or(0.0, |means| studentized_range_upper(t * std::f64::consts::SQRT_2, means, df));
        let sets: Vec<f64> = self.shares.iter().map(|shares| dot(shares, &tails)).collect();
        let mean = sets.iter().sum::<f64>() / SHIFTS as f64;
        let spread: f64 = sets.iter().map(|set| (set - mean).powi(2)).sum();
        let error = (spread / (SHIFTS * (SHIFTS - 1)) as f64).sqrt();
        MaxTProbability { p: known + mean, error }
    }

    /// The t with P(max |T| >= t) = `alpha`.
    pub fn critical(&self, alpha: f64, df: f64) -> f64 {
        root::decreasing(alpha.ln(), |t| {
            let unadjusted = super::distributions::t_two_sided(t, df);
            self.probability(t, df, unadjusted).p.ln()
        })
    }

    /// Tail of the radius at t / m for every bin's edge m.
    fn tails(&self, t: f64, df: f64) -> Vec<f64> {
        let tail = |edge: usize| {
            if self.shares.iter().all(|shares| shares[edge] == 0.0) {
                return 0.0;
            }
            if t == 0.0 {
                return 1.0;
            }
            let m = edge as f64 / BINS as f64;
            if m == 0.0 {
                return 0.0;
            }
            let square = (t / m).powi(2);
            if df > 1e7 {
                gamma_upper(self.rank / 2.0, square / 2.0)
            } else {
                beta_reg(df / 2.0, self.rank / 2.0, df / (df + square)).clamp(0.0, 1.0)
            }
        };
        (0..=BINS).map(tail).collect()
    }
}

fn largest_share(loadings: &Matrix, u: &[f64]) -> f64 {
    (0..loadings.rows).fold(0.0_f64, |most, row| most.max(dot(loadings.row(row), u).abs()))
}

/// For each shift, the mean weight at every bin's edge; a value between two edges is split between them.
fn sample(axes: usize, measure: impl Fn(&[f64]) -> Vec<(f64, f64)> + Sync) -> Vec<Vec<f64>> {
    let generators: Vec<f64> = primes(axes).iter().map(|prime| (*prime as f64).sqrt().fract()).collect();
    (0..SHIFTS)
        .into_par_iter()
        .map(|shift| {
            let mut shares = vec![0.0; BINS + 1];
            // Multiples of the golden ratio, one for each shift and axis.
            let offsets: Vec<f64> =
                (0..axes).map(|axis| ((shift * axes + axis + 1) as f64 * 0.618_033_988_749_894_9).fract()).collect();
            let mut u = vec![0.0; axes];
            for point in 0..DIRECTIONS {
                for (axis, coordinate) in u.iter_mut().enumerate() {
                    let place = ((point + 1) as f64 * generators[axis] + offsets[axis]).fract();
                    *coordinate = normal_quantile(place.clamp(1e-15, 1.0 - 1e-15));
                }
                let length = dot(&u, &u).sqrt();
                if length == 0.0 {
                    continue;
                }
                for coordinate in &mut u {
                    *coordinate /= length;
                }
                for (weight, value) in measure(&u) {
                    let position = (value * BINS as f64).clamp(0.0, BINS as f64);
                    let edge = (position.floor() as usize).min(BINS - 1);
                    let above = position - edge as f64;
                    shares[edge] += weight * (1.0 - above);
                    shares[edge + 1] += weight * above;
                }
            }
            for share in &mut shares {
                *share /= DIRECTIONS as f64;
            }
            shares
        })
        .collect()
}

/// The first primes.
fn primes(count: usize) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::with_capacity(count);
    let mut candidate = 2;
    while found.len() < count {
        if found.iter().all(|prime| candidate % prime != 0) {
            found.push(candidate);
        }
        candidate += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::distributions::t_two_sided;
    use super::*;

    #[test]
    fn one_contrast_is_a_t_test() {
        let family = MaxT::of_contrasts(&Matrix::from_fn(1, 1, |_, _| 0.3));
        for (t, df) in [(0.0, 4.0), (1.0, 3.0), (2.5, 40.0), (2.0, f64::INFINITY), (8.0, f64::INFINITY)] {
            let exact = t_two_sided(t, df);
            let found = family.sampled(t, df);
            assert!((found.p - exact).abs() < 1e-9, "{t} {df}: {} instead of {exact}", found.p);
        }
    }

    #[test]
    fn independent_contrasts_multiply() {
        let family = MaxT::of_contrasts(&Matrix::from_fn(4, 4, |i, j| f64::from(u8::from(i == j))));
        for t in [1.0, 2.0, 2.5, 3.5] {
            let single = t_two_sided(t, f64::INFINITY);
            let exact = 1.0 - (1.0 - single).powi(4);
            let found = family.probability(t, f64::INFINITY, single);
            assert!((found.p - exact).abs() < 1e-4, "{t}: {found:?} instead of {exact}");
        }
    }

    #[test]
    fn exchangeable_pairs_are_the_studentized_range() {
        let covariance = Matrix::from_fn(6, 6, |i, j| 0.4 + f64::from(u8::from(i == j)));
        let (pairs, root) = (MaxT::all_pairs(&covariance), 2.0_f64.sqrt());
        for (t, df) in [(2.0, f64::INFINITY), (3.0, 12.0)] {
            let exact = studentized_range_upper(t * root, 6, df);
            assert!((pairs.probability(t, df, t_two_sided(t, df)).p - exact).abs() < 1e-9);
        }
        // Linearly dependent contrasts, without the correction.
        let rows: Vec<Vec<f64>> = (0..6_usize)
            .flat_map(|i| (i + 1..6).map(move |j| (i, j)))
            .map(|(i, j)| (0..6).map(|k| f64::from(i8::from(k == i) - i8::from(k == j))).collect())
            .collect();
        let plain = MaxT::of_contrasts(&Matrix::from_fn(15, 15, |a, b| dot(&rows[a], &covariance.apply(&rows[b]))));
        assert_eq!(plain.rank, 5.0);
        let exact = studentized_range_upper(2.8 * root, 6, 20.0);
        let found = plain.probability(2.8, 20.0, t_two_sided(2.8, 20.0));
        assert!((found.p - exact).abs() < 2e-4 && found.error < 1e-4, "{found:?} instead of {exact}");
    }
}
