//! Draws tubes along lines, touching only the pixels near them.

use super::curve::Point;
use super::frame::Frame;

/// Smallest radius drawn, in pixels; thinner tubes are drawn wider and fainter with the same volume.
const MIN_RADIUS_PX: f32 = 0.7;

/// A point of a line and the radius of the tube there, in units of the anatomical frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) at: Point,
    pub(super) radius: f32,
}

/// A line with one radius along its length.
pub(super) fn tube(line: impl IntoIterator<Item = Point>, radius: f32) -> Vec<Node> {
    line.into_iter().map(|at| Node { at, radius }).collect()
}

/// How a tube looks at one pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// Pixel, row-major.
    pub(super) pixel: usize,
    /// Squared distance from the line in radii, below 1.
    pub(super) q2: f32,
    /// Radius that keeps the tube's volume at the width it is drawn, in units of the frame.
    pub(super) radius: f32,
}

impl Touch {
    /// Length of a ray inside a solid tube.
    pub(super) fn chord(self) -> f32 {
        2.0 * self.radius * (1.0 - self.q2).sqrt()
    }

    /// Length of a ray inside the wall of a tube that is hollow up to `hollow` of its radius.
    pub(super) fn wall(self, hollow: f32) -> f32 {
        let inner = (hollow * hollow - self.q2).max(0.0).sqrt();
        2.0 * self.radius * ((1.0 - self.q2).sqrt() - inner)
    }
}

/// Memory for tubes.
#[derive(Debug, Default)]
pub(super) struct Brush {
    nearest: Vec<[f32; 2]>,
}

impl Brush {
    /// Calls `touch` once for each pixel within the tube around `line`, nearest part first in effect: a tube that
    /// bends does not overlap itself.
    pub(super) fn stroke(&mut self, frame: &Frame, line: &[Node], mut touch: impl FnMut(Touch)) {
        let min_radius = MIN_RADIUS_PX / frame.px_per_unit();
        let (mut low, mut high, mut widest) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2], min_radius);
        for node in line {
            for axis in 0..2 {
                low[axis] = low[axis].min(node.at[axis]);
                high[axis] = high[axis].max(node.at[axis]);
            }
            widest = widest.max(node.radius);
        }
        let all = frame.around(low, high, widest);
        if all.left >= all.right || all.top >= all.bottom {
            return;
        }
        let width = all.right - all.left;
        self.nearest.clear();
        self.nearest.resize(width * (all.bottom - all.top), [1.0, 0.0]);
        for pair in line.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let segment_low = [a.at[0].min(b.at[0]), a.at[1].min(b.at[1])];
            let segment_high = [a.at[0].max(b.at[0]), a.at[1].max(b.at[1])];
            let rect = frame.around(segment_low, segment_high, a.radius.max(b.radius).max(min_radius));
            let (dx, dy) = (b.at[0] - a.at[0], b.at[1] - a.at[1]);
            let per_length2 = 1.0 / (dx * dx + dy * dy).max(1e-12);
            for row in rect.top..rect.bottom {
                let start = row * frame.size_px;
                let nearest = &mut self.nearest[(row - all.top) * width..][rect.left - all.left..rect.right - all.left];
                let xs = &frame.x[start + rect.left..start + rect.right];
                let ys = &frame.y[start + rect.left..start + rect.right];
                for ((best, x), y) in nearest.iter_mut().zip(xs).zip(ys) {
                    let (px, py) = (x - a.at[0], y - a.at[1]);
                    let along = ((px * dx + py * dy) * per_length2).clamp(0.0, 1.0);
                    let (ox, oy) = (px - along * dx, py - along * dy);
                    let radius = a.radius + along * (b.radius - a.radius);
                    let drawn = radius.max(min_radius);
                    let q2 = (ox * ox + oy * oy) / (drawn * drawn);
                    if q2 < best[0] {
                        *best = [q2, radius * radius / drawn];
                    }
                }
            }
        }
        for (row, nearest) in self.nearest.chunks_exact(width).enumerate() {
            let start = (row + all.top) * frame.size_px + all.left;
            for (column, &[q2, radius]) in nearest.iter().enumerate() {
                if q2 < 1.0 {
                    touch(Touch { pixel: start + column, q2, radius });
                }
            }
        }
    }
}
