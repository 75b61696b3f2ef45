//! Values between pixel centres; the twin of the samplers in `shaders/`.

use super::gray::Interpolation;

/// The four pixels around a point of a `[h, w]` grid and the weights of the right and the lower ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps {
    pub(super) columns: [usize; 2],
    pub(super) rows: [usize; 2],
    pub(super) right: f32,
    pub(super) lower: f32,
}

impl Taps {
    /// `[x, y]` in pixels of the grid from its upper left corner.
    pub(super) fn at([x, y]: [f32; 2], [width, height]: [usize; 2], interpolation: Interpolation) -> Self {
        let clamped = |index: f32, length: usize| index.clamp(0.0, (length - 1) as f32) as usize;
        match interpolation {
            Interpolation::Nearest => {
                let (column, row) = (clamped(x.floor(), width), clamped(y.floor(), height));
                Self { columns: [column; 2], rows: [row; 2], right: 0.0, lower: 0.0 }
            }
            Interpolation::Linear => {
                let (left, upper) = ((x - 0.5).floor(), (y - 0.5).floor());
                Self {
                    columns: [clamped(left, width), clamped(left + 1.0, width)],
                    rows: [clamped(upper, height), clamped(upper + 1.0, height)],
                    right: (x - 0.5) - left,
                    lower: (y - 0.5) - upper,
                }
            }
        }
    }

    /// The value between those of the four pixels.
    pub(super) fn linear(&self, at: impl Fn(usize, usize) -> f32) -> f32 {
        let [left, right] = self.columns;
        let [upper, lower] = self.rows;
        self.mixed([[at(left, upper), at(right, upper)], [at(left, lower), at(right, lower)]])
    }

    /// As [`Taps::linear`], where values may be missing (NaN): a pixel without a value has none on its whole area, and
    /// takes that of the pixel whose area the point is in where it is only a neighbour.
    pub(super) fn linear_of_present(&self, at: impl Fn(usize, usize) -> f32) -> Option<f32> {
        let values = self.rows.map(|row| self.columns.map(|column| at(column, row)));
        let nearest = values[usize::from(self.lower >= 0.5)][usize::from(self.right >= 0.5)];
        if nearest.is_nan() {
            return None;
        }
        Some(self.mixed(values.map(|row| row.map(|value| if value.is_nan() { nearest } else { value }))))
    }

    fn mixed(&self, [[a, b], [c, d]]: [[f32; 2]; 2]) -> f32 {
        let upper = a + (b - a) * self.right;
        let lower = c + (d - c) * self.right;
        upper + (lower - upper) * self.lower
    }
}
