//! The parts of the report, in the order in which they are read.

use std::fmt::Write as _;

use super::super::export::{Pseudonyms, public_protocol, r_lines};
use super::super::figures::{self, Pictures};
use super::super::protocol::Test;
use super::super::results::Results;
use super::super::tables::{self, Cell, Table};
use super::super::verdict::{
    Analysis, Index, VerdictDifference, between_presets, between_runs, method_title, test_title,
};
use super::html::{badge, escape, facts, list, table};
use super::parts;
use super::words::{answer, moment, not_to_conclude, span, tallies};
use crate::figure::{Result, Scene};

/// Verdicts, each with a sentence, and what not to conclude.
pub(super) fn verdicts(results: &Results, analysis: &Analysis) -> String {
    let own = tables::verdicts(analysis);
    let mut html = format!(
        "<section id=\"verdicts\"><h2>Verdicts</h2>\n<p class=\"answer\">{}</p>\n<div class=\"columns\"><div>\n",
        escape(&answer(analysis))
    );
    for sentence in analysis.too_few_images().into_iter().chain(analysis.out_of_reach()) {
        let _ = writeln!(html, "<p class=\"warn\">{}</p>", escape(&sentence));
    }
    html.push_str(&matrix(&own));
    html.push_str(&list(&tallies(analysis)));
    for note in &own.notes {
        let _ = writeln!(html, "<p class=\"notes\">{}</p>", escape(note));
    }
    let _ = writeln!(
        html,
        "</div>\n<aside class=\"warn\" aria-label=\"What not to conclude\"><h3>What not to conclude</h3>\n{}</aside></div>",
        list(&not_to_conclude(results, analysis))
    );
    html.push_str("<h3>Method by method</h3>\n");
    for row in own.rows() {
        let title = row.first().map_or("", |cell| cell.text.as_str());
        let sentences: Vec<String> = Test::ALL
            .into_iter()
            .map(|test| {
                let finding = analysis.primary(test).and_then(|metric| {
                    metric.findings.iter().find(|own| own.role.is_judged() && method_title(&own.method) == title)
                });
                let words = finding.map_or("not tested.".to_owned(), |own| own.sentence.clone());
                format!("<li><strong>{}:</strong> {}</li>\n", test_title(test), escape(&words))
            })
            .collect();
        let _ = writeln!(
            html,
            "<details><summary>{}</summary>\n<ul>\n{}</ul></details>",
            escape(title),
            sentences.concat()
        );
    }
    html + "</section>\n"
}

/// Methods by tests, both rules in each cell; on a phone a list.
fn matrix(own: &Table) -> String {
    let mut html = String::from(
        "<table class=\"matrix\"><caption>Upper line: the study’s rule. Lower line: by interval, with the limit for the \
         mean</caption>\n<thead><tr><th \
         scope=\"col\">Method</th>",
    );
    for test in Test::ALL {
        let _ = write!(html, "<th scope=\"col\">{}</th>", test_title(test));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let rule = |rule: &str, name: &str, cell: Option<&Cell>| {
        let badge = cell.map(badge).unwrap_or_default();
        format!("<div class=\"rule\"><span title=\"{rule}\">{}</span> {badge}</div>", escape(name))
    };
    for row in own.rows() {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", row.first().map(badge).unwrap_or_default());
        for (position, test) in Test::ALL.into_iter().enumerate() {
            let [study, limit, interval] = [1, 2, 3].map(|part| row.get(3 * position + part));
            let limit =
                limit.filter(|cell| cell.numbers.iter().any(Option::is_some)).map_or("interval", |cell| &cell.text);
            let _ = write!(
                html,
                "<td data-label=\"{}\">{}{}</td>",
                test_title(test),
                rule("by the study’s rule", "study", study),
                rule("by interval, with its limit", limit, interval)
            );
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>\n"
}

/// Where verdicts differ: between two runs, and between the presets' metrics within this one.
pub(super) fn differences(analysis: &Analysis, other: Option<(&Results, &Analysis)>, results: &Results) -> String {
    let mut html = String::new();
    let block = |html: &mut String, heading: &str, found: &[VerdictDifference], none: &str| {
        let _ = writeln!(html, "<h3>{}</h3>", escape(heading));
        if found.is_empty() {
            let _ = writeln!(html, "<p>{}</p>", escape(none));
        } else {
            html.push_str(&list(&found.iter().map(VerdictDifference::sentence).collect::<Vec<_>>()));
            let mut own = tables::differences(found);
            heading.clone_into(&mut own.title);
            html.push_str(&table(&own));
        }
    };
    if let Some((other_results, other)) = other {
        if other_results.provenance.cohort.fingerprint != results.provenance.cohort.fingerprint {
            html.push_str(
                "<p class=\"warn\">The other run used other images: differences may come from the images alone.</p>\n",
            );
        }
        let models =
            |results: &Results| results.provenance.models.iter().map(|model| model.sha256.clone()).collect::<Vec<_>>();
        if models(other_results) != models(results) {
            html.push_str(
                "<p class=\"warn\">The other run used other networks: differences may come from the networks alone.</p>\n",
            );
        }
        let heading = format!("Against the other run (preset {})", other.preset);
        block(&mut html, &heading, &between_runs(analysis, other), "Every verdict is the same in both runs.");
    }
    block(
        &mut html,
        "Between the metrics of both presets, within this run",
        &between_presets(analysis),
        "Every verdict is the same by the metrics of both presets.",
    );
    format!("<section id=\"differences\"><h2>Where verdicts differ</h2>\n{html}</section>\n")
}

/// Tables 2, 3 and 4.
pub(super) fn study_tables(results: &Results, analysis: &Analysis) -> String {
    let mut html = String::from("<section id=\"tables\"><h2>Tables</h2>\n");
    for own in tables::of_the_study(results, analysis).iter().filter(|own| own.id != "verdicts") {
        html.push_str(&table(own));
    }
    html + "</section>\n"
}

/// Figures 2, 3 and 4, with example maps where they were kept.
pub(super) fn study_figures(
    results: &Results,
    analysis: &Analysis,
    index: &Index<'_>,
    pictures: &dyn Pictures,
    names: &Pseudonyms,
) -> Result<String> {
    let mut html = String::from("<section id=\"figures\"><h2>Figures</h2>\n");
    let label = |image: &str| names.label(image);
    for figure in figures::of_the_study(results, analysis, index)? {
        let (number, caption) = match figure.id {
            "figure2_utility" => ("Figure 2", "Utility. Median solid, mean dashed; baselines left, controls right."),
            "figure3_randomization" => (
                "Figure 3",
                "Randomization. A curve that stays above its dashed baseline belongs to a map that does not notice the \
                 loss of training.",
            ),
            _ => ("Figure 4", "Repeatability and reproducibility. Median solid, mean dashed."),
        };
        html.push_str(&drawn(&figure.scene, &figure.alt, &format!("{number}. {caption}")));
        let grid = match figure.id {
            "figure2_utility" => figures::case_grid(results, analysis, index, pictures, label),
            "figure3_randomization" => figures::state_grid(results, analysis, index, pictures, label),
            _ => figures::network_grid(results, analysis, index, pictures, label),
        };
        if let Some(grid) = grid {
            if !grid.rows.is_empty() {
                let caption = format!("{number}, example. {}.", grid.headline);
                html.push_str(&drawn(&grid.scene()?, &grid.headline, &caption));
            }
            html.push_str(&absent(&grid.absent));
        }
    }
    Ok(html + "</section>\n")
}

/// Why pictures are not there, one paragraph each.
pub(super) fn absent<'a>(why: impl IntoIterator<Item = &'a String>) -> String {
    let mut html = String::new();
    for why in why {
        let _ = writeln!(html, "<p class=\"warn\">{}</p>", escape(why));
    }
    html
}

/// A scene inside the page.
fn drawn(scene: &Scene, alt: &str, caption: &str) -> String {
    let svg = scene.to_svg().replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{}\" ", escape(alt)), 1);
    format!(
        "<figure><div class=\"scroll\" tabindex=\"0\">{svg}</div><figcaption>{}</figcaption></figure>\n",
        escape(caption)
    )
}

