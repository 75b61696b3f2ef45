//! Where verdicts part: between two runs, such as those of both presets, and between the metrics of one run.

use serde::Serialize;

use super::super::protocol::Test;
use super::analysis::{Analysis, MetricAnalysis};
use super::finding::Finding;
use super::names::{method_title, metric_title};
use super::rules::{IntervalVerdict, StudyVerdict};
use super::words::number;

/// One side of a difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Preset, or metric.
    pub label: String,
    /// The metric.
    pub metric: String,
    /// Mean of the method.
    pub mean: Option<f64>,
    /// By the study's rule.
    pub study: Option<StudyVerdict>,
    /// By interval and margin.
    pub interval: Option<IntervalVerdict>,
    /// The limit of the latter, as a score.
    pub limit: Option<f64>,
}

/// A method whose verdict is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictDifference {
    /// The test.
    pub test: Test,
    /// The method.
    pub method: String,
    /// Both sides.
    pub sides: [Side; 2],
}

impl VerdictDifference {
    /// In one sentence.
    pub fn sentence(&self) -> String {
        let side = |side: &Side| {
            let study = side.study.map_or("not tested", StudyVerdict::words);
            let interval = side.interval.map_or("no verdict", IntervalVerdict::words);
            let limit = side.limit.map_or_else(String::new, |own| format!(", limit by interval {}", number(Some(own))));
            let (mean, metric) = (number(side.mean), metric_title(&side.metric));
            format!("{study} / {interval} under {} ({metric} {mean}{limit})", side.label)
        };
        let [one, other] = &self.sides;
        format!("{}, {}: {}, but {}.", method_title(&self.method), self.test, side(one), side(other))
    }
}

fn side(label: &str, metric: &MetricAnalysis, finding: &Finding) -> Side {
    Side {
        label: label.to_owned(),
        metric: metric.metric.clone(),
        mean: finding.summary.mean,
        study: finding.study,
        interval: finding.interval,
        limit: finding.limit.as_ref().map(|limit| limit.score),
    }
}

fn between<'a>(
    [one_label, other_label]: [&'a str; 2],
    one: &'a MetricAnalysis,
    other: &'a MetricAnalysis,
) -> impl Iterator<Item = VerdictDifference> + 'a {
    one.findings.iter().filter(|finding| finding.role.is_judged()).filter_map(move |finding| {
        let counterpart = other.finding(&finding.method)?;
        let same = finding.study == counterpart.study && finding.interval == counterpart.interval;
        (!same).then(|| VerdictDifference {
            test: one.test,
            method: finding.method.clone(),
            sides: [side(one_label, one, finding), side(other_label, other, counterpart)],
        })
    })
}

/// Verdicts that differ between two runs, each by its own deciding metric.
pub fn between_runs(one: &Analysis, other: &Analysis) -> Vec<VerdictDifference> {
    // Runs of one preset are told apart by their names.
    let label = |analysis: &Analysis| {
        let run: String = analysis.run_id.chars().take(8).collect();
        if one.preset == other.preset { format!("run {run}") } else { analysis.preset.to_string() }
    };
    let labels = [label(one), label(other)];
    let pairs = Test::ALL.into_iter().filter_map(|test| Some((one.primary(test)?, other.primary(test)?)));
    pairs.flat_map(|(a, b)| between([&labels[0], &labels[1]], a, b).collect::<Vec<_>>()).collect()
}

/// Verdicts that differ between the deciding metrics of both presets within one run, whose scores hold both.
pub fn between_presets(analysis: &Analysis) -> Vec<VerdictDifference> {
    use super::names::primary_metric;
    use crate::saliency::Preset;
    let of = |test: Test, preset: Preset| analysis.get(test, primary_metric(test, preset));
    let pairs =
        Test::ALL.into_iter().filter_map(|test| Some((of(test, Preset::Arun2021)?, of(test, Preset::Recommended)?)));
    let labels = ["the metric of arun2021", "that of recommended"];
    pairs.flat_map(|(one, other)| between(labels, one, other).collect::<Vec<_>>()).collect()
}
