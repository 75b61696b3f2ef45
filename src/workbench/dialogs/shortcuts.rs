//! The sheet of keys and mouse buttons, where keys can be assigned anew.

use egui::{Context, Event, Grid, Key, KeyboardShortcut, Modifiers, RichText, Ui};

use super::{change, dialog_ui, scroll_ui};
use crate::workbench::action::{Action, Actions};
use crate::workbench::command::{Category, Command};
use crate::workbench::keys::{self, Chord};
use crate::workbench::settings::{Drag, MouseButton};
use crate::workbench::state::{Assigning, State};
use crate::workbench::theme;

/// What the mouse does beside dragging, and what no command has.
const FIXED: [(&str, &str); 8] = [
    ("Shift+left drag", "moves the picture"),
    ("Wheel", "next or previous map; in a comparison, case"),
    ("Shift+wheel", "next or previous case"),
    ("Ctrl+wheel", "zooms at the pointer"),
    ("Double-click", "fits the picture; in a comparison, lets a tile fill the view"),
    ("Right click", "opens the menu of a picture or a row"),
    ("Ctrl+click in the list", "adds a case to the comparison, or takes it out"),
    ("Hold S", "hides the map while held"),
];

/// Draws the sheet.
pub(super) fn shortcuts_ui(context: &Context, state: &State, actions: &mut Actions) {
    if let Some(assigning) = &state.dialogs.assigning {
        take_keys(context, assigning, state, actions);
    }
    let is_closed = dialog_ui(context, "Shortcuts", 620.0, |ui| {
        if let Some(assigning) = &state.dialogs.assigning {
            assigning_ui(ui, assigning, state, actions);
            ui.separator();
        }
        scroll_ui(ui, "shortcuts", |ui| {
            mouse_ui(ui, state);
            for category in Category::ALL {
                ui.add_space(6.0);
                ui.label(RichText::new(category.name()).strong());
                Grid::new(category.name()).num_columns(3).min_col_width(150.0).striped(true).show(ui, |ui| {
                    for command in Command::all().filter(|command| command.category() == category) {
                        command_row_ui(ui, command, state, actions);
                        ui.end_row();
                    }
                });
            }
        });
    });
    if is_closed {
        change(state, actions, |dialogs| (dialogs.shortcuts, dialogs.assigning) = (false, None));
    }
}

fn mouse_ui(ui: &mut Ui, state: &State) {
    ui.label(RichText::new("Mouse").strong());
    Grid::new("mouse").num_columns(2).min_col_width(150.0).striped(true).show(ui, |ui| {
        for button in MouseButton::ALL {
            ui.label(format!("{} drag", button.name()));
            ui.label(match state.settings.mouse.drag(button) {
                Drag::Window => "left and right the width of the window, up and down its centre",
                Drag::Pan => "moves the picture",
                Drag::Zoom => "up enlarges, down reduces",
            });
            ui.end_row();
        }
        for (what, does) in FIXED {
            ui.label(what);
            ui.label(does);
            ui.end_row();
        }
    });
}

fn command_row_ui(ui: &mut Ui, command: Command, state: &State, actions: &mut Actions) {
    ui.label(command.label().trim_end_matches('…')).on_hover_text(command.tooltip());
    let words = keys::all_words(&state.settings.keys.keys(command));
    ui.label(if words.is_empty() { "no key".to_owned() } else { words });
    ui.horizontal(|ui| {
        let name = format!("Change keys of {}", command.label());
        if ui.small_button("Change").accessible_name(name).on_hover_text("Waits for the new keys").clicked() {
            change(state, actions, |dialogs| {
                dialogs.assigning = Some(Assigning { command, taken: None, refused: None });
            });
        }
        if state.settings.keys.is_assigned(command) {
            let name = format!("Default keys of {}", command.label());
            if ui.small_button("Default").accessible_name(name).clicked() {
                reset(command, state, actions);
            }
        }
    });
}

