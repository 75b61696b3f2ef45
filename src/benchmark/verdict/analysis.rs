//! From the scores of a run to estimates and verdicts.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::super::protocol::Test;
use super::super::results::{Exclusion, Results};
use super::comparison::{Certainty, Level};
use super::finding::{Finding, Role};
use super::limit::Limit;
use super::names::{AVERAGE_MASK, EXTERNAL_PREFIX, LOCALIZERS, method_title, primary_metric, test_title};
use super::rules::{FEW_IMAGES, IntervalVerdict};
use super::series::{Index, Panel, Series};
use super::{randomization, similarity, utility};
use crate::cascade::ORIGINAL;
use crate::metrics::Bootstrap;
use crate::saliency::Preset;

/// Everything a run tells about its methods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<&'static str>,
    /// Names the run.
    pub run_id: String,
    /// The preset its protocol started from.
    pub preset: Preset,
    /// Level of significance, two-sided.
    pub alpha: f64,
    /// Difference that does not matter.
    pub margin: f64,
    /// Similarity above which the study called maps repeatable.
    pub similarity_threshold: f64,
    /// Units done and in all.
    pub units: [usize; 2],
    /// One for each test and metric that has scores.
    pub metrics: Vec<MetricAnalysis>,
    /// Networks, each with the tests it took part in.
    pub models: Vec<TestedModel>,
    /// How often images were drawn anew, and from which seed.
    pub bootstrap: [u64; 2],
}

/// A network and the tests it took part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestedModel {
    /// Its name in the scores.
    pub name: String,
    /// Hash of its weights.
    pub sha256: String,
    /// Its role.
    pub role: String,
    /// Its architecture.
    pub architecture: String,
    /// Tests, each with the number of networks of the same role that its numbers are means over.
    pub tests: Vec<Test>,
}

/// One test by one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricAnalysis {
    /// The test.
    pub test: Test,
    /// The metric.
    pub metric: String,
    /// Whether it is the one that decides under the run's preset.
    pub primary: bool,
    /// Methods that are judged by interval together: their limits hold for all of them at once.
    pub family: usize,
    /// Methods in the study's order, then external ones, baselines, controls.
    pub findings: Vec<Finding>,
    /// Randomization: similarity in each state.
    pub curves: Vec<StateCurve>,
    /// Mean of unrelated maps of noise, where the test has such a line (randomization, repeatability, reproducibility):
    /// the highest of those controls whose draws differ.
    pub control_mean: Option<f64>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Similarity of a method's maps to those of the trained network, state by state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateCurve {
    /// The method.
    pub method: String,
    /// The states in the order of the cascade.
    pub states: Vec<StatePoint>,
    /// Mean over pairs of different images.
    pub baseline: Option<f64>,
}

/// One state of a curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatePoint {
    /// Name of the state.
    pub state: String,
    /// Images with a value.
    pub images: usize,
    /// Mean over images.
    pub mean: Option<f64>,
    /// Standard deviation between images.
    pub sd_images: Option<f64>,
    /// Standard deviation between the means of networks, where there are several.
    pub sd_networks: Option<f64>,
}

/// What every part of the analysis needs.
pub(super) struct Question<'a> {
    pub(super) index: &'a Index<'a>,
    pub(super) results: &'a Results,
    pub(super) panel: &'a Panel<'a>,
    pub(super) metric: &'a str,
    pub(super) test: Test,
    pub(super) alpha: f64,
    pub(super) margin: f64,
    pub(super) bootstrap: Bootstrap,
}

impl<'a> Question<'a> {
    /// Methods under test in the study's order, then external ones: those the protocol names and those that have a
    /// score under one of `conditions`.
    pub(super) fn judged(&self, conditions: &[&str]) -> Vec<(String, Role)> {
        let mut methods: Vec<(String, Role)> =
            self.results.protocol.methods.iter().map(|method| (method.name().to_owned(), Role::Method)).collect();
        let external = self
            .panel
            .keys()
            .filter(|(method, condition)| method.starts_with(EXTERNAL_PREFIX) && conditions.contains(condition));
        let external: std::collections::BTreeSet<&str> = external.map(|key| key.0).collect();
        methods.extend(external.into_iter().map(|method| (method.to_owned(), Role::External)));
        methods
    }

