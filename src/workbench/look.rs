//! Where somebody looks: middle, enlargement, turn. Independent of the size of image and tile, so that looks can be linked.

use serde::{Deserialize, Serialize};

use crate::display::Viewport;

/// Largest enlargement over the fitted image.
const MAX_ZOOM: f64 = 64.0;

/// Smallest.
const MIN_ZOOM: f64 = 0.125;

/// Where somebody looks on an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The image point in the middle of the tile, as fractions of the image's width and height.
    pub center: [f64; 2],
    /// Enlargement over the fitted image, which is 1.
    pub zoom: f64,
    /// Quarter turns clockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Whether the picture is mirrored left to right.
    pub is_flipped: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { center: [0.5, 0.5], zoom: 1.0, quarter_turns: 0, is_flipped: false }
    }
}

/// The image a look is at, and the tile it is in.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// `[width, height]` of the image.
    pub image_px: [usize; 2],
    /// Height of an image pixel over its width.
    pub pixel_aspect: f64,
    /// `[width, height]` of the tile in physical pixels.
    pub tile_px: [u32; 2],
}

impl Stage {
    /// Screen pixels to one image column when the whole image fits.
    fn fit_zoom(&self, quarter_turns: u8) -> f64 {
        let fitted = Viewport::fit(self.tile_px, self.image_px, self.pixel_aspect);
        fitted.turned(i32::from(quarter_turns)).refit(self.image_px).zoom
    }
}

impl Look {
    /// The viewport this look is, in physical pixels of the tile.
    pub fn viewport(&self, stage: &Stage) -> Viewport {
        Viewport {
            size_px: stage.tile_px,
            center_px: std::array::from_fn(|axis| self.center[axis] * stage.image_px[axis] as f64),
            zoom: stage.fit_zoom(self.quarter_turns) * self.zoom,
            pixel_aspect: stage.pixel_aspect,
            quarter_turns: self.quarter_turns,
            mirrored: self.is_flipped,
        }
    }

    /// The look that a viewport of the same stage is.
    fn of(viewport: &Viewport, stage: &Stage) -> Self {
        Self {
            // The middle stays on the image, so that it cannot be lost.
            center: std::array::from_fn(|axis| {
                (viewport.center_px[axis] / stage.image_px[axis] as f64).clamp(0.0, 1.0)
            }),
            zoom: viewport.zoom / stage.fit_zoom(viewport.quarter_turns),
            quarter_turns: viewport.quarter_turns,
            is_flipped: viewport.mirrored,
        }
    }

    /// The look after the picture was dragged by `delta_px` physical pixels.
    #[must_use]
    pub fn panned(&self, delta_px: [f64; 2], stage: &Stage) -> Self {
        Self::of(&self.viewport(stage).panned(delta_px), stage)
    }

    /// The look enlarged by `factor` around a screen point of the tile, which stays where it is.
    #[must_use]
    pub fn zoomed(&self, factor: f64, around_px: [f64; 2], stage: &Stage) -> Self {
        let factor = (self.zoom * factor).clamp(MIN_ZOOM, MAX_ZOOM) / self.zoom;
        Self::of(&self.viewport(stage).zoomed_at(around_px, factor), stage)
    }

    /// The look at which one image pixel is one screen pixel across.
    #[must_use]
    pub fn one_to_one(&self, stage: &Stage) -> Self {
        Self { zoom: (1.0 / stage.fit_zoom(self.quarter_turns)).clamp(MIN_ZOOM, MAX_ZOOM), ..*self }
    }

    /// The look turned clockwise by quarters; the middle stays.
    #[must_use]
    pub fn turned(&self, quarters: i32) -> Self {
        Self { quarter_turns: (i32::from(self.quarter_turns) + quarters).rem_euclid(4) as u8, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: Stage = Stage { image_px: [400, 200], pixel_aspect: 1.0, tile_px: [800, 800] };

    #[test]
    fn a_zoom_keeps_the_point_under_the_pointer() {
        for quarter_turns in 0..4 {
            for is_flipped in [false, true] {
                let look = Look { zoom: 2.0, quarter_turns, is_flipped, ..Look::default() };
                let at = [300.0, 500.0];
                let before = look.viewport(&STAGE).image_from_screen(at);
                let after = look.zoomed(1.7, at, &STAGE).viewport(&STAGE).image_from_screen(at);
                assert!((before[0] - after[0]).abs() < 1e-9 && (before[1] - after[1]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn dragging_moves_the_picture_with_the_pointer() {
        for quarter_turns in 0..4 {
            let look = Look { zoom: 3.0, quarter_turns, is_flipped: quarter_turns == 2, ..Look::default() };
            let grabbed = look.viewport(&STAGE).image_from_screen([400.0, 400.0]);
            let moved = look.panned([30.0, -20.0], &STAGE).viewport(&STAGE).image_from_screen([430.0, 380.0]);
            assert!((grabbed[0] - moved[0]).abs() < 1e-9 && (grabbed[1] - moved[1]).abs() < 1e-9);
        }
    }

    #[test]
    fn the_fitted_image_fills_one_side_and_one_to_one_is_one_to_one() {
        let corner = Look::default().viewport(&STAGE).screen_from_image([0.0, 0.0]);
        assert!(corner[0].abs() < 1e-9 && (corner[1] - 200.0).abs() < 1e-9, "{corner:?}");
        let viewport = Look::default().one_to_one(&STAGE).viewport(&STAGE);
        let [a, b] = [viewport.screen_from_image([10.0, 10.0]), viewport.screen_from_image([11.0, 10.0])];
        assert!((b[0] - a[0] - 1.0).abs() < 1e-9);
        let turned = Look::default().turned(1);
        assert_eq!((turned.quarter_turns, turned.turned(-2).quarter_turns), (1, 3));
    }
}
