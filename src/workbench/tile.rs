//! One picture: radiograph, map, marks, text around them, and what the mouse does on it.

use std::sync::Arc;

use egui::{PointerButton, Pos2, Rect, Sense, Ui, pos2, vec2};

use super::action::{Action, Actions};
use super::caution::Bar;
use super::command::Command;
use super::look::{Look, Stage};
use super::services::Services;
use super::settings::Drag;
use super::shown::{MapValues, Shown, ToneChoice};
use super::state::{CompareMode, Measurement, State};
use super::tile_header::{self, HEADER};
use super::{orientation_words, study_row, tile_marks, tile_text};
use crate::display::{ColourMap, Lens, MapDisplay, MapPlane, Tone};
use crate::drawing::{CasePicture, MapLayer, screen_px, view_size_px};
use crate::reading::{Answer, OpenCase, OpenModel, Standing};
use crate::saliency::Method;

/// Width of a picture in points from which scale bar and colour bar find room.
const SMALLEST_WITH_BARS: f32 = 140.0;

/// A magnifier's radius in points, and how much it enlarges.
const LENS: (f32, f64) = (90.0, 3.0);

/// One picture to be drawn.
pub(super) struct Tile<'a> {
    /// Tells it from all others on screen.
    pub(super) view_id: u64,
    /// Its position in a comparison; none for the case view.
    pub(super) index: Option<usize>,
    /// What tells it from its neighbours, the first word above the picture.
    pub(super) name: &'a str,
    /// The case.
    pub(super) case: &'a Arc<OpenCase>,
    /// The model.
    pub(super) model: Option<&'a Arc<OpenModel>>,
    /// The method; none for the image alone.
    pub(super) method: Option<Method>,
    /// How it is shown.
    pub(super) shown: &'a Shown,
    /// Where its map stands.
    pub(super) standing: Standing,
    /// What the colours of raw maps span, where tiles share it; else each map's own range.
    pub(super) raw_range: Option<[f32; 2]>,
    /// Whether it is one of the pair whose likeness is told.
    pub(super) is_chosen: bool,
}

/// What is drawn over the radiograph.
pub(super) struct Layer {
    /// The map.
    pub(super) map: MapPlane,
    /// How.
    pub(super) display: MapDisplay,
    /// What the numbers at the colour bar are.
    pub(super) unit: &'static str,
    /// The finished answer it comes from.
    pub(super) answer: Option<Arc<Answer>>,
    /// It answers an earlier question and stays until the new one is answered.
    pub(super) is_old: bool,
}

/// The values of a finished map that `shown` asks for, how they are drawn, and what they are. Colours of raw maps span
/// `raw_range` where it is given, else the map's own values.
pub(super) fn map_on_screen(
    shown: &Shown,
    answer: &Answer,
    raw_range: Option<[f32; 2]>,
) -> (MapPlane, MapDisplay, &'static str) {
    let display = shown.map;
    match (shown.values, &answer.signed) {
        (MapValues::Signed, Some(signed)) => {
            let display = MapDisplay { range: [-1.0, 1.0], colour_map: ColourMap::Diverging, ..display };
            (signed.clone(), display, "signed, -1 to 1")
        }
        (MapValues::Raw, _) => {
            let range = raw_range.unwrap_or(answer.raw_range);
            let unit = if raw_range.is_some() { "raw, one scale" } else { "raw" };
            (answer.raw.clone(), MapDisplay { range, ..display }, unit)
        }
        (MapValues::Display | MapValues::Signed, _) => (answer.display.clone(), display, "0 to 1 per map"),
    }
}

