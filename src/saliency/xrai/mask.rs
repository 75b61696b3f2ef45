//! Segment masks as bits, and their dilation by a disk.

/// One segment's pixels as bits, stored for the rows and 64-pixel words the segment touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    first_row: usize,
    first_word: usize,
    words_per_row: usize,
    bits: Vec<u64>,
}

impl Mask {
    pub(super) fn empty() -> Self {
        Self { first_row: 0, first_word: 0, words_per_row: 0, bits: Vec::new() }
    }

    /// All pixels of an image.
    pub(super) fn whole([height, width]: [usize; 2]) -> Self {
        let words_per_row = width.div_ceil(64);
        let mut bits = vec![0; height * words_per_row];
        for row in bits.chunks_exact_mut(words_per_row) {
            set_run(row, 0, width);
        }
        Self { first_row: 0, first_word: 0, words_per_row, bits }
    }

    /// The rows of the image that may hold pixels.
    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        self.first_row..self.first_row + self.bits.len().checked_div(self.words_per_row).unwrap_or(0)
    }

    /// The words of an image row that may hold pixels: word `i` holds columns `64 i` to `64 i + 63`.
    pub(super) fn words(&self) -> std::ops::Range<usize> {
        self.first_word..self.first_word + self.words_per_row
    }

    /// The words of one of [`Self::rows`], at the positions [`Self::words`].
    pub(super) fn row(&self, y: usize) -> &[u64] {
        &self.bits[(y - self.first_row) * self.words_per_row..][..self.words_per_row]
    }

    /// [`Self::row`], to change.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.bits[(y - self.first_row) * self.words_per_row..][..self.words_per_row]
    }

    /// Whether the pixel in row `y` and column `x` belongs to the mask.
    pub fn contains(&self, y: usize, x: usize) -> bool {
        self.rows().contains(&y)
            && self.words().contains(&(x / 64))
            && self.row(y)[x / 64 - self.first_word] >> (x % 64) & 1 == 1
    }

    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// Calls `visit(start, end)` for each run of set bits, given words that start at column 0.
pub(super) fn for_each_run(words: &[u64], mut visit: impl FnMut(usize, usize)) {
    let mut open = None;
    for (index, &word) in words.iter().enumerate() {
        let first = index * 64;
        // A run that is open at the right end of the last word goes on only where this word begins with a one.
        if let Some(start) = open
            && word & 1 == 0
        {
            visit(start, first);
            open = None;
        }
        let mut bit = 0;
        while bit < 64 {
            let rest = word >> bit;
            if open.is_none() {
                if rest == 0 {
                    break;
                }
                bit += rest.trailing_zeros();
                open = Some(first + bit as usize);
            } else {
                bit += rest.trailing_ones();
                if bit < 64
                    && let Some(start) = open.take()
                {
                    visit(start, first + bit as usize);
                }
            }
        }
    }
    if let Some(start) = open {
        visit(start, words.len() * 64);
    }
}

/// Sets columns `start` to `end` (not included).
fn set_run(words: &mut [u64], start: usize, end: usize) {
    let (first, last) = (start / 64, (end - 1) / 64);
    let (from, to) = (u64::MAX << (start % 64), u64::MAX >> (63 - (end - 1) % 64));
    if first == last {
        words[first] |= from & to;
    } else {
        words[first] |= from;
        words[first + 1..last].fill(u64::MAX);
        words[last] |= to;
    }
}

