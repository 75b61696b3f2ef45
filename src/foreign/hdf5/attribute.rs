//! Texts that are kept as attributes of the root group (specification, sections IV.A.2.m and III.E).

use super::super::bytes::{Bytes, Damage};
use super::File;
use super::dense::ATTRIBUTES_BY_NAME;
use super::group::UNDEFINED;
use super::object::{ATTRIBUTE, ATTRIBUTE_INFO, messages};
use crate::limits;

/// Datatype classes.
const FIXED_STRING: u8 = 3;
const VARIABLE_LENGTH: u8 = 9;

impl File<'_> {
    /// The text of an attribute of the root group; none where there is no such attribute, or it holds no text.
    ///
    /// # Errors
    /// When the file's structures are damaged.
    pub(in super::super) fn text_attribute(self, wanted: &str) -> Result<Option<String>, Damage> {
        self.text_attribute_of(self.root, wanted)
    }

    /// The same of the object at `address`.
    pub(in super::super) fn text_attribute_of(self, address: u64, wanted: &str) -> Result<Option<String>, Damage> {
        for message in messages(self.bytes, address)? {
            let stored = match message.kind {
                ATTRIBUTE if !message.shared => vec![message.data],
                ATTRIBUTE_INFO => {
                    let at = if message.data.u8(1)? & 1 != 0 { 4 } else { 2 };
                    match message.data.u64(at)? {
                        UNDEFINED => continue,
                        heap => self.dense(heap, message.data.u64(at + 8)?, ATTRIBUTES_BY_NAME)?,
                    }
                }
                _ => continue,
            };
            for data in stored {
                let attribute = Attribute::new(data)?;
                if attribute.name == wanted.as_bytes() {
                    return self.text(&attribute);
                }
            }
        }
        Ok(None)
    }

    fn text(self, attribute: &Attribute<'_>) -> Result<Option<String>, Damage> {
        let (datatype, value) = (attribute.datatype, attribute.value);
        let bytes = match (datatype.u8(0)? & 15, datatype.u8(1)? & 15) {
            (FIXED_STRING, _) => value.slice(0, u64::from(datatype.u32(4)?))?,
            // Of characters, not of other elements.
            (VARIABLE_LENGTH, 1) => {
                let (length, collection, index) = (value.u32(0)?, value.u64(4)?, value.u32(12)?);
                Bytes(self.heap_object(collection, index)?).slice(0, u64::from(length))?
            }
            _ => return Ok(None),
        };
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(std::str::from_utf8(text).ok().map(str::to_owned)) // other bytes are no text
    }

    /// An object of a global heap collection.
    fn heap_object(&self, collection: u64, wanted: u32) -> Result<&[u8], Damage> {
        let heap = self.bytes.tail(collection)?;
        heap.expect(b"GCOL", "global heap")?;
        let heap = Bytes(heap.slice(0, heap.u64(8)?)?);
        let mut at = 16;
        for _ in 0..limits::HDF5_HEAP_OBJECTS {
            let (index, size) = (heap.u16(at)?, heap.u64(at + 8)?);
            if u32::from(index) == wanted {
                return heap.slice(at + 16, size);
            }
            let end = size.checked_next_multiple_of(8).and_then(|size| size.checked_add(at + 16));
            match end {
                Some(end) if index != 0 => at = end,
                _ => break,
            }
        }
        Err(Damage("a text lies at no place of the global heap".to_owned()))
    }
}

/// An attribute message.
struct Attribute<'a> {
    name: &'a [u8],
    datatype: Bytes<'a>,
    value: Bytes<'a>,
}

impl<'a> Attribute<'a> {
    fn new(message: Bytes<'a>) -> Result<Self, Damage> {
        let version = message.u8(0)?;
        let start = match version {
            1 | 2 => 8,
            3 => 9,
            _ => return Err(Damage(format!("an attribute has version {version}"))),
        };
        // Version 1 fills its parts up to whole words.
        let part_bytes = |size: u16| u64::from(if version == 1 { size.next_multiple_of(8) } else { size });
        let [name, datatype, dataspace] = [message.u16(2)?, message.u16(4)?, message.u16(6)?];
        let datatype_at = start + part_bytes(name);
        let dataspace_at = datatype_at + part_bytes(datatype);
        let stored = message.slice(start, u64::from(name))?;
        Ok(Self {
            name: stored.split(|byte| *byte == 0).next().unwrap_or_default(),
            datatype: Bytes(message.slice(datatype_at, u64::from(datatype))?),
            value: message.tail(dataspace_at + part_bytes(dataspace))?,
        })
    }
}
