//! The command palette: any command by a few letters of its name.

use egui::{Align2, Area, Button, Context, Frame, Id, Key, Modal, Modifiers, Order, ScrollArea, TextEdit, vec2};

use super::change;
use crate::workbench::action::Actions;
use crate::workbench::command::Command;
use crate::workbench::keys;
use crate::workbench::state::State;

/// Draws the palette over everything else.
pub(super) fn palette_ui(context: &Context, typed: &str, state: &State, actions: &mut Actions) {
    let found = found(typed);
    let chosen_id = Id::unique("chosen in the palette");
    let before: (String, usize) = context.data(|data| data.get_temp(chosen_id)).unwrap_or_default();
    // What is typed anew begins with the best again.
    let mut chosen = if before.0 == typed { before.1.min(found.len().saturating_sub(1)) } else { 0 };
    let pressed = |key| context.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let mut is_moved = false;
    if pressed(Key::ArrowDown) && chosen + 1 < found.len() {
        (chosen, is_moved) = (chosen + 1, true);
    }
    if pressed(Key::ArrowUp) && chosen > 0 {
        (chosen, is_moved) = (chosen - 1, true);
    }
    let mut run = pressed(Key::Enter).then(|| found.get(chosen).copied()).flatten();
    context.data_mut(|data| data.insert_temp(chosen_id, (typed.to_owned(), chosen)));

    let area = Area::new(Id::unique("palette")).order(Order::Foreground).anchor(Align2::CENTER_TOP, vec2(0.0, 60.0));
    let frame = Frame::window(&context.global_style()).inner_margin(10.0);
    let mut text = typed.to_owned();
    let response = Modal::new(Id::unique("palette")).area(area).frame(frame).show(context, |ui| {
        ui.set_width(440.0);
        let field = TextEdit::singleline(&mut text).hint_text("Type a command").char_limit(100);
        let field = ui.add(field.desired_width(f32::INFINITY)).accessible_name("Command");
        field.request_focus();
        if found.is_empty() {
            ui.label("No command is called so");
        }
        ScrollArea::vertical().max_height(360.0).auto_shrink([false, true]).show(ui, |ui| {
            for (index, command) in found.iter().enumerate() {
                let shortcuts = keys::all_words(&state.settings.keys.keys(*command));
                let button = Button::new(command.label())
                    .shortcut_text(shortcuts)
                    .selected(index == chosen)
                    .frame(index == chosen);
                let obstacle = command.obstacle(state);
                let name = format!("{} ({})", command.label(), command.category().name());
                let size = vec2(ui.available_width(), 0.0);
                let row = ui.add_enabled(obstacle.is_none(), button.min_size(size)).accessible_name(name);
                if index == chosen && is_moved {
                    row.scroll_to_me(None);
                }
                let row = row.on_hover_text(command.tooltip()).on_disabled_hover_text(obstacle.unwrap_or_default());
                if row.clicked() {
                    run = Some(*command);
                }
            }
        });
    });
    run = run.filter(|command| command.obstacle(state).is_none());
    if let Some(command) = run {
        change(state, actions, |dialogs| dialogs.palette = None);
        // After the palette is gone: the command may open another dialog.
        if command != Command::Palette {
            actions.run(command);
        }
    } else if response.should_close() {
        change(state, actions, |dialogs| dialogs.palette = None);
    } else if text != typed {
        change(state, actions, |dialogs| dialogs.palette = Some(text));
    }
}

/// The commands that `typed` may mean, the likeliest first; all where nothing is typed.
pub(super) fn found(typed: &str) -> Vec<Command> {
    let typed = typed.trim().to_lowercase();
    let mut found: Vec<(u32, Command)> =
        Command::all().filter_map(|command| Some((likeness(&typed, command)?, command))).collect();
    // Stable, so that equals keep the order of the menus.
    found.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    found.into_iter().map(|(_, command)| command).collect()
}

/// How well `typed`, in lower case, fits a command; `None` where its letters do not occur in this order.
fn likeness(typed: &str, command: Command) -> Option<u32> {
    let label = command.label().to_lowercase();
    if let Some(at) = label.find(typed) {
        let is_word = at == 0 || label[..at].ends_with([' ', ':']);
        return Some(if at == 0 {
            1000
        } else if is_word {
            900
        } else {
            700
        });
    }
    if command.tooltip().to_lowercase().contains(typed) {
        return Some(300);
    }
    let mut letters = label.chars();
    let mut gaps = 0;
    for wanted in typed.chars().filter(|letter| !letter.is_whitespace()) {
        gaps += letters.by_ref().position(|letter| letter == wanted)?;
    }
    Some(200_u32.saturating_sub(gaps as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        assert_eq!(found("")[0], Command::OpenFiles);
        assert_eq!(found("").len(), Command::all().count());
        assert_eq!(found("invert")[0], Command::Invert);
        assert_eq!(found("lungs")[0], Command::WindowLungs);
        assert_eq!(found("opim")[0], Command::OpenFiles);
        assert_eq!(found("Patient's").len(), 0);
        assert_eq!(found("yellow")[0], Command::ToggleTruth);
    }
}