fn reset(command: Command, state: &State, actions: &mut Actions) {
    let mut settings = state.settings.clone();
    match settings.keys.reset(command) {
        Ok(()) => actions.send(Action::SetSettings(Box::new(settings))),
        Err(other) => {
            let taken = command.default_keys().iter().copied().find(|key| settings.keys.keys(other).contains(key));
            change(state, actions, |dialogs| {
                dialogs.assigning = Some(Assigning { command, taken: taken.map(|key| (key, other)), refused: None });
            });
        }
    }
}

fn assigning_ui(ui: &mut Ui, assigning: &Assigning, state: &State, actions: &mut Actions) {
    let label = assigning.command.label().trim_end_matches('…');
    ui.label(format!("Press the new keys of {label}; Esc keeps the old ones"));
    ui.horizontal(|ui| {
        if let Some(why) = assigning.refused {
            ui.colored_label(theme::caution(ui.visuals()), why);
        }
        if let Some((shortcut, other)) = assigning.taken {
            let keys = keys::words(shortcut);
            let text = format!("{keys} belongs to {}", other.label().trim_end_matches('…'));
            ui.colored_label(theme::caution(ui.visuals()), text);
            let take = ui.button(format!("Give {keys} to {label}"));
            if take.on_hover_text("The other command loses these keys").clicked() {
                let mut settings = state.settings.clone();
                settings.keys.take(shortcut);
                if settings.keys.assign(assigning.command, shortcut).is_ok() {
                    actions.send(Action::SetSettings(Box::new(settings)));
                }
                change(state, actions, |dialogs| dialogs.assigning = None);
            }
        }
        if ui.button("No key").accessible_name(format!("No key for {label}")).clicked() {
            let mut settings = state.settings.clone();
            settings.keys.clear(assigning.command);
            actions.send(Action::SetSettings(Box::new(settings)));
            change(state, actions, |dialogs| dialogs.assigning = None);
        }
        if ui.button("Keep the old keys").clicked() {
            change(state, actions, |dialogs| dialogs.assigning = None);
        }
    });
}

/// Takes the keys pressed in this frame, so that nobody else hears them.
fn take_keys(context: &Context, assigning: &Assigning, state: &State, actions: &mut Actions) {
    let mut pressed = None;
    context.input_mut(|input| {
        input.events.retain(|event| match event {
            Event::Key { key, pressed: true, repeat: false, modifiers, .. } => {
                pressed = pressed.or(Some(KeyboardShortcut::new(*modifiers, *key)));
                false
            }
            Event::Key { .. } | Event::Text(_) => false,
            _ => true,
        });
    });
    // Ctrl and Cmd are one modifier here, as in the defaults.
    let Some(shortcut) = pressed.map(|shortcut| KeyboardShortcut::from(Chord::from(shortcut))) else { return };
    let command = assigning.command;
    if shortcut.logical_key == Key::Escape {
        change(state, actions, |dialogs| dialogs.assigning = None);
        return;
    }
    if let Some(why) = reserved(shortcut) {
        let refused = Some(why);
        change(state, actions, |dialogs| dialogs.assigning = Some(Assigning { command, taken: None, refused }));
        return;
    }
    let mut settings = state.settings.clone();
    match settings.keys.assign(command, shortcut) {
        Ok(()) => {
            actions.send(Action::SetSettings(Box::new(settings)));
            change(state, actions, |dialogs| dialogs.assigning = None);
        }
        Err(other) => {
            let taken = Some((shortcut, other));
            change(state, actions, |dialogs| dialogs.assigning = Some(Assigning { command, taken, refused: None }));
        }
    }
}

/// Why keys cannot be assigned at all.
fn reserved(shortcut: KeyboardShortcut) -> Option<&'static str> {
    match shortcut.logical_key {
        Key::S if shortcut.modifiers == Modifiers::NONE => Some("S hides the map while held"),
        Key::Tab => Some("Tab moves from one control to the next"),
        Key::Enter if shortcut.modifiers == Modifiers::NONE => Some("Enter presses the control that has the focus"),
        _ => None,
    }
}
