//! What a reader takes away, and what nobody should.

use super::super::protocol::Test;
use super::super::results::Results;
use super::super::verdict::{
    Analysis, FEW_IMAGES, Finding, IntervalVerdict, MetricAnalysis, StudyVerdict, count, method_title, metric_title,
    number, question, test_title,
};

/// AUC below which a classifier's maps are not worth much.
const WEAK_AUC: f64 = 0.7;

/// The answer in one or two sentences.
pub(super) fn answer(analysis: &Analysis) -> String {
    let tests: Vec<Test> = Test::ALL.into_iter().filter(|test| analysis.primary(*test).is_some()).collect();
    let Some(first) = tests.first().and_then(|test| analysis.primary(*test)) else {
        return "Nothing was tested yet.".to_owned();
    };
    let judged: Vec<&str> =
        first.findings.iter().filter(|own| own.role.is_judged()).map(|own| own.method.as_str()).collect();
    let passing = |passes: &dyn Fn(&Finding) -> bool| -> Vec<String> {
        let all = |method: &&&str| {
            tests
                .iter()
                .all(|test| analysis.primary(*test).and_then(|metric| metric.finding(method)).is_some_and(passes))
        };
        judged.iter().filter(all).map(|method| method_title(method)).collect()
    };
    let how_many = if tests.len() == 4 { "all four tests".to_owned() } else { count(tests.len(), "test") };
    let words = |rule: &str, methods: Vec<String>| match methods.len() {
        0 => format!("by {rule} none"),
        _ => format!("by {rule} {}", methods.join(", ")),
    };
    format!(
        "Of {}, these pass {how_many}: {}; {}.",
        count(judged.len(), "method"),
        words("the study’s rule", passing(&|own| own.study == Some(StudyVerdict::Pass))),
        words("interval and margin", passing(&|own| own.interval == Some(IntervalVerdict::Pass))),
    )
}

/// One line for each test: its question and how many pass.
pub(super) fn tallies(analysis: &Analysis) -> Vec<String> {
    let line = |test: Test| {
        let metric = analysis.primary(test)?;
        let judged = || metric.findings.iter().filter(|own| own.role.is_judged());
        let tally = |verdict: StudyVerdict| judged().filter(|own| own.study == Some(verdict)).count();
        let [pass, fail, open] = [StudyVerdict::Pass, StudyVerdict::DidNotPass, StudyVerdict::Uncertain].map(tally);
        let none = judged().filter(|own| own.study.is_none()).count();
        let untested = if none > 0 { format!(", {none} without a verdict") } else { String::new() };
        Some(format!(
            "{}. {} By {}, the study’s rule: {pass} pass, {fail} did not pass, {open} uncertain{untested}.{}",
            test_title(test),
            question(test),
            metric_title(&metric.metric),
            by_interval(metric)
        ))
    };
    Test::ALL.into_iter().filter_map(line).collect()
}

/// How many pass by interval, and beyond which limits; nothing where there is no such verdict.
fn by_interval(metric: &MetricAnalysis) -> String {
    let judged = || metric.findings.iter().filter(|own| own.role.is_judged());
    let tally = |verdict: IntervalVerdict| judged().filter(|own| own.interval == Some(verdict)).count();
    let [pass, fail, open] = [IntervalVerdict::Pass, IntervalVerdict::Fail, IntervalVerdict::Inconclusive].map(tally);
    let mut limits: Vec<(f64, String)> =
        judged().filter_map(|own| own.limit.as_ref()).map(|limit| (limit.score, limit.words())).collect();
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    let limits = match (limits.first(), limits.last()) {
        (Some(first), Some(last)) if first.1 == last.1 => format!("limit {}", first.1),
        (Some(first), Some(last)) => format!("limits {} to {}", first.1, number(Some(last.0))),
        _ => return String::new(),
    };
    let few = match tally(IntervalVerdict::TooFewImages) {
        0 => String::new(),
        few => format!(", {few} with too few images"),
    };
    format!(" By interval, {limits}: {pass} pass, {fail} fail, {open} inconclusive{few}.")
}

/// What must not be concluded, the run's own weaknesses first.
pub(super) fn not_to_conclude(results: &Results, analysis: &Analysis) -> Vec<String> {
    let provenance = &results.provenance;
    let mut items = Vec::new();
    let [done, all] = analysis.units;
    let failed = results.exclusions.iter().filter(|own| !own.image.is_empty()).count();
    if done + failed < all {
        items.push(format!("This run is not finished ({done} of {all} units): every number may still change."));
    } else if done < all {
        items.push(format!(
            "{} failed of {all}: their numbers are missing, and what was left out has the reasons.",
            count(all - done, "unit")
        ));
    }
    if !provenance.missing_parts.is_empty() {
        let missing = provenance.missing_parts.len();
        items.push(format!(
            "{missing} of the {} parts of this run are not here: their images are in no number, and their units are not counted.",
            provenance.parts
        ));
    }
    if let Some(caution) = analysis.caution {
        items.push(caution.to_owned());
    }
    if provenance.cohort.holds_phantoms_alone() {
        items.push(
            "These are generated radiographs. The numbers show that the method works; they say nothing about patients."
                .to_owned(),
        );
    }
    let weak: Vec<String> = provenance
        .models
        .iter()
        .filter_map(|model| {
            let auc = model.auc.as_ref()?.value.filter(|auc| *auc < WEAK_AUC)?;
            Some(format!("{} {}", model.name, number(Some(auc))))
        })
        .collect();
    if !weak.is_empty() {
        items.push(format!(
            "Some networks classify badly (AUC: {}); maps of a network that does not know the finding cannot show it.",
            weak.join(", ")
        ));
    }
    let most = Test::ALL.into_iter().filter_map(|test| analysis.primary(test)).flat_map(|metric| &metric.findings);
    let most = most.filter(|own| own.role.is_judged()).map(|own| own.summary.images).max().unwrap_or(0);
    if most < FEW_IMAGES {
        items.push(format!("Only {} were judged: most differences cannot be seen.", count(most, "image")));
    }
    items.extend(
        [
            "A pass is about the mean over many images of this cohort and these networks. It does not make the map of one \
             patient right.",
            "A map shows what the score reacts to, not where the disease is. A dark region is not a healthy region.",
            "“Uncertain” and “inconclusive” mean not known; they do not mean no difference.",
            "Alike is not right: a map that ignores the network repeats perfectly.",
            "Only images with the finding were judged; nothing is known about maps of healthy patients.",
        ]
        .map(str::to_owned),
    );
    items
}

/// A moment in seconds since 1970 as `2026-11-25 18:04 UTC`.
pub(super) fn moment(unix_secs: u64) -> String {
    let days = i64::try_from(unix_secs / 86_400).unwrap_or(0);
    let secs = unix_secs % 86_400;
    // Days since 1 March 0000, in eras of 400 years (Hinnant, chrono-compatible low-level date algorithms).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", secs / 3600, secs % 3600 / 60)
}

/// A span of time in the unit that fits it.
pub(super) fn span(secs: f64) -> String {
    match secs {
        secs if !secs.is_finite() || secs < 0.0 => "–".to_owned(),
        secs if secs < 90.0 => format!("{secs:.0} s"),
        secs if secs < 5400.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        // date -u -d @N
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
        assert_eq!(moment(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(moment(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(moment(1_795_629_840), "2026-11-25 18:04 UTC");
        assert_eq!((span(89.0), span(90.0), span(7200.0)), ("89 s".into(), "2 min".into(), "2.0 h".into()));
    }
}
