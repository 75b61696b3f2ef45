//! Object headers: the messages that describe a group or a dataset (specification, section IV.A).

use super::super::bytes::{Bytes, Damage};
use crate::limits;

pub(super) const DATASPACE: u16 = 0x01;
pub(super) const LINK_INFO: u16 = 0x02;
pub(super) const DATATYPE: u16 = 0x03;
pub(super) const LINK: u16 = 0x06;
pub(super) const LAYOUT: u16 = 0x08;
pub(super) const FILTERS: u16 = 0x0b;
pub(super) const ATTRIBUTE: u16 = 0x0c;
pub(super) const ATTRIBUTE_INFO: u16 = 0x15;
const CONTINUATION: u16 = 0x10;
pub(super) const SYMBOL_TABLE: u16 = 0x11;

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    /// Its content lies elsewhere, in a committed datatype.
    pub(super) shared: bool,
    pub(super) data: Bytes<'a>,
}

/// All messages of the object header at `address`.
pub(super) fn messages(file: Bytes<'_>, address: u64) -> Result<Vec<Message<'_>>, Damage> {
    let head = file.tail(address)?;
    // The first block, and the sizes of a message header and of a block's own head and checksum.
    let (block, shape) = if head.0.starts_with(b"OHDR") {
        let flags = head.u8(5)?;
        let mut at = 6;
        at += if flags & 0x20 == 0 { 0 } else { 16 };
        at += if flags & 0x10 == 0 { 0 } else { 4 };
        let (length, width) = match flags & 3 {
            0 => (u64::from(head.u8(at)?), 1),
            1 => (u64::from(head.u16(at)?), 2),
            2 => (u64::from(head.u32(at)?), 4),
            _ => (head.u64(at)?, 8),
        };
        (head.slice(at + width, length)?, Shape::Compact { ordered: flags & 4 != 0 })
    } else if head.u8(0)? == 1 {
        (head.slice(16, u64::from(head.u32(8)?))?, Shape::Classic)
    } else {
        return Err(Damage(format!("there is no object header at {address}")));
    };
    let mut blocks = vec![Bytes(block)];
    let mut messages = Vec::new();
    let mut next = 0;
    while let Some(&block) = blocks.get(next) {
        next += 1;
        let mut at = 0;
        while let Some((message, end)) = shape.message(block, at)? {
            at = end;
            if message.kind == CONTINUATION {
                let (offset, length) = (message.data.u64(0)?, message.data.u64(8)?);
                blocks.push(shape.continuation(Bytes(file.slice(offset, length)?))?);
            } else {
                messages.push(message);
            }
            if messages.len() > limits::HDF5_MESSAGES || blocks.len() > limits::HDF5_BLOCKS {
                return Err(Damage("an object header is too long".to_owned()));
            }
        }
    }
    Ok(messages)
}

/// The two layouts of a header.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Version 1.
    Classic,
    /// Version 2; messages may bear the order of their creation.
    Compact { ordered: bool },
}

impl Shape {
    /// The message at `at` and where the next one begins; none at the end of the block.
    fn message(self, block: Bytes<'_>, at: u64) -> Result<Option<(Message<'_>, u64)>, Damage> {
        let header_bytes = match self {
            Self::Classic => 8,
            Self::Compact { ordered } => 4 + 2 * u64::from(ordered),
        };
        if at + header_bytes > block.0.len() as u64 {
            return Ok(None);
        }
        let (kind, length, flags) = match self {
            Self::Classic => (block.u16(at)?, block.u16(at + 2)?, block.u8(at + 4)?),
            Self::Compact { .. } => (u16::from(block.u8(at)?), block.u16(at + 1)?, block.u8(at + 3)?),
        };
        let data = Bytes(block.slice(at + header_bytes, u64::from(length))?);
        Ok(Some((Message { kind, shared: flags & 2 != 0, data }, at + header_bytes + u64::from(length))))
    }

    /// The messages of a continuation block.
    fn continuation(self, block: Bytes<'_>) -> Result<Bytes<'_>, Damage> {
        match self {
            Self::Classic => Ok(block),
            Self::Compact { .. } => {
                block.expect(b"OCHK", "continuation of an object header")?;
                block.slice(4, (block.0.len() as u64).saturating_sub(8)).map(Bytes)
            }
        }
    }
}
