//! The bar at the bottom: what is being worked on, what failed, which device computes, what the mouse does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use egui::{
    Align, Button, Frame, Galley, Id, Layout, Panel, ProgressBar, Rect, RichText, Sense, TextStyle, Ui, UiBuilder,
    pos2, vec2,
};

use super::action::{Action, Actions};
use super::notice::NoticePlace;
use super::services::Services;
use super::settings::{Drag, MouseButton};
use super::state::State;
use super::steady::steady;
use super::theme;
use crate::job::{Ending, JobId, JobReport, Phase};

/// Height of a line of the bar, in points.
const LINE: f32 = 22.0;

/// Room that work and failures have before the hints at the right get any, in points.
const WORK_ROOM: f32 = 420.0;

/// Between two things in the bar, in points.
const GAP: f32 = 14.0;

/// Draws the bar.
pub(super) fn jobs_bar_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    let frame = Frame::side_top_panel(ui.style());
    let margin = frame.total_margin();
    // A view whose content is wider than the window must not take the bar with it.
    let window = ui.available_rect_before_wrap().intersect(ui.ctx().content_rect());
    let place = NoticePlace::of(ui, window.width() - margin.sum().x, LINE);
    let height = place.height() + margin.sum().y + 2.0;
    Panel::bottom("jobs bar").frame(frame).exact_size(height).show(ui, |ui| {
        let reports = services.jobs.reports();
        let bar = ui.available_rect_before_wrap();
        let bar = Rect::from_x_y_ranges(
            (window.left() + margin.left).max(bar.left())..=(window.right() - margin.right).min(bar.right()),
            bar.y_range(),
        );
        let rest = place.ui(ui, bar);
        let (hints, work) = hints(ui, rest, state, services);
        // First, so that its controls do not hang on how many hints there are.
        part_ui(ui, "work", work, |ui| work_ui(ui, &reports, state, actions));
        for hint in hints {
            hint.ui(ui);
        }
        ui.advance_cursor_after_rect(bar);
    });
}

/// A part of the bar that keeps to its place, whatever is in it.
fn part_ui(ui: &mut Ui, name: &str, rect: Rect, content: impl FnOnce(&mut Ui)) {
    let layout = Layout::left_to_right(Align::Center);
    let mut part = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect).layout(layout));
    part.set_clip_rect(rect.expand2(vec2(0.0, 2.0)).intersect(ui.clip_rect()));
    content(&mut part);
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
    let failed: HashSet<JobId> = reports.iter().filter(|report| has_failed(report)).map(|report| report.id).collect();
    ui.data_mut(|data| data.insert_temp(read_failures_id(), failed));
}

fn has_failed(report: &JobReport) -> bool {
    matches!(report.phase, Phase::Over(Ending::Failed(_)))
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
        reports.iter().filter(|report| has_failed(report) && !read.contains(&report.id)).collect();
    if let Some(report) = unread.last() {
        failure_ui(ui, report, unread.len() - 1, reports, state, actions);
    } else if under_way.is_empty() {
        rest_ui(ui, reports, state, actions);
    }
}

