//! Randomization: similarity to the trained network's maps in the last state, against maps of different images.

use std::collections::BTreeMap;

use super::super::protocol::Test;
use super::super::results::{ModelProvenance, Results, condition};
use super::analysis::{MetricAnalysis, Question, StateCurve, StatePoint};
use super::comparison::{ByImage, Fit, adjust_by_holm};
use super::finding::{Finding, Role};
use super::limit::Limit;
use super::names::{method_title, metric_title};
use super::rules::{GoodSide, StudyVerdict, randomization_by_study};
use super::series::{Index, Series, mean, sd};
use super::words::{evidence, number};
use crate::cascade::{ORIGINAL, Order, State, blocks_with_parameters};
use crate::network::Architecture;

const WITH_BASELINE: &str = "different images";

/// Names of the states that have scores, in the order of the cascade: that of the first classifier's blocks; states it
/// does not know come last.
pub fn states<'a>(results: &Results, index: &Index<'a>) -> Vec<&'a str> {
    let mut found: Vec<&str> = index
        .metrics(Test::Randomization)
        .filter_map(|metric| index.panel(Test::Randomization, metric))
        .flat_map(|panel| panel.keys().map(|key| key.1))
        .filter(|state| ![condition::BASELINE, condition::CONTROL].contains(state))
        .collect();
    found.sort_unstable();
    found.dedup();
    let classifier = results.provenance.models.iter().find(|model| model.role == "classifier");
    let blocks = classifier.map_or_else(Vec::new, blocks);
    let names: Vec<&str> = blocks.iter().map(String::as_str).collect();
    // The recommended preset's states are the study's and some more.
    let known = State::of_blocks(&names, results.protocol.randomization.order);
    let position = |state: &str| match state {
        ORIGINAL => 0,
        _ => known.iter().position(|own| own.name == state).map_or(usize::MAX, |position| position + 1),
    };
    found.sort_by_key(|state| position(state));
    found
}

/// The blocks of a network from the image to the outputs. Runs of earlier versions tell them by the architecture's name.
fn blocks(model: &ModelProvenance) -> Vec<String> {
    if !model.blocks.is_empty() {
        return model.blocks.clone();
    }
    // A name that nobody knows tells no order.
    let Ok(architecture) = model.architecture.parse::<Architecture>() else { return Vec::new() };
    let graph = architecture.graph(&architecture.usual_variant());
    blocks_with_parameters(&graph).into_iter().map(str::to_owned).collect()
}

pub(super) fn analyse(question: &Question<'_>) -> MetricAnalysis {
    let panel = question.panel;
    let states = states(question.results, question.index);
    let judged = question.judged(&states);
    let last = states.last().copied().filter(|state| *state != ORIGINAL);
    let mean_of = |series: Option<&Series<'_>>| series.and_then(|series| mean(&series.values()));
    let baseline_of = |method: &str| mean_of(panel.get(method, condition::BASELINE));
    // Less its own baseline, every method is asked the same: is it above 0?
    let levels = judged.iter().filter_map(|(method, _)| {
        let (series, baseline) = (panel.get(method, last?)?, baseline_of(method)?);
        let values: BTreeMap<&str, f64> =
            series.by_image.iter().map(|(image, value)| (*image, value - baseline)).collect();
        Some((method.as_str(), values))
    });
    let certainty = question.certainty(judged.iter().map(|(method, _)| {
        panel.get(method, condition::BASELINE)?;
        panel.get(method, last?)
    }));
    let fit = Fit::new(levels.collect(), certainty);
    let mut findings: Vec<Finding> = Vec::new();
    for (method, role) in &judged {
        let series = last.and_then(|last| panel.get(method, last));
        let mut row =
            Finding::unjudged(method, *role, series.unwrap_or(&Series::default()), question.excluded_units(method));
        row.decisive = fit.against(method, 0.0, WITH_BASELINE);
        if let (Some(decisive), Some(series), Some(pairs)) =
            (&mut row.decisive, series, panel.get(method, condition::BASELINE))
        {
            decisive.reference = mean(&pairs.values()).unwrap_or(f64::NAN);
            decisive.by_image = ByImage::of_pairs(&series.by_image, &pairs.by_image, &certainty).map(|own| own.0);
        }
        findings.push(row);
    }
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.decisive.as_mut()));
    let controls = question.controls(condition::CONTROL);
    let control_mean = controls.iter().find_map(|name| mean_of(panel.get(name, condition::CONTROL)));
    for finding in &mut findings {
        judge(question, finding, last, order_words(question.results.protocol.randomization.order), control_mean);
    }
    for name in controls {
        if let Some(series) = panel.get(name, condition::CONTROL) {
            findings.push(Finding::unjudged(name, Role::Control, series, question.excluded_units(name)));
        }
    }
    let mut notes = fit.notes.clone();
    notes.extend(certainty.note());
    if let Some(last) = last {
        notes.push(format!("the verdicts are those of the last state, {last}"));
        notes.push(
            "the study's rule takes the baseline (mean over pairs of different images) for known; the verdict by interval \
             takes images for the units of a t test, so that the error of the baseline and the images that pairs share \
             count"
                .to_owned(),
        );
    } else {
        notes.push("no state beyond the original has scores".to_owned());
    }
    let curves = judged.iter().map(|(method, _)| StateCurve {
        method: method.clone(),
        states: states.iter().map(|state| point(question, method, state)).collect(),
        baseline: baseline_of(method),
    });
    MetricAnalysis {
        test: Test::Randomization,
        metric: question.metric.to_owned(),
        primary: false,
        family: certainty.family,
        curves: curves.filter(|curve| curve.states.iter().any(|state| state.images > 0)).collect(),
        findings,
        control_mean,
        notes,
    }
}

