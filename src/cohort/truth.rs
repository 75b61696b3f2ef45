//! What experts marked, brought to the size of a saliency map.

use crate::truth::{FindingBox, Mask};

/// How a mark drawn on an image becomes pixels of a mask of another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TruthRule {
    /// As in the study. Boxes: a corner at `c` pixels (fractions cut off) of an image with `n` pixels a side falls into
    /// pixel `int(size * (c / (n - 1)))`, so `int(320 * (c / 1023))` there; all pixels from corner to corner belong, both
    /// included, and what lies outside is cut. Far sides are up to a pixel larger than the box. Masks: the study reads
    /// masks that were already reduced and does not say how; here a pixel takes the value at its centre (scikit-image's
    /// `resize` of order 0, pixel `floor((d + 1/2) n / size)`).
    Study,
    /// A pixel belongs when at least half of its area is marked. Areas are exact for whole-numbered boxes and for masks;
    /// overlapping boxes count once. At the image's own size a mask stays as it is.
    AreaExact,
}

impl TruthRule {
    /// Its name, such as `area_exact`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Study => "study",
            Self::AreaExact => "area_exact",
        }
    }
}

/// A mask drawn on an image, at `height_px` x `width_px`.
pub fn mask_at(mask: &Mask, height_px: usize, width_px: usize, rule: TruthRule) -> Mask {
    if (mask.height_px(), mask.width_px()) == (height_px, width_px) {
        return mask.clone();
    }
    if mask.pixels().is_empty() {
        return Mask::empty(height_px, width_px);
    }
    match rule {
        TruthRule::Study => nearest(mask, height_px, width_px),
        TruthRule::AreaExact => by_area(mask, height_px, width_px),
    }
}

/// Boxes drawn on an image of `image_px` (`[rows, columns]`), as one mask of `height_px` x `width_px`.
pub fn boxes_at(
    boxes: &[FindingBox],
    image_px: [usize; 2],
    height_px: usize,
    width_px: usize,
    rule: TruthRule,
) -> Mask {
    let mut mask = Mask::empty(height_px, width_px);
    match rule {
        TruthRule::Study => {
            for finding in boxes {
                let rows = inclusive(finding.y_px, finding.height_px, image_px[0], height_px);
                let columns = inclusive(finding.x_px, finding.width_px, image_px[1], width_px);
                for row in rows {
                    mask.pixels_mut()[row * width_px..(row + 1) * width_px][columns.clone()].fill(true);
                }
            }
        }
        TruthRule::AreaExact => cover(&mut mask, boxes, image_px),
    }
    mask
}

/// Pixels from corner to corner, cut by the array.
fn inclusive(start: f64, length: f64, image: usize, size: usize) -> std::ops::Range<usize> {
    // `max`: an image of one pixel has its only corner at 0.
    let last = image.saturating_sub(1).max(1) as f64;
    // The study's order of operations; a cast cuts fractions off as its `int` does, and negative numbers become 0.
    let scaled = |corner: f64| (size as f64 * (corner.trunc() / last)) as usize;
    let end = scaled(start + length).saturating_add(1).min(size);
    scaled(start).min(end)..end
}

fn nearest(mask: &Mask, height_px: usize, width_px: usize) -> Mask {
    let source = |target: usize, from: usize, to: usize| (2 * target + 1) * from / (2 * to);
    let columns: Vec<usize> = (0..width_px).map(|x| source(x, mask.width_px(), width_px)).collect();
    let mut pixels = Vec::with_capacity(height_px * width_px);
    for y in 0..height_px {
        let row = source(y, mask.height_px(), height_px) * mask.width_px();
        pixels.extend(columns.iter().map(|column| mask.pixels()[row + column]));
    }
    Mask::new(height_px, width_px, pixels)
}

