//! A radiograph halved again and again, so that a small picture of a large one is neither slow nor rough.

use rayon::prelude::*;

/// A plane at a reduced size; stretched over the image exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Columns.
    pub width_px: usize,
    /// Rows.
    pub height_px: usize,
    /// Values `[h, w]`, row-major; empty for level 0, whose values are the plane's own.
    pub values: Vec<u16>,
}

/// Levels until both sides are 1; sides are halved and rounded down, as those of textures.
pub(super) fn pyramid(width_px: usize, height_px: usize, values: &[u16]) -> Vec<Level> {
    let mut levels = vec![Level { width_px, height_px, values: Vec::new() }];
    while let Some(last) = levels.last().filter(|last| last.width_px > 1 || last.height_px > 1) {
        let source = if last.values.is_empty() { values } else { &last.values };
        levels.push(halved(last.width_px, last.height_px, source));
    }
    levels
}

/// Each value the mean over its share of the source, parts of pixels counted as parts.
fn halved(width_px: usize, height_px: usize, source: &[u16]) -> Level {
    if width_px.is_multiple_of(2) && height_px.is_multiple_of(2) {
        return halved_evenly(width_px, height_px, source);
    }
    let (columns, rows) = (Shares::new(width_px), Shares::new(height_px));
    let mut values = vec![0; columns.count * rows.count];
    values.par_chunks_mut(columns.count).enumerate().for_each(|(y, line)| {
        for (x, value) in line.iter_mut().enumerate() {
            let mut sum = 0.0_f32;
            for (row, by_row) in rows.of(y) {
                let row = &source[row * width_px..];
                sum += by_row * columns.of(x).map(|(column, weight)| weight * f32::from(row[column])).sum::<f32>();
            }
            *value = sum.round() as u16;
        }
    });
    Level { width_px: columns.count, height_px: rows.count, values }
}

/// As [`halved`], for even sides: the mean of four.
fn halved_evenly(width_px: usize, height_px: usize, source: &[u16]) -> Level {
    let mut values = vec![0; source.len() / 4];
    let lines = values.par_chunks_mut(width_px / 2).zip(source.par_chunks(2 * width_px));
    lines.for_each(|(line, pair)| {
        let (upper, lower) = pair.split_at(width_px);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        for (value, (upper, lower)) in line.iter_mut().zip(pairs) {
            let sum: u32 = upper.iter().chain(lower).map(|value| u32::from(*value)).sum();
            *value = ((sum + 2) / 4) as u16;
        }
    });
    Level { width_px: width_px / 2, height_px: height_px / 2, values }
}

/// Which pixels of a line each pixel of the halved line covers.
struct Shares {
    length: usize,
    count: usize,
}

impl Shares {
    fn new(length: usize) -> Self {
        Self { length, count: (length / 2).max(1) }
    }

    /// Pixels of the line and their weights, whose sum is 1: 2 of them, or 3 where the length is odd.
    fn of(&self, index: usize) -> impl Iterator<Item = (usize, f32)> {
        let (length, count) = (self.length, self.count);
        // In units of 1/count pixel everything is whole.
        let (start, end) = (index * length, (index + 1) * length);
        (start / count..end.div_ceil(count)).map(move |pixel| {
            let covered = end.min((pixel + 1) * count) - start.max(pixel * count);
            (pixel, covered as f32 / length as f32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_those_of_textures_and_means_are_kept() {
        let values: Vec<u16> = (0..7 * 5).map(|index| index * 100).collect();
        let levels = pyramid(7, 5, &values);
        assert_eq!(levels.iter().map(|l| (l.width_px, l.height_px)).collect::<Vec<_>>(), [(7, 5), (3, 2), (1, 1)]);
        assert_eq!(levels[2].values, [1700]);
        assert_eq!(pyramid(4, 2, &[0, 2, 10, 20, 4, 6, 30, 40])[1].values, [3, 25]);
        assert_eq!(pyramid(1, 1, &[9]).len(), 1);
    }

    #[test]
    fn odd_sides_share_their_middle() {
        // Of five pixels each half covers two and a half.
        assert_eq!(pyramid(5, 1, &[10, 20, 30, 40, 50])[1].values, [18, 42]);
    }
}
