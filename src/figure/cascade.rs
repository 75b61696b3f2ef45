//! The two pictures of a cascade: how alike maps stay from state to state, and the maps themselves (figure 3 of the
//! study).

use super::text::wrapped;
use super::{Anchor, CautionBox, NoticeStrip, Result, Rgb, Scene, TextStyle, inferno, text_width_px};

const BACKGROUND: Rgb = [255, 255, 255];
const INK: Rgb = [24, 28, 34];
const QUIET: Rgb = [92, 99, 110];
const GRID: Rgb = [226, 229, 233];
const AXIS: Rgb = [150, 156, 165];
const CURVE: Rgb = [0, 92, 169];
const BASELINE: Rgb = [196, 78, 0];
const CONTROL: Rgb = [110, 110, 110];
const EMPTY: Rgb = [238, 240, 243];

const HEADLINE: TextStyle = TextStyle::medium(22.0, INK);
const DETAIL: TextStyle = TextStyle::regular(13.0, QUIET);
const NAME: TextStyle = TextStyle::medium(15.0, INK);
const TITLE: TextStyle = TextStyle::regular(14.0, QUIET);
const TICK: TextStyle = TextStyle::regular(11.0, QUIET);

const TITLE_LINE: f64 = 17.0;
const MARGIN: f64 = 28.0;
const NOTICE: NoticeStrip = NoticeStrip { height_px: 30.0, text_px: 15.0, baseline_px: 10.0 };
const BASELINE_DASHES: [f64; 2] = [7.0, 4.0];
const CONTROL_DASHES: [f64; 2] = [1.5, 3.5];

/// Place below the header, words, and how the line is drawn.
type LegendEntry = (f64, f64, &'static str, Rgb, Option<[f64; 2]>);

/// The similarity of one method's maps, state by state.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeCurve<'a> {
    /// Abbreviation, such as `SIG`.
    pub name: &'a str,
    /// The method in words.
    pub title: &'a str,
    /// Mean and standard deviation of each state, where there are any.
    pub points: Vec<[Option<f64>; 2]>,
    /// Mean similarity of maps of different images, where there is one.
    pub baseline: Option<f64>,
}

/// Figure 3A: a small plot a method, all with the same axes.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeCurves<'a> {
    /// What is shown.
    pub headline: String,
    /// What has to be known before any of it is believed; in amber below the headline.
    pub caution: Option<String>,
    /// How, one line each.
    pub details: Vec<String>,
    /// Names of the states.
    pub states: Vec<&'a str>,
    /// The curves, at least one.
    pub curves: Vec<CascadeCurve<'a>>,
    /// Mean similarity of unrelated blurred noise, where there is one.
    pub control: Option<f64>,
}

