//! One frame: maps with their likeness, the network with its random blocks, and what all that is.

use image::RgbImage;

use super::super::state::Order;
use super::{Animation, AnimationRow};
use crate::display::{CascadeMode, Normalization, Rgb, Viewport};
use crate::figure::{self, Anchor, CautionBox, NoticeStrip, Scene, TextStyle, paint, text_width_px};

const BACKGROUND: Rgb = [16, 18, 22];
const STRONG: Rgb = [240, 242, 245];
const PLAIN: Rgb = [196, 201, 209];
const QUIET: Rgb = [140, 147, 158];
const LINE: Rgb = [70, 76, 86];
const FAINT: Rgb = [62, 74, 92];
const CURVE: Rgb = [120, 184, 255];
const BASELINE: Rgb = [255, 165, 92];
const TRAINED: Rgb = [48, 70, 98];
const RANDOM: Rgb = [226, 112, 44];
const RANDOM_TEXT: Rgb = [30, 12, 0];

const HEADLINE: TextStyle = TextStyle::medium(18.0, STRONG);
const DETAIL: TextStyle = TextStyle::regular(12.0, PLAIN);
const SMALL: TextStyle = TextStyle::regular(11.0, QUIET);
const NAME: TextStyle = TextStyle::medium(15.0, STRONG);
const VALUE: TextStyle = TextStyle::regular(13.0, PLAIN);
const BLOCK: TextStyle = TextStyle::regular(10.0, PLAIN);

const MARGIN: f64 = 20.0;
const GAP: f64 = 16.0;
const COLUMNS: usize = 4;
const LEAST_WIDTH: f64 = 560.0;
const STRIP_TOP: f64 = 66.0;
const STRIP_HEIGHT: f64 = 22.0;
const GRID_TOP: f64 = 132.0;
const NAME_HEIGHT: f64 = 24.0;
const PLOT_HEIGHT: f64 = 40.0;
const NOTICE: NoticeStrip = NoticeStrip { height_px: 28.0, text_px: 14.0, baseline_px: 9.0 };
/// Size of words on amber.
const CAUTION_PX: f64 = 15.0;
/// Size of the mark at the current place of a curve.
const MARK: f64 = 6.0;

/// Where everything is, in pixels.
struct Layout {
    size: [f64; 2],
    tile: [f64; 2],
    columns: usize,
    left: f64,
    /// Words on amber below the maps.
    caution: Option<CautionBox>,
}

impl Animation {
    /// Columns and rows of every frame.
    pub fn size_px(&self) -> [u32; 2] {
        // What cannot be laid out cannot be drawn either, and says so there.
        self.layout().map_or([0; 2], |layout| layout.size.map(|side| side as u32))
    }

    /// The frame at a time.
    ///
    /// # Errors
    /// When text cannot be laid out or the frame is too large.
    pub fn draw(&self, time_secs: f64) -> figure::Result<RgbImage> {
        let layout = self.layout()?;
        let position = self.position(time_secs);
        let painted = paint(&self.scene(&layout, position)?, 1.0)?;
        let (width, height) = (painted.width_px, painted.height_px);
        let blank = RgbImage::new(width, height);
        let mut frame = RgbImage::from_raw(width, height, painted.rgb).unwrap_or(blank);
        let display = self.display(position);
        let image_size = [self.plane.width_px(), self.plane.height_px()];
        let viewport = Viewport::fit(layout.tile.map(|side| side as u32), image_size, 1.0);
        for (index, row) in self.rows.iter().enumerate() {
            let tile = display.render(&self.plane, &self.gray, &row.stack, &viewport);
            let [x, y] = layout.tile_at(index);
            image::imageops::replace(&mut frame, &tile, x as i64, y as i64);
        }
        Ok(frame)
    }