/// Every metric, differences by image, what was left out.
pub(super) fn supplement(results: &Results, analysis: &Analysis, names: &Pseudonyms) -> String {
    let mut html = String::from("<section id=\"supplement\"><h2>Supplement</h2>\n");
    for own in [
        tables::every_metric(analysis),
        tables::by_image(analysis),
        tables::exclusions(results, |text| names.text(text)),
    ] {
        if own.is_empty() {
            if own.id == "exclusions" {
                html.push_str("<p>Nothing was left out.</p>\n");
            }
            continue;
        }
        let _ = writeln!(html, "<details><summary>{}</summary>\n{}</details>", escape(&own.title), table(&own));
    }
    html + "</section>\n"
}

/// Protocol and provenance, and how to fit the same in R.
pub(super) fn provenance(results: &Results, analysis: &Analysis) -> String {
    let own = &results.provenance;
    let cohort = &own.cohort;
    let counts: Vec<String> = cohort
        .counts
        .iter()
        .map(|count| {
            format!(
                "{}: {} with, {} without the finding, {} unlabelled",
                count.split, count.positive, count.negative, count.unlabelled
            )
        })
        .collect();
    let mut rows = vec![
        ("Program", format!("saliscope {}", own.program_version)),
        ("Run", own.run_id.clone()),
        ("Preset", results.protocol.preset.to_string()),
        ("Units", format!("{} of {} done{}", own.units_done, own.units_total, parts(results))),
        ("Begun", moment(own.started_unix_secs)),
        ("Finished", own.finished_unix_secs.map_or("not yet".to_owned(), moment)),
        ("Time at work", span(own.work_secs)),
        ("Cohort", format!("{}, {}", cohort.name, cohort.task)),
        ("Fingerprint", cohort.fingerprint.clone()),
        ("Splits", cohort.splits.clone()),
        ("Cases", counts.join("; ")),
        ("Executors", own.executors.join("; ")),
    ];
    rows.retain(|row| !row.1.is_empty());
    let models: Vec<String> = own
        .models
        .iter()
        .map(|model| {
            let trained = model.trained_on.as_deref().map_or(String::new(), |on| format!(", trained on {on}"));
            format!(
                "{} ({}, {}{trained}): SHA-256 {}",
                model.name,
                model.role.replace('_', " "),
                model.architecture,
                model.sha256
            )
        })
        .collect();
    let protocol = public_protocol(results);
    let text = toml::to_string_pretty(&protocol)
        .or_else(|_| serde_json::to_string_pretty(&protocol))
        .unwrap_or_else(|error| format!("the protocol cannot be written ({error})"));
    format!(
        "<section id=\"provenance\"><h2>Protocol and provenance</h2>\n{}<h3>Networks</h3>\n{}\
         <details><summary>Protocol</summary><pre>{}</pre></details>\n\
         <details><summary>The same fits in R</summary><p>With scores.csv of <code>saliscope benchmark \
         export</code>:</p><pre>{}</pre></details>\n</section>\n",
        facts(&rows),
        list(&models),
        escape(&text),
        escape(&r_lines(analysis).join("\n"))
    )
}
