//! The strength of edges, as a map that knows nothing of any network.

/// Strength of the edges of an image of `size` = `[height, width]`, row-major: `skimage.filters.sobel` on a
/// floating-point image. Two crosswise filters of 3x3, each the difference of two lines smoothed by 1/4, 1/2, 1/4, the
/// image mirrored about its edge, and the root of their mean square.
///
/// # Panics
/// When there are not height x width values.
pub fn sobel(image: &[f32], size: [usize; 2]) -> Vec<f32> {
    let [height, width] = size;
    assert_eq!(image.len(), height * width, "an image holds height x width values");
    let at = |row: usize, column: usize| f64::from(image[row * width + column]);
    let around = |index: usize, len: usize| [index.saturating_sub(1), index, (index + 1).min(len - 1)];
    let mut edges = Vec::with_capacity(image.len());
    for row in 0..height {
        let [above, here, below] = around(row, height);
        for column in 0..width {
            let [left, middle, right] = around(column, width);
            let smooth = |a: f64, b: f64, c: f64| 0.25 * a + 0.5 * b + 0.25 * c;
            let line = |row: usize| smooth(at(row, left), at(row, middle), at(row, right));
            let post = |column: usize| smooth(at(above, column), at(here, column), at(below, column));
            let (down, across) = (line(above) - line(below), post(left) - post(right));
            edges.push(f64::midpoint(down * down, across * across).sqrt() as f32);
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::sobel;

    #[test]
    fn flat_images_have_no_edges_and_a_step_has_one() {
        assert_eq!(sobel(&[3.0; 12], [3, 4]), [0.0; 12]);
        let step: Vec<f32> = (0..20).map(|pixel| if pixel % 5 < 2 { 0.0 } else { 1.0 }).collect();
        let edges = sobel(&step, [4, 5]);
        assert!(edges[6] > 0.5 && edges[7] > 0.5 && edges[5] == 0.0 && edges[9] == 0.0, "{edges:?}");
    }
}
