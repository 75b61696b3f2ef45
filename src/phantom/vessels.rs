//! The pulmonary vessels: a branching tree from each hilum.

use super::brush::{Brush, Node};
use super::curve::bell;
use super::frame::{CM_PER_UNIT, Frame};
use super::lungs::{Lung, Lungs};
use super::stream::Stream;

/// Segments of a branch.
const STEPS: usize = 6;
/// Generations of branches.
const GENERATIONS: usize = 4;

/// All vessels as tubes.
#[derive(Debug)]
pub(super) struct Vessels {
    branches: Vec<Vec<Node>>,
    /// Position, width, height and depth in cm of each hilum.
    hila: [[f32; 5]; 2],
}

impl Vessels {
    /// Draws both trees.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs) -> Self {
        let mut branches = Vec::new();
        let hila = lungs.sides.each_ref().map(|lung| {
            let trunks = 15 + (stream.uniform(0.0, 3.99) as usize);
            for trunk in 0..trunks {
                // From almost straight up to almost straight down, a little more of them downwards.
                let spread = (trunk as f32 + stream.uniform(0.1, 0.9)) / trunks as f32;
                let heading = -1.42 + 2.85 * spread.powf(0.9);
                // Trunks leave along the hilum, not from one point.
                let away = stream.uniform(0.0, 0.06);
                let start = [
                    lung.hilum[0] + lung.side * (away * heading.cos() + stream.normal(-0.015, 0.02)),
                    lung.hilum[1] + 0.15 * (spread - 0.5) + away * heading.sin() + stream.normal(0.0, 0.015),
                ];
                let first = Growth {
                    at: start,
                    heading,
                    radius: stream.uniform(0.0090, 0.0190),
                    length: stream.uniform(0.20, 0.32),
                    generation: 0,
                };
                grow(stream, lung, first, &mut branches);
            }
            let [x, y] = lung.hilum;
            [x, y, stream.uniform(0.030, 0.045), stream.uniform(0.06, 0.09), stream.uniform(0.8, 1.6)]
        });
        Self { branches, hila }
    }

    /// Thickness of blood in cm, `[size_px, size_px]`.
    pub(super) fn raster(&self, frame: &Frame, brush: &mut Brush) -> Vec<f32> {
        let mut blood = vec![0.0; frame.size_px * frame.size_px];
        for branch in &self.branches {
            brush.stroke(frame, branch, |touch| blood[touch.pixel] += CM_PER_UNIT * touch.chord());
        }
        for &[x, y, width, height, depth_cm] in &self.hila {
            let rect = frame.around([x - 2.5 * width, y - 2.5 * height], [x + 2.5 * width, y + 2.5 * height], 0.0);
            for pixel in frame.pixels(rect) {
                blood[pixel] += depth_cm * bell(frame.x[pixel], x, width) * bell(frame.y[pixel], y, height);
            }
        }
        blood
    }
}

/// A branch about to grow. `heading` is the angle from the lateral direction, positive downwards.
#[derive(Clone, Copy)]
struct Growth {
    at: [f32; 2],
    heading: f32,
    radius: f32,
    length: f32,
    generation: usize,
}

fn grow(stream: &mut Stream, lung: &Lung, from: Growth, branches: &mut Vec<Vec<Node>>) {
    let Growth { mut at, mut heading, radius, length, generation } = from;
    let mut line = vec![Node { at, radius }];
    for step in 1..=STEPS {
        heading += stream.normal(0.0, 0.10);
        let stride = length / STEPS as f32;
        at = [at[0] + lung.side * stride * heading.cos(), at[1] + stride * heading.sin()];
        let depth = lung.depth(at[0], at[1]);
        // A trunk begins behind the mediastinal border; beyond the chest wall or the diaphragm nothing grows.
        if depth.parietal < 0.012 || (generation > 0 && depth.medial < -0.03) {
            break;
        }
        line.push(Node { at, radius: radius * (1.0 - 0.28 * step as f32 / STEPS as f32) });
    }
    let whole = line.len() == STEPS + 1;
    if line.len() > 1 {
        branches.push(line);
    }
    if whole && generation + 1 < GENERATIONS {
        for turn in [-1.0, 1.0] {
            let child = Growth {
                at,
                heading: heading + turn * stream.uniform(0.18, 0.55),
                radius: radius * stream.uniform(0.60, 0.76),
                length: length * stream.uniform(0.60, 0.80),
                generation: generation + 1,
            };
            grow(stream, lung, child, branches);
        }
    }
}
