//! Curves in the unit square: how a classifier's calls, precision or probabilities depend on each other.

use super::cascade::{draw_header, header};
use super::text::wrapped;
use super::{Anchor, NoticeStrip, Result, Rgb, Scene, TextStyle};

const BACKGROUND: Rgb = [255, 255, 255];
const INK: Rgb = [24, 28, 34];
const QUIET: Rgb = [92, 99, 110];
const GRID: Rgb = [226, 229, 233];
const AXIS: Rgb = [150, 156, 165];
const BARS: Rgb = [150, 170, 190];

const LABEL: TextStyle = TextStyle::regular(14.0, INK);
const TICK: TextStyle = TextStyle::regular(12.0, QUIET);
const LEGEND: TextStyle = TextStyle::regular(13.0, INK);

const NOTICE: NoticeStrip = NoticeStrip { height_px: 30.0, text_px: 15.0, baseline_px: 10.0 };
const MARGIN: f64 = 28.0;
const WIDTH: f64 = 560.0;
const LEFT: f64 = 84.0;
const SIDE: f64 = 430.0;
const BARS_HEIGHT: f64 = 84.0;
const BAND_OPACITY: f64 = 0.16;
const MARK: f64 = 8.0;
const MARK_STEP: f64 = 4.0;

/// A line from point to point, each `[x, y]` from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotLine {
    /// What it is, for the legend.
    pub name: String,
    /// Its colour.
    pub colour: Rgb,
    /// Whether it is only there to be compared with.
    pub is_dashed: bool,
    /// Its points.
    pub points: Vec<[f64; 2]>,
    /// Lower and upper border of the band around it: `[x, low, high]`; empty without one.
    pub band: Vec<[f64; 3]>,
}

/// A point that is marked.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotMark {
    /// What it is, for the legend; marks of the same name stand there once.
    pub name: String,
    /// Its colour.
    pub colour: Rgb,
    /// `[x, y]` from 0 to 1.
    pub at: [f64; 2],
    /// The ends of a vertical interval.
    pub interval: Option<[f64; 2]>,
}

/// Counts below a plot, over equal parts of its horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotBars {
    /// What is counted.
    pub label: String,
    /// How often, part after part.
    pub counts: Vec<usize>,
}

/// A square plot whose axes go from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitPlot {
    /// What is shown.
    pub headline: String,
    /// What has to be known before any of it is believed; in amber below the headline.
    pub caution: Option<String>,
    /// How, one line each.
    pub details: Vec<String>,
    /// What the horizontal and the vertical axis measure.
    pub axes: [String; 2],
    /// The lines, later ones over earlier ones.
    pub lines: Vec<PlotLine>,
    /// Points over the lines.
    pub marks: Vec<PlotMark>,
    /// Counts below.
    pub bars: Option<PlotBars>,
}

impl UnitPlot {
    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out.
    pub fn scene(&self) -> Result<Scene> {
        let (head, top) = header(&self.headline, self.caution.as_deref(), &self.details, WIDTH)?;
        let mut scene = Scene::new(WIDTH, top, BACKGROUND);
        draw_header(&mut scene, &head);
        let top = top + 4.0;
        self.square(&mut scene, top);
        let mut y = top + SIDE + 22.0;
        if let Some(bars) = &self.bars {
            y += 8.0;
            draw_bars(&mut scene, bars, y);
            y += BARS_HEIGHT + 18.0;
        }
        y += 20.0;
        scene.text([LEFT + SIDE / 2.0, y], Anchor::Middle, LABEL, &self.axes[0]);
        y += 14.0;
        y = self.legend(&mut scene, y)?;
        scene.set_height(y + 12.0 + NOTICE.height_px);
        scene.notice(NOTICE);
        Ok(scene)
    }

    fn square(&self, scene: &mut Scene, top: f64) {
        let place = |[x, y]: [f64; 2]| [LEFT + SIDE * x.clamp(0.0, 1.0), top + SIDE * (1.0 - y.clamp(0.0, 1.0))];
        for fifth in 0..=5 {
            let value = f64::from(fifth) / 5.0;
            let ([x, bottom], [left, y]) = (place([value, 0.0]), place([0.0, value]));
            scene.line([x, top], [x, bottom], 1.0, GRID);
            scene.line([left, y], [left + SIDE, y], 1.0, GRID);
            scene.text([x, bottom + 18.0], Anchor::Middle, TICK, &format!("{value:.1}"));
            scene.text([left - 8.0, y + 4.0], Anchor::End, TICK, &format!("{value:.1}"));
        }
        scene.text_turned([LEFT - 44.0, top + SIDE / 2.0], Anchor::Middle, LABEL, -90.0, &self.axes[1]);
        for line in &self.lines {
            if !line.band.is_empty() {
                let upper = line.band.iter().map(|[x, _, high]| place([*x, *high]));
                let lower = line.band.iter().rev().map(|[x, low, _]| place([*x, *low]));
                scene.polygon(&upper.chain(lower).collect::<Vec<_>>(), line.colour, BAND_OPACITY);
            }
        }
        scene.polyline(&[[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]].map(place), 1.2, AXIS, None);
        for line in &self.lines {
            let points: Vec<[f64; 2]> = line.points.iter().map(|point| place(*point)).collect();
            scene.polyline(&points, if line.is_dashed { 1.6 } else { 2.2 }, line.colour, dashes(line.is_dashed));
        }
        let names = self.mark_names();
        for mark in &self.marks {
            // Earlier ones are larger, so that they are seen below later ones.
            let later = names.iter().rev().position(|name| *name == mark.name).unwrap_or(0);
            let side = MARK + MARK_STEP * later as f64;
            let [x, y] = place(mark.at);
            if let Some([low, high]) = mark.interval {
                let ([_, bottom], [_, top]) = (place([mark.at[0], low]), place([mark.at[0], high]));
                scene.line([x, bottom], [x, top], 1.4, mark.colour);
                for end in [bottom, top] {
                    scene.line([x - 4.0, end], [x + 4.0, end], 1.4, mark.colour);
                }
            }
            scene.rectangle([x - side / 2.0, y - side / 2.0], [side, side], mark.colour);
        }
    }

