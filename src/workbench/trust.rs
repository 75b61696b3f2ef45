//! What the benchmark found for a method on a model, in words.

use egui::{RichText, Ui};

use super::state::State;
use super::theme;
use crate::benchmark::verdict::{IntervalVerdict, StudyVerdict, TrustVerdict, test_title};
use crate::reading::OpenModel;

/// Draws the trust card of the method shown.
pub(super) fn trust_ui(ui: &mut Ui, state: &State, model: &OpenModel) {
    let method = state.shown.method;
    let Some((file, card)) = state.bench.card(model.sha256(), method.name()) else {
        ui.label(RichText::new(format!("{method} on this model: not tested")).color(theme::caution(ui.visuals())));
        ui.label(
            RichText::new(
                "Until a benchmark has run, this map says what the score reacts to, and nothing on whether the model is \
                 right",
            )
            .small(),
        );
        return;
    };
    if let Some(caution) = &file.caution {
        ui.label(RichText::new(caution).color(theme::caution(ui.visuals())));
    }
    ui.label(format!("{method} on this model"));
    ui.label(RichText::new(file.origin()).small().weak());
    for line in &card.lines {
        let (words, colour) = match line.verdict {
            TrustVerdict::NotTested => ("not tested", theme::caution(ui.visuals())),
            TrustVerdict::Tested {
                study: StudyVerdict::Pass, interval: None | Some(IntervalVerdict::Pass), ..
            } => ("pass", theme::success(ui.visuals())),
            TrustVerdict::Tested {
                study: StudyVerdict::Pass, interval: Some(IntervalVerdict::TooFewImages), ..
            } => ("pass, too few images", theme::caution(ui.visuals())),
            TrustVerdict::Tested { study: StudyVerdict::Pass, .. } => {
                ("pass, not clearly", theme::caution(ui.visuals()))
            }
            TrustVerdict::Tested { study: StudyVerdict::DidNotPass, .. } => {
                ("did not pass", theme::failure(ui.visuals()))
            }
            TrustVerdict::Tested { study: StudyVerdict::Uncertain, .. } => ("uncertain", theme::caution(ui.visuals())),
        };
        let heading = format!("{}: {words}", test_title(line.test));
        ui.label(RichText::new(heading).color(colour)).on_hover_text(line.verdict.to_string());
        ui.label(RichText::new(&line.sentence).small());
    }
}
