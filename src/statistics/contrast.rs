//! Differences between levels, each with its interval, P values and equivalence.

use rayon::prelude::*;
use serde::Serialize;

use super::adjust::{benjamini_hochberg, bonferroni, holm};
use super::distributions::{t_critical, t_two_sided, t_upper};
use super::error::{Error, Result};
use super::inference::{Inference, Linear, Reference};
use super::max_t::MaxT;
use super::observations::Observations;
use super::paired::{Paired, paired_lists};
use super::studentized_range::{studentized_range_critical, studentized_range_upper};
use crate::metrics::Bootstrap;

/// Chance of a false decision behind intervals and verdicts.
pub(super) const ALPHA: f64 = 0.05;

/// Which differences are one family of tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContrastFamily {
    /// Every pair of levels, the earlier minus the later.
    #[default]
    AllPairs,
    /// Every other level minus each of these.
    Versus(Vec<String>),
}

/// How the P values of a family are adjusted by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Tukey and Kramer, by the studentized range.
    Tukey,
    /// Single step, by the largest |T|.
    MaxT,
}

/// What both questions together say: different at all, and by less than matters?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The 90 % interval lies within the margin, and no difference is shown.
    Equivalent,
    /// The 90 % interval lies within the margin, and a difference is shown: one that is smaller than what matters.
    EquivalentAndDifferent,
    /// A difference is shown, and the 90 % interval reaches beyond the margin.
    Different,
    /// Neither is shown.
    Inconclusive,
}

/// Two one-sided tests against a margin (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657), not adjusted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Equivalence {
    /// The margin, in units of the response.
    pub margin: f64,
    /// P of the larger of both tests.
    pub p: f64,
    /// P of "not below the margin": small where the difference is surely below it.
    pub p_below_margin: f64,
    /// P of "not above minus the margin": small where the difference is surely above it.
    pub p_above_minus_margin: f64,
    /// In words, with the P value of the difference adjusted for its family.
    pub verdict: Verdict,
}

impl Equivalence {
    /// Of a difference whose P value, adjusted for its family, is `p_adjusted`.
    pub(super) fn new(difference: f64, tested: &Linear, margin: f64, p_adjusted: f64) -> Self {
        let upper = |t: f64| t_upper(t, tested.df);
        let p_below_margin = upper((margin - difference) / tested.standard_error);
        let p_above_minus_margin = upper((difference + margin) / tested.standard_error);
        let p = p_below_margin.max(p_above_minus_margin);
        let verdict = match (p < ALPHA, p_adjusted < ALPHA) {
            (true, false) => Verdict::Equivalent,
            (true, true) => Verdict::EquivalentAndDifferent,
            (false, true) => Verdict::Different,
            (false, false) => Verdict::Inconclusive,
        };
        Self { margin, p, p_below_margin, p_above_minus_margin, verdict }
    }
}

/// The difference of two levels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// The level it is taken from.
    pub a: String,
    /// The level that is taken off.
    pub b: String,
    /// Mean of `a` minus mean of `b`, with its standard error and degrees of freedom (none: normal).
    #[serde(flatten)]
    pub linear: Linear,
    /// Estimate divided by standard error.
    pub t: f64,
    /// Lower end of the 95 % interval of this difference alone.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Lower end of the simultaneous 95 % interval that belongs to `p_adjusted`.
    pub simultaneous_low: f64,
    /// Upper end.
    pub simultaneous_high: f64,
    /// P of this difference alone.
    pub p: f64,
    /// P adjusted for the family by its [`Adjustment`].
    pub p_adjusted: f64,
    /// Tukey and Kramer; nothing where the family is not all pairs.
    pub p_tukey: Option<f64>,
    /// Largest |T|, with this difference's own degrees of freedom.
    pub p_max_t: f64,
    /// Standard error of `p_max_t`.
    pub p_max_t_error: f64,
    /// Largest |T| with the normal distribution and the model's own standard errors, as multcomp's glht takes it.
    pub p_max_t_normal: f64,
    /// Bonferroni.
    pub p_bonferroni: f64,
    /// Holm.
    pub p_holm: f64,
    /// Benjamini and Hochberg.
    pub p_benjamini_hochberg: f64,
    /// Where a margin is given.
    pub equivalence: Option<Equivalence>,
    /// The differences within groups by themselves; nothing where no group has both levels.
    pub paired: Option<Paired>,
    /// P of the paired t test, by Holm over the family.
    pub p_paired_t_holm: Option<f64>,
    /// P of the signed rank test, by Holm over the family.
    pub p_signed_rank_holm: Option<f64>,
}

impl ContrastFamily {
    /// Positions of both levels of every difference.
    ///
    /// # Errors
    ///
    /// A level that is not there or is named twice, or no level left to compare.
    pub fn pairs(&self, observations: &Observations) -> Result<Vec<(usize, usize)>> {
        let levels = observations.levels().len();
        match self {
            Self::AllPairs => Ok((0..levels).flat_map(|a| (a + 1..levels).map(move |b| (a, b))).collect()),
            Self::Versus(labels) => {
                let mut baselines = Vec::with_capacity(labels.len());
                for label in labels {
                    let baseline = observations.level(label)?;
                    if baselines.contains(&baseline) {
                        return Err(Error::TwiceNamed(label.clone()));
                    }
                    baselines.push(baseline);
                }
                let others: Vec<usize> = (0..levels).filter(|level| !baselines.contains(level)).collect();
                if baselines.is_empty() || others.is_empty() {
                    return Err(Error::Setting("no level is left to compare with those after vs:"));
                }
                Ok(baselines.iter().flat_map(|b| others.iter().map(move |a| (*a, *b))).collect())
            }
        }
    }

