//! From a detector's outputs to boxes and back: anchors, matching, coding, non-maximum suppression, pixel maps.
//!
//! Rules and defaults are those of torchvision's RetinaNet.

mod anchors;
mod coding;
mod matching;
mod pixel_map;
mod select;

pub use anchors::Anchors;
pub use coding::{decode, encode};
pub use matching::{Match, match_anchors};
pub use pixel_map::pixel_map;
pub use select::{Selection, select};

use crate::truth::FindingBox;

/// A box by its edges in the space of the model's input, in pixels; `x` to the right and `y` down from the top-left
/// corner of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeBox {
    /// Left edge.
    pub left_px: f32,
    /// Upper edge.
    pub top_px: f32,
    /// Right edge.
    pub right_px: f32,
    /// Lower edge.
    pub bottom_px: f32,
}

impl EdgeBox {
    /// Area in square pixels; 0 where the edges cross.
    pub fn area_px(&self) -> f32 {
        (self.right_px - self.left_px).max(0.0) * (self.bottom_px - self.top_px).max(0.0)
    }

    /// Intersection over union, 0 to 1; 0 where both boxes are empty.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.right_px.min(other.right_px) - self.left_px.max(other.left_px);
        let height = self.bottom_px.min(other.bottom_px) - self.top_px.max(other.top_px);
        let shared = width.max(0.0) * height.max(0.0);
        let union = self.area_px() + other.area_px() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The same box where x and y are multiplied by `[vertical, horizontal]` factors.
    #[must_use]
    pub fn scaled(&self, [vertical, horizontal]: [f32; 2]) -> Self {
        Self {
            left_px: self.left_px * horizontal,
            top_px: self.top_px * vertical,
            right_px: self.right_px * horizontal,
            bottom_px: self.bottom_px * vertical,
        }
    }

    /// The part inside an image of `[height, width]` pixels.
    #[must_use]
    pub fn clipped(&self, [height, width]: [usize; 2]) -> Self {
        let (height, width) = (height as f32, width as f32);
        Self {
            left_px: self.left_px.clamp(0.0, width),
            top_px: self.top_px.clamp(0.0, height),
            right_px: self.right_px.clamp(0.0, width),
            bottom_px: self.bottom_px.clamp(0.0, height),
        }
    }
}

impl From<FindingBox> for EdgeBox {
    fn from(finding: FindingBox) -> Self {
        Self {
            left_px: finding.x_px as f32,
            top_px: finding.y_px as f32,
            right_px: (finding.x_px + finding.width_px) as f32,
            bottom_px: (finding.y_px + finding.height_px) as f32,
        }
    }
}

/// A box that an expert drew, with its kind of finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueBox {
    /// Where it is.
    pub bounds: EdgeBox,
    /// Kind of finding, from 0.
    pub class: usize,
}

/// A box that a detector found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where it is.
    pub bounds: EdgeBox,
    /// Kind of finding, from 0.
    pub class: usize,
    /// Probability, 0 to 1.
    pub score: f32,
}
