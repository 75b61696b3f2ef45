//! Boxes as offsets from anchors (Girshick et al. 2014, appendix C), all four with weight 1.

use super::EdgeBox;

/// A box is at most so many times as large as its anchor: `ln(1000 / 16)`, lest an exponential overflow.
const MAX_LOG_SCALE: f32 = 4.135_166_6;

/// Offsets `[x, y, ln(width), ln(height)]` of `bounds` from `anchor`: centres in units of the anchor's extent, extents
/// as logarithms of their ratio. Both boxes must have an area.
pub fn encode(bounds: &EdgeBox, anchor: &EdgeBox) -> [f32; 4] {
    let ([x, y, width, height], [x_a, y_a, width_a, height_a]) = (centred(bounds), centred(anchor));
    [(x - x_a) / width_a, (y - y_a) / height_a, (width / width_a).ln(), (height / height_a).ln()]
}

/// The box at `offsets` from `anchor`.
pub fn decode(offsets: [f32; 4], anchor: &EdgeBox) -> EdgeBox {
    let [x_a, y_a, width_a, height_a] = centred(anchor);
    let (x, y) = (offsets[0] * width_a + x_a, offsets[1] * height_a + y_a);
    let half_width = 0.5 * (offsets[2].min(MAX_LOG_SCALE).exp() * width_a);
    let half_height = 0.5 * (offsets[3].min(MAX_LOG_SCALE).exp() * height_a);
    EdgeBox { left_px: x - half_width, top_px: y - half_height, right_px: x + half_width, bottom_px: y + half_height }
}

/// Centre and extent: x, y, width, height.
fn centred(bounds: &EdgeBox) -> [f32; 4] {
    let (width, height) = (bounds.right_px - bounds.left_px, bounds.bottom_px - bounds.top_px);
    [bounds.left_px + 0.5 * width, bounds.top_px + 0.5 * height, width, height]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_undoes_encoding() {
        let anchor = EdgeBox { left_px: -11.0, top_px: 5.0, right_px: 34.0, bottom_px: 28.0 };
        let bounds = EdgeBox { left_px: 3.5, top_px: 7.25, right_px: 90.0, bottom_px: 20.0 };
        let found = decode(encode(&bounds, &anchor), &anchor);
        for (found, expected) in [
            (found.left_px, bounds.left_px),
            (found.top_px, bounds.top_px),
            (found.right_px, bounds.right_px),
            (found.bottom_px, bounds.bottom_px),
        ] {
            assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
        assert_eq!(encode(&anchor, &anchor), [0.0; 4]);
    }

    #[test]
    fn a_box_is_at_most_62_5_times_its_anchor() {
        let anchor = EdgeBox { left_px: 0.0, top_px: 0.0, right_px: 8.0, bottom_px: 16.0 };
        let found = decode([0.0, 0.0, 1e30, f32::INFINITY], &anchor);
        assert!((found.right_px - found.left_px - 500.0).abs() < 1e-2);
        assert!((found.bottom_px - found.top_px - 1000.0).abs() < 1e-2);
    }
}
