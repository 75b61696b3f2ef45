//! Utility: trained against the average mask, against networks that localize, and against random weights.

use super::super::protocol::{Control, Test};
use super::super::results::condition;
use super::super::results::metric::HIT;
use super::analysis::{MetricAnalysis, Question};
use super::comparison::{Adjusted, Certainty, Comparison, Fit, adjust_by_holm};
use super::finding::{Finding, Role, Summary};
use super::limit::Limit;
use super::names::{AVERAGE_MASK, artefact, method_title, metric_title};
use super::rules::{GoodSide, StudyVerdict, above_by_study};
use super::series::{Series, mean};
use super::words::{count, evidence, number};

const WITH_RANDOM: &str = "random weights";

pub(super) fn analyse(question: &Question<'_>) -> MetricAnalysis {
    let panel = question.panel;
    let judged = question.judged(&[condition::EXTERNAL]);
    let condition_of = |role: Role| if role == Role::External { condition::EXTERNAL } else { condition::TRAINED };
    let localizer = question.localizer(condition::BASELINE);
    let controls = question.controls(condition::CONTROL);
    let certainty = question.certainty(judged.iter().map(|(method, role)| panel.get(method, condition_of(*role))));

    // One family as in the study: methods and baselines, all pairs.
    let mut levels: Vec<_> = judged.iter().map(|(method, role)| question.level(method, condition_of(*role))).collect();
    levels.push(question.level(AVERAGE_MASK, condition::BASELINE));
    levels.extend(localizer.map(|name| question.level(name, condition::BASELINE)));
    let fit = Fit::new(levels, certainty);
    let is_random = |name: &str| Control::of_name(name).is_some_and(Control::is_random);
    let best_of = |keep: &dyn Fn(&str) -> bool| {
        let kept = controls.iter().filter(|name| keep(name));
        best(kept.filter_map(|name| Some((*name, panel.get(name, condition::CONTROL)?))))
    };
    let best_control = best_of(&is_random);
    // What is the same for every network is no draw of anything: it is told, and judges nobody.
    let best_constant = best_of(&|name| !is_random(name) && artefact(name, question.metric).is_none());

    let mut findings: Vec<Finding> = Vec::new();
    for (method, role) in &judged {
        let series = panel.get(method, condition_of(*role));
        let random = panel.get(method, condition::RANDOM);
        let against = |name: &str, condition: &str, with: &str| {
            let own = ("own", series?.by_image.clone());
            let other = (with, panel.get(name, condition)?.by_image.clone());
            let mut found = Fit::new(vec![own, other], certainty).difference("own", with)?;
            // Two levels: nothing to adjust for yet; Holm over all methods follows.
            found.p_adjusted = found.p;
            found.adjusted = Adjusted::Holm { tests: 1 };
            Some(found)
        };
        findings.push(Finding {
            method: method.clone(),
            role: *role,
            summary: Summary::new(series.unwrap_or(&Series::default())),
            excluded_units: question.excluded_units(method),
            random: random.map(Summary::new),
            decisive: fit.difference(method, AVERAGE_MASK),
            versus_localizer: localizer.and_then(|name| fit.difference(method, name)),
            versus_random: against(method, condition::RANDOM, WITH_RANDOM),
            versus_random_pooled: None,
            versus_control: best_control.and_then(|name| against(name, condition::CONTROL, name)),
            versus_unrelated: None,
            study: None,
            interval: None,
            training_matters: None,
            interval_limit: None,
            limit: None,
            equivalent: None,
            sentence: String::new(),
        });
    }
    let mut baselines = vec![(AVERAGE_MASK, Role::LowBaseline, condition::BASELINE)];
    baselines.extend(localizer.map(|name| (name, Role::HighBaseline, condition::BASELINE)));
    baselines.extend(controls.iter().map(|name| (*name, Role::Control, condition::CONTROL)));
    for (name, role, condition) in baselines {
        let Some(series) = panel.get(name, condition) else { continue };
        let mut row = Finding::unjudged(name, role, series, question.excluded_units(name));
        if role == Role::HighBaseline {
            row.decisive = fit.difference(name, AVERAGE_MASK);
        }
        if role == Role::Control {
            row.sentence = control_sentence(&row, question.metric);
        }
        findings.push(row);
    }
    // Tukey's are left as they are; paired tests in the model's place are adjusted over the methods.
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.decisive.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_localizer.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_random.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_control.as_mut()));
    pooled(question, &mut findings, certainty);
    let constant = best_constant.and_then(|name| Some((name, mean(&panel.get(name, condition::CONTROL)?.values())?)));
    for finding in findings.iter_mut().filter(|finding| finding.role.is_judged()) {
        judge(question, finding, &certainty, constant);
    }
    let mut notes = fit.notes.clone();
    notes.extend(certainty.note());
    for row in findings.iter().filter(|own| own.role == Role::Control) {
        let Some(artefact) = artefact(&row.method, question.metric) else { continue };
        let (title, mean) = (method_title(&row.method), number(row.summary.mean));
        notes.push(format!("the {mean} of the {title} is {artefact}; it judges nobody"));
    }
    if fit.levels() > 0 && panel.get(AVERAGE_MASK, condition::BASELINE).is_none() {
        notes.push(
            "there is no average mask (AVG): the study's question whether a method beats it has no answer".into(),
        );
    }
    MetricAnalysis {
        test: Test::Utility,
        metric: question.metric.to_owned(),
        primary: false,
        family: certainty.family,
        findings,
        curves: Vec::new(),
        control_mean: None,
        notes,
    }
}

