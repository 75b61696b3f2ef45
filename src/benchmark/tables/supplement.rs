//! Tables beside the study's: every metric, differences image by image, what is missing, what differs.

use std::collections::BTreeMap;

use super::super::results::Results;
use super::super::verdict::{
    Analysis, MetricAnalysis, VerdictDifference, interval, method_title, metric_title, number, p_value, signed,
    test_title,
};
use super::cells::{
    MEAN_PARTS, by_interval, images, images_column, limit_column, mean, method, study, verdict_columns, verdicts,
};
use super::table::{Cell, Column, Table};

/// Mean and verdicts by every metric of every test.
pub fn every_metric(analysis: &Analysis) -> Table {
    let group = |metric: &MetricAnalysis| {
        let rows = metric.findings.iter().map(|finding| {
            let known = [
                Cell::text(test_title(metric.test)),
                Cell::text(metric_title(&metric.metric)),
                method(finding),
                images(&finding.summary),
                mean(Some(&finding.summary)),
            ];
            known.into_iter().chain(verdicts(metric, finding)).collect()
        });
        rows.collect()
    };
    Table {
        id: "every_metric",
        title: "Every test by every metric".to_owned(),
        notes: vec![
            "A verdict that changes with the metric is a verdict about the metric. Trapezoids lift maps with few different \
             values; SSIM at range 2 lifts blurry and nearly empty maps; limits of 0.5 were made for SSIM."
                .to_owned(),
        ],
        columns: vec![
            Column::text("Test"),
            Column::text("Metric"),
            Column::text("Map"),
            images_column(),
            Column::numbers("Mean ± SD", MEAN_PARTS),
        ]
        .into_iter()
        .chain(verdict_columns())
        .collect(),
        groups: analysis.metrics.iter().map(group).collect(),
    }
}

/// Differences image by image, without the model's single spread, by the deciding metrics.
pub fn by_image(analysis: &Analysis) -> Table {
    let mut groups = Vec::new();
    for metric in analysis.metrics.iter().filter(|metric| metric.primary) {
        let mut rows = Vec::new();
        for finding in metric.findings.iter().filter(|finding| finding.role.is_judged()) {
            // Of the comparisons of a row two at most have a limit.
            let unrelated = finding.versus_unrelated.as_ref().map(|own| (own, Some(analysis.margin)));
            let others = [&finding.versus_localizer, &finding.versus_random, &finding.versus_control];
            let decisive = finding.decisive.as_ref().map(|own| (own, finding.interval_limit));
            let others = others.into_iter().flatten().map(|own| (own, None));
            for (comparison, limit) in decisive.into_iter().chain(unrelated).chain(others) {
                let Some(own) = &comparison.by_image else { continue };
                let [low, high] = own.bootstrap.map_or([None, None], |interval| interval.map(Some));
                let [inner_low, inner_high] = own.inner_interval;
                rows.push(vec![
                    Cell::text(test_title(metric.test)),
                    method(finding),
                    Cell::text(format!("less {}", method_title(&comparison.with))),
                    Cell::numbers(own.images.to_string(), [Some(own.images as f64)]),
                    Cell::numbers(
                        format!("{} {}", signed(own.mean), interval(own.interval)),
                        [Some(own.mean), Some(own.interval[0]), Some(own.interval[1])],
                    ),
                    Cell::numbers(interval(own.inner_interval), [Some(inner_low), Some(inner_high)]),
                    Cell::numbers(limit.map_or("–".to_owned(), signed), [limit]),
                    Cell::numbers(own.bootstrap.map_or("–".to_owned(), interval), [low, high]),
                    Cell::numbers(own.p.map_or("–".to_owned(), p_value), [own.p]),
                    Cell::numbers(number(own.effect_size), [own.effect_size]),
                    Cell::numbers(format!("{:.0} %", 100.0 * own.share_above), [Some(own.share_above)]),
                ]);
            }
        }
        groups.push(rows);
    }
    Table {
        id: "differences_by_image",
        title: "Differences image by image".to_owned(),
        notes: vec![format!(
            "Each difference by its own spread: t interval and P (not adjusted), 95 % interval over {} resampled images \
             (seed {}; bias-corrected and accelerated, percentiles where pairs of images enter), mean over SD, and the \
             share of images in which the map is above. Where maps of different images enter, images are the units of the \
             t test, and what pairs have in common counts. The verdict by interval asks the interval of the verdict to lie \
             beyond its limit, both as differences: its ends are one-sided limits at {} over the number of methods of the \
             test (Bonferroni).",
            analysis.bootstrap[0], analysis.bootstrap[1], analysis.alpha
        )],
        columns: vec![
            Column::text("Test"),
            Column::text("Map"),
            Column::text("Difference"),
            Column::numbers("Images", &["images"]),
            Column::numbers("Mean [interval]", &["mean", "low", "high"]),
            Column::numbers("Interval of the verdict", &["low", "high"]),
            limit_column("Its limit"),
            Column::numbers("Bootstrap", &["low", "high"]),
            Column::numbers("P", &["p"]),
            Column::numbers("Mean / SD", &["effect_size"]),
            Column::numbers("Above", &["share"]),
        ],
        groups,
    }
}

