//! The study's figures 2, 3 and 4 from a run's scores, and example maps.

mod box_plot;
mod examples;
mod page;
mod pictures;
mod tile_grid;

pub use box_plot::{AcrossLine, BoxGroup, BoxPlot, BoxValues};
pub use examples::{case_grid, network_grid, state_grid};
pub use pictures::{Absent, MapOf, NoPictures, Pictures};
pub use tile_grid::{GridTile, Picture, TileGrid};

use super::protocol::Test;
use super::results::{Results, condition};
use super::verdict::{
    AVERAGE_MASK, Analysis, Index, LOCALIZERS, MetricAnalysis, Role, artefact, count, full_title, method_title,
    metric_title,
};
use crate::figure::{CascadeCurve, CascadeCurves, Result, Rgb, Scene};
use crate::saliency::Preset;
use page::{BASELINE, CONTROL, LOCALIZER, RANDOM, TRAINED};

/// A figure, its name as a file and what it shows to those who cannot see it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of its files, of letters, digits and underscores.
    pub id: &'static str,
    /// What it shows.
    pub alt: String,
    /// The picture.
    pub scene: Scene,
}

/// Figures 2, 3 and 4 as far as the run has scores for them.
///
/// # Errors
/// When text cannot be laid out.
pub fn of_the_study(results: &Results, analysis: &Analysis, index: &Index<'_>) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if let Some(metric) = analysis.primary(Test::Utility) {
        figures.push(Figure {
            id: "figure2_utility",
            alt: alt(metric, "Box plots"),
            scene: utility(results, metric, index).scene()?,
        });
    }
    if let Some(metric) = analysis.primary(Test::Randomization).filter(|metric| !metric.curves.is_empty()) {
        figures.push(Figure {
            id: "figure3_randomization",
            alt: alt(metric, "Curves over the states of the cascade; means in the last state"),
            scene: randomization(analysis, metric)?,
        });
    }
    let similar: Vec<&MetricAnalysis> =
        [Test::Repeatability, Test::Reproducibility].into_iter().filter_map(|test| analysis.primary(test)).collect();
    if let Some(first) = similar.first() {
        figures.push(Figure {
            id: "figure4_similarity",
            alt: similar.iter().map(|metric| alt(metric, "Box plots")).collect::<Vec<_>>().join(" "),
            scene: similarity(results, analysis, &similar, index, &first.metric).scene()?,
        });
    }
    Ok(figures)
}

/// The means in words.
fn alt(metric: &MetricAnalysis, kind: &str) -> String {
    let means = metric
        .findings
        .iter()
        .filter_map(|finding| Some(format!("{} {:.2}", method_title(&finding.method), finding.summary.mean?)));
    let means: Vec<String> = means.collect();
    format!("{kind} of {} ({}). Means: {}.", metric_title(&metric.metric), metric.test, means.join(", "))
}

/// What stands below every headline.
fn details(results: &Results, images: usize) -> Vec<String> {
    let cohort = &results.provenance.cohort;
    vec![format!(
        "{}, {}, {} · preset {} · saliscope {}",
        cohort.name,
        cohort.task,
        count(images, "image"),
        results.protocol.preset,
        results.provenance.program_version
    )]
}

fn caution(results: &Results) -> Option<String> {
    results.provenance.caution().map(str::to_owned)
}

fn most_images(metric: &MetricAnalysis) -> usize {
    metric.findings.iter().map(|finding| finding.summary.images).max().unwrap_or(0)
}