/// The rows and columns one label occupies.
#[derive(Clone, Copy)]
struct Extent {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

/// One mask for each label from the smallest to the largest, dilated by `x² + y² <= radius²`, cut off at the image.
///
/// A label between them that lost all its pixels when the labels were resized has an empty mask.
pub(super) fn dilated_masks(labels: &[i32], [height, width]: [usize; 2], radius_px: usize) -> Vec<Mask> {
    let (runs, extents) = runs_and_extents(labels, width);
    // Half the width of the disk at each distance from its middle row.
    let half_widths: Vec<usize> =
        (0..=radius_px).map(|distance| (radius_px * radius_px - distance * distance).isqrt()).collect();
    let smallest = extents.iter().take_while(|extent| extent.is_none()).count();
    let mut masks: Vec<Mask> = extents[smallest..]
        .iter()
        .map(|extent| {
            let Some(extent) = extent else { return Mask::empty() };
            let (top, left) = (extent.top.saturating_sub(radius_px), extent.left.saturating_sub(radius_px));
            let (bottom, right) =
                ((extent.bottom + radius_px).min(height - 1), (extent.right + radius_px).min(width - 1));
            let words_per_row = right / 64 - left / 64 + 1;
            let bits = vec![0; words_per_row * (bottom - top + 1)];
            Mask { first_row: top, first_word: left / 64, words_per_row, bits }
        })
        .collect();
    for Run { label, y, start, end } in runs {
        let mask = &mut masks[label - smallest];
        let (first_column, rows, stride) = (mask.first_word * 64, mask.rows(), mask.words_per_row);
        for target in rows.start.max(y.saturating_sub(radius_px))..rows.end.min(y + radius_px + 1) {
            let reach = half_widths[target.abs_diff(y)];
            let words = &mut mask.bits[(target - rows.start) * stride..][..stride];
            let (start, end) = (start.saturating_sub(reach), (end + reach).min(width));
            set_run(words, start - first_column, end - first_column);
        }
    }
    masks
}

/// A horizontal run of one label.
struct Run {
    label: usize,
    y: usize,
    start: usize,
    end: usize,
}

fn runs_and_extents(labels: &[i32], width: usize) -> (Vec<Run>, Vec<Option<Extent>>) {
    let mut runs = Vec::new();
    let mut extents: Vec<Option<Extent>> = Vec::new();
    for (y, row) in labels.chunks_exact(width).enumerate() {
        let mut start = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let (label, end) = (run[0] as usize, start + run.len());
            if label >= extents.len() {
                extents.resize(label + 1, None);
            }
            let extent = extents[label].get_or_insert(Extent { top: y, bottom: y, left: start, right: end - 1 });
            extent.bottom = y;
            extent.left = extent.left.min(start);
            extent.right = extent.right.max(end - 1);
            runs.push(Run { label, y, start, end });
            start = end;
        }
    }
    (runs, extents)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_dilated_mask_holds_the_pixels_within_the_radius(
            (width, labels) in (1_usize..150).prop_flat_map(|width| (Just(width), prop::collection::vec(3..6_i32, width * 7))),
            radius in 0_usize..9,
        ) {
            let masks = dilated_masks(&labels, [7, width], radius);
            let smallest = *labels.iter().min().unwrap();
            prop_assert_eq!(masks.len() as i32, labels.iter().max().unwrap() - smallest + 1);
            for (label, mask) in (smallest..).zip(&masks) {
                let mut pixels = 0;
                for (y, x) in (0..7_usize).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let near = (0..labels.len()).any(|other| {
                        let (dy, dx) = (y.abs_diff(other / width), x.abs_diff(other % width));
                        labels[other] == label && dy * dy + dx * dx <= radius * radius
                    });
                    prop_assert_eq!(mask.contains(y, x), near);
                    pixels += usize::from(near);
                }
                prop_assert_eq!(mask.pixels(), pixels);
            }
        }

        #[test]
        fn runs_are_the_set_bits(words in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 0..6)) {
            let mut rebuilt = vec![0; words.len()];
            let mut last_end = None;
            for_each_run(&words, |start, end| {
                assert!(start < end && last_end.is_none_or(|last| last < start), "runs are in order and do not touch");
                last_end = Some(end);
                set_run(&mut rebuilt, start, end);
            });
            prop_assert_eq!(rebuilt, words);
        }
    }

    #[test]
    fn a_label_without_pixels_has_an_empty_mask() {
        let masks = dilated_masks(&[2, 2, 4, 4], [2, 2], 0);
        assert_eq!(masks.iter().map(Mask::pixels).collect::<Vec<_>>(), [2, 0, 2]);
        assert!(!masks[1].contains(0, 0));
    }
}
