//! What is known about case, model and map, and everything that can be set about them.

use std::sync::Arc;

use egui::{ComboBox, Panel, RichText, ScrollArea, Slider, Ui};

use super::action::{Action, Actions};
use super::name_column::name_ui;
use super::services::Services;
use super::shown::{MapValues, Shown, ToneChoice};
use super::state::{State, View};
use super::steady::steady;
use super::{model_lines, parameters_view, theme, trust};
use crate::display::{ColourMap, Opacity, WindowPreset};
use crate::export::hit_words;
use crate::network::{Resize, class_logit};
use crate::reading::{OpenCase, OpenModel, Prediction, Question, Standing};
use crate::saliency::{ClassChoice, Preset};

/// Draws the inspector at the right.
pub(super) fn inspector_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    Panel::right("inspector").default_size(300.0).resizable(true).show(ui, |ui| {
        ScrollArea::vertical().id_salt("inspector").auto_shrink([false, false]).show(ui, |ui| {
            let case = state.list.current.and_then(|entry| services.shelf.case(entry));
            if let Some(case) = case {
                section(ui, "Case", true, |ui| case_ui(ui, case));
            }
            section(ui, "Model", true, |ui| model_ui(ui, state, services, case, actions));
            section(ui, "Question", true, |ui| question_ui(ui, state, actions));
            section(ui, "Map", true, |ui| map_ui(ui, state, case, actions));
            section(ui, "Radiograph", false, |ui| gray_ui(ui, state, case, actions));
            if let Some((case, model)) = case.zip(state.model()) {
                if state.view == View::Case {
                    section(ui, "Against the expert marks", true, |ui| scores_ui(ui, state, services, case, model));
                }
                section(ui, "Trust", true, |ui| trust::trust_ui(ui, state, model));
            }
            section(ui, "Parameters", false, |ui| parameters_view::parameters_ui(ui, state, actions));
        });
    });
}

fn section(ui: &mut Ui, title: &str, is_open: bool, content: impl FnOnce(&mut Ui)) {
    steady(ui, title, |ui| {
        egui::CollapsingHeader::new(RichText::new(title).strong()).default_open(is_open).show(ui, content);
    });
}

/// A choice with its name before it.
fn combo(ui: &mut Ui, name: &str, selected: &str, content: impl FnOnce(&mut Ui)) -> egui::Response {
    ui.horizontal(|ui| {
        let label = name_ui(ui, name, 64.0);
        let combo = ComboBox::from_id_salt(name).selected_text(selected).width(ui.available_width() - 8.0);
        combo.show_ui(ui, content).response.labelled_by(label.id)
    })
    .inner
}

fn case_ui(ui: &mut Ui, case: &Arc<OpenCase>) {
    let [width, height] = case.size_px();
    ui.label(format!("{width} x {height} px"));
    let finding = case.task.as_ref().map_or("finding", crate::truth::Task::name);
    match case.label {
        Some(true) => ui.label(format!("Experts: {finding}")),
        Some(false) => ui.label(format!("Experts: no {finding}")),
        None => ui.label("Experts: nothing is known"),
    };
    match case.facts.scale_mm() {
        Some((mm, unit)) => ui.label(format!("{mm:.3} {unit} a pixel")),
        None => ui.label("No pixel spacing: lengths are pixels"),
    };
    for warning in &case.warnings {
        ui.label(RichText::new(warning).color(theme::caution(ui.visuals())).small());
    }
}

fn model_ui(ui: &mut Ui, state: &State, services: &Services, case: Option<&Arc<OpenCase>>, actions: &mut Actions) {
    let Some(model) = state.model() else {
        ui.label("No model is open");
        return;
    };
    combo(ui, "Model", &model.title, |ui| {
        for (position, other) in state.models.iter().enumerate() {
            if ui.selectable_label(position == state.model, &other.title).clicked() {
                actions.send(Action::AskModel(position));
            }
        }
    });
    let card = &model.model.card;
    let [height, width] = card.input_size;
    ui.label(RichText::new(format!("{}, reads {width} x {height} px", card.architecture)).small());
    if card.resize != Resize::Squash {
        ui.label(RichText::new(format!("It reads {}.", card.resize)).small());
    }
    if let Some(trained_on) = &card.trained_on {
        ui.label(RichText::new(format!("trained on {trained_on}")).small());
    }
    model_lines::model_lines_ui(ui, state, model, case.map(|case| &**case), actions);
    let Some(case) = case else { return };
    match services.prediction(state, case, model) {
        Some(prediction) => prediction_ui(ui, state, model, &prediction, case),
        None if state.is_held_back(model, case.is_phantom()) => {}
        None => {
            ui.label("The prediction comes with the first map");
        }
    }
}

