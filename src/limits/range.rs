//! Ranges of numbers, and how they are told.

use std::fmt;

/// The whole numbers from one to another, both accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The smallest.
    pub least: usize,
    /// The largest.
    pub most: usize,
}

impl Whole {
    /// From `least` to `most`.
    pub const fn new(least: usize, most: usize) -> Self {
        Self { least, most }
    }

    /// Whether a number is accepted.
    pub const fn contains(self, number: usize) -> bool {
        self.least <= number && number <= self.most
    }

    /// The number that a text says.
    ///
    /// # Errors
    /// What is accepted, where the text says no such number.
    pub fn read(self, text: &str) -> Result<usize, String> {
        let number = text.trim().parse().ok().filter(|number| self.contains(*number));
        number.ok_or_else(|| format!("{self} is needed"))
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.least, self.most)
    }
}

/// The numbers from one to another, both accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Real {
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Real {
    /// From `least` to `most`.
    pub const fn new(least: f64, most: f64) -> Self {
        Self { least, most }
    }

    /// Whether a number is accepted. What is no number is not.
    pub fn contains(self, number: f64) -> bool {
        (self.least..=self.most).contains(&number)
    }

    /// The number that a text says.
    ///
    /// # Errors
    /// What is accepted, where the text says no such number.
    pub fn read(self, text: &str) -> Result<f64, String> {
        let number = text.trim().parse().ok().filter(|number| self.contains(*number));
        number.ok_or_else(|| format!("{self} is needed"))
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from {} to {}", self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_is_told_what_is_inside() {
        let whole = Whole::new(1, 9);
        assert_eq!((whole.read("9"), whole.read(" 1 ")), (Ok(9), Ok(1)));
        for text in ["0", "10", "-1", "1.5", "", "many", "1000000000000", "18446744073709551616"] {
            assert_eq!(whole.read(text).unwrap_err(), "a whole number from 1 to 9 is needed", "{text}");
        }
        let real = Real::new(0.5, 2.0);
        assert_eq!(real.read("0.5"), Ok(0.5));
        for text in ["0.4", "NaN", "inf", "-1", "1e400"] {
            assert_eq!(real.read(text).unwrap_err(), "a number from 0.5 to 2 is needed", "{text}");
        }
    }
}