    /// The network trained to localize that has scores under `condition`.
    pub(super) fn localizer(&self, condition: &str) -> Option<&'static str> {
        LOCALIZERS.into_iter().find(|name| self.panel.get(name, condition).is_some())
    }

    /// Controls under `condition`, in the order of their names.
    pub(super) fn controls(&self, condition: &str) -> Vec<&'a str> {
        self.panel.keys().filter(|key| key.1 == condition).map(|key| key.0).collect()
    }

    /// How sure the verdicts on `judged` methods are, of which those with scores are one family.
    pub(super) fn certainty<'s>(&self, judged: impl Iterator<Item = Option<&'s Series<'s>>>) -> Certainty {
        let family = judged.flatten().filter(|series| !series.by_image.is_empty()).count();
        Certainty { alpha: self.alpha, family, bootstrap: self.bootstrap }
    }

    /// A series as a level of a model.
    pub(super) fn level<'n>(&self, name: &'n str, condition: &str) -> Level<'n>
    where
        'a: 'n,
    {
        let values = self.panel.get(name, condition).map(|series| series.by_image.clone()).unwrap_or_default();
        (name, values)
    }

    /// Why a method has no scores at all, where it is not defined for a network that the test asks.
    fn undefined(&self, method: &str) -> Option<&'a str> {
        let is_scored = self.panel.keys().any(|key| key.0 == method);
        let mut exclusions = self.results.exclusions.iter();
        exclusions.find(|own| !is_scored && is_of_network(own, method)).map(|own| own.reason.as_str())
    }

    /// Units of a method that gave no score.
    pub(super) fn excluded_units(&self, method: &str) -> usize {
        self.results.exclusions.iter().filter(|exclusion| concerns(exclusion, self.test, method)).count()
    }
}

/// Whether an exclusion is of a whole network: such as `GBP on efficientnet_b0_1`, of no image and no state.
fn is_of_network(exclusion: &Exclusion, method: &str) -> bool {
    let network = exclusion.what.strip_prefix(method).and_then(|rest| rest.strip_prefix(" on "));
    exclusion.image.is_empty() && network.is_some_and(|network| !network.contains(' '))
}

/// Whether an exclusion is about this test and method: `utility: XRAI ...` names the test, words of a unit such as
/// `XRAI on inception_v3_1 (Original)` tell it.
fn concerns(exclusion: &Exclusion, test: Test, method: &str) -> bool {
    let words = match exclusion.what.split_once(": ") {
        Some((named, rest)) if Test::of_name(named.trim()).is_some() => {
            if named.trim() != test.name() {
                return false;
            }
            rest
        }
        _ => {
            let what = exclusion.what.as_str();
            let concerned = if what.ends_with("compared with another image") {
                test == Test::Randomization
            } else if what.contains(" compared with ") {
                matches!(test, Test::Repeatability | Test::Reproducibility)
            } else if what.ends_with(')') && !what.ends_with(&format!("({ORIGINAL})")) && what.contains(" on ") {
                matches!(test, Test::Utility | Test::Randomization)
            } else {
                true
            };
            if !concerned {
                return false;
            }
            what
        }
    };
    words.split_whitespace().any(|word| word == method)
}

impl Analysis {
    /// Analyses the scores of a run, finished or not. What cannot be told is said in [`Finding::sentence`] and in
    /// [`MetricAnalysis::notes`]; nothing is refused.
    pub fn of(results: &Results) -> Self {
        let index = Index::new(results);
        Self::with_index(results, &index)
    }

    /// The same with scores that are sorted already.
    pub fn with_index(results: &Results, index: &Index<'_>) -> Self {
        let seed = results.protocol.seeds.bootstrap;
        Self::resampled(results, index, Bootstrap { seed, ..Bootstrap::default() })
    }

    /// The same with images drawn anew as `bootstrap` says; no verdict rests on it.
    pub(super) fn resampled(results: &Results, index: &Index<'_>, bootstrap: Bootstrap) -> Self {
        let protocol = &results.protocol;
        // Nothing outside its range reaches a distribution, whoever wrote the database.
        let alpha = if protocol.alpha > 0.0 && protocol.alpha < 0.5 { protocol.alpha } else { 0.05 };
        let margin = if protocol.margin > 0.0 && protocol.margin.is_finite() { protocol.margin } else { 0.05 };
        let wanted: Vec<(Test, &str)> =
            Test::ALL.into_iter().flat_map(|test| index.metrics(test).map(move |metric| (test, metric))).collect();
        let metrics = wanted
            .par_iter()
            .filter_map(|&(test, metric)| {
                let panel = index.panel(test, metric)?;
                let question = Question { index, results, panel, metric, test, alpha, margin, bootstrap };
                let mut found = match test {
                    Test::Utility => utility::analyse(&question),
                    Test::Randomization => randomization::analyse(&question),
                    Test::Repeatability | Test::Reproducibility => similarity::analyse(&question),
                };
                found.primary = metric == primary_metric(test, protocol.preset);
                for finding in &mut found.findings {
                    if let Some(reason) = question.undefined(&finding.method) {
                        finding.sentence = format!("{} has no verdict: {reason}.", method_title(&finding.method));
                    }
                }
                Some(found)
            })
            .collect();
        Self {
            caution: results.provenance.caution(),
            run_id: results.provenance.run_id.clone(),
            preset: protocol.preset,
            alpha,
            margin,
            similarity_threshold: protocol.similarity_threshold,
            units: [results.provenance.units_done, results.provenance.units_total],
            metrics,
            models: tested_models(results),
            bootstrap: [bootstrap.resamples as u64, bootstrap.seed],
        }
    }