/// Trained less random in one model whose levels are methods and weights.
fn pooled(question: &Question<'_>, findings: &mut [Finding], certainty: Certainty) {
    let cells: Vec<(String, String, &str)> = findings
        .iter()
        .filter(|finding| finding.random.is_some())
        .flat_map(|finding| {
            [condition::TRAINED, condition::RANDOM]
                .map(|weights| (format!("{}:{weights}", finding.method), finding.method.clone(), weights))
        })
        .collect();
    let levels = cells.iter().map(|(cell, method, weights)| {
        let values = question.panel.get(method, weights).map(|series| series.by_image.clone()).unwrap_or_default();
        (cell.as_str(), values)
    });
    let fit = Fit::new(levels.collect(), certainty);
    for finding in findings.iter_mut().filter(|finding| finding.random.is_some()) {
        let cell = |weights: &str| format!("{}:{weights}", finding.method);
        let found = fit.difference(&cell(condition::TRAINED), &cell(condition::RANDOM));
        // Without the pooled model there is nothing beside the method's own.
        finding.versus_random_pooled = found.filter(|own| own.source.is_model()).map(|own| Comparison {
            with: WITH_RANDOM.to_owned(),
            by_image: None,
            ..own
        });
    }
}

/// The name of the series with the largest mean.
fn best<'a, 's>(series: impl Iterator<Item = (&'a str, &'s Series<'s>)>) -> Option<&'a str> {
    let means = series.filter_map(|(name, series)| Some((name, Summary::new(series).mean?)));
    means.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(a.0))).map(|best| best.0)
}

/// What a control is there for.
fn control_sentence(row: &Finding, metric: &str) -> String {
    let (title, mean) = (method_title(&row.method), number(row.summary.mean));
    match artefact(&row.method, metric) {
        Some(artefact) => format!("{title}: ignores the network; its {mean} is {artefact}. It judges nobody."),
        None if row.is_constant() => format!("{title}: ignores the network and reaches {mean}. It judges nobody."),
        None => format!("{title}: drawn anew for every image, it reaches {mean}."),
    }
}