fn progress_ui(ui: &mut Ui, report: &JobReport, others: usize, state: &State, actions: &mut Actions) {
    let name = Button::new(report.name.as_str()).frame(false).truncate();
    let open = within(ui, &report.name, 230.0, name).on_hover_text("Shows all jobs");
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
        let width = (ui.available_width() * 0.5).clamp(24.0, 120.0);
        let bar = ProgressBar::new(report.fraction().unwrap_or(0.0)).desired_width(width).desired_height(12.0);
        ui.add(bar).accessible_name(format!("Progress of {}", report.name));
        if report.total > 0 {
            ui.label(format!("{} of {}", report.done, report.total));
        }
        if report.is_stalled {
            let words = ui.label(RichText::new("a file does not answer yet").color(theme::caution(ui.visuals())));
            words.on_hover_text("Everything else goes on. Look after the disk or the share that it lies on, or cancel");
        } else if let Some(left) = report.time_left() {
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
    others: usize,
    reports: &[JobReport],
    state: &State,
    actions: &mut Actions,
) {
    let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let reason = report.words(state.shown.has_identity).unwrap_or_default();
    let text = format!("{}: {reason}{more}", report.name);
    // The button behind it keeps its room.
    let width = (ui.available_width() - 60.0).max(40.0);
    let colour = theme::failure(ui.visuals());
    let label = egui::Label::new(RichText::new(&text).color(colour)).truncate().sense(Sense::click());
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
        Phase::Over(Ending::Done(Some(_))) => {
            Some(format!("{}: {}", report.name, report.words(state.shown.has_identity)?))
        }
        _ => None,
    });
    let text = said.unwrap_or_else(|| "No work under way".to_owned());
    let response = ui.add(Button::new(text.as_str()).frame(false).truncate());
    if response.on_hover_text("Shows all jobs").clicked() {
        open_list(state, actions);
    }
}

fn open_list(state: &State, actions: &mut Actions) {
    let mut dialogs = state.dialogs.clone();
    dialogs.jobs = true;
    actions.send(Action::SetDialogs(Box::new(dialogs)));
}

/// A button named `text`, at most so wide that `others` points are left for what comes after it.
fn within(ui: &mut Ui, text: &str, others: f32, button: Button<'_>) -> egui::Response {
    let font = TextStyle::Button.resolve(ui.style());
    let natural = ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE).size().x;
    let width = (natural + 2.0 * ui.spacing().button_padding.x).min((ui.available_width() - others).max(60.0));
    let size = vec2(width, ui.available_height());
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_max_width(width);
        ui.add(button)
    })
    .inner
}

/// A few words at the right.
struct Hint {
    name: &'static str,
    words: Arc<Galley>,
    tip: String,
    place: Rect,
}

impl Hint {
    fn ui(self, ui: &mut Ui) {
        part_ui(ui, self.name, self.place, |ui| {
            ui.add(egui::Label::new(self.words).selectable(false)).on_hover_text(self.tip);
        });
    }
}

/// As many hints at the right of `rest` as there is room for, and the part that is left.
fn hints(ui: &Ui, rest: Rect, state: &State, services: &Services) -> (Vec<Hint>, Rect) {
    let font = TextStyle::Body.resolve(ui.style());
    let mut right = rest.right();
    let mut found = Vec::new();
    for (name, text, tip) in [
        ("device", device_words(state, services), device_tip(state)),
        ("mouse", mouse_words(state), "What dragging with each mouse button does; the settings change it".to_owned()),
    ] {
        let words = ui.painter().layout_no_wrap(text, font.clone(), ui.visuals().text_color());
        let left = right - words.size().x;
        if left - GAP - rest.left() < WORK_ROOM {
            break;
        }
        let place = Rect::from_min_max(pos2(left, rest.top()), pos2(right, rest.bottom()));
        found.push(Hint { name, words, tip, place });
        right = left - GAP;
    }
    (found, Rect::from_min_max(rest.min, pos2(right, rest.bottom())))
}

/// What runs networks: for maps, and for a benchmark that began elsewhere.
fn device_words(state: &State, services: &Services) -> String {
    let maps = match services.runtime.started() {
        None => "device is being started".to_owned(),
        Some(Ok(runtime)) => runtime.describe(),
        Some(Err(_)) => "no device".to_owned(),
    };
    let bench = &state.bench;
    match bench.runs_on.as_ref().filter(|runs_on| bench.job.is_some() && **runs_on != maps) {
        Some(runs_on) => format!("maps: {maps} · benchmark: {runs_on}"),
        None => maps,
    }
}

fn device_tip(state: &State) -> String {
    let tip = "What computes maps and the benchmark; the settings change it";
    match state.model().and_then(|model| model.device()) {
        Some(device) => format!("{tip}. This model was last run by {device}"),
        None => tip.to_owned(),
    }
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
