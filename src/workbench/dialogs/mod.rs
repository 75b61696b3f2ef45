//! Windows over the view, one file each.

mod closing;
mod convert;
mod drop_hint;
mod export;
mod jobs;
mod method_card;
mod palette;
mod path;
mod settings;
mod shortcuts;

use egui::{Context, Frame, Id, Modal, Ui};

use super::action::{Action, Actions};
use super::services::Services;
use super::state::{Dialogs, State};

/// Draws the dialogs that are open.
pub(super) fn dialogs_ui(context: &Context, state: &State, services: &Services, actions: &mut Actions) {
    let dialogs = &state.dialogs;
    if dialogs.jobs {
        jobs::jobs_ui(context, state, services, actions);
    }
    if dialogs.settings {
        settings::settings_ui(context, state, services, actions);
    }
    if dialogs.shortcuts {
        shortcuts::shortcuts_ui(context, state, actions);
    }
    if let Some(method) = dialogs.method_card {
        method_card::method_card_ui(context, method, state, actions);
    }
    if dialogs.export {
        export::export_ui(context, state, services, actions);
    }
    if let Some(form) = &dialogs.convert {
        convert::convert_ui(context, form, state, services, actions);
    }
    if let Some(field) = &dialogs.path {
        path::path_ui(context, field, state, actions);
    }
    if let Some(typed) = &dialogs.palette {
        palette::palette_ui(context, typed, state, actions);
    }
    if dialogs.closing {
        closing::closing_ui(context, state, services, actions);
    }
    drop_hint::drop_hint_ui(context);
}

/// Sends the dialogs as `change` leaves them.
fn change(state: &State, actions: &mut Actions, change: impl FnOnce(&mut Dialogs)) {
    let mut dialogs = state.dialogs.clone();
    change(&mut dialogs);
    actions.send(Action::SetDialogs(Box::new(dialogs)));
}

/// A dialog with a heading and a button that closes it; says whether it is to be closed.
fn dialog_ui(context: &Context, title: &str, width: f32, content: impl FnOnce(&mut Ui)) -> bool {
    let frame = Frame::window(&context.global_style()).inner_margin(14.0);
    let response = Modal::new(Id::unique(title)).frame(frame).show(context, |ui| {
        ui.set_width(width.min(ui.ctx().content_rect().width() - 60.0));
        ui.horizontal(|ui| {
            ui.heading(title);
            let place = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(place, |ui| {
                if ui.button("Close").accessible_name(format!("Close {}", title.to_lowercase())).clicked() {
                    ui.close();
                }
            });
        });
        ui.separator();
        content(ui);
    });
    response.should_close()
}

/// A list that scrolls where the window is not tall enough.
fn scroll_ui(ui: &mut Ui, salt: &str, content: impl FnOnce(&mut Ui)) {
    let height = (ui.ctx().content_rect().height() - 190.0).max(120.0);
    egui::ScrollArea::vertical().id_salt(salt).max_height(height).auto_shrink([false, true]).show(ui, content);
}
