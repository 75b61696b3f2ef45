//! Standard errors and degrees of freedom of contrasts of a mixed model's means.

use super::distributions::f_upper;
use super::kenward_roger::KenwardRoger;
use super::matrix::{Matrix, dot};
use super::max_t::MaxT;
use super::mixed_model::MixedModel;

/// What a contrast divided by its standard error is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// Student's t with Satterthwaite's degrees of freedom, by the observed information in (theta, sigma) (Giesbrecht
    /// and Burns 1985, Biometrics 41:477; Kuznetsova, Brockhoff and Christensen 2017, J. Stat. Softw. 82:13).
    #[default]
    Satterthwaite,
    /// Student's t with the standard errors and degrees of freedom of Kenward and Roger (1997, Biometrics 53:983).
    KenwardRoger,
    /// The normal distribution, without any correction for small samples.
    Normal,
}

/// A linear combination of means.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Linear {
    /// Its value, in units of the response.
    pub estimate: f64,
    /// Standard error.
    pub standard_error: f64,
    /// Degrees of freedom; infinite for the normal distribution.
    pub df: f64,
}

/// Test of all levels together.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FTest {
    /// F.
    pub f: f64,
    /// Degrees of freedom of the numerator.
    pub numerator_df: f64,
    /// Degrees of freedom of the denominator; infinite for the normal distribution.
    pub denominator_df: f64,
    /// P(F or more).
    pub p: f64,
}

/// A fit seen through one reference.
#[derive(Clone, Debug)]
pub struct Inference<'a> {
    model: &'a MixedModel,
    reference: Reference,
    /// Covariance of the means of the scaled response; adjusted under Kenward and Roger.
    covariance: Matrix,
    satterthwaite: Satterthwaite,
    kenward_roger: Option<KenwardRoger>,
}

/// Covariance of (theta, sigma) and derivatives of the covariance of the means by both, of the scaled response.
#[derive(Clone, Debug)]
struct Satterthwaite {
    covariance: [[f64; 2]; 2],
    derivatives: [Matrix; 2],
    means: Matrix,
}

impl Satterthwaite {
    fn new(model: &MixedModel) -> Self {
        let (at, nu) = (&model.at, model.design.residual_df);
        let (theta, sigma) = (model.theta, model.scaled_sigma());
        let variance = sigma * sigma;
        let [_, l1, l2] = at.log_terms;
        let [_, p1, p2] = at.squares;
        let tt = 2.0 * (l1 + p1 / variance) + 4.0 * at.lambda * (l2 + p2 / variance);
        let ts = -4.0 * theta * p1 / (sigma * variance);
        let ss = 4.0 * nu / variance;
        let determinant = tt * ss - ts * ts;
        // At theta = 0 both parameters are independent, and nothing depends on theta to first order.
        let covariance = if theta == 0.0 || determinant <= 0.0 {
            [[0.0, 0.0], [0.0, 2.0 / ss]]
        } else {
            let factor = 2.0 / determinant;
            [[factor * ss, -factor * ts], [-factor * ts, factor * tt]]
        };
        let by_theta = at.inverse.times(&at.slope).times(&at.inverse).scaled(-2.0 * theta * variance);
        let by_sigma = at.inverse.scaled(2.0 * sigma);
        Self { covariance, derivatives: [by_theta, by_sigma], means: at.inverse.scaled(variance) }
    }

    fn df(&self, weights: &[f64]) -> f64 {
        let variance = self.means.quadratic(weights);
        let [t, s] = [0, 1].map(|parameter| self.derivatives[parameter].quadratic(weights));
        let [[tt, ts], [_, ss]] = self.covariance;
        2.0 * variance * variance / (t * t * tt + 2.0 * t * s * ts + s * s * ss)
    }
}

impl<'a> Inference<'a> {
    /// Prepares tests of the fit against a reference.
    pub fn new(model: &'a MixedModel, reference: Reference) -> Self {
        let satterthwaite = Satterthwaite::new(model);
        let kenward_roger = (reference == Reference::KenwardRoger).then(|| KenwardRoger::new(model));
        let covariance = kenward_roger.as_ref().map_or(&satterthwaite.means, |own| &own.adjusted).clone();
        Self { model, reference, covariance, satterthwaite, kenward_roger }
    }

