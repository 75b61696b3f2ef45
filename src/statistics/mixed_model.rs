//! `response ~ factor + (1 | group)` by restricted maximum likelihood.
//!
//! One mean for each level, one variance between groups and one within. The criterion is profiled over the ratio
//! lambda = theta^2 of both variances (Bates, Maechler, Bolker and Walker 2015, J. Stat. Softw. 67:1); for a random
//! intercept everything in it has a closed form for each group, and so have its first two derivatives. The best ratio
//! is a root of the exact derivative, found between the neighbours of the best point of a scan.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::matrix::{Matrix, dot};
use super::observations::{Observation, Observations};
use super::root;

/// Scanned values of theta beside 0: eight a decade.
const SCANNED: i32 = 65;

/// Residual standard deviation, relative to the largest deviation of a response, that is taken for rounding.
const ROUNDING: f64 = 1e-12;

/// A fitted model.
#[derive(Clone, Debug)]
pub struct MixedModel {
    /// Rows.
    pub rows: usize,
    /// Groups.
    pub groups: usize,
    /// Mean of each level.
    pub means: Vec<f64>,
    /// Standard deviation between groups, divided by the residual one.
    pub theta: f64,
    /// Residual standard deviation, in units of the response.
    pub sigma: f64,
    /// Minus twice the restricted log-likelihood.
    pub criterion: f64,
    /// The same without a variance between groups.
    pub criterion_without_groups: f64,
    /// Whether the variance between groups is 0, the edge of what it can be.
    pub singular: bool,
    /// Predicted deviation (BLUP) of each group, in the order of [`Observations`].
    pub group_effects: Vec<f64>,
    /// What was divided out of the response.
    scale: f64,
    pub(super) design: Design,
    pub(super) at: Profile,
}

/// Groups with the same number of rows at every level.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Rows at each level.
    pub(super) counts: Vec<f64>,
    /// Rows of each group.
    pub(super) size: f64,
    /// Such groups.
    pub(super) groups: f64,
}

/// Who has rows where.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) patterns: Vec<Pattern>,
    /// Rows at each level.
    pub(super) level_rows: Vec<f64>,
    /// Rows without levels.
    pub(super) residual_df: f64,
}

/// The profiled criterion at one ratio of variances, of the scaled response.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) lambda: f64,
    /// L = sum of logarithms of 1 + n lambda, and log det A; first and second derivative by lambda.
    pub(super) log_terms: [f64; 3],
    /// Penalized sum of squares P, first and second derivative by lambda.
    pub(super) squares: [f64; 3],
    pub(super) means: Vec<f64>,
    /// Inverse of A; times the residual variance it is the covariance of the means.
    pub(super) inverse: Matrix,
    /// Derivative of A by lambda.
    pub(super) slope: Matrix,
    effects: Vec<f64>,
}

struct Problem<'a> {
    design: Design,
    groups: Vec<&'a [Observation]>,
    pattern_of: Vec<usize>,
    centre: f64,
    scale: f64,
    levels: usize,
}

impl MixedModel {
    /// Fits the model.
    ///
    /// # Errors
    ///
    /// Fewer than two groups, no group with two rows, no more rows than levels, the same response everywhere, or no
    /// residual at all.
    pub fn fit(observations: &Observations) -> Result<Self> {
        let problem = Problem::new(observations)?;
        let at_zero = problem.profile(0.0).ok_or(Error::PerfectFit)?;
        let best = problem.minimize(&at_zero)?;
        let nu = problem.design.residual_df;
        let sigma = (best.squares[0] / nu).sqrt();
        let magnitude = observations.rows().iter().fold(0.0_f64, |most, row| most.max(row.value.abs()));
        let rounding = ROUNDING.max(4.0 * f64::EPSILON * magnitude / problem.scale);
        if sigma.is_nan() || sigma <= rounding {
            return Err(Error::PerfectFit);
        }
        let criterion = |profile: &Profile| problem.criterion(profile) + 2.0 * nu * problem.scale.ln();
        Ok(Self {
            rows: observations.rows().len(),
            groups: observations.groups(),
            means: best.means.iter().map(|mean| mean * problem.scale + problem.centre).collect(),
            theta: best.lambda.sqrt(),
            sigma: sigma * problem.scale,
            criterion: criterion(&best),
            criterion_without_groups: criterion(&at_zero),
            singular: best.lambda == 0.0,
            group_effects: best.effects.iter().map(|effect| effect * problem.scale).collect(),
            scale: problem.scale,
            design: problem.design,
            at: best,
        })
    }

