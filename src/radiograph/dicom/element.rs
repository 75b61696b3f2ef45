//! The walk over a data set: where each element lies, without believing any length and without allocating by one.
//!
//! Everything is read through this walk. dicom-object would be a second parser after it, and its readers reserve
//! memory by declared lengths, take text marked `UN` as binary and drop lookup tables with 65536 entries.

use std::ops::Range;

use dicom_core::Tag;

use super::error::{Error, Result};
use super::transfer_syntax::Encoding;
use crate::limits;

pub(super) const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
const UNDEFINED: u32 = u32::MAX;

/// The pixel data of an image, of whatever type.
pub(super) fn is_pixel_data(tag: Tag) -> bool {
    tag.group() == 0x7fe0 && matches!(tag.element(), 0x0008 | 0x0009 | 0x0010)
}

/// Where one element lies.
#[derive(Clone, Debug)]
pub(in crate::radiograph) struct Element {
    pub(in crate::radiograph) tag: Tag,
    /// Value representation where the data set gives one.
    pub(super) vr: Option<[u8; 2]>,
    /// Its value; of pixel data in fragments and of sequences all items with their heads.
    pub(super) value: Range<usize>,
    /// The length was not declared: a sequence, or pixel data in fragments.
    pub(super) undefined: bool,
    /// Bytes that the declared length promises beyond the end of the file. Not 0 only for pixel data.
    pub(super) missing: u64,
}

/// The head of an element or item.
struct Head {
    tag: Tag,
    vr: Option<[u8; 2]>,
    length: u32,
}

/// Walks the elements of one level.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    encoding: Encoding,
    /// Elements and items met, shared by all levels.
    met: usize,
}

impl<'a> Walk<'a> {
    /// A walk over `range` of `bytes`.
    pub(super) fn new(bytes: &'a [u8], range: Range<usize>, encoding: Encoding) -> Self {
        let end = range.end.min(bytes.len());
        Self { bytes, at: range.start.min(end), end, encoding, met: 0 }
    }

    /// Byte behind the last element returned.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The tag of the next element, where there is one.
    pub(super) fn peek(&self) -> Option<Tag> {
        let head: [u8; 4] = self.bytes.get(self.at..self.end)?.first_chunk().copied()?;
        Some(self.tag(head))
    }

    /// The next element, or nothing at the end. Fewer than 8 bytes at the end are padding.
    pub(super) fn next(&mut self) -> Result<Option<Element>> {
        self.next_at(0)
    }

    fn tag(&self, [a, b, c, d]: [u8; 4]) -> Tag {
        Tag(self.encoding.u16([a, b]), self.encoding.u16([c, d]))
    }

    fn head(&mut self) -> Option<Head> {
        let bytes = &self.bytes[self.at..self.end];
        let (first, rest) = bytes.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *first;
        let tag = self.tag([a, b, c, d]);
        // An element without letters where its representation should stand was written without one; other readers take
        // letters by their order.
        let explicit = self.encoding.explicit && tag.group() != 0xfffe && (*b"AA"..=*b"ZZ").contains(&[e, f]);
        let (vr, length, size) = if !explicit {
            (None, self.encoding.u32([e, f, g, h]), 8)
        } else if has_long_length([e, f]) {
            (Some([e, f]), self.encoding.u32(*rest.first_chunk()?), 12)
        } else {
            (Some([e, f]), u32::from(self.encoding.u16([g, h])), 8)
        };
        self.at += size;
        Some(Head { tag, vr, length })
    }

    fn count(&mut self) -> Result<()> {
        self.met += 1;
        if self.met > limits::DICOM_ELEMENTS {
            Err(Error::Limit { what: "more than a million elements" })
        } else {
            Ok(())
        }
    }

    fn next_at(&mut self, depth: usize) -> Result<Option<Element>> {
        let Some(Head { tag, vr, length }) = self.head() else {
            self.at = self.end;
            return Ok(None);
        };
        self.count()?;
        let start = self.at;
        let remaining = (self.end - start) as u64;
        let undefined = length == UNDEFINED;
        if undefined && is_pixel_data(tag) {
            let missing = self.skip_fragments(depth)?;
            return Ok(Some(Element { tag, vr, value: start..self.at, undefined, missing }));
        }
        if undefined {
            // PS3.5 6.2.2: the items of an unknown element of undefined length are implicit VR little endian.
            let encoding = if vr == Some(*b"UN") { Encoding::IMPLICIT } else { self.encoding };
            let value_end = self.skip_items(encoding, depth + 1)?;
            return Ok(Some(Element { tag, vr, value: start..value_end, undefined, missing: 0 }));
        }
        let declared = u64::from(length);
        if declared > remaining {
            if !is_pixel_data(tag) || depth > 0 {
                return Err(Error::Truncated { tag, declared, remaining });
            }
            self.at = self.end;
            return Ok(Some(Element { tag, vr, value: start..self.end, undefined, missing: declared - remaining }));
        }
        self.at = start + length as usize;
        if vr == Some(*b"SQ") {
            self.check_limits(start..self.at, depth + 1)?;
        }
        Ok(Some(Element { tag, vr, value: start..self.at, undefined, missing: 0 }))
    }

    /// Refuses a sequence of defined length that exceeds a limit; that it is readable shows when it is read.
    fn check_limits(&mut self, range: Range<usize>, depth: usize) -> Result<()> {
        let mut inner = Self { met: self.met, ..Self::new(self.bytes, range, self.encoding) };
        let done = inner.skip_items(self.encoding, depth);
        self.met = inner.met;
        match done {
            Err(limit @ Error::Limit { .. }) => Err(limit),
            _ => Ok(()),
        }
    }