    /// The reference.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// The model.
    pub fn model(&self) -> &MixedModel {
        self.model
    }

    /// The combination of the means with these weights, one for each level.
    pub fn linear(&self, weights: &[f64]) -> Linear {
        let df = match (&self.kenward_roger, self.reference) {
            (Some(kenward_roger), _) => kenward_roger.df(weights),
            (None, Reference::Normal) => f64::INFINITY,
            (None, _) => self.satterthwaite.df(weights),
        };
        Linear {
            estimate: self.combine(weights),
            standard_error: self.covariance.quadratic(weights).sqrt() * self.model.scale(),
            df,
        }
    }

    /// Of means less one of them where the weights sum to 0, so that a large offset costs no digits.
    fn combine(&self, weights: &[f64]) -> f64 {
        let sum = dot(weights, &self.model.at.means) * self.model.scale();
        let total: f64 = weights.iter().sum();
        if total == 0.0 { sum } else { dot(weights, &self.model.means) }
    }

    /// The largest |T| over a family of combinations.
    pub fn max_t(&self, family: &[Vec<f64>]) -> MaxT {
        let applied: Vec<Vec<f64>> = family.iter().map(|weights| self.covariance.apply(weights)).collect();
        MaxT::of_contrasts(&Matrix::from_fn(family.len(), family.len(), |i, j| dot(&family[i], &applied[j])))
    }

    /// The largest |T| over all pairs of levels, of which there must be at least two.
    pub fn max_t_of_pairs(&self) -> MaxT {
        MaxT::all_pairs(&self.covariance)
    }

    /// Whether all levels have the same mean; nothing for a single level.
    ///
    /// Satterthwaite's denominator (Fai and Cornelius 1996, J. Stat. Comput. Simul. 54:363) depends on the basis in
    /// which the hypothesis is written; it is lmerTest's, of treatment contrasts with the first level as reference.
    pub fn levels_test(&self) -> Option<FTest> {
        let levels = self.model.means.len();
        if levels < 2 {
            return None;
        }
        let hypothesis = self.hypothesis();
        let df = (levels - 1) as f64;
        if let Some(kenward_roger) = &self.kenward_roger {
            return Some(kenward_roger.test(&hypothesis, &self.model.at.means));
        }
        let covariance = hypothesis.times(&self.satterthwaite.means).times(&hypothesis.transposed());
        let (variances, directions) = covariance.symmetric_eigen();
        let mut squares = 0.0;
        let mut dfs = Vec::with_capacity(levels - 1);
        for (row, variance) in variances.iter().enumerate() {
            let weights = hypothesis.transposed().apply(directions.row(row));
            squares += dot(&weights, &self.model.at.means).powi(2) / variance;
            dfs.push(self.satterthwaite.df(&weights));
        }
        let denominator_df = if self.reference == Reference::Normal { f64::INFINITY } else { joint_df(&dfs) };
        let f = squares / df;
        Some(FTest { f, numerator_df: df, denominator_df, p: f_upper(f, df, denominator_df) })
    }

    /// Rows of the hypothesis that all levels are equal, as lmerTest writes it, on the means.
    fn hypothesis(&self) -> Matrix {
        let rows = &self.model.design.level_rows;
        let levels = rows.len();
        let crossed = Matrix::from_fn(levels, levels, |i, j| match (i, j) {
            (0, 0) => rows.iter().sum(),
            (0, level) | (level, 0) => rows[level],
            (i, j) if i == j => rows[i],
            _ => 0.0,
        });
        let treatment = Matrix::from_fn(levels, levels, |i, j| match j {
            _ if i == j => 1.0,
            0 => -1.0,
            _ => 0.0,
        });
        crossed.unit_upper_below_first().times(&treatment)
    }
}

/// Denominator that gives a mean of squared t the right expectation.
fn joint_df(dfs: &[f64]) -> f64 {
    let count = dfs.len() as f64;
    if dfs.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-8 * pair[0].abs().max(1.0)) {
        return dfs.iter().sum::<f64>() / count;
    }
    if dfs.iter().any(|df| *df <= 2.0) {
        return 2.0;
    }
    let expected: f64 = dfs.iter().map(|df| df / (df - 2.0)).sum();
    2.0 * expected / (expected - count)
}
