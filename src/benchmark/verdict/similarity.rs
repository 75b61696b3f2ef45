//! Repeatability and reproducibility: similarity of two networks' maps against a limit and against networks that
//! localize.

use super::super::protocol::Test;
use super::super::results::condition;
use super::analysis::{MetricAnalysis, Question};
use super::comparison::{Fit, adjust_by_holm};
use super::finding::{Finding, Role};
use super::names::{method_title, metric_title};
use super::rules::{GoodSide, StudyVerdict, above_by_study, by_interval};
use super::series::{Series, mean};
use super::words::{evidence, number};

pub(super) fn analyse(question: &Question<'_>) -> MetricAnalysis {
    let (panel, alpha, bootstrap) = (question.panel, question.alpha, question.bootstrap);
    let threshold = question.results.protocol.similarity_threshold;
    let judged = question.judged(&[condition::PAIR, condition::EXTERNAL]);
    let localizer = question.localizer(condition::PAIR);
    // Localizers are compared once, for repeatability: the study measured reproducibility against the same pairs.
    let repeated = question.index.panel(Test::Repeatability, question.metric).filter(|_| localizer.is_none());
    let borrowed = repeated.and_then(|panel| {
        super::names::LOCALIZERS.into_iter().find_map(|name| Some((name, panel.get(name, condition::PAIR)?)))
    });
    let high = localizer.and_then(|name| Some((name, panel.get(name, condition::PAIR)?))).or(borrowed);
    let controls = question.controls(condition::CONTROL);
    let control_mean = strongest(controls.iter().filter_map(|name| panel.get(name, condition::CONTROL)));

    let mut levels: Vec<_> = judged.iter().map(|(method, _)| question.level(method, condition::PAIR)).collect();
    levels.extend(high.map(|(name, series)| (name, series.by_image.clone())));
    let fit = Fit::new(levels, alpha, bootstrap);
    let with = format!("{threshold}");
    let mut findings: Vec<Finding> = Vec::new();
    for (method, role) in &judged {
        let series = panel.get(method, condition::PAIR);
        let mut row =
            Finding::unjudged(method, *role, series.unwrap_or(&Series::default()), question.excluded_units(method));
        row.decisive = fit.against(method, threshold, &with);
        row.versus_localizer = high.and_then(|(name, _)| fit.difference(method, name));
        findings.push(row);
    }
    if let Some((name, series)) = high {
        let mut row = Finding::unjudged(name, Role::HighBaseline, series, question.excluded_units(name));
        row.decisive = fit.against(name, threshold, &with);
        findings.push(row);
    }
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.decisive.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_localizer.as_mut()));
    for finding in findings.iter_mut().filter(|finding| finding.role.is_judged()) {
        judge(question, finding, control_mean);
    }
    for name in controls {
        if let Some(series) = panel.get(name, condition::CONTROL) {
            findings.push(Finding::unjudged(name, Role::Control, series, question.excluded_units(name)));
        }
    }
    let mut notes = fit.notes.clone();
    if !question.metric.contains("ssim") {
        notes.push(format!("the limit of {threshold} was made for SSIM; for other metrics it is arbitrary"));
    }
    if control_mean.is_some_and(|control| control + question.margin > threshold) {
        notes.push(format!(
            "maps that know nothing of the network reach {}, so that the limit of {threshold} means little; verdicts by \
             interval ask for more than the controls and the margin",
            number(control_mean)
        ));
    }
    MetricAnalysis {
        test: question.test,
        metric: question.metric.to_owned(),
        primary: false,
        findings,
        curves: Vec::new(),
        control_mean,
        notes,
    }
}

/// The largest mean of a control.
fn strongest<'a>(controls: impl Iterator<Item = &'a Series<'a>>) -> Option<f64> {
    controls.filter_map(|series| mean(&series.values())).max_by(f64::total_cmp)
}

fn judge(question: &Question<'_>, finding: &mut Finding, control: Option<f64>) {
    let (alpha, margin) = (question.alpha, question.margin);
    let threshold = question.results.protocol.similarity_threshold;
    let title = method_title(&finding.method);
    let metric = metric_title(question.metric);
    let Some(decisive) = finding.decisive.clone() else {
        finding.sentence = finding.no_verdict("a comparison with the limit needs at least 2 images");
        return;
    };
    let study = above_by_study(decisive.difference, decisive.p_adjusted, alpha);
    finding.study = Some(study);
    // By how much the limit lies above the study's.
    let limit = control.map_or(0.0, |control| (control + margin - threshold).max(0.0));
    finding.interval_limit = Some(limit);
    if let Some(own) = &decisive.by_image {
        finding.interval = Some(by_interval(own.inner_interval, limit, GoodSide::Above));
        finding.equivalent = Some(own.inner_interval[0] > -margin && own.inner_interval[1] < margin);
    }
    let who = match question.test {
        Test::Reproducibility => "Two architectures",
        _ => "Two trainings of the same network",
    };
    let claim = match study {
        StudyVerdict::Pass => format!("{who} give alike maps by {title}"),
        StudyVerdict::DidNotPass => format!("{who} give different maps by {title}"),
        StudyVerdict::Uncertain => format!("Whether {} give alike maps by {title} is not shown", who.to_lowercase()),
    };
    let noise = match (finding.summary.mean, control) {
        (Some(own), Some(control)) if control >= own => {
            format!(" Caution: maps that know nothing of the network are as alike ({}).", number(Some(control)))
        }
        _ => String::new(),
    };
    let localizer = finding
        .versus_localizer
        .as_ref()
        .map_or(String::new(), |own| format!(" {}: {}.", method_title(&own.with), number(Some(own.reference))));
    finding.sentence = format!(
        "{claim}: mean {metric} {}, limit {threshold}, {}.{localizer}{noise}",
        number(finding.summary.mean),
        evidence(&decisive, finding.summary.images),
    );
}