fn order_words(order: Order) -> &'static str {
    match order {
        Order::TopDown => "with its layers randomized from the top down",
        Order::BottomUp => "with its layers randomized from the bottom up",
        Order::Independent => "with one block randomized",
    }
}

fn point(question: &Question<'_>, method: &str, state: &str) -> StatePoint {
    let values = question.panel.get(method, state).map(Series::values).unwrap_or_default();
    let networks = question.index.network_means(question.metric, method, state);
    StatePoint {
        state: state.to_owned(),
        images: values.len(),
        mean: mean(&values),
        sd_images: sd(&values),
        sd_networks: sd(&networks),
    }
}

fn judge(question: &Question<'_>, finding: &mut Finding, last: Option<&str>, how: &str, control: Option<f64>) {
    let (alpha, margin) = (question.alpha, question.margin);
    let title = method_title(&finding.method);
    let metric = metric_title(question.metric);
    let (Some(decisive), Some(last)) = (finding.decisive.clone(), last) else {
        finding.sentence =
            finding.no_verdict("a comparison needs 2 images in a randomized state and the baseline of pairs");
        return;
    };
    let study = randomization_by_study(decisive.difference, decisive.p_adjusted, alpha);
    finding.study = Some(study);
    finding.interval_limit = Some(margin);
    let origin = format!("maps of {WITH_BASELINE} {} and the margin {margin}", number(Some(decisive.reference)));
    let limit = Limit::new(question.metric, decisive.reference + margin, GoodSide::Below, origin);
    let images = decisive.by_image.as_ref().map_or(0, |own| own.images);
    if let Some(own) = &decisive.by_image {
        finding.interval = Some(limit.judge(own.images, own.inner_interval, margin));
        finding.equivalent = Some(own.inner_interval[0] > -margin && own.inner_interval[1] < margin);
    }
    let claim = match study {
        StudyVerdict::Pass if decisive.difference > 0.0 => format!(
            "{title} is not shown to resemble its original maps {how} more than maps of different images do, which the \
             study took for a pass"
        ),
        StudyVerdict::Pass => {
            format!("{title} notices {how}: its maps are no more like the original ones than maps of different images")
        }
        StudyVerdict::DidNotPass => format!(
            "{title} keeps its maps although the network was destroyed ({how}): they stay more like the original ones \
             than maps of different images do"
        ),
        StudyVerdict::Uncertain => format!("{title} has no clear answer {how}"),
    };
    let noise = match (finding.summary.mean, control) {
        (Some(own), Some(control)) if control >= own => {
            format!(" Unrelated blurred noise reaches {}.", number(Some(control)))
        }
        _ => String::new(),
    };
    finding.sentence = format!(
        "{claim}: mean {metric} {} in state {last} against {}, {}.{}{noise}",
        number(finding.summary.mean),
        number(Some(decisive.reference)),
        evidence(&decisive, finding.summary.images),
        limit.sentence(question.metric, finding.interval, images),
    );
    finding.limit = Some(limit);
}
