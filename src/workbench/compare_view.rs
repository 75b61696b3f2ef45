//! Maps side by side: all methods of one model, one method of several models, or one method over several images.

use egui::{CentralPanel, Rect, Ui, Vec2, pos2, vec2};

use super::action::Actions;
use super::case_view::{message_ui, welcome_ui};
use super::command::Command;
use super::compare_strip;
use super::look::Stage;
use super::menu::command_ui;
use super::services::{OnScreen, Services};
use super::shelf::Shelved;
use super::shown::MapValues;
use super::state::{CompareMode, State, TileSubject};
use super::study_row;
use super::theme;
use super::tile::Tile;
use super::tile_header::HEADER;
use crate::reading::Standing;

/// Between tiles.
const GAP: f32 = 3.0;

/// The smallest picture that still shows something.
const SMALLEST: f32 = 96.0;

/// Draws the comparison and says where one of its pictures is: the one under the pointer, or the first.
pub(super) fn compare_view_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) -> Option<Stage> {
    let frame = egui::Frame::new().fill(theme::PICTURE_GROUND);
    CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| {
            if state.list.current.is_none() {
                welcome_ui(ui, state, actions);
                return None;
            }
            let tiles = state.tiles();
            let names: Vec<String> = tiles.iter().map(|tile| tile_name(tile, state)).collect();
            compare_strip::strip_ui(ui, state, services, &tiles, &names, actions);
            if tiles.is_empty() {
                no_model_ui(ui, state, actions);
                return None;
            }
            let area = ui.available_rect_before_wrap();
            tiles_ui(ui, area, &tiles, &names, state, services, actions)
        })
        .inner
}

/// What tells a tile from its neighbours.
fn tile_name(tile: &TileSubject, state: &State) -> String {
    match state.compare.mode {
        CompareMode::Methods => tile.method.map_or_else(|| "Radiograph".to_owned(), |method| method.name().to_owned()),
        CompareMode::Models => state.models.get(tile.model).map(|model| model.title.clone()).unwrap_or_default(),
        CompareMode::Images => {
            let entry = state.list.entry(tile.entry);
            entry.map(|entry| study_row::title(entry, state.shown.has_identity)).unwrap_or_default()
        }
    }
}

/// A view id for each tile of each mode, so that none takes what another showed for its own earlier map.
fn view_id(mode: CompareMode, tile: usize) -> u64 {
    let mode = match mode {
        CompareMode::Methods => 1,
        CompareMode::Models => 2,
        CompareMode::Images => 3,
    };
    (mode << 32) + tile as u64
}

fn tiles_ui(
    ui: &mut Ui,
    area: Rect,
    tiles: &[TileSubject],
    names: &[String],
    state: &State,
    services: &Services,
    actions: &mut Actions,
) -> Option<Stage> {
    let maximised = state.compare.maximised.filter(|tile| *tile < tiles.len());
    let aspect = tiles
        .first()
        .and_then(|tile| services.shelf.case(tile.entry))
        .map_or(1.0, |case| case.size_px()[1] as f32 * case.facts.pixel_aspect as f32 / case.size_px()[0] as f32);
    let (columns, places): (usize, Vec<(usize, Rect)>) = if let Some(tile) = maximised {
        (1, vec![(tile, area)])
    } else {
        let grid = Grid::of(tiles.len(), area.size(), aspect).on_pixels(ui.pixels_per_point());
        (grid.columns, grid.places(tiles.len(), area).into_iter().enumerate().collect())
    };
    let on_screen = services.on_screen.get();
    let is_pointed_at = |(_, rect): &&(usize, Rect)| ui.rect_contains_pointer(*rect);
    let pointed = places.iter().find(is_pointed_at).map(|(index, _)| tiles[*index].entry);
    services.on_screen.set(OnScreen { columns, tiles: places.len(), pointed, ..on_screen });
    let raw_range = shared_raw_range(tiles, state, services);
    let mut stage = None;
    for (index, rect) in &places {
        let subject = &tiles[*index];
        let case = match services.shelf.look(subject.entry) {
            Shelved::Ready(case) => case,
            Shelved::Failed(reason) => {
                tile_message_ui(ui, *rect, &names[*index], "This image cannot be shown", &reason);
                continue;
            }
            Shelved::Reading | Shelved::Absent => {
                tile_message_ui(ui, *rect, &names[*index], "Opening…", "");
                continue;
            }
        };
        let model = state.models.get(subject.model);
        let standing = match (subject.method, model) {
            (Some(method), Some(model)) => services.standing(state, &case, model, method),
            _ => Standing::Absent,
        };
        let shown = state.tile_shown(*index);
        let tile = Tile {
            view_id: view_id(state.compare.mode, *index),
            index: Some(*index),
            name: &names[*index],
            case: &case,
            model,
            method: subject.method,
            shown: &shown,
            standing,
            raw_range,
            is_chosen: state.compare.pair.contains(&Some(*index)),
        };
        let drawn = tile.ui(ui, *rect, state, services, actions);
        if stage.is_none() || ui.rect_contains_pointer(*rect) {
            stage = Some(drawn);
        }
    }
    if places.len() < tiles.len() && maximised.is_none() {
        let left = tiles.len() - places.len();
        let words = format!("{left} more: no room");
        let at = area.right_bottom() - vec2(8.0, 6.0);
        ui.painter().text(at, egui::Align2::RIGHT_BOTTOM, words, theme::picture_font(), theme::PICTURE_TEXT);
    }
    stage
}

