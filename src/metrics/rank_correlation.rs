//! Rank correlation (Spearman 1904).

use super::error::{Error, Result};

/// The ranks of some values, made once and compared with many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// Twice the rank from 1 on, minus (n + 1): whole numbers of mean 0, and equal ones for equal values.
    centred: Vec<i64>,
    /// Sum of their squares.
    squares: i128,
}

impl Ranks {
    /// Ranks `values`; equal values share the mean of their ranks.
    ///
    /// # Errors
    /// When a value is NaN.
    pub fn new<T: Copy + Into<f64>>(values: &[T]) -> Result<Self> {
        // + 0.0 makes one number of both zeros, which are equal but ordered.
        let mut sorted: Vec<(f64, usize)> =
            values.iter().enumerate().map(|(index, value)| ((*value).into() + 0.0, index)).collect();
        if sorted.iter().any(|(value, _)| value.is_nan()) {
            return Err(Error::NotANumber);
        }
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut centred = vec![0; values.len()];
        let mut below = 0;
        for equal in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            // Ranks below + 1 to below + k have the mean below + (k + 1) / 2.
            let rank = (2 * below + equal.len()).cast_signed() as i64 - values.len().cast_signed() as i64;
            for (_, index) in equal {
                centred[*index] = rank;
            }
            below += equal.len();
        }
        let squares = centred.iter().map(|rank| i128::from(rank * rank)).sum();
        Ok(Self { centred, squares })
    }

    /// Spearman's coefficient, -1 to 1: Pearson's correlation of the ranks. Counted in whole numbers: the only roundings
    /// are those of the last root and division.
    ///
    /// # Errors
    /// When the numbers of values differ, or all values on one side are equal.
    pub fn correlation(&self, other: &Self) -> Result<f64> {
        if self.centred.len() != other.centred.len() {
            return Err(Error::Pairs { first: self.centred.len(), second: other.centred.len() });
        }
        if self.squares == 0 || other.squares == 0 {
            return Err(Error::NoVariation);
        }
        let products: i128 = self.centred.iter().zip(&other.centred).map(|(a, b)| i128::from(a * b)).sum();
        // One root of the product: the square of a number has that number as its root, so equal ranks give exactly 1.
        let scale = (self.squares as f64 * other.squares as f64).sqrt();
        Ok((products as f64 / scale).clamp(-1.0, 1.0))
    }
}

/// Spearman's rank correlation of pairs of values, -1 to 1, as `scipy.stats.spearmanr`.
///
/// # Errors
/// When the numbers of values differ, a value is NaN, or all values on one side are equal.
pub fn spearman<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> Result<f64> {
    Ranks::new(a)?.correlation(&Ranks::new(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_alone_counts() {
        let a = [3.0, -1.0, 0.5, 100.0];
        assert_eq!(spearman(&a, &a.map(f64::exp)).unwrap(), 1.0);
        assert_eq!(spearman(&a, &a.map(|a| -a)).unwrap(), -1.0);
        // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
        let tied = spearman(&[0.0, 1.0, 1.0, 2.0], &[0.0, 1.0, 2.0, 3.0]).unwrap();
        assert!((tied - 4.5 / 22.5_f64.sqrt()).abs() < 1e-15, "{tied}");
        assert_eq!(Ranks::new(&[0.0, -0.0]), Ranks::new(&[1.0, 1.0]));
    }

    #[test]
    fn what_has_no_order_is_refused() {
        assert_eq!(spearman(&[1.0, 2.0], &[1.0]), Err(Error::Pairs { first: 2, second: 1 }));
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), Err(Error::NoVariation));
        assert_eq!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), Err(Error::NotANumber));
        assert_eq!(spearman::<f64>(&[], &[]), Err(Error::NoVariation));
    }
}
