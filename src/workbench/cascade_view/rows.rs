//! The methods: of each a picture, its likeness, and what that says.

use std::sync::Arc;

use egui::{Align, Align2, Layout, Rect, RichText, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2};

use super::Scene;
use crate::cascade::{Order, VerdictKind, verdict};
use crate::drawing::{CascadePicture, screen_px, view_size_px};
use crate::saliency::{Method, Outcome};
use crate::workbench::action::{Action, Actions};
use crate::workbench::caution::Bar;
use crate::workbench::look::Stage;
use crate::workbench::orientation_words;
use crate::workbench::theme;

/// Room for words beside a picture.
const WORDS: f32 = 190.0;

/// Between rows and columns.
const GAP: f32 = 8.0;

/// Smallest and largest side of a picture.
const SIDE: [f32; 2] = [110.0, 480.0];

/// View ids of the player's pictures; those of other views are small.
const FIRST_VIEW_ID: u64 = 1 << 32;

/// Draws the methods, in as many columns as make the pictures largest.
pub(super) fn rows_ui(ui: &mut Ui, scene: &Scene<'_>, actions: &mut Actions) {
    let methods = &scene.state.player.methods;
    if methods.is_empty() {
        ui.centered_and_justified(|ui| ui.label("Choose a method above: each gets a row"));
        return;
    }
    let area = ui.available_size();
    let side_of = |columns: usize| {
        let rows = methods.len().div_ceil(columns) as f32;
        let width = (area.x + GAP) / columns as f32 - WORDS - 2.0 * GAP;
        let height = (area.y + GAP) / rows - GAP;
        width.min(height)
    };
    let columns = (1..=methods.len().min(4)).max_by(|a, b| side_of(*a).total_cmp(&side_of(*b))).unwrap_or(1);
    let side = side_of(columns).clamp(SIDE[0], SIDE[1]).floor();
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(GAP, GAP);
        let width = (ui.available_width() + GAP) / columns as f32 - GAP;
        for line in methods.chunks(columns) {
            ui.horizontal_top(|ui| {
                for method in line {
                    let (rect, _) = ui.allocate_exact_size(vec2(width, side), Sense::hover());
                    if ui.is_rect_visible(rect) {
                        row_ui(ui, rect, side, *method, scene, actions);
                    }
                }
            });
        }
    });
}

fn row_ui(ui: &mut Ui, rect: Rect, side: f32, method: Method, scene: &Scene<'_>, actions: &mut Actions) {
    let picture = Rect::from_min_size(rect.min, vec2(side, side));
    picture_ui(ui, picture, method, scene, actions);
    let words = Rect::from_min_max(pos2(picture.right() + GAP, rect.top()), rect.max);
    let mut inner = ui.new_child(
        UiBuilder::new().max_rect(words).id_salt(("cascade words", method)).layout(Layout::top_down(Align::Min)),
    );
    inner.set_clip_rect(words.intersect(ui.clip_rect()));
    words_ui(&mut inner, method, scene);
}

fn picture_ui(ui: &mut Ui, rect: Rect, method: Method, scene: &Scene<'_>, actions: &mut Actions) {
    let response = ui.interact(rect, ui.scope_id().with(("cascade picture", method)), Sense::click_and_drag());
    let name = format!("{method} at state {}", scene.state_name());
    let orientation = scene.state.shown.orientation();
    let name = orientation_words::named(&name, orientation);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let rect = match scene.state.caution(&scene.run.model, scene.case.is_phantom()) {
        Some(caution) => {
            let bar = Bar { caution, is_held_back: false, name: None };
            bar.ui(ui, rect, ui.scope_id().with(("cascade caution", method)), actions)
        }
        None => rect,
    };
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, theme::PICTURE_GROUND);
    let pixels_per_point = ui.ctx().pixels_per_point();
    let (case, shown, player) = (scene.case, &scene.state.shown, &scene.state.player);
    let stage = Stage {
        image_px: case.size_px(),
        pixel_aspect: case.facts.pixel_aspect,
        tile_px: view_size_px(rect, pixels_per_point),
    };
    let Some(stack) = scene.found.stacks.get(&method) else {
        let words = match method.undefined_for(&scene.run.model.model.graph) {
            Some(_) => "not defined for this network",
            None if scene.services.cascades.is_coming(scene.run, method) => "waiting",
            None => "not computed",
        };
        note_ui(&painter, rect, words);
        return;
    };
    let mut map = shown.map;
    map.visible &= !scene.state.tools.is_peeking;
    let display = player.display(map);
    let picture = CascadePicture {
        view_id: FIRST_VIEW_ID + method as u64,
        plane: Arc::clone(&case.plane),
        gray: shown.gray(&case.plane),
        stack: stack.clone(),
        display,
        viewport: shown.look.viewport(&stage),
    };
    if let Some(software) = &scene.services.software {
        software.paint(&painter, rect, &picture);
    } else {
        painter.add(picture.shape(ui.ctx(), rect));
    }
    orientation_words::words_ui(&painter, rect, orientation);
    match scene.found.row(method, player.state()).map(|row| row.outcome) {
        None if display.layers(stack).is_none() => note_ui(&painter, rect, "not computed yet"),
        None | Some(Outcome::Normal) => {}
        Some(Outcome::Blank) => note_ui(&painter, rect, "the map is blank"),
        Some(Outcome::Constant) => note_ui(&painter, rect, "the map is the same everywhere"),
        Some(Outcome::Sparse) => note_ui(&painter, rect, "too few pixels stand out"),
        Some(Outcome::NotFinite) => note_ui(&painter, rect, "the map is not finite"),
    }
    mouse(ui, &response, rect, &stage, scene, actions);
}

