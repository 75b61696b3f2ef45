//! Colours and sizes of the window, in one place.

use egui::{Color32, Context, FontFamily, FontId, Stroke, TextStyle, Theme, Visuals};

use crate::saliency::Method;

/// What experts marked.
pub(super) const TRUTH: Color32 = Color32::from_rgb(255, 221, 51);

/// Overlay planes of the file.
pub(super) const OVERLAY: Color32 = Color32::from_rgb(120, 220, 232);

/// The line at the contour level.
pub(super) const CONTOUR: Color32 = Color32::from_rgb(255, 255, 255);

/// Distances, crosshair.
pub(super) const TOOL: Color32 = Color32::from_rgb(140, 255, 170);

/// Text over a picture.
pub(super) const PICTURE_TEXT: Color32 = Color32::from_rgb(235, 235, 235);

/// Words over a picture that must not be missed.
pub(super) const PICTURE_CAUTION: Color32 = Color32::from_rgb(255, 200, 90);

/// Behind text over a picture, so that it reads on white bone too.
pub(super) const PICTURE_SHADE: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 150);

/// Around pictures.
pub(super) const PICTURE_GROUND: Color32 = Color32::BLACK;

/// Chosen tiles and rows.
pub(super) const ACCENT: Color32 = Color32::from_rgb(255, 145, 60);

/// A block of a network as it was trained.
pub(super) const BLOCK_TRAINED: Color32 = Color32::from_rgb(48, 84, 130);

/// A block of a network with random weights.
pub(super) const BLOCK_RANDOM: Color32 = Color32::from_rgb(240, 140, 60);

/// What unrelated maps reach.
pub(super) const CONTROL: Color32 = Color32::from_gray(135);

/// A method in plots.
pub(super) fn method_colour(method: Method, visuals: &Visuals) -> Color32 {
    let colour = method.spec().colour;
    let [red, green, blue] = if visuals.dark_mode { colour.on_dark } else { colour.on_light };
    Color32::from_rgb(red, green, blue)
}

/// What tiles share.
pub(super) fn linked(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { ACCENT } else { Color32::from_rgb(168, 76, 0) }
}

/// Something failed.
pub(super) fn failure(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(255, 130, 120) } else { Color32::from_rgb(178, 34, 34) }
}

/// Something is to be considered.
pub(super) fn caution(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(255, 200, 90) } else { Color32::from_rgb(140, 90, 0) }
}

/// Something went well.
pub(super) fn success(visuals: &Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_rgb(130, 215, 150) } else { Color32::from_rgb(20, 110, 50) }
}

/// Small text over pictures.
pub(super) fn picture_font() -> FontId {
    FontId::new(12.0, FontFamily::Proportional)
}

/// Sets colours and sizes of both themes.
pub(super) fn install(context: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        context.style_mut_of(theme, |style| {
            style.spacing.item_spacing = egui::vec2(8.0, 6.0);
            style.spacing.button_padding = egui::vec2(8.0, 3.0);
            style.spacing.slider_width = 130.0;
            // Chosen things have their text in it: on pale blue it has to be dark.
            let chosen = if theme == Theme::Dark { ACCENT } else { Color32::from_rgb(0, 52, 92) };
            style.visuals.selection.stroke = Stroke::new(1.0, chosen);
            for (text, size) in [
                (TextStyle::Heading, 17.0),
                (TextStyle::Body, 13.5),
                (TextStyle::Button, 13.5),
                (TextStyle::Small, 11.0),
                (TextStyle::Monospace, 12.5),
            ] {
                let family =
                    if text == TextStyle::Monospace { FontFamily::Monospace } else { FontFamily::Proportional };
                style.text_styles.insert(text, FontId::new(size, family));
            }
            if theme == Theme::Dark {
                // Reading rooms are dark: the window is darker than the films.
                style.visuals.panel_fill = Color32::from_gray(22);
                style.visuals.window_fill = Color32::from_gray(27);
                style.visuals.extreme_bg_color = Color32::from_gray(12);
                style.visuals.override_text_color = Some(Color32::from_gray(215));
            }
        });
    }
}
