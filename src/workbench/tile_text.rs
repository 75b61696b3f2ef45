//! Words and scales on and above a picture.

use std::fmt::Write;

use egui::{Align2, Color32, Painter, Rect, Shape, pos2, vec2};

use super::shown::ToneChoice;
use super::theme;
use super::tile::{Layer, Tile};
use super::tile_marks::label;
use crate::display::{Tone, Viewport};
use crate::reading::{OpenCase, Standing};
use crate::saliency::Outcome;

/// Text in the four corners of the picture.
pub(super) fn corners_ui(painter: &Painter, area: Rect, tile: &Tile<'_>, viewport: &Viewport) {
    let facts = &tile.case.facts;
    let area = area.shrink(6.0);
    let is_small = area.width() < 260.0;
    let mut upper_left = Vec::new();
    if tile.shown.has_identity && !is_small {
        let identity = &facts.identity;
        for field in [&identity.patient_name, &identity.patient_id, &identity.study_date] {
            upper_left.extend(field.clone().filter(|text| !text.is_empty()));
        }
    }
    column(painter, area.left_top(), Align2::LEFT_TOP, &upper_left);
    let mut upper_right: Vec<String> = Vec::new();
    let views = [facts.modality.as_deref(), facts.view_position.as_deref(), facts.kind.laterality];
    let view: Vec<&str> = views.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if !view.is_empty() {
        upper_right.push(view.join(" "));
    }
    if let Some([row, column]) = &facts.kind.patient_orientation {
        upper_right.push(format!("rows to {row}, columns to {column}"));
    }
    for (is_so, words) in [
        (facts.kind.is_for_processing(), "for processing"),
        (facts.kind.burned_in_annotation == Some(true), "burned-in annotation"),
        (facts.is_lossy, "lossy compression"),
    ] {
        upper_right.extend(is_so.then(|| words.to_owned()));
    }
    column(painter, area.right_top(), Align2::RIGHT_TOP, &upper_right);
    if is_small {
        return;
    }
    let plane = &tile.case.plane;
    let mut lower_right = vec![format!("{:.0} %", viewport.zoom * 100.0)];
    lower_right.push(match (tile.shown.tone.tone(plane), &tile.shown.tone) {
        (Tone::Table(_), _) => "lookup table of the file".to_owned(),
        (Tone::Window(window), ToneChoice::Preset(preset)) => {
            format!("{} C {:.5} W {:.5}", preset.name(), Short(window.center), Short(window.width))
        }
        (Tone::Window(window), _) => format!("C {} W {}", Short(window.center), Short(window.width)),
    });
    lower_right.reverse();
    // Left of the colour bar.
    column(painter, area.right_bottom() - vec2(70.0, 0.0), Align2::RIGHT_BOTTOM, &lower_right);
}

/// A number with as many decimals as it needs.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimals = if self.0.abs() >= 100.0 {
            0
        } else if self.0.abs() >= 1.0 {
            1
        } else {
            3
        };
        write!(f, "{:.decimals$}", self.0)
    }
}

fn column(painter: &Painter, at: egui::Pos2, align: Align2, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let galley = painter.layout_no_wrap(lines.join("\n"), theme::picture_font(), theme::PICTURE_TEXT);
    let rect = align.anchor_size(at, galley.size());
    painter.rect_filled(rect.expand(2.0), 2.0, theme::PICTURE_SHADE);
    painter.galley(rect.min, galley, theme::PICTURE_TEXT);
}

/// A bar of a round length, in mm where the file says how far pixels lie apart.
pub(super) fn scale_bar_ui(painter: &Painter, area: Rect, case: &OpenCase, points_per_px: f64) {
    let (per_px, unit) = case.facts.scale_mm().unwrap_or((1.0, "px"));
    let widest = f64::from(area.width().min(900.0)) * 0.25;
    let Some((length, width)) = round_length(widest / points_per_px * per_px, per_px, points_per_px) else { return };
    let from = area.left_bottom() + vec2(10.0, -12.0);
    let to = from + vec2(width, 0.0);
    for (thickness, colour) in [(4.0, Color32::BLACK), (2.0, theme::PICTURE_TEXT)] {
        let stroke = egui::Stroke::new(thickness, colour);
        painter.line_segment([from, to], stroke);
        for end in [from, to] {
            painter.line_segment([end - vec2(0.0, 4.0), end + vec2(0.0, 4.0)], stroke);
        }
    }
    label(painter, from + vec2(2.0, -22.0), &format!("{length} {unit}"));
}

/// The largest of 1, 2, 5, 10, ... that is at most `most`, and how wide it is drawn.
fn round_length(most: f64, per_px: f64, points_per_px: f64) -> Option<(f64, f32)> {
    if !most.is_finite() || most <= 0.0 {
        return None;
    }
    let decade = 10_f64.powf(most.log10().floor());
    let length = [5.0, 2.0, 1.0].map(|step| step * decade).into_iter().find(|length| *length <= most)?;
    Some((length, (length / per_px * points_per_px) as f32))
}

