//! A difference with everything that tells how sure it is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::series::mean;
use crate::metrics::Bootstrap;
use crate::statistics::{
    Inference, Linear, MixedModel, Note, Observations, Reference, holm, paired, studentized_range_upper, t_critical,
    t_two_sided,
};

/// What a P value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The mixed model with a random intercept for each image, Satterthwaite's degrees of freedom.
    MixedModel,
    /// A paired t test, because the model could not be fitted.
    PairedT,
    /// Signed ranks, because all differences are equal and have no spread that a t test could use.
    SignedRank,
}

/// How a P value is adjusted for the number of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjusted {
    /// Tukey and Kramer, over all pairs of this many levels.
    Tukey {
        /// Levels.
        levels: usize,
    },
    /// Holm, over this many tests.
    Holm {
        /// Tests.
        tests: usize,
    },
}

impl std::fmt::Display for Adjusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tukey { levels } => write!(f, "Tukey, {} pairs", levels * (levels.max(&1) - 1) / 2),
            Self::Holm { tests: 1 } => f.write_str("one test"),
            Self::Holm { tests } => write!(f, "Holm, {tests} tests"),
        }
    }
}

/// A mean of a method less something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// With what: a method, a constant, `random weights`.
    pub with: String,
    /// Its mean or value.
    pub reference: f64,
    /// The method's mean less the reference, by the source.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Interval of this difference alone at one less alpha.
    pub interval: [f64; 2],
    /// Two-sided P of this difference alone.
    pub p: f64,
    /// The same, adjusted.
    pub p_adjusted: f64,
    /// How.
    pub adjusted: Adjusted,
    /// From what.
    pub source: Source,
    /// The differences of single images by themselves, without the model's single spread.
    pub by_image: Option<ByImage>,
}

/// Differences of single images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByImage {
    /// Images that have both values.
    pub images: usize,
    /// Mean difference.
    pub mean: f64,
    /// Interval at one less alpha: by t, or by resampled images where pairs of images enter.
    pub interval: [f64; 2],
    /// Interval at one less twice alpha: both of its ends are one-sided limits at alpha.
    pub inner_interval: [f64; 2],
    /// Two-sided P of the t test, not adjusted; nothing where all differences are equal.
    pub p: Option<f64>,
    /// 95 % interval over resampled images, bias-corrected and accelerated where that is defined.
    pub bootstrap: Option<[f64; 2]>,
    /// Mean over standard deviation.
    pub effect_size: Option<f64>,
    /// Share of images in which the method is above, ties counted half.
    pub share_above: f64,
}

impl ByImage {
    /// Of differences that are there; nothing where they are fewer than two. Equal ones, such as those of identical maps,
    /// have an interval without width.
    pub(super) fn new(differences: &[Option<f64>], alpha: f64, bootstrap: &Bootstrap) -> Option<Self> {
        let found = paired(differences, bootstrap).filter(|found| found.groups > 1 && found.mean.is_finite())?;
        let interval = |alpha: f64| {
            let half = found.t_test.map_or(0.0, |test| {
                // Half of the 95 % interval gives the standard error.
                let error = (found.mean - test.low) / t_critical(0.05, test.df);
                t_critical(alpha, test.df) * error
            });
            [found.mean - half, found.mean + half]
        };
        Some(Self {
            images: found.groups,
            mean: found.mean,
            interval: interval(alpha),
            inner_interval: interval((2.0 * alpha).min(0.999)),
            p: found.t_test.map(|test| test.p),
            bootstrap: found.bootstrap.map(|own| match (own.bca_low, own.bca_high) {
                (Some(low), Some(high)) => [low, high],
                _ => [own.low, own.high],
            }),
            effect_size: found.effect_size,
            share_above: found.share_above,
        })
    }
}

/// Values of one level, by image.
pub(super) type Level<'a> = (&'a str, BTreeMap<&'a str, f64>);

/// The mixed model of some levels, or why there is none.
pub(super) struct Fit<'a> {
    levels: Vec<Level<'a>>,
    model: Result<MixedModel, String>,
    /// What to be wary of.
    pub(super) notes: Vec<String>,
    alpha: f64,
    bootstrap: Bootstrap,
}

impl<'a> Fit<'a> {
    /// Fits `value ~ level + (1 | image)`; levels without any value do not enter.
    pub(super) fn new(levels: Vec<Level<'a>>, alpha: f64, bootstrap: Bootstrap) -> Self {
        let levels: Vec<Level<'a>> = levels.into_iter().filter(|level| !level.1.is_empty()).collect();
        let rows: Vec<(&str, &str, f64)> = levels
            .iter()
            .flat_map(|(level, values)| values.iter().map(move |(image, value)| (*image, *level, *value)))
            .collect();
        let names = levels.iter().map(|level| level.0.to_owned()).collect();
        let fitted = Observations::with_levels(&rows, names).and_then(|observations| {
            let model = MixedModel::fit(&observations)?;
            let notes = Note::of(&observations, &model).iter().map(Note::to_string).collect::<Vec<_>>();
            Ok((model, notes))
        });
        let (model, notes) = match fitted {
            Ok((model, notes)) => (Ok(model), notes),
            Err(error) => {
                let note = format!("the mixed model could not be fitted, paired tests stand in for it: {error}");
                (Err(error.to_string()), if rows.is_empty() { Vec::new() } else { vec![note] })
            }
        };
        Self { levels, model, notes, alpha, bootstrap }
    }

