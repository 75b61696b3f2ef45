//! The bar at the bottom: what is being worked on, what failed, which device computes, what the mouse does.

use std::collections::HashSet;
use std::time::Duration;

use egui::{Align, Button, Id, Layout, Panel, ProgressBar, Sense, Ui};

use super::action::{Action, Actions};
use super::services::Services;
use super::settings::{Drag, MouseButton};
use super::state::State;
use super::steady::steady;
use super::theme;
use crate::job::{Ending, JobId, JobReport, Phase};

/// Draws the bar.
pub(super) fn jobs_bar_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    Panel::bottom("jobs bar").show(ui, |ui| {
        let reports = services.jobs.reports();
        ui.horizontal(|ui| {
            ui.set_min_height(22.0);
            work_ui(ui, &reports, state, actions);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| hints_ui(ui, state));
        });
    });
}

/// Time left in words, rounded so that it does not flicker.
pub(super) fn time_words(left: Duration) -> String {
    match left.as_secs() {
        0 => "a moment".to_owned(),
        secs @ 1..60 => format!("{secs} s"),
        secs @ 60..3600 => format!("{} min", secs.div_ceil(60)),
        secs => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

/// Failures whose text was looked at.
fn read_failures_id() -> Id {
    Id::unique("failures that were read")
}

/// Notes that all failures so far were read.
pub(super) fn note_read(ui: &Ui, reports: &[JobReport]) {
    let failed: HashSet<JobId> =
        reports.iter().filter(|report| failure(report).is_some()).map(|report| report.id).collect();
    ui.data_mut(|data| data.insert_temp(read_failures_id(), failed));
}

/// Why a job failed.
pub(super) fn failure(report: &JobReport) -> Option<&str> {
    match &report.phase {
        Phase::Over(Ending::Failed(reason)) => Some(reason),
        _ => None,
    }
}

fn work_ui(ui: &mut Ui, reports: &[JobReport], state: &State, actions: &mut Actions) {
    let under_way: Vec<&JobReport> = reports.iter().filter(|report| report.is_under_way()).collect();
    // What runs says more than what waits behind it.
    let running = under_way.iter().rev().find(|report| report.phase == Phase::Running);
    if let Some(report) = running.or(under_way.last()) {
        steady(ui, report.id, |ui| progress_ui(ui, report, under_way.len() - 1, state, actions));
        ui.separator();
    }
    let read: HashSet<JobId> = ui.data(|data| data.get_temp(read_failures_id())).unwrap_or_default();
    let unread: Vec<&JobReport> =
        reports.iter().filter(|report| failure(report).is_some() && !read.contains(&report.id)).collect();
    if let Some((report, reason)) = unread.last().and_then(|report| Some((*report, failure(report)?))) {
        failure_ui(ui, report, reason, unread.len() - 1, reports, state, actions);
    } else if under_way.is_empty() {
        rest_ui(ui, reports, state, actions);
    }
}

fn progress_ui(ui: &mut Ui, report: &JobReport, others: usize, state: &State, actions: &mut Actions) {
    let open = ui.add(Button::new(report.name.as_str()).frame(false)).on_hover_text("Shows all jobs");
    if open.clicked() {
        open_list(state, actions);
    }
    // Before the numbers, which change their width: it stays under the mouse.
    let cancel = ui.small_button("Cancel").accessible_name("Cancel this job");
    if cancel.on_hover_text("Stops this job; what is finished stays").clicked() {
        actions.send(Action::CancelJob(report.id));
    }
    if report.phase == Phase::Waiting {
        ui.label("waits");
    } else {
        let bar = ProgressBar::new(report.fraction().unwrap_or(0.0)).desired_width(120.0).desired_height(12.0);
        ui.add(bar).accessible_name(format!("Progress of {}", report.name));
        if report.total > 0 {
            ui.label(format!("{} of {}", report.done, report.total));
        }
        if let Some(left) = report.time_left() {
            ui.label(format!("{} left", time_words(left)));
        }
    }
    if others > 0 {
        let more = ui.add(Button::new(format!("and {others} more")).frame(false)).on_hover_text("Shows all jobs");
        if more.clicked() {
            open_list(state, actions);
        }
    }
}

fn failure_ui(
    ui: &mut Ui,
    report: &JobReport,
    reason: &str,
    others: usize,
    reports: &[JobReport],
    state: &State,
    actions: &mut Actions,
) {
    let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let text = format!("{}: {reason}{more}", report.name);
    // The right side keeps its room.
    let width = (ui.available_width() - 420.0).max(160.0);
    let colour = theme::failure(ui.visuals());
    let label = egui::Label::new(egui::RichText::new(&text).color(colour)).truncate().sense(Sense::click());
    let size = egui::vec2(width, ui.available_height());
    let place = Layout::left_to_right(Align::Center);
    let response = ui.allocate_ui_with_layout(size, place, |ui| ui.add(label)).inner;
    if response.on_hover_text(&text).clicked() {
        open_list(state, actions);
    }
    if ui.small_button("Read").on_hover_text("Takes the message away; the list of jobs keeps it").clicked() {
        note_read(ui, reports);
    }
}

/// What there is to say when nothing is under way.
fn rest_ui(ui: &mut Ui, reports: &[JobReport], state: &State, actions: &mut Actions) {
    let said = reports.iter().rev().find_map(|report| match &report.phase {
        Phase::Over(Ending::Done(Some(what))) => Some(format!("{}: {what}", report.name)),
        _ => None,
    });
    let text = said.unwrap_or_else(|| "No work under way".to_owned());
    let response = ui.add(Button::new(text.as_str()).frame(false));
    if response.on_hover_text("Shows all jobs").clicked() {
        open_list(state, actions);
    }
}

fn open_list(state: &State, actions: &mut Actions) {
    let mut dialogs = state.dialogs.clone();
    dialogs.jobs = true;
    actions.send(Action::SetDialogs(Box::new(dialogs)));
}

fn hints_ui(ui: &mut Ui, state: &State) {
    // From the right to the left.
    let device = state.model().and_then(|model| model.device());
    ui.label(device.unwrap_or_else(|| "no model asked yet".to_owned())).on_hover_text("What computes maps");
    ui.separator();
    ui.label(mouse_words(state)).on_hover_text("What dragging with each mouse button does; the settings change it");
}

/// What the mouse does now.
pub(super) fn mouse_words(state: &State) -> String {
    let drag = |button: MouseButton| match state.settings.mouse.drag(button) {
        Drag::Window => "window",
        Drag::Pan => "pan",
        Drag::Zoom => "zoom",
    };
    let left = if state.tools.measure { "measure" } else { drag(MouseButton::Left) };
    format!("Left {left} · Middle {} · Right {}", drag(MouseButton::Middle), drag(MouseButton::Right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workbench::settings::Settings;

    #[test]
    fn time_is_told_coarsely() {
        for (secs, words) in [(0, "a moment"), (59, "59 s"), (61, "2 min"), (3600, "1 h 0 min"), (5400, "1 h 30 min")] {
            assert_eq!(time_words(Duration::from_secs(secs)), words);
        }
    }

    #[test]
    fn the_hint_follows_buttons_and_tools() {
        let mut state = State::new(Settings::default());
        assert_eq!(mouse_words(&state), "Left window · Middle pan · Right zoom");
        state.settings.assign_drag(MouseButton::Left, Drag::Zoom);
        assert_eq!(mouse_words(&state), "Left zoom · Middle pan · Right window");
        state.tools.measure = true;
        assert_eq!(mouse_words(&state), "Left measure · Middle pan · Right window");
    }
}
