//! DICOM files from elements, in every coding, to lie as files of others lie.

use std::collections::BTreeMap;
use std::io::Write;

use saliscope::radiograph::Radiograph;
use saliscope::radiograph::dicom::{DicomImage, Error};

pub(crate) const ROWS: usize = 24;
pub(crate) const COLUMNS: usize = 20;

/// How the data set is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Implicit,
    Explicit,
    BigEndian,
    Deflated,
}

impl Coding {
    pub(crate) const ALL: [Self; 4] = [Self::Implicit, Self::Explicit, Self::BigEndian, Self::Deflated];

    fn syntax(self) -> &'static str {
        match self {
            Self::Implicit => "1.2.840.10008.1.2",
            Self::Explicit => "1.2.840.10008.1.2.1",
            Self::BigEndian => "1.2.840.10008.1.2.2",
            Self::Deflated => "1.2.840.10008.1.2.1.99",
        }
    }

    fn is_explicit(self) -> bool {
        self != Self::Implicit
    }

    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::BigEndian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::BigEndian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn words(self, values: impl IntoIterator<Item = u16>) -> Vec<u8> {
        values.into_iter().flat_map(|value| self.u16(value)).collect()
    }

    /// One element with its head; `ox` decides the length's place as the standard does.
    pub(crate) fn element(self, [group, number]: [u16; 2], vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let padding = if matches!(vr, b"UI" | b"OB" | b"OW" | b"UN") { 0 } else { b' ' };
        let value: Vec<u8> = value.iter().copied().chain((value.len() % 2 == 1).then_some(padding)).collect();
        let mut bytes = [self.u16(group), self.u16(number)].concat();
        if !self.is_explicit() || group == 0xfffe {
            bytes.extend(self.u32(value.len() as u32));
        } else {
            bytes.extend(vr);
            if matches!(vr, b"OB" | b"OW" | b"SQ" | b"UN" | b"UT") {
                bytes.extend([0, 0]);
                bytes.extend(self.u32(value.len() as u32));
            } else {
                bytes.extend(self.u16(value.len() as u16));
            }
        }
        bytes.extend(value);
        bytes
    }
}

/// A file in the making: elements in the order of their tags.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) coding: Coding,
    pub(crate) syntax: Option<&'static str>,
    elements: BTreeMap<[u16; 2], Vec<u8>>,
}

impl Made {
    /// A gray image of words with so many bits allocated and stored.
    pub(crate) fn gray(coding: Coding, allocated: u16, stored: u16, words: &[u16]) -> Self {
        let made = Self { coding, syntax: None, elements: BTreeMap::new() }
            .text([0x08, 0x60], b"CS", "CR")
            .number([0x28, 0x02], 1)
            .text([0x28, 0x04], b"CS", "MONOCHROME2")
            .number([0x28, 0x10], ROWS as u16)
            .number([0x28, 0x11], COLUMNS as u16)
            .number([0x28, 0x100], allocated)
            .number([0x28, 0x101], stored)
            .number([0x28, 0x102], stored - 1)
            .number([0x28, 0x103], 0);
        if allocated == 8 {
            let bytes: Vec<u8> = words.iter().map(|word| *word as u8).collect();
            made.bytes([0x7fe0, 0x10], b"OB", &bytes)
        } else {
            let bytes = coding.words(words.iter().copied());
            made.bytes([0x7fe0, 0x10], b"OW", &bytes)
        }
    }

    pub(crate) fn bytes(mut self, tag: [u16; 2], vr: &[u8; 2], value: &[u8]) -> Self {
        self.elements.insert(tag, self.coding.element(tag, vr, value));
        self
    }

    /// An element with its head as given.
    pub(crate) fn raw(mut self, tag: [u16; 2], element: Vec<u8>) -> Self {
        self.elements.insert(tag, element);
        self
    }

    pub(crate) fn text(self, tag: [u16; 2], vr: &[u8; 2], value: &str) -> Self {
        self.bytes(tag, vr, value.as_bytes())
    }

    pub(crate) fn number(self, tag: [u16; 2], value: u16) -> Self {
        let value = self.coding.u16(value);
        self.bytes(tag, b"US", &value)
    }

    /// A sequence of items, each a list of coded elements.
    pub(crate) fn sequence(self, tag: [u16; 2], items: &[Vec<u8>]) -> Self {
        let coding = self.coding;
        let items: Vec<u8> = items.iter().flat_map(|item| coding.element([0xfffe, 0xe000], b"  ", item)).collect();
        self.bytes(tag, b"SQ", &items)
    }

    pub(crate) fn window(self, center: &str, width: &str) -> Self {
        self.text([0x28, 0x1050], b"DS", center).text([0x28, 0x1051], b"DS", width)
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        let data_set: Vec<u8> = self.elements.values().flatten().copied().collect();
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        let syntax = self.syntax.unwrap_or(self.coding.syntax());
        bytes.extend(Coding::Explicit.element([2, 0x10], b"UI", syntax.as_bytes()));
        if self.coding == Coding::Deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(bytes, flate2::Compression::fast());
            encoder.write_all(&data_set).unwrap();
            encoder.finish().unwrap()
        } else {
            bytes.extend(data_set);
            bytes
        }
    }

    pub(crate) fn image(&self) -> DicomImage {
        DicomImage::from_bytes(self.file()).unwrap_or_else(|error| panic!("{error}: {:?}", self.coding))
    }

    /// What a model reads, and all that was told.
    pub(crate) fn levels(&self) -> (Vec<f32>, String) {
        let radiograph = Radiograph::from_dicom(&self.image(), 0).unwrap();
        (radiograph.pixels().to_vec(), radiograph.warnings().join("; "))
    }

    pub(crate) fn refused(&self) -> String {
        let read = DicomImage::from_bytes(self.file()).and_then(|image| image.frame(0));
        match read {
            Err(error @ (Error::OtherCoding { .. } | Error::Unsupported { .. } | Error::NoPixels { .. })) => {
                error.to_string()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A ramp over columns with a little grain, from 0 to `largest`.
pub(crate) fn picture(largest: u16) -> Vec<u16> {
    let grain = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 29) as f64 / 400.0;
    let part = |at: usize| (at % COLUMNS) as f64 / (COLUMNS - 1) as f64 * 0.95 + (at / COLUMNS) as f64 / 800.0;
    let top = ROWS * COLUMNS - 1;
    (0..=top).map(|at| if at == top { largest } else { ((part(at) + grain(at)) * f64::from(largest)) as u16 }).collect()
}

/// Fails unless all levels are those wanted.
pub(crate) fn assert_levels(found: &[f32], wanted: impl IntoIterator<Item = f64>, what: &str) {
    let wanted: Vec<f64> = wanted.into_iter().collect();
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (at, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert!((f64::from(*found) - wanted).abs() < 1e-3, "{what}: {found} instead of {wanted} at {at}");
    }
}

/// Gray level of a value through a LINEAR window.
pub(crate) fn linear(value: f64, center: f64, width: f64) -> f64 {
    255.0 * ((value - (center - 0.5)) / (width - 1.0) + 0.5).clamp(0.0, 1.0)
}

/// Numbers that look random, the same for every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}
