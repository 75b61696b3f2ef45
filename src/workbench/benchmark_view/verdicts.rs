//! What each method passes, in words.

use egui::{Color32, Grid, RichText, Ui};

use crate::benchmark::protocol::Test;
use crate::benchmark::verdict::{IntervalVerdict, StudyVerdict, number, test_title};
use crate::workbench::bench::Bench;
use crate::workbench::theme;

/// Draws the matrix of verdicts.
pub(super) fn verdicts_ui(ui: &mut Ui, bench: &Bench) {
    let Some(judged) = &bench.judged else {
        ui.label("Verdicts come at the end of the run, or when you judge what is there so far");
        return;
    };
    let analysis = &judged.analysis;
    let [done, all] = analysis.units;
    ui.horizontal_wrapped(|ui| {
        ui.strong("Verdicts");
        if done < all {
            ui.label(RichText::new(format!("from {done} of {all} units")).color(theme::caution(ui.visuals())));
        }
        let own = &judged.results.provenance;
        if !own.missing_parts.is_empty() {
            let here = own.parts.saturating_sub(own.missing_parts.len());
            let words = format!("from {here} of {} parts", own.parts);
            ui.label(RichText::new(words).color(theme::caution(ui.visuals())));
        }
        ui.label(RichText::new("by the study's rule, and by interval and margin; hover for what it means").small());
    });
    let tests: Vec<_> = Test::ALL.into_iter().filter_map(|test| Some((test, analysis.primary(test)?))).collect();
    let mut methods: Vec<&str> = Vec::new();
    for finding in tests.iter().flat_map(|(_, metric)| &metric.findings) {
        if finding.role.is_judged() && !methods.contains(&finding.method.as_str()) {
            methods.push(&finding.method);
        }
    }
    Grid::new("verdicts").striped(true).spacing([18.0, 6.0]).show(ui, |ui| {
        ui.label("");
        for (test, _) in &tests {
            ui.strong(test_title(*test));
        }
        ui.end_row();
        for method in methods {
            ui.strong(method);
            for (_, metric) in &tests {
                let Some(finding) = metric.finding(method) else {
                    ui.weak("not tested");
                    continue;
                };
                let text = match (finding.study, finding.interval) {
                    (Some(study), Some(interval)) => format!("{}; {}", study.words(), interval.words()),
                    (Some(study), None) => study.words().to_owned(),
                    (None, _) => "no verdict".to_owned(),
                };
                let limit =
                    finding.limit.as_ref().map_or_else(String::new, |limit| format!(", limit {}", limit.short()));
                // In two lines, so that four tests fit beside each other.
                let text = format!("{text}\n{}{limit}", number(finding.summary.mean));
                let colour = colour_of(ui, finding.study, finding.interval);
                ui.label(RichText::new(text).color(colour)).on_hover_text(&finding.sentence);
            }
            ui.end_row();
        }
    });
    for sentence in analysis.too_few_images().into_iter().chain(analysis.out_of_reach()) {
        ui.label(RichText::new(sentence).color(theme::caution(ui.visuals())));
    }
    for note in tests.iter().flat_map(|(_, metric)| &metric.notes) {
        ui.label(RichText::new(note).small());
    }
}

/// Green where both rules agree on a pass, red where they agree on the contrary.
fn colour_of(ui: &Ui, study: Option<StudyVerdict>, interval: Option<IntervalVerdict>) -> Color32 {
    let visuals = ui.visuals();
    match (study, interval) {
        (Some(StudyVerdict::Pass), Some(IntervalVerdict::Pass) | None) => theme::success(visuals),
        (Some(StudyVerdict::DidNotPass), Some(IntervalVerdict::Fail) | None) => theme::failure(visuals),
        _ => theme::caution(visuals),
    }
}