/// In units of `1 / size` of a source pixel every edge is a whole number, and so is every area.
fn by_area(mask: &Mask, height_px: usize, width_px: usize) -> Mask {
    let (rows, columns) = (mask.height_px(), mask.width_px());
    let horizontal = overlaps(columns, width_px);
    let vertical = overlaps(rows, height_px);
    // Marked length of each target column within each source row.
    let mut lengths = vec![0_u64; rows * width_px];
    for (source, lengths) in mask.pixels().chunks_exact(columns).zip(lengths.chunks_exact_mut(width_px.max(1))) {
        for (length, (first, weights)) in lengths.iter_mut().zip(&horizontal) {
            *length = source[*first..].iter().zip(weights).filter(|(set, _)| **set).map(|(_, weight)| weight).sum();
        }
    }
    let pixel_area = rows as u64 * columns as u64;
    let mut pixels = Vec::with_capacity(height_px * width_px);
    for (first, weights) in &vertical {
        let area = |x: usize| -> u64 {
            weights.iter().enumerate().map(|(row, weight)| weight * lengths[(first + row) * width_px + x]).sum()
        };
        pixels.extend((0..width_px).map(|x| 2 * area(x) >= pixel_area));
    }
    Mask::new(height_px, width_px, pixels)
}

/// For each of `to` target pixels over `from` source pixels: the first source pixel under it, and the lengths of the
/// source pixels from there on, in units of `1 / to` of a source pixel. They add up to `from`.
fn overlaps(from: usize, to: usize) -> Vec<(usize, Vec<u64>)> {
    let one = |target: usize| {
        let (start, end) = (target * from, (target + 1) * from);
        let length = |source: usize| ((source + 1) * to).min(end) - (source * to).max(start);
        (start / to, (start / to..end.div_ceil(to)).map(|source| length(source) as u64).collect())
    };
    (0..to).map(one).collect()
}

/// Marks the pixels at least half of whose area lies in a box. In units of `1 / size` of an image pixel a target pixel
/// spans whole numbers, and so do boxes with whole corners: the areas are exact then.
fn cover(mask: &mut Mask, boxes: &[FindingBox], image_px: [usize; 2]) {
    let (height_px, width_px) = (mask.height_px(), mask.width_px());
    let [image_h, image_w] = image_px.map(|side| side as f64);
    let rectangles: Vec<[f64; 4]> = boxes
        .iter()
        .map(|finding| {
            let (left, right) = (finding.x_px, finding.x_px + finding.width_px);
            let (top, bottom) = (finding.y_px, finding.y_px + finding.height_px);
            let across = |edge: f64| edge.clamp(0.0, image_w) * width_px as f64;
            let down = |edge: f64| edge.clamp(0.0, image_h) * height_px as f64;
            [across(left), down(top), across(right), down(bottom)]
        })
        .collect();
    for [left, top, right, bottom] in &rectangles {
        let touched = |start: f64, end: f64, step: f64, size: usize| {
            let end = ((end / step).ceil() as usize).min(size);
            ((start / step) as usize).min(end)..end
        };
        for y in touched(*top, *bottom, image_h, height_px) {
            for x in touched(*left, *right, image_w, width_px) {
                let pixel =
                    [x as f64 * image_w, y as f64 * image_h, (x + 1) as f64 * image_w, (y + 1) as f64 * image_h];
                let inside: Vec<[f64; 4]> = rectangles.iter().filter_map(|other| intersection(other, &pixel)).collect();
                if 2.0 * union_area(&inside) >= image_w * image_h {
                    mask.pixels_mut()[y * width_px + x] = true;
                }
            }
        }
    }
}

/// Of rectangles `[left, top, right, bottom]`.
fn intersection(a: &[f64; 4], b: &[f64; 4]) -> Option<[f64; 4]> {
    let both = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    (both[0] < both[2] && both[1] < both[3]).then_some(both)
}

