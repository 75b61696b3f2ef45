//! The whole window drawn on the processor.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui_wgpu;
use egui::epaint::{ClippedPrimitive, ClippedShape, Primitive};
use egui::{Color32, Context, FullOutput, Plugin, Shape, TexturesDelta, ViewportId};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::changes::{BAND_PX, Comparison, Tiles};
use super::raster::{Bounds, Item, MeshPx, Pixel};
use super::textures::Textures;
use crate::drawing::{ScreenCopy, ScreenPixels};

/// Pixels of the largest window that is drawn here; without a window there is no size, and ten thousand points are assumed.
const LARGEST_PX: usize = 50_000_000;

/// Lets the processor draw the window from now on; the driver copies.
pub fn paint_window(context: &Context, state: &egui_wgpu::RenderState) {
    let shown = ScreenCopy::install(state);
    context.add_plugin(Painted { screen: SoftwareScreen::new(), shown });
}

/// The pixels of the window, drawn again where they changed.
pub struct SoftwareScreen {
    threads: Option<ThreadPool>,
    textures: Textures,
    before: Vec<ClippedPrimitive>,
    background: Color32,
    pixels_per_point: f32,
    size_px: [usize; 2],
    pixels: Vec<Pixel>,
}

impl SoftwareScreen {
    /// A screen without pixels.
    pub fn new() -> Self {
        Self {
            threads: super::threads(),
            textures: Textures::default(),
            before: Vec::new(),
            background: Color32::BLACK,
            pixels_per_point: 0.0,
            size_px: [0; 2],
            pixels: Vec::new(),
        }
    }

    /// Width and height in pixels.
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// Red, green, blue and 255 of every pixel, row by row from the top.
    pub fn pixels(&self) -> &[[u8; 4]] {
        &self.pixels
    }

    /// Draws a frame of `size_px` (`[w, h]`) over `background` and says which rows changed. Textures are taken out of
    /// `textures`. Shapes that only a graphics card can draw are left out.
    pub fn draw(
        &mut self,
        primitives: Vec<ClippedPrimitive>,
        textures: &mut TexturesDelta,
        pixels_per_point: f32,
        size_px: [usize; 2],
        background: Color32,
    ) -> Vec<Range<usize>> {
        let changed_textures = self.textures.apply(textures);
        let is_other = self.size_px != size_px
            || self.background != background
            || self.pixels_per_point.to_bits() != pixels_per_point.to_bits();
        let mut tiles = Tiles::new(size_px, is_other);
        if is_other {
            (self.size_px, self.background, self.pixels_per_point) = (size_px, background, pixels_per_point);
            self.pixels = vec![[0, 0, 0, 255]; size_px[0] * size_px[1]];
        } else {
            let comparison = Comparison {
                before: &self.before,
                now: &primitives,
                changed_textures: &changed_textures,
                pixels_per_point,
                size_px,
            };
            comparison.mark(&mut tiles);
        }
        let rows = if tiles.is_any_marked() { self.draw_tiles(&primitives, &tiles) } else { Vec::new() };
        self.before = primitives;
        self.textures.free(textures);
        rows
    }

    fn draw_tiles(&mut self, primitives: &[ClippedPrimitive], tiles: &Tiles) -> Vec<Range<usize>> {
        let [width, height] = self.size_px;
        let mut items = Vec::new();
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            if let Primitive::Mesh(mesh) = primitive {
                let clip = Bounds::of_clip(*clip_rect, self.pixels_per_point, self.size_px);
                let texture = self.textures.get(mesh.texture_id);
                let mesh = MeshPx { mesh, clip, pixels_per_point: self.pixels_per_point, texture };
                mesh.items(&|bounds| tiles.is_marked(bounds), &mut items);
            }
        }
        let mut bands: Vec<Vec<u32>> = vec![Vec::new(); height.div_ceil(BAND_PX)];
        for (index, item) in items.iter().enumerate() {
            let (from, to) = (item.bounds.from[1] / BAND_PX, item.bounds.to[1].div_ceil(BAND_PX));
            bands[from..to].iter_mut().for_each(|band| band.push(index as u32));
        }
        let background = self.background.to_array();
        let draw = |(band, pixels): (usize, &mut [Pixel])| {
            let ranges = tiles.ranges_px(band);
            let rows = band * BAND_PX..((band + 1) * BAND_PX).min(height);
            for range in &ranges {
                draw_part(&items, &bands[band], &rows, range, pixels, width, background);
            }
            (!ranges.is_empty()).then_some(rows)
        };
        let pixels = &mut self.pixels;
        let mut draw_all = || pixels.par_chunks_mut(BAND_PX * width).enumerate().filter_map(draw).collect::<Vec<_>>();
        let drawn = match &self.threads {
            Some(threads) => threads.install(draw_all),
            None => draw_all(),
        };
        joined(drawn)
    }
}