    /// How its P values are adjusted by default.
    pub fn adjustment(&self) -> Adjustment {
        if *self == Self::AllPairs { Adjustment::Tukey } else { Adjustment::MaxT }
    }
}

/// Every difference of a family.
pub(super) fn contrasts(
    observations: &Observations,
    inference: &Inference,
    family: &ContrastFamily,
    margin: Option<f64>,
    bootstrap: &Bootstrap,
) -> Result<Vec<Contrast>> {
    let pairs = family.pairs(observations)?;
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let levels = observations.levels();
    let weights_of = |pair: &(usize, usize)| {
        let mut weights = vec![0.0; levels.len()];
        weights[pair.0] = 1.0;
        weights[pair.1] = -1.0;
        weights
    };
    let weights: Vec<Vec<f64>> = pairs.iter().map(weights_of).collect();
    let largest = |inference: &Inference| match family {
        ContrastFamily::AllPairs => inference.max_t_of_pairs(),
        ContrastFamily::Versus(_) => inference.max_t(&weights),
    };
    let normal = Inference::new(inference.model(), Reference::Normal);
    let own_largest = largest(inference);
    let adjusted_errors = inference.reference() == Reference::KenwardRoger;
    let normal_largest: &MaxT = if adjusted_errors { &largest(&normal) } else { &own_largest };
    let means = (*family == ContrastFamily::AllPairs).then_some(levels.len());
    let cells = observations.cells();
    let mut contrasts: Vec<Contrast> = pairs
        .par_iter()
        .zip(&weights)
        .map(|(&(a, b), weights)| {
            let linear = inference.linear(weights);
            let Linear { estimate, standard_error, df } = linear;
            let t = estimate / standard_error;
            let p = t_two_sided(t, df);
            let half = t_critical(ALPHA, df) * standard_error;
            let root = std::f64::consts::SQRT_2;
            let p_tukey = means.map(|means| studentized_range_upper(t.abs() * root, means, df).max(p));
            let max_t = own_largest.probability(t, df, p);
            let p_adjusted = p_tukey.unwrap_or(max_t.p);
            let critical = match means {
                Some(means) => studentized_range_critical(ALPHA, means, df) / root,
                None => own_largest.critical(ALPHA, df),
            };
            let z = t * standard_error / normal.linear(weights).standard_error;
            let p_max_t_normal = normal_largest.probability(z, f64::INFINITY, t_two_sided(z, f64::INFINITY)).p;
            Contrast {
                a: levels[a].clone(),
                b: levels[b].clone(),
                linear,
                t,
                low: estimate - half,
                high: estimate + half,
                simultaneous_low: estimate - critical * standard_error,
                simultaneous_high: estimate + critical * standard_error,
                p,
                p_adjusted,
                p_tukey,
                p_max_t: max_t.p,
                p_max_t_error: max_t.error,
                p_max_t_normal,
                p_bonferroni: f64::NAN,
                p_holm: f64::NAN,
                p_benjamini_hochberg: f64::NAN,
                equivalence: margin.map(|margin| Equivalence::new(estimate, &linear, margin, p_adjusted)),
                paired: None,
                p_paired_t_holm: None,
                p_signed_rank_holm: None,
            }
        })
        .collect();
    let differences = |pair: usize| {
        let (a, b) = pairs[pair];
        cells.iter().map(|levels| Some(levels[a]? - levels[b]?)).collect()
    };
    for (contrast, paired) in contrasts.iter_mut().zip(paired_lists(pairs.len(), differences, bootstrap)) {
        contrast.paired = paired;
    }
    adjust(&mut contrasts);
    Ok(contrasts)
}

/// Fills in what needs the P values of the whole family.
fn adjust(contrasts: &mut [Contrast]) {
    let p: Vec<f64> = contrasts.iter().map(|contrast| contrast.p).collect();
    let (bonferroni, holm_p, rate) = (bonferroni(&p), holm(&p), benjamini_hochberg(&p));
    let t_p = |contrast: &Contrast| contrast.paired.as_ref()?.t_test.map(|test| test.p);
    let rank_p = |contrast: &Contrast| contrast.paired.as_ref()?.signed_rank.p;
    let t_holm = holm_of_some(contrasts.iter().map(t_p).collect());
    let rank_holm = holm_of_some(contrasts.iter().map(rank_p).collect());
    for (index, contrast) in contrasts.iter_mut().enumerate() {
        contrast.p_bonferroni = bonferroni[index];
        contrast.p_holm = holm_p[index];
        contrast.p_benjamini_hochberg = rate[index];
        contrast.p_paired_t_holm = t_holm[index];
        contrast.p_signed_rank_holm = rank_holm[index];
    }
}

/// Holm over the tests that have a P value.
fn holm_of_some(p: Vec<Option<f64>>) -> Vec<Option<f64>> {
    let present: Vec<f64> = p.iter().flatten().copied().collect();
    let mut adjusted = holm(&present).into_iter();
    p.into_iter().map(|p| p.and_then(|_| adjusted.next())).collect()
}
