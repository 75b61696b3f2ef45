//! What is asked of the cascade: methods, order, preset, random weights; and the way to stop, go on and export.

use std::sync::Arc;

use egui::{ComboBox, DragValue, Ui};

use super::change;
use super::export::export_ui;
use crate::cascade::Order;
use crate::reading::{CascadeRun, Question};
use crate::saliency::{Method, Preset};
use crate::workbench::action::{Action, Actions};
use crate::workbench::player::Player;
use crate::workbench::services::Services;
use crate::workbench::state::State;

/// Draws the two lines of choices.
pub(super) fn choices_ui(
    ui: &mut Ui,
    state: &State,
    services: &Services,
    run: Option<&Arc<CascadeRun>>,
    actions: &mut Actions,
) {
    ui.horizontal_wrapped(|ui| {
        methods_ui(ui, state, actions);
        ui.separator();
        work_ui(ui, state, services, run, actions);
    });
    ui.horizontal_wrapped(|ui| {
        order_ui(ui, state, actions);
        preset_ui(ui, state, actions);
        weights_ui(ui, state, actions);
    });
    if state.player.has_export {
        export_ui(ui, state, run, actions);
    }
}

fn methods_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    for method in Method::ALL {
        let is_shown = state.player.methods.contains(&method);
        let response = ui.selectable_label(is_shown, method.name());
        if response.on_hover_text(format!("{}: a row of its own", method.title())).clicked() {
            change(state, actions, |player| {
                if is_shown {
                    player.methods.retain(|other| *other != method);
                } else {
                    player.methods.push(method);
                    player.methods.sort_unstable();
                }
            });
        }
    }
    let is_all = state.player.methods == Method::STUDY;
    let response = ui.add_enabled(!is_all, egui::Button::new("All"));
    if response.on_hover_text("The study's eight; SIG and XRAI take most of the time").clicked() {
        change(state, actions, |player| player.methods = Method::STUDY.to_vec());
    }
}

fn work_ui(ui: &mut Ui, state: &State, services: &Services, run: Option<&Arc<CascadeRun>>, actions: &mut Actions) {
    let Some(run) = run else { return };
    // Before what comes and goes, so that it stays in its place.
    let response = ui.selectable_label(state.player.has_export, "Export…");
    if response.on_hover_text("Animations, figures and numbers").clicked() {
        change(state, actions, |player| player.has_export = !player.has_export);
    }
    if services.cascades.is_busy(run) {
        if ui.button("Stop").on_hover_text("Finished states stay").clicked() {
            actions.send(Action::CancelCascade);
        }
    } else {
        let found = run.found();
        let graph = &run.model.model.graph;
        let defined = || state.player.methods.iter().filter(|method| method.undefined_for(graph).is_none());
        let is_missing = defined().any(|method| found.states_of(*method) < run.states.len());
        let lacks_baseline = found.other_images > 0 && defined().any(|method| !found.baselines.contains_key(method));
        let words = "Computes what is missing: states, and maps of other images to compare with";
        if (is_missing || lacks_baseline) && ui.button("Continue").on_hover_text(words).clicked() {
            actions.send(Action::ComputeCascade);
        }
    }
}

fn order_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ComboBox::from_label("order").selected_text(state.player.order.name()).width(100.0).show_ui(ui, |ui| {
        for order in Order::ALL {
            let words = match order {
                Order::TopDown => "From the answer towards the image, as in the study",
                Order::BottomUp => "From the image towards the answer",
                Order::Independent => "One block at a time, all others as they were trained; gives no verdict",
            };
            if ui.selectable_label(order == state.player.order, order.name()).on_hover_text(words).clicked() {
                change(state, actions, |player| {
                    player.order = order;
                    player.scrub(0.0, 0);
                });
            }
        }
    });
}

fn preset_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let question = &state.question;
    ComboBox::from_label("cascade preset").selected_text(question.preset.name()).width(120.0).show_ui(ui, |ui| {
        for preset in Preset::ALL {
            let words = match preset {
                Preset::Arun2021 => {
                    "As the study: InceptionV3 keeps its stem and mixed0, likeness at a data range of 2"
                }
                Preset::Recommended => "Down to the first convolution, likeness at the range that maps span",
            };
            if ui.selectable_label(preset == question.preset, preset.name()).on_hover_text(words).clicked() {
                actions.send(Action::Ask(Question { seed: question.seed, ..Question::of(preset) }));
            }
        }
    });
}

fn weights_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let mut randomizer = state.player.randomizer;
    let number = |ui: &mut Ui, name: &str, value: &mut u64, words: &str| {
        let label = ui.label(name);
        let drag = DragValue::new(value).speed(0.05).range(0..=Player::MOST_NUMBER).update_while_editing(false);
        ui.add(drag).labelled_by(label.id).on_hover_text(words);
    };
    number(ui, "weights seed", &mut randomizer.seed, "The random weights are drawn from it");
    number(ui, "replicate", &mut randomizer.replicate, "Each replicate draws other random weights; the noise stays");
    if randomizer != state.player.randomizer {
        change(state, actions, |player| player.randomizer = randomizer);
    }
}