    /// Variance between groups.
    pub fn group_variance(&self) -> f64 {
        (self.theta * self.sigma).powi(2)
    }

    /// Share of the variance that lies between groups.
    pub fn intraclass_correlation(&self) -> f64 {
        let lambda = self.theta * self.theta;
        lambda / (1.0 + lambda)
    }

    /// Restricted log-likelihood.
    pub fn log_likelihood(&self) -> f64 {
        -self.criterion / 2.0
    }

    /// What leaving out the variance between groups adds to the criterion; the statistic of its likelihood ratio test.
    pub fn group_variance_statistic(&self) -> f64 {
        (self.criterion_without_groups - self.criterion).max(0.0)
    }

    /// Residual standard deviation of the scaled response.
    pub(super) fn scaled_sigma(&self) -> f64 {
        self.sigma / self.scale
    }

    /// What the response was divided by.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }
}

impl<'a> Problem<'a> {
    fn new(observations: &'a Observations) -> Result<Self> {
        let rows = observations.rows();
        let levels = observations.levels().len();
        if observations.groups() < 2 {
            return Err(Error::OneGroup);
        }
        if rows.len() <= levels {
            return Err(Error::NoResidual { rows: rows.len(), levels });
        }
        let groups: Vec<&[Observation]> = observations.by_group().collect();
        if groups.iter().all(|rows| rows.len() == 1) {
            return Err(Error::NoRepeats);
        }
        // A value of the response itself, so that what is constant becomes 0 exactly, and near the middle.
        let mut values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let centre = values[values.len() / 2];
        let extent = (values[values.len() - 1] - centre).max(centre - values[0]);
        if extent == 0.0 {
            return Err(Error::Constant);
        }
        if !extent.is_finite() {
            return Err(Error::NotFinite);
        }
        // A power of two: the division is exact.
        let scale = extent.log2().floor().clamp(-1000.0, 1000.0).exp2();
        let mut design =
            Design { patterns: Vec::new(), level_rows: vec![0.0; levels], residual_df: (rows.len() - levels) as f64 };
        for row in rows {
            design.level_rows[row.level] += 1.0;
        }
        let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut pattern_of = Vec::with_capacity(groups.len());
        for rows in &groups {
            let mut counts = vec![0_usize; levels];
            for row in *rows {
                counts[row.level] += 1;
            }
            let patterns = &mut design.patterns;
            let position = *known.entry(counts).or_insert_with_key(|counts| {
                let counts = counts.iter().map(|count| *count as f64).collect();
                patterns.push(Pattern { counts, size: rows.len() as f64, groups: 0.0 });
                patterns.len() - 1
            });
            patterns[position].groups += 1.0;
            pattern_of.push(position);
        }
        Ok(Self { design, groups, pattern_of, centre, scale, levels })
    }

    fn value(&self, row: &Observation) -> f64 {
        (row.value - self.centre) / self.scale
    }

    /// Minus twice the restricted log-likelihood of the scaled response.
    fn criterion(&self, profile: &Profile) -> f64 {
        let nu = self.design.residual_df;
        profile.log_terms[0] + nu * (1.0 + (2.0 * std::f64::consts::PI * profile.squares[0] / nu).ln())
    }

    /// Derivative of the criterion by lambda.
    fn slope(&self, profile: &Profile) -> f64 {
        profile.log_terms[1] + self.design.residual_df * profile.squares[1] / profile.squares[0]
    }