/// Drag moves the pictures, Ctrl and the wheel enlarge; all of them and the case view together.
fn mouse(ui: &Ui, response: &egui::Response, rect: Rect, stage: &Stage, scene: &Scene<'_>, actions: &mut Actions) {
    let pixels_per_point = ui.ctx().pixels_per_point();
    let mut shown = scene.state.shown.clone();
    let delta = response.drag_delta() * pixels_per_point;
    if response.dragged() && delta != egui::Vec2::ZERO {
        shown.look = shown.look.panned([f64::from(delta.x), f64::from(delta.y)], stage);
    }
    let zoom = ui.input(egui::InputState::zoom_delta);
    if let Some(at) = response.hover_pos().filter(|_| (zoom - 1.0).abs() > f32::EPSILON) {
        shown.look = shown.look.zoomed(f64::from(zoom), screen_px(rect, pixels_per_point, at), stage);
    }
    if shown != scene.state.shown {
        actions.send(Action::Show(Box::new(shown)));
    }
    if response.double_clicked() {
        actions.run(crate::workbench::command::Command::Fit);
    }
}

fn note_ui(painter: &egui::Painter, rect: Rect, words: &str) {
    let font = theme::picture_font();
    painter.text(rect.center(), Align2::CENTER_CENTER, words, font, theme::PICTURE_TEXT);
}

fn words_ui(ui: &mut Ui, method: Method, scene: &Scene<'_>) {
    let player = &scene.state.player;
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.horizontal(|ui| {
        ui.label(RichText::new("■").color(theme::method_colour(method, ui.visuals())));
        ui.label(RichText::new(method.name()).strong()).on_hover_text(method.title());
    });
    let similarity = scene.found.row(method, player.state()).map(|row| scene.run.question.likeness(&row.similarity));
    let likeness = match similarity {
        Some(Some(value)) => format!("SSIM {value:.2}").replace("-0.00", "0.00"),
        Some(None) => "no map to compare".to_owned(),
        None => "SSIM …".to_owned(),
    };
    ui.label(format!("{likeness} at {}", scene.state_name()));
    if !scene.is_whole(method) {
        let (there, all) = (scene.found.states_of(method), scene.run.states.len());
        ui.label(RichText::new(format!("{there} of {all} states; judged when all are there")).small());
        return;
    }
    if player.order == Order::Independent {
        ui.label(RichText::new("No verdict: in this order the network never forgets everything").small());
        return;
    }
    // A cascade under way tells what noise reaches at its end, and other images come after it.
    if scene.is_comparing(method) {
        ui.label(RichText::new("Judged when other images have been compared").small());
        return;
    }
    let baseline = scene.baseline(method);
    if baseline.is_none() && scene.found.control.is_none() {
        ui.label(RichText::new("Judged when the likeness of noise is known").small());
        return;
    }
    let found = verdict(&scene.run.curve(scene.found, method), baseline, scene.control());
    let (kind, colour) = match found.kind {
        VerdictKind::Changes if found.is_late => ("Falls apart at the last block only", theme::caution(ui.visuals())),
        VerdictKind::Changes => ("Falls apart", theme::success(ui.visuals())),
        VerdictKind::HardlyChanges => ("Stays alike", theme::failure(ui.visuals())),
        VerdictKind::Unclear => ("Unclear", theme::caution(ui.visuals())),
        VerdictKind::NotJudged => ("Not judged", theme::caution(ui.visuals())),
    };
    ui.label(RichText::new(kind).strong().color(colour));
    sentence_ui(ui, &found.sentence);
}

/// As many lines as there is room for; all of them under the pointer.
fn sentence_ui(ui: &mut Ui, sentence: &str) {
    let font = egui::TextStyle::Small.resolve(ui.style());
    let line = ui.fonts_mut(|fonts| fonts.row_height(&font));
    let colour = ui.visuals().text_color();
    let mut job = egui::text::LayoutJob::simple(sentence.to_owned(), font, colour, ui.available_width());
    job.wrap.max_rows = ((ui.available_height() / line) as usize).max(1);
    ui.label(job).on_hover_text(sentence);
}