    /// What marks are called, each once.
    fn mark_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for mark in &self.marks {
            if !names.contains(&mark.name.as_str()) {
                names.push(&mark.name);
            }
        }
        names
    }

    /// Draws what lines and marks are and gives the height below it.
    fn legend(&self, scene: &mut Scene, mut y: f64) -> Result<f64> {
        let mut entry = |scene: &mut Scene, name: &str, draw: &dyn Fn(&mut Scene, f64)| -> Result<()> {
            for (index, line) in wrapped(name, LEGEND, WIDTH - MARGIN - LEFT - 40.0)?.iter().enumerate() {
                y += 19.0;
                if index == 0 {
                    draw(scene, y - 4.5);
                }
                scene.text([LEFT + 40.0, y], Anchor::Start, LEGEND, line);
            }
            Ok(())
        };
        for line in &self.lines {
            entry(scene, &line.name, &|scene, y| {
                let ends = [[LEFT, y], [LEFT + 30.0, y]];
                if !line.band.is_empty() {
                    scene.polygon(
                        &[[LEFT, y - 6.0], [LEFT + 30.0, y - 6.0], [LEFT + 30.0, y + 6.0], [LEFT, y + 6.0]],
                        line.colour,
                        BAND_OPACITY,
                    );
                }
                scene.polyline(&ends, 2.2, line.colour, dashes(line.is_dashed));
            })?;
        }
        let first = |name: &str| self.marks.iter().find(|mark| mark.name == name);
        for mark in self.mark_names().into_iter().filter_map(first) {
            entry(scene, &mark.name, &|scene, y| {
                scene.rectangle([LEFT + 15.0 - MARK / 2.0, y - MARK / 2.0], [MARK, MARK], mark.colour);
            })?;
        }
        Ok(y)
    }
}

fn dashes(is_dashed: bool) -> Option<[f64; 2]> {
    is_dashed.then_some([6.0, 4.0])
}

/// Counts as bars that hang together, each with its number.
fn draw_bars(scene: &mut Scene, bars: &PlotBars, top: f64) {
    let largest = bars.counts.iter().copied().max().unwrap_or(0).max(1);
    let width = SIDE / bars.counts.len().max(1) as f64;
    let bottom = top + BARS_HEIGHT;
    for (index, count) in bars.counts.iter().enumerate() {
        let height = (BARS_HEIGHT - 16.0) * *count as f64 / largest as f64;
        let x = LEFT + width * index as f64;
        scene.rectangle([x + 1.0, bottom - height], [width - 2.0, height], BARS);
        scene.text([x + width / 2.0, bottom - height - 4.0], Anchor::Middle, TICK, &count.to_string());
    }
    scene.line([LEFT, bottom], [LEFT + SIDE, bottom], 1.2, AXIS);
    scene.text_turned([LEFT - 44.0, top + BARS_HEIGHT / 2.0], Anchor::Middle, TICK, -90.0, &bars.label);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_drawn_and_told() {
        let line = PlotLine {
            name: "a curve".to_owned(),
            colour: [0, 92, 169],
            is_dashed: false,
            points: vec![[0.0, 0.0], [0.5, 0.8], [1.0, 1.0]],
            band: vec![[0.0, 0.0, 0.1], [1.0, 0.9, 1.0]],
        };
        let mark = PlotMark { name: "a point".to_owned(), colour: INK, at: [0.5, 0.8], interval: Some([0.7, 0.9]) };
        let plot = UnitPlot {
            headline: "H".to_owned(),
            caution: Some("Beware.".to_owned()),
            details: vec!["D".to_owned()],
            axes: ["across".to_owned(), "up".to_owned()],
            lines: vec![
                line.clone(),
                PlotLine { is_dashed: true, band: Vec::new(), name: "chance".to_owned(), ..line },
            ],
            marks: vec![mark.clone(), mark],
            bars: Some(PlotBars { label: "cases".to_owned(), counts: vec![3, 0, 12] }),
        };
        let svg = plot.scene().unwrap().to_svg();
        for text in ["H", "Beware.", "D", "across", "up", "a curve", "chance", "a point", "cases", "12"] {
            assert_eq!(svg.matches(&format!(">{text}<")).count(), 1, "{text}");
        }
        assert_eq!(svg.matches("<polygon").count(), 2, "the band and its sample");
        assert!(svg.contains(crate::figure::NOT_FOR_DIAGNOSIS) && !svg.contains("NaN"));
    }
}