impl CascadeCurves<'_> {
    const PLOT: [f64; 2] = [270.0, 190.0];
    const COLUMNS: usize = 4;
    const LEFT: f64 = 40.0;
    const GAP: f64 = 26.0;

    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out.
    ///
    /// # Panics
    /// When a curve has not one point a state.
    pub fn scene(&self) -> Result<Scene> {
        let [plot_width, plot_height] = Self::PLOT;
        let columns = self.curves.len().clamp(1, Self::COLUMNS);
        let rows = self.curves.len().div_ceil(columns);
        // Two plots give the least width in which headline and legend read well.
        let width = 2.0 * MARGIN + columns.max(2) as f64 * (Self::LEFT + plot_width + Self::GAP) - Self::GAP;
        let label_height = longest(&self.states, TICK)? + 18.0;
        let titles = self.titles()?;
        let head_room = 26.0 + titles.iter().map(Vec::len).max().unwrap_or(0) as f64 * TITLE_LINE;
        let cell_height = head_room + plot_height + label_height + 16.0;
        let (head, head_height) = header(&self.headline, self.caution.as_deref(), &self.details, width)?;
        let (legend, legend_height) = self.legend(width)?;
        let height = head_height + legend_height + rows as f64 * cell_height + NOTICE.height_px + 4.0;
        let mut scene = Scene::new(width, height, BACKGROUND);
        draw_header(&mut scene, &head);
        for (x, y, text, colour, dashes) in legend {
            let y = head_height + 12.0 + y;
            scene.polyline(&[[x, y - 4.0], [x + 30.0, y - 4.0]], 2.2, colour, dashes);
            scene.text([x + 38.0, y], Anchor::Start, DETAIL, text);
        }
        let lowest = self.lowest();
        for (index, curve) in self.curves.iter().enumerate() {
            assert_eq!(curve.points.len(), self.states.len(), "a curve has one point a state");
            let x = MARGIN + (index % columns) as f64 * (Self::LEFT + plot_width + Self::GAP) + Self::LEFT;
            let y = head_height + legend_height + (index / columns) as f64 * cell_height + head_room;
            self.plot(&mut scene, [x, y], curve, &titles[index], lowest)?;
        }
        scene.notice(NOTICE);
        Ok(scene)
    }

    /// Where each sign stands below the header, its words and its line; and the height of all.
    fn legend(&self, width: f64) -> Result<(Vec<LegendEntry>, f64)> {
        let band = self.curves.iter().any(|curve| curve.points.iter().any(|[_, sd]| sd.is_some()));
        let mut signs = vec![(if band { "mean, band: standard deviation" } else { "similarity" }, CURVE, None)];
        if self.curves.iter().any(|curve| curve.baseline.is_some()) {
            signs.push(("different images, trained network", BASELINE, Some(BASELINE_DASHES)));
        }
        if self.control.is_some() {
            signs.push(("unrelated blurred noise", CONTROL, Some(CONTROL_DASHES)));
        }
        let (mut x, mut y) = (MARGIN, 0.0);
        let mut entries = Vec::new();
        for (text, colour, dashes) in signs {
            let own = 38.0 + text_width_px(text, DETAIL)?;
            if x > MARGIN && x + own > width - MARGIN {
                (x, y) = (MARGIN, y + 19.0);
            }
            entries.push((x, y, text, colour, dashes));
            x += own + 28.0;
        }
        Ok((entries, y + 30.0))
    }

    /// The lower end of all axes: 0, or as many fifths below as the values need.
    fn lowest(&self) -> f64 {
        let ends = self.curves.iter().flat_map(|curve| {
            let points = curve.points.iter().filter_map(|[mean, sd]| mean.map(|mean| mean - sd.unwrap_or(0.0)));
            points.chain(curve.baseline)
        });
        let least = ends.chain(self.control).fold(0.0, f64::min);
        ((least * 5.0).floor() / 5.0).max(-1.0)
    }

    /// Lines of each title below its name, where it does not fit beside it.
    fn titles(&self) -> Result<Vec<Vec<String>>> {
        let below = |curve: &CascadeCurve<'_>| {
            let beside = text_width_px(curve.name, NAME)? + 8.0 + text_width_px(curve.title, TITLE)?;
            if curve.title == curve.name || beside <= Self::PLOT[0] {
                return Ok(Vec::new());
            }
            wrapped(curve.title, TITLE, Self::PLOT[0])
        };
        self.curves.iter().map(below).collect()
    }

    fn plot(
        &self,
        scene: &mut Scene,
        [x, y]: [f64; 2],
        curve: &CascadeCurve<'_>,
        title: &[String],
        lowest: f64,
    ) -> Result<()> {
        let [width, height] = Self::PLOT;
        let above = title.len() as f64 * TITLE_LINE;
        scene.text([x, y - 10.0 - above], Anchor::Start, NAME, curve.name);
        for (position, line) in title.iter().enumerate() {
            scene.text([x, y - 10.0 - above + (position + 1) as f64 * TITLE_LINE], Anchor::Start, TITLE, line);
        }
        if curve.title != curve.name && title.is_empty() {
            scene.text([x + text_width_px(curve.name, NAME)? + 8.0, y - 10.0], Anchor::Start, TITLE, curve.title);
        }
        let y_of = |value: f64| y + height * (1.0 - (value.clamp(lowest, 1.0) - lowest) / (1.0 - lowest));
        let x_of = |state: usize| x + width * (state as f64 + 0.5) / self.states.len() as f64;
        let fifths = ((1.0 - lowest) * 5.0).round() as i32;
        for step in 0..=fifths {
            let value = lowest + f64::from(step) / 5.0;
            scene.line([x, y_of(value)], [x + width, y_of(value)], 1.0, GRID);
            // Zero has no sign.
            let label = format!("{value:.1}").replace("-0.0", "0.0");
            scene.text([x - 7.0, y_of(value) + 4.0], Anchor::End, TICK, &label);
        }
        if lowest < 0.0 {
            scene.line([x, y_of(0.0)], [x + width, y_of(0.0)], 1.0, AXIS);
        }
        scene.line([x, y], [x, y + height], 1.0, AXIS);
        scene.line([x, y + height], [x + width, y + height], 1.0, AXIS);
        for (state, name) in self.states.iter().enumerate() {
            scene.line([x_of(state), y + height], [x_of(state), y + height + 4.0], 1.0, AXIS);
            scene.text_turned([x_of(state) + 4.0, y + height + 9.0], Anchor::End, TICK, -90.0, name);
        }
        if let Some(control) = self.control {
            scene.polyline(&[[x, y_of(control)], [x + width, y_of(control)]], 1.6, CONTROL, Some(CONTROL_DASHES));
        }
        if let Some(baseline) = curve.baseline {
            scene.polyline(&[[x, y_of(baseline)], [x + width, y_of(baseline)]], 1.8, BASELINE, Some(BASELINE_DASHES));
        }
        // States without any value interrupt the curve.
        let drawn: Vec<(usize, f64, f64)> = curve
            .points
            .iter()
            .enumerate()
            .filter_map(|(state, [mean, sd])| mean.map(|mean| (state, mean, sd.unwrap_or(0.0))))
            .collect();
        for run in drawn.chunk_by(|a, b| a.0 + 1 == b.0) {
            let upper = run.iter().map(|(state, mean, sd)| [x_of(*state), y_of(mean + sd)]);
            let lower = run.iter().rev().map(|(state, mean, sd)| [x_of(*state), y_of(mean - sd)]);
            if run.len() > 1 && run.iter().any(|(_, _, sd)| *sd > 0.0) {
                scene.polygon(&upper.chain(lower).collect::<Vec<_>>(), CURVE, 0.16);
            }
            let line: Vec<[f64; 2]> = run.iter().map(|(state, mean, _)| [x_of(*state), y_of(*mean)]).collect();
            scene.polyline(&line, 2.0, CURVE, None);
            for [x, y] in line {
                scene.rectangle([x - 2.5, y - 2.5], [5.0, 5.0], CURVE);
            }
        }
        Ok(())
    }
}

