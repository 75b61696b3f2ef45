//! The directory of a zip archive (PKWARE APPNOTE 6.3), stored and deflated entries, with 64-bit sizes. Positions count
//! from the beginning of the file, and nothing is guessed.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::super::bytes::{Bytes, Damage};
use crate::limits;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 65_535;
/// The method of content that is not packed.
const STORED: u16 = 0;
/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Entry {
    method: u16,
    crc: u32,
    packed_bytes: u64,
    /// Bytes it unpacks to.
    pub(in super::super) size_bytes: u64,
    local_header: u64,
}

/// All entries by name.
pub(in super::super) fn directory(bytes: Bytes<'_>) -> Result<BTreeMap<String, Entry>, Damage> {
    let tail = bytes.0.len().saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    let end = bytes.0[tail..].windows(END_BYTES).rposition(|window| window.starts_with(END));
    let end = (tail + end.ok_or_else(|| Damage("its zip directory is missing".to_owned()))?) as u64;
    let (mut count, mut at) = (u64::from(bytes.u16(end + 10)?), u64::from(bytes.u32(end + 16)?));
    // 64-bit sizes are in a record of their own, which a locator before the end points to.
    if let Some(locator) = end.checked_sub(20)
        && bytes.slice(locator, 4)? == b"PK\x06\x07"
    {
        let record = bytes.tail(bytes.u64(locator + 8)?)?;
        record.expect(b"PK\x06\x06", "end of a zip directory")?;
        (count, at) = (record.u64(32)?, record.u64(48)?);
    }
    if count > limits::ZIP_ENTRIES {
        return Err(Damage(format!("its zip directory claims {count} entries")));
    }
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let head = bytes.tail(at)?;
        head.expect(b"PK\x01\x02", "entry of a zip directory")?;
        if head.u16(8)? & 1 != 0 {
            return Err(Damage("its zip entries are encrypted".to_owned()));
        }
        let (name_bytes, extra_bytes, comment_bytes) = (head.u16(28)?, head.u16(30)?, head.u16(32)?);
        let name = head.slice(46, u64::from(name_bytes))?;
        let name = std::str::from_utf8(name).ok().filter(|_| name_bytes <= limits::ZIP_NAME_BYTES);
        let name = name.ok_or_else(|| Damage("a zip entry has an impossible name".to_owned()))?;
        let extra = Bytes(head.slice(46 + u64::from(name_bytes), u64::from(extra_bytes))?);
        let mut sizes = [u64::from(head.u32(24)?), u64::from(head.u32(20)?), u64::from(head.u32(42)?)];
        widen(&mut sizes, extra)?;
        let [size_bytes, packed_bytes, local_header] = sizes;
        let entry = Entry { method: head.u16(10)?, crc: head.u32(16)?, packed_bytes, size_bytes, local_header };
        if entries.insert(name.to_owned(), entry).is_some() {
            return Err(Damage(format!("zip entry {name:?} is there twice")));
        }
        at += 46 + u64::from(name_bytes) + u64::from(extra_bytes) + u64::from(comment_bytes);
    }
    Ok(entries)
}

/// Sizes that do not fit 32 bits stand in an extra field, in this order, each only where it is needed.
fn widen(sizes: &mut [u64; 3], extra: Bytes<'_>) -> Result<(), Damage> {
    const ZIP64: u16 = 1;
    let mut at = 0;
    while at + 4 <= extra.0.len() as u64 {
        let (kind, length) = (extra.u16(at)?, u64::from(extra.u16(at + 2)?));
        if kind == ZIP64 {
            let field = Bytes(extra.slice(at + 4, length)?);
            let mut place = 0;
            for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
                *size = field.u64(place)?;
                place += 8;
            }
        }
        at += 4 + length;
    }
    Ok(())
}

impl Entry {
    /// Whether its content takes less room in the file than in memory.
    pub(super) fn is_packed(&self) -> bool {
        self.method != STORED
    }

    /// The unpacked content, whose checksum is compared. What an entry claims to hold takes no memory before it is
    /// there.
    pub(in super::super) fn content(&self, bytes: Bytes<'_>) -> Result<Vec<u8>, Damage> {
        let head = bytes.tail(self.local_header)?;
        head.expect(b"PK\x03\x04", "zip entry")?;
        let start = 30 + u64::from(head.u16(26)?) + u64::from(head.u16(28)?);
        let packed = head.slice(start, self.packed_bytes)?;
        let content = match self.method {
            STORED => packed.to_vec(),
            8 => {
                let mut content = Vec::new();
                let unpacked =
                    DeflateDecoder::new(packed).take(self.size_bytes.saturating_add(1)).read_to_end(&mut content);
                unpacked.map_err(|error| Damage(format!("a zip entry cannot be unpacked: {error}")))?;
                content
            }
            method => return Err(Damage(format!("a zip entry is packed by method {method}, which is not read"))),
        };
        if content.len() as u64 != self.size_bytes {
            return Err(Damage(format!("a zip entry has {} instead of {} bytes", content.len(), self.size_bytes)));
        }
        let mut crc = Crc::new();
        crc.update(&content);
        // torch.save writes 0 where it was told to leave checksums out.
        if self.crc != 0 && crc.sum() != self.crc {
            return Err(Damage("the checksum of a zip entry is wrong".to_owned()));
        }
        Ok(content)
    }
}
