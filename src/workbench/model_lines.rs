//! Lines of the inspector about what a model's card leaves open, each answered once a model.

use egui::{RichText, Ui};

use super::action::{Action, Actions};
use super::state::State;
use super::steady::steady;
use super::theme;
use crate::reading::{OpenCase, OpenModel};

/// Draws what has to be said of the model on this case, and the questions that its card leaves open.
pub(super) fn model_lines_ui(
    ui: &mut Ui,
    state: &State,
    model: &OpenModel,
    case: Option<&OpenCase>,
    actions: &mut Actions,
) {
    if let Some(caution) = case.and_then(|case| state.caution(model, case.is_phantom())) {
        ui.label(RichText::new(caution).strong().color(theme::caution(ui.visuals())));
    }
    let notes = [model.model.constant_logit_note(), model.model.card.folded_norm_note()];
    for note in notes.into_iter().flatten() {
        ui.label(RichText::new(note).small());
    }
    if let Some(note) = model.model.card.temperature_note() {
        ui.label(RichText::new(note).small());
    }
    if let Some(checked) = &model.model.card.checked {
        let words = RichText::new(format!("The model {}.", checked.words())).small();
        ui.label(if checked.agrees() { words } else { words.color(theme::caution(ui.visuals())) });
    }
    steady(ui, "patients", |ui| patients_ui(ui, state, model, actions));
    steady(ui, "scaling", |ui| scaling_ui(ui, state, model, actions));
}

fn patients_ui(ui: &mut Ui, state: &State, model: &OpenModel, actions: &mut Actions) {
    if state.trained_on_patients(&model.model).is_some() {
        return;
    }
    ui.label(RichText::new("The model's card does not say whether it was trained on patients.").small());
    ui.horizontal(|ui| {
        for (words, is_patients, tip) in [
            ("Patients", true, "It was trained on images of patients"),
            ("Generated images", false, "It never saw a patient, and says nothing about one"),
        ] {
            let button = ui.small_button(words).accessible_name(format!("Trained on: {}", words.to_lowercase()));
            if button.on_hover_text(format!("{tip}. Asked once a model; Settings forget the answers")).clicked() {
                actions.send(Action::SayTrainedOnPatients(model.sha256().to_owned(), is_patients));
            }
        }
    });
}

fn scaling_ui(ui: &mut Ui, state: &State, model: &OpenModel, actions: &mut Actions) {
    let card = &model.model.card;
    if !card.scaling_assumed || state.settings.answers.is_scaling_right(model.sha256()) {
        return;
    }
    let words = format!("Assumed scaling: {}. Nobody stated it.", card.scaling_words());
    ui.label(RichText::new(words).small());
    let button = ui.small_button("It is right").accessible_name("The assumed scaling is right");
    if button.on_hover_text("Asked once a model; Settings forget the answers").clicked() {
        actions.send(Action::SayScalingIsRight(model.sha256().to_owned()));
    }
}
