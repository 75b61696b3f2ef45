//! Networks that never saw a patient, beside images of patients: the sentence, the amber bar over pictures, and the one
//! click a session before they explain at all.

use egui::{Color32, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

use super::action::Actions;
use super::app::Workbench;
use super::command::Command;
use super::list::Entry;
use super::services::Services;
use super::state::State;
use crate::network::{self, Model};
use crate::reading::{OpenCase, OpenModel, Prediction, Standing};
use crate::saliency::Method;

/// The bar, and the words on it.
const AMBER: Color32 = Color32::from_rgb(255, 190, 70);
const INK: Color32 = Color32::from_rgb(40, 22, 0);

/// Around words and button.
const PADDING: f32 = 6.0;

/// The button that lets models explain, where there is room for it.
const BUTTON: egui::Vec2 = vec2(116.0, 22.0);

/// Sizes of the letters, the largest that takes few lines first. The smallest one may take any number of lines.
const LETTERS: [f32; 4] = [13.5, 12.0, 11.0, 9.5];

impl State {
    /// Whether a network was trained on images of patients: by its card, else by what was answered in this window.
    pub fn trained_on_patients(&self, model: &Model) -> Option<bool> {
        self.settings.answers.of_model(model)
    }

    /// What has to be said beside everything that `model` says of an image; see [`network::caution`].
    pub fn caution(&self, model: &OpenModel, is_phantom: bool) -> Option<&'static str> {
        network::caution(self.trained_on_patients(&model.model), is_phantom)
    }

    /// Whether `model` is not asked about such an image until somebody clicked, once a session.
    pub fn is_held_back(&self, model: &OpenModel, is_phantom: bool) -> bool {
        !self.explains_anyway && self.caution(model, is_phantom).is_some()
    }

    /// What has to be said beside a row of the list: of the model that is asked, once it is known what the image is.
    pub(super) fn caution_of_entry(&self, entry: &Entry) -> Option<&'static str> {
        self.caution(self.model()?, entry.is_phantom?)
    }
}

impl Services {
    /// Where the map of a method stands. One that is held back is not there, even if the same pixels were explained as a
    /// phantom's.
    pub(super) fn standing(&self, state: &State, case: &OpenCase, model: &OpenModel, method: Method) -> Standing {
        if state.is_held_back(model, case.is_phantom()) {
            return Standing::Absent;
        }
        self.explainer.standing(&state.question.key(case, model, method))
    }

    /// What a model said of a case, once any map was made and unless it is held back.
    pub(super) fn prediction(&self, state: &State, case: &OpenCase, model: &OpenModel) -> Option<Prediction> {
        let is_held_back = state.is_held_back(model, case.is_phantom());
        self.explainer.prediction(&case.content, model.identity()).filter(|_| !is_held_back)
    }
}

impl Workbench {
    /// Lets models explain that were held back, for as long as the window is open, and starts what waited for that.
    pub(super) fn explain_anyway(&mut self) {
        self.state.explains_anyway = true;
        self.start_held_benchmark();
    }

    /// Stops what a model computes that is held back from now on.
    pub(super) fn stop_what_is_held_back(&mut self) {
        if self.state.explains_anyway {
            return;
        }
        for job in std::mem::take(&mut self.asked_jobs) {
            self.services.explainer.cancel_job(job);
        }
        self.services.cascades.cancel_all();
        if let Some(job) = self.predicting.take() {
            self.services.jobs.cancel(job);
        }
        (self.asked, self.asked_cascade, self.asked_comparison) = (None, None, None);
    }
}

/// A bar over the top of a picture.
pub(super) struct Bar<'a> {
    /// The sentence.
    pub(super) caution: &'static str,
    /// Whether it asks for the click.
    pub(super) is_held_back: bool,
    /// What tells the picture from its neighbours; none where it is alone.
    pub(super) name: Option<&'a str>,
}

