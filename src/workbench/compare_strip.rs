//! The strip above a comparison: what is compared, what tiles share, and how alike the two chosen maps are.

use std::sync::Arc;

use egui::{Button, ComboBox, Frame, Margin, RichText, Ui};

use super::action::{Action, Actions};
use super::command::Command;
use super::likenesses::Likeness;
use super::menu::command_ui;
use super::services::Services;
use super::shown::MapValues;
use super::state::{CompareMode, Links, State, TileSubject};
use super::theme;
use crate::cascade::Similarity;
use crate::reading::{Answer, OpenModel, Standing};
use crate::saliency::Method;

/// Draws the strip.
pub(super) fn strip_ui(
    ui: &mut Ui,
    state: &State,
    services: &Services,
    tiles: &[TileSubject],
    names: &[String],
    actions: &mut Actions,
) {
    let frame = Frame::new().fill(ui.visuals().panel_fill).inner_margin(Margin::symmetric(6, 4));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            mode_ui(ui, state, actions);
            match state.compare.mode {
                CompareMode::Methods => beyond_ui(ui, state, actions),
                CompareMode::Models | CompareMode::Images => method_ui(ui, state, actions),
            }
            ui.separator();
            links_ui(ui, state, actions);
        });
        ui.horizontal_wrapped(|ui| match state.compare.mode {
            CompareMode::Models if tiles.len() == 1 => {
                ui.label("Only one model is open. Open another to see whether maps survive a new training");
                command_ui(ui, Command::OpenModel, state, actions);
            }
            CompareMode::Images if tiles.len() == 1 => {
                ui.label("Only this image is chosen. Right click another in the list, then “Compare with this”");
            }
            _ => pair_ui(ui, state, services, tiles, names, actions),
        });
    });
}

fn mode_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    for mode in CompareMode::ALL {
        let tip = match mode {
            CompareMode::Methods => "The radiograph and all methods of the model that is asked",
            CompareMode::Models => "One method of every open model: do maps survive a new training?",
            CompareMode::Images => "One method over the images chosen in the list",
        };
        let button = Button::selectable(state.compare.mode == mode, mode.name());
        let response = ui.add(button).accessible_name(format!("Compare {}", mode.name().to_lowercase()));
        if response.on_hover_text(tip).clicked() && state.compare.mode != mode {
            actions.send(Action::SetCompareMode(mode));
        }
    }
}

fn method_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let shown = state.shown.method;
    let combo = ComboBox::from_id_salt("method of the comparison").selected_text(shown.name()).width(76.0);
    let combo = combo.show_ui(ui, |ui| {
        for method in Method::ALL {
            let response = ui.selectable_label(method == shown, format!("{}  {}", method.name(), method.title()));
            if response.clicked() {
                actions.send(Action::ShowMethod(method));
            }
        }
    });
    combo.response.accessible_name("Method").on_hover_text("Whose maps are compared ([ and ] step through them)");
}

/// The choice of a method beyond the study as one more tile.
fn beyond_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    const NONE: &str = "the study’s";
    if Method::beyond_study().next().is_none() {
        return;
    }
    let shown = state.shown.method;
    let text = if shown.is_of_study() { NONE } else { shown.name() };
    let combo = ComboBox::from_id_salt("method beyond the study").selected_text(text).width(96.0);
    let combo = combo.show_ui(ui, |ui| {
        if ui.selectable_label(shown.is_of_study(), NONE).clicked() && !shown.is_of_study() {
            actions.send(Action::ShowMethod(Method::STUDY[0]));
        }
        for method in Method::beyond_study() {
            let response = ui.selectable_label(method == shown, format!("{}  {}", method.name(), method.title()));
            if response.clicked() {
                actions.send(Action::ShowMethod(method));
            }
        }
    });
    combo.response.accessible_name("One more method").on_hover_text("A method beyond the study as one more tile");
}

fn links_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let links = state.compare.links;
    ui.label("Linked");
    let mut toggle = |name: &str, is_on: bool, tip: &str, changed: Links| {
        let text = RichText::new(name);
        let text = if is_on { text.color(theme::linked(ui.visuals())) } else { text.weak() };
        let response = ui.add(Button::selectable(is_on, text)).accessible_name(format!("Link {}", name.to_lowercase()));
        let words = if is_on {
            "All tiles share it; a click lets each have its own"
        } else {
            "Each tile has its own; a click lets all share it"
        };
        if response.on_hover_text(format!("{tip}\n{words}")).clicked() {
            actions.send(Action::SetLinks(changed));
        }
    };
    toggle(
        "Look",
        links.look,
        "Pan and zoom; turn and mirror belong to each image",
        Links { look: !links.look, ..links },
    );
    toggle(
        "Window",
        links.window,
        "Gray levels; inversion belongs to each image",
        Links { window: !links.window, ..links },
    );
    toggle(
        "Cursor",
        links.cursor,
        "The pointer's place: hold Shift, or press H",
        Links { cursor: !links.cursor, ..links },
    );
    toggle("Opacity", links.opacity, "Opacity and threshold of the maps", Links { opacity: !links.opacity, ..links });
    let tip = match (state.compare.mode, state.shown.values) {
        (CompareMode::Methods, MapValues::Raw) => {
            "What the colours show. Raw maps of different methods have no unit in common, so each keeps its own scale"
        }
        (_, MapValues::Raw) => "One scale for the raw maps of all tiles",
        _ => "What the colours show. Raw maps then have one scale; maps of 0 to 1 are scaled each by itself",
    };
    toggle("Colours", links.colour_range, tip, Links { colour_range: !links.colour_range, ..links });
}

