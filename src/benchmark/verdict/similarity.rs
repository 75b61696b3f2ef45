//! Repeatability and reproducibility: similarity of two networks' maps against a limit and against networks that
//! localize.

use super::super::protocol::{Control, Test};
use super::super::results::condition;
use super::analysis::{MetricAnalysis, Question};
use super::comparison::{Certainty, Comparison, Fit, adjust_by_holm};
use super::finding::{Finding, Role};
use super::limit::Limit;
use super::names::{method_title, metric_title, unrelated_title};
use super::rules::{GoodSide, IntervalVerdict, StudyVerdict, above_by_study};
use super::series::{Series, mean};
use super::words::{evidence, number};

/// Likeness from which on two maps are the same one, but for rounding.
const SAME_MAP: f64 = 1.0 - 1e-9;

/// Unrelated noise: the random control whose two draws are most alike.
struct Unrelated<'a> {
    name: &'a str,
    mean: f64,
    series: &'a Series<'a>,
    /// Whether they are above the protocol's limit by the study's rule.
    pass_study: bool,
}

impl<'a> Unrelated<'a> {
    /// Of those controls whose two draws differ, by their kind and in fact: one that is compared with itself is always
    /// perfectly alike, which no method could beat.
    fn strongest(question: &Question<'a>, controls: &[&'a str], certainty: Certainty) -> Option<Self> {
        let means = controls.iter().filter_map(|name| {
            let series = question.panel.get(name, condition::CONTROL)?;
            let differs = series.by_image.values().any(|likeness| *likeness < SAME_MAP);
            let is_random = Control::of_name(name).is_some_and(Control::is_random);
            Some((*name, series, mean(&series.values())?)).filter(|_| is_random && differs)
        });
        let (name, series, mean) = means.max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(a.0)))?;
        let threshold = question.results.protocol.similarity_threshold;
        let fit = Fit::new(vec![(name, series.by_image.clone())], certainty);
        let study = fit
            .against(name, threshold, "the limit")
            .map(|own| above_by_study(own.difference, own.p_adjusted, question.alpha));
        Some(Self { name, mean, series, pass_study: study == Some(StudyVerdict::Pass) })
    }
}

/// A method beside the strongest of the maps that have nothing to do with each other and vary as its own do: its maps of
/// different images, and the noise whose two draws are most alike. Both bring their own error.
fn beside_unrelated(
    question: &Question<'_>,
    method: &str,
    noise: Option<&Unrelated<'_>>,
    certainty: &Certainty,
) -> Option<Comparison> {
    let own = &question.panel.get(method, condition::PAIR)?.by_image;
    let pairs = question.panel.get(method, condition::DIFFERENT_IMAGES).map(|series| &series.by_image);
    let crossed = pairs.and_then(|pairs| Comparison::with_pairs(condition::DIFFERENT_IMAGES, own, pairs, certainty));
    let noise = noise.and_then(|noise| Comparison::paired(noise.name, own, &noise.series.by_image, certainty));
    match (crossed, noise) {
        (Some(crossed), Some(noise)) if noise.reference > crossed.reference => Some(noise),
        (crossed, noise) => crossed.or(noise),
    }
}

