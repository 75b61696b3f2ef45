//! What experts said and marked on a radiograph: findings by name, masks and boxes, in the pixel space of the image they were
//! drawn on.

mod task;

pub use task::{Task, TaskError, TruthKind};

/// A box in image space, `x` to the right and `y` down from the top-left corner of the image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FindingBox {
    /// Left edge.
    pub x_px: f64,
    /// Upper edge.
    pub y_px: f64,
    /// Width, above 0.
    pub width_px: f64,
    /// Height, above 0.
    pub height_px: f64,
}

/// Which pixels belong to a finding, `[h, w]`, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    height_px: usize,
    width_px: usize,
    pixels: Vec<bool>,
}

impl Mask {
    /// Takes pixels `[h, w]`.
    ///
    /// # Panics
    /// When the number of pixels is not `height_px * width_px`.
    pub fn new(height_px: usize, width_px: usize, pixels: Vec<bool>) -> Self {
        assert_eq!(pixels.len(), height_px * width_px, "a mask holds h * w pixels");
        Self { height_px, width_px, pixels }
    }

    /// A mask without any pixel of a finding.
    pub fn empty(height_px: usize, width_px: usize) -> Self {
        Self { height_px, width_px, pixels: vec![false; height_px * width_px] }
    }

    /// Rows.
    pub fn height_px(&self) -> usize {
        self.height_px
    }

    /// Columns.
    pub fn width_px(&self) -> usize {
        self.width_px
    }

    /// Pixels `[h, w]`, row-major.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// Pixels `[h, w]`, row-major, to be changed.
    pub fn pixels_mut(&mut self) -> &mut [bool] {
        &mut self.pixels
    }

    /// Number of pixels that belong to the finding.
    pub fn area_px(&self) -> usize {
        self.pixels.iter().filter(|pixel| **pixel).count()
    }
}
