//! Huffman codes of differences (T.81, C.2 and H.1.2.2), and the bits they are read from.

/// Why reading stopped inside a piece of coded data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// No bits are left.
    Short,
    /// A code that the table does not have.
    Invalid,
}

/// Codes of at most so many bits, together with the bits behind them, are found in one step.
const SHORT_BITS: u32 = 12;

/// Longest code.
const CODE_BITS: usize = 16;

/// Largest category of a difference.
const CATEGORY_MAX: u8 = 16;

/// The codes of the categories of differences.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// By the next [`SHORT_BITS`] bits: the difference that begins there, and how many bits it takes; 0 where it takes more.
    short: Vec<(u16, u8)>,
    /// By length: the first code of greater length, at the top of 16 bits.
    ends: [u32; CODE_BITS + 1],
    /// By length: how far the place of a code among `categories` lies behind the code itself, modulo 2^32.
    shifts: [u32; CODE_BITS + 1],
    categories: Vec<u8>,
}

impl Table {
    /// Makes the codes of `counts[i]` categories of `i + 1` bits each, in their order. None where the counts leave no codes.
    pub(super) fn new(counts: &[u8; CODE_BITS], categories: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: vec![(0, 0); 1 << SHORT_BITS],
            ends: [0; CODE_BITS + 1],
            shifts: [0; CODE_BITS + 1],
            categories: categories.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1..=CODE_BITS).zip(counts) {
            code <<= 1;
            table.shifts[length] = (place as u32).wrapping_sub(code);
            for category in categories.get(place..place + usize::from(*count))? {
                table.enter(code, length as u32, *category);
                code += 1;
            }
            place += usize::from(*count);
            if code > 1 << length {
                return None;
            }
            table.ends[length] = code << (CODE_BITS - length);
        }
        Some(table)
    }

    /// Enters all differences of a category that are short enough.
    fn enter(&mut self, code: u32, length: u32, category: u8) {
        let bits = extra_bits(category);
        let taken = length + bits;
        if category > CATEGORY_MAX || taken > SHORT_BITS || code >= 1 << length {
            return;
        }
        for value in 0..1_u32 << bits {
            let start = ((code << bits | value) << (SHORT_BITS - taken)) as usize;
            let end = start + (1 << (SHORT_BITS - taken));
            self.short[start..end].fill((difference(category, value), taken as u8));
        }
    }
}

/// Bits that stand behind the code of a category.
fn extra_bits(category: u8) -> u32 {
    if category == CATEGORY_MAX { 0 } else { u32::from(category) }
}

/// The difference modulo 65536 that the bits behind a category mean.
fn difference(category: u8, value: u32) -> u16 {
    match category {
        0 => 0,
        CATEGORY_MAX => 1 << 15,
        // The lower half is negative.
        _ if value >> (category - 1) == 0 => (value as u16).wrapping_sub((1 << category) - 1),
        _ => value as u16,
    }
}