/// Area of the union of a few rectangles: in every strip between two neighbouring vertical edges, the covered height.
fn union_area(rectangles: &[[f64; 4]]) -> f64 {
    if let [only] = rectangles {
        return (only[2] - only[0]) * (only[3] - only[1]);
    }
    let mut edges: Vec<f64> = rectangles.iter().flat_map(|r| [r[0], r[2]]).collect();
    edges.sort_by(f64::total_cmp);
    let mut area = 0.0;
    for strip in edges.windows(2) {
        let mut spans: Vec<[f64; 2]> =
            rectangles.iter().filter(|r| r[0] <= strip[0] && r[2] >= strip[1]).map(|r| [r[1], r[3]]).collect();
        spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let (mut height, mut reached) = (0.0, f64::NEG_INFINITY);
        for [top, bottom] in spans {
            if bottom > reached {
                height += bottom - top.max(reached);
                reached = bottom;
            }
        }
        area += (strip[1] - strip[0]) * height;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(x_px: f64, y_px: f64, width_px: f64, height_px: f64) -> FindingBox {
        FindingBox { x_px, y_px, width_px, height_px }
    }

    fn marked(mask: &Mask) -> Vec<usize> {
        mask.pixels().iter().enumerate().filter(|(_, set)| **set).map(|(i, _)| i).collect()
    }

    #[test]
    fn the_studys_boxes_have_inclusive_ends() {
        // int(320 * 264 / 1023) = 82, int(320 * (264 + 213) / 1023) = 149; 152 -> 47, 152 + 379 -> 166.
        let mask = boxes_at(&[finding(264.0, 152.0, 213.0, 379.0)], [1024, 1024], 320, 320, TruthRule::Study);
        assert_eq!(mask.area_px(), (149 - 82 + 1) * (166 - 47 + 1));
        assert!(mask.pixels()[47 * 320 + 82] && mask.pixels()[166 * 320 + 149]);
        // The corner at 1024 falls outside and is cut.
        let mask = boxes_at(&[finding(1000.0, 1000.0, 24.0, 24.0)], [1024, 1024], 320, 320, TruthRule::Study);
        assert_eq!(mask.area_px(), (319 - 312 + 1) * (319 - 312 + 1));
    }

    #[test]
    fn half_of_a_pixel_is_enough() {
        // 8 -> 4: a target pixel is 2 x 2.
        let at = |boxes: &[FindingBox]| marked(&boxes_at(boxes, [8, 8], 4, 4, TruthRule::AreaExact));
        assert_eq!(at(&[finding(0.0, 0.0, 1.0, 2.0)]), [0], "exactly half");
        assert_eq!(at(&[finding(0.0, 0.0, 1.0, 1.9)]), [0_usize; 0]);
        assert_eq!(at(&[finding(0.0, 0.0, 1.0, 1.0), finding(1.0, 1.0, 1.0, 1.0)]), [0], "two quarters");
        assert_eq!(at(&[finding(0.0, 0.0, 1.0, 1.0); 2]), [0_usize; 0], "the same quarter twice");
        assert_eq!(at(&[finding(-5.0, -5.0, 100.0, 7.0)]), [0, 1, 2, 3]);
        // 1024 -> 320: half of 3.2 x 3.2 is 5.12, and the third column of pixels reaches from 6.4 to 9.6.
        let column = |x: f64, width: f64| {
            let mask = boxes_at(&[finding(x, 0.0, width, 1024.0)], [1024, 1024], 320, 320, TruthRule::AreaExact);
            (0..320).filter(|x| mask.pixels()[*x]).collect::<Vec<_>>()
        };
        assert_eq!(column(8.0, 8.0), [2, 3, 4], "8 to 9.6 is exactly half of the third");
        assert_eq!(column(9.0, 7.0), [3, 4]);
    }

    #[test]
    fn boxes_and_their_masks_agree_by_area() {
        let boxes = [finding(3.0, 5.0, 17.0, 9.0), finding(10.0, 1.0, 4.0, 30.0), finding(28.0, 0.0, 4.0, 32.0)];
        let own = boxes_at(&boxes, [32, 32], 32, 32, TruthRule::AreaExact);
        for (height, width) in [(20, 20), (7, 13), (32, 10), (50, 61), (1, 1)] {
            let by_box = boxes_at(&boxes, [32, 32], height, width, TruthRule::AreaExact);
            assert_eq!(by_box, mask_at(&own, height, width, TruthRule::AreaExact), "{height} x {width}");
        }
    }

    #[test]
    fn nearest_takes_the_pixel_under_the_centre() {
        let mask = Mask::new(1, 8, (0..8).map(|x| x == 3 || x == 4).collect());
        // Centres of 4 pixels lie on edges at 1, 3, 5, 7: the pixel behind the edge.
        assert_eq!(marked(&mask_at(&mask, 1, 4, TruthRule::Study)), [1]);
        assert_eq!(marked(&mask_at(&mask, 1, 16, TruthRule::Study)), [6, 7, 8, 9]);
        assert_eq!(mask_at(&mask, 1, 8, TruthRule::Study), mask);
    }
}
