//! Overlay planes: one bit a pixel of drawings and text (PS3.3 C.9.2). For viewing only; no model sees them.

use dicom_core::Tag;

use super::dataset::{DataSet, Usual};
use super::element::Element;
use super::error::{Error, Result};
use super::layout::PixelLayout;
use crate::limits;

/// Where the bits of an overlay are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In its own element.
    OverlayData,
    /// In this bit of the words of the pixels.
    PixelBit(u32),
}

/// One overlay of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Its group, 0x6000 to 0x601e.
    pub group: u16,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Row and column of its upper left pixel on the image, counted from 1; may lie outside.
    pub origin: [i32; 2],
    /// What the file calls it.
    pub label: Option<String>,
    place: Place,
    frames: usize,
}

/// The bits of an overlay, `[rows, columns]`, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitPlane {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// The bits.
    pub bits: Vec<bool>,
}

impl Overlay {
    /// The overlays of a data set; those without a size or bits are left out with a warning.
    pub(super) fn all_of(data_set: &DataSet<'_>, layout: &PixelLayout, warnings: &mut Vec<String>) -> Vec<Self> {
        let mut found = Vec::new();
        for group in (0x6000..=0x601e).step_by(2) {
            let is_there = |element: &Element| element.tag.group() == group;
            if !data_set.elements.iter().any(is_there) {
                continue;
            }
            match Self::read(data_set, group, layout) {
                Some(overlay) => found.push(overlay),
                None => warnings.push("an overlay cannot be read and was left out".to_owned()),
            }
        }
        found
    }

    /// The bits of the pixels' words that overlays may use: those that one without data of its own names, and all where it
    /// names none.
    pub(super) fn bits_in_pixels(data_set: &DataSet<'_>) -> u32 {
        let groups = (0x6000..=0x601e).step_by(2);
        groups.fold(0, |bits, group| {
            let is_there = data_set.elements.iter().any(|element| element.tag.group() == group);
            if !is_there || data_set.element(Tag(group, 0x3000)).is_some() {
                return bits;
            }
            bits | data_set
                .unsigned(Tag(group, 0x0102))
                .map_or(u32::MAX, |bit| 1_u32.checked_shl(bit.into()).unwrap_or(0))
        })
    }

    fn read(data_set: &DataSet<'_>, group: u16, layout: &PixelLayout) -> Option<Self> {
        let unsigned = |element| data_set.unsigned(Tag(group, element)).map(usize::from);
        let (rows, columns) = (unsigned(0x0010)?, unsigned(0x0011)?);
        let frames = data_set.number(Tag(group, 0x0015), Usual::Text).unwrap_or(1.0).clamp(1.0, 10_000.0) as usize;
        let bits = data_set.value(Tag(group, 0x3000)).map(|data| data.len() * 8);
        let place = match bits {
            Some(bits) if bits >= rows * columns => Place::OverlayData,
            Some(_) => return None,
            None => {
                let bit = u32::from(data_set.unsigned(Tag(group, 0x0102))?);
                let is_unused = bit < layout.bits_allocated
                    && (bit > layout.high_bit || bit + layout.bits_stored < layout.high_bit + 1);
                // Bits within the pixels cover the image.
                if !is_unused || (rows, columns) != (layout.rows, layout.columns) || layout.samples_per_pixel != 1 {
                    return None;
                }
                Place::PixelBit(bit)
            }
        };
        let origin = data_set.numbers(Tag(group, 0x0050), Usual::Signed);
        let origin = [0, 1].map(|axis| origin.get(axis).map_or(1, |value| *value as i32));
        let is_sensible = rows > 0 && columns > 0 && rows * columns <= limits::PIXELS;
        let label = data_set.text(Tag(group, 0x1500)).or_else(|| data_set.text(Tag(group, 0x0022)));
        is_sensible.then_some(Self { group, rows, columns, origin, label, place, frames })
    }

    /// The bit of the pixels' words that holds the overlay, where it has no element of its own.
    pub(super) fn pixel_bit(&self) -> Option<u32> {
        match self.place {
            Place::OverlayData => None,
            Place::PixelBit(bit) => Some(bit),
        }
    }

    /// The bits for frame `frame` of the image; an overlay with fewer frames shows its first on the others.
    pub(super) fn bits(&self, data_set: &DataSet<'_>, frame: usize) -> Result<BitPlane> {
        let data = data_set.value(Tag(self.group, 0x3000)).unwrap_or_default();
        let size = self.rows * self.columns;
        let mut first = if frame < self.frames { frame * size } else { 0 };
        if (first + size).div_ceil(8) > data.len() {
            first = 0;
        }
        if size.div_ceil(8) > data.len() {
            return Err(Error::codec("overlay", "its data is too short"));
        }
        let bits = (first..first + size).map(|bit| data[bit / 8] >> (bit % 8) & 1 == 1).collect();
        Ok(BitPlane { rows: self.rows, columns: self.columns, bits })
    }
}

impl BitPlane {
    /// Bit `bit` of each word.
    pub(super) fn of_words(words: &[i32], bit: u32, layout: &PixelLayout) -> Self {
        let bits = words.iter().map(|word| word >> bit & 1 == 1).collect();
        Self { rows: layout.rows, columns: layout.columns, bits }
    }

    /// Number of bits that are set.
    pub fn count(&self) -> usize {
        self.bits.iter().filter(|bit| **bit).count()
    }
}
