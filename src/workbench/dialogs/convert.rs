//! The dialog for a model of another program: what was found, what the file does not say, and where the model goes.

use egui::{Button, ComboBox, Context, RichText, TextEdit, Ui};

use super::{change, dialog_ui, scroll_ui};
use crate::job::{Ending, Phase};
use crate::network::{ModelKind, Output};
use crate::workbench::action::{Action, Actions};
use crate::workbench::convert_form::{ConvertAnswers, ConvertForm, ScalingAnswer};
use crate::workbench::private_field::private_field_ui;
use crate::workbench::services::Services;
use crate::workbench::state::State;
use crate::workbench::theme;

/// Draws the dialog.
pub(super) fn convert_ui(
    context: &Context,
    before: &ConvertForm,
    state: &State,
    services: &Services,
    actions: &mut Actions,
) {
    let mut form = before.clone();
    let job = form.job.and_then(|job| services.jobs.reports().into_iter().find(|report| report.id == job));
    let is_writing = job.as_ref().is_some_and(crate::job::JobReport::is_under_way);
    let stated = form.statements();
    let is_classifier = form.foreign.architecture.kind() == ModelKind::Classifier;
    let mut is_wanted = false;
    let is_closed = dialog_ui(context, "Open a model of another program", 560.0, |ui| {
        scroll_ui(ui, "convert", |ui| {
            ui.label(RichText::new(form.summary()).strong());
            for note in &form.foreign.notes {
                ui.label(RichText::new(note).small());
            }
            ui.separator();
            if let Some(scaling) = &form.foreign.scaling {
                ui.label(RichText::new(format!("The file says: {}", scaling.words())).small());
            }
            ui.label("Its file seldom says these. What is wrong here makes every map wrong, without a word.");
            egui::Grid::new("convert")
                .num_columns(2)
                .spacing([12.0, 8.0])
                .show(ui, |ui| fields_ui(ui, is_classifier, &mut form.answers));
            ui.separator();
            let name = ui.label("Save the model as");
            let has_identity = state.shown.has_identity;
            let field = private_field_ui(
                ui,
                "model target",
                &mut form.answers.target,
                has_identity,
                |_| false,
                |text| TextEdit::singleline(text).char_limit(4096).desired_width(f32::INFINITY),
            );
            field.labelled_by(name.id);
            ui.label(RichText::new("Weights as safetensors, and a model card beside them").small());
        });
        ui.separator();
        let failed = job.as_ref().and_then(|report| match &report.phase {
            Phase::Over(Ending::Failed(_)) => report.words(state.shown.has_identity),
            _ => None,
        });
        if let Some(words) = failed.or_else(|| stated.as_ref().err().cloned()) {
            ui.label(RichText::new(words).color(theme::failure(ui.visuals())));
        }
        ui.horizontal(|ui| {
            let is_possible = stated.is_ok() && form.path().is_some() && !is_writing;
            is_wanted = ui.add_enabled(is_possible, Button::new("Convert and open")).clicked();
            ui.label(RichText::new("Nothing in the file is executed; still, open files you trust").small());
        });
    });
    let is_written = job.is_some_and(|report| matches!(report.phase, Phase::Over(Ending::Done(_))));
    if is_closed || is_written {
        change(state, actions, |dialogs| dialogs.convert = None);
        return;
    }
    if is_wanted {
        actions.send(Action::Convert(Box::new(form)));
    } else if form.answers != before.answers {
        form.job = None;
        change(state, actions, |dialogs| dialogs.convert = Some(Box::new(form)));
    }
}

fn fields_ui(ui: &mut Ui, is_classifier: bool, form: &mut ConvertAnswers) {
    text_ui(ui, "Images it was trained on", &mut form.input_size, "224 or 320x299");
    let name = ui.label("Gray levels become");
    let combo = ComboBox::from_id_salt("convert scaling").selected_text(form.scaling.words()).width(260.0);
    let combo = combo.show_ui(ui, |ui| {
        for answer in ScalingAnswer::ALL {
            ui.selectable_value(&mut form.scaling, answer, answer.words());
        }
    });
    combo.response.labelled_by(name.id);
    ui.end_row();
    if let Some(fields) = form.scaling.fields() {
        for ((label, example), text) in fields.into_iter().zip(&mut form.scaling_fields) {
            text_ui(ui, label, text, example);
        }
    }
    if is_classifier {
        ui.label("Outputs are");
        ui.horizontal(|ui| {
            ui.selectable_value(&mut form.output, Some(Output::Softmax), "one choice (softmax)");
            ui.selectable_value(&mut form.output, Some(Output::Sigmoid), "labels of their own (sigmoid)");
            ui.selectable_value(&mut form.output, None, "not known");
        });
        ui.end_row();
        text_ui(ui, "Names of the classes", &mut form.classes, "clear, pneumothorax");
    }
    ui.label("Trained on");
    ui.horizontal(|ui| {
        ui.selectable_value(&mut form.trained_on_patients, Some(true), "patients");
        ui.selectable_value(&mut form.trained_on_patients, Some(false), "generated images");
        ui.selectable_value(&mut form.trained_on_patients, None, "not known");
    });
    ui.end_row();
}

fn text_ui(ui: &mut Ui, label: &str, text: &mut String, example: &str) {
    let name = ui.label(label);
    let field = TextEdit::singleline(text).hint_text(example).char_limit(4096).desired_width(260.0);
    ui.add(field).labelled_by(name.id);
    ui.end_row();
}
