//! Theme, size of the interface, where networks run, mouse buttons, and where to change the keys.

use egui::{Button, ComboBox, Context, RichText, Ui};

use super::{change, dialog_ui, scroll_ui};
use crate::network::{DeviceChoice, ExecutorChoice};
use crate::reading::ChosenRuntime;
use crate::workbench::action::{Action, Actions};
use crate::workbench::keys::KeyMap;
use crate::workbench::model_answers::ModelAnswers;
use crate::workbench::services::Services;
use crate::workbench::settings::{Drag, MouseButton, Settings, Theme};
use crate::workbench::state::State;
use crate::workbench::theme;

/// Sizes of the interface that are offered.
const SCALES: [f32; 9] = [0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5];

/// Draws the settings; every change is in force at once.
pub(super) fn settings_ui(context: &Context, state: &State, services: &Services, actions: &mut Actions) {
    let mut settings = state.settings.clone();
    let mut opens_keys = false;
    let is_closed = dialog_ui(context, "Settings", 420.0, |ui| {
        scroll_ui(ui, "settings", |ui| {
            egui::Grid::new("settings").num_columns(2).spacing([16.0, 10.0]).show(ui, |ui| {
                ui.label("Theme");
                theme_ui(ui, &mut settings);
                ui.end_row();
                ui.label("Size of the interface");
                scale_ui(ui, &mut settings);
                ui.end_row();
                ui.label("Networks run on");
                device_ui(ui, &services.runtime, &mut settings);
                ui.end_row();
                ui.label("Computed by");
                executor_ui(ui, &services.runtime, &mut settings);
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
            runtime_ui(ui, &services.runtime);
            ui.label("A click with the right button opens a menu, whatever dragging does");
        });
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

fn device_name(device: DeviceChoice) -> &'static str {
    match device {
        DeviceChoice::Auto => "The fastest device",
        DeviceChoice::Cpu => "The processor",
        DeviceChoice::Cuda => "CUDA",
        DeviceChoice::Metal => "Metal",
    }
}

fn executor_name(executor: ExecutorChoice) -> &'static str {
    match executor {
        ExecutorChoice::Auto => "What is fastest there",
        ExecutorChoice::Candle => "candle, the reference",
        ExecutorChoice::Cpu => "Kernels for the processor",
    }
}

fn device_ui(ui: &mut Ui, runtime: &ChosenRuntime, settings: &mut Settings) {
    let combo = ComboBox::from_id_salt("device").width(190.0).selected_text(device_name(settings.device));
    let combo = combo.show_ui(ui, |ui| {
        for device in DeviceChoice::ALL {
            let chosen = Settings { device, ..settings.clone() };
            let is_built = device.gpu().is_none_or(|gpu| runtime.is_built(gpu));
            let name = device_name(device);
            let name = if is_built { name.to_owned() } else { format!("{name} (not in this build)") };
            if choice_ui(ui, device == settings.device, &name, runtime.obstacle(&chosen.runtime_options())) {
                *settings = chosen;
            }
        }
    });
    combo.response.accessible_name("Device").on_hover_text("Maps that are there already stay as they are");
}

fn executor_ui(ui: &mut Ui, runtime: &ChosenRuntime, settings: &mut Settings) {
    let combo = ComboBox::from_id_salt("executor").width(190.0).selected_text(executor_name(settings.executor));
    let combo = combo.show_ui(ui, |ui| {
        for executor in ExecutorChoice::ALL {
            let chosen = Settings { executor, ..settings.clone() };
            let obstacle = runtime.obstacle(&chosen.runtime_options());
            if choice_ui(ui, executor == settings.executor, executor_name(executor), obstacle) {
                *settings = chosen;
            }
        }
    });
    let tip =
        "candle's tensor operations run on every device; the processor's own kernels are several times as fast there";
    combo.response.accessible_name("Executor").on_hover_text(tip);
}

/// One line of a list of choices; one that cannot be had says why. Says whether it was chosen.
fn choice_ui(ui: &mut Ui, is_chosen: bool, name: &str, obstacle: Option<String>) -> bool {
    let response = ui.add_enabled(obstacle.is_none(), Button::selectable(is_chosen, name));
    match obstacle {
        Some(reason) => response.on_disabled_hover_text(reason).clicked(),
        None => response.clicked(),
    }
}

/// What runs where by now, and what could not be had.
fn runtime_ui(ui: &mut Ui, runtime: &ChosenRuntime) {
    let (words, trouble) = match runtime.started() {
        None => ("the device is being started".to_owned(), None),
        Some(Ok(runtime)) => (runtime.describe(), runtime.warning().map(str::to_owned)),
        Some(Err(error)) => ("nowhere".to_owned(), Some(error.to_string())),
    };
    ui.label(format!("Networks run now on: {words}"));
    if let Some(trouble) = trouble {
        ui.label(RichText::new(trouble).color(theme::failure(ui.visuals())));
    }
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
