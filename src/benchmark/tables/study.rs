//! Tables 2, 3 and 4 of the study's kind, and all verdicts at a glance.

use super::super::protocol::Test;
use super::super::results::Results;
use super::super::verdict::{
    Analysis, Comparison, Finding, MetricAnalysis, Role, Source, method_title, metric_title, number, test_title,
};
use super::cells::{
    INTERVAL_PARTS, MEAN_PARTS, by_interval, difference, images, images_column, mean, method, p, study,
};
use super::table::{Cell, Column, Table, Tone};

/// How well the classifiers classify (table 2).
pub fn classifiers(results: &Results) -> Table {
    let row = |model: &super::super::results::ModelProvenance| {
        let auc = model.auc.as_ref()?;
        let value = match (auc.value, auc.interval) {
            (Some(value), Some([low, high])) => format!("{value:.3} [{low:.3}, {high:.3}]"),
            (value, _) => number(value),
        };
        let [low, high] = auc.interval.map_or([None, None], |interval| interval.map(Some));
        Some(vec![
            Cell::text(&model.name),
            Cell::text(&model.architecture),
            Cell::text(model.role.replace('_', " ")),
            Cell::numbers(value, [auc.value, low, high]),
            Cell::numbers(auc.cases.to_string(), [Some(auc.cases as f64)]),
            Cell::numbers(auc.positives.to_string(), [Some(auc.positives as f64)]),
        ])
    };
    Table {
        id: "table2_classifiers",
        title: "Table 2. How well the networks classify".to_owned(),
        notes: vec![
            "AUC: area below the ROC curve over images, with its 95 % interval over resampled images. A map explains \
             the network it came from: if that network classifies badly, its maps cannot be trusted however good they \
             look."
                .to_owned(),
        ],
        columns: vec![
            Column::text("Network"),
            Column::text("Architecture"),
            Column::text("Role"),
            Column::numbers("AUC [95 % interval]", &["auc", "low", "high"]),
            Column::numbers("Images", &["images"]),
            Column::numbers("With the finding", &["positives"]),
        ],
        groups: vec![results.provenance.models.iter().filter_map(row).collect()],
    }
}

/// All verdicts of a run: methods by tests, the study's rule above, interval and margin below it.
pub fn verdicts(analysis: &Analysis) -> Table {
    let mut methods: Vec<&str> = Vec::new();
    for test in Test::ALL {
        let judged = analysis.primary(test).into_iter().flat_map(|metric| &metric.findings);
        for finding in judged.filter(|finding| finding.role.is_judged()) {
            if !methods.contains(&finding.method.as_str()) {
                methods.push(&finding.method);
            }
        }
    }
    let row = |name: &&str| {
        let of = |test: Test| analysis.primary(test).and_then(|metric| metric.finding(name));
        let cells = Test::ALL.into_iter().flat_map(|test| {
            let finding = of(test);
            [study(finding.and_then(|own| own.study)), by_interval(finding.and_then(|own| own.interval))]
        });
        std::iter::once(Cell::text(method_title(name))).chain(cells).collect()
    };
    let heads = Test::ALL
        .into_iter()
        .flat_map(|test| [Column::text(format!("{}: study’s rule", test_title(test))), Column::text("by interval")]);
    Table {
        id: "verdicts",
        title: "All verdicts".to_owned(),
        notes: vec![
            format!(
                "Study’s rule: significance at {} decides; “uncertain” is no significant difference, save in the \
                 randomization test, where the study took it for a pass.",
                analysis.alpha
            ),
            format!(
                "By interval: the {:.0} % interval lies wholly beyond the limit (pass), wholly before it (fail) or on both \
                 sides (inconclusive). Limits: utility above the average mask by {margin}; randomization below the \
                 baseline plus {margin}; repeatability and reproducibility above {} and above the controls plus {margin}.",
                100.0 * (1.0 - 2.0 * analysis.alpha),
                analysis.similarity_threshold,
                margin = analysis.margin,
            ),
        ],
        columns: std::iter::once(Column::text("Method")).chain(heads).collect(),
        groups: vec![methods.iter().map(row).collect()],
    }
}

