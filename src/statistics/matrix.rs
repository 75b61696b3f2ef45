//! Small dense matrices: as many rows as a factor has levels.

use std::ops::{Index, IndexMut};

/// Values row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    values: Vec<f64>,
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.values[row * self.columns + column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.values[row * self.columns + column]
    }
}

impl Matrix {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    pub(super) fn from_fn(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..rows * columns).map(|index| value(index / columns, index % columns)).collect();
        Self { rows, columns, values }
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub(super) fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |row, column| self[(column, row)])
    }

    /// `self * other`
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.rows, other.columns);
        for row in 0..self.rows {
            for inner in 0..self.columns {
                let factor = self[(row, inner)];
                for column in 0..other.columns {
                    product[(row, column)] += factor * other[(inner, column)];
                }
            }
        }
        product
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self { values: self.values.iter().map(|value| value * factor).collect(), ..*self }
    }

    /// Adds `factor * other`.
    pub(super) fn add(&mut self, factor: f64, other: &Self) {
        for (value, more) in self.values.iter_mut().zip(&other.values) {
            *value += factor * more;
        }
    }

    /// Adds `factor * v v'`.
    pub(super) fn add_outer(&mut self, factor: f64, v: &[f64]) {
        for (row, left) in v.iter().enumerate().filter(|(_, left)| **left != 0.0) {
            for (column, right) in v.iter().enumerate() {
                self[(row, column)] += factor * left * right;
            }
        }
    }

    /// `self * v`
    pub(super) fn apply(&self, v: &[f64]) -> Vec<f64> {
        (0..self.rows).map(|row| dot(self.row(row), v)).collect()
    }

    /// `v' self v`
    pub(super) fn quadratic(&self, v: &[f64]) -> f64 {
        dot(v, &self.apply(v))
    }

    /// Trace of `self * other`.
    pub(super) fn trace_with(&self, other: &Self) -> f64 {
        (0..self.rows).map(|i| (0..self.columns).map(|j| self[(i, j)] * other[(j, i)]).sum::<f64>()).sum()
    }

    /// Inverse and logarithm of the determinant of a positive definite matrix, by Cholesky's factor.
    pub(super) fn inverse_of_positive(&self) -> Option<(Self, f64)> {
        let n = self.rows;
        let mut factor = Self::zeros(n, n);
        let mut log_determinant = 0.0;
        for column in 0..n {
            let before = dot(&factor.row(column)[..column], &factor.row(column)[..column]);
            let square = self[(column, column)] - before;
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            let pivot = square.sqrt();
            log_determinant += square.ln();
            factor[(column, column)] = pivot;
            for row in column + 1..n {
                let before = dot(&factor.row(row)[..column], &factor.row(column)[..column]);
                factor[(row, column)] = (self[(row, column)] - before) / pivot;
            }
        }
        // Inverse of the factor, then its square.
        let mut inverse = Self::zeros(n, n);
        for column in 0..n {
            inverse[(column, column)] = 1.0 / factor[(column, column)];
            for row in column + 1..n {
                let sum: f64 = (column..row).map(|inner| factor[(row, inner)] * inverse[(inner, column)]).sum();
                inverse[(row, column)] = -sum / factor[(row, row)];
            }
        }
        Some((inverse.transposed().times(&inverse), log_determinant))
    }

    /// Eigenvalues and, in the rows, eigenvectors of a symmetric matrix, by Jacobi's rotations.
    pub(super) fn symmetric_eigen(&self) -> (Vec<f64>, Self) {
        let n = self.rows;
        let mut a = self.clone();
        let mut vectors = Self::from_fn(n, n, |row, column| f64::from(u8::from(row == column)));
        for _ in 0..100 {
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    let off = a[(p, q)];
                    if off.abs() <= f64::EPSILON * 1e-3 * (a[(p, p)] * a[(q, q)]).abs().sqrt() || off == 0.0 {
                        continue;
                    }
                    rotated = true;
                    let theta = (a[(q, q)] - a[(p, p)]) / (2.0 * off);
                    let t = 1.0_f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
                    let cosine = 1.0 / t.hypot(1.0);
                    let sine = t * cosine;
                    for i in 0..n {
                        let (left, right) = (a[(i, p)], a[(i, q)]);
                        a[(i, p)] = cosine * left - sine * right;
                        a[(i, q)] = sine * left + cosine * right;
                    }
                    for i in 0..n {
                        let (left, right) = (a[(p, i)], a[(q, i)]);
                        a[(p, i)] = cosine * left - sine * right;
                        a[(q, i)] = sine * left + cosine * right;
                        let (left, right) = (vectors[(p, i)], vectors[(q, i)]);
                        vectors[(p, i)] = cosine * left - sine * right;
                        vectors[(q, i)] = sine * left + cosine * right;
                    }
                    a[(p, q)] = 0.0;
                    a[(q, p)] = 0.0;
                }
            }
            if !rotated {
                break;
            }
        }
        ((0..n).map(|i| a[(i, i)]).collect(), vectors)
    }

    /// Rows 2.. of the unit upper triangular factor U of a positive definite matrix U'DU.
    pub(super) fn unit_upper_below_first(&self) -> Self {
        let n = self.rows;
        let mut rest = self.clone();
        let mut unit = Self::zeros(n, n);
        for pivot in 0..n {
            for column in pivot..n {
                unit[(pivot, column)] = rest[(pivot, column)] / rest[(pivot, pivot)];
            }
            for row in pivot + 1..n {
                for column in pivot + 1..n {
                    let taken = rest[(row, pivot)] * unit[(pivot, column)];
                    rest[(row, column)] -= taken;
                }
            }
        }
        Self::from_fn(n - 1, n, |row, column| unit[(row + 1, column)])
    }
}

/// Sum of products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Matrix {
        let root =
            Matrix::from_fn(5, 5, |i, j| ((i * 7 + j * 3) % 11) as f64 - 4.0 + f64::from(u8::from(i == j)) * 9.0);
        root.times(&root.transposed())
    }

    #[test]
    fn inverse_and_eigenvectors_give_the_matrix_back() {
        let a = example();
        let (inverse, log_determinant) = a.inverse_of_positive().unwrap();
        let (eigenvalues, vectors) = a.symmetric_eigen();
        assert!((eigenvalues.iter().map(|value| value.ln()).sum::<f64>() - log_determinant).abs() < 1e-12);
        let identity = a.times(&inverse);
        for i in 0..5 {
            for j in 0..5 {
                let expected = f64::from(u8::from(i == j));
                assert!((identity[(i, j)] - expected).abs() < 1e-12);
                assert!((dot(vectors.row(i), vectors.row(j)) - expected).abs() < 1e-13);
            }
            assert!((a.quadratic(vectors.row(i)) / eigenvalues[i] - 1.0).abs() < 1e-12);
        }
        assert!(a.scaled(-1.0).inverse_of_positive().is_none());
    }
}