/// A map or a radiograph made small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CascadeTile {
    columns: usize,
    /// 0 to 255, `[h, w]`.
    values: Vec<u8>,
}

impl CascadeTile {
    /// The longest side kept, in pixels.
    const SIDE_PX: usize = 160;

    /// Keeps `values`, `[h, w]` from 0 to `highest`, as means over squares of as many pixels as it takes.
    ///
    /// # Panics
    /// When there are not height x width values.
    pub fn new(values: &[f32], [height, width]: [usize; 2], highest: f32) -> Self {
        assert_eq!(values.len(), height * width, "a map holds height x width values");
        let factor = height.max(width).div_ceil(Self::SIDE_PX).max(1);
        let [rows, columns] = [height, width].map(|side| side.div_ceil(factor));
        let mean = |index: usize| {
            let [top, left] = [index / columns * factor, index % columns * factor];
            let square = || {
                (top..(top + factor).min(height)).flat_map(|y| (left..(left + factor).min(width)).map(move |x| (y, x)))
            };
            let sum: f32 = square().map(|(y, x)| values[y * width + x]).sum();
            (sum / square().count() as f32 / highest * 255.0).round().clamp(0.0, 255.0) as u8
        };
        Self { columns, values: (0..rows * columns).map(mean).collect() }
    }

