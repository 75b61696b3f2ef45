//! Words over a picture that is turned, mirrored or inverted, whatever else is switched off.

use egui::{Color32, FontFamily, FontId, Painter, Rect, Stroke, pos2};

use super::theme;
use crate::display::Orientation;

/// Letters, in points, from the usual size to the smallest, which pictures of the size of a stamp have.
const LETTERS: [f32; 4] = [13.0, 12.0, 11.0, 10.0];

/// Around the words, in points.
const MARGIN: f32 = 3.0;

/// Draws the words at the top of `area` and says which part of it is left for other text. Full words where they find room in
/// a line, else short ones, in several lines where it must be.
pub(super) fn words_ui(painter: &Painter, area: Rect, orientation: Orientation) -> Rect {
    let Some((words, short)) = orientation.words().zip(orientation.short_words()) else { return area };
    let colour = theme::PICTURE_CAUTION;
    let width = (area.width() - 2.0 * MARGIN).max(1.0);
    let font = |size: f32| FontId::new(size, FontFamily::Proportional);
    let mut galley = painter.layout_no_wrap(words, font(LETTERS[0]), colour);
    for size in LETTERS {
        if galley.size().x > width {
            galley = painter.layout_no_wrap(short.clone(), font(size), colour);
        }
    }
    if galley.size().x > width {
        let mut job = egui::text::LayoutJob::simple(short, font(LETTERS[3]), colour, width);
        job.halign = egui::Align::Center;
        galley = painter.layout_job(job);
    }
    let strip = Rect::from_min_max(area.min, pos2(area.right(), area.top() + galley.size().y + 2.0 * MARGIN));
    painter.rect_filled(strip, 0.0, Color32::from_black_alpha(215));
    painter.hline(strip.x_range(), strip.bottom(), Stroke::new(1.0, colour));
    // Centred lines lie around their place, others to the right of it.
    let at = strip.center() - galley.rect.center().to_vec2();
    painter.galley(at, galley, colour);
    Rect::from_min_max(pos2(area.left(), strip.bottom().min(area.bottom())), area.max)
}

/// The name of a picture for assistive programs, with the words where there are some.
pub(super) fn named(name: &str, orientation: Orientation) -> String {
    orientation.words().map_or_else(|| name.to_owned(), |words| format!("{name}, {}", words.to_lowercase()))
}
