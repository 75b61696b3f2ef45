//! Names before choices, one below the other.

use egui::{Align, Layout, Response, Ui, vec2};

/// A name at the left of a column of names that is `width` points wide; what it names follows.
pub(super) fn name_ui(ui: &mut Ui, name: &str, width: f32) -> Response {
    let size = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        ui.label(name)
    })
    .inner
}