/// Rows of judged methods, of baselines and of controls.
fn grouped(metric: &MetricAnalysis, row: impl Fn(&Finding) -> Vec<Cell>) -> Vec<Vec<Vec<Cell>>> {
    let group = |keep: &dyn Fn(Role) -> bool| {
        metric.findings.iter().filter(|finding| keep(finding.role)).map(&row).collect::<Vec<_>>()
    };
    let groups = [
        group(&Role::is_judged),
        group(&|role| matches!(role, Role::LowBaseline | Role::HighBaseline)),
        group(&|role| role == Role::Control),
    ];
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}

/// Verdict cells, empty in rows that are not judged.
fn verdict_cells(finding: &Finding) -> [Cell; 2] {
    if finding.role.is_judged() {
        [study(finding.study), by_interval(finding.interval)]
    } else {
        [Cell::toned("", Tone::Quiet), Cell::toned("", Tone::Quiet)]
    }
}

/// Where the P values of a column come from.
fn provenance<'a>(what: &str, mut comparisons: impl Iterator<Item = &'a Comparison>) -> Option<String> {
    let first = comparisons.next()?;
    let source = match first.source {
        Source::MixedModel => {
            "mixed model (image as random intercept, REML), t with Satterthwaite’s degrees of freedom"
        }
        Source::PairedT => "paired t tests, because the mixed model could not be fitted",
    };
    Some(format!("{what}: {source}; P adjusted by {}.", first.adjusted))
}

/// Utility by one metric (table 3, left).
pub fn utility(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let high = metric.baseline(Role::HighBaseline).map_or("localizer".to_owned(), |own| method_title(&own.method));
    let level = 100.0 * (1.0 - analysis.alpha);
    let row = |finding: &Finding| {
        let [study, interval] = verdict_cells(finding);
        vec![
            method(finding),
            images(&finding.summary),
            mean(Some(&finding.summary)),
            mean(finding.random.as_ref()),
            difference(finding.decisive.as_ref()),
            p(finding.decisive.as_ref()),
            difference(finding.versus_localizer.as_ref()),
            p(finding.versus_localizer.as_ref()),
            difference(finding.versus_random.as_ref()),
            p(finding.versus_random.as_ref()),
            p(finding.versus_random_pooled.as_ref()),
            study,
            interval,
        ]
    };
    let judged = || metric.findings.iter().filter(|finding| finding.role.is_judged());
    let mut notes = vec![format!(
        "Values are mean ± SD over images, differences with their {level:.0} % intervals. Research use - not for diagnosis."
    )];
    notes.extend(provenance("Less AVG and localizer", judged().filter_map(|own| own.decisive.as_ref())));
    notes.extend(provenance(
        "Trained less random, each method by itself",
        judged().filter_map(|own| own.versus_random.as_ref()),
    ));
    notes.extend(provenance(
        "The same pooled over all methods",
        judged().filter_map(|own| own.versus_random_pooled.as_ref()),
    ));
    notes.extend(metric.notes.iter().map(|note| sentence(note)));
    Table {
        id: "table3_utility",
        title: format!("Table 3, utility. Where the map lies: {title} of each map against the experts’ marks"),
        notes,
        columns: vec![
            Column::text("Map"),
            images_column(),
            Column::numbers("Trained", MEAN_PARTS),
            Column::numbers("Random weights", MEAN_PARTS),
            Column::numbers("Less AVG", INTERVAL_PARTS),
            Column::numbers("P", &["p"]),
            Column::numbers(format!("Less {high}"), INTERVAL_PARTS),
            Column::numbers("P (localizer)", &["p"]),
            Column::numbers("Trained less random", INTERVAL_PARTS),
            Column::numbers("P (random)", &["p"]),
            Column::numbers("P (random, pooled)", &["p"]),
            Column::text("Study’s rule"),
            Column::text("By interval"),
        ],
        groups: grouped(metric, row),
    }
}

