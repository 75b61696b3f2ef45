//! The run-length code of the SIIM-ACR masks.
//!
//! A mask is pairs `gap length`, separated by blanks. A gap is counted from the end of the previous run (the first from
//! pixel 0), and pixels are numbered down the columns: pixel `p` has row `p % rows` and column `p / rows`. `-1` says that
//! nothing is marked.

use std::fmt::Write;

use crate::limits;
use crate::truth::Mask;

/// Why a run-length code was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// No text at all.
    #[error("the run-length code is empty; -1 stands for no finding")]
    Empty,
    /// Something that is no whole number from 0 on.
    #[error("item {item} of the run-length code is no whole number from 0 on")]
    NotANumber {
        /// Its place among the numbers, from 1.
        item: usize,
    },
    /// A gap without a length.
    #[error("the run-length code has {count} numbers; pairs of gap and length need an even count")]
    OddCount {
        /// How many numbers there are.
        count: usize,
    },
    /// A run of no pixels.
    #[error("run {run} of the run-length code has length 0")]
    ZeroLength {
        /// Its place among the runs, from 1.
        run: usize,
    },
    /// A run that ends behind the last pixel.
    #[error(
        "run {run} of the run-length code ends at pixel {end} of an image of {rows} x {columns} = {pixels} pixels (rows x columns)"
    )]
    BeyondImage {
        /// Its place among the runs, from 1.
        run: usize,
        /// The first pixel behind the run.
        end: u64,
        /// Rows of the image.
        rows: usize,
        /// Columns of the image.
        columns: usize,
        /// Pixels of the image.
        pixels: u64,
    },
    /// An image that is larger than any that is read.
    #[error(
        "a mask of {rows} x {columns} pixels (rows x columns) is larger than the {} a side that are read",
        limits::SIDE_PX
    )]
    TooLarge {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
    },
}

/// Runs of marked pixels, `(first pixel, length)`, numbered down the columns of an image whose size is still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<(u64, u64)>);

impl Runs {
    /// Reads a run-length code; `-1` gives no runs.
    ///
    /// # Errors
    /// When it is empty, holds something else than whole numbers, an odd count of them, or a run of length 0.
    pub fn parse(text: &str) -> Result<Self, RleError> {
        let text = text.trim();
        match text {
            "" => return Err(RleError::Empty),
            "-1" => return Ok(Self::default()),
            _ => {}
        }
        let mut runs = Vec::new();
        let mut end = 0_u64;
        let mut start = None;
        let mut count = 0;
        for (index, item) in text.split_whitespace().enumerate() {
            // Longer numbers would be beyond every image, so that `end` cannot overflow before they are refused.
            let number: u32 = item.parse().map_err(|_| RleError::NotANumber { item: index + 1 })?;
            count = index + 1;
            match start.take() {
                None => start = Some(end + u64::from(number)),
                Some(_) if number == 0 => return Err(RleError::ZeroLength { run: runs.len() + 1 }),
                Some(first) => {
                    runs.push((first, u64::from(number)));
                    end = first + u64::from(number);
                }
            }
        }
        if start.is_some() { Err(RleError::OddCount { count }) } else { Ok(Self(runs)) }
    }

    /// The runs of a mask.
    pub fn of(mask: &Mask) -> Self {
        let (rows, columns) = (mask.height_px(), mask.width_px());
        let pixels = mask.pixels();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let places = (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
        for (pixel, _) in (0..).zip(places).filter(|(_, place)| pixels[*place]) {
            match runs.last_mut() {
                Some((first, length)) if *first + *length == pixel => *length += 1,
                _ => runs.push((pixel, 1)),
            }
        }
        Self(runs)
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first pixel behind the last run; 0 when nothing is marked.
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |(first, length)| first + length)
    }

