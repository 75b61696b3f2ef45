//! A magnifier.

use serde::{Deserialize, Serialize};

use super::viewport::Viewport;

/// A part of a view that shows what is under its middle larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Its middle, in the view's pixels.
    pub center_px: [f64; 2],
    /// Half its width.
    pub radius_px: f64,
    /// How many times larger.
    pub factor: f64,
    /// Whether it is a circle; else a square.
    pub is_round: bool,
}

impl Lens {
    /// The view behind the lens.
    pub fn viewport(&self, viewport: &Viewport) -> Viewport {
        viewport.zoomed_at(self.center_px, self.factor)
    }

    /// Whether a point of the screen is in it.
    pub fn covers(&self, screen_px: [f64; 2]) -> bool {
        let [dx, dy] = [0, 1].map(|axis| (screen_px[axis] - self.center_px[axis]).abs());
        let distance = if self.is_round { dx.hypot(dy) } else { dx.max(dy) };
        distance <= self.radius_px
    }
}
