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
    /// How its items are coded, where it is a sequence.
    pub(super) items: Encoding,
}

/// What a walk met that the standard forbids and that it passed over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odd {
    /// An element whose value representation does not exist.
    pub(super) unknown_vr: bool,
    /// A sequence whose items are coded otherwise than they must be.
    pub(super) other_items: bool,
}

impl Odd {
    /// One sentence each.
    pub(super) fn warnings(self) -> Vec<String> {
        let unknown = "elements of unknown value representation were passed over";
        let items = "a sequence whose items are coded otherwise than the standard wants was read as it is coded";
        let told = [(self.unknown_vr, unknown), (self.other_items, items)];
        told.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words.to_owned()).collect()
    }

    fn join(&mut self, other: Self) {
        self.unknown_vr |= other.unknown_vr;
        self.other_items |= other.other_items;
    }
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
    odd: Odd,
}

/// How the head of an element lies.
#[derive(Clone, Copy)]
enum Form {
    /// Without representation, a length of 4 bytes.
    Implicit,
    /// With a representation and a length of 2 bytes.
    Short,
    /// With a representation, two bytes of nothing and a length of 4 bytes.
    Long,
}

/// How many elements of unknown representation in a row are looked through.
const LOOK_AHEAD: usize = 3;

impl<'a> Walk<'a> {
    /// A walk over `range` of `bytes`.
    pub(super) fn new(bytes: &'a [u8], range: Range<usize>, encoding: Encoding) -> Self {
        let end = range.end.min(bytes.len());
        Self { bytes, at: range.start.min(end), end, encoding, met: 0, odd: Odd::default() }
    }

    /// Byte behind the last element returned.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What was odd so far.
    pub(super) fn odd(&self) -> Odd {
        self.odd
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
        let [a, b, c, d, e, f, _, _] = *bytes.first_chunk::<8>()?;
        let tag = self.tag([a, b, c, d]);
        let vr = [e, f];
        let form = if !self.encoding.explicit || tag.group() == 0xfffe {
            Form::Implicit
        } else if has_long_length(vr) {
            Form::Long
        } else if has_short_length(vr) {
            Form::Short
        } else {
            self.odd.unknown_vr = true;
            self.form_of_unknown(self.at, tag, vr, LOOK_AHEAD)
        };
        let (length, size) = self.length(self.at, form)?;
        self.at += size;
        let vr = if matches!(form, Form::Implicit) { None } else { Some(vr) };
        Some(Head { tag, vr, length })
    }

    /// Length of the value of the element at `at`, and of its head.
    fn length(&self, at: usize, form: Form) -> Option<(u32, usize)> {
        let bytes = self.bytes.get(at..self.end)?;
        let word = |from: usize| bytes.get(from..).and_then(<[u8]>::first_chunk).map(|word| self.encoding.u32(*word));
        match form {
            Form::Implicit => Some((word(4)?, 8)),
            Form::Short => bytes.get(6..).and_then(<[u8]>::first_chunk).map(|w| (u32::from(self.encoding.u16(*w)), 8)),
            Form::Long => Some((word(8)?, 12)),
        }
    }

    /// How the head of an element whose representation does not exist lies: in the form behind whose value another
    /// element begins. Where none does, as DCMTK takes it: letters as large ones added to the standard later, all of
    /// which have long lengths, and others short; a length that fits without representation goes before that.
    fn form_of_unknown(&self, at: usize, tag: Tag, vr: [u8; 2], look_ahead: usize) -> Form {
        let is_later = vr.iter().all(u8::is_ascii_uppercase);
        let forms = if is_later {
            [Form::Long, Form::Short, Form::Implicit]
        } else {
            [Form::Implicit, Form::Short, Form::Long]
        };
        let end_of = |form: Form| {
            let (length, size) = self.length(at, form)?;
            (at + size).checked_add(length as usize).filter(|end| *end <= self.end)
        };
        let lands = forms.into_iter().find(|form| end_of(*form).is_some_and(|end| self.begins(end, tag, look_ahead)));
        lands.unwrap_or_else(|| {
            if is_later {
                Form::Long
            } else if end_of(Form::Implicit).is_some() {
                Form::Implicit
            } else {
                Form::Short
            }
        })
    }

