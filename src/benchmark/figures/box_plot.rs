//! Box plots as the study draws them: median solid, mean dashed, baselines left, their means dashed across.

use super::page::{AXIS, BACKGROUND, GRID, Heading, INK, Legend, MARGIN, NAME, NOTICE, Sign, TICK};
use crate::figure::{Anchor, Result, Rgb, Scene, text_width_px};
use crate::metrics::percentile;

const BOX: f64 = 22.0;
const GAP: f64 = 5.0;
const GROUP_GAP: f64 = 16.0;
const LEFT: f64 = 52.0;
const PLOT_HEIGHT: f64 = 300.0;
/// Room that a name takes to the left and below, turned by 45 degrees, in its lengths.
const HANG: f64 = 0.72;
const MEAN_DASHES: [f64; 2] = [3.5, 2.5];
const LINE_DASHES: [f64; 2] = [7.0, 4.0];

/// Values of one box.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxValues {
    /// Position of its kind in [`BoxPlot::kinds`].
    pub kind: usize,
    /// The values, in any order.
    pub values: Vec<f64>,
}

/// Boxes with one name below.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxGroup {
    /// The name.
    pub label: String,
    /// The boxes, from left to right.
    pub boxes: Vec<BoxValues>,
}

/// A dashed line across the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct AcrossLine {
    /// What it is.
    pub label: String,
    /// Where it is.
    pub value: f64,
    /// Its colour.
    pub colour: Rgb,
}

/// A page with one box plot.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxPlot {
    /// What is shown.
    pub headline: String,
    /// What has to be known before any of it is believed; in amber at the top.
    pub caution: Option<String>,
    /// How, one line each.
    pub details: Vec<String>,
    /// Name of the axis.
    pub axis: String,
    /// Kinds of boxes with their colours.
    pub kinds: Vec<(String, Rgb)>,
    /// Groups from left to right.
    pub groups: Vec<BoxGroup>,
    /// Lines across.
    pub lines: Vec<AcrossLine>,
}

/// Five numbers and the mean of a box, and the values beyond its whiskers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Box5 {
    pub(super) whiskers: [f64; 2],
    pub(super) quartiles: [f64; 3],
    pub(super) mean: f64,
    pub(super) outliers: Vec<f64>,
}

impl Box5 {
    /// Whiskers reach to the last value within 1.5 times the interquartile range (Tukey 1977).
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        if values.is_empty() {
            return None;
        }
        let quartiles = [0.25, 0.5, 0.75].map(|share| percentile(&values, share));
        let reach = 1.5 * (quartiles[2] - quartiles[0]);
        let inside = |value: &&f64| (quartiles[0] - reach..=quartiles[2] + reach).contains(*value);
        let low = values.iter().find(inside).copied().unwrap_or(quartiles[0]).min(quartiles[0]);
        let high = values.iter().rev().find(inside).copied().unwrap_or(quartiles[2]).max(quartiles[2]);
        let outliers = values.iter().copied().filter(|value| *value < low || *value > high).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self { whiskers: [low, high], quartiles, mean, outliers })
    }
}

impl BoxPlot {
    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out.
    pub fn scene(&self) -> Result<Scene> {
        let widths: Vec<f64> = self.groups.iter().map(Self::group_width).collect();
        let plot_width = (widths.iter().sum::<f64>() + GROUP_GAP).max(420.0);
        // Names below hang to the left of their boxes.
        let mut left = MARGIN + LEFT;
        let mut x = GROUP_GAP;
        for (group, group_width) in self.groups.iter().zip(&widths) {
            let middle = x + (group_width - GROUP_GAP) / 2.0;
            left = left.max(text_width_px(&group.label, NAME)? * HANG + 12.0 - middle);
            x += group_width;
        }
        let width = left + plot_width + MARGIN;
        let heading = Heading::new(&self.headline, self.caution.as_deref(), &self.details, width)?;
        let legend = Legend::new(self.signs(), width)?;
        let mut label_height: f64 = 0.0;
        for group in &self.groups {
            label_height = label_height.max(text_width_px(&group.label, NAME)?);
        }
        let label_height = label_height * HANG + 24.0;
        let top = heading.bottom_px + legend.height_px + 6.0;
        let height = top + PLOT_HEIGHT + label_height + 12.0 + NOTICE.height_px;
        let mut scene = Scene::new(width, height, BACKGROUND);
        heading.draw(&mut scene);
        legend.draw(&mut scene, heading.bottom_px);
        let [lowest, highest] = self.range();
        let y_of =
            |value: f64| top + PLOT_HEIGHT * (1.0 - (value.clamp(lowest, highest) - lowest) / (highest - lowest));
        axis(&mut scene, [left, plot_width], [lowest, highest], &y_of);
        scene.text_turned([left - LEFT + 8.0, top + PLOT_HEIGHT / 2.0], Anchor::Middle, TICK, -90.0, &self.axis);
        for line in &self.lines {
            let y = y_of(line.value);
            scene.polyline(&[[left, y], [left + plot_width, y]], 1.6, line.colour, Some(LINE_DASHES));
        }
        let mut x = left + GROUP_GAP;
        for (group, group_width) in self.groups.iter().zip(&widths) {
            let boxes_width = group_width - GROUP_GAP;
            for (position, own) in group.boxes.iter().enumerate() {
                let colour = self.kinds.get(own.kind).map_or(INK, |kind| kind.1);
                if let Some(figures) = Box5::new(&own.values) {
                    draw_box(&mut scene, x + position as f64 * (BOX + GAP), &figures, colour, &y_of);
                }
            }
            let middle = [x + boxes_width / 2.0 + 4.0, top + PLOT_HEIGHT + 16.0];
            scene.text_turned(middle, Anchor::End, NAME, -45.0, &group.label);
            x += group_width;
        }
        scene.notice(NOTICE);
        Ok(scene)
    }

