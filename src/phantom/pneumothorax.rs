//! Air in the pleural space: a gap along the chest wall, widest at the apex, without vessels.

use super::curve::{smooth_min, smooth_step};
use super::lungs::{Depth, Lung, Lungs};
use super::stream::Stream;

/// Deviation of the visceral pleural line, in units of the frame.
const LINE_WIDTH: f32 = 0.0042;

/// A collapsed lung.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pneumothorax {
    /// Index into [`Lungs::sides`].
    pub(super) side: usize,
    /// Width of the gap at the apex, in units of the frame.
    size: f32,
    /// Heights between which the gap widens from its least to its greatest.
    foot: f32,
    crest: f32,
    /// Width of a part above the diaphragm, 0 where there is none.
    basal: f32,
    /// What remains of the lung's density inside the gap, 0 to 1.
    remaining: f32,
    /// Water in the pleural line where it is densest, in cm.
    line_cm: f32,
}

/// The collapse as seen at one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collapse {
    /// Distance from the visceral pleura, positive inside the collapsed lung, negative in the gap.
    pub(super) inside: f32,
}

impl Pneumothorax {
    /// Draws a pneumothorax.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs) -> Self {
        let side = usize::from(stream.chance(0.5));
        let lung = &lungs.sides[side];
        let size = stream.uniform(0.07, 0.24);
        let has_base = stream.chance(0.25);
        let basal = stream.uniform(0.4, 0.8) * size;
        Self {
            side,
            size,
            foot: lung.base + stream.uniform(-0.15, 0.15),
            crest: lung.apex() + 0.10,
            basal: if has_base { basal } else { 0.0 },
            remaining: 1.0 - stream.uniform(0.40, 0.85),
            line_cm: stream.uniform(0.28, 0.55),
        }
    }

    /// Where a point with these distances from the borders of `lung` lies.
    pub(super) fn collapse(&self, lung: &Lung, x: f32, y: f32, depth: Depth) -> Collapse {
        let height = ((self.foot - y) / (self.foot - self.crest)).clamp(0.0, 1.0);
        // sin(pi/2 h) within 1 %, without a call for every pixel.
        let rise = height * (1.571 - height * height * (0.646 - 0.075 * height * height));
        let gap = self.size * (0.12 + 0.88 * rise * rise.sqrt());
        let mut inside = depth.wall - gap;
        if self.basal > 0.0 {
            let lateral = smooth_step(0.20, 0.45, x * lung.side);
            inside = smooth_min(inside, depth.dome - self.basal * lateral, 0.03);
        }
        Collapse { inside }
    }

    /// Density of the collapsed lung relative to a whole one.
    pub(super) fn compression(&self) -> f32 {
        1.0 + 1.6 * self.size
    }

    /// Density inside the gap relative to a whole lung.
    pub(super) fn remaining(&self) -> f32 {
        self.remaining
    }

    /// Water in the pleural line in cm at a distance from it, where a pixel is `pixel` wide.
    pub(super) fn line_cm(&self, distance: f32, pixel: f32) -> f32 {
        let width2 = LINE_WIDTH * LINE_WIDTH + 0.16 * pixel * pixel;
        let z2 = distance * distance / width2;
        if z2 > 12.0 { 0.0 } else { self.line_cm * LINE_WIDTH / width2.sqrt() * (-0.5 * z2).exp() }
    }
}
