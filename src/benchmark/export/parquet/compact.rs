//! Structures in Thrift's compact protocol, as Parquet describes itself in.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.

/// Types of the protocol.
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure in the making; its fields are written in rising order of their numbers.
pub(super) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    /// Without fields.
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), last: 0 }
    }

    /// A field of 32 bits.
    pub(super) fn i32(&mut self, number: u8, value: i32) -> &mut Self {
        self.head(number, I32);
        zigzag(&mut self.bytes, i64::from(value));
        self
    }

    /// A field of 64 bits: a count or a place.
    pub(super) fn i64(&mut self, number: u8, value: usize) -> &mut Self {
        self.head(number, I64);
        // No count of things in memory reaches 2^63.
        zigzag(&mut self.bytes, i64::try_from(value).unwrap_or(i64::MAX));
        self
    }

    /// A text.
    pub(super) fn text(&mut self, number: u8, value: &str) -> &mut Self {
        self.head(number, BINARY);
        binary(&mut self.bytes, value);
        self
    }

    /// A structure.
    pub(super) fn nested(&mut self, number: u8, value: Struct) -> &mut Self {
        self.head(number, STRUCT);
        value.end_into(&mut self.bytes);
        self
    }

    /// A list of structures.
    pub(super) fn structs(&mut self, number: u8, values: impl IntoIterator<Item = Struct>) -> &mut Self {
        let values: Vec<Struct> = values.into_iter().collect();
        self.list(number, STRUCT, values.len());
        for value in values {
            value.end_into(&mut self.bytes);
        }
        self
    }

    /// A list of 32-bit numbers.
    pub(super) fn i32s(&mut self, number: u8, values: &[i32]) -> &mut Self {
        self.list(number, I32, values.len());
        for value in values {
            zigzag(&mut self.bytes, i64::from(*value));
        }
        self
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, number: u8, values: &[&str]) -> &mut Self {
        self.list(number, BINARY, values.len());
        for value in values {
            binary(&mut self.bytes, value);
        }
        self
    }

    /// The finished structure behind `bytes`.
    pub(super) fn end_into(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.bytes);
        bytes.push(0);
    }

    /// Field numbers are told as the distance to the last one; all of ours are below 16.
    fn head(&mut self, number: u8, kind: u8) {
        debug_assert!(number > self.last && number - self.last < 16, "fields rise");
        self.bytes.push((number - self.last) << 4 | kind);
        self.last = number;
    }

    fn list(&mut self, number: u8, kind: u8, len: usize) {
        self.head(number, LIST);
        match u8::try_from(len) {
            Ok(len) if len < 15 => self.bytes.push(len << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                variable(&mut self.bytes, len as u64);
            }
        }
    }
}

fn binary(bytes: &mut Vec<u8>, value: &str) {
    variable(bytes, value.len() as u64);
    bytes.extend(value.as_bytes());
}

/// Small numbers of either sign take few bytes: 0, -1, 1, -2 become 0, 1, 2, 3.
fn zigzag(bytes: &mut Vec<u8>, value: i64) {
    variable(bytes, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
pub(super) fn variable(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_specification_does() {
        let written = |value| {
            let mut bytes = Vec::new();
            variable(&mut bytes, value);
            bytes
        };
        // 50399 is the example of the specification.
        assert_eq!(written(50399), [0xdf, 0x89, 0x03]);
        assert_eq!((written(0), written(127), written(128)), (vec![0], vec![127], vec![0x80, 1]));
        for (value, expected) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)] {
            let mut bytes = Vec::new();
            zigzag(&mut bytes, value);
            assert_eq!(bytes, written(expected), "{value}");
        }
    }

    #[test]
    fn fields_and_lists_have_their_heads() {
        let mut value = Struct::new();
        value.i32(1, -1).text(4, "ab").i32s(5, &[7; 15]).texts(7, &["x"]);
        let mut bytes = Vec::new();
        value.end_into(&mut bytes);
        let mut expected = vec![0x15, 1, 0x38, 2, b'a', b'b', 0x19, 0xf5, 15];
        expected.extend([14; 15]);
        expected.extend([0x29, 0x18, 1, b'x', 0]);
        assert_eq!(bytes, expected);
    }
}
