//! The benchmark: what is asked, how far it is, what it found.

mod form;
mod plots;
mod verdicts;

use std::fmt::Write;
use std::time::Duration;

use egui::{CentralPanel, ProgressBar, RichText, ScrollArea, Ui};

use super::action::{Action, Actions};
use super::bench::{Bench, BenchWish};
use super::caution::Bar;
use super::jobs_bar::time_words;
use super::services::Services;
use super::state::State;
use super::steady::steady;
use super::theme;
use crate::benchmark::protocol::Test;
use crate::benchmark::verdict::{question, test_title};

/// Draws the page.
pub(super) fn benchmark_view_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    CentralPanel::default().show(ui, |ui| {
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            let bench = &state.bench;
            let is_running = bench.job.is_some();
            let judged = bench.judged.as_ref().and_then(|judged| judged.analysis.caution);
            match bench.caution.or(judged) {
                Some(caution) => steady(ui, "caution", |ui| caution_ui(ui, caution, bench, actions)),
                // What comes after it keeps its identity, and its place where nothing is said.
                None => ui.skip_ahead_auto_ids(1),
            }
            if bench.database.is_none() && !is_running && bench.judging.is_none() {
                form::form_ui(ui, state, actions);
                return;
            }
            head_ui(ui, bench, services, actions);
            for warning in &bench.warnings {
                ui.label(RichText::new(warning).small().color(theme::caution(ui.visuals())));
            }
            ui.separator();
            // Warnings come while a run goes on.
            steady(ui, "tests", |ui| tests_ui(ui, bench, actions));
            steady(ui, "plots", |ui| plots::plot_ui(ui, bench, actions));
            ui.separator();
            steady(ui, "verdicts", |ui| verdicts::verdicts_ui(ui, bench));
        });
    });
}

/// What has to be said of the run's numbers, and the click that it may wait for.
fn caution_ui(ui: &mut Ui, caution: &'static str, bench: &Bench, actions: &mut Actions) {
    let bar = Bar { caution, is_held_back: bench.is_held_back(), name: None };
    let area = ui.available_rect_before_wrap();
    let rest = bar.ui(ui, area, ui.scope_id().with("benchmark"), actions);
    ui.allocate_space(egui::vec2(area.width(), rest.top() - area.top() + ui.spacing().item_spacing.y));
}

/// Sends a wish.
fn wish(actions: &mut Actions, wish: BenchWish) {
    actions.send(Action::Bench(Box::new(wish)));
}

fn head_ui(ui: &mut Ui, bench: &Bench, services: &Services, actions: &mut Actions) {
    let protocol = &bench.protocol;
    ui.horizontal_wrapped(|ui| {
        ui.heading("Benchmark");
        ui.label(format!(
            "preset {}, {} methods, {} tests",
            protocol.preset,
            protocol.methods.len(),
            protocol.tests.len()
        ));
    });
    ui.horizontal_wrapped(|ui| {
        if bench.job.is_some() {
            steady(ui, "running", |ui| running_ui(ui, bench, actions));
        } else {
            steady(ui, "over", |ui| over_ui(ui, bench, actions));
        }
        if bench.judging.is_some() {
            ui.spinner();
            ui.label("judging…");
        }
    });
    if let Some(words) = bench.cost_words().filter(|_| bench.job.is_some()) {
        ui.label(RichText::new(words).small());
    }
    if let Some(progress) = &bench.progress {
        let mut words = format!("{} of {} units", progress.done, progress.total);
        if bench.is_paused() {
            words.push_str(", held");
        } else if bench.job.is_some() {
            let _ = write!(words, ", {:.1} a second so far", progress.units_per_sec);
            if let Some(left) = progress.secs_left {
                let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
                let _ = write!(words, ", about {} left", time_words(left));
            }
        }
        if progress.failed > 0 {
            let _ = write!(words, ", {} failed", progress.failed);
        }
        ui.add(ProgressBar::new(progress.fraction as f32).text(words));
    } else if bench.job.is_some_and(|job| services.jobs.report(job).is_some_and(|report| report.is_under_way())) {
        ui.label("Opening cohort and networks…");
    }
}

/// What can be done to a run.
fn running_ui(ui: &mut Ui, bench: &Bench, actions: &mut Actions) {
    let is_paused = bench.is_paused();
    let name = if is_paused { "Go on" } else { "Pause" };
    if ui.button(name).on_hover_text("Between two passes of the network").clicked() {
        wish(actions, BenchWish::Pause(!is_paused));
    }
    if ui.button("Stop").on_hover_text("What is finished is kept; it can go on later").clicked() {
        wish(actions, BenchWish::Stop);
    }
    if ui.button("Judge so far").on_hover_text("Verdicts from the numbers that are there").clicked() {
        wish(actions, BenchWish::Judge);
    }
}

/// What can be done with a run that ended or was stopped.
fn over_ui(ui: &mut Ui, bench: &Bench, actions: &mut Actions) {
    if ui.button("Continue").on_hover_text("Computes the units that are missing").clicked() {
        wish(actions, BenchWish::Continue);
    }
    if ui.button("New benchmark").on_hover_text("The run stays in its folder").clicked() {
        wish(actions, BenchWish::Close);
    }
    let words = "report.html beside the database, with radiographs and maps where they were kept; names no patient";
    if bench.judged.is_some() && ui.button("Write the report").on_hover_text(words).clicked() {
        wish(actions, BenchWish::Report);
    }
}

fn tests_ui(ui: &mut Ui, bench: &Bench, actions: &mut Actions) {
    ui.horizontal_wrapped(|ui| {
        for test in Test::ALL.into_iter().filter(|test| bench.protocol.tests.contains(test)) {
            let response = ui.selectable_label(bench.test == test, test_title(test));
            if response.on_hover_text(question(test)).clicked() {
                wish(actions, BenchWish::Show(test));
            }
        }
    });
}