/// Figure 2: baselines left, each method trained and with random weights, controls right.
pub fn utility(results: &Results, metric: &MetricAnalysis, index: &Index<'_>) -> BoxPlot {
    let values = |method: &str, condition: &str| {
        let series = index.panel(Test::Utility, &metric.metric).and_then(|panel| panel.get(method, condition));
        series.map(super::verdict::Series::values).unwrap_or_default()
    };
    let own = |kind: usize, method: &str, condition: &str| BoxValues { kind, values: values(method, condition) };
    let mut groups = Vec::new();
    let mut lines = Vec::new();
    for finding in &metric.findings {
        let colour: Option<Rgb> = match finding.role {
            Role::LowBaseline => Some(BASELINE),
            Role::HighBaseline => Some(LOCALIZER),
            _ => None,
        };
        if let Some(colour) = colour {
            let kind = if finding.role == Role::LowBaseline { 2 } else { 3 };
            groups.push(BoxGroup {
                label: method_title(&finding.method),
                boxes: vec![own(kind, &finding.method, condition::BASELINE)],
            });
            let label = format!("mean of {}", method_title(&finding.method));
            lines.extend(finding.summary.mean.map(|value| AcrossLine { label, value, colour }));
        }
    }
    for finding in metric.findings.iter().filter(|finding| finding.role.is_judged()) {
        let trained = if finding.role == Role::External { condition::EXTERNAL } else { condition::TRAINED };
        let mut boxes = vec![own(0, &finding.method, trained)];
        if finding.random.is_some() {
            boxes.push(own(1, &finding.method, condition::RANDOM));
        }
        groups.push(BoxGroup { label: method_title(&finding.method), boxes });
    }
    for finding in metric.findings.iter().filter(|finding| finding.role == Role::Control) {
        let title = method_title(&finding.method);
        let label = match artefact(&finding.method, &metric.metric) {
            Some(_) => format!("{title} (artefact of ties)"),
            None => title,
        };
        groups.push(BoxGroup { label, boxes: vec![own(4, &finding.method, condition::CONTROL)] });
    }
    let kinds = [
        ("trained", TRAINED),
        ("random weights", RANDOM),
        ("average mask", BASELINE),
        ("localizer", LOCALIZER),
        ("control, knows nothing of the network", CONTROL),
    ];
    BoxPlot {
        headline: format!("Utility: {} of maps against the experts’ marks", metric_title(&metric.metric)),
        caution: caution(results),
        details: details(results, most_images(metric)),
        axis: metric_title(&metric.metric).to_owned(),
        kinds: kinds.map(|(name, colour)| (name.to_owned(), colour)).to_vec(),
        groups,
        lines,
    }
}

/// Figure 3: likeness over the states, one plot a method.
fn randomization(analysis: &Analysis, metric: &MetricAnalysis) -> Result<Scene> {
    // The study's bands are between replicates.
    let between_networks = analysis.preset == Preset::Arun2021
        && metric.curves.iter().flat_map(|curve| &curve.states).any(|state| state.sd_networks.is_some());
    let band = if between_networks { "between the means of networks" } else { "between images" };
    let names: Vec<String> = metric.curves.iter().map(|curve| method_title(&curve.method)).collect();
    let states: Vec<&str> = metric
        .curves
        .first()
        .map_or_else(Vec::new, |curve| curve.states.iter().map(|own| own.state.as_str()).collect());
    let curves = metric.curves.iter().zip(&names).map(|(curve, name)| CascadeCurve {
        name,
        title: full_title(&curve.method).unwrap_or(name),
        points: curve
            .states
            .iter()
            .map(|state| [state.mean, if between_networks { state.sd_networks } else { state.sd_images }])
            .collect(),
        baseline: curve.baseline,
    });
    CascadeCurves {
        headline: format!("Randomization: likeness ({}) to the trained network’s maps", metric_title(&metric.metric)),
        caution: analysis.caution.map(str::to_owned),
        details: vec![
            format!("Falling to the dashed baseline (different images) is good. Bands: standard deviation {band}."),
            format!("{} · preset {}", count(most_images(metric), "image"), analysis.preset),
        ],
        states,
        curves: curves.collect(),
        control: metric.control_mean,
    }
    .scene()
}

