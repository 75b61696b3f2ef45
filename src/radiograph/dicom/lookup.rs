//! Lookup tables (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::{DataSet, Usual};

/// A table from integers to integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupTable {
    /// The value that the first entry is for; smaller ones take the first, larger ones than the last take the last.
    pub first: i32,
    /// The entries, at least one.
    pub entries: Vec<u16>,
    /// Bits of an entry, 8 to 16.
    pub bits: u32,
    /// What the file calls it.
    pub explanation: Option<String>,
}

impl LookupTable {
    /// The table of a LUT sequence's item. `signed`: values before the table are signed, which decides what the first
    /// mapped value means where the file gives it no representation of its own.
    pub(super) fn of_item(item: &DataSet<'_>, signed: bool) -> Option<Self> {
        let explanation = item.text(tags::LUT_EXPLANATION);
        Self::read(item, [tags::LUT_DESCRIPTOR, tags::LUT_DATA], signed).map(|table| Self { explanation, ..table })
    }

    /// The table of a descriptor and its data; nothing where either is unusable. Fewer entries than promised are taken.
    pub(super) fn read(data_set: &DataSet<'_>, [descriptor, data]: [Tag; 2], signed: bool) -> Option<Self> {
        let usual = if signed { Usual::Signed } else { Usual::Unsigned };
        let [count, first, bits] = data_set.numbers(descriptor, usual)[..] else { return None };
        // The count and the bits are unsigned whatever the representation of the descriptor.
        let count = usize::from((count as i32) as u16);
        let count = if count == 0 { 65_536 } else { count };
        let bits = u32::from((bits as i32) as u16);
        // A descriptor marked unsigned of signed values was written by a program that did not care.
        let first = if signed && first > 32_767.0 { first as i32 - 65_536 } else { first as i32 };
        let bytes = data_set.value(data)?;
        let encoding = data_set.encoding;
        let is_packed = bits <= 8 && bytes.len() <= count + count % 2 && count > 1;
        let entries: Vec<u16> = if is_packed {
            bytes.iter().take(count).map(|byte| u16::from(*byte)).collect()
        } else {
            bytes.as_chunks::<2>().0.iter().take(count).map(|word| encoding.u16(*word)).collect()
        };
        if entries.is_empty() || !(1..=16).contains(&bits) {
            return None;
        }
        Some(Self { first, entries, bits, explanation: None })
    }

    /// The entry for `value`; fractions are cut off.
    pub fn at(&self, value: f64) -> u16 {
        let index = (value - f64::from(self.first)).clamp(0.0, (self.entries.len() - 1) as f64);
        self.entries[index as usize]
    }

    /// Largest value that an entry can hold.
    pub fn max(&self) -> f64 {
        f64::from((1_u32 << self.bits) - 1)
    }
}