/// The verdict by interval and the limit that decided it. A pass asks for two things, for more than the protocol's limit and
/// for more than unrelated maps by the margin; lacking either for sure is a fail.
fn by_both(question: &Question<'_>, finding: &Finding) -> Option<(IntervalVerdict, Limit)> {
    let (threshold, margin) = (question.results.protocol.similarity_threshold, question.margin);
    let unrelated = finding.versus_unrelated.as_ref();
    let of = |own: &Comparison| format!("{} {}", unrelated_words(&own.with), number(Some(own.reference)));
    let origin = match unrelated {
        Some(own) => format!("the protocol's; {}", of(own)),
        None => "the protocol's; no unrelated maps that vary were compared".to_owned(),
    };
    let first = Limit::new(question.metric, threshold, GoodSide::Above, origin);
    let judged = |own: &Comparison, limit: Limit, difference: f64| {
        let by_image = own.by_image.as_ref()?;
        Some((limit.judge(by_image.images, by_image.inner_interval, difference), limit))
    };
    let second = unrelated.and_then(|own| {
        let origin = format!("{} and the margin {margin}", of(own));
        let limit = Limit::new(question.metric, own.reference + margin, GoodSide::Above, origin);
        judged(own, limit, margin)
    });
    let first = judged(finding.decisive.as_ref()?, first, 0.0);
    // The worse verdict stands, and of equal ones that with the higher limit.
    let rank = |verdict: IntervalVerdict| match verdict {
        IntervalVerdict::TooFewImages => 0,
        IntervalVerdict::Fail => 1,
        IntervalVerdict::Inconclusive => 2,
        IntervalVerdict::Pass => 3,
    };
    first.into_iter().chain(second).min_by(|a, b| rank(a.0).cmp(&rank(b.0)).then(b.1.score.total_cmp(&a.1.score)))
}

/// What unrelated maps are called in front of their mean.
fn unrelated_words(with: &str) -> String {
    if with == condition::DIFFERENT_IMAGES { format!("maps of {with}") } else { method_title(with) }
}

pub(super) fn analyse(question: &Question<'_>) -> MetricAnalysis {
    let panel = question.panel;
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
    let certainty = question.certainty(judged.iter().map(|(method, _)| panel.get(method, condition::PAIR)));
    let unrelated = Unrelated::strongest(question, &controls, certainty);

    let mut levels: Vec<_> = judged.iter().map(|(method, _)| question.level(method, condition::PAIR)).collect();
    levels.extend(high.map(|(name, series)| (name, series.by_image.clone())));
    let fit = Fit::new(levels, certainty);
    let with = format!("{threshold}");
    let mut findings: Vec<Finding> = Vec::new();
    for (method, role) in &judged {
        let series = panel.get(method, condition::PAIR);
        let mut row =
            Finding::unjudged(method, *role, series.unwrap_or(&Series::default()), question.excluded_units(method));
        row.decisive = fit.against(method, threshold, &with);
        row.versus_localizer = high.and_then(|(name, _)| fit.difference(method, name));
        row.versus_unrelated = beside_unrelated(question, method, unrelated.as_ref(), &certainty);
        findings.push(row);
    }
    if let Some((name, series)) = high {
        let mut row = Finding::unjudged(name, Role::HighBaseline, series, question.excluded_units(name));
        row.decisive = fit.against(name, threshold, &with);
        findings.push(row);
    }
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.decisive.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_localizer.as_mut()));
    adjust_by_holm(findings.iter_mut().filter_map(|finding| finding.versus_unrelated.as_mut()));
    for finding in findings.iter_mut().filter(|finding| finding.role.is_judged()) {
        judge(question, finding, unrelated.as_ref());
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
    notes.extend(certainty.note());
    let asked = asked_of_all(question, unrelated.as_ref());
    notes.extend(limits_note(question.metric, &findings).or_else(|| limits_note_of(question.metric, &asked)));
    let lacks_images = |own: &&Finding| {
        own.role.is_judged() && own.summary.images > 1 && panel.get(&own.method, condition::DIFFERENT_IMAGES).is_none()
    };
    let lacking: Vec<String> = findings.iter().filter(lacks_images).map(|own| method_title(&own.method)).collect();
    if !lacking.is_empty() {
        notes.push(format!(
            "no maps of different images were compared on both networks for {}: the run was begun by an earlier version or \
             is not finished, and noise alone stands for unrelated maps. `saliscope benchmark resume` adds them",
            lacking.join(", ")
        ));
    }
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
        family: certainty.family,
        findings,
        curves: Vec::new(),
        control_mean: unrelated.map(|own| own.mean),
        notes,
    }
}