fn prediction_ui(ui: &mut Ui, state: &State, model: &OpenModel, prediction: &Prediction, case: &OpenCase) {
    let predicted = prediction.class();
    for class in 0..model.model.graph.classes() {
        let logit = format!("logit {:.2}", class_logit(&prediction.logits, class));
        let strong = |text: String| {
            let text = RichText::new(text);
            if class == predicted { text.strong() } else { text }
        };
        match prediction.probability(class) {
            Some(probability) => {
                let text = strong(format!("{} {:.1} %  ({logit})", model.class_name(class), probability * 100.0));
                ui.add(egui::ProgressBar::new(probability as f32).text(text).desired_height(18.0));
            }
            None => {
                ui.label(strong(format!("{}: {logit}", model.class_name(class))));
            }
        }
    }
    if let Err(problem) = model.model.card.known_output() {
        ui.label(RichText::new(format!("No probabilities: {problem}")).color(theme::caution(ui.visuals())).small());
    }
    if state.caution(model, case.is_phantom()).is_some() {
        // What says nothing about patients is neither right nor wrong about one.
        return;
    }
    if !case.is_about(model) {
        let text = "This model looks for another finding than the one the experts marked";
        ui.label(RichText::new(text).color(theme::caution(ui.visuals())));
    } else if let Some((label, positive)) = case.label.zip(model.model.card.positive_class)
        && prediction.finds(positive).is_some_and(|found| found != label)
    {
        let text = if label { "Missed: the experts see a finding" } else { "False alarm: the experts see no finding" };
        ui.label(RichText::new(text).color(theme::caution(ui.visuals())));
    }
}

fn question_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let question = &state.question;
    combo(ui, "Preset", question.preset.name(), |ui| {
        for preset in Preset::ALL {
            let reason = match preset {
                Preset::Arun2021 => {
                    "What the study did, quirks included: the predicted class is explained, so a missed finding is \
                     judged on the map of normal"
                }
                Preset::Recommended => "The positive class is explained, and paths begin at the model's own black",
            };
            if ui.selectable_label(preset == question.preset, preset.name()).on_hover_text(reason).clicked() {
                actions.send(Action::Ask(Question { seed: question.seed, ..Question::of(preset) }));
            }
        }
    });
    let name = |class: ClassChoice| match class {
        ClassChoice::Predicted => "the predicted class".to_owned(),
        ClassChoice::Positive => "the positive class".to_owned(),
        ClassChoice::Index(class) => {
            state.model().map_or_else(|| format!("class {class}"), |model| model.class_name(class))
        }
    };
    let classes = state.model().map_or(0, |model| model.model.graph.classes());
    let choices =
        [ClassChoice::Predicted, ClassChoice::Positive].into_iter().chain((0..classes).map(ClassChoice::Index));
    let response = combo(ui, "Explains", &name(question.class), |ui| {
        for class in choices {
            if ui.selectable_label(class == question.class, name(class)).clicked() {
                actions.send(Action::Ask(Question { class, ..question.clone() }));
            }
        }
    });
    response.on_hover_text(
        "The map shows what raises or lowers the score of this class. The map of a class that the image does not have is \
         a map all the same",
    );
    if state.model().is_some_and(|model| question.class_for(model) != question.class) {
        let text = "This model has no such class: its predicted class is explained";
        ui.label(RichText::new(text).color(theme::caution(ui.visuals())).small());
    }
}

/// Sends a change of how things are shown, where there is one.
fn show(state: &State, actions: &mut Actions, shown: Shown) {
    if shown != state.shown {
        actions.send(Action::Show(Box::new(shown)));
    }
}

fn map_ui(ui: &mut Ui, state: &State, _case: Option<&Arc<OpenCase>>, actions: &mut Actions) {
    let mut shown = state.shown.clone();
    ui.checkbox(&mut shown.map.visible, "Show map").on_hover_text("Hold S to hide it for a moment");
    combo(ui, "Colours", shown.map.colour_map.name(), |ui| {
        for map in ColourMap::ALL {
            let reason = match map {
                ColourMap::Jet => {
                    "As in the papers. Its lightness rises and falls, which shows edges that are not there"
                }
                ColourMap::Diverging => "For values with a sign: gray is nothing",
                _ => "Equal steps of the map look like equal steps",
            };
            ui.selectable_value(&mut shown.map.colour_map, map, map.name()).on_hover_text(reason);
        }
    });
    let (mut most, mut is_by_value) = match shown.map.opacity {
        Opacity::Uniform(most) => (most, false),
        Opacity::ByValue(most) => (most, true),
    };
    ui.add(Slider::new(&mut most, 0.0..=1.0).text("Opacity").step_by(0.01));
    ui.checkbox(&mut is_by_value, "Opacity follows the map")
        .on_hover_text("Weak parts of the map let the radiograph through. For the screen only: a mix with the radiograph is on no colour bar");
    shown.map.opacity = if is_by_value { Opacity::ByValue(most) } else { Opacity::Uniform(most) };
    ui.add(Slider::new(&mut shown.map.threshold, 0.0..=1.0).text("Threshold").step_by(0.01))
        .on_hover_text("What is weaker is not painted");
    combo(ui, "Values", values_name(shown.values), |ui| {
        for values in [MapValues::Display, MapValues::Signed, MapValues::Raw] {
            ui.selectable_value(&mut shown.values, values, values_name(values)).on_hover_text(match values {
                MapValues::Display => "The magnitude, clipped at its 99th percentile: what is scored",
                MapValues::Signed => {
                    "What raises the score is positive, what lowers it negative; not every method has a sign"
                }
                MapValues::Raw => "The numbers of the method, from the smallest to the largest",
            });
        }
    });
    ui.horizontal(|ui| {
        ui.checkbox(&mut shown.has_contour, "Contour");
        ui.spacing_mut().slider_width = 85.0;
        ui.add_enabled(
            shown.has_contour,
            Slider::new(&mut shown.contour_level, 0.01..=0.99).text("Level").step_by(0.01),
        );
    });
    ui.checkbox(&mut shown.has_truth, "Expert marks");
    show(state, actions, shown);
}

