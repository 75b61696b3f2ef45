//! Blurs: a narrow one by five taps, a wide one on a coarse grid.

/// Cells of the coarse grid along a side.
const COARSE: usize = 64;

/// Convolves `[size_px, size_px]` with a Gaussian of up to 1.2 pixels deviation; borders are repeated.
pub(super) fn narrow(values: &mut [f32], size_px: usize, sigma_px: f32) {
    let weight = |distance: f32| (-0.5 * (distance / sigma_px).powi(2)).exp();
    let (near, far) = (weight(1.0), weight(2.0));
    let norm = 1.0 / (1.0 + 2.0 * near + 2.0 * far);
    let taps = [norm, near * norm, far * norm];
    let mut padded = vec![0.0; size_px + 4];
    for row in values.chunks_exact_mut(size_px) {
        padded[2..size_px + 2].copy_from_slice(row);
        padded[..2].fill(row[0]);
        padded[size_px + 2..].fill(row[size_px - 1]);
        for (value, near) in row.iter_mut().zip(padded.windows(5)) {
            *value = taps[0] * near[2] + taps[1] * (near[1] + near[3]) + taps[2] * (near[0] + near[4]);
        }
    }
    let source = values.to_vec();
    // Row `number - 2`, repeated at the borders.
    let row_of = |number: usize| &source[number.saturating_sub(2).min(size_px - 1) * size_px..][..size_px];
    for (row, values) in values.chunks_exact_mut(size_px).enumerate() {
        let rows = [0, 1, 2, 3, 4].map(|tap| row_of(row + tap));
        for (column, value) in values.iter_mut().enumerate() {
            *value = taps[0] * rows[2][column]
                + taps[1] * (rows[1][column] + rows[3][column])
                + taps[2] * (rows[0][column] + rows[4][column]);
        }
    }
}

/// A wide blur of a picture, read at any pixel.
#[derive(Debug)]
pub(super) struct Wide {
    grid: Vec<f32>,
    size_px: usize,
}

impl Wide {
    /// Blurs `[size_px, size_px]` with a bell of deviation `sigma` (share of the side, at least 0.02); borders repeat.
    pub(super) fn new(values: &[f32], size_px: usize, sigma: f32) -> Self {
        let mut grid = vec![0.0; COARSE * COARSE];
        let mut count = vec![0u32; COARSE * COARSE];
        for (row, values) in values.chunks_exact(size_px).enumerate() {
            let line = row * COARSE / size_px * COARSE;
            for (column, value) in values.iter().enumerate() {
                let cell = line + column * COARSE / size_px;
                grid[cell] += value;
                count[cell] += 1;
            }
        }
        for (sum, count) in grid.iter_mut().zip(&count) {
            *sum /= *count as f32;
        }
        // Three boxes of width w have the variance (w^2 - 1) / 4.
        let reach = (((4.0 * (sigma * COARSE as f32).powi(2) + 1.0).sqrt() - 1.0) / 2.0).round().max(1.0) as usize;
        for _ in 0..3 {
            box_blur(&mut grid, reach, 1, COARSE);
            box_blur(&mut grid, reach, COARSE, 1);
        }
        Self { grid, size_px }
    }

    /// The blurred values of one row, into `line`.
    pub(super) fn row(&self, row: usize, line: &mut [f32]) {
        let (top, down) = self.place(row);
        for (column, value) in line.iter_mut().enumerate() {
            let (left, right) = self.place(column);
            let at = |y: usize, x: usize| self.grid[y * COARSE + x];
            let upper = at(top, left) + right * (at(top, left + 1) - at(top, left));
            let lower = at(top + 1, left) + right * (at(top + 1, left + 1) - at(top + 1, left));
            *value = upper + down * (lower - upper);
        }
    }

    fn place(&self, pixel: usize) -> (usize, f32) {
        let place = (pixel as f32 + 0.5) * COARSE as f32 / self.size_px as f32 - 0.5;
        let cell = (place.max(0.0) as usize).min(COARSE - 2);
        (cell, (place - cell as f32).clamp(0.0, 1.0))
    }
}

/// Averages along lines whose cells are `step` apart and which begin `stride` apart.
fn box_blur(grid: &mut [f32], reach: usize, step: usize, stride: usize) {
    let mut line = [0.0f32; COARSE];
    for first in 0..COARSE {
        for (cell, value) in line.iter_mut().enumerate() {
            *value = grid[first * stride + cell * step];
        }
        for cell in 0..COARSE {
            let near = (0..=2 * reach).map(|offset| line[(cell + offset).saturating_sub(reach).min(COARSE - 1)]);
            grid[first * stride + cell * step] = near.sum::<f32>() / (2 * reach + 1) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blurs_keep_constants_and_mass() {
        let mut flat = vec![3.0; 128 * 128];
        narrow(&mut flat, 128, 0.6);
        assert!(flat.iter().all(|value| (value - 3.0).abs() < 1e-5));
        let mut spot = vec![0.0; 128 * 128];
        spot[64 * 128 + 64] = 1.0;
        narrow(&mut spot, 128, 0.6);
        assert!((spot.iter().sum::<f32>() - 1.0).abs() < 1e-5 && spot[64 * 128 + 64] < 0.5);
    }

    #[test]
    fn a_wide_blur_has_the_deviation_asked_for() {
        let size = 256;
        let mut spot = vec![0.0; size * size];
        spot[128 * size + 128] = 1.0;
        let wide = Wide::new(&spot, size, 0.05);
        let (mut mass, mut second) = (0.0, 0.0);
        let mut line = vec![0.0; size];
        for row in 0..size {
            wide.row(row, &mut line);
            for (column, value) in line.iter().enumerate() {
                mass += value;
                second += value * (column as f32 - 128.0).powi(2);
            }
        }
        let deviation = (second / mass).sqrt() / size as f32;
        assert!((mass - 1.0).abs() < 0.02 && (0.04..0.06).contains(&deviation), "{mass} {deviation}");
    }
}
