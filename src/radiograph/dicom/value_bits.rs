//! Which bits of a codec's words hold the value: those that the attributes name, unless the pixels contradict them.
//!
//! Bits that no value uses may hold overlays (in files of before 2004), the sign, or nothing in particular (PS3.5 8.1.1).
//! They may also hold the rest of values that `BitsStored` is too small for.

use super::codec::{Meaning, Samples};
use super::layout::PixelLayout;

/// Bits of a word that hold the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueBits {
    /// Bits below the value.
    pub(super) shift: u32,
    /// Bits of the value, its sign included.
    pub(super) count: u32,
    /// Bits of overlays, which are no part of any value.
    pub(super) foreign: i32,
}

/// The words of one frame and what is known of them.
struct Words<'a> {
    all: &'a [i32],
    layout: &'a PixelLayout,
    /// All words that are no padding, or all where there are no others.
    or: u32,
    and: u32,
}

impl ValueBits {
    /// The bits of a frame's values. `overlays` are the bits of words that overlays use; `padding` are stored values
    /// without image, which may lie outside the range of the others.
    pub(super) fn of(
        samples: &Samples,
        layout: &PixelLayout,
        overlays: u32,
        padding: Option<[i64; 2]>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let PixelLayout { bits_allocated, bits_stored, high_bit, signed, .. } = *layout;
        let declared = match samples.meaning {
            Meaning::Words => Self { shift: high_bit + 1 - bits_stored, count: bits_stored, foreign: 0 },
            Meaning::LowBits => Self { shift: 0, count: bits_stored, foreign: 0 },
            Meaning::Precision(count) => {
                let exceeds = |value: &i32| value.unsigned_abs() >> bits_stored.min(31) > 0;
                if count > bits_stored && !signed && samples.values.iter().any(exceeds) {
                    warnings.push(format!(
                        "BitsStored says {bits_stored}, but the values of the codestream have more bits and were taken whole"
                    ));
                }
                return Self { shift: 0, count, foreign: 0 };
            }
        };
        if bits_stored == bits_allocated {
            return declared;
        }
        let words = Words::new(&samples.values, layout, padding);
        let free = words.or & !overlays;
        let below = free & mask(declared.shift);
        if below != 0 {
            if free & !mask(bits_stored) == 0 || (signed && words.are_extended(bits_stored)) {
                warnings.push(format!(
                    "HighBit says {high_bit}, but the values lie in the lowest {bits_stored} bits and were taken from there"
                ));
                return Self { shift: 0, ..declared };
            }
            warnings.push("bits below those that BitsStored and HighBit name are set and were left out".to_owned());
        }
        let above = free & mask(bits_allocated) & !mask(declared.shift + bits_stored);
        if above == 0 || (signed && declared.shift == 0 && words.are_extended(bits_stored)) {
            return declared;
        }
        // Bits that are set in all words tell nothing, and where an overlay lies beside them the sign is lost.
        let tells = above & !words.and != 0 && !(signed && overlays != 0);
        let count = if signed { bits_allocated } else { u32::BITS - free.leading_zeros() } - declared.shift;
        let whole = Self { shift: declared.shift, count, foreign: overlays.cast_signed() };
        if tells && words.are_smoother(whole, declared) {
            warnings.push(format!("BitsStored says {bits_stored}, but the values have more bits: {count} were taken"));
            return whole;
        }
        warnings.push(format!("bits beyond the {bits_stored} of BitsStored are set and were left out"));
        declared
    }

    /// The value in a word.
    fn value(self, word: i32, signed: bool) -> i64 {
        let raised = (word & !self.foreign) << 32_u32.saturating_sub(self.count + self.shift);
        let down = 32_u32.saturating_sub(self.count);
        if signed { i64::from(raised >> down) } else { i64::from(raised.cast_unsigned() >> down) }
    }

    /// A stored value that the file names, as it comes out of the words: one beyond the bits loses what they do not hold.
    pub(super) fn named(self, value: i64, signed: bool) -> i64 {
        Self { shift: 0, foreign: 0, ..self }.value(value as i32, signed)
    }
}

impl<'a> Words<'a> {
    fn new(all: &'a [i32], layout: &'a PixelLayout, padding: Option<[i64; 2]>) -> Self {
        let whole = ValueBits { shift: 0, count: layout.bits_allocated, foreign: 0 };
        let is_padding =
            |word: i32| padding.is_some_and(|[low, high]| (low..=high).contains(&whole.value(word, layout.signed)));
        let join = |(or, and): (u32, u32), word: &i32| (or | word.cast_unsigned(), and & word.cast_unsigned());
        let image = match padding {
            Some(_) => all.iter().filter(|word| !is_padding(**word)).fold(NONE, join),
            None => NONE,
        };
        let (or, and) = if image == NONE { all.iter().fold(NONE, join) } else { image };
        Self { all, layout, or, and }
    }

    /// Whether each word is a number of `count` bits, with its sign or with nothing before it.
    fn are_extended(&self, count: u32) -> bool {
        let all = ValueBits { shift: 0, count: self.layout.bits_allocated, foreign: 0 };
        let some = ValueBits { count, ..all };
        let mut words = self.all.iter();
        words.all(|word| {
            let whole = all.value(*word, true);
            whole == some.value(*word, true) || whole == some.value(*word, false)
        })
    }

