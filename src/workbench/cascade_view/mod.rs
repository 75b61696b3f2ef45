//! The cascade player: maps of several methods while the network forgets, block by block.

mod choices;
mod export;
mod likeness;
mod rows;
mod timeline;
mod transport;

use std::sync::Arc;

use egui::{Align, CentralPanel, Layout, Margin, Panel, RichText, Ui};

use super::action::{Action, Actions};
use super::caution::Bar;
use super::command::Command;
use super::services::Services;
use super::shelf::Shelved;
use super::state::State;
use super::theme;
use crate::cascade::BetweenImages;
use crate::reading::{CascadeFound, CascadeRun, OpenCase, OpenModel};
use crate::saliency::Method;

/// What is drawn of a cascade in one frame.
struct Scene<'a> {
    state: &'a State,
    services: &'a Services,
    case: &'a Arc<OpenCase>,
    run: &'a Arc<CascadeRun>,
    found: &'a CascadeFound,
}

impl Scene<'_> {
    /// The last state.
    fn last(&self) -> usize {
        self.run.states.len() - 1
    }

    /// What unrelated blurred noise reaches.
    fn control(&self) -> Option<f64> {
        self.run.control(self.found)
    }

    /// What maps of different images reach.
    fn baseline(&self, method: Method) -> Option<BetweenImages> {
        self.run.baseline(self.found, method)
    }

    /// Whether that is still on its way.
    fn is_comparing(&self, method: Method) -> bool {
        self.baseline(method).is_none() && self.services.cascades.is_comparing(self.run, method)
    }

    /// Whether all states of a method are there.
    fn is_whole(&self, method: Method) -> bool {
        self.found.states_of(method) == self.run.states.len()
    }

    /// The name of the state that is seen most.
    fn state_name(&self) -> &str {
        self.run.states.get(self.state.player.state()).map_or("", |state| &state.name)
    }
}

/// Draws the player.
pub(super) fn cascade_view_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    CentralPanel::default().show(ui, |ui| {
        let Some(entry) = state.list.current else {
            empty_ui(ui, "No case is open", "A cascade asks about one radiograph", Command::OpenFiles, state, actions);
            return;
        };
        let Some(model) = state.model() else {
            empty_ui(ui, "No model is open", "A cascade randomizes a network", Command::OpenModel, state, actions);
            return;
        };
        match services.shelf.look(entry) {
            Shelved::Ready(case) => player_ui(ui, state, services, (&case, model), actions),
            Shelved::Failed(reason) => {
                ui.centered_and_justified(|ui| ui.label(format!("This image cannot be shown: {reason}")));
            }
            Shelved::Reading | Shelved::Absent => {
                ui.centered_and_justified(|ui| ui.label("Opening…"));
            }
        }
    });
}

fn player_ui(
    ui: &mut Ui,
    state: &State,
    services: &Services,
    (case, model): (&Arc<OpenCase>, &Arc<OpenModel>),
    actions: &mut Actions,
) {
    let question = state.player.question(&state.question);
    let is_held_back = state.is_held_back(model, case.is_phantom());
    let run = services.cascades.find(case, model, &question).filter(|_| !is_held_back);
    choices::choices_ui(ui, state, services, run.as_ref(), actions);
    ui.separator();
    if let Some(caution) = state.caution(model, case.is_phantom()).filter(|_| is_held_back) {
        let bar = Bar { caution, is_held_back, name: None };
        bar.ui(ui, ui.available_rect_before_wrap(), ui.scope_id().with("caution"), actions);
        return;
    }
    let Some(run) = run else {
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.add_space(40.0);
            ui.heading("What if the network forgets?");
            ui.label("Its weights are replaced by random ones, block by block. A map that stays the same shows nothing learned");
            if ui.button("Compute the cascade").clicked() {
                actions.send(Action::ComputeCascade);
            }
        });
        return;
    };
    let found = run.found();
    let scene = Scene { state, services, case, run: &run, found: &found };
    transport::transport_ui(ui, &scene, actions);
    timeline::timeline_ui(ui, &scene, actions);
    timeline::strip_ui(ui, &scene);
    if let Some(reason) = &found.failure {
        ui.label(RichText::new(format!("The cascade stopped: {reason}")).color(theme::failure(ui.visuals())));
    }
    let height = (ui.available_height() * 0.3).clamp(130.0, 260.0);
    let frame = egui::Frame::new().inner_margin(Margin { top: 4, ..Margin::ZERO });
    Panel::bottom("cascade likeness panel").frame(frame).exact_size(height).show_separator_line(false).show(ui, |ui| {
        likeness::likeness_ui(ui, &scene, actions);
    });
    rows::rows_ui(ui, &scene, actions);
}

fn empty_ui(ui: &mut Ui, heading: &str, words: &str, command: Command, state: &State, actions: &mut Actions) {
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.add_space(60.0);
        ui.heading(heading);
        ui.label(words);
        super::menu::command_ui(ui, command, state, actions);
        super::menu::command_ui(ui, Command::OpenDemo, state, actions);
    });
}

/// Sends the wish to be at a position, unless the player is there.
fn scrub(state: &State, states: usize, position: f32, actions: &mut Actions) {
    let position = position.clamp(0.0, states.saturating_sub(1) as f32);
    if (position - state.player.position).abs() > 1e-4 {
        actions.send(Action::Scrub(position));
    }
}

/// Sends the player as `change` leaves it.
fn change(state: &State, actions: &mut Actions, change: impl FnOnce(&mut super::player::Player)) {
    let mut player = state.player.clone();
    change(&mut player);
    actions.send(Action::SetPlayer(Box::new(player)));
}
