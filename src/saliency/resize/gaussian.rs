//! A separable Gaussian that gives the values of `scipy.ndimage.gaussian_filter` bit for bit, given the same kernel.

/// What lies beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// Zeros.
    Zero,
    /// The image mirrored about the outermost pixels' centres: `3 2 1 | 0 1 2 3`, with 0 not repeated.
    Mirror,
    /// The image mirrored about its edge: `2 1 0 | 0 1 2`.
    Reflect,
}

impl Border {
    /// The pixel read at `index` of an axis of `len` pixels; `None` stands for a zero.
    fn source(self, index: isize, len: usize) -> Option<usize> {
        let signed_len = len.cast_signed();
        if (0..signed_len).contains(&index) {
            return Some(index.cast_unsigned());
        }
        match self {
            Self::Zero => None,
            Self::Mirror if len == 1 => Some(0),
            Self::Mirror => {
                let index = index.rem_euclid(2 * signed_len - 2);
                Some(index.min(2 * signed_len - 2 - index).cast_unsigned())
            }
            Self::Reflect => {
                let index = index.rem_euclid(2 * signed_len);
                Some(index.min(2 * signed_len - 1 - index).cast_unsigned())
            }
        }
    }
}

/// A pixel's stored type: sums run in f64 and are rounded to it after each axis, as in `scipy.ndimage`.
pub(crate) trait Sample: Copy + Default + Into<f64> {
    fn rounded(value: f64) -> Self;
}

impl Sample for f32 {
    fn rounded(value: f64) -> Self {
        value as Self
    }
}

impl Sample for f64 {
    fn rounded(value: f64) -> Self {
        value
    }
}

/// Half the normalized kernel: the weight at distance 0, 1, ... up to four σ, rounded to the nearest pixel.
fn half_kernel(sigma_px: f64) -> Vec<f64> {
    let radius = (4.0 * sigma_px + 0.5) as i32;
    let factor = -0.5 / (sigma_px * sigma_px);
    let weight = |distance: i32| (factor * f64::from(distance * distance)).exp();
    let total: f64 = (-radius..=radius).map(weight).sum();
    (0..=radius).map(|distance| weight(distance) / total).collect()
}

/// Smallest σ that smooths at all.
const NONE_PX: f64 = 1e-15;

/// Smooths `[h, w]` by σ along rows of pixels (first entry, vertical) and then columns. An axis with σ = 0 is left.
pub(crate) fn filter<T: Sample>(values: &[T], size: [usize; 2], sigma_px: [f64; 2], border: Border) -> Vec<T> {
    let rows: Vec<usize> = (0..size[0]).collect();
    filter_rows(values, size, sigma_px, border, &rows)
}

/// Some rows of what [`filter`] gives, `[rows.len(), w]`, without the cost of the others.
pub(crate) fn filter_rows<T: Sample>(
    values: &[T],
    [height, width]: [usize; 2],
    sigma_px: [f64; 2],
    border: Border,
    rows: &[usize],
) -> Vec<T> {
    let mut smooth: Vec<T> = rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
    let mut sum = vec![0.0; width];
    if sigma_px[0] > NONE_PX {
        let kernel = half_kernel(sigma_px[0]);
        let zeros = vec![T::default(); width];
        for (y, target) in rows.iter().zip(smooth.chunks_exact_mut(width)) {
            let row = |offset: isize| match border.source(y.cast_signed() + offset, height) {
                Some(row) => &values[row * width..][..width],
                None => &zeros[..],
            };
            for (sum, &value) in sum.iter_mut().zip(row(0)) {
                *sum = value.into() * kernel[0];
            }
            // From the outside in: scipy's order of summation, which decides the last bit.
            for (distance, &weight) in kernel.iter().enumerate().skip(1).rev() {
                let distance = distance.cast_signed();
                let (above, below) = (row(-distance), row(distance));
                for ((sum, &above), &below) in sum.iter_mut().zip(above).zip(below) {
                    *sum += (above.into() + below.into()) * weight;
                }
            }
            for (target, &sum) in target.iter_mut().zip(&sum) {
                *target = T::rounded(sum);
            }
        }
    }
    if sigma_px[1] > NONE_PX {
        let kernel = half_kernel(sigma_px[1]);
        let radius = kernel.len() - 1;
        let mut line = vec![0.0; width + 2 * radius];
        for row in smooth.chunks_exact_mut(width) {
            for (x, line) in line.iter_mut().enumerate() {
                let source = border.source(x.cast_signed() - radius.cast_signed(), width);
                *line = source.map_or(0.0, |source| row[source].into());
            }
            for (sum, &value) in sum.iter_mut().zip(&line[radius..]) {
                *sum = value * kernel[0];
            }
            for (distance, &weight) in kernel.iter().enumerate().skip(1).rev() {
                let (left, right) = (&line[radius - distance..], &line[radius + distance..]);
                for ((sum, &left), &right) in sum.iter_mut().zip(left).zip(right) {
                    *sum += (left + right) * weight;
                }
            }
            for (target, &sum) in row.iter_mut().zip(&sum) {
                *target = T::rounded(sum);
            }
        }
    }
    smooth
}
