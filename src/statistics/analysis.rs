//! A whole analysis of one table: model, means, contrasts, and what to be wary of.

use serde::Serialize;

use super::adjust::holm;
use super::contrast::{ALPHA, Adjustment, Contrast, ContrastFamily, Equivalence, contrasts};
use super::distributions::{chi_square_upper, t_critical, t_two_sided, t_upper};
use super::error::{Error, Result};
use super::inference::{FTest, Inference, Linear, Reference};
use super::mixed_model::MixedModel;
use super::note::{Note, standard_deviation};
use super::observations::Observations;
use super::paired::{Paired, paired_lists};
use crate::metrics::Bootstrap;

/// What is asked of the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnalysisPlan {
    /// Which differences are tested.
    pub family: ContrastFamily,
    /// What they are compared with.
    pub reference: Reference,
    /// A constant that every mean is compared with.
    pub null: Option<f64>,
    /// A difference that does not matter, in units of the response, above 0.
    pub margin: Option<f64>,
    /// How groups are resampled.
    pub bootstrap: Bootstrap,
}

/// Results. P values are two-sided, intervals of 95 %, unless said otherwise; infinite degrees of freedom (the normal
/// distribution) are `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// The distribution behind tests and intervals of the model.
    pub reference: Reference,
    /// The fit.
    pub model: ModelSummary,
    /// Test of all levels together; nothing for a single level.
    pub levels_test: Option<FTest>,
    /// Levels, in the order of their labels.
    pub means: Vec<LevelMean>,
    /// How `p_adjusted` is adjusted.
    pub adjustment: Adjustment,
    /// Differences of levels: one family of tests.
    pub contrasts: Vec<Contrast>,
    /// How often groups were drawn anew.
    pub bootstrap_resamples: usize,
    /// From which seed.
    pub bootstrap_seed: u64,
    /// What a reader must know.
    pub notes: Vec<Note>,
}

/// The fit of `response ~ factor + (1 | group)` by restricted maximum likelihood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Rows.
    pub rows: usize,
    /// Groups.
    pub groups: usize,
    /// Whether every pair of group and level has as many rows.
    pub balanced: bool,
    /// Variance between groups.
    pub group_variance: f64,
    /// Its root.
    pub group_sd: f64,
    /// Variance within groups.
    pub residual_variance: f64,
    /// Its root.
    pub residual_sd: f64,
    /// Ratio of both standard deviations.
    pub theta: f64,
    /// Share of the variance between groups.
    pub intraclass_correlation: f64,
    /// Restricted log-likelihood.
    pub log_likelihood: f64,
    /// Minus twice the restricted log-likelihood.
    pub reml_criterion: f64,
    /// Whether the variance between groups is 0.
    pub singular: bool,
    /// Test of the variance between groups.
    pub group_variance_test: GroupVarianceTest,
    /// Predicted deviation of each group (BLUP), in the order of the groups' labels, which are not written.
    pub group_effects: Vec<f64>,
}

/// Likelihood ratio test of no variance between groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GroupVarianceTest {
    /// Twice the log of the likelihood ratio.
    pub statistic: f64,
    /// P by half a chi-square with one degree of freedom, as the variance cannot be below 0 (Self and Liang 1987).
    pub p: f64,
    /// P by the whole chi-square, as lmerTest's `ranova` gives it.
    pub p_whole_chi_square: f64,
}

/// A level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelMean {
    /// Its label.
    pub level: String,
    /// Its rows.
    pub rows: usize,
    /// Standard deviation of its responses (n - 1).
    pub sd: Option<f64>,
    /// Mean by the model, with its standard error and degrees of freedom (none: normal).
    #[serde(flatten)]
    pub linear: Linear,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Test against a constant, where one is given.
    pub null: Option<NullTest>,
}

/// A mean against a constant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NullTest {
    /// The constant.
    pub value: f64,
    /// Difference divided by standard error.
    pub t: f64,
    /// Two-sided P.
    pub p: f64,
    /// By Holm over the levels.
    pub p_holm: f64,
    /// One-sided: small where the mean is surely above.
    pub p_greater: f64,
    /// One-sided: small where the mean is surely below.
    pub p_less: f64,
    /// Where a margin is given.
    pub equivalence: Option<Equivalence>,
    /// The level's own values less the constant, without the model.
    pub one_sample: Option<Paired>,
}

