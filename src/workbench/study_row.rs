//! One row of the study list.

use egui::{Align2, Color32, CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::action::{Action, Actions};
use super::command::Command;
use super::list::{Entry, EntryId};
use super::menu::command_ui;
use super::services::Services;
use super::state::State;
use super::theme;
use super::thumbnails::SIDE_PX;
use crate::reading::{CaseSource, OpenModel, ThumbnailSource};

/// Height of a row, in points.
pub const ROW_HEIGHT: f32 = 54.0;

/// Height and width of a thumbnail, in points.
const THUMBNAIL: f32 = SIDE_PX as f32;

/// What is read in a row beside the name.
struct Details {
    label: &'static str,
    prediction: Option<String>,
    is_wrong: bool,
    /// What has to be said of the model on this image.
    caution: Option<&'static str>,
    problem: Option<String>,
}

impl Details {
    fn text(&self) -> String {
        let caution = self.caution.map(str::to_owned);
        let parts = [Some(self.label.to_owned()), self.prediction.clone(), caution, self.problem.clone()];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Draws the row of a case.
pub(super) fn row_ui(ui: &mut Ui, id: EntryId, state: &State, services: &Services, actions: &mut Actions) {
    let Some(entry) = state.list.entry(id) else { return };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    let title = title(entry, state.shown.has_identity);
    let details = details(entry, state, services);
    let is_current = state.list.current == Some(id);
    let is_compared = state.compare.entries.contains(&id);
    response.widget_info(|| {
        let name = format!("{title}, {}", details.text());
        WidgetInfo::selected(Role::Button, true, is_current, name.trim_end_matches([',', ' ']))
    });
    if ui.is_rect_visible(rect) {
        background_ui(ui, rect, &response, is_current);
        thumbnail_ui(ui, rect, entry, services);
        text_ui(ui, rect, &title, &details, is_compared);
    }
    if response.clicked() {
        let modifiers = ui.input(|input| input.modifiers);
        actions.send(if modifiers.command { Action::ToggleCompared(id) } else { Action::Select(id) });
    }
    response.context_menu(|ui| context_ui(ui, id, is_compared, state, actions));
    if !response.context_menu_opened() {
        response.on_hover_ui(|ui| tooltip_ui(ui, entry, &title, &details));
    }
}

/// What the list calls a case: its name, which may be a patient's, or its number while identity is hidden.
pub(super) fn title(entry: &Entry, has_identity: bool) -> String {
    match entry.source {
        CaseSource::Phantom(_) => entry.title.to_string(),
        CaseSource::File(_) | CaseSource::Entry(_) | CaseSource::Cohort { .. } if has_identity => {
            entry.title.to_string()
        }
        CaseSource::File(_) | CaseSource::Entry(_) | CaseSource::Cohort { .. } => format!("Case {}", entry.id.0 + 1),
    }
}

/// A probability in words and as a number.
pub(super) fn probability_words(class: &str, probability: f64) -> String {
    let words = match probability {
        p if p >= 0.9 => "very likely",
        p if p >= 0.5 => "likely",
        p if p > 0.1 => "unlikely",
        _ => "very unlikely",
    };
    format!("{class} {words}, {probability:.2}")
}

fn details(entry: &Entry, state: &State, services: &Services) -> Details {
    let label = match entry.label {
        Some(true) => "with the finding",
        Some(false) => "without it",
        None => "no label",
    };
    let caution = state.caution_of_entry(entry);
    let may_speak = caution.is_none() || state.explains_anyway;
    let predicted = state.model().filter(|_| may_speak).and_then(|model| predicted(entry, model, services));
    // What says nothing about patients is neither likely nor wrong about one.
    let is_judged = caution.is_none();
    let is_wrong = is_judged && predicted.as_ref().zip(entry.label).is_some_and(|((_, p), label)| (*p >= 0.5) != label);
    let words = |(class, probability): (String, f64)| {
        if is_judged { probability_words(&class, probability) } else { format!("{class} {probability:.2}") }
    };
    let prediction = predicted.map(words);
    Details { label, prediction, is_wrong, caution, problem: entry.problem.as_deref().map(str::to_owned) }
}

/// The listed class and its probability by a model, where it was asked about this case.
fn predicted(entry: &Entry, model: &OpenModel, services: &Services) -> Option<(String, f64)> {
    if let Some((asked, probability)) = &entry.prediction
        && **asked == *model.identity()
    {
        let class =
            model.model.card.positive_class.map_or_else(|| "finding".to_owned(), |class| model.class_name(class));
        return Some((class, f64::from(*probability)));
    }
    let prediction = services.explainer.prediction(entry.content.as_deref()?, model.identity())?;
    let class = model.listed_class(&prediction);
    Some((model.class_name(class), prediction.probability(class)?))
}

fn background_ui(ui: &Ui, rect: Rect, response: &Response, is_current: bool) {
    let visuals = ui.visuals();
    let fill = if is_current {
        visuals.selection.bg_fill.gamma_multiply(0.55)
    } else if response.hovered() || response.has_focus() {
        visuals.widgets.hovered.weak_bg_fill
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, CornerRadius::same(4), fill);
    if is_current {
        let mark = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(mark, CornerRadius::same(2), theme::ACCENT);
    }
    if response.has_focus() {
        let stroke = visuals.widgets.hovered.bg_stroke;
        ui.painter().rect_stroke(rect, CornerRadius::same(4), stroke, egui::StrokeKind::Inside);
    }
}

fn thumbnail_ui(ui: &Ui, rect: Rect, entry: &Entry, services: &Services) {
    let place =
        Rect::from_min_size(rect.min + vec2(7.0, (rect.height() - THUMBNAIL) / 2.0), vec2(THUMBNAIL, THUMBNAIL));
    ui.painter().rect_filled(place, CornerRadius::ZERO, theme::PICTURE_GROUND);
    let case = services.shelf.case(entry.id);
    let plane = case.map(|case| std::sync::Arc::clone(&case.plane));
    let source = || plane.map_or_else(|| ThumbnailSource::Case(entry.source.clone()), ThumbnailSource::Plane);
    if let Some(texture) = services.thumbnails.borrow_mut().see(entry.id, source) {
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), place, all, Color32::WHITE);
    }
}

fn text_ui(ui: &Ui, rect: Rect, title: &str, details: &Details, is_compared: bool) {
    let visuals = ui.visuals();
    let left = rect.left() + 7.0 + THUMBNAIL + 8.0;
    let width = rect.right() - left - 6.0;
    let body = egui::TextStyle::Body.resolve(ui.style());
    let small = egui::TextStyle::Small.resolve(ui.style());
    let line = |y: f32, text: &str, font: &egui::FontId, colour: Color32| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font.clone(), colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(width);
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(pos2(left, rect.top() + y), galley, colour);
    };
    if let (Some(caution), None) = (details.caution, &details.problem) {
        let number = details.prediction.as_deref().and_then(|prediction| prediction.rsplit(' ').next());
        cautioned_text_ui(ui, rect, left, title, number, caution);
        return;
    }
    line(5.0, title, &body, visuals.text_color());
    if let Some(problem) = &details.problem {
        line(23.0, "cannot be opened", &small, theme::failure(visuals));
        line(37.0, problem, &small, visuals.weak_text_color());
        return;
    }
    line(23.0, details.label, &small, visuals.weak_text_color());
    if let Some(prediction) = &details.prediction {
        let colour = if details.is_wrong { theme::caution(visuals) } else { visuals.text_color() };
        line(37.0, prediction, &small, colour);
    }
    if is_compared {
        let place = pos2(rect.right() - 6.0, rect.top() + 23.0);
        ui.painter().text(place, Align2::RIGHT_TOP, "compared", small, theme::ACCENT);
    }
}

