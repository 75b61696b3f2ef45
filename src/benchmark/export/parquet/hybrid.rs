//! Small numbers in as many bits as the largest needs, long runs of one number in a few bytes.
//!
//! Source: Apache Parquet format, `Encodings.md`, "Run Length Encoding / Bit-Packing Hybrid".

use super::compact::variable;

/// Numbers that are packed together.
const GROUP: usize = 8;

/// Bits of the largest of `count` numbers 0, 1, 2 and so on.
pub(super) fn bit_width(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Writes `values`, each below `2^width`, behind `bytes`.
pub(super) fn write(values: &[u32], width: u32, bytes: &mut Vec<u8>) {
    let mut packed: Vec<u32> = Vec::new();
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let run = values[at..].iter().take_while(|own| **own == value).count();
        // A run begins where packed numbers fill their groups; until then they take the numbers of the run.
        let wanted = (GROUP - packed.len() % GROUP) % GROUP;
        if run >= wanted + GROUP {
            packed.extend(std::iter::repeat_n(value, wanted));
            pack(&mut packed, width, bytes);
            let rest = run - wanted;
            variable(bytes, (rest as u64) << 1);
            bytes.extend(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
        } else {
            packed.extend(&values[at..at + run]);
        }
        at += run;
    }
    pack(&mut packed, width, bytes);
}

/// Writes what waits, the last group filled up with zeros, and empties it.
fn pack(values: &mut Vec<u32>, width: u32, bytes: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    values.resize(groups * GROUP, 0);
    variable(bytes, (groups as u64) << 1 | 1);
    let (mut buffer, mut bits) = (0_u64, 0);
    for value in values.drain(..) {
        buffer |= u64::from(value) << bits;
        bits += width;
        while bits >= 8 {
            bytes.push(buffer.to_le_bytes()[0]);
            buffer >>= 8;
            bits -= 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_packed_as_the_specification_does() {
        // The example of the specification: 0 to 7 in three bits.
        let mut bytes = Vec::new();
        write(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &mut bytes);
        assert_eq!(bytes, [1 << 1 | 1, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn runs_are_counted() {
        let mut bytes = Vec::new();
        write(&[300; 100], 9, &mut bytes);
        assert_eq!(bytes, [200, 1, 44, 1]);
        assert_eq!([0, 1, 2, 3, 256, 257].map(bit_width), [0, 0, 1, 2, 8, 9]);
    }

    #[test]
    fn a_run_fills_the_group_before_it() {
        let mut values = vec![1, 0, 1];
        values.extend([1; 20]);
        let mut bytes = Vec::new();
        write(&values, 1, &mut bytes);
        // One packed group (1, 0, then six ones), then 15 ones.
        assert_eq!(bytes, [3, 0b1111_1101, 30, 1]);
    }
}