/// Figure 4: repeatability and reproducibility side by side.
fn similarity(
    results: &Results,
    analysis: &Analysis,
    metrics: &[&MetricAnalysis],
    index: &Index<'_>,
    name: &str,
) -> BoxPlot {
    let values = |test: Test, method: &str, condition: &str| {
        let series = index.panel(test, name).and_then(|panel| panel.get(method, condition));
        series.map(super::verdict::Series::values).unwrap_or_default()
    };
    let mut groups = Vec::new();
    let mut lines = Vec::new();
    for localizer in LOCALIZERS {
        let boxes: Vec<BoxValues> = metrics
            .iter()
            .map(|metric| BoxValues { kind: 2, values: values(metric.test, localizer, condition::PAIR) })
            .filter(|own| !own.values.is_empty())
            .take(1)
            .collect();
        if !boxes.is_empty() {
            let mean = metrics.iter().find_map(|metric| metric.finding(localizer)?.summary.mean);
            let label = format!("mean of {} pairs", method_title(localizer));
            lines.extend(mean.map(|value| AcrossLine { label, value, colour: LOCALIZER }));
            groups.push(BoxGroup { label: method_title(localizer), boxes });
        }
    }
    let threshold = analysis.similarity_threshold;
    lines.push(AcrossLine { label: "the study’s limit".to_owned(), value: threshold, colour: BASELINE });
    // Controls are drawn anew for every pair, not for every method: both tests have one limit each.
    let limits = metrics.iter().filter_map(|metric| Some((metric.test, metric.limit()?.score)));
    let mut limits: Vec<(String, f64)> =
        limits.map(|(test, value)| (format!("limit by interval, {test}"), value)).collect();
    limits.dedup_by(|own, before| {
        let is_same = (own.1 - before.1).abs() < 1e-12;
        if is_same {
            "limit by interval".clone_into(&mut before.0);
        }
        is_same
    });
    for (label, value) in limits.into_iter().filter(|own| own.1 > threshold && own.1 <= 1.0) {
        lines.push(AcrossLine { label, value, colour: CONTROL });
    }
    let mut methods: Vec<&str> = Vec::new();
    for finding in metrics.iter().flat_map(|metric| &metric.findings).filter(|finding| finding.role.is_judged()) {
        if !methods.contains(&finding.method.as_str()) {
            methods.push(&finding.method);
        }
    }
    for method in methods.into_iter().filter(|method| *method != AVERAGE_MASK) {
        let boxes = metrics.iter().flat_map(|metric| {
            let own = |kind: usize, condition: &str| BoxValues { kind, values: values(metric.test, method, condition) };
            let crossed = own(4, condition::DIFFERENT_IMAGES);
            let pair = own(usize::from(metric.test == Test::Reproducibility), condition::PAIR);
            std::iter::once(pair).chain((!crossed.values.is_empty()).then_some(crossed))
        });
        groups.push(BoxGroup { label: method_title(method), boxes: boxes.collect() });
    }
    let mut controls: Vec<&str> = Vec::new();
    for finding in metrics.iter().flat_map(|metric| &metric.findings).filter(|own| own.role == Role::Control) {
        if !controls.contains(&finding.method.as_str()) {
            controls.push(&finding.method);
        }
    }
    for control in controls {
        let boxes = metrics
            .iter()
            .map(|metric| BoxValues { kind: 3, values: values(metric.test, control, condition::CONTROL) })
            .filter(|own| !own.values.is_empty());
        groups.push(BoxGroup { label: method_title(control), boxes: boxes.collect() });
    }
    let kinds = [
        ("repeatability: two trainings", TRAINED),
        ("reproducibility: two architectures", [120, 170, 220]),
        ("localizer", LOCALIZER),
        ("control, knows nothing of the network", CONTROL),
        ("the same networks on different images", RANDOM),
    ];
    let images = metrics.iter().map(|metric| most_images(metric)).max().unwrap_or(0);
    BoxPlot {
        headline: format!("Repeatability and reproducibility: likeness ({}) of two networks’ maps", metric_title(name)),
        caution: caution(results),
        details: details(results, images),
        axis: metric_title(name).to_owned(),
        kinds: kinds.map(|(name, colour)| (name.to_owned(), colour)).to_vec(),
        groups,
        lines,
    }
}
