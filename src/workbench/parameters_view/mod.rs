//! Every parameter of the method shown, with the reason for it.

mod field;
mod grad_cam;
mod path;
mod xrai;

use egui::{RichText, Ui};

use super::action::{Action, Actions};
use super::state::State;
use super::theme;
use crate::reading::Question;
use crate::saliency::methods::Reads;
use crate::saliency::{ParameterGroup, Parameters};
use field::number_ui;

/// Draws the parameters that the method shown reads. No control gives a value that [`Parameters::check`] refuses.
pub(super) fn parameters_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let method = state.shown.method;
    let question = &state.question;
    let model = state.model();
    let mut parameters = question.parameters.clone();
    ui.label(RichText::new(format!("of {}", method.title())).small());
    let channels = model.map_or(3, |model| model.model.card.channels);
    let groups = method.spec().groups(&mut parameters);
    if groups.is_empty() {
        ui.label("This method has no parameters of its own");
    }
    for group in groups {
        match group {
            ParameterGroup::Noise(noise) => path::noise_ui(ui, noise),
            ParameterGroup::Path(path) => path::path_ui(ui, path, channels),
            ParameterGroup::Node(node) => grad_cam::node_ui(ui, node, model.map(|open| &open.model.graph)),
            ParameterGroup::Segments(xrai) => xrai::xrai_ui(ui, xrai, channels),
        }
    }
    if let Some(model) = model {
        let is_replaced = question.parameters_for(model).used_by(method) != question.parameters.used_by(method);
        let own = is_replaced.then_some("Under this preset -1 stands for this model's own black");
        if let Some(words) = question.misfit(model, method).or(own) {
            ui.label(RichText::new(words).color(theme::caution(ui.visuals())).small());
        }
    }
    let reason = "Values above this percentile of the map become 1, so that few bright pixels do not darken the rest. \
                  The study: 99";
    number_ui(ui, "clip percentile", &mut parameters.clip_percentile, 1.0..=100.0, 0.1, reason);
    let mut seed = question.seed;
    if method.spec().reads(Reads::Noise) {
        let reason =
            "Another seed gives other noise: a map that changes with it has too few copies. The study set none";
        number_ui(ui, "seed", &mut seed, 0..=u64::MAX, 0.25, reason);
    }
    if ui.button("Defaults of the preset").clicked() {
        parameters = Parameters::of(question.preset);
    }
    if parameters != question.parameters || seed != question.seed {
        actions.send(Action::Ask(Question { parameters, seed, ..question.clone() }));
    }
}
