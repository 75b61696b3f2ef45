//! Which parts of the window look different from the frame before.

use std::collections::HashSet;
use std::ops::Range;

use egui::epaint::{ClippedPrimitive, Primitive, Vertex};
use egui::{Mesh, TextureId};

use super::raster::Bounds;

/// Height of a tile in pixels: what one thread draws at a time.
pub(super) const BAND_PX: usize = 16;

/// Width of a tile in pixels.
const TILE_PX: usize = 32;

/// The tiles of a screen, each to be drawn again or not.
pub(super) struct Tiles {
    size_px: [usize; 2],
    columns: usize,
    marked: Vec<bool>,
}

impl Tiles {
    /// `size_px`: `[w, h]`
    pub(super) fn new(size_px: [usize; 2], is_marked: bool) -> Self {
        let (columns, rows) = (size_px[0].div_ceil(TILE_PX), size_px[1].div_ceil(BAND_PX));
        Self { size_px, columns, marked: vec![is_marked; columns * rows] }
    }

    pub(super) fn is_any_marked(&self) -> bool {
        self.marked.contains(&true)
    }

    /// Columns and rows of tiles that some bounds touch.
    fn touched(&self, bounds: &Bounds) -> [Range<usize>; 2] {
        let axis = |axis: usize, tile: usize| {
            let inside = |place: usize| place.min(self.size_px[axis]);
            let (from, to) = (inside(bounds.from[axis]), inside(bounds.to[axis]));
            if from < to { from / tile..to.div_ceil(tile) } else { 0..0 }
        };
        [axis(0, TILE_PX), axis(1, BAND_PX)]
    }

    pub(super) fn mark(&mut self, bounds: &Bounds) {
        let [columns, rows] = self.touched(bounds);
        for row in rows {
            self.marked[row * self.columns..][columns.clone()].fill(true);
        }
    }

    /// Whether some bounds touch a marked tile.
    pub(super) fn is_marked(&self, bounds: &Bounds) -> bool {
        let [columns, mut rows] = self.touched(bounds);
        rows.any(|row| self.marked[row * self.columns..][columns.clone()].contains(&true))
    }

    /// Columns of pixels to be drawn in a band, from left to right.
    pub(super) fn ranges_px(&self, band: usize) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (column, marked) in self.marked[band * self.columns..][..self.columns].iter().enumerate() {
            let (from, to) = (column * TILE_PX, ((column + 1) * TILE_PX).min(self.size_px[0]));
            match ranges.last_mut().filter(|last| last.end == from) {
                _ if !marked => {}
                Some(last) => last.end = to,
                None => ranges.push(from..to),
            }
        }
        ranges
    }
}

/// What two frames are compared by.
pub(super) struct Comparison<'a> {
    pub(super) before: &'a [ClippedPrimitive],
    pub(super) now: &'a [ClippedPrimitive],
    /// Textures that have other colours than before.
    pub(super) changed_textures: &'a HashSet<TextureId>,
    pub(super) pixels_per_point: f32,
    pub(super) size_px: [usize; 2],
}

impl Comparison<'_> {
    /// Marks every tile that something touches which was not there before or is there no more.
    pub(super) fn mark(&self, tiles: &mut Tiles) {
        let (before, now) = (self.before, self.now);
        let same_start = before.iter().zip(now).take_while(|(before, now)| self.is_same(before, now)).count();
        let (before, now) = (&before[same_start..], &now[same_start..]);
        let pairs = before.iter().rev().zip(now.iter().rev());
        let same_end = pairs.take_while(|(before, now)| self.is_same(before, now)).count();
        let (before, now) = (&before[..before.len() - same_end], &now[..now.len() - same_end]);
        if before.len() == now.len() {
            before.iter().zip(now).for_each(|(before, now)| self.mark_pair(before, now, tiles));
        } else {
            before.iter().chain(now).for_each(|primitive| self.mark_all(primitive, tiles));
        }
    }

    fn is_same(&self, before: &ClippedPrimitive, now: &ClippedPrimitive) -> bool {
        self.is_alike(before, now)
            && matches!((&before.primitive, &now.primitive), (Primitive::Mesh(before), Primitive::Mesh(now))
                if before.indices == now.indices && before.vertices == now.vertices)
    }

    /// Whether triangle can be compared with triangle.
    fn is_alike(&self, before: &ClippedPrimitive, now: &ClippedPrimitive) -> bool {
        let (Primitive::Mesh(before_mesh), Primitive::Mesh(now_mesh)) = (&before.primitive, &now.primitive) else {
            return false;
        };
        before.clip_rect == now.clip_rect
            && before_mesh.texture_id == now_mesh.texture_id
            && !self.changed_textures.contains(&now_mesh.texture_id)
    }

    fn mark_pair(&self, before: &ClippedPrimitive, now: &ClippedPrimitive, tiles: &mut Tiles) {
        let (Primitive::Mesh(old), Primitive::Mesh(new)) = (&before.primitive, &now.primitive) else { return };
        if !self.is_alike(before, now) {
            self.mark_all(before, tiles);
            self.mark_all(now, tiles);
            return;
        }
        let (old_count, new_count) = (old.indices.len() / 3, new.indices.len() / 3);
        let least = old_count.min(new_count);
        let is_same = |old_index: usize, new_index: usize| corners(old, old_index) == corners(new, new_index);
        let start = (0..least).take_while(|index| is_same(*index, *index)).count();
        let ends = (1..=least - start).take_while(|back| is_same(old_count - back, new_count - back)).count();
        let clip = Bounds::of_clip(now.clip_rect, self.pixels_per_point, self.size_px);
        for (mesh, count) in [(old, old_count), (new, new_count)] {
            (start..count - ends).for_each(|index| self.mark_triangle(mesh, index, &clip, tiles));
        }
    }

    fn mark_all(&self, primitive: &ClippedPrimitive, tiles: &mut Tiles) {
        let clip = Bounds::of_clip(primitive.clip_rect, self.pixels_per_point, self.size_px);
        if let Primitive::Mesh(mesh) = &primitive.primitive {
            (0..mesh.indices.len() / 3).for_each(|index| self.mark_triangle(mesh, index, &clip, tiles));
        }
    }

    fn mark_triangle(&self, mesh: &Mesh, index: usize, clip: &Bounds, tiles: &mut Tiles) {
        if let Some(corners) = corners(mesh, index) {
            let places = corners.map(|corner| [corner.pos.x, corner.pos.y].map(|place| place * self.pixels_per_point));
            tiles.mark(&Bounds::of_corners(&places).and(clip));
        }
    }
}

