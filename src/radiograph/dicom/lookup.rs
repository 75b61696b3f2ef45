//! Lookup tables (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5), of which the entries are believed before their descriptor.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::stored::Stored;

/// A table from integers to integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupTable {
    /// The value that the first entry is for; smaller ones take the first, larger ones than the last take the last.
    pub first: i32,
    /// The entries, at least one, none above [`LookupTable::max`].
    pub entries: Vec<u16>,
    /// Bits of an entry, 1 to 16: those of the descriptor where the largest entry has as many.
    pub bits: u32,
    /// What the file calls it.
    pub explanation: Option<String>,
}

/// What reaches a table, which decides what the first mapped value of its descriptor means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs {
    /// They may be negative.
    pub(super) signed: bool,
    /// The smallest and the largest of this frame.
    pub(super) range: [f64; 2],
}

impl Inputs {
    /// Stored values as they are.
    pub(super) fn of(stored: &Stored) -> Self {
        Self { signed: stored.signed, range: stored.range().map(|value| value as f64) }
    }
}

/// A table as it lies in the file, before its depth is settled.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    first: i32,
    entries: Vec<u16>,
    declared_bits: u32,
    /// One byte an entry.
    pub(super) is_packed: bool,
}

impl LookupTable {
    /// The table of a LUT sequence's item; `what` is its name in a warning.
    pub(super) fn of_item(item: &DataSet<'_>, what: &str, inputs: Inputs, warnings: &mut Vec<String>) -> Option<Self> {
        let explanation = item.text(tags::LUT_EXPLANATION);
        let raw = Raw::read(item, [tags::LUT_DESCRIPTOR, tags::LUT_DATA], what, inputs, warnings)?;
        let largest = raw.largest();
        Some(Self { explanation, ..raw.settled(largest, what, warnings) })
    }

    /// The entry for `value`; fractions are cut off.
    pub fn at(&self, value: f64) -> u16 {
        let index = (value - f64::from(self.first)).clamp(0.0, (self.entries.len() - 1) as f64);
        self.entries[index as usize]
    }

    /// The entry for `value` as gray, 0 to 1.
    pub fn gray(&self, value: f64) -> f64 {
        (f64::from(self.at(value)) / self.max()).min(1.0)
    }

    /// Largest value that an entry can hold.
    pub fn max(&self) -> f64 {
        f64::from((1_u32 << self.bits) - 1)
    }
}

impl Raw {
    /// The table of a descriptor and its data; nothing where either is unusable. Another number of entries than promised
    /// is taken with a warning.
    pub(super) fn read(
        data_set: &DataSet<'_>,
        [descriptor, data]: [Tag; 2],
        what: &str,
        inputs: Inputs,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let [count, first, declared_bits] = words_of_descriptor(data_set, descriptor)?;
        // PS3.3 C.11.1.1.1: 0 stands for 2^16.
        let count = if count == 0 { 65_536 } else { usize::from(count) };
        let declared_bits = u32::from(declared_bits);
        let (entries, is_packed) = entries(data_set, data, count, declared_bits)?;
        if entries.is_empty() {
            return None;
        }
        // A palette has three tables with mostly the same faults.
        let mut tell = |words: String| {
            if !warnings.contains(&words) {
                warnings.push(words);
            }
        };
        if entries.len() < count {
            tell(format!("{what} announces {count} entries and has {}; the last stands for the others", entries.len()));
        }
        if is_packed && declared_bits > 8 {
            tell(format!("{what} says {declared_bits} bits, but its entries have one byte each"));
        }
        Some(Self { first: first_mapped(first, entries.len(), inputs), entries, declared_bits, is_packed })
    }

    pub(super) fn largest(&self) -> u16 {
        self.entries.iter().copied().max().unwrap_or(0)
    }

    /// The table with its depth: that of the largest entry of it or, in a palette, of all its tables. The descriptor often
    /// gives the bits of the words that the entries are stored in, or those of another table. No table has fewer than 8
    /// bits (PS3.3 C.11.1.1.1), so that a dark one of 8 bits stays dark.
    pub(super) fn settled(self, largest: u16, what: &str, warnings: &mut Vec<String>) -> LookupTable {
        let needed = u16::BITS - largest.leading_zeros();
        let bits = if self.declared_bits < 8 && self.declared_bits >= needed.max(1) {
            self.declared_bits
        } else {
            needed.max(8)
        };
        if bits != self.declared_bits && !(self.is_packed && self.declared_bits > 8) {
            let words =
                format!("{what} says {} bits, but its largest entry has {bits}: {bits} were taken", self.declared_bits);
            if !warnings.contains(&words) {
                warnings.push(words);
            }
        }
        LookupTable { first: self.first, entries: self.entries, bits, explanation: None }
    }
}

/// The three numbers of a descriptor as words, whatever its representation says.
fn words_of_descriptor(data_set: &DataSet<'_>, tag: Tag) -> Option<[u16; 3]> {
    let element = data_set.element(tag)?;
    let bytes = data_set.value(tag)?;
    let encoding = data_set.encoding_of(element);
    match element.vr.as_ref() {
        Some(b"DS" | b"IS" | b"LO" | b"SH") => {
            let texts = data_set.texts(tag);
            let numbers: Vec<i64> = texts.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
            <[i64; 3]>::try_from(numbers).ok().map(|numbers| numbers.map(|number| number as u16))
        }
        Some(b"UL" | b"SL") if bytes.len() >= 12 => {
            let (longs, _) = bytes.as_chunks::<4>();
            longs.first_chunk::<3>().map(|longs| longs.map(|long| encoding.u32(long) as u16))
        }
        _ => bytes.as_chunks::<2>().0.first_chunk::<3>().map(|words| words.map(|word| encoding.u16(word))),
    }
}

/// The first mapped value: signed where the inputs are, whatever the descriptor's representation. Where no input of the
/// frame would reach the table, the other reading.
fn first_mapped(word: u16, entries: usize, inputs: Inputs) -> i32 {
    let [signed, unsigned] = [i32::from(word.cast_signed()), i32::from(word)];
    let [usual, other] = if inputs.signed { [signed, unsigned] } else { [unsigned, signed] };
    let is_reached = |first: i32| {
        let [smallest, largest] = inputs.range;
        f64::from(first) <= largest && f64::from(first) + entries as f64 > smallest
    };
    if !is_reached(usual) && is_reached(other) { other } else { usual }
}

/// The entries, and whether each has one byte. Their number and the length of the data tell, and where they do not, the
/// declared bits.
fn entries(data_set: &DataSet<'_>, tag: Tag, count: usize, declared_bits: u32) -> Option<(Vec<u16>, bool)> {
    let element = data_set.element(tag)?;
    let bytes = data_set.value(tag)?;
    let encoding = data_set.encoding_of(element);
    let words = || bytes.as_chunks::<2>().0.iter().take(count).map(|word| encoding.u16(*word));
    let is_packed = if bytes.len() >= 2 * count {
        false
    } else if bytes.len() == count || bytes.len() == count + count % 2 {
        true
    } else {
        // Neither: words whose upper bytes are not used are words.
        declared_bits <= 8 && words().any(|word| u32::from(word) >> declared_bits.max(1) > 0)
    };
    if !is_packed {
        return Some((words().collect(), false));
    }
    // Bytes in big-endian words are swapped in pairs (PS3.5 7.3).
    let is_swapped = !encoding.little_endian && element.vr != Some(*b"OB");
    let at = |index: usize| bytes.get(if is_swapped { index ^ 1 } else { index }).map(|byte| u16::from(*byte));
    Some(((0..count.min(bytes.len())).filter_map(at).collect(), true))
}