    /// Everything at one ratio. Sums are split into what is within groups and what is between, which keeps their digits
    /// when the groups differ much.
    fn profile(&self, lambda: f64) -> Option<Profile> {
        let levels = self.levels;
        let mut a = Matrix::zeros(levels, levels);
        let mut slope = Matrix::zeros(levels, levels);
        let mut bend = Matrix::zeros(levels, levels);
        let mut log_terms = [0.0; 3];
        for Pattern { counts, size, groups } in &self.design.patterns {
            let d = 1.0 + size * lambda;
            for (level, count) in counts.iter().enumerate() {
                a[(level, level)] += groups * count;
            }
            a.add_outer(groups / size * (1.0 / d - 1.0), counts);
            slope.add_outer(-groups / (d * d), counts);
            bend.add_outer(groups * 2.0 * size / (d * d * d), counts);
            log_terms[0] += groups * (size * lambda).ln_1p();
            log_terms[1] += groups * size / d;
            log_terms[2] -= groups * size * size / (d * d);
        }
        let (inverse, log_determinant) = a.inverse_of_positive()?;
        let moved = inverse.times(&slope);
        log_terms[0] += log_determinant;
        log_terms[1] += inverse.trace_with(&slope);
        log_terms[2] += inverse.trace_with(&bend) - moved.trace_with(&moved);

        let mut right = vec![0.0; levels];
        for (rows, pattern) in self.groups.iter().zip(&self.pattern_of) {
            let Pattern { counts, size, .. } = &self.design.patterns[*pattern];
            let total: f64 = rows.iter().map(|row| self.value(row)).sum();
            let weight = total / size * (1.0 / (1.0 + size * lambda) - 1.0);
            for row in *rows {
                right[row.level] += self.value(row);
            }
            for (right, count) in right.iter_mut().zip(counts) {
                *right += weight * count;
            }
        }
        let mut means = inverse.apply(&right);
        // One step of iterative refinement.
        let left: Vec<f64> = right.iter().zip(a.apply(&means)).map(|(right, left)| right - left).collect();
        for (mean, more) in means.iter_mut().zip(inverse.apply(&left)) {
            *mean += more;
        }

        let mut squares = [0.0; 3];
        let mut pull = vec![0.0; levels];
        let mut effects = Vec::with_capacity(self.groups.len());
        for (rows, pattern) in self.groups.iter().zip(&self.pattern_of) {
            let Pattern { counts, size, .. } = &self.design.patterns[*pattern];
            let d = 1.0 + size * lambda;
            let residual = |row: &Observation| self.value(row) - means[row.level];
            let sum: f64 = rows.iter().map(residual).sum();
            let mean = sum / size;
            let within: f64 = rows.iter().map(|row| (residual(row) - mean).powi(2)).sum();
            squares[0] += within + sum * mean / d;
            squares[1] -= sum * sum / (d * d);
            squares[2] += 2.0 * size * sum * sum / (d * d * d);
            for (pull, count) in pull.iter_mut().zip(counts) {
                *pull += count * sum / (d * d);
            }
            effects.push(lambda / d * sum);
        }
        squares[2] -= 2.0 * dot(&pull, &inverse.apply(&pull));
        Some(Profile { lambda, log_terms, squares, means, inverse, slope, effects })
    }

    fn minimize(&self, at_zero: &Profile) -> Result<Profile> {
        if at_zero.squares[0] <= 0.0 {
            return Err(Error::PerfectFit);
        }
        let mut ratios = vec![0.0];
        ratios.extend((0..SCANNED).map(|step| 10.0_f64.powf(2.0 * (f64::from(step) / 8.0 - 4.0))));
        for _ in 0..6 {
            let profiles: Vec<Profile> = ratios.iter().map_while(|ratio| self.profile(*ratio)).collect();
            let mut best = 0;
            for (position, profile) in profiles.iter().enumerate() {
                if profile.squares[0] <= 0.0 {
                    return Err(Error::PerfectFit);
                }
                if self.criterion(profile) < self.criterion(&profiles[best]) {
                    best = position;
                }
            }
            if best <= 1 && profiles[0].lambda == 0.0 && self.slope(&profiles[0]) >= 0.0 {
                return Ok(at_zero.clone());
            }
            let rises = self.slope(&profiles[best]) > 0.0;
            if best + 1 == profiles.len() && !rises {
                // The residual variance vanishes beside that between groups.
                return Err(Error::PerfectFit);
            }
            let (low, high) = if rises { (best.saturating_sub(1), best) } else { (best, best + 1) };
            let (low, high) = (&profiles[low], &profiles[high]);
            if self.slope(low) <= 0.0 && self.slope(high) >= 0.0 {
                let slope = |lambda: f64| self.profile(lambda).map_or(f64::NAN, |profile| self.slope(&profile));
                let lambda = root::bracketed(low.lambda, high.lambda, slope);
                return self.profile(lambda).ok_or(Error::PerfectFit);
            }
            // Several turns between two points: look closer.
            let (low, high) = (ratios[best.saturating_sub(1)], ratios[(best + 1).min(profiles.len() - 1)]);
            ratios = (0..=64).map(|step| low + (high - low) * f64::from(step) / 64.0).collect();
        }
        Err(Error::PerfectFit)
    }
}