    fn group_width(group: &BoxGroup) -> f64 {
        let boxes = group.boxes.len().max(1) as f64;
        boxes * BOX + (boxes - 1.0) * GAP + GROUP_GAP
    }

    fn signs(&self) -> Vec<(Sign, String)> {
        let mut signs: Vec<(Sign, String)> =
            self.kinds.iter().map(|(name, colour)| (Sign::Fill(*colour), name.clone())).collect();
        signs.push((Sign::Line(INK, None), "median".to_owned()));
        signs.push((Sign::Line(INK, Some(MEAN_DASHES)), "mean".to_owned()));
        signs.extend(
            self.lines.iter().map(|line| {
                (Sign::Line(line.colour, Some(LINE_DASHES)), format!("{} ({:.2})", line.label, line.value))
            }),
        );
        signs
    }

    /// Whole fifths around all values and lines, 0 to 1 at least.
    fn range(&self) -> [f64; 2] {
        let values = self.groups.iter().flat_map(|group| group.boxes.iter().flat_map(|own| own.values.iter().copied()));
        let all = values.chain(self.lines.iter().map(|line| line.value)).filter(|value| value.is_finite());
        let (low, high) = all.fold((0.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        [(low * 5.0).floor() / 5.0, (high * 5.0).ceil() / 5.0]
    }
}

fn axis(scene: &mut Scene, [left, width]: [f64; 2], [lowest, highest]: [f64; 2], y_of: &impl Fn(f64) -> f64) {
    let fifths = ((highest - lowest) * 5.0).round() as i32;
    for step in 0..=fifths {
        let value = lowest + f64::from(step) / 5.0;
        scene.line([left, y_of(value)], [left + width, y_of(value)], 1.0, GRID);
        // Zero has no sign.
        let label = format!("{value:.1}").replace("-0.0", "0.0").replace('-', "−");
        scene.text([left - 7.0, y_of(value) + 4.0], Anchor::End, TICK, &label);
    }
    scene.line([left, y_of(highest)], [left, y_of(lowest)], 1.0, AXIS);
    scene.line([left, y_of(0.0)], [left + width, y_of(0.0)], 1.0, AXIS);
}

fn draw_box(scene: &mut Scene, x: f64, own: &Box5, colour: Rgb, y_of: &impl Fn(f64) -> f64) {
    let middle = x + BOX / 2.0;
    let [first, median, third] = own.quartiles.map(y_of);
    let [low, high] = own.whiskers.map(y_of);
    for (from, to) in [(third, high), (first, low)] {
        scene.line([middle, from], [middle, to], 1.2, colour);
        scene.line([x + 6.0, to], [x + BOX - 6.0, to], 1.2, colour);
    }
    let corners = [[x, third], [x + BOX, third], [x + BOX, first], [x, first]];
    scene.polygon(&corners, colour, 0.28);
    let mut outline = corners.to_vec();
    outline.push(corners[0]);
    scene.polyline(&outline, 1.2, colour, None);
    for value in &own.outliers {
        scene.rectangle([middle - 1.25, y_of(*value) - 1.25], [2.5, 2.5], colour);
    }
    scene.line([x, median], [x + BOX, median], 2.2, INK);
    let mean = y_of(own.mean);
    scene.polyline(&[[x, mean], [x + BOX, mean]], 1.8, INK, Some(MEAN_DASHES));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiskers_stop_at_the_last_value_within_reach() {
        // np.percentile([0, 1, 2, 3, 100], [25, 50, 75]) = [1, 2, 3]; reach 1.5 * 2.
        let found = Box5::new(&[3.0, 0.0, 100.0, 2.0, 1.0, f64::NAN]).unwrap();
        assert_eq!((found.quartiles, found.whiskers), ([1.0, 2.0, 3.0], [0.0, 3.0]));
        assert_eq!((found.mean, found.outliers), (21.2, vec![100.0]));
        assert_eq!(Box5::new(&[]), None);
        let single = Box5::new(&[0.4]).unwrap();
        assert_eq!((single.whiskers, single.quartiles), ([0.4; 2], [0.4; 3]));
    }
}
