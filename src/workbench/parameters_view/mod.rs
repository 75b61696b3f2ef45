//! Every parameter of the method shown, with the reason for it.

mod field;
mod grad_cam;
mod path;
mod xrai;

use egui::{RichText, Ui};

use super::action::{Action, Actions};
use super::state::State;
use super::theme;
use crate::limits;
use crate::reading::Question;
use crate::saliency::methods::{Occlusion, Reads};
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
    let shorter_side = model.map(|model| model.model.card.input_size.into_iter().fold(usize::MAX, usize::min));
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
            ParameterGroup::Occlusion(occlusion) => occlusion_ui(ui, occlusion, channels, shorter_side),
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

/// Draws the parameters of OCCLUSION; no patch is larger than the shorter side of the model's input, in pixels.
fn occlusion_ui(ui: &mut Ui, occlusion: &mut Occlusion, channels: usize, shorter_side: Option<usize>) {
    let most = shorter_side.unwrap_or(usize::MAX).clamp(limits::PATCH_PX.least, limits::PATCH_PX.most);
    let reason = "Side of the square that covers the image, in pixels of the model's input. Smaller patches find smaller \
                  things and change the score less";
    number_ui(ui, "patch", &mut occlusion.patch_px, 1..=most, 0.25, reason);
    let reason = "From one place to the next, in pixels. Half of it takes four times as long and gives a finer map";
    number_ui(ui, "stride", &mut occlusion.stride_px, 1..=occlusion.patch_px, 0.25, reason);
    path::baseline_ui(ui, "covered by", &mut occlusion.fill, channels, "The study did not test it");
}