    /// Number of levels.
    pub(super) fn levels(&self) -> usize {
        self.levels.len()
    }

    fn position(&self, level: &str) -> Option<usize> {
        self.levels.iter().position(|own| own.0 == level)
    }

    /// `a` minus `b`, adjusted by Tukey over all pairs where the model is there. Nothing where a level is missing or no
    /// test is possible.
    pub(super) fn difference(&self, a: &str, b: &str) -> Option<Comparison> {
        let (a, b) = (self.position(a)?, self.position(b)?);
        let (own, other) = (&self.levels[a].1, &self.levels[b].1);
        let differences: Vec<Option<f64>> = own.iter().map(|(image, value)| Some(value - other.get(image)?)).collect();
        let by_image = ByImage::new(&differences, self.alpha, &self.bootstrap);
        let reference = mean(&other.values().copied().collect::<Vec<_>>())?;
        let mut weights = vec![0.0; self.levels.len()];
        weights[a] = 1.0;
        weights[b] = -1.0;
        let with = self.levels[b].0;
        let mut comparison = self.compared(with, reference, 0.0, &weights, by_image)?;
        if comparison.source == Source::MixedModel {
            let levels = self.levels.len();
            let q = (comparison.difference / comparison.standard_error).abs() * std::f64::consts::SQRT_2;
            comparison.p_adjusted = studentized_range_upper(q, levels, comparison.df).max(comparison.p);
            comparison.adjusted = Adjusted::Tukey { levels };
        }
        Some(comparison)
    }

    /// The mean of `level` less a constant, named `with`.
    pub(super) fn against(&self, level: &str, constant: f64, with: &str) -> Option<Comparison> {
        let position = self.position(level)?;
        let differences: Vec<Option<f64>> =
            self.levels[position].1.values().map(|value| Some(value - constant)).collect();
        let by_image = ByImage::new(&differences, self.alpha, &self.bootstrap);
        let mut weights = vec![0.0; self.levels.len()];
        weights[position] = 1.0;
        self.compared(with, constant, constant, &weights, by_image)
    }

    fn compared(
        &self,
        with: &str,
        reference: f64,
        constant: f64,
        weights: &[f64],
        by_image: Option<ByImage>,
    ) -> Option<Comparison> {
        let (linear, source) = match (&self.model, &by_image) {
            (Ok(model), _) => (Inference::new(model, Reference::Satterthwaite).linear(weights), Source::MixedModel),
            (Err(_), Some(own)) if own.p.is_none() => (paired_linear(own, constant, self.alpha), Source::SignedRank),
            (Err(_), Some(own)) => (paired_linear(own, constant, self.alpha), Source::PairedT),
            (Err(_), None) => return None,
        };
        let difference = linear.estimate - constant;
        let half = t_critical(self.alpha, linear.df) * linear.standard_error;
        let p = match source {
            Source::SignedRank => equal_differences_p(difference, linear.df),
            _ => t_two_sided(difference / linear.standard_error, linear.df),
        };
        Some(Comparison {
            with: with.to_owned(),
            reference,
            difference,
            standard_error: linear.standard_error,
            df: linear.df,
            interval: [difference - half, difference + half],
            p,
            p_adjusted: p,
            adjusted: Adjusted::Holm { tests: 1 },
            source,
            by_image,
        })
    }
}

/// The paired test in the model's place.
fn paired_linear(own: &ByImage, constant: f64, alpha: f64) -> Linear {
    let df = (own.images - 1) as f64;
    let half = (own.interval[1] - own.interval[0]) / 2.0;
    Linear { estimate: own.mean + constant, standard_error: half / t_critical(alpha, df), df }
}

/// Two-sided P of Wilcoxon's signed ranks for `df + 1` differences that are all equal: that all have the same sign.
fn equal_differences_p(difference: f64, df: f64) -> f64 {
    if difference == 0.0 { 1.0 } else { 0.5_f64.powf(df) }
}

/// Adjusts those P values that are not adjusted by Tukey, by Holm over all of them.
pub(super) fn adjust_by_holm<'c>(comparisons: impl Iterator<Item = &'c mut Comparison>) {
    let mut own: Vec<&mut Comparison> =
        comparisons.filter(|comparison| !matches!(comparison.adjusted, Adjusted::Tukey { .. })).collect();
    let adjusted = holm(&own.iter().map(|comparison| comparison.p).collect::<Vec<_>>());
    let tests = own.len();
    for (comparison, p) in own.iter_mut().zip(adjusted) {
        comparison.p_adjusted = p;
        comparison.adjusted = Adjusted::Holm { tests };
    }
}
