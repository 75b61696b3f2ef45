//! Values of the elements of a data set or of an item.

use std::borrow::Cow;
use std::ops::Range;

use dicom_core::Tag;

use super::decimal::{self, Wanted};
use super::element::{Element, Walk, is_pixel_data, is_vr, items};
use super::error::{Error, Result};
use super::transfer_syntax::Encoding;
use crate::limits;

/// The elements of one level, over the bytes they lie in.
#[derive(Clone, Debug)]
pub(in crate::radiograph) struct DataSet<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) encoding: Encoding,
    pub(in crate::radiograph) elements: Cow<'a, [Element]>,
    /// What was odd about them, one sentence each.
    pub(super) warnings: Vec<String>,
}

impl<'a> DataSet<'a> {
    /// Walks over `range`. Damage behind the pixel data ends the data set; any before is an error.
    pub(super) fn read(bytes: &'a [u8], range: Range<usize>, encoding: Encoding) -> Result<Self> {
        let mut walk = Walk::new(bytes, range, encoding);
        let mut elements: Vec<Element> = Vec::new();
        let mut has_pixels = false;
        let mut cut = None;
        loop {
            match walk.next() {
                Ok(None) => break,
                // Zeros fill some files up to a block.
                Ok(Some(element)) if element.tag == Tag(0, 0) && has_pixels => break,
                Ok(Some(element)) => {
                    has_pixels |= is_pixel_data(element.tag);
                    elements.push(element);
                }
                Err(Error::Damaged { .. } | Error::Truncated { .. }) if has_pixels => {
                    cut = Some("the elements behind the pixel data are damaged and were left out".to_owned());
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let warnings = walk.odd().warnings().into_iter().chain(cut).collect();
        Ok(Self { bytes, encoding, elements: elements.into(), warnings })
    }

    /// The element, the last one where it is repeated, as other readers take it.
    pub(super) fn element(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().rev().find(|element| element.tag == tag)
    }

    /// Bytes of the value.
    pub(super) fn value(&self, tag: Tag) -> Option<&'a [u8]> {
        self.element(tag).and_then(|element| self.bytes.get(element.value.clone()))
    }

    /// Bytes of a text without the padding at both ends; nothing where nothing else is there.
    pub(super) fn text_bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        let bytes = self.value(tag)?;
        let is_padding = |byte: &u8| matches!(byte, b' ' | b'\0' | b'\t' | b'\r' | b'\n');
        let start = bytes.iter().position(|byte| !is_padding(byte))?;
        let end = bytes.iter().rposition(|byte| !is_padding(byte))? + 1;
        bytes.get(start..end)
    }

    /// The value as text, without the padding; nothing where there is none. Letters beyond ASCII are kept where they
    /// are UTF-8 and are read as Latin-1 where they are not.
    pub(in crate::radiograph) fn text(&self, tag: Tag) -> Option<String> {
        let bytes = self.value(tag)?;
        let bytes = &bytes[..bytes.len().min(limits::DICOM_TEXT_BYTES)];
        let text = std::str::from_utf8(bytes)
            .map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned);
        let text = text.trim_matches([' ', '\0', '\t', '\r', '\n']);
        if text.is_empty() { None } else { Some(text.chars().filter(|c| !c.is_control()).collect()) }
    }

    /// The values of a text element, each without padding.
    pub(super) fn texts(&self, tag: Tag) -> Vec<String> {
        self.text(tag)
            .map(|text| text.split('\\').map(|value| value.trim_matches([' ', '\0']).to_owned()).collect())
            .unwrap_or_default()
    }