impl Bar<'_> {
    /// Draws the bar into the top of `area` and gives the rest. All of the sentence is on it, however narrow it is.
    pub(super) fn ui(&self, ui: &mut Ui, area: Rect, id: egui::Id, actions: &mut Actions) -> Rect {
        let inner = (area.width() - 2.0 * PADDING).max(1.0);
        // Beside the words where they still have most of the width.
        let is_beside = self.is_held_back && inner > 3.0 * BUTTON.x;
        let width = if is_beside { inner - BUTTON.x - PADDING } else { inner };
        let layout = |size: f32| {
            let font = FontId::proportional(size);
            ui.painter().layout(self.caution.to_owned(), font, INK, width)
        };
        let galleys = LETTERS.map(layout);
        let [.., smallest] = &galleys;
        let galley = galleys.iter().find(|galley| galley.rows.len() <= 2).unwrap_or(smallest).clone();
        let mut height = galley.size().y + 2.0 * PADDING;
        let mut button = Rect::NOTHING;
        if self.is_held_back {
            let size = vec2(BUTTON.x.min(inner), BUTTON.y);
            if is_beside {
                height = height.max(BUTTON.y + 2.0 * PADDING);
                let left = area.right() - PADDING - size.x;
                button = Rect::from_min_size(pos2(left, area.top() + (height - size.y) / 2.0), size);
            } else {
                button = Rect::from_min_size(pos2(area.left() + PADDING, area.top() + height), size);
                height += size.y + PADDING;
            }
        }
        let bar = Rect::from_min_size(area.min, vec2(area.width(), height.ceil().min(area.height())));
        let painter = ui.painter_at(area);
        painter.rect_filled(bar, 0.0, AMBER);
        let top = if is_beside { bar.center().y - galley.size().y / 2.0 } else { bar.top() + PADDING };
        painter.galley(pos2(bar.left() + PADDING, top), galley, INK);
        let response = ui.interact(bar, id.with("caution"), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, self.caution));
        if self.is_held_back {
            self.button_ui(ui, button, id, actions);
        }
        Rect::from_min_max(pos2(area.left(), bar.bottom()), area.max)
    }

    fn button_ui(&self, ui: &Ui, place: Rect, id: egui::Id, actions: &mut Actions) {
        let response = ui.interact(place, id.with("explain anyway"), Sense::click());
        let label = Command::ExplainAnyway.label();
        let name = self.name.map_or_else(|| label.to_owned(), |name| format!("{label}: {name}"));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
        let is_lit = response.hovered() || response.has_focus();
        let painter = ui.painter();
        painter.rect_filled(place, 3.0, INK);
        if is_lit {
            painter.rect_stroke(place, 3.0, Stroke::new(2.0, Color32::WHITE), egui::StrokeKind::Inside);
        }
        let galley = painter.layout(label.to_owned(), FontId::proportional(13.0), AMBER, f32::INFINITY);
        let galley = if galley.size().x > place.width() - 4.0 {
            painter.layout(label.to_owned(), FontId::proportional(10.0), AMBER, f32::INFINITY)
        } else {
            galley
        };
        painter.galley(place.center() - galley.size() / 2.0, galley, AMBER);
        if response.on_hover_text(Command::ExplainAnyway.tooltip()).clicked() {
            actions.run(Command::ExplainAnyway);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::ModelSource;
    use crate::workbench::settings::Settings;

    #[test]
    fn the_demo_is_held_back_from_patients_until_the_click_and_never_from_phantoms() {
        let model = OpenModel::open(ModelSource::Demo(crate::demo::FIRST_MODEL.to_owned())).unwrap();
        let mut state = State::new(Settings::default());
        assert!(state.is_held_back(&model, false) && !state.is_held_back(&model, true));
        state.explains_anyway = true;
        assert!(!state.is_held_back(&model, false));
        assert_eq!(state.caution(&model, false), Some(network::NEVER_SAW_PATIENTS), "the click does not silence it");
        assert_eq!(state.caution(&model, true), None);
    }

    #[test]
    fn an_answer_counts_where_the_card_is_silent_and_nowhere_else() {
        let mut model = OpenModel::open(ModelSource::Demo(crate::demo::FIRST_MODEL.to_owned())).unwrap();
        let mut state = State::new(Settings::default());
        state.settings.answers.say_trained_on_patients(&model.model.sha256, true);
        assert!(state.is_held_back(&model, false), "the card says more than the answer");
        model.model.card.trained_on_patients = None;
        assert!(!state.is_held_back(&model, false));
        state.settings.answers.say_trained_on_patients(&model.model.sha256, false);
        assert!(state.is_held_back(&model, false) && !state.is_held_back(&model, true));
    }
}
