//! What is written on the picture, and its borders: side marker, words, collimation.

use super::brush::{Brush, tube};
use super::curve::{Point, smooth_step};
use super::frame::{Frame, picture_coordinate};
use super::patient::Patient;
use super::stream::Stream;

/// Lead letters and collimation, in picture coordinates.
#[derive(Debug)]
pub(super) struct Labels {
    strokes: Vec<Stroke>,
    brightness: f32,
    collimation: Option<Collimation>,
}

#[derive(Debug)]
struct Stroke {
    line: Vec<Point>,
    /// Half the width of the line.
    weight: f32,
}

#[derive(Clone, Copy, Debug)]
struct Collimation {
    /// Distance of each border from the middle: left, top, right, bottom.
    borders: [f32; 4],
    cosine: f32,
    sine: f32,
    gray: f32,
}

impl Labels {
    /// Draws the labels of an examination.
    pub(super) fn draw(stream: &mut Stream, patient: &Patient) -> Self {
        let side = stream.side();
        let height = stream.uniform(0.045, 0.075);
        let at = [side * stream.uniform(0.62, 0.86), stream.uniform(-0.90, -0.74)];
        let weight = stream.uniform(0.09, 0.14);
        let tilt = stream.normal(0.0, if patient.in_bed() { 12.0 } else { 3.0 }).to_radians();
        // The letter names the patient's side, which is the other one in the picture.
        let mut strokes = word(if side > 0.0 { "L" } else { "R" }, at, height, tilt, weight);
        // Words stand on the side without the letter.
        let portable = stream.chance(0.5);
        let place = stream.uniform(0.0, 0.2) + if side > 0.0 { -0.93 } else { 0.45 };
        if patient.in_bed() && portable {
            strokes.extend(word("AP", [place, -0.94], 0.028, 0.0, 0.08));
            strokes.extend(word("PORTABLE", [place, -0.89], 0.028, 0.0, 0.08));
        }
        let collimated = stream.chance(0.35);
        let angle = stream.normal(0.0, 1.3).to_radians();
        let borders = [0; 4].map(|_| 1.0 - stream.uniform(0.0, 0.07));
        let collimation =
            Collimation { borders, cosine: angle.cos(), sine: angle.sin(), gray: stream.uniform(0.0, 0.04) };
        Self { strokes, brightness: stream.uniform(0.86, 1.0), collimation: collimated.then_some(collimation) }
    }

    /// Writes on display values 0 to 1, `[size_px, size_px]`.
    pub(super) fn write_on(&self, frame: &Frame, brush: &mut Brush, display: &mut [f32]) {
        if let Some(collimation) = &self.collimation {
            collimation.cut(frame.size_px, display);
        }
        for stroke in &self.strokes {
            let line = tube(stroke.line.iter().map(|point| frame.anatomical(*point)), stroke.weight);
            brush.stroke(frame, &line, |touch| {
                let covered = smooth_step(1.0, 0.5, touch.q2) * (touch.radius / stroke.weight).min(1.0);
                let value = &mut display[touch.pixel];
                *value += covered * (self.brightness - *value).max(0.0);
            });
        }
    }
}

impl Collimation {
    fn cut(&self, size_px: usize, display: &mut [f32]) {
        let px = 2.0 / size_px as f32;
        for (row, display) in display.chunks_exact_mut(size_px).enumerate() {
            let v = picture_coordinate(row, size_px);
            for (column, value) in display.iter_mut().enumerate() {
                let u = picture_coordinate(column, size_px);
                let (a, b) = (u * self.cosine + v * self.sine, v * self.cosine - u * self.sine);
                let [left, top, right, bottom] = self.borders;
                let inside = (a + left).min(b + top).min(right - a).min(bottom - b);
                if inside < px {
                    *value = self.gray + (*value - self.gray) * smooth_step(-px, px, inside);
                }
            }
        }
    }
}

/// Strokes of a word whose first letter begins at `at`, turned about it; `weight` is half a line's width in heights.
fn word(text: &str, at: Point, height: f32, tilt: f32, weight: f32) -> Vec<Stroke> {
    let (cosine, sine) = (tilt.cos(), tilt.sin());
    let mut strokes = Vec::new();
    for (position, letter) in text.chars().enumerate() {
        for line in glyph(letter) {
            let placed = line.iter().map(|[x, y]| {
                let (x, y) = ((x * 0.65 + position as f32 * 0.95) * height, y * height);
                [at[0] + x * cosine - y * sine, at[1] + x * sine + y * cosine]
            });
            strokes.push(Stroke { line: placed.collect(), weight: weight * height });
        }
    }
    strokes
}

/// Lines of the letters used, in a unit square, y down.
fn glyph(letter: char) -> &'static [&'static [Point]] {
    match letter {
        'L' => &[&[[0.0, 0.0], [0.0, 1.0], [0.8, 1.0]]],
        'R' => {
            &[&[[0.0, 1.0], [0.0, 0.0], [0.6, 0.0], [0.8, 0.25], [0.6, 0.5], [0.0, 0.5]], &[[0.4, 0.5], [0.85, 1.0]]]
        }
        'A' => &[&[[0.0, 1.0], [0.45, 0.0], [0.9, 1.0]], &[[0.17, 0.65], [0.73, 0.65]]],
        'P' => &[&[[0.0, 1.0], [0.0, 0.0], [0.6, 0.0], [0.8, 0.25], [0.6, 0.5], [0.0, 0.5]]],
        'O' => &[&[
            [0.25, 0.0],
            [0.65, 0.0],
            [0.9, 0.3],
            [0.9, 0.7],
            [0.65, 1.0],
            [0.25, 1.0],
            [0.0, 0.7],
            [0.0, 0.3],
            [0.25, 0.0],
        ]],
        'T' => &[&[[0.0, 0.0], [0.9, 0.0]], &[[0.45, 0.0], [0.45, 1.0]]],
        'B' => &[
            &[[0.0, 0.5], [0.0, 0.0], [0.55, 0.0], [0.75, 0.2], [0.55, 0.5], [0.0, 0.5]],
            &[[0.55, 0.5], [0.85, 0.75], [0.6, 1.0], [0.0, 1.0], [0.0, 0.5]],
        ],
        'E' => &[&[[0.8, 0.0], [0.0, 0.0], [0.0, 1.0], [0.8, 1.0]], &[[0.0, 0.5], [0.6, 0.5]]],
        _ => &[],
    }
}
