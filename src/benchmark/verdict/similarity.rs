//! Repeatability and reproducibility: similarity of two networks' maps against a limit and against networks that
//! localize.

use super::super::protocol::{Control, Test};
use super::super::results::condition;
use super::analysis::{MetricAnalysis, Question};
use super::comparison::{Fit, adjust_by_holm};
use super::finding::{Finding, Role};
use super::limit::Limit;
use super::names::{method_title, metric_title, unrelated_title};
use super::rules::{GoodSide, StudyVerdict, above_by_study};
use super::series::{Series, mean};
use super::words::{evidence, number};

/// Likeness from which on two maps are the same one, but for rounding.
const SAME_MAP: f64 = 1.0 - 1e-9;

/// Unrelated maps: the random control whose two draws are most alike.
struct Unrelated<'a> {
    name: &'a str,
    mean: f64,
    /// Whether they are above the protocol's limit by the study's rule.
    pass_study: bool,
}

impl<'a> Unrelated<'a> {
    /// Of those controls whose two draws differ, by their kind and in fact: one that is compared with itself is always
    /// perfectly alike, which no method could beat.
    fn strongest(question: &Question<'a>, controls: &[&'a str]) -> Option<Self> {
        let means = controls.iter().filter_map(|name| {
            let series = question.panel.get(name, condition::CONTROL)?;
            let differs = series.by_image.values().any(|likeness| *likeness < SAME_MAP);
            let is_random = Control::of_name(name).is_some_and(Control::is_random);
            Some((*name, series, mean(&series.values())?)).filter(|_| is_random && differs)
        });
        let (name, series, mean) = means.max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(a.0)))?;
        let threshold = question.results.protocol.similarity_threshold;
        let fit = Fit::new(vec![(name, series.by_image.clone())], question.alpha, question.bootstrap);
        let study = fit
            .against(name, threshold, "the limit")
            .map(|own| above_by_study(own.difference, own.p_adjusted, question.alpha));
        Some(Self { name, mean, pass_study: study == Some(StudyVerdict::Pass) })
    }
}

/// What a verdict by interval asks for: more than the protocol's limit, and than unrelated maps by the margin.
fn limit_of(question: &Question<'_>, unrelated: Option<&Unrelated<'_>>) -> Limit {
    let (threshold, margin) = (question.results.protocol.similarity_threshold, question.margin);
    let (score, origin) = match unrelated {
        Some(Unrelated { name, mean, .. }) if mean + margin > threshold => {
            (mean + margin, format!("{} {} and the margin {margin}", method_title(name), number(Some(*mean))))
        }
        Some(Unrelated { name, mean, .. }) => {
            (threshold, format!("the protocol's; {} has {}", method_title(name), number(Some(*mean))))
        }
        None => (threshold, "the protocol's; no control with two draws was compared".to_owned()),
    };
    Limit::new(question.metric, score, GoodSide::Above, origin)
}

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
    let unrelated = Unrelated::strongest(question, &controls);
    let limit = limit_of(question, unrelated.as_ref());

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
        judge(question, finding, &limit, unrelated.as_ref());
    }
    for name in controls {
        if let Some(series) = panel.get(name, condition::CONTROL) {
            let mut row = Finding::unjudged(name, Role::Control, series, question.excluded_units(name));
            row.sentence = control_sentence(&row, unrelated.as_ref());
            findings.push(row);
        }
    }
    let mut notes = fit.notes.clone();
    if !question.metric.contains("ssim") {
        notes.push(format!("the limit of {threshold} was made for SSIM; for other metrics it is arbitrary"));
    }
    let obstacle = limit.obstacle(question.metric).map_or_else(String::new, |own| format!("; {own}"));
    notes.push(format!(
        "the limit of verdicts by interval is {} ({}){obstacle}",
        number(Some(limit.score)),
        limit.origin
    ));
    if let Some(unrelated) = unrelated.as_ref().filter(|own| own.pass_study) {
        notes.push(format!(
            "{} reach {} and would pass the study's rule too, so that its limit of {threshold} means little here",
            unrelated_title(unrelated.name),
            number(Some(unrelated.mean))
        ));
    }
    let constants: Vec<String> =
        findings.iter().filter(|own| own.is_constant()).map(|own| method_title(&own.method)).collect();
    if !constants.is_empty() {
        notes.push(format!(
            "controls that are the same map for every network ({}) are compared with themselves and set no limit",
            constants.join(", ")
        ));
    }
    MetricAnalysis {
        test: question.test,
        metric: question.metric.to_owned(),
        primary: false,
        findings,
        curves: Vec::new(),
        control_mean: unrelated.map(|own| own.mean),
        notes,
    }
}

/// What a control is there for.
fn control_sentence(row: &Finding, unrelated: Option<&Unrelated<'_>>) -> String {
    let (title, mean) = (method_title(&row.method), number(row.summary.mean));
    if row.is_constant() {
        format!("{title}: ignores the network, is compared with itself ({mean}) and sets no limit.")
    } else if unrelated.is_some_and(|own| own.name == row.method) {
        format!(
            "Two draws of {title} have nothing in common and reach {mean}: no method passes by interval without more."
        )
    } else {
        format!("Two draws of {title} have nothing in common and reach {mean}.")
    }
}

fn judge(question: &Question<'_>, finding: &mut Finding, limit: &Limit, unrelated: Option<&Unrelated<'_>>) {
    let (alpha, margin) = (question.alpha, question.margin);
    let threshold = question.results.protocol.similarity_threshold;
    let title = method_title(&finding.method);
    let metric = metric_title(question.metric);
    finding.limit = Some(limit.clone());
    let Some(decisive) = finding.decisive.clone() else {
        finding.sentence = finding.no_verdict("a comparison with the limit needs at least 2 images");
        return;
    };
    let study = above_by_study(decisive.difference, decisive.p_adjusted, alpha);
    finding.study = Some(study);
    // By how much the limit lies above the study's.
    let difference = limit.score - threshold;
    finding.interval_limit = Some(difference);
    if let Some(own) = &decisive.by_image {
        finding.interval = Some(limit.judge(own.inner_interval, difference));
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
    let noise = unrelated.map_or_else(String::new, |Unrelated { name, mean, pass_study }| {
        let (who, reach) = (unrelated_title(name), number(Some(*mean)));
        let also = match (pass_study, *mean > threshold) {
            (true, _) => " and would pass the study's rule too",
            (false, true) => " and are above the study's limit too, though not significantly",
            (false, false) => "",
        };
        match (finding.summary.mean.is_some_and(|own| own <= *mean), also) {
            (false, "") => String::new(),
            (false, also) => format!(" Caution: {who} reach {reach}{also}."),
            (true, also) => format!(" Caution: {who} are as alike ({reach}){also}."),
        }
    });
    let localizer = finding
        .versus_localizer
        .as_ref()
        .map_or(String::new(), |own| format!(" {}: {}.", method_title(&own.with), number(Some(own.reference))));
    finding.sentence = format!(
        "{claim}: mean {metric} {}, limit {threshold}, {}.{noise}{}{localizer}",
        number(finding.summary.mean),
        evidence(&decisive, finding.summary.images),
        limit.sentence(question.metric, finding.interval),
    );
}
