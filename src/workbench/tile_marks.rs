//! What is drawn over a picture: experts' marks, contours, overlay planes, distances, the pointer's place.

use std::sync::Arc;

use egui::{Color32, ColorImage, Painter, Pos2, Shape, Stroke, TextureOptions, pos2};

use super::services::Services;
use super::state::State;
use super::theme;
use super::tile::{Layer, Tile};
use crate::reading::{OpenCase, PlacedOverlay};

/// Draws all marks; `place` gives the screen point of an image point.
pub(super) fn marks_ui(
    painter: &Painter,
    tile: &Tile<'_>,
    layer: Option<&Layer>,
    state: &State,
    services: &Services,
    place: &dyn Fn([f64; 2]) -> Pos2,
) {
    if tile.shown.has_overlays {
        for (index, overlay) in tile.case.overlays.iter().enumerate() {
            overlay_ui(painter, tile.case, index, overlay, services, place);
        }
    }
    if tile.shown.has_contour
        && let Some(layer) = layer.filter(|layer| layer.display.visible)
    {
        let [low, high] = layer.display.range;
        let level = low + (high - low) * tile.shown.contour_level;
        for line in services.contour(&layer.map, level, tile.case.size_px()).iter() {
            lines(painter, line, Stroke::new(1.5, theme::CONTOUR), place);
        }
    }
    if tile.shown.has_truth {
        truth_ui(painter, tile.case, place);
    }
    if let Some(measurement) = state.measurement.filter(|_| tile.index.is_none()) {
        let [from, to] = [measurement.from_px, measurement.to_px].map(place);
        painter.line_segment([from, to], Stroke::new(1.5, theme::TOOL));
        for end in [from, to] {
            painter.circle_stroke(end, 4.0, Stroke::new(1.5, theme::TOOL));
        }
        label(painter, to + egui::vec2(8.0, -8.0), &distance(tile.case, measurement.from_px, measurement.to_px));
    }
    let is_linked = tile.index.is_some() && state.compare.links.cursor;
    let holds_shift = painter.ctx().input(|input| input.modifiers.shift);
    let is_pointed_at = painter.ctx().pointer_hover_pos().is_some_and(|at| painter.clip_rect().contains(at));
    let has_crosshair = state.tools.crosshair && (tile.index.is_none() || is_linked || is_pointed_at);
    if let Some(cursor) = state.cursor.filter(|_| has_crosshair || (is_linked && holds_shift)) {
        let size = tile.case.size_px();
        let at = place([0, 1].map(|axis| cursor[axis] * size[axis] as f64));
        let clip = painter.clip_rect();
        let stroke = Stroke::new(1.0, theme::TOOL.gamma_multiply(0.8));
        painter.line_segment([pos2(clip.left(), at.y), pos2(clip.right(), at.y)], stroke);
        painter.line_segment([pos2(at.x, clip.top()), pos2(at.x, clip.bottom())], stroke);
    }
}

/// The length between two image points in words: in mm where the file says how far pixels lie apart.
pub(super) fn distance(case: &OpenCase, from_px: [f64; 2], to_px: [f64; 2]) -> String {
    let delta = [0, 1].map(|axis| to_px[axis] - from_px[axis]);
    match case.facts.spacing.zip(case.facts.scale_mm()) {
        Some((spacing, (_, unit))) => {
            let length = (delta[0] * spacing.column_mm).hypot(delta[1] * spacing.row_mm);
            format!("{length:.1} {unit}")
        }
        None => format!("{:.1} px", delta[0].hypot(delta[1])),
    }
}

fn truth_ui(painter: &Painter, case: &OpenCase, place: &dyn Fn([f64; 2]) -> Pos2) {
    let stroke = Stroke::new(2.0, theme::TRUTH);
    for line in case.truth_outlines() {
        lines(painter, line, stroke, place);
    }
    for finding in &case.truth.boxes {
        let (left, top) = (finding.x_px, finding.y_px);
        let (right, bottom) = (left + finding.width_px, top + finding.height_px);
        let corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(place);
        painter.add(Shape::closed_line(corners.to_vec(), stroke));
    }
}

fn lines(painter: &Painter, points: &[[f32; 2]], stroke: Stroke, place: &dyn Fn([f64; 2]) -> Pos2) {
    let points = points.iter().map(|[x, y]| place([f64::from(*x), f64::from(*y)])).collect();
    painter.add(Shape::line(points, stroke));
}

/// A short text with a shade behind it.
pub(super) fn label(painter: &Painter, at: Pos2, text: &str) {
    let galley = painter.layout_no_wrap(text.to_owned(), theme::picture_font(), theme::PICTURE_TEXT);
    let rect = egui::Rect::from_min_size(at, galley.size()).expand2(egui::vec2(4.0, 2.0));
    painter.rect_filled(rect, 3.0, theme::PICTURE_SHADE);
    painter.galley(at, galley, theme::PICTURE_TEXT);
}

/// An overlay plane as a texture stretched over its part of the image, turned as the image is.
fn overlay_ui(
    painter: &Painter,
    case: &Arc<OpenCase>,
    index: usize,
    overlay: &PlacedOverlay,
    services: &Services,
    place: &dyn Fn([f64; 2]) -> Pos2,
) {
    let texture = services.overlay_texture(&case.content, index, || {
        let pixel = |bit: &bool| if *bit { theme::OVERLAY } else { Color32::TRANSPARENT };
        let pixels = overlay.bits.bits.iter().map(pixel).collect();
        let image = ColorImage::new([overlay.bits.columns, overlay.bits.rows], pixels);
        painter.ctx().load_texture("overlay", image, TextureOptions::NEAREST)
    });
    let [row, column] = overlay.origin_px.map(f64::from);
    let (right, bottom) = (column + overlay.bits.columns as f64, row + overlay.bits.rows as f64);
    let mut mesh = egui::Mesh::with_texture(texture.id());
    for ([x, y], uv) in [
        ([column, row], pos2(0.0, 0.0)),
        ([right, row], pos2(1.0, 0.0)),
        ([right, bottom], pos2(1.0, 1.0)),
        ([column, bottom], pos2(0.0, 1.0)),
    ] {
        mesh.vertices.push(egui::epaint::Vertex { pos: place([x, y]), uv, color: Color32::WHITE });
    }
    mesh.indices = vec![0, 1, 2, 0, 2, 3];
    painter.add(Shape::mesh(mesh));
}