fn judge(question: &Question<'_>, finding: &mut Finding, certainty: &Certainty, constant: Option<(&str, f64)>) {
    let (alpha, margin) = (question.alpha, question.margin);
    let title = method_title(&finding.method);
    let metric = metric_title(question.metric);
    finding.training_matters =
        finding.versus_random.as_ref().map(|own| above_by_study(own.difference, own.p_adjusted, alpha));
    let Some(decisive) = finding.decisive.clone() else {
        finding.sentence = finding.no_verdict("a comparison with the average mask needs at least 2 images with both");
        return;
    };
    let study = above_by_study(decisive.difference, decisive.p_adjusted, alpha);
    finding.study = Some(study);
    finding.interval_limit = Some(margin);
    let reference = shared_reference(question, finding).unwrap_or(decisive.reference);
    let origin = format!("{} {} and the margin {margin}", method_title(AVERAGE_MASK), number(Some(reference)));
    let limit = Limit::new(question.metric, reference + margin, GoodSide::Above, origin);
    let images = decisive.by_image.as_ref().map_or(0, |own| own.images);
    if let Some(own) = &decisive.by_image {
        // Hits are mostly 1 or 0: where all are alike, what happens in a few images of a hundred was not seen.
        let unseen = match question.metric {
            HIT if own.p.is_none() => certainty.unseen_share(own.images),
            _ => 0.0,
        };
        let [low, high] = own.inner_interval;
        let interval = [(low - unseen).max(-1.0), (high + unseen).min(1.0)];
        finding.interval = Some(limit.judge(own.images, interval, margin));
        finding.equivalent = Some(interval[0] > -margin && interval[1] < margin);
    }
    let claim = match study {
        StudyVerdict::Pass => format!("{title} marks the finding better than one fixed average mask for everybody"),
        StudyVerdict::DidNotPass => {
            format!("{title} marks the finding worse than one fixed average mask for everybody")
        }
        StudyVerdict::Uncertain => {
            format!("Whether {title} marks the finding better than one fixed average mask is not shown")
        }
    };
    finding.sentence = format!(
        "{claim}: mean {metric} {} against {}, {}.{}{}{}{}",
        number(finding.summary.mean),
        number(Some(decisive.reference)),
        evidence(&decisive, finding.summary.images),
        limit.sentence(question.metric, finding.interval, images),
        training(finding, alpha),
        control(finding.versus_control.as_ref(), alpha),
        ignorant(finding, constant),
    );
    finding.limit = Some(limit);
}

/// Mean of the average mask over the images that the method has as well: the differences are those of these images.
fn shared_reference(question: &Question<'_>, finding: &Finding) -> Option<f64> {
    let condition = if finding.role == Role::External { condition::EXTERNAL } else { condition::TRAINED };
    let own = &question.panel.get(&finding.method, condition)?.by_image;
    let average = &question.panel.get(AVERAGE_MASK, condition::BASELINE)?.by_image;
    mean(&own.keys().filter_map(|image| average.get(image).copied()).collect::<Vec<_>>())
}

/// Whether training matters, as a sentence.
fn training(finding: &Finding, alpha: f64) -> String {
    let (Some(own), Some(verdict)) = (&finding.versus_random, finding.training_matters) else { return String::new() };
    let random = number(Some(own.reference));
    match verdict {
        StudyVerdict::Pass => format!(" With random weights it falls to {random}."),
        StudyVerdict::DidNotPass => format!(" With random weights it is even better ({random})."),
        StudyVerdict::Uncertain => {
            format!(" It is not shown to need training: with random weights it has {random} (alpha {alpha}).")
        }
    }
}

/// A remark where a map that is the same for every network has as much.
fn ignorant(finding: &Finding, constant: Option<(&str, f64)>) -> String {
    match (finding.summary.mean, constant) {
        (Some(own), Some((name, mean))) if mean >= own => {
            format!(" A map that ignores the network, {}, has {}.", method_title(name), number(Some(mean)))
        }
        _ => String::new(),
    }
}

/// A warning where a map that knows nothing of the network does as well.
fn control(own: Option<&Comparison>, alpha: f64) -> String {
    match own {
        Some(own) if above_by_study(own.difference, own.p_adjusted, alpha) != StudyVerdict::Pass => format!(
            " Caution: the control “{}”, which knows nothing of the network, reaches {}.",
            method_title(&own.with),
            number(Some(own.reference))
        ),
        _ => String::new(),
    }
}

impl Finding {
    /// A row that is there for comparison.
    pub(super) fn unjudged(method: &str, role: Role, series: &Series<'_>, excluded_units: usize) -> Self {
        Self {
            method: method.to_owned(),
            role,
            summary: Summary::new(series),
            excluded_units,
            random: None,
            decisive: None,
            versus_localizer: None,
            versus_random: None,
            versus_random_pooled: None,
            versus_control: None,
            versus_unrelated: None,
            study: None,
            interval: None,
            training_matters: None,
            interval_limit: None,
            limit: None,
            equivalent: None,
            sentence: String::new(),
        }
    }

    /// Why there is no verdict.
    pub(super) fn no_verdict(&self, needed: &str) -> String {
        let Summary { images, undefined, .. } = self.summary;
        let title = method_title(&self.method);
        match (images, undefined, self.excluded_units) {
            (0, 0, 0) => format!("{title} was not tested: the run holds no score of it."),
            (0, undefined, excluded) => format!(
                "{title} has no verdict: none of its scores is defined ({undefined} undefined, {} without a score).",
                count(excluded, "unit")
            ),
            _ => format!("{title} has no verdict: {needed} ({} here).", count(images, "image")),
        }
    }
}
