//! One case with one map over it.

use egui::{CentralPanel, Ui};

use super::action::Actions;
use super::command::Command;
use super::look::Stage;
use super::services::Services;
use super::shelf::Shelved;
use super::state::State;
use super::theme;
use super::tile::Tile;
use crate::reading::Standing;
use crate::saliency::Method;

/// View id of the case view; tiles of comparisons have others.
const VIEW_ID: u64 = 0;

/// Draws the case view and says where the picture is.
pub(super) fn case_view_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) -> Option<Stage> {
    let frame = egui::Frame::new().fill(theme::PICTURE_GROUND);
    CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| {
            let Some(entry) = state.list.current else {
                welcome_ui(ui, state, actions);
                return None;
            };
            match services.shelf.look(entry) {
                Shelved::Ready(case) => {
                    methods_ui(ui, state, services, &case, actions);
                    let rect = ui.available_rect_before_wrap();
                    let model = state.model();
                    let method = state.shown.method;
                    let standing =
                        model.map_or(Standing::Absent, |model| services.standing(state, &case, model, method));
                    let tile = Tile {
                        view_id: VIEW_ID,
                        index: None,
                        name: method.name(),
                        case: &case,
                        model,
                        method: Some(method),
                        shown: &state.shown,
                        standing,
                        raw_range: None,
                        is_chosen: false,
                    };
                    Some(tile.ui(ui, rect, state, services, actions))
                }
                Shelved::Failed(reason) => {
                    message_ui(ui, "This image cannot be shown", &reason);
                    None
                }
                Shelved::Reading | Shelved::Absent => {
                    message_ui(ui, "Opening…", "");
                    None
                }
            }
        })
        .inner
}

/// The strip of methods: each a button that tells where its map stands.
fn methods_ui(
    ui: &mut Ui,
    state: &State,
    services: &Services,
    case: &std::sync::Arc<crate::reading::OpenCase>,
    actions: &mut Actions,
) {
    let frame = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(egui::Margin::symmetric(6, 4));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            for method in Method::ALL {
                let standing =
                    state.model().map_or(Standing::Absent, |model| services.standing(state, case, model, method));
                let is_shown = state.shown.method == method;
                let response = ui.selectable_label(is_shown, method.name());
                let (part, words) = match &standing {
                    Standing::Ready(_) => (1.0, "ready".to_owned()),
                    Standing::Partial(partial) => {
                        (partial.k as f32 / partial.n.max(1) as f32, format!("{} of {}", partial.k, partial.n))
                    }
                    Standing::Waiting => (0.0, "waiting".to_owned()),
                    Standing::Failed(_) => (0.0, "failed".to_owned()),
                    Standing::Absent
                        if state.model().is_some_and(|model| state.is_held_back(model, case.is_phantom())) =>
                    {
                        (0.0, "held back".to_owned())
                    }
                    Standing::Absent if method.is_of_study() || is_shown => (0.0, "not computed: press E".to_owned()),
                    Standing::Absent => (0.0, "beyond the study: computed once it is chosen".to_owned()),
                };
                let rect = response.rect;
                let line = egui::Rect::from_min_size(
                    rect.left_bottom() - egui::vec2(0.0, 2.0),
                    egui::vec2(rect.width() * part, 2.0),
                );
                let colour = match standing {
                    Standing::Failed(_) => theme::failure(ui.visuals()),
                    Standing::Ready(_) => theme::success(ui.visuals()),
                    _ => theme::ACCENT,
                };
                ui.painter().rect_filled(line, 1.0, colour);
                let response = response.on_hover_text(format!("{} ({words})", method.title()));
                if response.clicked() {
                    actions.send(super::action::Action::ShowMethod(method));
                }
            }
            ui.separator();
            if ui.button("About").on_hover_text(Command::MethodCard.tooltip()).clicked() {
                actions.run(Command::MethodCard);
            }
        });
    });
}

pub(super) fn message_ui(ui: &mut Ui, heading: &str, text: &str) {
    ui.centered_and_justified(|ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() * 0.4);
            ui.label(egui::RichText::new(heading).heading().color(theme::PICTURE_TEXT));
            ui.label(egui::RichText::new(text).color(theme::PICTURE_TEXT));
        });
    });
}

/// What to do when nothing is open.
pub(super) fn welcome_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.3);
        ui.label(egui::RichText::new("Nothing is open").heading().color(theme::PICTURE_TEXT));
        let text = "Drop DICOM or PNG files, a folder or a model here";
        ui.label(egui::RichText::new(text).color(theme::PICTURE_TEXT));
        ui.add_space(8.0);
        for command in [Command::OpenFiles, Command::OpenFolder, Command::OpenModel, Command::OpenDemo] {
            let keys = state.settings.keys.keys(command);
            let keys = keys.first().map(|key| ui.ctx().format_shortcut(key)).unwrap_or_default();
            if ui.add(egui::Button::new(command.label()).shortcut_text(keys)).on_hover_text(command.tooltip()).clicked()
            {
                actions.run(command);
            }
        }
    });
}
