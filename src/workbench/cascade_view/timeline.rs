//! The states one beside the other, and the network with the blocks that are random by now.

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Sense, Ui, lerp, pos2, vec2};

use super::Scene;
use crate::workbench::action::Actions;
use crate::workbench::theme;

const TIMELINE_HEIGHT: f32 = 36.0;
const STRIP_HEIGHT: f32 = 20.0;

/// Draws the states: a press or a drag goes to any place between them.
pub(super) fn timeline_ui(ui: &mut Ui, scene: &Scene<'_>, actions: &mut Actions) {
    let player = &scene.state.player;
    let states = &scene.run.states;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), TIMELINE_HEIGHT), Sense::click_and_drag());
    let name = format!("Timeline, at state {}", scene.state_name());
    response.widget_info(|| egui::WidgetInfo::slider(true, f64::from(player.position), &name));
    let cell = rect.width() / states.len() as f32;
    let painter = ui.painter_at(rect);
    let visuals = ui.visuals();
    let rows = &player.methods;
    for (index, state) in states.iter().enumerate() {
        let left = rect.left() + index as f32 * cell;
        let place = Rect::from_min_size(pos2(left, rect.top()), vec2(cell - 1.0, TIMELINE_HEIGHT - 6.0));
        let is_here = index == player.state();
        let fill = if is_here { visuals.selection.bg_fill } else { visuals.widgets.inactive.bg_fill };
        painter.rect_filled(place, 2.0, fill);
        let colour = if is_here { visuals.strong_text_color() } else { visuals.text_color() };
        text_that_fits(&painter, place, &state.name, 11.0, colour);
        let there = rows.iter().filter(|method| scene.found.row(**method, index).is_some()).count();
        let part = there as f32 / rows.len().max(1) as f32;
        let bar = Rect::from_min_size(pos2(left, rect.bottom() - 4.0), vec2((cell - 1.0) * part, 3.0));
        painter.rect_filled(bar, 0.0, if part < 1.0 { theme::ACCENT } else { theme::success(visuals) });
    }
    let x = rect.left() + (player.position + 0.5) * cell;
    painter.vline(x, rect.y_range(), egui::Stroke::new(2.0, theme::ACCENT));
    let place = |at: Pos2| (at.x - rect.left()) / cell - 0.5;
    let pointer = response.interact_pointer_pos();
    if let Some(at) = pointer.filter(|_| response.clicked()) {
        super::scrub(scene.state, scene.run.states.len(), place(at).round(), actions);
    } else if let Some(at) = pointer.filter(|_| response.dragged()) {
        super::scrub(scene.state, scene.run.states.len(), place(at), actions);
    }
    response.on_hover_text("Press or drag. The line below a state shows how many of its maps are there");
}

/// Draws the network's blocks from the image to the answer.
pub(super) fn strip_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let strip = &scene.run.strip;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP_HEIGHT), Sense::hover());
    let position = scene.state.player.position;
    let (lower, part) = (position.floor() as usize, position.fract());
    let is_random = |state: usize, block: usize| {
        strip.random.get(state.min(strip.random.len() - 1)).and_then(|blocks| blocks.get(block)).copied() == Some(true)
    };
    let amount = |block: usize| {
        let [from, to] = [lower, lower + 1].map(|state| if is_random(state, block) { 1.0 } else { 0.0 });
        lerp(from..=to, part)
    };
    let random = (0..strip.blocks.len()).filter(|block| amount(*block) > 0.5).count();
    let name = format!("{random} of {} blocks are random", strip.blocks.len());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let painter = ui.painter_at(rect);
    let ends = 52.0;
    let quiet = ui.visuals().weak_text_color();
    painter.text(rect.left_center(), Align2::LEFT_CENTER, "image", FontId::proportional(11.0), quiet);
    painter.text(rect.right_center(), Align2::RIGHT_CENTER, "answer", FontId::proportional(11.0), quiet);
    let inner = rect.shrink2(vec2(ends, 1.0));
    let cell = inner.width() / strip.blocks.len().max(1) as f32;
    for (index, block) in strip.blocks.iter().enumerate() {
        let min = pos2(inner.left() + index as f32 * cell, inner.top());
        let place = Rect::from_min_size(min, vec2(cell - 1.5, inner.height()));
        let amount = amount(index);
        let fill = theme::BLOCK_TRAINED.lerp_to_gamma(theme::BLOCK_RANDOM, amount);
        painter.rect_filled(place, CornerRadius::same(3), fill);
        text_that_fits(&painter, place, block, 10.0, if amount > 0.5 { Color32::BLACK } else { Color32::WHITE });
    }
    response.on_hover_text(
        "Blue blocks are as they were trained; orange ones have random weights: what they learned is gone",
    );
}

/// A text in the middle of a place, left out where it is wider.
fn text_that_fits(painter: &Painter, place: Rect, text: &str, size: f32, colour: Color32) {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(size), colour);
    if galley.size().x <= place.width() {
        painter.galley(place.center() - galley.size() / 2.0, galley, colour);
    }
}
