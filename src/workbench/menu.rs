//! The menu bar: every command by its category, the open models, and the switch between views.

use egui::{Align, Button, Layout, MenuBar, Panel, RichText, Ui};

use super::action::{Action, Actions};
use super::command::{Category, Command};
use super::keys;
use super::services::Services;
use super::settings::Recent;
use super::state::{State, View};
use crate::demo;
use crate::reading::ModelSource;

/// Commands after which a line is drawn in their menu.
const LAST_OF_GROUP: [Command; 17] = [
    Command::OpenDemo,
    Command::ExportDicom,
    Command::ShowBenchmark,
    Command::FullScreen,
    Command::FindCase,
    Command::PreviousMethod,
    Command::PreviousModel,
    Command::NextColourMap,
    Command::CancelWork,
    Command::Invert,
    Command::ZoomOut,
    Command::Flip,
    Command::WindowBone,
    Command::Smooth,
    Command::Crosshair,
    Command::ToggleOverlays,
    Command::PlayPause,
];

/// The views in the order of the switch, with the commands that show them.
const VIEWS: [(View, Command); 4] = [
    (View::Case, Command::ShowCase),
    (View::Compare, Command::ShowCompare),
    (View::Cascade, Command::ShowCascade),
    (View::Benchmark, Command::ShowBenchmark),
];

/// Draws the menu bar.
pub(super) fn menu_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    Panel::top("menu bar").show(ui, |ui| {
        MenuBar::new().ui(ui, |ui| {
            for category in Category::ALL {
                let menu = ui.menu_button(category.name(), |ui| category_ui(ui, category, state, services, actions));
                menu.response.accessible_name(format!("{} menu", category.name()));
            }
            let menu = ui.menu_button("Models", |ui| models_ui(ui, state, actions));
            menu.response.accessible_name("Models menu");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| view_switch_ui(ui, state, actions));
        });
    });
}

/// A button that runs a command, as menus and context menus show it.
pub(super) fn command_ui(ui: &mut Ui, command: Command, state: &State, actions: &mut Actions) {
    let shortcuts = state.settings.keys.keys(command);
    let shortcut = shortcuts.first().map(|shortcut| keys::words(*shortcut)).unwrap_or_default();
    let mut button = Button::new(command.label()).shortcut_text(shortcut);
    if let Some(is_on) = command.is_on(state) {
        button = button.selected(is_on);
    }
    let obstacle = command.obstacle(state);
    let response = ui.add_enabled(obstacle.is_none(), button).accessible_name(command.label());
    let response = response.on_hover_text(command.tooltip()).on_disabled_hover_text(obstacle.unwrap_or_default());
    if response.clicked() {
        actions.run(command);
        ui.close();
    }
}

fn category_ui(ui: &mut Ui, category: Category, state: &State, services: &Services, actions: &mut Actions) {
    ui.set_min_width(220.0);
    let of_category = Command::all().filter(|command| command.category() == category);
    for command in of_category {
        // What is under way is the one thing that the state does not know.
        if command == Command::CancelWork && !services.jobs.is_busy() {
            ui.add_enabled_ui(false, |ui| command_ui(ui, command, state, actions));
        } else {
            command_ui(ui, command, state, actions);
        }
        if command == Command::OpenDemo {
            ui.menu_button("Open recent", |ui| recent_ui(ui, state, actions));
        }
        if LAST_OF_GROUP.contains(&command) {
            ui.separator();
        }
    }
}

fn recent_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let settings = &state.settings;
    if settings.recent.is_empty() {
        ui.label("Nothing was opened yet");
        return;
    }
    for (index, recent) in settings.recent.iter().enumerate() {
        let label = recent_label(recent, index, state.shown.has_identity);
        if ui.button(label).clicked() {
            actions.send(match recent {
                Recent::Path(path) => Action::OpenPaths(vec![path.clone()]),
                Recent::Cohort(text) => Action::OpenCohort(text.clone()),
            });
            ui.close();
        }
    }
    ui.separator();
    let forget = ui.button("Forget recent files and models");
    if forget.on_hover_text("Removes the list from the settings; the files stay").clicked() {
        let mut settings = settings.clone();
        settings.forget_recent();
        actions.send(Action::SetSettings(Box::new(settings)));
        ui.close();
    }
}

