//! Tables 2, 3 and 4 of the study's kind, and all verdicts at a glance.

use super::super::protocol::Test;
use super::super::results::Results;
use super::super::verdict::{
    Analysis, Comparison, FEW_IMAGES, Finding, MetricAnalysis, Role, Source, method_title, metric_title, number,
    test_title,
};
use super::cells::{
    INTERVAL_PARTS, MEAN_PARTS, by_interval, difference, images, images_column, limit, limit_column, mean, method, p,
    study, verdict_columns, verdicts as verdicts_of,
};
use super::table::{Cell, Column, Table};

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
            [
                study(finding.and_then(|own| own.study)),
                limit(finding),
                by_interval(finding.and_then(|own| own.interval)),
            ]
        });
        std::iter::once(Cell::text(method_title(name))).chain(cells).collect()
    };
    let heads = Test::ALL.into_iter().flat_map(|test| {
        [
            Column::text(format!("{}: study’s rule", test_title(test))),
            limit_column("limit"),
            Column::text("by interval"),
        ]
    });
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
                "By interval: the interval lies wholly beyond the limit (pass), wholly before it (fail) or on both sides \
                 (inconclusive); below {FEW_IMAGES} images there is no verdict (too few images). Its ends are one-sided \
                 limits at {} over the number of methods of the test (Bonferroni). Limits: utility above the average mask \
                 plus {margin}; randomization below the baseline plus {margin}; repeatability and reproducibility above {} \
                 and above unrelated maps plus {margin}. Unrelated are the method's maps of different images and two draws \
                 of noise; maps that are the same for every network set no limit.",
                analysis.alpha,
                analysis.similarity_threshold,
                margin = analysis.margin,
            ),
        ]
        .into_iter()
        .chain(analysis.too_few_images())
        .chain(analysis.out_of_reach())
        .collect(),
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

/// What a finding was compared with, where it was.
type Compared = fn(&Finding) -> Option<&Comparison>;

/// What a method is compared with where it is compared with unrelated maps.
const UNRELATED: &str = "Less unrelated maps";

/// Where the P values of a column come from: those of judged methods.
fn provenance(metric: &MetricAnalysis, what: &str, of: Compared) -> Option<String> {
    let first = metric.findings.iter().filter(|finding| finding.role.is_judged()).find_map(of)?;
    let source = match first.source {
        Source::MixedModel => {
            "mixed model (image as random intercept, REML), t with Satterthwaite’s degrees of freedom"
        }
        Source::KenwardRoger => {
            "mixed model (image as random intercept, REML), t with Kenward and Roger’s standard errors and degrees of freedom"
        }
        Source::PairedT if what == UNRELATED => "paired t tests",
        Source::PairedT => "paired t tests, because the mixed model could not be fitted",
        Source::SignedRank => "signed ranks, because the differences of all images are equal",
        Source::ImagesAndPairs => "t tests whose units are images, for images and pairs of them",
    };
    Some(format!("{what}: {source}; P adjusted by {}.", first.adjusted))
}

/// What the high baseline is called.
fn localizer_title(metric: &MetricAnalysis) -> String {
    metric.baseline(Role::HighBaseline).map_or("localizer".to_owned(), |own| method_title(&own.method))
}

/// A column, and what stands in it for a finding.
type Part = (Column, Box<dyn Fn(&Finding) -> Cell>);

fn part(column: Column, cell: impl Fn(&Finding) -> Cell + 'static) -> Part {
    (column, Box::new(cell))
}

/// A difference.
fn difference_part(head: impl Into<String>, of: Compared) -> Part {
    part(Column::numbers(head, INTERVAL_PARTS), move |finding| difference(of(finding)))
}

/// A P value.
fn p_part(head: &str, of: Compared) -> Part {
    part(Column::numbers(head, &["p"]), move |finding| p(of(finding)))
}

/// A table of one metric: every map with its images, then `parts`, then the verdicts.
fn by_map(
    metric: &MetricAnalysis,
    id: &'static str,
    title: String,
    notes: impl IntoIterator<Item = String>,
    parts: Vec<Part>,
) -> Table {
    let row = |finding: &Finding| {
        let known = [method(finding), images(&finding.summary)];
        let cells = parts.iter().map(|(_, cell)| cell(finding));
        known.into_iter().chain(cells).chain(verdicts_of(metric, finding)).collect()
    };
    let groups = grouped(metric, row);
    let heads = parts.into_iter().map(|(column, _)| column);
    Table {
        id,
        title,
        notes: notes.into_iter().chain(metric.notes.iter().map(|note| sentence(note))).collect(),
        columns: [Column::text("Map"), images_column()].into_iter().chain(heads).chain(verdict_columns()).collect(),
        groups,
    }
}

