//! The choice of files.

use std::sync::Arc;

use egui::{Button, Frame, RichText, Ui};

use super::change;
use crate::reading::{CascadeFile, CascadeRun};
use crate::workbench::action::{Action, Actions};
use crate::workbench::state::{PathPurpose, State};

/// Draws what can be written, and the button that writes it.
pub(super) fn export_ui(ui: &mut Ui, state: &State, run: Option<&Arc<CascadeRun>>, actions: &mut Actions) {
    Frame::group(ui.style()).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for file in CascadeFile::ALL {
                let mut is_wanted = state.player.files.contains(&file);
                if ui.checkbox(&mut is_wanted, file.name()).on_hover_text(file.words()).changed() {
                    change(state, actions, |player| {
                        player.files.retain(|other| *other != file);
                        if is_wanted {
                            player.files.push(file);
                        }
                    });
                }
            }
            let can_write = obstacle(state, run);
            let response = ui.add_enabled(can_write.is_none(), Button::new("Write to a folder…"));
            let response = response.on_hover_text("A new folder saliscope-cascade is made inside the one you choose");
            if response.on_disabled_hover_text(can_write.unwrap_or_default()).clicked() {
                actions.send(Action::AskPath(PathPurpose::CascadeExport));
            }
        });
        ui.label(RichText::new("Methods that lack a state are left out. Neither path nor patient is written").small());
    });
}

/// Why nothing can be written.
fn obstacle(state: &State, run: Option<&Arc<CascadeRun>>) -> Option<&'static str> {
    if state.player.files.is_empty() {
        return Some("Choose a file first");
    }
    let Some(run) = run else { return Some("Compute the cascade first") };
    let found = run.found();
    let is_whole = |method: &crate::saliency::Method| found.states_of(*method) == run.states.len();
    (!state.player.methods.iter().any(is_whole)).then_some("No method has all its states yet")
}
