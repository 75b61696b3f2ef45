//! What the benchmark found for a method on a model, in words.

use egui::{RichText, Ui};

use super::state::State;
use super::theme;
use crate::reading::OpenModel;

/// Draws the trust card of the method shown.
pub(super) fn trust_ui(ui: &mut Ui, state: &State, model: &OpenModel) {
    let method = state.shown.method;
    let _ = model;
    ui.label(RichText::new(format!("{method} on this model: not tested")).color(theme::caution(ui.visuals())));
    ui.label(
        RichText::new(
            "Until a benchmark has run, this map says what the score reacts to, and nothing on whether the model is right",
        )
        .small(),
    );
}
