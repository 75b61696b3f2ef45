//! Structural similarity of two maps (Wang et al. 2004), as scikit-image computes it by default.

use super::error::{Error, Result};

/// Side of the uniform window in pixels; maps are at least as large.
pub const SSIM_WINDOW_PX: usize = 7;

/// Stabilizers of means and variances, as fractions of the data range.
const K: [f64; 2] = [0.01, 0.03];

/// Mean structural similarity of `a` and `b`, both of `size` = `[height, width]` and row-major, for a data range of
/// `range` (the distance between the smallest and the largest value that a map may have). 1 for equal maps.
///
/// This is `skimage.metrics.structural_similarity(a, b, data_range=range)` on float64 arrays: means, variances and the
/// covariance over uniform 7x7 windows, the latter with the divisor of a sample (48), constants `(0.01 range)^2` and
/// `(0.03 range)^2`, and the mean over all windows that lie inside the maps. All sums are float64.
///
/// # Errors
/// When the sizes differ, a side is shorter than the window, a value is not finite, or the range is not above 0.
pub fn structural_similarity<T: Copy + Into<f64>>(a: &[T], b: &[T], size: [usize; 2], range: f64) -> Result<f64> {
    structural_similarities(a, b, size, [range]).map(|[similarity]| similarity)
}

/// The same for several data ranges at once, which share all sums.
///
/// # Errors
/// As [`structural_similarity`].
pub fn structural_similarities<T: Copy + Into<f64>, const N: usize>(
    a: &[T],
    b: &[T],
    size: [usize; 2],
    ranges: [f64; N],
) -> Result<[f64; N]> {
    let [height, width] = size;
    if height.checked_mul(width) != Some(a.len()) || a.len() != b.len() {
        return Err(Error::MapSizes { first: a.len(), second: b.len(), height, width });
    }
    if height.min(width) < SSIM_WINDOW_PX {
        return Err(Error::SmallerThanWindow { height, width, window: SSIM_WINDOW_PX });
    }
    if let Some(range) = ranges.into_iter().find(|range| !(*range > 0.0 && range.is_finite())) {
        return Err(Error::DataRange { range });
    }
    let constants = ranges.map(|range| K.map(|k| (k * range).powi(2)));
    let mut columns = Columns::new(width);
    let mut line = Line::new(width);
    let mut totals = [0.0; N];
    // NaN and infinities stay in sums, so looking at the sums' result is looking at every value.
    for bottom in 0..height {
        let row = bottom * width..(bottom + 1) * width;
        let gone = bottom.checked_sub(SSIM_WINDOW_PX).map(|top| top * width..(top + 1) * width);
        match gone {
            Some(gone) => {
                columns.slide([&a[row.clone()], &b[row]], [&a[gone.clone()], &b[gone]]);
            }
            None => columns.add([&a[row.clone()], &b[row]]),
        }
        if bottom + 1 >= SSIM_WINDOW_PX {
            line.fill(&columns);
            for (total, constants) in totals.iter_mut().zip(constants) {
                *total += line.similarity(constants);
            }
        }
    }
    let windows = (height - SSIM_WINDOW_PX + 1) * (width - SSIM_WINDOW_PX + 1);
    let means = totals.map(|total| total / windows as f64);
    if means.iter().all(|mean| mean.is_finite()) { Ok(means) } else { Err(Error::NotANumber) }
}

/// Sums over the window's rows of each column: of `a`, of `b`, of `a^2 + b^2` and of `a b`.
struct Columns {
    sums: [Vec<f64>; 4],
}

impl Columns {
    fn new(width: usize) -> Self {
        Self { sums: std::array::from_fn(|_| vec![0.0; width]) }
    }

    fn add<T: Copy + Into<f64>>(&mut self, [a, b]: [&[T]; 2]) {
        let [sum_a, sum_b, squares, products] = &mut self.sums;
        let sums = sum_a.iter_mut().zip(sum_b).zip(squares.iter_mut().zip(products));
        for (((sum_a, sum_b), (squares, products)), (a, b)) in sums.zip(a.iter().zip(b)) {
            let (a, b): (f64, f64) = ((*a).into(), (*b).into());
            *sum_a += a;
            *sum_b += b;
            *squares += a * a + b * b;
            *products += a * b;
        }
    }

    /// Adds one row and takes another away.
    fn slide<T: Copy + Into<f64>>(&mut self, [a, b]: [&[T]; 2], [old_a, old_b]: [&[T]; 2]) {
        let [sum_a, sum_b, squares, products] = &mut self.sums;
        let sums = sum_a.iter_mut().zip(sum_b).zip(squares.iter_mut().zip(products));
        let rows = a.iter().zip(b).zip(old_a.iter().zip(old_b));
        for (((sum_a, sum_b), (squares, products)), ((a, b), (old_a, old_b))) in sums.zip(rows) {
            let (a, b): (f64, f64) = ((*a).into(), (*b).into());
            let (old_a, old_b): (f64, f64) = ((*old_a).into(), (*old_b).into());
            *sum_a += a - old_a;
            *sum_b += b - old_b;
            *squares += (a * a + b * b) - (old_a * old_a + old_b * old_b);
            *products += a * b - old_a * old_b;
        }
    }
}

