//! Theme, size of the interface, mouse buttons, and where to change the keys.

use egui::{ComboBox, Context, Ui};

use super::{change, dialog_ui};
use crate::workbench::action::{Action, Actions};
use crate::workbench::keys::KeyMap;
use crate::workbench::model_answers::ModelAnswers;
use crate::workbench::settings::{Drag, MouseButton, Settings, Theme};
use crate::workbench::state::State;

/// Sizes of the interface that are offered.
const SCALES: [f32; 9] = [0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5];

/// Draws the settings; every change is in force at once.
pub(super) fn settings_ui(context: &Context, state: &State, actions: &mut Actions) {
    let mut settings = state.settings.clone();
    let mut opens_keys = false;
    let is_closed = dialog_ui(context, "Settings", 420.0, |ui| {
        egui::Grid::new("settings").num_columns(2).spacing([16.0, 10.0]).show(ui, |ui| {
            ui.label("Theme");
            theme_ui(ui, &mut settings);
            ui.end_row();
            ui.label("Size of the interface");
            scale_ui(ui, &mut settings);
            ui.end_row();
            for button in MouseButton::ALL {
                ui.label(format!("Dragging with the {} button", button.name().to_lowercase()));
                drag_ui(ui, button, &mut settings);
                ui.end_row();
            }
            ui.label("Keys");
            ui.horizontal(|ui| {
                opens_keys = ui.button("Change keys…").clicked();
                let reset = ui.add_enabled(settings.keys.is_changed(), egui::Button::new("All defaults"));
                if reset.on_hover_text("Gives every command its default keys again").clicked() {
                    settings.keys = KeyMap::default();
                }
            });
            ui.end_row();
            ui.label("Recent files and models");
            let has_recent = !settings.recent.is_empty() || !settings.recent_models.is_empty();
            let forget = ui.add_enabled(has_recent, egui::Button::new("Forget"));
            if forget.accessible_name("Forget recent files").on_hover_text("The files stay").clicked() {
                settings.forget_recent();
            }
            ui.end_row();
            ui.label("Answers about models");
            let forget = ui.add_enabled(!settings.answers.is_empty(), egui::Button::new("Forget"));
            let forget = forget.accessible_name("Forget answers about models");
            if forget.on_hover_text("What their cards leave open is asked again").clicked() {
                settings.answers = ModelAnswers::default();
            }
            ui.end_row();
        });
        ui.add_space(4.0);
        ui.label("A click with the right button opens a menu, whatever dragging does");
    });
    if settings != state.settings {
        actions.send(Action::SetSettings(Box::new(settings)));
    }
    if is_closed || opens_keys {
        change(state, actions, |dialogs| {
            dialogs.settings = false;
            dialogs.shortcuts |= opens_keys;
        });
    }
}

fn theme_ui(ui: &mut Ui, settings: &mut Settings) {
    ui.horizontal(|ui| {
        for (theme, name) in [(Theme::Dark, "Dark"), (Theme::Light, "Light"), (Theme::System, "As the system")] {
            ui.selectable_value(&mut settings.theme, theme, name);
        }
    });
}

fn scale_ui(ui: &mut Ui, settings: &mut Settings) {
    let words = |scale: f32| format!("{:.0} %", scale * 100.0);
    let combo = ComboBox::from_id_salt("scale").selected_text(words(settings.ui_scale));
    let combo = combo.show_ui(ui, |ui| {
        for scale in SCALES {
            ui.selectable_value(&mut settings.ui_scale, scale, words(scale));
        }
    });
    combo.response.accessible_name("Interface size");
}

fn drag_ui(ui: &mut Ui, button: MouseButton, settings: &mut Settings) {
    let now = settings.mouse.drag(button);
    let combo = ComboBox::from_id_salt(button).selected_text(now.name());
    let combo = combo.show_ui(ui, |ui| {
        for drag in Drag::ALL {
            if ui.selectable_label(drag == now, drag.name()).clicked() {
                settings.assign_drag(button, drag);
            }
        }
    });
    let name = format!("{} button", button.name());
    combo.response.accessible_name(name).on_hover_text("The button that had it takes over what this one did");
}
