//! Protocol buffers as they lie in a file: fields with a number, each a number or a stretch of bytes.

use super::super::bytes::Damage;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A number of variable length, and the bytes that it takes.
    Varint(u64, &'a [u8]),
    /// Four or eight bytes.
    Fixed(&'a [u8]),
    /// Text, raw values, packed numbers or a message.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// A stretch of bytes.
    pub(super) fn bytes(self) -> Result<&'a [u8], Damage> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(..) | Self::Fixed(_) => Err(Damage("a number stands where bytes should".to_owned())),
        }
    }

    /// Text in UTF-8.
    pub(super) fn text(self) -> Result<&'a str, Damage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damage("a name is no UTF-8".to_owned()))
    }

    /// A whole number; negative ones have the bits of 64.
    pub(super) fn integer(self) -> Result<i64, Damage> {
        match self {
            Self::Varint(value, _) => Ok(value.cast_signed()),
            Self::Fixed(_) | Self::Bytes(_) => Err(Damage("a whole number is missing".to_owned())),
        }
    }

    /// A number of single precision.
    pub(super) fn float(self) -> Result<f32, Damage> {
        match self {
            Self::Fixed(bytes) => bytes.try_into().map(f32::from_le_bytes).ok(),
            Self::Varint(..) | Self::Bytes(_) => None,
        }
        .ok_or_else(|| Damage("a number of single precision is missing".to_owned()))
    }

    /// The bytes of repeated numbers, whether each is a field of its own or all are packed in one.
    pub(super) fn encoded(self) -> &'a [u8] {
        match self {
            Self::Varint(_, bytes) | Self::Fixed(bytes) | Self::Bytes(bytes) => bytes,
        }
    }
}

/// The fields of a message, in their order.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], Damage> {
        let taken = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
        let left = self.0.len();
        let (taken, rest) = taken.ok_or_else(|| Damage(format!("{length} bytes where {left} are left")))?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<(u64, &'a [u8]), Damage> {
        let whole = self.0;
        let value = varint(&mut self.0)?;
        Ok((value, &whole[..whole.len() - self.0.len()]))
    }

    fn field(&mut self) -> Result<(u64, Content<'a>), Damage> {
        let (tag, _) = self.varint()?;
        let content = match tag & 7 {
            0 => {
                let (value, bytes) = self.varint()?;
                Content::Varint(value, bytes)
            }
            1 => Content::Fixed(self.take(8)?),
            2 => {
                let (length, _) = self.varint()?;
                Content::Bytes(self.take(length)?)
            }
            5 => Content::Fixed(self.take(4)?),
            kind => return Err(Damage(format!("there are no fields of kind {kind}"))),
        };
        Ok((tag >> 3, content))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Content<'a>), Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Takes a number of variable length off the front.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        // Of the tenth byte one bit is left; what lies beyond is dropped, as everywhere.
        value |= u64::from(byte & 0x7f) << (7 * index as u32);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(Damage("a number does not end".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_lengths_beyond_the_end_refused() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'a', b'b', 0x1d, 0, 0, 0x80, 0x3f];
        let fields: Vec<_> = Fields(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(fields[0], (1, Content::Varint(150, &[0x96, 0x01])));
        assert_eq!(fields[1].1.text().unwrap(), "ab");
        assert_eq!(fields[2].1.float().unwrap().to_bits(), 1.0_f32.to_bits());
        assert_eq!(Fields(&bytes[..5]).last().unwrap().unwrap_err().0, "2 bytes where 0 are left");
        assert!(Fields(&[0x0b]).next().unwrap().is_err(), "groups");
        assert!(Fields(&[0x08, 0x80]).next().unwrap().is_err(), "a number that is cut off");
        assert!(Fields(&[0xff; 11]).next().unwrap().is_err(), "a number that does not end");
        let minus = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Fields(&minus).next().unwrap().unwrap().1.integer().unwrap(), -1);
    }
}
