//! Cells that several tables have.

use super::super::protocol::Test;
use super::super::verdict::{
    Comparison, Finding, IntervalVerdict, MetricAnalysis, Role, StudyVerdict, Summary, artefact, interval, mean_sd,
    method_title, p_value, signed,
};
use super::table::{Cell, Column, Tone};

pub(super) const INTERVAL_PARTS: &[&str] = &["difference", "low", "high"];
pub(super) const MEAN_PARTS: &[&str] = &["mean", "sd"];

pub(super) fn method(finding: &Finding) -> Cell {
    Cell::text(method_title(&finding.method))
}

pub(super) fn images(summary: &Summary) -> Cell {
    let text = if summary.undefined > 0 {
        format!("{} ({} undefined)", summary.images, summary.undefined)
    } else {
        summary.images.to_string()
    };
    Cell::numbers(text, [Some(summary.images as f64), Some(summary.undefined as f64)])
}

pub(super) fn images_column() -> Column {
    Column::numbers("Images", &["defined", "undefined"])
}

pub(super) fn mean(summary: Option<&Summary>) -> Cell {
    match summary {
        Some(summary) => Cell::numbers(mean_sd(summary.mean, summary.sd), [summary.mean, summary.sd]),
        None => Cell::numbers("–", [None, None]),
    }
}

pub(super) fn difference(comparison: Option<&Comparison>) -> Cell {
    match comparison {
        Some(own) => Cell::numbers(
            format!("{} {}", signed(own.difference), interval(own.interval)),
            [Some(own.difference), Some(own.interval[0]), Some(own.interval[1])],
        ),
        None => Cell::numbers("–", [None, None, None]),
    }
}

pub(super) fn p(comparison: Option<&Comparison>) -> Cell {
    match comparison {
        Some(own) => Cell::numbers(p_value(own.p_adjusted), [Some(own.p_adjusted)]),
        None => Cell::numbers("–", [None]),
    }
}

/// The limit of the verdict by interval.
pub(super) fn limit(finding: Option<&Finding>) -> Cell {
    match finding.and_then(|own| own.limit.as_ref()) {
        Some(own) => {
            let beyond = if own.out_of_reach.is_some() { ", out of reach" } else { "" };
            Cell::numbers(format!("{}{beyond}", own.short()), [Some(own.score)])
        }
        None => Cell::numbers("–", [None]),
    }
}

pub(super) fn limit_column(head: impl Into<String>) -> Column {
    Column::numbers(head, &["limit"])
}

/// Verdicts by both rules, the limit between them; in rows that are not judged, what they are there for.
pub(super) fn verdicts(metric: &MetricAnalysis, finding: &Finding) -> [Cell; 3] {
    if finding.role.is_judged() {
        return [study(finding.study), limit(Some(finding)), by_interval(finding.interval)];
    }
    let words = match (finding.role, metric.test) {
        (Role::Control, Test::Utility) if artefact(&finding.method, &metric.metric).is_some() => {
            "ignores the network; an artefact of trapezoids"
        }
        (Role::Control, Test::Utility) => "ignores the network",
        (Role::Control, _) if finding.is_constant() => "ignores the network, compared with itself",
        (Role::Control, _) => "unrelated maps",
        _ => "",
    };
    [Cell::toned(words, Tone::Quiet), Cell::numbers("", [None]), Cell::toned("", Tone::Quiet)]
}

pub(super) fn verdict_columns() -> [Column; 3] {
    [Column::text("Study’s rule"), limit_column("Limit"), Column::text("By interval")]
}

pub(super) fn study(verdict: Option<StudyVerdict>) -> Cell {
    match verdict {
        Some(verdict) => {
            let (mark, tone) = match verdict {
                StudyVerdict::Pass => ("✓", Tone::Good),
                StudyVerdict::DidNotPass => ("✗", Tone::Bad),
                StudyVerdict::Uncertain => ("?", Tone::Open),
            };
            Cell::toned(format!("{mark} {}", verdict.words()), tone)
        }
        None => Cell::toned("not tested", Tone::Quiet),
    }
}

pub(super) fn by_interval(verdict: Option<IntervalVerdict>) -> Cell {
    match verdict {
        Some(verdict) => {
            let (mark, tone) = match verdict {
                IntervalVerdict::Pass => ("✓", Tone::Good),
                IntervalVerdict::Fail => ("✗", Tone::Bad),
                IntervalVerdict::Inconclusive | IntervalVerdict::TooFewImages => ("?", Tone::Open),
            };
            Cell::toned(format!("{mark} {}", verdict.words()), tone)
        }
        None => Cell::toned("not tested", Tone::Quiet),
    }
}