    /// Whether more neighbours in a row are nearer to each other in the first reading than in the second. A value that
    /// lost its upper bits jumps where they change; one that has bits of something else jumps where that does.
    fn are_smoother(&self, first: ValueBits, second: ValueBits) -> bool {
        let step = self.layout.samples_per_pixel;
        let value = |bits: ValueBits, word: &i32| bits.value(*word, self.layout.signed);
        let mut balance = 0_i64;
        for row in self.all.chunks(self.layout.columns * step) {
            for (a, b) in row.iter().zip(row.iter().skip(step)) {
                let [near, far] = [first, second].map(|bits| value(bits, a).abs_diff(value(bits, b)));
                balance += i64::from(near < far) - i64::from(near > far);
            }
        }
        balance > 0
    }
}

/// What no words have in common.
const NONE: (u32, u32) = (0, u32::MAX);

/// The lowest `bits` bits.
fn mask(bits: u32) -> u32 {
    if bits >= 32 { u32::MAX } else { (1 << bits) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::dicom::layout::Photometric;

    /// A ramp of 64 x 64 words with grain.
    fn ramp(largest: i32) -> Vec<i32> {
        let grain = |at: i32| (at.wrapping_mul(40_503) >> 7) & 7;
        (0..64 * 64).map(|at| ((at % 64) * largest / 63 + grain(at)).min(largest)).collect()
    }

    fn found(words: Vec<i32>, [allocated, stored, high]: [u32; 3], signed: bool, overlays: u32) -> (ValueBits, String) {
        let layout = PixelLayout {
            rows: 64,
            columns: 64,
            frames: 1,
            samples_per_pixel: 1,
            bits_allocated: allocated,
            bits_stored: stored,
            high_bit: high,
            signed,
            planar: false,
            photometric: Photometric::Monochrome2,
        };
        let mut warnings = Vec::new();
        let samples = Samples { values: words, meaning: Meaning::Words };
        (ValueBits::of(&samples, &layout, overlays, None, &mut warnings), warnings.join("; "))
    }

    fn bits(shift: u32, count: u32, foreign: i32) -> ValueBits {
        ValueBits { shift, count, foreign }
    }

    #[test]
    fn what_the_attributes_say_is_taken_where_the_words_agree() {
        assert_eq!(found(ramp(4095), [16, 12, 11], false, 0), (bits(0, 12, 0), String::new()));
        let top = ramp(4095).iter().map(|value| value << 4).collect();
        assert_eq!(found(top, [16, 12, 15], false, 0), (bits(4, 12, 0), String::new()));
        let negative: Vec<i32> = ramp(4095).iter().map(|value| (value - 2048) & 0xffff).collect();
        assert_eq!(found(negative.clone(), [16, 12, 11], true, 0), (bits(0, 12, 0), String::new()));
        let not_extended = negative.iter().map(|word| word & 0xfff).collect();
        assert_eq!(found(not_extended, [16, 12, 11], true, 0), (bits(0, 12, 0), String::new()));
    }

    #[test]
    fn values_larger_than_the_stored_bits_are_taken_whole() {
        for (largest, count) in [(16_383, 14), (65_535, 16), (5000, 13)] {
            let (found, told) = found(ramp(largest), [16, 12, 11], false, 0);
            assert_eq!(found, bits(0, count, 0), "{told}");
            assert!(told.contains(&format!("more bits: {count}")), "{told}");
        }
        let negative = ramp(16_383).iter().map(|value| (value - 8192) & 0xffff).collect();
        assert_eq!(found(negative, [16, 12, 11], true, 0).0, bits(0, 16, 0));
        assert_eq!(found(ramp(255), [8, 6, 5], false, 0).0, bits(0, 8, 0));
    }

    #[test]
    fn overlays_and_dirt_in_unused_bits_are_no_values() {
        let grain = |at: usize| i32::from((at as u32).wrapping_mul(1_103_515_245) >> 16 & 1 == 1);
        let drawn: Vec<i32> = ramp(4095).iter().enumerate().map(|(at, value)| value | grain(at) << 14).collect();
        assert_eq!(found(drawn.clone(), [16, 12, 11], false, 1 << 14), (bits(0, 12, 0), String::new()));
        for dirty in [drawn, ramp(4095).iter().map(|value| value | 0x5000).collect()] {
            let (found, told) = found(dirty, [16, 12, 11], false, 0);
            assert_eq!(found, bits(0, 12, 0));
            assert!(told.contains("left out"), "{told}");
        }
        // An overlay beside values of 14 bits.
        let both: Vec<i32> = ramp(16_383).iter().enumerate().map(|(at, v)| v | (grain(at) & 1) << 15).collect();
        assert_eq!(found(both, [16, 12, 11], false, 1 << 15).0, bits(0, 14, (1_u32 << 15).cast_signed()));
    }

    #[test]
    fn a_high_bit_that_is_not_there_is_not_believed() {
        let (low, told) = found(ramp(4095), [16, 12, 15], false, 0);
        assert_eq!(low, bits(0, 12, 0));
        assert!(told.contains("HighBit says 15"), "{told}");
        let negative = ramp(4095).iter().map(|value| (value - 2048) & 0xffff).collect();
        assert_eq!(found(negative, [16, 12, 15], true, 0).0, bits(0, 12, 0));
        // Overlays below the values are no reason.
        let drawn = ramp(4095).iter().map(|value| value << 4 | 1).collect();
        assert_eq!(found(drawn, [16, 12, 15], false, 1), (bits(4, 12, 0), String::new()));
    }

    #[test]
    fn padding_outside_the_range_moves_nothing() {
        assert_eq!(bits(0, 12, 0).named(0xffff, false), 0xfff);
        assert_eq!(bits(0, 16, 0).named(-2000, true), -2000);
        assert_eq!(bits(0, 12, 0).named(-2000, true), -2000);
    }
}
