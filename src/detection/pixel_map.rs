//! A detector's boxes as a map over pixels.

use super::Detection;

/// For every pixel of an image of `[height, width]` the highest score of the boxes over it, 0 where there is none: the
/// study's map of a detector, `[h, w]`, row-major. A box is over a pixel when it holds the pixel's centre.
pub fn pixel_map(detections: &[Detection], [height, width]: [usize; 2]) -> Vec<f32> {
    let mut map = vec![0.0_f32; height * width];
    // The first pixel whose centre lies at or beyond an edge.
    let first = |edge_px: f32, extent: usize| ((edge_px - 0.5).ceil().max(0.0) as usize).min(extent);
    for Detection { bounds, score, .. } in detections {
        let (left, right) = (first(bounds.left_px, width), first(bounds.right_px, width));
        for row in first(bounds.top_px, height)..first(bounds.bottom_px, height) {
            for pixel in &mut map[row * width + left..row * width + right.max(left)] {
                *pixel = pixel.max(*score);
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::super::EdgeBox;
    use super::*;

    #[test]
    fn a_pixel_takes_the_highest_score_over_its_centre() {
        let detection = |left_px, top_px, right_px, bottom_px, score| Detection {
            bounds: EdgeBox { left_px, top_px, right_px, bottom_px },
            class: 0,
            score,
        };
        let map = pixel_map(
            &[
                detection(1.0, 0.0, 3.0, 1.0, 0.5),
                detection(1.6, -5.0, 9.0, 1.5, 0.25),
                // Over no centre.
                detection(0.6, 1.6, 1.4, 2.4, 0.9),
                // Ends before it starts.
                detection(3.0, 0.0, 1.0, 3.0, 0.9),
            ],
            [2, 4],
        );
        assert_eq!(map, [0.0, 0.5, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0]);
        // A centre on the lower or right edge is outside, on the upper or left edge inside.
        let map = pixel_map(&[detection(0.5, 0.5, 2.5, 1.5, 1.0)], [2, 4]);
        assert_eq!(map, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