/// The limit of every method where none has one of its own yet: the protocol's, or the noise and the margin.
fn asked_of_all(question: &Question<'_>, unrelated: Option<&Unrelated<'_>>) -> Limit {
    let (threshold, margin) = (question.results.protocol.similarity_threshold, question.margin);
    let noise = unrelated.filter(|own| own.mean + margin > threshold);
    let (score, origin) = noise.map_or_else(
        || (threshold, "the protocol's".to_owned()),
        |own| {
            let origin = format!("{} {} and the margin {margin}", method_title(own.name), number(Some(own.mean)));
            (own.mean + margin, origin)
        },
    );
    Limit::new(question.metric, score, GoodSide::Above, origin)
}

/// One limit of all verdicts by interval.
fn limits_note_of(metric: &str, limit: &Limit) -> Option<String> {
    let obstacle = limit.obstacle(metric)?;
    Some(format!("the limit of verdicts by interval is {} ({}); {obstacle}", number(Some(limit.score)), limit.origin))
}

/// The limits of the verdicts by interval.
fn limits_note(metric: &str, findings: &[Finding]) -> Option<String> {
    let mut limits: Vec<&Limit> =
        findings.iter().filter(|own| own.role.is_judged()).filter_map(|own| own.limit.as_ref()).collect();
    limits.sort_by(|a, b| a.score.total_cmp(&b.score));
    let (first, last) = (limits.first()?, limits.last()?);
    if first == last {
        let obstacle = first.obstacle(metric).map_or_else(String::new, |own| format!("; {own}"));
        let score = number(Some(first.score));
        return Some(format!("the limit of verdicts by interval is {score} ({}){obstacle}", first.origin));
    }
    Some(format!(
        "the limits of verdicts by interval are {} to {}, each method's own: the protocol's, or the margin above the \
         strongest unrelated maps (the method's maps of different images, or two draws of noise)",
        number(Some(first.score)),
        number(Some(last.score))
    ))
}

/// What a control is there for.
fn control_sentence(row: &Finding, unrelated: Option<&Unrelated<'_>>) -> String {
    let (title, mean) = (method_title(&row.method), number(row.summary.mean));
    if row.is_constant() {
        format!(
            "{title}: a map that ignores the network would score 1; this one, compared with itself, has {mean}. It sets no \
             limit and judges nobody."
        )
    } else if unrelated.is_some_and(|own| own.name == row.method) {
        format!(
            "Two draws of {title} have nothing in common and reach {mean}, the most of all noise: no method passes by \
             interval without more."
        )
    } else {
        format!("Two draws of {title} have nothing in common and reach {mean}.")
    }
}

fn judge(question: &Question<'_>, finding: &mut Finding, unrelated: Option<&Unrelated<'_>>) {
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
    finding.interval_limit = Some(0.0);
    let images = decisive.by_image.as_ref().map_or(0, |own| own.images);
    if let Some(own) = &decisive.by_image {
        finding.equivalent = Some(own.inner_interval[0] > -margin && own.inner_interval[1] < margin);
    }
    let limit = by_both(question, finding).map(|(verdict, limit)| {
        finding.interval = Some(verdict);
        limit
    });
    let who = match question.test {
        Test::Reproducibility => "Two architectures",
        _ => "Two trainings of the same network",
    };
    let claim = match study {
        StudyVerdict::Pass => format!("{who} give alike maps by {title}"),
        StudyVerdict::DidNotPass => format!("{who} give different maps by {title}"),
        StudyVerdict::Uncertain => format!("Whether {} give alike maps by {title} is not shown", who.to_lowercase()),
    };
    let noise = unrelated.map_or_else(String::new, |Unrelated { name, mean, pass_study, .. }| {
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
        limit.as_ref().map_or_else(String::new, |own| own.sentence(question.metric, finding.interval, images)),
    );
    finding.limit = limit;
}