    /// Passes over the items of a sequence up to its delimiter (or the end of this walk where that is known) and gives
    /// the end of the last item.
    fn skip_items(&mut self, encoding: Encoding, depth: usize) -> Result<usize> {
        let outer = std::mem::replace(&mut self.encoding, encoding);
        let done = self.skip_items_as_coded(depth);
        self.encoding = outer;
        done
    }

    fn skip_items_as_coded(&mut self, depth: usize) -> Result<usize> {
        if depth > limits::DICOM_DEPTH {
            return Err(Error::Limit { what: "sequences nested more than 16 deep" });
        }
        let mut items = 0;
        loop {
            let item_at = self.at;
            let Some(Head { tag, length, .. }) = self.head() else {
                return Err(Error::Damaged { what: "a sequence without an end", at: item_at });
            };
            if tag == SEQUENCE_END {
                return Ok(item_at);
            }
            if tag != ITEM {
                return Err(Error::Damaged { what: "no item where a sequence needs one", at: item_at });
            }
            self.count()?;
            items += 1;
            if items > limits::DICOM_ITEMS {
                return Err(Error::Limit { what: "a sequence of more than 10000 items" });
            }
            self.pass_item(length, depth)?;
            if self.at == self.end {
                return Ok(self.end);
            }
        }
    }

    fn pass_item(&mut self, length: u32, depth: usize) -> Result<()> {
        if length == UNDEFINED {
            loop {
                if self.peek() == Some(ITEM_END) {
                    self.at = (self.at + 8).min(self.end);
                    return Ok(());
                }
                let at = self.at;
                if self.next_at(depth)?.is_none() {
                    return Err(Error::Damaged { what: "an item without an end", at });
                }
            }
        }
        let remaining = self.end - self.at;
        if length as usize > remaining {
            return Err(Error::Truncated { tag: ITEM, declared: u64::from(length), remaining: remaining as u64 });
        }
        let range = self.at..self.at + length as usize;
        self.at = range.end;
        let mut inner = Self { met: self.met, ..Self::new(self.bytes, range, self.encoding) };
        let passed = loop {
            match inner.next_at(depth) {
                Ok(Some(_)) => {}
                Err(limit @ Error::Limit { .. }) => break Err(limit),
                // The item is passed by its length; that it is readable shows when it is read.
                Ok(None) | Err(_) => break Ok(()),
            }
        };
        self.met = inner.met;
        passed
    }

    /// Passes over fragments and gives the number of bytes missing of the last one.
    fn skip_fragments(&mut self, depth: usize) -> Result<u64> {
        for _ in 0..limits::DICOM_FRAGMENTS {
            let at = self.at;
            match self.head() {
                Some(Head { tag: SEQUENCE_END, .. }) => return Ok(0),
                Some(Head { tag: ITEM, length, .. }) => {
                    let remaining = self.end - self.at;
                    if length as usize > remaining {
                        self.at = self.end;
                        let missing = u64::from(length) - remaining as u64;
                        return if depth == 0 {
                            Ok(missing)
                        } else {
                            Err(Error::Damaged { what: "a fragment without an end", at })
                        };
                    }
                    self.at += length as usize;
                }
                // What follows belongs to nothing; the fragments so far are whole.
                _ if depth == 0 => {
                    self.at = self.end;
                    return Ok(1);
                }
                _ => return Err(Error::Damaged { what: "fragments without an end", at }),
            }
        }
        Err(Error::Limit { what: "more than 100000 fragments of pixel data" })
    }
}

/// The fragments of encapsulated pixel data, the offset table first.
pub(super) fn fragments(bytes: &[u8], element: &Element, encoding: Encoding) -> Vec<Range<usize>> {
    let mut walk = Walk::new(bytes, element.value.clone(), encoding);
    let mut found = Vec::new();
    while let Some(Head { tag: ITEM, length, .. }) = walk.head() {
        let end = walk.at.saturating_add(length as usize).min(walk.end);
        found.push(walk.at..end);
        walk.at = end;
    }
    found
}

/// The content of each item of a sequence.
pub(super) fn items(bytes: &[u8], element: &Element, encoding: Encoding) -> Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    items_into(&mut found, bytes, element, encoding)?;
    Ok(found)
}

/// The same; items before damage are in `found`.
pub(super) fn items_into(
    found: &mut Vec<Range<usize>>,
    bytes: &[u8],
    element: &Element,
    encoding: Encoding,
) -> Result<()> {
    let mut walk = Walk::new(bytes, element.value.clone(), encoding);
    while let Some(Head { tag, length, .. }) = walk.head() {
        if tag != ITEM {
            break;
        }
        let start = walk.at;
        walk.pass_item(length, 1)?;
        let end = if length == UNDEFINED { walk.at.saturating_sub(8).max(start) } else { walk.at };
        found.push(start..end);
        if found.len() > limits::DICOM_ITEMS {
            return Err(Error::Limit { what: "a sequence of more than 10000 items" });
        }
    }
    Ok(())
}

/// Whether the length of an element with explicit VR has 4 bytes (PS3.5 table 7.1-1).
fn has_long_length(vr: [u8; 2]) -> bool {
    matches!(&vr, b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV")
}

/// Whether these are the letters of a value representation.
pub(super) fn is_vr(vr: [u8; 2]) -> bool {
    const SHORT: [&[u8; 2]; 21] = [
        b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
        b"ST", b"TM", b"UI", b"UL", b"US",
    ];
    has_long_length(vr) || SHORT.contains(&&vr)
}
