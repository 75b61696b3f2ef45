//! The line above a picture: what it shows, as many words of it as there is room for, and its buttons.

use egui::{Align2, FontId, Rect, Response, Sense, Stroke, Ui, pos2, vec2};

use super::action::{Action, Actions};
use super::state::{CompareMode, State};
use super::theme;
use super::tile::{Layer, Tile};
use crate::export::hit_words;
use crate::reading::Standing;

/// Height of the line above a picture.
pub(super) const HEADER: f32 = 22.0;

/// Between two words.
const GAP: &str = "  ·  ";

/// A word, and how much would be lost without it.
struct Word {
    text: String,
    weight: u8,
}

/// Draws the line: the tile's name and what is known of its map. Words that matter less make room, the tooltip has all.
pub(super) fn header_ui(
    ui: &mut Ui,
    rect: Rect,
    tile: &Tile<'_>,
    layer: Option<&Layer>,
    state: &State,
    actions: &mut Actions,
) {
    let visuals = ui.visuals();
    let painter = ui.painter_at(rect);
    let (faint, strong, text) = (visuals.faint_bg_color, visuals.strong_text_color(), visuals.text_color());
    painter.rect_filled(rect, 0.0, visuals.panel_fill);
    painter.rect_filled(rect, 0.0, faint);
    let name = painter.layout_no_wrap(tile.name.to_owned(), FontId::proportional(13.0), strong);
    let words = words(tile, layer, state);
    let mut right = rect.right() - 6.0;
    if tile.index.is_some() {
        right -= HEADER;
        enlarge_ui(ui, rect, tile, state, actions);
    }
    let left = rect.left() + 6.0;
    let name_width = name.size().x.min(right - left);
    let room = right - left - name_width - 10.0;
    let font = FontId::proportional(12.0);
    let measure = |text: &str| painter.layout_no_wrap(text.to_owned(), font.clone(), text_colour(ui)).size().x;
    let shown = fitting(&words, room, &measure);
    let clip = Rect::from_min_max(rect.min, pos2(right, rect.bottom()));
    let painter = ui.painter_at(clip);
    painter.galley(pos2(left, rect.center().y - name.size().y / 2.0), name, strong);
    let at = pos2(left + name_width + 10.0, rect.center().y);
    painter.text(at, Align2::LEFT_CENTER, shown.join(GAP), font, text);
    if let Standing::Partial(partial) = &tile.standing {
        let done = partial.k as f32 / partial.n.max(1) as f32;
        let bar = Rect::from_min_size(rect.left_bottom() - vec2(0.0, 2.0), vec2(rect.width() * done, 2.0));
        ui.painter().rect_filled(bar, 0.0, theme::ACCENT);
    }
    let response = choose_ui(ui, clip, tile, actions);
    response.on_hover_ui(|ui| {
        ui.strong(tile.name);
        for word in &words {
            ui.label(&word.text);
        }
        if tile.index.is_some() && tile.method.is_some() {
            ui.weak("Click to choose it for the pair whose likeness is told");
        }
    });
}

fn text_colour(ui: &Ui) -> egui::Color32 {
    ui.visuals().text_color()
}

/// The part of the header that a click chooses the tile by, where it has a map to be compared.
fn choose_ui(ui: &Ui, rect: Rect, tile: &Tile<'_>, actions: &mut Actions) -> Response {
    let can_choose = tile.index.is_some() && tile.method.is_some();
    let sense = if can_choose { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("header", tile.view_id)), sense);
    if let Some(index) = tile.index.filter(|_| can_choose) {
        let label = format!("Choose {}", tile.name);
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, tile.is_chosen, &label));
        if response.hovered() || response.has_focus() {
            let stroke = Stroke::new(1.0, theme::ACCENT);
            ui.painter().rect_stroke(rect, 0.0, stroke, egui::StrokeKind::Inside);
        }
        if response.clicked() {
            actions.send(Action::ChooseTile(index));
        }
    }
    response
}