impl Default for SoftwareScreen {
    fn default() -> Self {
        Self::new()
    }
}

/// Draws the columns `range` of one band.
fn draw_part(
    items: &[Item],
    band: &[u32],
    rows: &Range<usize>,
    range: &Range<usize>,
    pixels: &mut [Pixel],
    width: usize,
    background: [u8; 4],
) {
    for row in pixels.chunks_mut(width) {
        row[range.clone()].fill([background[0], background[1], background[2], 255]);
    }
    let (from, to) = (range.start, range.end);
    for index in band {
        let item = &items[*index as usize];
        if item.bounds.to[0] <= from || item.bounds.from[0] >= to {
            continue;
        }
        for y in rows.start.max(item.bounds.from[1])..rows.end.min(item.bounds.to[1]) {
            let row = y - rows.start;
            item.draw_row(y, from, to, &mut pixels[row * width..][..width]);
        }
    }
}

/// Ranges that touch become one.
fn joined(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut().filter(|last| last.end == range.start) {
            Some(last) => last.end = range.end,
            None => joined.push(range),
        }
    }
    joined
}

/// Takes every frame before the driver sees it and leaves one shape, the finished picture.
struct Painted {
    screen: SoftwareScreen,
    shown: Arc<Mutex<ScreenPixels>>,
}

impl Plugin for Painted {
    fn debug_name(&self) -> &'static str {
        "drawing without a graphics card"
    }

    fn output_hook(&mut self, context: &Context, output: &mut FullOutput) {
        if context.viewport_id() != ViewportId::ROOT {
            return;
        }
        let pixels_per_point = output.pixels_per_point;
        let screen = context.viewport_rect();
        let size_px = [screen.width(), screen.height()].map(|length| (length * pixels_per_point).round() as usize);
        if size_px.contains(&0) || size_px[0].saturating_mul(size_px[1]) > LARGEST_PX {
            return;
        }
        let shapes = std::mem::take(&mut output.shapes);
        let (cards, shapes): (Vec<_>, Vec<_>) =
            shapes.into_iter().partition(|shape| matches!(shape.shape, Shape::Callback(_)));
        let primitives = context.tessellate(shapes, pixels_per_point);
        let background = context.global_style().visuals.panel_fill;
        let textures = &mut output.textures_delta;
        let rows = self.screen.draw(primitives, textures, pixels_per_point, size_px, background);
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).take(
            self.screen.size_px(),
            self.screen.pixels(),
            &rows,
        );
        let copy = ScreenCopy::shape(&self.shown, screen);
        output.shapes.push(ClippedShape::new(screen, copy));
        output.shapes.extend(cards);
    }
}

#[cfg(test)]
mod tests {
    use egui::{Mesh, Rect, pos2};

    use super::*;

    fn square(left: f32, colour: Color32) -> ClippedPrimitive {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(Rect::from_min_max(pos2(left, 3.0), pos2(left + 20.0, 40.0)), colour);
        ClippedPrimitive { clip_rect: Rect::EVERYTHING, primitive: Primitive::Mesh(mesh) }
    }

    fn white() -> TexturesDelta {
        let mut delta = TexturesDelta::default();
        let image = egui::ColorImage::filled([1, 1], Color32::WHITE);
        delta.push(egui::TextureId::default(), egui::epaint::ImageDelta::full(image, egui::TextureOptions::LINEAR));
        delta
    }

    #[test]
    fn frames_after_each_other_are_what_each_is_alone() {
        let translucent = Color32::from_rgba_premultiplied(90, 10, 0, 100);
        let frames = [
            vec![square(5.0, Color32::RED), square(15.0, translucent)],
            vec![square(5.0, Color32::RED), square(60.0, translucent)],
            vec![square(60.0, translucent)],
            vec![square(60.0, translucent), square(70.0, Color32::GREEN)],
            vec![],
        ];
        let mut screen = SoftwareScreen::new();
        let mut textures = white();
        for (index, frame) in frames.into_iter().enumerate() {
            let rows = screen.draw(frame.clone(), &mut textures, 1.0, [100, 50], Color32::BLUE);
            let rows: Vec<_> = rows.into_iter().map(|rows| [rows.start, rows.end]).collect();
            assert_eq!(rows, [[0, if index == 0 { 50 } else { 48 }]]);
            let mut alone = SoftwareScreen::new();
            alone.draw(frame.clone(), &mut white(), 1.0, [100, 50], Color32::BLUE);
            assert!(screen.pixels() == alone.pixels(), "frame {index}");
            let again = screen.draw(frame, &mut textures, 1.0, [100, 50], Color32::BLUE);
            assert!(again.is_empty(), "the same frame draws nothing");
        }
        assert!(screen.pixels().iter().all(|pixel| *pixel == [0, 0, 255, 255]));
    }
}
