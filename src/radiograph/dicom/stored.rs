//! Stored values of a frame: the integers that every later stage reads.

use super::codec::Samples;
use super::layout::PixelLayout;
use super::value_bits::ValueBits;

/// The integers of one frame, before any lookup table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Samples a pixel: 1, 3 or 4.
    pub samples_per_pixel: usize,
    /// `[rows, columns, samples_per_pixel]`, row-major. Unsigned values of 32 bits keep their bits; see
    /// [`Stored::value`].
    pub values: Vec<i32>,
    /// Values are two's complement.
    pub signed: bool,
}

impl Stored {
    /// Takes the bits that hold the value out of the words of a codec.
    pub(super) fn new(samples: Samples, bits: ValueBits, layout: &PixelLayout) -> Self {
        let mut values = samples.values;
        // Shifted up until the value's highest bit is the word's, and down again with or without the sign.
        let up = 32_u32.saturating_sub(bits.count + bits.shift);
        let down = 32_u32.saturating_sub(bits.count);
        for value in &mut values {
            let raised = (*value & !bits.foreign) << up;
            *value = if layout.signed { raised >> down } else { (raised.cast_unsigned() >> down).cast_signed() };
        }
        Self {
            rows: layout.rows,
            columns: layout.columns,
            samples_per_pixel: layout.samples_per_pixel,
            values,
            signed: layout.signed,
        }
    }

    /// The number that an element of `values` stands for.
    pub fn value(&self, stored: i32) -> i64 {
        if self.signed { i64::from(stored) } else { i64::from(stored.cast_unsigned()) }
    }

    /// Smallest and largest value.
    pub fn range(&self) -> [i64; 2] {
        let numbers = self.values.iter().map(|stored| self.value(*stored));
        numbers.fold([i64::MAX, i64::MIN], |[min, max], value| [min.min(value), max.max(value)])
    }

    /// Sum of all values.
    pub fn sum(&self) -> i64 {
        self.values.iter().map(|stored| self.value(*stored)).sum()
    }

    /// Whether values that differ all become one through `stage`; those between the limits of `padding` are left aside
    /// where there are others.
    #[expect(clippy::float_cmp, reason = "levels that differ by anything are no constant picture")]
    pub(super) fn is_flattened(&self, padding: Option<[i64; 2]>, stage: impl Fn(f64) -> f64) -> bool {
        let is_padding = |stored: i32| padding.is_some_and(|[low, high]| (low..=high).contains(&self.value(stored)));
        let flattens = |mut values: &mut dyn Iterator<Item = i32>| {
            let first = values.next()?;
            let level = stage(self.value(first) as f64) as f32;
            let mut last = first;
            let mut differ = false;
            for value in &mut values {
                if value != last {
                    if stage(self.value(value) as f64) as f32 != level {
                        return Some(false);
                    }
                    differ = true;
                    last = value;
                }
            }
            Some(differ)
        };
        let values = || self.values.iter().copied();
        flattens(&mut values().filter(|value| !is_padding(*value)))
            .unwrap_or_else(|| flattens(&mut values()).unwrap_or(false))
    }

    /// Each value through `stage`, which is computed once for each different value where these are few.
    pub(super) fn map(&self, stage: impl Fn(f64) -> f64) -> Vec<f32> {
        const MAX_TABLE: i64 = 1 << 17;
        let [min, max] = self.range();
        let width = max - min + 1;
        if width > MAX_TABLE || width as usize > 4 * self.values.len() {
            return self.values.iter().map(|stored| stage(self.value(*stored) as f64) as f32).collect();
        }
        let table: Vec<f32> = (min..=max).map(|value| stage(value as f64) as f32).collect();
        self.values.iter().map(|stored| table[(self.value(*stored) - min) as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::dicom::codec::Meaning;
    use crate::radiograph::dicom::layout::Photometric;

    fn stored(words: &[i32], bits: [u32; 3], signed: bool, meaning: Meaning) -> Vec<i32> {
        let layout = PixelLayout {
            rows: 1,
            columns: words.len(),
            frames: 1,
            samples_per_pixel: 1,
            bits_allocated: bits[0],
            bits_stored: bits[1],
            high_bit: bits[2],
            signed,
            planar: false,
            photometric: Photometric::Monochrome2,
        };
        let samples = Samples { values: words.to_vec(), meaning };
        let bits = ValueBits::of(&samples, &layout, 0, None, &mut Vec::new());
        Stored::new(samples, bits, &layout).values
    }

    #[test]
    fn only_the_stored_bits_count() {
        assert_eq!(stored(&[0xf123, 0x0fff], [16, 12, 11], false, Meaning::Words), [0x123, 0xfff]);
        assert_eq!(stored(&[0xf823, 0x07ff], [16, 12, 11], true, Meaning::Words), [0x823 - 0x1000, 0x7ff]);
        assert_eq!(stored(&[0x123f, 0x800f], [16, 12, 15], false, Meaning::Words), [0x123, 0x800]);
        assert_eq!(stored(&[0x123f, 0x800f], [16, 12, 15], true, Meaning::Words), [0x123, -0x800]);
        assert_eq!(stored(&[0x0123], [16, 12, 15], false, Meaning::LowBits), [0x123]);
        assert_eq!(stored(&[-1, i32::MIN], [32, 32, 31], true, Meaning::Words), [-1, i32::MIN]);
        assert_eq!(stored(&[6192], [16, 16, 15], true, Meaning::Precision(13)), [-2000]);
    }

    #[test]
    fn values_that_become_one_are_noticed() {
        let stored = |values: &[i32]| Stored {
            rows: 1,
            columns: values.len(),
            samples_per_pixel: 1,
            values: values.to_vec(),
            signed: false,
        };
        let step = |value: f64| f64::from(u8::from(value > 10.0));
        assert!(stored(&[1, 2, 3]).is_flattened(None, step));
        assert!(!stored(&[1, 2, 13]).is_flattened(None, step));
        assert!(!stored(&[7, 7, 7]).is_flattened(None, step), "they were one before");
        assert!(stored(&[0, 20, 30, 0]).is_flattened(Some([0, 0]), step), "but for the padding");
        assert!(!stored(&[0, 20, 20, 0]).is_flattened(Some([0, 0]), step));
        assert!(stored(&[0, 1, 0]).is_flattened(Some([0, 5]), step), "all is padding");
    }

    #[test]
    fn unsigned_words_of_32_bits_keep_their_value() {
        let all = Stored { rows: 1, columns: 2, samples_per_pixel: 1, values: vec![-1, 1], signed: false };
        assert_eq!((all.range(), all.sum()), ([1, 0xffff_ffff], 0x1_0000_0000));
        assert_eq!(all.map(|value| value / 2.0), [2_147_483_647.5, 0.5]);
    }
}
