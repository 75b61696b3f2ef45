//! All jobs: what is under way, what was done, what failed and why.

use egui::{Align, Context, Label, Layout, ProgressBar, Ui};

use super::{change, dialog_ui, scroll_ui};
use crate::job::{Ending, JobReport, Phase};
use crate::workbench::action::{Action, Actions};
use crate::workbench::jobs_bar::{note_read, time_words};
use crate::workbench::services::Services;
use crate::workbench::state::State;
use crate::workbench::steady::steady;
use crate::workbench::theme;

/// Shows all jobs, the newest first.
pub(super) fn jobs_ui(context: &Context, state: &State, services: &Services, actions: &mut Actions) {
    let reports = services.jobs.reports();
    let is_closed = dialog_ui(context, "Jobs", 560.0, |ui| {
        note_read(ui, &reports);
        if reports.is_empty() {
            ui.label("Nothing was done yet; files being opened and maps being computed are listed here");
            return;
        }
        scroll_ui(ui, "jobs", |ui| {
            for report in reports.iter().rev() {
                steady(ui, report.id, |ui| job_ui(ui, report, state.shown.has_identity, actions));
                ui.separator();
            }
        });
        let has_over = reports.iter().any(|report| !report.is_under_way());
        let clear = ui.add_enabled(has_over, egui::Button::new("Clear finished"));
        if clear.on_hover_text("Forgets the jobs that are over, with their messages").clicked() {
            actions.send(Action::ForgetJobs);
        }
    });
    if is_closed {
        change(state, actions, |dialogs| dialogs.jobs = false);
    }
}

fn job_ui(ui: &mut Ui, report: &JobReport, has_identity: bool, actions: &mut Actions) {
    ui.horizontal(|ui| {
        ui.label(report.name.as_str());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| match &report.phase {
            Phase::Waiting | Phase::Running => {
                let cancel = ui.small_button("Cancel").accessible_name(format!("Cancel {}", report.name));
                if cancel.on_hover_text("Stops this job; what is finished stays").clicked() {
                    actions.send(Action::CancelJob(report.id));
                }
                if report.phase == Phase::Waiting {
                    ui.label("waits");
                }
                if let Some(left) = report.time_left() {
                    ui.label(format!("{} left", time_words(left)));
                }
            }
            Phase::Over(Ending::Done(_)) => {
                ui.colored_label(theme::success(ui.visuals()), "done");
            }
            Phase::Over(Ending::Cancelled) => {
                ui.weak("cancelled");
            }
            Phase::Over(Ending::Failed(_)) => {
                ui.colored_label(theme::failure(ui.visuals()), "failed");
            }
        });
    });
    let words = report.words(has_identity).unwrap_or_default();
    match &report.phase {
        Phase::Running => {
            let bar = ProgressBar::new(report.fraction().unwrap_or(0.0)).desired_height(8.0);
            ui.add(bar).accessible_name(format!("Progress of {} in the list", report.name));
        }
        Phase::Over(Ending::Failed(_)) => {
            ui.add(Label::new(egui::RichText::new(words).color(theme::failure(ui.visuals()))).wrap());
        }
        Phase::Over(Ending::Done(Some(_))) => {
            ui.add(Label::new(words).wrap());
        }
        Phase::Waiting | Phase::Over(Ending::Done(None) | Ending::Cancelled) => {}
    }
}