    fn layout(&self) -> figure::Result<Layout> {
        let [width, height] = [self.plane.width_px() as f64, self.plane.height_px() as f64];
        let scale = f64::from(self.options.tile_px) / width.max(height);
        let tile = [width, height].map(|side| (side * scale).round().max(32.0));
        let columns = self.rows.len().clamp(1, COLUMNS);
        let rows = self.rows.len().div_ceil(columns);
        let grid = columns as f64 * (tile[0] + GAP) - GAP;
        let width = (grid + 2.0 * MARGIN).max(LEAST_WIDTH);
        let caution = self.caution.as_deref().map(|text| CautionBox::new(text, CAUTION_PX, width)).transpose()?;
        let caution_height = caution.as_ref().map_or(0.0, |caution| caution.height_px().ceil());
        let rows_height = rows as f64 * (NAME_HEIGHT + tile[1] + PLOT_HEIGHT + GAP + 8.0);
        let size = [width, GRID_TOP + rows_height + 22.0 + caution_height + NOTICE.height_px];
        Ok(Layout { left: ((width - grid) / 2.0).floor(), size, tile, columns, caution })
    }

    /// All but the maps.
    fn scene(&self, layout: &Layout, position: f32) -> figure::Result<Scene> {
        let [width, height] = layout.size;
        let mut scene = Scene::new(width, height, BACKGROUND);
        // Half-way through a fade the next state is the one to name.
        let state = (position.round() as usize).min(self.states.len() - 1);
        scene.text([MARGIN, 32.0], Anchor::Start, HEADLINE, &self.headline(state));
        scene.text([MARGIN, 52.0], Anchor::Start, DETAIL, &fitted(&self.detail, DETAIL, width - 2.0 * MARGIN)?);
        self.network(&mut scene, width, state)?;
        for (index, row) in self.rows.iter().enumerate() {
            self.row(&mut scene, layout, row, layout.tile_at(index), position);
        }
        let colours = match (self.options.mode, self.options.normalization) {
            (CascadeMode::Difference, _) => "Colours: difference from the original map, blue less, red more",
            (_, Normalization::PerState) => "Colours: each map by itself, they tell where, not how much",
            (_, Normalization::LockedToOriginal) => "Colours: as strong as in the original map",
        };
        let legend = format!("{colours}; curve: {}, dashed: unrelated maps", self.measure);
        let legend = fitted(&legend, SMALL, width - 2.0 * MARGIN)?;
        let mut bottom = height - NOTICE.height_px;
        if let Some(caution) = &layout.caution {
            bottom -= caution.height_px().ceil();
            caution.draw(&mut scene, [0.0, bottom]);
        }
        scene.text([MARGIN, bottom - 9.0], Anchor::Start, SMALL, &legend);
        scene.notice(NOTICE);
        Ok(scene)
    }

    fn headline(&self, state: usize) -> String {
        let name = &self.states[state];
        let what = match (state, self.order) {
            (0, _) => "the trained network".to_owned(),
            (_, Order::Independent) => format!("block {name} is random, all others are as trained"),
            (1, _) => format!("block {name} is random"),
            (_, Order::TopDown) => format!("block {name} and all above it are random"),
            (_, Order::BottomUp) => format!("block {name} and all below it are random"),
        };
        format!("{} of {}: {what}", state + 1, self.states.len())
    }

    /// The blocks from the image to the answer, random ones in another colour.
    fn network(&self, scene: &mut Scene, width: f64, state: usize) -> figure::Result<()> {
        let (from, to) = ("image", "answer");
        let left = MARGIN + text_width_px(from, SMALL)? + 8.0;
        let right = width - MARGIN - text_width_px(to, SMALL)? - 8.0;
        let baseline = STRIP_TOP + STRIP_HEIGHT / 2.0 + 4.0;
        scene.text([MARGIN, baseline], Anchor::Start, SMALL, from);
        scene.text([width - MARGIN, baseline], Anchor::End, SMALL, to);
        let step = (right - left) / self.strip.blocks.len().max(1) as f64;
        for (index, name) in self.strip.blocks.iter().enumerate() {
            let x = left + index as f64 * step;
            let random = self.strip.random[state].get(index).copied().unwrap_or(false);
            scene.rectangle([x, STRIP_TOP], [step - 2.0, STRIP_HEIGHT], if random { RANDOM } else { TRAINED });
            let style = TextStyle { colour: if random { RANDOM_TEXT } else { PLAIN }, ..BLOCK };
            // The answer's name says the same as its end of the strip.
            if text_width_px(name, style)? <= step - 4.0 {
                scene.text([x + (step - 2.0) / 2.0, baseline], Anchor::Middle, style, name);
            }
        }
        let y = STRIP_TOP + STRIP_HEIGHT + 10.0;
        let mut x = left;
        for (colour, text) in [(TRAINED, "as trained"), (RANDOM, "random: what it learned is gone")] {
            scene.rectangle([x, y], [10.0, 10.0], colour);
            scene.text([x + 15.0, y + 9.0], Anchor::Start, SMALL, text);
            x += 15.0 + text_width_px(text, SMALL)? + 18.0;
        }
        Ok(())
    }