fn corners(mesh: &Mesh, triangle: usize) -> Option<[Vertex; 3]> {
    let vertex = |corner: usize| mesh.vertices.get(*mesh.indices.get(triangle * 3 + corner)? as usize).copied();
    Some([vertex(0)?, vertex(1)?, vertex(2)?])
}

#[cfg(test)]
mod tests {
    use egui::{Color32, Rect, pos2};

    use super::*;

    fn panel(squares: &[f32]) -> ClippedPrimitive {
        let mut mesh = Mesh::default();
        for left in squares {
            let square = Rect::from_min_max(pos2(*left, 0.0), pos2(left + 8.0, 8.0));
            mesh.add_colored_rect(square, Color32::WHITE);
        }
        let clip_rect = Rect::from_min_max(pos2(0.0, 0.0), pos2(320.0, 32.0));
        ClippedPrimitive { clip_rect, primitive: Primitive::Mesh(mesh) }
    }

    fn marked(before: &[ClippedPrimitive], now: &[ClippedPrimitive], changed: &[TextureId]) -> Vec<[usize; 2]> {
        let changed_textures = &changed.iter().copied().collect();
        let mut tiles = Tiles::new([320, 32], false);
        let size_px = [320, 32];
        Comparison { before, now, changed_textures, pixels_per_point: 1.0, size_px }.mark(&mut tiles);
        assert!(tiles.ranges_px(1).is_empty(), "the second band is empty");
        assert_eq!(tiles.is_any_marked(), !tiles.ranges_px(0).is_empty());
        ends(&tiles, 0)
    }

    fn ends(tiles: &Tiles, band: usize) -> Vec<[usize; 2]> {
        tiles.ranges_px(band).into_iter().map(|range| [range.start, range.end]).collect()
    }

    #[test]
    fn only_what_came_went_or_moved_is_drawn_again() {
        let (few, more) = ([panel(&[0.0, 64.0, 128.0])], [panel(&[0.0, 200.0, 64.0, 128.0])]);
        let (other, far) = ([panel(&[0.0, 90.0, 128.0])], panel(&[300.0]));
        assert!(marked(&few, &few, &[]).is_empty());
        assert_eq!(marked(&few, &more, &[]), [[192, 224]]);
        assert_eq!(marked(&more, &few, &[]), [[192, 224]]);
        assert_eq!(marked(&few, &other, &[]), [[64, 128]]);
        assert_eq!(marked(&few, &[few[0].clone(), far.clone()], &[]), [[288, 320]]);
        assert_eq!(marked(&[far, few[0].clone()], &few, &[]), [[288, 320]]);
        assert_eq!(marked(&few, &few, &[TextureId::default()]), [[0, 32], [64, 96], [128, 160]]);
    }

    #[test]
    fn the_edge_of_the_screen_has_narrower_tiles() {
        let mut tiles = Tiles::new([70, 20], false);
        tiles.mark(&Bounds { from: [65, 0], to: [900, 40] });
        assert_eq!([ends(&tiles, 0), ends(&tiles, 1)], [[[64, 70]], [[64, 70]]]);
        assert!(tiles.is_marked(&Bounds { from: [64, 0], to: [65, 1] }));
        assert!(!tiles.is_marked(&Bounds { from: [0, 0], to: [64, 20] }));
        assert!(!tiles.is_marked(&Bounds { from: [64, 5], to: [64, 9] }));
    }
}