impl Analysis {
    /// Fits the model and makes every test.
    ///
    /// # Errors
    ///
    /// Data that the model cannot be fitted to, levels that are not there, a margin or constant out of range.
    pub fn run(observations: &Observations, plan: &AnalysisPlan) -> Result<Self> {
        if plan.margin.is_some_and(|margin| margin.is_nan() || margin <= 0.0 || margin.is_infinite()) {
            return Err(Error::Setting("the margin must be a finite number above 0"));
        }
        if plan.null.is_some_and(|null| !null.is_finite()) {
            return Err(Error::Setting("the constant must be a finite number"));
        }
        if plan.bootstrap.resamples == 0 {
            return Err(Error::Setting("at least one resample is needed"));
        }
        plan.family.pairs(observations)?;
        let model = MixedModel::fit(observations)?;
        let inference = Inference::new(&model, plan.reference);
        Ok(Self {
            reference: plan.reference,
            levels_test: inference.levels_test(),
            means: means(observations, &inference, plan),
            adjustment: plan.family.adjustment(),
            contrasts: contrasts(observations, &inference, &plan.family, plan.margin, &plan.bootstrap)?,
            bootstrap_resamples: plan.bootstrap.resamples,
            bootstrap_seed: plan.bootstrap.seed,
            notes: Note::of(observations, &model),
            model: summary(observations, &model),
        })
    }
}

fn summary(observations: &Observations, model: &MixedModel) -> ModelSummary {
    let statistic = model.group_variance_statistic();
    let p_whole_chi_square = chi_square_upper(statistic, 1.0);
    ModelSummary {
        rows: model.rows,
        groups: model.groups,
        balanced: observations.is_balanced(),
        group_variance: model.group_variance(),
        group_sd: model.theta * model.sigma,
        residual_variance: model.sigma * model.sigma,
        residual_sd: model.sigma,
        theta: model.theta,
        intraclass_correlation: model.intraclass_correlation(),
        log_likelihood: model.log_likelihood(),
        reml_criterion: model.criterion,
        singular: model.singular,
        group_variance_test: GroupVarianceTest {
            statistic,
            p: if statistic > 0.0 { p_whole_chi_square / 2.0 } else { 1.0 },
            p_whole_chi_square,
        },
        group_effects: model.group_effects.clone(),
    }
}

fn means(observations: &Observations, inference: &Inference, plan: &AnalysisPlan) -> Vec<LevelMean> {
    let levels = observations.levels();
    let cells = observations.cells();
    let mut means: Vec<LevelMean> = levels
        .iter()
        .enumerate()
        .map(|(level, label)| {
            let mut weights = vec![0.0; levels.len()];
            weights[level] = 1.0;
            let linear = inference.linear(&weights);
            let half = t_critical(ALPHA, linear.df) * linear.standard_error;
            let values = observations.of_level(level);
            let null = plan.null.map(|value| {
                let difference = linear.estimate - value;
                let t = difference / linear.standard_error;
                NullTest {
                    value,
                    t,
                    p: t_two_sided(t, linear.df),
                    p_holm: f64::NAN,
                    p_greater: t_upper(t, linear.df),
                    p_less: t_upper(-t, linear.df),
                    equivalence: None,
                    one_sample: None,
                }
            });
            LevelMean {
                level: label.clone(),
                rows: values.len(),
                sd: standard_deviation(&values),
                linear,
                low: linear.estimate - half,
                high: linear.estimate + half,
                null,
            }
        })
        .collect();
    let p: Vec<f64> = means.iter().filter_map(|mean| mean.null.as_ref()).map(|null| null.p).collect();
    if let Some(value) = plan.null {
        let differences = |level: usize| cells.iter().map(|cell| Some(cell[level]? - value)).collect();
        let found = paired_lists(levels.len(), differences, &plan.bootstrap);
        for (null, paired) in means.iter_mut().filter_map(|mean| mean.null.as_mut()).zip(found) {
            null.one_sample = paired;
        }
    }
    let tested = means.iter_mut().filter_map(|mean| Some((mean.linear, mean.null.as_mut()?)));
    for ((linear, null), adjusted) in tested.zip(holm(&p)) {
        null.p_holm = adjusted;
        let difference = linear.estimate - null.value;
        null.equivalence = plan.margin.map(|margin| Equivalence::new(difference, &linear, margin, adjusted));
    }
    means
}