/// Randomization by one metric (table 3, right).
pub fn randomization(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let row = |finding: &Finding| {
        let [study, interval] = verdict_cells(finding);
        let baseline = finding.decisive.as_ref().map(|own| own.reference);
        let drawn = finding.decisive.as_ref().and_then(|own| own.by_image.as_ref()).map(|own| own.interval);
        vec![
            method(finding),
            images(&finding.summary),
            mean(Some(&finding.summary)),
            Cell::numbers(number(baseline), [baseline]),
            difference(finding.decisive.as_ref()),
            match drawn {
                Some([low, high]) => {
                    Cell::numbers(super::super::verdict::interval([low, high]), [Some(low), Some(high)])
                }
                None => Cell::numbers("–", [None, None]),
            },
            p(finding.decisive.as_ref()),
            study,
            interval,
        ]
    };
    let judged = metric.findings.iter().filter(|finding| finding.role.is_judged());
    let mut notes = vec![
        "Small is good here: a map that is still like the original one after the network was destroyed does not show what \
         the network learned. Baseline: maps of different images under the trained network. Research use - not for \
         diagnosis."
            .to_owned(),
    ];
    notes.extend(provenance("Less baseline", judged.filter_map(|own| own.decisive.as_ref())));
    notes.extend(metric.notes.iter().map(|note| sentence(note)));
    Table {
        id: "table3_randomization",
        title: format!("Table 3, randomization. Likeness ({title}) to the original map in the last state"),
        notes,
        columns: vec![
            Column::text("Map"),
            images_column(),
            Column::numbers("Last state", MEAN_PARTS),
            Column::numbers("Baseline", &["baseline"]),
            Column::numbers(format!("Less baseline, {:.0} % interval", 100.0 * (1.0 - analysis.alpha)), INTERVAL_PARTS),
            Column::numbers("Interval over resampled images", &["low", "high"]),
            Column::numbers("P", &["p"]),
            Column::text("Study’s rule"),
            Column::text("By interval"),
        ],
        groups: grouped(metric, row),
    }
}

/// Repeatability or reproducibility by one metric (table 4).
pub fn similarity(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let high = metric.baseline(Role::HighBaseline).map_or("localizer".to_owned(), |own| method_title(&own.method));
    let threshold = analysis.similarity_threshold;
    let row = |finding: &Finding| {
        let [study, interval] = verdict_cells(finding);
        vec![
            method(finding),
            images(&finding.summary),
            mean(Some(&finding.summary)),
            difference(finding.decisive.as_ref()),
            p(finding.decisive.as_ref()),
            difference(finding.versus_localizer.as_ref()),
            p(finding.versus_localizer.as_ref()),
            study,
            interval,
        ]
    };
    let (id, what) = match metric.test {
        Test::Reproducibility => ("table4_reproducibility", "two architectures"),
        _ => ("table4_repeatability", "two trainings of one network"),
    };
    let judged = || metric.findings.iter().filter(|finding| finding.role.is_judged());
    let mut notes = vec![
        "Alike is not right: a map that ignores the network repeats perfectly. Research use - not for \
                          diagnosis."
            .to_owned(),
    ];
    notes.extend(provenance("Against the limit", judged().filter_map(|own| own.decisive.as_ref())));
    notes.extend(provenance("Less localizer", judged().filter_map(|own| own.versus_localizer.as_ref())));
    notes.extend(metric.notes.iter().map(|note| sentence(note)));
    Table {
        id,
        title: format!("Table 4, {}. Likeness ({title}) of the maps of {what}", metric.test),
        notes,
        columns: vec![
            Column::text("Map"),
            images_column(),
            Column::numbers("Mean ± SD", MEAN_PARTS),
            Column::numbers(format!("Less the limit of {threshold}"), INTERVAL_PARTS),
            Column::numbers("P", &["p"]),
            Column::numbers(format!("Less {high}"), INTERVAL_PARTS),
            Column::numbers("P (localizer)", &["p"]),
            Column::text("Study’s rule"),
            Column::text("By interval"),
        ],
        groups: grouped(metric, row),
    }
}

/// A note as a sentence of its own.
pub(super) fn sentence(note: &str) -> String {
    let mut characters = note.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let dot = if note.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", characters.as_str())
}