    fn paint(&self, scene: &mut Scene, at: [f64; 2], size: [f64; 2], colour: impl Fn(u8) -> Rgb) -> Result<()> {
        let pixels: Vec<Rgb> = self.values.iter().map(|value| colour(*value)).collect();
        scene.pixels(at, size, self.columns, &pixels)
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns
    }
}

/// A map, where there is one, and what stands below it.
pub type CaptionedTile = (Option<CascadeTile>, String);

/// Figure 3B: one image, a row a method, a column a state.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeTiles<'a> {
    /// What is shown.
    pub headline: String,
    /// What has to be known before any of it is believed; in amber below the headline.
    pub caution: Option<String>,
    /// How, one line each.
    pub details: Vec<String>,
    /// The radiograph.
    pub radiograph: CascadeTile,
    /// Names of the states.
    pub states: Vec<&'a str>,
    /// Name of each method, and its display map in each state.
    pub rows: Vec<(&'a str, Vec<CaptionedTile>)>,
}

impl CascadeTiles<'_> {
    const SIDE: f64 = 104.0;
    const GAP: f64 = 6.0;
    const LEAST_LEFT: f64 = 72.0;

    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out or pixels cannot be encoded.
    ///
    /// # Panics
    /// When a row has not one tile a state.
    pub fn scene(&self) -> Result<Scene> {
        let [tile_width, tile_height] = self.tile_size();
        let columns = self.states.len() + 1;
        let names: Vec<&str> = self.rows.iter().map(|(name, _)| *name).collect();
        let left = (longest(&names, NAME)? + 14.0).max(Self::LEAST_LEFT);
        let width = (2.0 * MARGIN + left + columns as f64 * (tile_width + Self::GAP) - Self::GAP).max(560.0);
        let heads = std::iter::once(&"Radiograph").chain(&self.states).map(|name| wrapped(name, TITLE, tile_width));
        let heads = heads.collect::<Result<Vec<_>>>()?;
        let head_lines = heads.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let (head, head_height) = header(&self.headline, self.caution.as_deref(), &self.details, width)?;
        let row_height = tile_height + 24.0;
        let top = head_height + 9.0 + head_lines as f64 * TITLE_LINE;
        let height = top + self.rows.len() as f64 * row_height + 8.0 + NOTICE.height_px;
        let mut scene = Scene::new(width, height, BACKGROUND);
        draw_header(&mut scene, &head);
        let x_of = |column: usize| MARGIN + left + column as f64 * (tile_width + Self::GAP);
        for (column, lines) in heads.iter().enumerate() {
            let first = top - 9.0 - (lines.len().max(1) - 1) as f64 * TITLE_LINE;
            for (position, line) in lines.iter().enumerate() {
                let at = [x_of(column) + tile_width / 2.0, first + position as f64 * TITLE_LINE];
                scene.text(at, Anchor::Middle, TITLE, line);
            }
        }
        for (row, (method, tiles)) in self.rows.iter().enumerate() {
            assert_eq!(tiles.len(), self.states.len(), "a row has one tile a state");
            let y = top + row as f64 * row_height;
            scene.text([MARGIN, y + tile_height / 2.0 + 5.0], Anchor::Start, NAME, method);
            self.radiograph.paint(&mut scene, [x_of(0), y], [tile_width, tile_height], |value| [value; 3])?;
            for (column, (tile, caption)) in tiles.iter().enumerate() {
                let x = x_of(column + 1);
                if let Some(tile) = tile {
                    let colour = |value: u8| inferno(f32::from(value) / 255.0);
                    tile.paint(&mut scene, [x, y], [tile_width, tile_height], colour)?;
                } else {
                    scene.rectangle([x, y], [tile_width, tile_height], EMPTY);
                    let middle = [x + tile_width / 2.0, y + tile_height / 2.0 + 4.0];
                    scene.text(middle, Anchor::Middle, TICK, "no map");
                }
                scene.text([x + tile_width / 2.0, y + tile_height + 14.0], Anchor::Middle, TICK, caption);
            }
        }
        scene.notice(NOTICE);
        Ok(scene)
    }

    fn tile_size(&self) -> [f64; 2] {
        let [rows, columns] = [self.radiograph.rows() as f64, self.radiograph.columns as f64];
        let longest = rows.max(columns);
        [(Self::SIDE * columns / longest).max(40.0), (Self::SIDE * rows / longest).max(40.0)]
    }
}

