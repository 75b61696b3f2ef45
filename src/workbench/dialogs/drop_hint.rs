//! What is said while files hover over the window.

use egui::{Align2, Color32, Context, FontId, Id, LayerId, Order};

use crate::workbench::theme;

/// Says what letting go would do.
pub(super) fn drop_hint_ui(context: &Context) {
    let hovering = context.input(|input| input.raw.hovered_files.len());
    if hovering == 0 {
        return;
    }
    let text = if hovering == 1 { "Drop to open it".to_owned() } else { format!("Drop to open {hovering} files") };
    let painter = context.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let rect = context.content_rect();
    painter.rect_filled(rect, 0.0, Color32::from_black_alpha(190));
    painter.rect_stroke(rect.shrink(12.0), 8.0, (2.0, theme::ACCENT), egui::StrokeKind::Inside);
    painter.text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(26.0), theme::PICTURE_TEXT);
    let place = rect.center() + egui::vec2(0.0, 34.0);
    let what = "Images, folders, data sets and models are told apart by what is in them";
    painter.text(place, Align2::CENTER_CENTER, what, FontId::proportional(14.0), theme::PICTURE_TEXT);
}
