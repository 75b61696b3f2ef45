//! Standard errors and degrees of freedom for small samples (Kenward and Roger 1997, Biometrics 53:983), with the
//! expected information of the two variances.

use super::distributions::f_upper;
use super::inference::FTest;
use super::matrix::{Matrix, dot};
use super::mixed_model::{MixedModel, Pattern};

/// All of the scaled response.
#[derive(Clone, Debug)]
pub(super) struct KenwardRoger {
    /// Covariance of the means, adjusted for the estimation of the variances.
    pub(super) adjusted: Matrix,
    means: Matrix,
    /// V P V of the variance between groups and of the residual one: minus the derivatives of the covariance.
    moved: [Matrix; 2],
    /// Covariance of both variances.
    variances: [[f64; 2]; 2],
}

impl KenwardRoger {
    pub(super) fn new(model: &MixedModel) -> Self {
        let variance = model.scaled_sigma().powi(2);
        let lambda = model.at.lambda;
        let levels = model.means.len();
        let zeros = || Matrix::zeros(levels, levels);
        let (mut first, mut second) = ([zeros(), zeros()], [zeros(), zeros(), zeros()]);
        let mut traces = [0.0; 3];
        for Pattern { counts, size, groups } in &model.design.patterns {
            let d = 1.0 + size * lambda;
            let a = 1.0 / (variance * d);
            let w = lambda / d;
            first[0].add_outer(-groups * a * a, counts);
            first[1].add_outer(groups * (2.0 * w - w * w * size) / variance.powi(2), counts);
            second[0].add_outer(groups * size * a.powi(3), counts);
            second[1].add_outer(groups * a.powi(3), counts);
            let inner = 3.0 * w - 3.0 * w * w * size + w.powi(3) * size * size;
            second[2].add_outer(-groups * inner / variance.powi(3), counts);
            traces[0] += groups * (size * a).powi(2);
            traces[1] += groups * size * a * a;
            traces[2] += groups * (size - 1.0 + 1.0 / (d * d)) / variance.powi(2);
        }
        for (level, rows) in model.design.level_rows.iter().enumerate() {
            first[1][(level, level)] -= rows / variance.powi(2);
            second[2][(level, level)] += rows / variance.powi(3);
        }
        let means = model.at.inverse.scaled(variance);
        let after = [means.times(&first[0]), means.times(&first[1])];
        let information = |r: usize, s: usize| {
            traces[r + s] - 2.0 * means.trace_with(&second[r + s]) + after[r].trace_with(&after[s])
        };
        let (bb, be, ee) = (information(0, 0), information(0, 1), information(1, 1));
        let factor = 2.0 / (bb * ee - be * be);
        let variances = [[factor * ee, -factor * be], [-factor * be, factor * bb]];
        let mut middle = zeros();
        for r in 0..2 {
            for s in 0..2 {
                middle.add(variances[r][s], &second[r + s]);
                middle.add(-variances[r][s], &first[r].times(&after[s]));
            }
        }
        let mut adjusted = means.clone();
        adjusted.add(2.0, &means.times(&middle).times(&means));
        let moved = after.map(|after| after.times(&means));
        Self { adjusted, means, moved, variances }
    }

    pub(super) fn df(&self, weights: &[f64]) -> f64 {
        let variance = self.means.quadratic(weights);
        let [b, e] = [0, 1].map(|component| self.moved[component].quadratic(weights));
        let [[bb, be], [_, ee]] = self.variances;
        2.0 * variance * variance / (b * b * bb + 2.0 * b * e * be + e * e * ee)
    }

    /// Scaled F of the hypothesis that every row of `hypothesis` gives 0.
    pub(super) fn test(&self, hypothesis: &Matrix, means: &[f64]) -> FTest {
        let q = hypothesis.rows as f64;
        let transposed = hypothesis.transposed();
        let inverse = |covariance: &Matrix| {
            let (variances, directions) = hypothesis.times(covariance).times(&transposed).symmetric_eigen();
            let mut inverse = Matrix::zeros(hypothesis.rows, hypothesis.rows);
            for (row, variance) in variances.iter().enumerate() {
                inverse.add_outer(1.0 / variance, directions.row(row));
            }
            inverse
        };
        let own = inverse(&self.means);
        // (L V L')^-1 L V P V L' of both components.
        let turned =
            [0, 1].map(|component: usize| own.times(&hypothesis.times(&self.moved[component]).times(&transposed)));
        let trace = |matrix: &Matrix| (0..matrix.rows).map(|i| matrix[(i, i)]).sum::<f64>();
        let (mut a1, mut a2) = (0.0, 0.0);
        for r in 0..2 {
            for s in 0..2 {
                a1 += self.variances[r][s] * trace(&turned[r]) * trace(&turned[s]);
                a2 += self.variances[r][s] * turned[r].trace_with(&turned[s]);
            }
        }
        let b = (a1 + 6.0 * a2) / (2.0 * q);
        let g = ((q + 1.0) * a1 - (q + 4.0) * a2) / ((q + 2.0) * a2);
        let below = 3.0 * q + 2.0 * (1.0 - g);
        let (c1, c2, c3) = (g / below, (q - g) / below, (q + 2.0 - g) / below);
        let expectation = 1.0 / (1.0 - a2 / q);
        let variance = 2.0 / q * (1.0 + c1 * b) / ((1.0 - c2 * b).powi(2) * (1.0 - c3 * b));
        let rho = variance / (2.0 * expectation * expectation);
        let denominator_df = 4.0 + (q + 2.0) / (q * rho - 1.0);
        let scaling = denominator_df / (expectation * (denominator_df - 2.0));
        let estimates = hypothesis.apply(means);
        let f = scaling * dot(&estimates, &inverse(&self.adjusted).apply(&estimates)) / q;
        FTest { f, numerator_df: q, denominator_df, p: f_upper(f, q, denominator_df) }
    }
}