    /// What no map could pass or fail, by the deciding metrics, one sentence a test: a verdict that is inconclusive because
    /// its limit lies beyond what the metric can be tells nothing about a method.
    pub fn out_of_reach(&self) -> Vec<String> {
        let sentence = |metric: &MetricAnalysis| {
            let judged = || metric.findings.iter().filter(|finding| finding.role.is_judged());
            let beyond = |finding: &&Finding| finding.limit.as_ref().is_some_and(|limit| limit.out_of_reach.is_some());
            let limit = judged().find(beyond)?.limit.as_ref()?;
            let methods: Vec<String> = judged().filter(beyond).map(|finding| method_title(&finding.method)).collect();
            Some(format!(
                "{} by interval is inconclusive for {}, whatever the maps are: {} with a limit {} ({}). A smaller margin or \
                 similarity_threshold in the protocol gives a limit that maps can reach.",
                test_title(metric.test),
                methods.join(", "),
                limit.obstacle(&metric.metric)?,
                limit.words(),
                limit.origin
            ))
        };
        self.metrics.iter().filter(|metric| metric.primary).filter_map(sentence).collect()
    }

    /// Says how many images verdicts by interval ask for, where a test has fewer.
    pub fn too_few_images(&self) -> Option<String> {
        let is_few = |metric: &&MetricAnalysis| {
            let mut judged = metric.findings.iter().filter(|finding| finding.role.is_judged());
            metric.primary && judged.any(|finding| finding.interval == Some(IntervalVerdict::TooFewImages))
        };
        let tests: Vec<&str> = self.metrics.iter().filter(is_few).map(|metric| test_title(metric.test)).collect();
        (!tests.is_empty()).then(|| {
            format!(
                "{}: too few images for a verdict by interval, which takes {FEW_IMAGES}. The study's rule gives one for any \
                 number, and few images help a method to pass it where no difference counts as a pass.",
                tests.join(", ")
            )
        })
    }

    /// One test by one metric.
    pub fn get(&self, test: Test, metric: &str) -> Option<&MetricAnalysis> {
        self.metrics.iter().find(|own| own.test == test && own.metric == metric)
    }

    /// One test by the metric that decides it.
    pub fn primary(&self, test: Test) -> Option<&MetricAnalysis> {
        self.metrics.iter().find(|own| own.test == test && own.primary)
    }
}

impl MetricAnalysis {
    /// What was found about a method.
    pub fn finding(&self, method: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.method == method)
    }

    /// The limit of the verdicts by interval, where every method has the same one (repeatability, reproducibility).
    pub fn limit(&self) -> Option<&Limit> {
        let mut limits = self.findings.iter().filter_map(|finding| finding.limit.as_ref());
        let first = limits.next()?;
        limits.all(|other| other == first).then_some(first)
    }

    /// The average mask and networks that localize.
    pub fn baseline(&self, role: Role) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.role == role)
    }
}

fn tested_models(results: &Results) -> Vec<TestedModel> {
    let mut tests: BTreeMap<&str, Vec<Test>> = BTreeMap::new();
    let mut before = None;
    for score in results.scores.iter().filter(|score| score.method != AVERAGE_MASK) {
        // Long runs of equal names are the rule.
        if before.replace((score.test, &score.models)) == Some((score.test, &score.models)) {
            continue;
        }
        for name in score.models.split('|').filter(|name| !name.is_empty()) {
            let own = tests.entry(name).or_default();
            if let Err(position) = own.binary_search(&score.test) {
                own.insert(position, score.test);
            }
        }
    }
    let tested = |model: &super::super::results::ModelProvenance| TestedModel {
        name: model.name.clone(),
        sha256: model.sha256.clone(),
        role: model.role.clone(),
        architecture: model.architecture.clone(),
        tests: tests.get(model.name.as_str()).cloned().unwrap_or_default(),
    };
    results.provenance.models.iter().map(tested).collect()
}