/// The button that lets a tile fill the view: one frame for all, four for one.
fn enlarge_ui(ui: &Ui, header: Rect, tile: &Tile<'_>, state: &State, actions: &mut Actions) {
    let is_large = tile.fills_view(state);
    let place = Rect::from_min_max(pos2(header.right() - HEADER, header.top()), header.max);
    let response = ui.interact(place, ui.scope_id().with(("enlarge", tile.view_id)), Sense::click());
    let (label, tip) = if is_large {
        ("Show all tiles".to_owned(), "Shows all tiles again (double click, Esc)")
    } else {
        (format!("Enlarge {}", tile.name), "Lets this tile fill the view (double click)")
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
    let is_lit = response.hovered() || response.has_focus();
    let colour = if is_lit { theme::ACCENT } else { text_colour(ui) };
    let icon = Rect::from_center_size(place.center(), vec2(11.0, 11.0));
    let painter = ui.painter();
    painter.rect_stroke(icon, 1.0, Stroke::new(1.2, colour), egui::StrokeKind::Inside);
    if is_large {
        let thin = Stroke::new(1.2, colour);
        painter.vline(icon.center().x, icon.y_range(), thin);
        painter.hline(icon.x_range(), icon.center().y, thin);
    }
    if response.on_hover_text(tip).clicked() {
        actions.send(Action::Maximise(tile.index.filter(|_| !is_large)));
    }
}

/// What is known of the tile, in the order it is written.
fn words(tile: &Tile<'_>, layer: Option<&Layer>, state: &State) -> Vec<Word> {
    let mode = state.compare.mode;
    let mut words = Vec::new();
    let mut add = |weight: u8, text: String| words.push(Word { text, weight });
    let Some(method) = tile.method else { return words };
    let is_old = layer.is_some_and(|layer| layer.is_old);
    match &tile.standing {
        Standing::Partial(partial) => add(10, format!("{} of {}", partial.k, partial.n)),
        Standing::Waiting | Standing::Absent if is_old => add(10, "earlier settings".to_owned()),
        Standing::Waiting => add(10, "waiting".to_owned()),
        Standing::Failed(_) => add(10, "failed".to_owned()),
        Standing::Absent | Standing::Ready(_) => {}
    }
    let is_compared = tile.index.is_some();
    if is_compared && mode != CompareMode::Methods {
        add(2, method.name().to_owned());
    }
    // An earlier answer may be another model's, of another class.
    let answer = layer.and_then(|layer| layer.answer.as_ref()).filter(|_| !is_old);
    if let Some((answer, model)) = answer.zip(tile.model) {
        let provenance = &answer.map.provenance;
        let probability = answer.prediction.probability(provenance.class);
        let class = model.class_name(provenance.class);
        if is_compared && mode != CompareMode::Methods {
            // Between models and images the probability differs, and matters more than the class's name.
            if let Some(probability) = probability {
                let is_cautioned = state.caution(model, tile.case.is_phantom()).is_some();
                let likely = if is_cautioned { "" } else { " likely" };
                add(9, format!("{:.0} %{likely}", probability * 100.0));
            }
            add(4, format!("explains {class}"));
        } else {
            let percent = probability.map(|probability| format!(", {:.0} %", probability * 100.0)).unwrap_or_default();
            add(if is_compared { 4 } else { 8 }, format!("explains {class}{percent}"));
        }
        if let Some(scores) = answer.scores.filter(|_| is_compared) {
            add(7, format!("AUPRC {:.2}", scores.auprc_trapezoid));
            add(6, hit_words(scores.hit));
            add(3, format!("AP {:.2}", scores.average_precision));
            if let Some(auc) = scores.roc_auc {
                add(3, format!("AUC {auc:.2}"));
            }
        }
        if !(is_compared && mode == CompareMode::Models) {
            add(5, model.title.clone());
        }
        add(1, provenance.preset.to_string());
    } else if let Some(model) = tile.model
        && !(is_compared && mode == CompareMode::Models)
    {
        add(5, model.title.clone());
    }
    words
}

/// The words that find room, the weightiest first, in their own order.
fn fitting<'a>(words: &'a [Word], room: f32, measure: &dyn Fn(&str) -> f32) -> Vec<&'a str> {
    let gap = measure(GAP);
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(words[*index].weight));
    let mut kept = Vec::new();
    let mut used = 0.0;
    for index in order {
        let width = measure(&words[index].text) + if kept.is_empty() { 0.0 } else { gap };
        if used + width <= room {
            used += width;
            kept.push(index);
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|index| words[index].text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighty_words_stay_and_keep_their_order() {
        let word = |text: &str, weight| Word { text: text.to_owned(), weight };
        let words = [word("model", 5), word("AUPRC", 7), word("AP", 3)];
        let measure = |text: &str| text.chars().count() as f32;
        assert_eq!(fitting(&words, 100.0, &measure), ["model", "AUPRC", "AP"]);
        assert_eq!(fitting(&words, 15.0, &measure), ["model", "AUPRC"]);
        assert_eq!(fitting(&words, 14.0, &measure), ["AUPRC", "AP"]);
        assert_eq!(fitting(&words, 4.0, &measure), ["AP"]);
        assert!(fitting(&words, 1.0, &measure).is_empty());
    }
}