/// Utility by one metric (table 3, left).
pub fn utility(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let level = 100.0 * (1.0 - analysis.alpha);
    let values = format!(
        "Values are mean ± SD over images, differences with their {level:.0} % intervals. Research use - not for diagnosis."
    );
    let provenances = [
        provenance(metric, "Less AVG and localizer", |own| own.decisive.as_ref()),
        provenance(metric, "Trained less random, each method by itself", |own| own.versus_random.as_ref()),
        provenance(metric, "The same pooled over all methods", |own| own.versus_random_pooled.as_ref()),
    ];
    by_map(
        metric,
        "table3_utility",
        format!("Table 3, utility. Where the map lies: {title} of each map against the experts’ marks"),
        std::iter::once(values).chain(provenances.into_iter().flatten()),
        vec![
            part(Column::numbers("Trained", MEAN_PARTS), |own| mean(Some(&own.summary))),
            part(Column::numbers("Random weights", MEAN_PARTS), |own| mean(own.random.as_ref())),
            difference_part("Less AVG", |own| own.decisive.as_ref()),
            p_part("P", |own| own.decisive.as_ref()),
            difference_part(format!("Less {}", localizer_title(metric)), |own| own.versus_localizer.as_ref()),
            p_part("P (localizer)", |own| own.versus_localizer.as_ref()),
            difference_part("Trained less random", |own| own.versus_random.as_ref()),
            p_part("P (random)", |own| own.versus_random.as_ref()),
            p_part("P (random, pooled)", |own| own.versus_random_pooled.as_ref()),
        ],
    )
}

/// Randomization by one metric (table 3, right).
pub fn randomization(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let level = 100.0 * (1.0 - analysis.alpha);
    let baseline = |finding: &Finding| {
        let reference = finding.decisive.as_ref().map(|own| own.reference);
        Cell::numbers(number(reference), [reference])
    };
    let drawn = |finding: &Finding| {
        let by_image = finding.decisive.as_ref().and_then(|own| own.by_image.as_ref());
        match by_image.map(|own| own.interval) {
            Some([low, high]) => Cell::numbers(super::super::verdict::interval([low, high]), [Some(low), Some(high)]),
            None => Cell::numbers("–", [None, None]),
        }
    };
    let small = "Small is good here: a map that is still like the original one after the network was destroyed does not show \
                 what the network learned. Baseline: maps of different images under the trained network. Research use - not \
                 for diagnosis.";
    by_map(
        metric,
        "table3_randomization",
        format!("Table 3, randomization. Likeness ({title}) to the original map in the last state"),
        std::iter::once(small.to_owned()).chain(provenance(metric, "Less baseline", |own| own.decisive.as_ref())),
        vec![
            part(Column::numbers("Last state", MEAN_PARTS), |own| mean(Some(&own.summary))),
            part(Column::numbers("Baseline", &["baseline"]), baseline),
            difference_part(format!("Less baseline, {level:.0} % interval"), |own| own.decisive.as_ref()),
            part(Column::numbers("Interval with the baseline’s error", &["low", "high"]), drawn),
            p_part("P", |own| own.decisive.as_ref()),
        ],
    )
}

/// Repeatability or reproducibility by one metric (table 4).
pub fn similarity(metric: &MetricAnalysis, analysis: &Analysis) -> Table {
    let title = metric_title(&metric.metric);
    let threshold = analysis.similarity_threshold;
    let (id, what) = match metric.test {
        Test::Reproducibility => ("table4_reproducibility", "two architectures"),
        _ => ("table4_repeatability", "two trainings of one network"),
    };
    let alike =
        "Alike is not right: a map that ignores the network repeats perfectly. Research use - not for diagnosis.";
    let provenances = [
        provenance(metric, "Against the limit", |own| own.decisive.as_ref()),
        provenance(metric, "Less localizer", |own| own.versus_localizer.as_ref()),
        provenance(metric, UNRELATED, |own| own.versus_unrelated.as_ref()),
    ];
    let unrelated = |finding: &Finding| match &finding.versus_unrelated {
        Some(own) => Cell::numbers(
            format!("{} ({})", number(Some(own.reference)), method_title(&own.with)),
            [Some(own.reference)],
        ),
        None => Cell::numbers("–", [None]),
    };
    by_map(
        metric,
        id,
        format!("Table 4, {}. Likeness ({title}) of the maps of {what}", metric.test),
        std::iter::once(alike.to_owned()).chain(provenances.into_iter().flatten()),
        vec![
            part(Column::numbers("Mean ± SD", MEAN_PARTS), |own| mean(Some(&own.summary))),
            difference_part(format!("Less the limit of {threshold}"), |own| own.decisive.as_ref()),
            p_part("P", |own| own.decisive.as_ref()),
            difference_part(format!("Less {}", localizer_title(metric)), |own| own.versus_localizer.as_ref()),
            p_part("P (localizer)", |own| own.versus_localizer.as_ref()),
            part(Column::numbers("Unrelated maps", &["unrelated"]), unrelated),
            difference_part(UNRELATED, |own| own.versus_unrelated.as_ref()),
        ],
    )
}

/// A note as a sentence of its own.
pub(super) fn sentence(note: &str) -> String {
    let mut characters = note.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let dot = if note.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", characters.as_str())
}