/// The row of an image that the model says nothing about: name and number in one line, below them all of the sentence.
fn cautioned_text_ui(ui: &Ui, rect: Rect, left: f32, title: &str, number: Option<&str>, caution: &str) {
    /// Sizes of the letters, the largest that finds room first.
    const LETTERS: [f32; 4] = [11.0, 10.0, 9.0, 8.0];
    let visuals = ui.visuals();
    let painter = ui.painter_at(rect);
    let right = rect.right() - 6.0;
    let body = egui::TextStyle::Body.resolve(ui.style());
    let mut title_right = right;
    if let Some(number) = number {
        let galley = painter.layout_no_wrap(number.to_owned(), body.clone(), visuals.text_color());
        title_right -= galley.size().x;
        painter.galley(pos2(title_right, rect.top() + 3.0), galley, visuals.text_color());
        title_right -= 6.0;
    }
    let mut job = egui::text::LayoutJob::simple_singleline(title.to_owned(), body, visuals.text_color());
    job.wrap = egui::text::TextWrapping::truncate_at_width((title_right - left).max(1.0));
    painter.galley(pos2(left, rect.top() + 3.0), painter.layout_job(job), visuals.text_color());
    let colour = theme::caution(visuals);
    let room = vec2((right - left).max(1.0), rect.bottom() - rect.top() - 22.0);
    let layout = |size: f32| painter.layout(caution.to_owned(), egui::FontId::proportional(size), colour, room.x);
    let galleys = LETTERS.map(layout);
    let [.., smallest] = &galleys;
    let galley = galleys.iter().find(|galley| galley.size().y <= room.y).unwrap_or(smallest).clone();
    painter.galley(pos2(left, rect.top() + 21.0), galley, colour);
}

