//! Checked access to the bytes of a file: every offset may lie.

/// What is wrong with a file, as the rest of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage(pub(super) String);

/// Bytes of a whole file, or of one structure in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// `length` bytes at `offset`.
    pub(super) fn slice(self, offset: u64, length: u64) -> Result<&'a [u8], Damage> {
        let range = usize::try_from(offset).ok().zip(offset.checked_add(length).and_then(|end| end.try_into().ok()));
        range
            .and_then(|(start, end): (usize, usize)| self.0.get(start..end))
            .ok_or_else(|| Damage(format!("{length} bytes at {offset} lie outside its {} bytes", self.0.len())))
    }

    /// Everything from `offset` on.
    pub(super) fn tail(self, offset: u64) -> Result<Self, Damage> {
        let length = (self.0.len() as u64).saturating_sub(offset);
        self.slice(offset, length).map(Self)
    }

    fn array<const N: usize>(self, offset: u64) -> Result<[u8; N], Damage> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(offset, N as u64)?);
        Ok(array)
    }

    pub(super) fn u8(self, offset: u64) -> Result<u8, Damage> {
        self.array(offset).map(u8::from_le_bytes)
    }

    pub(super) fn u16(self, offset: u64) -> Result<u16, Damage> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, offset: u64) -> Result<u32, Damage> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, offset: u64) -> Result<u64, Damage> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Refuses another `signature` at the beginning.
    pub(super) fn expect(self, signature: &[u8], what: &str) -> Result<(), Damage> {
        if self.0.starts_with(signature) {
            Ok(())
        } else {
            Err(Damage(format!("there is no {what} where one should be")))
        }
    }
}