fn longest(texts: &[&str], style: TextStyle) -> Result<f64> {
    texts.iter().try_fold(0.0, |longest: f64, text| Ok(longest.max(text_width_px(text, style)?)))
}

/// What stands above a figure.
pub(super) struct Header {
    /// Lines with their baselines and styles.
    lines: Vec<(f64, TextStyle, String)>,
    /// Words on amber, and where they begin.
    caution: Option<(f64, CautionBox)>,
}

/// The header and its height.
pub(super) fn header(headline: &str, caution: Option<&str>, details: &[String], width: f64) -> Result<(Header, f64)> {
    let inner = width - 2.0 * MARGIN;
    let mut lines = Vec::new();
    let mut y = MARGIN - 10.0;
    for line in wrapped(headline, HEADLINE, inner)? {
        y += 27.0;
        lines.push((y, HEADLINE, line));
    }
    let caution = caution.map(|text| CautionBox::new(text, 15.0, inner)).transpose()?.map(|caution| (y + 8.0, caution));
    if let Some((_, caution)) = &caution {
        y += caution.height_px() + 10.0;
    }
    for detail in details {
        for line in wrapped(detail, DETAIL, inner)? {
            y += 19.0;
            lines.push((y, DETAIL, line));
        }
    }
    Ok((Header { lines, caution }, y + 16.0))
}

pub(super) fn draw_header(scene: &mut Scene, header: &Header) {
    if let Some((top, caution)) = &header.caution {
        caution.draw(scene, [MARGIN, *top]);
    }
    for (y, style, line) in &header.lines {
        scene.text([MARGIN, *y], Anchor::Start, *style, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_means_of_squares() {
        let values: Vec<f32> = (0..400 * 200).map(|pixel| if pixel % 200 < 100 { 0.0 } else { 1.0 }).collect();
        let tile = CascadeTile::new(&values, [400, 200], 1.0);
        assert_eq!((tile.rows(), tile.columns), (134, 67));
        // Columns 99 to 101 hold one 0 and two 1.
        assert_eq!(tile.values[32..35], [0, 170, 255]);
        assert_eq!(CascadeTile::new(&[0.0, 510.0], [1, 2], 255.0).values, [0, 255]);
    }

    #[test]
    fn every_curve_has_a_plot_and_the_notice_is_there() {
        let curve = |name| CascadeCurve {
            name,
            title: "Gradient",
            points: vec![[Some(1.0), Some(0.0)], [None, None], [Some(-0.3), Some(0.1)]],
            baseline: Some(0.2),
        };
        let mut figure = CascadeCurves {
            headline: "H".to_owned(),
            caution: None,
            details: vec!["D".to_owned()],
            states: vec!["Original", "Logits", "10"],
            curves: vec![curve("GRAD"); 5],
            control: Some(0.5),
        };
        assert!((figure.lowest() + 0.4).abs() < 1e-9);
        let svg = figure.scene().unwrap().to_svg();
        assert_eq!(svg.matches(">GRAD<").count(), 5);
        assert!(svg.contains(crate::figure::NOT_FOR_DIAGNOSIS) && svg.contains("unrelated blurred noise"));
        assert!(!svg.contains("NaN"), "a state without a value has no coordinates");
        figure.control = None;
        figure.curves.truncate(1);
        assert!(!figure.scene().unwrap().to_svg().contains("unrelated"));
    }
}