/// Reads the bits between two markers, the most significant first.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits not yet taken, the next one at the top. Those below the first `count` are the next bits too, or zeros.
    cache: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(coded: &'a [u8]) -> Self {
        Self { bytes: coded, cache: 0, count: 0 }
    }

    /// The next difference modulo 65536.
    #[inline]
    pub(super) fn difference(&mut self, table: &Table) -> Result<u16, Stop> {
        if self.count < 32 {
            self.refill();
        }
        let (difference, taken) = table.short[(self.cache >> (64 - SHORT_BITS)) as usize];
        if taken == 0 {
            return self.long_difference(table);
        }
        self.take(u32::from(taken))?;
        Ok(difference)
    }

    /// A difference of more bits than the table has ready: at most 16 of its code and 15 behind it.
    #[cold]
    fn long_difference(&mut self, table: &Table) -> Result<u16, Stop> {
        let next = (self.cache >> (64 - CODE_BITS)) as u32;
        let length = (1..=CODE_BITS).find(|length| next < table.ends[*length]);
        let length = length.ok_or(if self.count < CODE_BITS as u32 { Stop::Short } else { Stop::Invalid })?;
        let place = (next >> (CODE_BITS - length)).wrapping_add(table.shifts[length]);
        let category = table.categories.get(place as usize).copied();
        let category = category.filter(|category| *category <= CATEGORY_MAX).ok_or(Stop::Invalid)?;
        self.take(length as u32)?;
        let bits = extra_bits(category);
        // Two steps, because a shift by 64 is none.
        let value = (self.cache >> (63 - bits) >> 1) as u32;
        self.take(bits)?;
        Ok(difference(category, value))
    }

    fn take(&mut self, bits: u32) -> Result<(), Stop> {
        self.count = self.count.checked_sub(bits).ok_or(Stop::Short)?;
        self.cache <<= bits;
        Ok(())
    }

    /// Fills the cache up; `count` is below 32.
    fn refill(&mut self) {
        const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
        const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
        if let Some(chunk) = self.bytes.first_chunk::<8>() {
            let word = u64::from_be_bytes(*chunk);
            // A byte of `!word` is 0 where one of `word` is 255.
            let has_255 = (!word).wrapping_sub(LOW) & word & HIGH != 0;
            if !has_255 {
                let bytes = (63 - self.count) / 8;
                self.cache |= word >> self.count;
                self.bytes = &self.bytes[bytes as usize..];
                self.count += 8 * bytes;
                return;
            }
        }
        while self.count <= 56
            && let Some((&byte, rest)) = self.bytes.split_first()
        {
            // A zero is stuffed behind 255.
            self.bytes = if byte == 0xff { rest.get(1..).unwrap_or_default() } else { rest };
            self.cache |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of 1 to 16 bits for the categories 16 down to 1, which no real file has all of, and 16 bits for 0.
    fn all_lengths() -> Table {
        let counts = [1; CODE_BITS];
        let mut categories: Vec<u8> = (1..=16).rev().collect();
        categories[15] = 0;
        Table::new(&counts, &categories).unwrap()
    }

    #[test]
    fn codes_of_every_length_are_read_up_to_the_last_bit() {
        // One code for each length: ones and a zero.
        let table = all_lengths();
        let mut text = String::new();
        let mut wanted = Vec::new();
        for length in 1..=16_usize {
            let category = if length == 16 { 0 } else { 17 - length as u8 };
            for value in [0, (1_u32 << extra_bits(category)) - 1] {
                text += &"1".repeat(length - 1);
                text.push('0');
                for bit in (0..extra_bits(category)).rev() {
                    text.push(if value >> bit & 1 == 1 { '1' } else { '0' });
                }
                wanted.push(difference(category, value));
            }
        }
        let mut coded = Vec::new();
        for byte in text.as_bytes().chunks(8) {
            let text = format!("{:1<8}", std::str::from_utf8(byte).unwrap());
            coded.push(u8::from_str_radix(&text, 2).unwrap());
            if coded.last() == Some(&0xff) {
                coded.push(0);
            }
        }
        let mut bits = Bits::new(&coded);
        for (index, wanted) in wanted.iter().enumerate() {
            assert_eq!(bits.difference(&table), Ok(*wanted), "difference {index}");
        }
        assert!(bits.difference(&table).is_err());
    }

    #[test]
    fn differences_are_those_of_table_h_2() {
        assert_eq!([0, 1].map(|value| difference(1, value).cast_signed()), [-1, 1]);
        assert_eq!([0, 3, 4, 7].map(|value| difference(3, value).cast_signed()), [-7, -4, 4, 7]);
        assert_eq!([0, 0x7fff].map(|value| difference(15, value).cast_signed()), [-32_767, 32_767]);
        assert_eq!((difference(0, 0), difference(16, 0)), (0, 32_768));
    }

    #[test]
    fn counts_that_leave_no_codes_make_no_table() {
        let counts = |first: [u8; 2]| std::array::from_fn(|at| first.get(at).copied().unwrap_or(0));
        assert!(Table::new(&counts([3, 0]), &[1, 2, 3]).is_none());
        assert!(Table::new(&counts([1, 3]), &[1, 2, 3, 4]).is_none());
        assert!(Table::new(&counts([1, 2]), &[1, 2]).is_none(), "a category is missing");
        let table = Table::new(&counts([1, 1]), &[0, 17]).unwrap();
        let mut bits = Bits::new(&[0b0100_0000, 0, 0, 0]);
        assert_eq!(bits.difference(&table), Ok(0));
        assert_eq!(bits.difference(&table), Err(Stop::Invalid), "category 17");
        assert_eq!(Bits::new(&[0b1100_0000, 0, 0, 0]).difference(&table), Err(Stop::Invalid), "no such code");
        assert_eq!(Bits::new(&[]).difference(&table), Err(Stop::Short));
    }
}