/// What the menu calls something opened lately: the last part of its path, and not even that while identity is hidden,
/// for file names may be patients' names.
fn recent_label(recent: &Recent, index: usize, has_identity: bool) -> String {
    match recent {
        Recent::Path(path) => match path.file_name() {
            Some(name) if has_identity => name.to_string_lossy().into_owned(),
            _ => format!("Image {}", index + 1),
        },
        Recent::Cohort(text) => match text.split_once(':') {
            Some(("phantom", _)) | None => text.clone(),
            Some((kind, folder)) => match std::path::Path::new(folder).file_name() {
                Some(name) if has_identity => format!("{kind}:{}", name.to_string_lossy()),
                _ => format!("{kind}, data set {}", index + 1),
            },
        },
    }
}

fn models_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.set_min_width(260.0);
    if state.models.is_empty() {
        ui.label("No model is open");
    }
    for (position, model) in state.models.iter().enumerate() {
        ui.horizontal(|ui| {
            let button = Button::new(model.title.as_str()).selected(position == state.model);
            let response = ui.add(button).accessible_name(format!("Ask {}", model.title));
            if response.on_hover_text("Asks this model").clicked() {
                actions.send(Action::AskModel(position));
                ui.close();
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let close = ui.small_button("Close").accessible_name(format!("Close {}", model.title));
                if close.on_hover_text("Forgets this model; the file stays").clicked() {
                    actions.send(Action::CloseModel(position));
                    ui.close();
                }
            });
        });
    }
    ui.separator();
    command_ui(ui, Command::OpenModel, state, actions);
    ui.menu_button("Demo models", |ui| {
        ui.label(RichText::new("Trained on phantoms; they find nothing on patients").small());
        for name in demo::CLASSIFIERS {
            model_ui(ui, &ModelSource::Demo((*name).to_owned()), actions);
        }
    });
    ui.menu_button("Recent models", |ui| {
        if state.settings.recent_models.is_empty() {
            ui.label("No model file was opened yet");
        }
        for source in &state.settings.recent_models {
            model_ui(ui, source, actions);
        }
    });
}

fn model_ui(ui: &mut Ui, source: &ModelSource, actions: &mut Actions) {
    if ui.button(source.title()).clicked() {
        actions.send(Action::OpenModel(source.clone()));
        ui.close();
    }
}

fn view_switch_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    // From the right to the left.
    for (view, command) in VIEWS.into_iter().rev() {
        let button = Button::selectable(state.view == view, command.label());
        let response = ui.add(button).accessible_name(format!("{} view", command.label()));
        let keys = keys::all_words(&state.settings.keys.keys(command));
        let tip =
            if keys.is_empty() { command.tooltip().to_owned() } else { format!("{} ({keys})", command.tooltip()) };
        if response.on_hover_text(tip).clicked() {
            actions.send(Action::SetView(view));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_recent_files_are_hidden_with_identity() {
        let path = Recent::Path("/data/DOE^JANE.dcm".into());
        assert_eq!(recent_label(&path, 0, true), "DOE^JANE.dcm");
        assert_eq!(recent_label(&path, 0, false), "Image 1");
        let cohort = Recent::Cohort("siim:/data/jane".to_owned());
        assert_eq!(recent_label(&cohort, 2, true), "siim:jane");
        assert_eq!(recent_label(&cohort, 2, false), "siim, data set 3");
        assert_eq!(recent_label(&Recent::Cohort("phantom:7:50".to_owned()), 0, false), "phantom:7:50");
    }
}