/// Sums over the windows of one row of windows, and room for making them.
struct Line {
    sums: [Vec<f64>; 4],
    pairs: Vec<f64>,
    fours: Vec<f64>,
}

impl Line {
    fn new(width: usize) -> Self {
        let windows = width - SSIM_WINDOW_PX + 1;
        Self {
            sums: std::array::from_fn(|_| vec![0.0; windows]),
            pairs: vec![0.0; width - 1],
            fours: vec![0.0; width - 3],
        }
    }

    /// Seven neighbours as four, two and one: each sum is a loop without a carried dependence.
    fn fill(&mut self, columns: &Columns) {
        for (sums, columns) in self.sums.iter_mut().zip(&columns.sums) {
            for (pair, two) in self.pairs.iter_mut().zip(columns.iter().zip(&columns[1..])) {
                *pair = two.0 + two.1;
            }
            for (four, two) in self.fours.iter_mut().zip(self.pairs.iter().zip(&self.pairs[2..])) {
                *four = two.0 + two.1;
            }
            let parts = self.fours.iter().zip(self.pairs[4..].iter().zip(&columns[6..]));
            for (sum, (four, (two, one))) in sums.iter_mut().zip(parts) {
                *sum = four + (two + one);
            }
        }
    }

    /// Sum of the similarities of all windows in the row.
    ///
    /// Numerator and denominator are multiplied by the square of the window's pixels twice, so that sums stand for means
    /// and one division is left.
    fn similarity(&mut self, [c1, c2]: [f64; 2]) -> f64 {
        const PIXELS: f64 = (SSIM_WINDOW_PX * SSIM_WINDOW_PX) as f64;
        const SAMPLE: f64 = PIXELS / (PIXELS - 1.0);
        let (c1, c2) = (c1 * PIXELS * PIXELS, c2 * PIXELS * PIXELS);
        let [sum_a, sum_b, squares, products] = &self.sums;
        let windows = sum_a.iter().zip(sum_b).zip(squares.iter().zip(products));
        // Values first and their sum after: the divisions run side by side.
        for (value, ((a, b), (squares, products))) in self.fours.iter_mut().zip(windows) {
            let mean_product = a * b;
            let mean_squares = a * a + b * b;
            let covariance = SAMPLE * (PIXELS * products - mean_product);
            let variances = SAMPLE * (PIXELS * squares - mean_squares);
            *value = ((2.0 * mean_product + c1) * (2.0 * covariance + c2)) / ((mean_squares + c1) * (variances + c2));
        }
        let values = self.fours[..sum_a.len()].as_chunks::<4>();
        let four = values.0.iter().fold([0.0; 4], |sums, values| std::array::from_fn(|lane| sums[lane] + values[lane]));
        four.iter().chain(values.1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(count: usize, phase: f64) -> Vec<f64> {
        (0..count).map(|i| 0.5 + 0.5 * (0.37 * i as f64 + phase).sin()).collect()
    }

    #[test]
    fn a_map_is_exactly_like_itself_and_likeness_is_mutual() {
        let (a, b) = (wave(9 * 31, 0.0), wave(9 * 31, 1.0));
        assert_eq!(structural_similarity(&a, &a, [9, 31], 1.0).unwrap(), 1.0);
        let [ab, ba] = [(&a, &b), (&b, &a)].map(|(a, b)| structural_similarities(a, b, [9, 31], [1.0, 2.0]).unwrap());
        assert_eq!(ab, ba);
        assert_eq!(ab[1], structural_similarity(&a, &b, [9, 31], 2.0).unwrap());
        assert!(ab[0] < ab[1]);
    }

    #[test]
    fn what_has_no_similarity_is_refused() {
        let a = vec![0.5_f32; 49];
        let mut broken = a.clone();
        broken[24] = f32::NAN;
        let refuse = |b: &[f32], size, range| structural_similarity(&a, b, size, range).unwrap_err().to_string();
        assert!(refuse(&a[..48], [7, 7], 1.0).contains("48"));
        assert!(refuse(&a, [1, 49], 1.0).contains("7x7"));
        assert!(refuse(&broken, [7, 7], 1.0).contains("not a number"));
        broken[24] = f32::INFINITY;
        assert!(refuse(&broken, [7, 7], 1.0).contains("not a number"));
        assert!(refuse(&a, [7, 7], 0.0).contains("range"));
        assert!(refuse(&a, [usize::MAX, 2], 1.0).contains("size"));
    }
}