    /// Marks the pixels of the runs in `mask`, whose other pixels stay as they are.
    ///
    /// # Errors
    /// When a run ends behind the mask's last pixel; nothing is marked then.
    pub fn mark(&self, mask: &mut Mask) -> Result<(), RleError> {
        let (rows, columns) = (mask.height_px(), mask.width_px());
        let pixels = rows as u64 * columns as u64;
        for (index, (first, length)) in self.0.iter().enumerate() {
            let end = first + length;
            if end > pixels {
                return Err(RleError::BeyondImage { run: index + 1, end, rows, columns, pixels });
            }
        }
        let marked = mask.pixels_mut();
        for (first, length) in &self.0 {
            for pixel in *first as usize..(first + length) as usize {
                marked[pixel % rows * columns + pixel / rows] = true;
            }
        }
        Ok(())
    }
}

/// Decodes a run-length code into the mask of an image of `rows` x `columns` pixels.
///
/// # Errors
/// When the code is damaged, a run ends behind the image, or a side is above [`limits::SIDE_PX`].
pub fn decode(text: &str, rows: usize, columns: usize) -> Result<Mask, RleError> {
    if rows.max(columns) > limits::SIDE_PX as usize {
        return Err(RleError::TooLarge { rows, columns });
    }
    let runs = Runs::parse(text)?;
    let mut mask = Mask::empty(rows, columns);
    runs.mark(&mut mask)?;
    Ok(mask)
}

/// Encodes a mask; one without any marked pixel gives `-1`.
pub fn encode(mask: &Mask) -> String {
    let mut text = String::new();
    let mut end = 0;
    for (first, length) in Runs::of(mask).0 {
        let blank = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{blank}{} {length}", first - end);
        end = first + length;
    }
    if text.is_empty() { "-1".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_run_down_the_columns() {
        // 3 rows, 4 columns: pixel 1 is row 1 of column 0; pixels 5 and 6 are row 2 of column 1 and row 0 of column 2.
        let mask = decode("1 1 3 2", 3, 4).unwrap();
        let marked: Vec<usize> = mask.pixels().iter().enumerate().filter(|(_, set)| **set).map(|(i, _)| i).collect();
        assert_eq!(marked, [2, 4, 9]);
        assert_eq!(encode(&mask), "1 1 3 2");
    }

    #[test]
    fn nothing_marked() {
        for text in ["-1", " -1", "-1\r"] {
            assert_eq!(decode(text, 2, 2).unwrap().area_px(), 0);
        }
        assert_eq!(encode(&Mask::empty(2, 2)), "-1");
        assert_eq!(encode(&Mask::empty(0, 0)), "-1");
    }

    #[test]
    fn damage_is_named() {
        let refused = |text: &str| decode(text, 4, 4).unwrap_err();
        assert_eq!(refused(""), RleError::Empty);
        assert_eq!(refused("1 2 3"), RleError::OddCount { count: 3 });
        assert_eq!(refused("1 2 x 1"), RleError::NotANumber { item: 3 });
        assert_eq!(refused("1 2 -3 1"), RleError::NotANumber { item: 3 });
        assert_eq!(refused("1 2 3.0 1"), RleError::NotANumber { item: 3 });
        assert_eq!(refused("1 99999999999"), RleError::NotANumber { item: 2 });
        assert_eq!(refused("1 2 3 0"), RleError::ZeroLength { run: 2 });
        let beyond = RleError::BeyondImage { run: 2, end: 17, rows: 4, columns: 4, pixels: 16 };
        assert_eq!(refused("1 2 3 11"), beyond);
        assert_eq!(decode("1 2 3 10", 4, 4).unwrap().area_px(), 12, "the last pixel belongs to the image");
        assert!(matches!(decode("0 1", 1 << 20, 1), Err(RleError::TooLarge { .. })));
        assert!(matches!(decode("0 1", 0, 5), Err(RleError::BeyondImage { .. })));
    }

    #[test]
    fn adjacent_runs_are_legal() {
        assert_eq!(decode("0 2 0 2", 2, 2).unwrap().area_px(), 4);
    }
}
