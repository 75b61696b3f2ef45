//! Where on the screen the image lies.

use serde::{Deserialize, Serialize};

/// Least and most screen pixels an image pixel.
const ZOOMS: [f64; 2] = [1.0 / 256.0, 256.0];

/// A view of an image: which point of it is in the middle, how large, and how it is turned.
///
/// `screen = size / 2 + turn(mirror(scale(image - center)))`; see the module for the spaces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Viewport {
    /// Width and height of the view, in physical pixels.
    pub size_px: [u32; 2],
    /// The point of the image in the middle of the view.
    pub center_px: [f64; 2],
    /// Screen pixels a column of the image.
    pub zoom: f64,
    /// Height of an image pixel over its width.
    pub pixel_aspect: f64,
    /// Turned clockwise by this many quarters, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored left to right, before it is turned.
    pub mirrored: bool,
}

impl Viewport {
    /// The whole image `[width, height]`, as large as it fits.
    pub fn fit(size_px: [u32; 2], image_size_px: [usize; 2], pixel_aspect: f64) -> Self {
        let center_px = image_size_px.map(|length| length as f64 / 2.0);
        let view = Self { size_px, center_px, zoom: 1.0, pixel_aspect, quarter_turns: 0, mirrored: false };
        view.refit(image_size_px)
    }

    /// Turned and mirrored as it is, the whole image as large as it fits.
    #[must_use]
    pub fn refit(self, image_size_px: [usize; 2]) -> Self {
        let [width, height] = [image_size_px[0] as f64, image_size_px[1] as f64 * self.pixel_aspect];
        let [across, down] = if self.quarter_turns.is_multiple_of(2) { [width, height] } else { [height, width] };
        let zoom = (self.size_px[0] as f64 / across).min(self.size_px[1] as f64 / down);
        let zoom = if zoom.is_finite() { zoom.clamp(ZOOMS[0], ZOOMS[1]) } else { 1.0 };
        Self { center_px: image_size_px.map(|length| length as f64 / 2.0), zoom, ..self }
    }

    /// The same part of the image in a view of another size.
    #[must_use]
    pub fn resized(self, size_px: [u32; 2]) -> Self {
        Self { size_px, ..self }
    }

    /// The point of the image at a point of the screen.
    pub fn image_from_screen(&self, screen_px: [f64; 2]) -> [f64; 2] {
        let [x, y] = [0, 1].map(|axis| screen_px[axis] - self.size_px[axis] as f64 / 2.0);
        let matrix = self.matrix();
        [0, 1].map(|axis| self.center_px[axis] + matrix[axis][0] * x + matrix[axis][1] * y)
    }

    /// The point of the screen at a point of the image.
    pub fn screen_from_image(&self, image_px: [f64; 2]) -> [f64; 2] {
        let [x, y] = [0, 1].map(|axis| image_px[axis] - self.center_px[axis]);
        let (x, y) = (x * self.zoom * if self.mirrored { -1.0 } else { 1.0 }, y * self.zoom * self.pixel_aspect);
        let [x, y] = match self.quarter_turns % 4 {
            0 => [x, y],
            1 => [-y, x],
            2 => [-x, -y],
            _ => [y, -x],
        };
        [x + self.size_px[0] as f64 / 2.0, y + self.size_px[1] as f64 / 2.0]
    }

    /// Zoomed by `factor` while the point under `screen_px` stays where it is.
    #[must_use]
    pub fn zoomed_at(self, screen_px: [f64; 2], factor: f64) -> Self {
        let fixed = self.image_from_screen(screen_px);
        let zoom = (self.zoom * factor).clamp(ZOOMS[0], ZOOMS[1]);
        let zoomed = Self { zoom: if zoom.is_finite() { zoom } else { self.zoom }, ..self };
        let moved = zoomed.image_from_screen(screen_px);
        Self { center_px: [0, 1].map(|axis| self.center_px[axis] + fixed[axis] - moved[axis]), ..zoomed }
    }

    /// The image moved by so many screen pixels.
    #[must_use]
    pub fn panned(self, [dx_px, dy_px]: [f64; 2]) -> Self {
        let middle = self.size_px.map(|length| length as f64 / 2.0);
        Self { center_px: self.image_from_screen([middle[0] - dx_px, middle[1] - dy_px]), ..self }
    }

    /// Turned clockwise by quarters, about the middle of the view.
    #[must_use]
    pub fn turned(self, quarters: i32) -> Self {
        Self { quarter_turns: (i32::from(self.quarter_turns) + quarters).rem_euclid(4) as u8, ..self }
    }

    /// Mirrored left to right as it is seen, about the middle of the view.
    #[must_use]
    pub fn flipped(self) -> Self {
        Self { mirrored: !self.mirrored, ..self.turned(-2 * i32::from(self.quarter_turns)) }
    }

    /// Image pixels by screen pixels: `image - center = matrix (screen - size / 2)`.
    pub(crate) fn matrix(&self) -> [[f64; 2]; 2] {
        let (x, y) = (if self.mirrored { -1.0 } else { 1.0 } / self.zoom, 1.0 / (self.zoom * self.pixel_aspect));
        match self.quarter_turns % 4 {
            0 => [[x, 0.0], [0.0, y]],
            1 => [[0.0, x], [-y, 0.0]],
            2 => [[-x, 0.0], [0.0, -y]],
            _ => [[0.0, -x], [y, 0.0]],
        }
    }

    /// The level of [`super::Plane::levels`] whose pixels are at most two to a screen pixel.
    pub fn level(&self) -> usize {
        let image_px = 1.0 / (self.zoom * self.pixel_aspect.min(1.0));
        image_px.log2().max(0.0) as usize
    }
}