    /// Whether an element with a larger tag than `before`, a delimiter or the end is at `at`.
    fn begins(&self, at: usize, before: Tag, look_ahead: usize) -> bool {
        let Some(bytes) = self.bytes.get(at..self.end) else { return false };
        let Some([a, b, c, d, e, f, _, _]) = bytes.first_chunk::<8>().copied() else { return bytes.is_empty() };
        let tag = self.tag([a, b, c, d]);
        if matches!(tag, ITEM_END | SEQUENCE_END) {
            return true;
        }
        if tag <= before || tag.group() == 0xfffe {
            return false;
        }
        if !self.encoding.explicit || is_vr([e, f]) {
            return true;
        }
        let end_of = |form: Form| {
            let (length, size) = self.length(at, form)?;
            (at + size).checked_add(length as usize).filter(|end| *end <= self.end)
        };
        look_ahead > 0
            && [Form::Implicit, Form::Short, Form::Long]
                .into_iter()
                .any(|form| end_of(form).is_some_and(|end| self.begins(end, tag, look_ahead - 1)))
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
            return Ok(Some(Element { tag, vr, value: start..self.at, undefined, missing, items: self.encoding }));
        }
        if undefined {
            let (value_end, items) = self.skip_sequence(vr, depth + 1)?;
            return Ok(Some(Element { tag, vr, value: start..value_end, undefined, missing: 0, items }));
        }
        let declared = u64::from(length);
        if declared > remaining {
            if !is_pixel_data(tag) || depth > 0 {
                return Err(Error::Truncated { tag, declared, remaining });
            }
            self.at = self.end;
            let missing = declared - remaining;
            return Ok(Some(Element { tag, vr, value: start..self.end, undefined, missing, items: self.encoding }));
        }
        self.at = start + length as usize;
        let items = self.items_encoding(start, self.at, vr);
        if vr == Some(*b"SQ") {
            self.check_limits(start..self.at, items, depth + 1)?;
        }
        Ok(Some(Element { tag, vr, value: start..self.at, undefined, missing: 0, items }))
    }

    /// How the items of a sequence have to be coded: as the data set is, and those of an unknown element without value
    /// representations and little endian (PS3.5 6.2.2).
    fn usual_items(&self, vr: Option<[u8; 2]>) -> Encoding {
        if vr == Some(*b"UN") { Encoding::IMPLICIT } else { self.encoding }
    }

    /// How the items between `start` and `end` are coded, by the first element of the first item that has any.
    fn items_encoding(&self, start: usize, end: usize, vr: Option<[u8; 2]>) -> Encoding {
        let usual = self.usual_items(vr);
        let mut at = start;
        for _ in 0..LOOK_AHEAD {
            let Some(&[a, b, c, d, length @ ..]) = self.bytes.get(at..end).and_then(<[u8]>::first_chunk::<8>) else {
                return usual;
            };
            let little_endian = match [a, b, c, d] {
                [0xfe, 0xff, 0x00, 0xe0] => true,
                [0xff, 0xfe, 0xe0, 0x00] => false,
                _ => return usual,
            };
            let order = Encoding { explicit: usual.explicit, little_endian };
            at += 8;
            if order.u32(length) == 0 {
                continue;
            }
            let rest = self.bytes.get(at..end).unwrap_or_default();
            let Some(&[a, b, c, d, e, f, ..]) = rest.first_chunk::<8>() else { return usual };
            if Tag(order.u16([a, b]), order.u16([c, d])) == ITEM_END {
                at += 8;
                continue;
            }
            let inner = Self::new(self.bytes, at..end, Encoding { explicit: true, ..order });
            let fits = |form: Form| {
                let found = inner.length(at, form);
                found.is_some_and(|(length, size)| length == UNDEFINED || size + length as usize <= rest.len())
            };
            let named = if has_long_length([e, f]) { Form::Long } else { Form::Short };
            let explicit = if is_vr([e, f]) {
                fits(named) || !fits(Form::Implicit)
            } else {
                usual.explicit && !fits(Form::Implicit)
            };
            return Encoding { explicit, little_endian };
        }
        usual
    }

    /// Passes over the items of a sequence of undefined length: as its first item is coded, and where that leads
    /// nowhere, as the others are. Gives the end of the last item and their coding.
    fn skip_sequence(&mut self, vr: Option<[u8; 2]>, depth: usize) -> Result<(usize, Encoding)> {
        let start = self.at;
        let usual = self.usual_items(vr);
        let found = self.items_encoding(start, self.end, vr);
        let turned = Encoding { explicit: !found.explicit, ..found };
        let other = if usual == found { turned } else { usual };
        let first = match self.skip_items(found, depth) {
            Ok(end) => {
                self.odd.other_items |= found != usual;
                return Ok((end, found));
            }
            Err(limit @ Error::Limit { .. }) => return Err(limit),
            Err(error) => error,
        };
        self.at = start;
        match self.skip_items(other, depth) {
            Ok(end) => {
                self.odd.other_items |= other != usual;
                Ok((end, other))
            }
            Err(limit @ Error::Limit { .. }) => Err(limit),
            Err(_) => Err(first),
        }
    }

    /// Refuses a sequence of defined length that exceeds a limit; that it is readable shows when it is read.
    fn check_limits(&mut self, range: Range<usize>, items: Encoding, depth: usize) -> Result<()> {
        let mut inner = Self { met: self.met, ..Self::new(self.bytes, range, items) };
        let done = inner.skip_items(items, depth);
        self.met = inner.met;
        self.odd.join(inner.odd);
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
        self.odd.join(inner.odd);
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
pub(super) fn items(bytes: &[u8], element: &Element) -> Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    items_into(&mut found, bytes, element)?;
    Ok(found)
}

/// The same; items before damage are in `found`.
pub(super) fn items_into(found: &mut Vec<Range<usize>>, bytes: &[u8], element: &Element) -> Result<()> {
    let mut walk = Walk::new(bytes, element.value.clone(), element.items);
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

/// Whether it has 2 bytes.
fn has_short_length(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FL"
            | b"FD"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SS"
            | b"ST"
            | b"TM"
            | b"UI"
            | b"UL"
            | b"US"
    )
}

/// Whether these are the letters of a value representation.
pub(super) fn is_vr(vr: [u8; 2]) -> bool {
    has_long_length(vr) || has_short_length(vr)
}