fn values_name(values: MapValues) -> &'static str {
    match values {
        MapValues::Display => "as scored",
        MapValues::Signed => "with sign",
        MapValues::Raw => "raw",
    }
}

fn gray_ui(ui: &mut Ui, state: &State, case: Option<&Arc<OpenCase>>, actions: &mut Actions) {
    let mut shown = state.shown.clone();
    let selected = match &shown.tone {
        ToneChoice::AsStored => "as stored".to_owned(),
        ToneChoice::Preset(preset) => preset.name().to_owned(),
        ToneChoice::FileWindow(index) => format!("window {} of the file", index + 1),
        ToneChoice::Table(index) => format!("lookup table {} of the file", index + 1),
        ToneChoice::Custom { .. } => "own window".to_owned(),
    };
    combo(ui, "Window", &selected, |ui| {
        ui.selectable_value(&mut shown.tone, ToneChoice::AsStored, "as stored");
        for preset in WindowPreset::ALL {
            ui.selectable_value(&mut shown.tone, ToneChoice::Preset(preset), preset.name());
        }
        if let Some(case) = case {
            for (index, window) in case.plane.windows().iter().enumerate() {
                let name = window.explanation.clone().unwrap_or_else(|| format!("window {} of the file", index + 1));
                ui.selectable_value(&mut shown.tone, ToneChoice::FileWindow(index), name);
            }
            for index in 0..case.plane.tables().len() {
                let name = format!("lookup table {} of the file", index + 1);
                ui.selectable_value(&mut shown.tone, ToneChoice::Table(index), name);
            }
        }
    });
    ui.checkbox(&mut shown.is_inverted, "Inverted");
    ui.checkbox(&mut shown.is_smooth, "Smooth pixels");
    ui.checkbox(&mut shown.has_overlays, "Overlay planes").on_hover_text("For eyes only: no model sees them");
    ui.checkbox(&mut shown.has_corner_text, "Corner text");
    ui.checkbox(&mut shown.has_identity, "Identity").on_hover_text("Exports never have it unless you say so");
    ui.label(RichText::new("A window changes what you see, never what the model reads").small());
    show(state, actions, shown);
}

fn scores_ui(ui: &mut Ui, state: &State, services: &Services, case: &Arc<OpenCase>, model: &Arc<OpenModel>) {
    if case.truth.is_empty() {
        ui.label("No expert marked anything on this case");
        return;
    }
    let method = state.shown.method;
    let Standing::Ready(answer) = services.standing(state, case, model, method) else {
        ui.label("The scores come with the finished map");
        return;
    };
    let Some(scores) = answer.scores else {
        ui.label("The marks are too small to be scored at the map's size");
        return;
    };
    egui::Grid::new("scores").num_columns(2).show(ui, |ui| {
        for (name, value, reason) in [
            (
                "AUPRC (trapezoid)",
                Some(scores.auprc_trapezoid),
                "The study's score: area under precision over recall of all pixels",
            ),
            ("Average precision", Some(scores.average_precision), "The same curve without interpolation"),
            ("AUC of pixels", scores.roc_auc, "0.5 is chance; there is none where every pixel is marked"),
            ("Marked share", Some(scores.prevalence), "What average precision gives to chance"),
        ] {
            ui.label(name).on_hover_text(reason);
            ui.label(value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}")));
            ui.end_row();
        }
        ui.label("Brightest pixels").on_hover_text("The share of the map's largest values that lie on the finding");
        ui.label(hit_words(scores.hit));
        ui.end_row();
    });
    ui.label(RichText::new("One case proves nothing about a method: see the benchmark").small());
}