/// The two chosen tiles, how alike their maps are, and what that is called.
fn pair_ui(
    ui: &mut Ui,
    state: &State,
    services: &Services,
    tiles: &[TileSubject],
    names: &[String],
    actions: &mut Actions,
) {
    let chosen: Vec<usize> = state.compare.pair.iter().flatten().copied().filter(|tile| *tile < tiles.len()).collect();
    let [first, second] = match chosen.as_slice() {
        [] => {
            ui.label("Click the headers of two maps to see how alike they are");
            return;
        }
        [one] => {
            ui.label(format!("{} is chosen. Click the header of another map", names[*one]));
            return;
        }
        [first, second, ..] => [*first, *second],
    };
    ui.label(RichText::new(format!("{} and {}", names[first], names[second])).strong());
    // Before all that comes later: what arrives between the mouse going down and up must not move what is pressed.
    let letting_go = ui.small_button("Let go").accessible_name("Choose no pair");
    if letting_go.on_hover_text("Chooses no pair").clicked() {
        // Choosing a chosen tile lets it go.
        actions.send(Action::ChooseTile(first));
        actions.send(Action::ChooseTile(second));
    }
    let answers = [first, second].map(|tile| answer(&tiles[tile], state, services));
    let [Some(a), Some(b)] = answers else {
        ui.label("The likeness comes when both maps are ready");
        return;
    };
    match services.likenesses.look(&services.jobs, &a, &b) {
        Likeness::Pending => drop(ui.label("is being measured…")),
        Likeness::Known(similarity) => similarity_ui(ui, &similarity),
    }
    let models = [first, second].map(|tile| state.models.get(tiles[tile].model));
    let (name, text) = meaning(state.compare.mode, models, [&a, &b]);
    ui.label(RichText::new(name).color(theme::caution(ui.visuals()))).on_hover_text(text);
    ui.label(RichText::new(text).small());
}

fn answer(tile: &TileSubject, state: &State, services: &Services) -> Option<Arc<Answer>> {
    let case = services.shelf.case(tile.entry)?;
    match services.standing(state, case, state.models.get(tile.model)?, tile.method?) {
        Standing::Ready(answer) => Some(answer),
        _ => None,
    }
}

fn similarity_ui(ui: &mut Ui, similarity: &Similarity) {
    let Similarity { ssim_range_1, ssim_range_2, signed_ssim, spearman } = *similarity;
    if ssim_range_1.is_none() && spearman.is_none() {
        ui.label("no likeness: a map shows nothing, or their sizes differ");
        return;
    }
    for (name, value, tip) in [
        (
            "SSIM",
            ssim_range_1,
            "Structural similarity of the maps of 0 to 1, at the range 1 that they span; 1 is the same map",
        ),
        ("SSIM, range 2", ssim_range_2, "The same at a range of 2, as in the study: it makes maps look more alike"),
        ("signed", signed_ssim, "Structural similarity of the maps with their sign, -1 to 1"),
        ("Spearman", spearman, "Rank correlation of the pixels: 1 is the same order, 0 none, -1 the reverse"),
    ] {
        if let Some(value) = value {
            let text = RichText::new(format!("{name} {value:.2}")).monospace();
            ui.label(text).on_hover_text(tip);
        }
    }
}

/// What the study calls the likeness of such a pair, and what not to conclude from it.
fn meaning(
    mode: CompareMode,
    models: [Option<&Arc<OpenModel>>; 2],
    answers: [&Answer; 2],
) -> (&'static str, &'static str) {
    match mode {
        CompareMode::Methods => {
            ("Agreement of methods", "Methods that agree may err together: they read the same gradients")
        }
        CompareMode::Images => (
            "Two images",
            "Maps of different images are what chance looks like; two models on one image should be more alike",
        ),
        CompareMode::Models => {
            let [Some(a), Some(b)] = models else { return ("", "") };
            let explained = |model: &OpenModel, answer: &Answer| model.class_name(answer.map.provenance.class);
            let [first, second] = answers;
            if explained(a, first) != explained(b, second) {
                ("Not comparable", "The models explain different classes")
            } else if a.model.card.architecture == b.model.card.architecture {
                ("Repeatability", "Same architecture, trained again. One case proves nothing: the benchmark asks many")
            } else {
                ("Reproducibility", "Another architecture, same task. One case proves nothing: the benchmark asks many")
            }
        }
    }
}
