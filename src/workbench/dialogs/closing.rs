//! The question whether to close while work is under way.

use egui::{Context, Frame, Id, Modal};

use super::change;
use crate::workbench::action::{Action, Actions};
use crate::workbench::services::Services;
use crate::workbench::state::State;

/// Jobs named; the rest is counted.
const NAMED: usize = 6;

/// Asks once, with what would be stopped.
pub(super) fn closing_ui(context: &Context, state: &State, services: &Services, actions: &mut Actions) {
    let reports = services.jobs.reports();
    let under_way: Vec<_> = reports.iter().filter(|report| report.is_under_way()).collect();
    let frame = Frame::window(&context.global_style()).inner_margin(14.0);
    let response = Modal::new(Id::unique("closing")).frame(frame).show(context, |ui| {
        ui.set_width(380.0);
        ui.heading("Close while work is under way?");
        ui.add_space(4.0);
        ui.label("What is finished stays; what is under way is stopped");
        ui.add_space(4.0);
        for report in under_way.iter().take(NAMED) {
            let progress = report.fraction().map(|done| format!(", {:.0} %", done * 100.0)).unwrap_or_default();
            ui.label(format!("• {}{progress}", report.name));
        }
        if under_way.len() > NAMED {
            ui.label(format!("and {} more", under_way.len() - NAMED));
        }
        if under_way.is_empty() {
            ui.label("Everything is finished by now");
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Keep working").clicked() {
                ui.close();
            }
            if ui.button("Close").accessible_name("Close the window").clicked() {
                actions.send(Action::CloseNow);
            }
        });
    });
    if response.should_close() {
        change(state, actions, |dialogs| dialogs.closing = false);
    }
}