impl Tile<'_> {
    /// Draws the tile into `rect` and sends what the mouse asks for.
    ///
    /// Says which image was drawn in which area.
    pub(super) fn ui(
        &self,
        ui: &mut Ui,
        rect: Rect,
        state: &State,
        services: &Services,
        actions: &mut Actions,
    ) -> Stage {
        let header = Rect::from_min_size(rect.min, vec2(rect.width(), HEADER));
        let area = Rect::from_min_max(pos2(rect.left(), rect.top() + HEADER), rect.max);
        let caution = self.model.and_then(|model| state.caution(model, self.case.is_phantom()));
        let is_held_back = caution.is_some() && !state.explains_anyway;
        let layer = if is_held_back { None } else { self.layer(services, state.tools.is_peeking) };
        tile_header::header_ui(ui, header, self, layer.as_ref(), state, actions);
        let area = match caution {
            Some(caution) => {
                let bar = Bar { caution, is_held_back, name: self.index.map(|_| self.name) };
                bar.ui(ui, area, ui.scope_id().with(("caution", self.view_id)), actions)
            }
            None => area,
        };
        let pixels_per_point = ui.ctx().pixels_per_point();
        let [width_px, height_px] = self.case.size_px();
        let stage = Stage {
            image_px: [width_px, height_px],
            pixel_aspect: self.case.facts.pixel_aspect,
            tile_px: view_size_px(area, pixels_per_point),
        };
        ui.painter().rect_filled(area, 0.0, super::theme::PICTURE_GROUND);
        let title = state.list.current.and_then(|entry| state.list.entry(entry));
        let title = title.map(|entry| study_row::title(entry, self.shown.has_identity)).unwrap_or_default();
        let name = match self.method {
            Some(method) => format!("{method} over {title}"),
            None => title,
        };
        let name = if self.index.is_some() { format!("{} picture", self.name) } else { name };
        let id = ui.scope_id().with(("tile", self.view_id));
        let response = ui.interact(area, id, Sense::click_and_drag());
        let name = orientation_words::named(&name, self.shown.orientation());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));

        let viewport = self.shown.look.viewport(&stage);
        let hover = response.hover_pos();
        let lens = hover.filter(|_| state.tools.magnifier).map(|at| Lens {
            center_px: screen_px(area, pixels_per_point, at),
            radius_px: f64::from(LENS.0 * pixels_per_point),
            factor: LENS.1,
            is_round: true,
        });
        let map = layer.as_ref().map(|layer| MapLayer { map: layer.map.clone(), display: layer.display, fade: None });
        let picture = CasePicture {
            view_id: self.view_id,
            plane: Arc::clone(&self.case.plane),
            gray: self.shown.gray(&self.case.plane),
            map,
            viewport,
            lens,
        };
        let painter = ui.painter_at(area);
        match &services.software {
            Some(software) => software.paint(&painter, area, &picture),
            None => {
                painter.add(picture.shape(ui.ctx(), area));
            }
        }

        let place = |image_px: [f64; 2]| {
            let [x, y] = viewport.screen_from_image(image_px);
            area.min + vec2(x as f32, y as f32) / pixels_per_point
        };
        tile_marks::marks_ui(&painter, self, layer.as_ref(), state, services, &place);
        let below = orientation_words::words_ui(&painter, area, self.shown.orientation());
        if self.shown.has_corner_text {
            tile_text::corners_ui(&painter, below, self, &viewport);
        }
        // On the smallest tiles the bars would hide what they explain.
        let has_bars = area.width() >= SMALLEST_WITH_BARS;
        if has_bars {
            tile_text::scale_bar_ui(&painter, area, self.case, f64::from(viewport.zoom as f32 / pixels_per_point));
        }
        if let Some(layer) = layer.as_ref().filter(|_| has_bars) {
            tile_text::colour_bar_ui(&painter, area, layer);
        }
        tile_text::standing_ui(&painter, area, self, layer.as_ref());
        if let Some(at) = hover {
            let image_px = viewport.image_from_screen(screen_px(area, pixels_per_point, at));
            tile_text::read_out_ui(&painter, area, self, layer.as_ref(), image_px);
        }
        if self.is_chosen {
            let stroke = egui::Stroke::new(2.0, super::theme::ACCENT);
            ui.painter().rect_stroke(rect, 0.0, stroke, egui::StrokeKind::Inside);
        }
        self.mouse(ui, &response, area, &stage, state, actions);
        stage
    }

    /// The map to be drawn: the finished one, the unfinished one, or the one before while the new one is on its way.
    fn layer(&self, services: &Services, is_peeking: bool) -> Option<Layer> {
        let method = self.method?;
        let mut display = self.shown.map;
        display.visible &= !is_peeking;
        let finished = |answer: &Arc<Answer>, is_old| {
            let (map, mut display, unit) = map_on_screen(self.shown, answer, self.raw_range);
            display.visible &= !is_peeking;
            Layer { map, display, unit, answer: Some(Arc::clone(answer)), is_old }
        };
        match &self.standing {
            Standing::Ready(answer) => {
                services.remember_shown(self.view_id, &self.case.content, method, answer);
                Some(finished(answer, false))
            }
            Standing::Partial(partial) => Some(Layer {
                map: partial.display.clone(),
                display,
                unit: "0 to 1 per map, unfinished",
                answer: None,
                is_old: false,
            }),
            Standing::Waiting | Standing::Absent | Standing::Failed(_) => {
                services.shown_before(self.view_id, &self.case.content, method).map(|answer| finished(&answer, true))
            }
        }
    }

    fn show(&self, shown: Shown, actions: &mut Actions) {
        match self.index {
            Some(index) => actions.send(Action::ShowTile(index, Box::new(shown))),
            None => actions.send(Action::Show(Box::new(shown))),
        }
    }

    fn mouse(
        &self,
        ui: &Ui,
        response: &egui::Response,
        area: Rect,
        stage: &Stage,
        state: &State,
        actions: &mut Actions,
    ) {
        let pixels_per_point = ui.ctx().pixels_per_point();
        let to_image =
            |at: Pos2| self.shown.look.viewport(stage).image_from_screen(screen_px(area, pixels_per_point, at));
        if let Some(at) = response.hover_pos() {
            let image_px = to_image(at);
            let fraction = [0, 1].map(|axis| image_px[axis] / stage.image_px[axis] as f64);
            let inside = fraction.iter().all(|part| (0.0..=1.0).contains(part));
            let cursor = inside.then_some(fraction);
            if cursor != state.cursor {
                actions.send(Action::SetCursor(cursor));
            }
            self.wheel(ui, at, area, stage, state, actions);
        }
        if response.double_clicked() {
            match self.index {
                None => actions.run(Command::Fit),
                Some(_) => actions.send(Action::Maximise(self.index.filter(|_| !self.fills_view(state)))),
            }
        }
        let delta = response.drag_delta() * pixels_per_point;
        let delta_px = [f64::from(delta.x), f64::from(delta.y)];
        let mouse = state.settings.mouse;
        for (button, drag) in [
            (PointerButton::Primary, mouse.left),
            (PointerButton::Middle, mouse.middle),
            (PointerButton::Secondary, mouse.right),
        ] {
            if !response.dragged_by(button) || delta == egui::Vec2::ZERO {
                continue;
            }
            if button == PointerButton::Primary && state.tools.measure {
                Self::measure(ui, response, state, &to_image, actions);
                continue;
            }
            let drag = if button == PointerButton::Primary && ui.input(|input| input.modifiers.shift) {
                Drag::Pan
            } else {
                drag
            };
            let mut shown = self.shown.clone();
            match drag {
                Drag::Window => self.drag_window(&mut shown, delta_px),
                Drag::Pan => shown.look = shown.look.panned(delta_px, stage),
                Drag::Zoom => {
                    let grabbed = ui.input(|input| input.pointer.press_origin()).unwrap_or(area.center());
                    let around = screen_px(area, pixels_per_point, grabbed);
                    shown.look = shown.look.zoomed((-delta_px[1] * 0.01).exp(), around, stage);
                }
            }
            self.show(shown, actions);
        }
        response.context_menu(|ui| self.menu(ui, state, actions));
    }

    /// Whether it is the only tile of a comparison that is seen.
    pub(super) fn fills_view(&self, state: &State) -> bool {
        self.index.is_some() && state.compare.maximised == self.index
    }

    fn wheel(&self, ui: &Ui, at: Pos2, area: Rect, stage: &Stage, state: &State, actions: &mut Actions) {
        let (zoom, scroll, events) = ui.input(|input| {
            let notches: f32 = input
                .events
                .iter()
                .filter_map(|event| match event {
                    egui::Event::MouseWheel { delta, modifiers, .. } if !modifiers.command => Some(delta.y),
                    _ => None,
                })
                .sum();
            (input.zoom_delta(), notches, input.modifiers)
        });
        if (zoom - 1.0).abs() > 1e-4 {
            let mut shown = self.shown.clone();
            let around = screen_px(area, ui.ctx().pixels_per_point(), at);
            shown.look = shown.look.zoomed(f64::from(zoom), around, stage);
            self.show(shown, actions);
        } else if scroll.abs() > 0.01 && !events.command {
            let has_all_methods = self.index.is_some() && state.compare.mode == CompareMode::Methods;
            let by_image = events.shift || has_all_methods;
            actions.run(match (by_image, scroll > 0.0) {
                (false, true) => Command::PreviousMethod,
                (false, false) => Command::NextMethod,
                (true, true) => Command::PreviousCase,
                (true, false) => Command::NextCase,
            });
        }
    }

    fn drag_window(&self, shown: &mut Shown, delta_px: [f64; 2]) {
        let plane = &self.case.plane;
        let window = match shown.tone.tone(plane) {
            Tone::Window(window) => window,
            Tone::Table(_) => plane.percentile_window(crate::display::WindowPreset::Full.percentiles()),
        };
        let dragged = window.dragged(delta_px, plane.value_range());
        shown.tone = ToneChoice::Custom { center: dragged.center, width: dragged.width };
    }

    fn measure(
        ui: &Ui,
        response: &egui::Response,
        state: &State,
        to_image: &impl Fn(Pos2) -> [f64; 2],
        actions: &mut Actions,
    ) {
        let Some(at) = response.interact_pointer_pos() else { return };
        let begun = ui.input(|input| input.pointer.press_origin()).unwrap_or(at);
        let from_px = match state.measurement {
            Some(measurement) if !response.drag_started() => measurement.from_px,
            _ => to_image(begun),
        };
        actions.send(Action::SetMeasurement(Some(Measurement { from_px, to_px: to_image(at) })));
    }

    fn menu(&self, ui: &mut Ui, state: &State, actions: &mut Actions) {
        let commands: &[Option<Command>] = &[
            Some(Command::ResetView),
            Some(Command::Fit),
            Some(Command::OneToOne),
            Some(Command::Invert),
            None,
            Some(Command::ToggleMap),
            Some(Command::ToggleContour),
            Some(Command::ToggleTruth),
            Some(Command::MethodCard),
            None,
            Some(Command::ExportFigure),
        ];
        for command in commands {
            let Some(command) = command else {
                ui.separator();
                continue;
            };
            let keys = state.settings.keys.keys(*command);
            let text = keys.first().map(|key| ui.ctx().format_shortcut(key)).unwrap_or_default();
            if ui.add(egui::Button::new(command.label()).shortcut_text(text)).clicked() {
                match (command, self.index) {
                    // The pointer is over the menu, and no longer over the image that is meant.
                    (Command::Invert, Some(_)) => {
                        let is_inverted = !self.shown.is_inverted;
                        self.show(Shown { is_inverted, ..self.shown.clone() }, actions);
                    }
                    (Command::ResetView, Some(_)) => {
                        let (look, tone) = (Look::default(), ToneChoice::AsStored);
                        self.show(Shown { look, tone, is_inverted: false, ..self.shown.clone() }, actions);
                    }
                    _ => actions.run(*command),
                }
                ui.close();
            }
        }
    }
}
