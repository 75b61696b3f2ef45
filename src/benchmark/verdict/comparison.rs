//! A difference with everything that tells how sure it is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::nodes::Nodes;
use super::rules::FEW_IMAGES;
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
    /// The same with the standard errors and degrees of freedom of Kenward and Roger, which are for few images.
    KenwardRoger,
    /// A paired t test, because the model could not be fitted.
    PairedT,
    /// Signed ranks, because all differences are equal and have no spread that a t test could use.
    SignedRank,
    /// A t test whose units are images, where a mean over images is compared with a mean over pairs of them.
    ImagesAndPairs,
}

impl Source {
    /// Whether it is the mixed model.
    pub fn is_model(self) -> bool {
        matches!(self, Self::MixedModel | Self::KenwardRoger)
    }
}

/// How sure something is asked to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certainty {
    /// Two-sided level of significance.
    pub(super) alpha: f64,
    /// Methods that are judged by interval together, at least 1.
    pub(super) family: usize,
    pub(super) bootstrap: Bootstrap,
}

impl Certainty {
    /// The two-sided level whose intervals have one-sided limits at alpha for all methods of the family at once
    /// (Bonferroni).
    fn of_verdicts(&self) -> f64 {
        (2.0 * self.alpha / self.family.max(1) as f64).min(0.999)
    }

    /// How the verdicts by interval are corrected, as a note; nothing for a single method.
    pub(super) fn note(&self) -> Option<String> {
        let (alpha, family) = (self.alpha, self.family);
        (family > 1).then(|| {
            format!(
                "verdicts by interval: one-sided limits at {alpha} / {family} (Bonferroni over the {family} methods of this \
                 test and metric), so that a wrong pass, or a wrong fail, of any of them has a chance of at most {alpha}; \
                 tests and metrics are families of their own"
            )
        })
    }

    /// The largest share of images of which none would be among `images` with the chance of a verdict's limit: what was
    /// never seen may still be that frequent (the exact form of the rule of three).
    pub(super) fn unseen_share(&self, images: usize) -> f64 {
        1.0 - (self.of_verdicts() / 2.0).powf(1.0 / images.max(1) as f64)
    }
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
    /// Interval at one less alpha, by t; where pairs of images enter, with their error.
    pub interval: [f64; 2],
    /// Interval at one less twice alpha over the number of methods judged: both of its ends are one-sided limits, at alpha
    /// for all of these methods at once (Bonferroni).
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
    pub(super) fn new(differences: &[Option<f64>], certainty: &Certainty) -> Option<Self> {
        let found =
            paired(differences, &certainty.bootstrap).filter(|found| found.groups > 1 && found.mean.is_finite())?;
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
            interval: interval(certainty.alpha),
            inner_interval: interval(certainty.of_verdicts()),
            p: found.t_test.map(|test| test.p),
            bootstrap: found.bootstrap.map(|own| match (own.bca_low, own.bca_high) {
                (Some(low), Some(high)) => [low, high],
                _ => [own.low, own.high],
            }),
            effect_size: found.effect_size,
            share_above: found.share_above,
        })
    }

    /// Of values by image, less the mean of values by pair of images, which has an error of its own; nothing where there
    /// are fewer than two of either.
    pub(super) fn of_pairs(
        singles: &BTreeMap<&str, f64>,
        pairs: &BTreeMap<&str, f64>,
        certainty: &Certainty,
    ) -> Option<(Self, Linear)> {
        let nodes = Nodes::new(singles, pairs)?;
        let found = nodes.difference()?;
        let reference = mean(&pairs.values().copied().collect::<Vec<_>>())?;
        let differences: Vec<Option<f64>> = singles.values().map(|value| Some(value - reference)).collect();
        let by_value = Self::new(&differences, certainty)?;
        let (error, df) = (found.standard_error, found.df);
        let interval = |alpha: f64| {
            let half = t_critical(alpha, df) * error;
            [found.value - half, found.value + half]
        };
        let own = Self {
            mean: found.value,
            interval: interval(certainty.alpha),
            inner_interval: interval(certainty.of_verdicts()),
            p: (error > 0.0).then(|| t_two_sided(found.value / error, df)),
            bootstrap: nodes.resampled(&certainty.bootstrap),
            ..by_value
        };
        Some((own, Linear { estimate: found.value, standard_error: error, df }))
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
    certainty: Certainty,
}

impl<'a> Fit<'a> {
    /// Fits `value ~ level + (1 | image)`; levels without any value do not enter.
    pub(super) fn new(levels: Vec<Level<'a>>, certainty: Certainty) -> Self {
        let levels: Vec<Level<'a>> = levels.into_iter().filter(|level| !level.1.is_empty()).collect();
        let rows: Vec<(&str, &str, f64)> = levels
            .iter()
            .flat_map(|(level, values)| values.iter().map(move |(image, value)| (*image, *level, *value)))
            .collect();
        let names = levels.iter().map(|level| level.0.to_owned()).collect();
        let fitted = Observations::with_levels(&rows, names).and_then(|observations| {
            let model = MixedModel::fit(&observations)?;
            let notes = Note::of(&observations, &model).iter().map(note_words).collect::<Vec<_>>();
            Ok((model, notes))
        });
        let (model, notes) = match fitted {
            Ok((model, notes)) => (Ok(model), notes),
            Err(error) => {
                let note = format!("the mixed model could not be fitted, paired tests stand in for it: {error}");
                (Err(error.to_string()), if rows.is_empty() { Vec::new() } else { vec![note] })
            }
        };
        let mut fit = Self { levels, model, notes, certainty };
        if fit.is_of_few_images() {
            fit.notes.push(format!(
                "there are fewer than {FEW_IMAGES} images: tests of the mixed model use Kenward and Roger's standard errors \
                 and degrees of freedom"
            ));
        }
        fit
    }