/// What was left out, by what and reason.
pub fn exclusions(results: &Results, words: impl Fn(&str) -> String) -> Table {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for exclusion in &results.exclusions {
        *counts.entry((words(&exclusion.what), words(&exclusion.reason))).or_default() += 1;
    }
    for score in results.scores.iter().filter(|score| score.value.is_none()) {
        let what = format!("{}: {} of {}", score.test, metric_title(&score.metric), method_title(&score.method));
        let reason = words(score.note.as_deref().unwrap_or("the score is not defined"));
        *counts.entry((what, reason)).or_default() += 1;
    }
    for unusable in &results.provenance.cohort.unusable {
        *counts.entry(("cohort: case".to_owned(), words(&unusable.reason))).or_default() += unusable.cases;
    }
    Table {
        id: "exclusions",
        title: "What was left out".to_owned(),
        notes: vec![
            "Nothing is left out without being listed here. The mixed model holds only if what is missing does not depend \
             on the score."
                .to_owned(),
        ],
        columns: vec![Column::text("What"), Column::text("Why"), Column::numbers("Times", &["times"])],
        groups: vec![
            counts
                .into_iter()
                .map(|((what, why), times)| {
                    vec![
                        Cell::text(what),
                        Cell::text(why),
                        Cell::numbers(times.to_string(), [Some(times as f64)]),
                    ]
                })
                .collect(),
        ],
    }
}

/// Verdicts that differ between two sides.
pub fn differences(differences: &[VerdictDifference]) -> Table {
    let labels = differences.first().map_or_else(
        || ["One".to_owned(), "Other".to_owned()],
        |first| [first.sides[0].label.clone(), first.sides[1].label.clone()],
    );
    let [one, other] = labels;
    let row = |difference: &VerdictDifference| {
        let mut cells = vec![Cell::text(test_title(difference.test)), Cell::text(method_title(&difference.method))];
        for side in &difference.sides {
            cells.push(Cell::numbers(format!("{} {}", metric_title(&side.metric), number(side.mean)), [side.mean]));
            cells.push(study(side.study));
            cells.push(Cell::numbers(number(side.limit), [side.limit]));
            cells.push(by_interval(side.interval));
        }
        cells
    };
    Table {
        id: "differences",
        title: "Where verdicts differ".to_owned(),
        notes: Vec::new(),
        columns: vec![
            Column::text("Test"),
            Column::text("Map"),
            Column::numbers(one, &["mean"]),
            Column::text("Study’s rule"),
            limit_column("Limit"),
            Column::text("By interval"),
            Column::numbers(other, &["mean"]),
            Column::text("Study’s rule"),
            limit_column("Limit"),
            Column::text("By interval"),
        ],
        groups: vec![differences.iter().map(row).collect()],
    }
}