fn tooltip_ui(ui: &mut Ui, entry: &Entry, title: &str, details: &Details) {
    ui.set_max_width(320.0);
    ui.label(title);
    if let Some(split) = entry.split {
        ui.label(format!("Split {}", split.name()));
    }
    ui.label(details.label);
    if let Some(prediction) = &details.prediction {
        ui.label(prediction);
    }
    if let Some(caution) = details.caution {
        ui.colored_label(theme::caution(ui.visuals()), caution);
    }
    if details.is_wrong {
        ui.colored_label(theme::caution(ui.visuals()), "The prediction contradicts the label");
    }
    if let Some(problem) = &details.problem {
        ui.colored_label(theme::failure(ui.visuals()), problem);
    }
}

fn context_ui(ui: &mut Ui, id: EntryId, is_compared: bool, state: &State, actions: &mut Actions) {
    if ui.button("Show").on_hover_text("Shows this case").clicked() {
        actions.send(Action::Select(id));
        ui.close();
    }
    let (label, tip) = if is_compared {
        ("Compare no longer", "Takes it out of the comparison of images")
    } else {
        ("Compare with this", "Adds it to the comparison of images; Ctrl+click does the same")
    };
    if ui.button(label).on_hover_text(tip).clicked() {
        actions.send(Action::ToggleCompared(id));
        ui.close();
    }
    let remove = ui.button(Command::RemoveCase.label());
    if remove.on_hover_text(Command::RemoveCase.tooltip()).clicked() {
        actions.send(Action::Remove(id));
        ui.close();
    }
    ui.separator();
    command_ui(ui, Command::PredictAll, state, actions);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_the_number() {
        assert_eq!(probability_words("pneumonia", 0.734), "pneumonia likely, 0.73");
        assert_eq!(probability_words("pneumonia", 0.5), "pneumonia likely, 0.50");
        assert_eq!(probability_words("pneumonia", 0.49), "pneumonia unlikely, 0.49");
        assert_eq!(probability_words("pneumonia", 0.95), "pneumonia very likely, 0.95");
        assert_eq!(probability_words("pneumonia", 0.004), "pneumonia very unlikely, 0.00");
    }
}
