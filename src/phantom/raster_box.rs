//! Boxes of whole pixels.

use crate::truth::FindingBox;

/// First and last column and row, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelBox {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl PixelBox {
    /// A box without pixels.
    pub(super) fn none() -> Self {
        Self { left: usize::MAX, top: usize::MAX, right: 0, bottom: 0 }
    }

    /// Whether it holds no pixel.
    pub(super) fn is_none(self) -> bool {
        self.left > self.right
    }

    /// Grows to hold a pixel.
    pub(super) fn include(&mut self, column: usize, row: usize) {
        self.left = self.left.min(column);
        self.right = self.right.max(column);
        self.top = self.top.min(row);
        self.bottom = self.bottom.max(row);
    }

    fn overlaps(self, other: Self) -> bool {
        self.left <= other.right && other.left <= self.right && self.top <= other.bottom && other.top <= self.bottom
    }

    fn join(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

impl From<PixelBox> for FindingBox {
    fn from(pixels: PixelBox) -> Self {
        Self {
            x_px: pixels.left as f64,
            y_px: pixels.top as f64,
            width_px: (pixels.right + 1 - pixels.left) as f64,
            height_px: (pixels.bottom + 1 - pixels.top) as f64,
        }
    }
}

/// Joins boxes of the same side while any two overlap.
pub(super) fn merged(mut boxes: Vec<(usize, PixelBox)>) -> Vec<PixelBox> {
    let mut first = 0;
    while first < boxes.len() {
        let (side, pixels) = boxes[first];
        let other = (first + 1..boxes.len()).find(|i| boxes[*i].0 == side && boxes[*i].1.overlaps(pixels));
        if let Some(other) = other {
            boxes[first].1 = pixels.join(boxes.remove(other).1);
            first = 0;
        } else {
            first += 1;
        }
    }
    boxes.into_iter().map(|(_, pixels)| pixels).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel_box(left: usize, top: usize, right: usize, bottom: usize) -> PixelBox {
        PixelBox { left, top, right, bottom }
    }

    #[test]
    fn overlapping_boxes_of_a_side_become_one() {
        let (a, b, c) = (pixel_box(0, 0, 4, 4), pixel_box(8, 8, 9, 9), pixel_box(3, 3, 8, 8));
        assert_eq!(merged(vec![(0, a), (0, b), (0, c)]), vec![pixel_box(0, 0, 9, 9)]);
        assert_eq!(merged(vec![(0, a), (1, c)]).len(), 2);
    }

    #[test]
    fn boxes_hold_their_last_pixels() {
        let mut pixels = PixelBox::none();
        assert!(pixels.is_none());
        pixels.include(3, 5);
        pixels.include(7, 5);
        let expected = FindingBox { x_px: 3.0, y_px: 5.0, width_px: 5.0, height_px: 1.0 };
        assert_eq!(FindingBox::from(pixels), expected);
    }
}