/// What the colours of raw maps span where tiles share them. Methods have units of their own, so theirs never do.
pub(super) fn shared_raw_range(tiles: &[TileSubject], state: &State, services: &Services) -> Option<[f32; 2]> {
    let is_shared = state.compare.links.colour_range && state.shown.values == MapValues::Raw;
    if !is_shared || state.compare.mode == CompareMode::Methods {
        return None;
    }
    let range = |tile: &TileSubject| {
        let case = services.shelf.case(tile.entry)?;
        match services.standing(state, case, state.models.get(tile.model)?, tile.method?) {
            Standing::Ready(answer) => Some(answer.raw_range),
            _ => None,
        }
    };
    tiles.iter().filter_map(range).reduce(|[a, b], [low, high]| [a.min(low), b.max(high)])
}

fn tile_message_ui(ui: &mut Ui, rect: Rect, name: &str, heading: &str, text: &str) {
    let header = Rect::from_min_size(rect.min, vec2(rect.width(), HEADER));
    ui.painter().rect_filled(header, 0.0, ui.visuals().panel_fill);
    let left = header.left_center() + vec2(6.0, 0.0);
    let colour = ui.visuals().strong_text_color();
    ui.painter_at(header).text(left, egui::Align2::LEFT_CENTER, name, egui::FontId::proportional(13.0), colour);
    let below = Rect::from_min_max(pos2(rect.left(), header.bottom()), rect.max);
    ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
        ui.set_clip_rect(below.intersect(ui.clip_rect()));
        message_ui(ui, heading, text);
    });
}

fn no_model_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.3);
        ui.label(egui::RichText::new("No model is open").heading().color(theme::PICTURE_TEXT));
        let text = "Models are compared by the maps of one method, side by side";
        ui.label(egui::RichText::new(text).color(theme::PICTURE_TEXT));
        ui.add_space(8.0);
        for command in [Command::OpenModel, Command::OpenDemo] {
            command_ui(ui, command, state, actions);
        }
    });
}

/// Tiles in rows of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grid {
    columns: usize,
    rows: usize,
    tile: Vec2,
    gap: f32,
}

impl Grid {
    /// The grid in which pictures of this `aspect` (height over width) become largest. Where they would become too small
    /// to show anything, as many as still do find room.
    fn of(count: usize, area: Vec2, aspect: f32) -> Self {
        let grid = |columns: usize| {
            let rows = count.div_ceil(columns);
            let side = |length: f32, parts: usize| (length - GAP * (parts - 1) as f32) / parts as f32;
            Self { columns, rows, tile: vec2(side(area.x, columns), side(area.y, rows)), gap: GAP }
        };
        let picture = |grid: &Self| grid.tile.x.min((grid.tile.y - HEADER) / aspect.max(1e-3));
        // Of equally large pictures the last are taken, those in the fewest columns.
        let best = (1..=count.max(1)).rev().map(grid).max_by(|a, b| picture(a).total_cmp(&picture(b)));
        let best = best.unwrap_or_else(|| grid(1));
        if picture(&best) >= SMALLEST {
            return best;
        }
        let most = |length: f32, least: f32| (((length + GAP) / (least + GAP)).floor() as usize).max(1);
        let columns = most(area.x, SMALLEST).min(count);
        let rows = most(area.y, SMALLEST * aspect + HEADER).min(count.div_ceil(columns));
        let side = |length: f32, parts: usize| (length - GAP * (parts - 1) as f32) / parts as f32;
        Self { columns, rows, tile: vec2(side(area.x, columns), side(area.y, rows)), gap: GAP }
    }

    /// The same with tiles and gaps of whole pixels, so that all pictures have the same size.
    fn on_pixels(self, pixels_per_point: f32) -> Self {
        let whole = |length: f32| (length * pixels_per_point).floor().max(1.0) / pixels_per_point;
        Self { tile: vec2(whole(self.tile.x), whole(self.tile.y)), gap: whole(self.gap), ..self }
    }

    /// Where the first tiles lie, as many as there is room for.
    fn places(&self, count: usize, area: Rect) -> Vec<Rect> {
        let place = |index: usize| {
            let (row, column) = (index / self.columns, index % self.columns);
            let step = self.tile + Vec2::splat(self.gap);
            Rect::from_min_size(area.min + vec2(column as f32 * step.x, row as f32 * step.y), self.tile)
        };
        (0..count.min(self.columns * self.rows)).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_square_pictures_make_three_rows_and_few_long_ones_a_row() {
        let shape = |count, size, aspect| {
            let grid = Grid::of(count, size, aspect);
            (grid.columns, grid.rows)
        };
        assert_eq!(shape(9, vec2(800.0, 800.0), 1.0), (3, 3));
        assert_eq!(shape(9, vec2(1600.0, 500.0), 1.0), (5, 2));
        assert_eq!(shape(2, vec2(400.0, 800.0), 1.0), (1, 2));
        assert_eq!(shape(1, vec2(400.0, 800.0), 1.0), (1, 1));
    }

    #[test]
    fn tiles_fill_the_area_and_do_not_overlap() {
        let area = Rect::from_min_size(pos2(10.0, 20.0), vec2(611.0, 487.0));
        for count in 1..14 {
            let places = Grid::of(count, area.size(), 1.2).places(count, area);
            assert_eq!(places.len(), count);
            for (index, place) in places.iter().enumerate() {
                assert!(area.expand(0.01).contains_rect(*place), "{count}: {place:?}");
                assert!(places[..index].iter().all(|other| !other.shrink(0.1).intersects(place.shrink(0.1))));
            }
        }
    }

    #[test]
    fn pictures_never_become_too_small_to_show_anything() {
        let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 300.0));
        let grid = Grid::of(40, area.size(), 1.0);
        assert!(grid.tile.x >= SMALLEST && grid.tile.y - HEADER >= SMALLEST);
        assert_eq!(grid.places(40, area).len(), 6);
        assert!(!Grid::of(3, vec2(20.0, 20.0), 1.0).places(3, area).is_empty());
    }
}