/// The colours of the map with their values.
pub(super) fn colour_bar_ui(painter: &Painter, area: Rect, layer: &Layer) {
    if !layer.display.visible || area.height() < 90.0 {
        return;
    }
    let height = (area.height() * 0.5).clamp(60.0, 220.0);
    let bar = Rect::from_min_size(pos2(area.right() - 22.0, area.bottom() - 26.0 - height), vec2(12.0, height));
    let table = layer.display.colour_map.table();
    let mut mesh = egui::Mesh::default();
    let steps = 64;
    for step in 0..=steps {
        let part = step as f32 / steps as f32;
        let [red, green, blue] = table[(part * 255.0) as usize];
        let colour = Color32::from_rgb(red, green, blue);
        let y = bar.bottom() - part * height;
        mesh.colored_vertex(pos2(bar.left(), y), colour);
        mesh.colored_vertex(pos2(bar.right(), y), colour);
        if step > 0 {
            let at = 2 * step as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    painter.rect_filled(bar.expand(1.0), 0.0, Color32::BLACK);
    painter.add(Shape::mesh(mesh));
    painter.rect_stroke(bar, 0.0, egui::Stroke::new(1.0, theme::PICTURE_TEXT), egui::StrokeKind::Outside);
    let [low, high] = layer.display.range;
    for (value, y) in [(high, bar.top()), (low, bar.bottom())] {
        let galley = painter.layout_no_wrap(number(value), theme::picture_font(), theme::PICTURE_TEXT);
        let at = pos2(bar.left() - galley.size().x - 5.0, y - galley.size().y / 2.0);
        painter.rect_filled(Rect::from_min_size(at, galley.size()).expand(1.0), 2.0, theme::PICTURE_SHADE);
        painter.galley(at, galley, theme::PICTURE_TEXT);
    }
    if layer.display.threshold > 0.0 {
        let y = bar.bottom() - layer.display.threshold * height;
        let stroke = egui::Stroke::new(1.5, theme::PICTURE_TEXT);
        painter.line_segment([pos2(bar.left() - 4.0, y), pos2(bar.right() + 4.0, y)], stroke);
    }
    let galley = painter.layout_no_wrap(layer.unit.to_owned(), theme::picture_font(), theme::PICTURE_TEXT);
    let at = pos2(area.right() - galley.size().x - 8.0, area.bottom() - galley.size().y - 4.0);
    painter.rect_filled(Rect::from_min_size(at, galley.size()).expand(2.0), 2.0, theme::PICTURE_SHADE);
    painter.galley(at, galley, theme::PICTURE_TEXT);
}

/// A value at the colour bar.
pub(super) fn number(value: f32) -> String {
    let size = value.abs();
    if value == 0.0 || (0.01..10_000.0).contains(&size) {
        let decimals = if value.fract() == 0.0 { 0 } else { 2 };
        format!("{value:.decimals$}")
    } else {
        format!("{value:.1e}")
    }
}

/// Why there is nothing to see, in the middle of the picture.
pub(super) fn standing_ui(painter: &Painter, area: Rect, tile: &Tile<'_>, layer: Option<&Layer>) {
    let text = match &tile.standing {
        Standing::Failed(reason) => format!("This map could not be made: {reason}"),
        Standing::Ready(answer) if answer.map.display.outcome != Outcome::Normal => {
            let reason = answer.map.display.reason.clone().unwrap_or_default();
            format!("There is no map to show: {reason}")
        }
        _ => return,
    };
    if layer.is_some_and(|layer| layer.is_old) && !matches!(tile.standing, Standing::Failed(_)) {
        return;
    }
    let width = (area.width() - 40.0).clamp(60.0, 420.0);
    let galley = painter.layout(text, theme::picture_font(), theme::PICTURE_TEXT, width);
    let rect = Align2::CENTER_CENTER.anchor_size(area.center(), galley.size());
    painter.rect_filled(rect.expand(6.0), 4.0, theme::PICTURE_SHADE);
    painter.galley(rect.min, galley, theme::PICTURE_TEXT);
}

/// Stored value, value and map value under the pointer.
pub(super) fn read_out_ui(painter: &Painter, area: Rect, tile: &Tile<'_>, layer: Option<&Layer>, image_px: [f64; 2]) {
    if let Some(text) = read_out(tile.case, layer, image_px) {
        label(painter, pos2(area.left() + 10.0, area.bottom() - 58.0), &text);
    }
}

/// The same as text; `None` outside the image.
pub(super) fn read_out(case: &OpenCase, layer: Option<&Layer>, image_px: [f64; 2]) -> Option<String> {
    if image_px.iter().any(|place| *place < 0.0) {
        return None;
    }
    let [x, y] = image_px.map(|place| place as usize);
    let value = case.plane.value(x, y)?;
    let mut text = format!("x {x}  y {y}");
    if let Some(stored) = case.plane.stored_value(x, y) {
        let _ = write!(text, "  stored {stored}");
        if (value - stored as f64).abs() > 1e-9 {
            let _ = write!(text, "  value {}", Short(value));
        }
    } else {
        let _ = write!(text, "  value {}", Short(value));
    }
    if case.plane.is_padding(x, y) {
        text.push_str("  padding");
    }
    if let Some(map) = layer.and_then(|layer| layer.map.value_at(image_px, case.size_px())) {
        let map = if map.abs() >= 0.001 || map == 0.0 { format!("{map:.3}") } else { format!("{map:.2e}") };
        let _ = write!(text, "  map {map}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_bars_have_round_lengths_of_the_right_width() {
        let (length, width) = round_length(37.0, 0.5, 2.0).unwrap();
        assert!((length - 20.0).abs() < 1e-9 && (width - 80.0).abs() < 1e-3);
        assert_eq!(round_length(0.0, 1.0, 1.0), None);
    }

    #[test]
    fn values_at_the_bar_are_short() {
        assert_eq!([0.0, 1.0, -1.0, 0.25, 1.5e-5].map(number), ["0", "1", "-1", "0.25", "1.5e-5"]);
    }
}