    fn row(&self, scene: &mut Scene, layout: &Layout, row: &AnimationRow, [x, y]: [f64; 2], position: f32) {
        let [tile_width, tile_height] = layout.tile;
        let state = (position.round() as usize).min(self.states.len() - 1);
        scene.text([x, y - 7.0], Anchor::Start, NAME, &row.name);
        let likeness = match row.likeness.get(state).copied().flatten() {
            Some(value) => format!("SSIM {value:.2}").replace("-0.00", "0.00"),
            None => "no map to compare".to_owned(),
        };
        scene.text([x + tile_width, y - 7.0], Anchor::End, VALUE, &likeness);
        let top = y + tile_height + 8.0;
        let x_of = |place: f64| x + 3.0 + (tile_width - 6.0) * place / (self.states.len().max(2) - 1) as f64;
        let y_of = |value: f64| top + PLOT_HEIGHT * (1.0 - value.clamp(0.0, 1.0));
        scene.line([x, y_of(0.0)], [x + tile_width, y_of(0.0)], 1.0, LINE);
        scene.line([x, y_of(1.0)], [x + tile_width, y_of(1.0)], 1.0, LINE);
        if let Some(baseline) = row.baseline {
            let ends = [[x, y_of(baseline)], [x + tile_width, y_of(baseline)]];
            scene.polyline(&ends, 1.2, BASELINE, Some([4.0, 3.0]));
        }
        let points: Vec<(usize, f64)> =
            row.likeness.iter().enumerate().filter_map(|(state, value)| value.map(|value| (state, value))).collect();
        for run in points.chunk_by(|a, b| a.0 + 1 == b.0) {
            let line = |run: &[(usize, f64)]| -> Vec<[f64; 2]> {
                run.iter().map(|(state, value)| [x_of(*state as f64), y_of(*value)]).collect()
            };
            scene.polyline(&line(run), 1.6, FAINT, None);
            let passed: Vec<(usize, f64)> =
                run.iter().copied().filter(|(state, _)| *state <= state_of(position)).collect();
            if passed.len() > 1 {
                scene.polyline(&line(&passed), 1.8, CURVE, None);
            }
        }
        if let Some(value) = between(&row.likeness, position) {
            let [mark_x, mark_y] = [x_of(f64::from(position)), y_of(value)];
            scene.rectangle([mark_x - MARK / 2.0, mark_y - MARK / 2.0], [MARK, MARK], CURVE);
        }
    }
}

impl Layout {
    /// Upper left corner of the map of row `index`.
    fn tile_at(&self, index: usize) -> [f64; 2] {
        let [width, height] = self.tile;
        let (column, row) = (index % self.columns, index / self.columns);
        let pitch = NAME_HEIGHT + height + PLOT_HEIGHT + GAP + 8.0;
        [self.left + column as f64 * (width + GAP), (GRID_TOP + NAME_HEIGHT + row as f64 * pitch).floor()]
    }
}

/// The state that a place has passed.
fn state_of(position: f32) -> usize {
    position.floor() as usize
}

/// The likeness at a place between states.
fn between(likeness: &[Option<f64>], position: f32) -> Option<f64> {
    let lower = likeness.get(state_of(position)).copied().flatten();
    let fraction = f64::from(position.fract());
    if fraction == 0.0 {
        return lower;
    }
    let upper = likeness.get(state_of(position) + 1).copied().flatten();
    lower.zip(upper).map(|(lower, upper)| lower + fraction * (upper - lower))
}

/// As much of a text as fits into `width`, with an ellipsis where something is left out.
fn fitted(text: &str, style: TextStyle, width: f64) -> figure::Result<String> {
    if text_width_px(text, style)? <= width {
        return Ok(text.to_owned());
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shortened = format!("{}…", kept.iter().collect::<String>().trim_end());
        if text_width_px(&shortened, style)? <= width {
            return Ok(shortened);
        }
    }
    Ok(String::new())
}