    /// The values of an element of numbers, whatever its representation. An element marked `UN`, or one without any,
    /// is taken as `usual`, its representation in the dictionary.
    pub(super) fn numbers(&self, tag: Tag, usual: Usual) -> Vec<f64> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        let Some(bytes) = self.bytes.get(element.value.clone()) else { return Vec::new() };
        let bytes = &bytes[..bytes.len().min(limits::DICOM_TEXT_BYTES * 4)];
        let encoding = self.encoding_of(element);
        let words = || bytes.as_chunks::<2>().0.iter().map(move |word| encoding.u16(*word));
        let longs = || bytes.as_chunks::<4>().0.iter().map(move |word| encoding.u32(*word));
        match &representation(element, usual) {
            b"US" | b"OW" => words().map(f64::from).collect(),
            b"SS" => words().map(|word| f64::from(word.cast_signed())).collect(),
            b"UL" => longs().map(f64::from).collect(),
            b"SL" => longs().map(|word| f64::from(word.cast_signed())).collect(),
            b"FL" => longs().map(|word| f64::from(f32::from_bits(word))).collect(),
            b"FD" => bytes
                .as_chunks::<8>()
                .0
                .iter()
                .map(|word| if encoding.little_endian { f64::from_le_bytes(*word) } else { f64::from_be_bytes(*word) })
                .collect(),
            _ => self.texts(tag).iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect(),
        }
    }

    /// The values of an attribute of decimal text (DS, IS), which programs write in many ways; a value that cannot be
    /// understood is NaN, with a warning. Where the element is binary, its numbers.
    pub(super) fn decimals(&self, tag: Tag, wanted: &Wanted, warnings: &mut Vec<String>) -> Vec<f64> {
        match self.element(tag).map(|element| representation(element, Usual::Text)) {
            None => Vec::new(),
            Some(vr) if is_binary(vr) => self.numbers(tag, Usual::Text),
            Some(_) => decimal::read(&self.texts(tag), wanted, warnings),
        }
    }

    /// Byte order and representation of an element's value: one that passed through a program that did not know it is
    /// little endian (PS3.5 6.2.2, note 4).
    pub(super) fn encoding_of(&self, element: &Element) -> Encoding {
        if element.vr == Some(*b"UN") { Encoding::IMPLICIT } else { self.encoding }
    }

    /// The first of [`DataSet::numbers`], where it is finite.
    pub(super) fn number(&self, tag: Tag, usual: Usual) -> Option<f64> {
        self.numbers(tag, usual).first().copied().filter(|number| number.is_finite())
    }

    /// An unsigned 16-bit number such as Rows.
    pub(super) fn unsigned(&self, tag: Tag) -> Option<u16> {
        let number = self.number(tag, Usual::Unsigned)?;
        (number.fract() == 0.0 && (0.0..=65_535.0).contains(&number)).then_some(number as u16)
    }

    /// The items of a sequence; none where it is absent or cannot be read.
    pub(super) fn sequence(&self, tag: Tag) -> Vec<DataSet<'a>> {
        self.item_ranges(tag)
            .into_iter()
            .filter_map(|(range, encoding)| DataSet::read(self.bytes, range, encoding).ok())
            .collect()
    }

    /// Item `index` of a sequence.
    pub(super) fn item(&self, tag: Tag, index: usize) -> Option<DataSet<'a>> {
        let (range, encoding) = self.item_ranges(tag).into_iter().nth(index)?;
        DataSet::read(self.bytes, range, encoding).ok()
    }

    fn item_ranges(&self, tag: Tag) -> Vec<(Range<usize>, Encoding)> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        let ranges = items(self.bytes, element).unwrap_or_default();
        ranges.into_iter().map(|range| (range, element.items)).collect()
    }
}

/// The representation of an element's numbers, the usual one where it names none that exists.
fn representation(element: &Element, usual: Usual) -> [u8; 2] {
    match element.vr {
        Some(vr) if vr != *b"UN" && is_vr(vr) => vr,
        _ => usual.vr(),
    }
}

fn is_binary(vr: [u8; 2]) -> bool {
    matches!(&vr, b"US" | b"OW" | b"SS" | b"UL" | b"SL" | b"FL" | b"FD")
}

/// How the dictionary represents a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Usual {
    /// US
    Unsigned,
    /// SS
    Signed,
    /// DS or IS
    Text,
}

impl Usual {
    fn vr(self) -> [u8; 2] {
        match self {
            Self::Unsigned => *b"US",
            Self::Signed => *b"SS",
            Self::Text => *b"DS",
        }
    }
}