    /// Whether the model is there and its images are so few that its tests need the correction for small samples.
    fn is_of_few_images(&self) -> bool {
        self.model.as_ref().is_ok_and(|model| model.groups < FEW_IMAGES)
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
        let by_image = ByImage::new(&differences, &self.certainty);
        let reference = mean(&other.values().copied().collect::<Vec<_>>())?;
        let mut weights = vec![0.0; self.levels.len()];
        weights[a] = 1.0;
        weights[b] = -1.0;
        let with = self.levels[b].0;
        let mut comparison = self.compared(with, reference, 0.0, &weights, by_image)?;
        if comparison.source.is_model() {
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
        let by_image = ByImage::new(&differences, &self.certainty);
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
        let alpha = self.certainty.alpha;
        let (linear, source) = match (&self.model, &by_image) {
            (Ok(model), _) => self.linear(model, weights),
            (Err(_), Some(own)) if own.p.is_none() => (paired_linear(own, constant, alpha), Source::SignedRank),
            (Err(_), Some(own)) => (paired_linear(own, constant, alpha), Source::PairedT),
            (Err(_), None) => return None,
        };
        let linear = Linear { estimate: linear.estimate - constant, ..linear };
        Some(Comparison::of(with, reference, linear, source, by_image, alpha))
    }

    /// A combination of means by the reference that the number of images asks for.
    fn linear(&self, model: &MixedModel, weights: &[f64]) -> (Linear, Source) {
        if self.is_of_few_images() {
            let linear = Inference::new(model, Reference::KenwardRoger).linear(weights);
            // The information on the variances may be singular where there are very few rows.
            if linear.df > 0.0 && linear.df.is_finite() && linear.standard_error > 0.0 {
                return (linear, Source::KenwardRoger);
            }
        }
        (Inference::new(model, Reference::Satterthwaite).linear(weights), Source::MixedModel)
    }
}

impl Comparison {
    /// A difference, not adjusted.
    fn of(with: &str, reference: f64, linear: Linear, source: Source, by_image: Option<ByImage>, alpha: f64) -> Self {
        let Linear { estimate: difference, standard_error, df } = linear;
        let half = t_critical(alpha, df) * standard_error;
        let p = match source {
            Source::SignedRank => equal_differences_p(difference, df),
            // Pairs without any spread.
            _ if standard_error == 0.0 => equal_differences_p(difference, df),
            _ => t_two_sided(difference / standard_error, df),
        };
        Self {
            with: with.to_owned(),
            reference,
            difference,
            standard_error,
            df,
            interval: [difference - half, difference + half],
            p,
            p_adjusted: p,
            adjusted: Adjusted::Holm { tests: 1 },
            source,
            by_image,
        }
    }

    /// Values by image less other values of the same images, without a model.
    pub(super) fn paired(
        with: &str,
        own: &BTreeMap<&str, f64>,
        other: &BTreeMap<&str, f64>,
        certainty: &Certainty,
    ) -> Option<Self> {
        let differences: Vec<Option<f64>> = own.iter().map(|(image, value)| Some(value - other.get(image)?)).collect();
        let by_image = ByImage::new(&differences, certainty)?;
        let source = if by_image.p.is_none() { Source::SignedRank } else { Source::PairedT };
        let reference = mean(&other.values().copied().collect::<Vec<_>>())?;
        let linear = paired_linear(&by_image, 0.0, certainty.alpha);
        Some(Self::of(with, reference, linear, source, Some(by_image), certainty.alpha))
    }

    /// Values by image less those of pairs of images, both with their error.
    pub(super) fn with_pairs(
        with: &str,
        own: &BTreeMap<&str, f64>,
        pairs: &BTreeMap<&str, f64>,
        certainty: &Certainty,
    ) -> Option<Self> {
        let (by_image, linear) = ByImage::of_pairs(own, pairs, certainty)?;
        let reference = mean(&pairs.values().copied().collect::<Vec<_>>())?;
        Some(Self::of(with, reference, linear, Source::ImagesAndPairs, Some(by_image), certainty.alpha))
    }
}

/// A note of the statistics as a benchmark says it, which goes the way that the note advises.
fn note_words(note: &Note) -> String {
    match note {
        Note::FewGroups { groups } => {
            format!("there are only {groups} images: take no difference found for no difference")
        }
        Note::UnequalSpread { .. } | Note::SingularFit => format!(
            "{note}; the verdicts by interval rest on these, each method's own differences image by image, and not on the \
             model"
        ),
        _ => note.to_string(),
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
