//! Which bytes belong to which frame (PS3.5 A.4).

use std::borrow::Cow;
use std::ops::Range;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::element::{Element, fragments};
use super::error::{Error, Result};
use super::layout::PixelLayout;
use super::native_coding::{Found, Value, settle};
use super::transfer_syntax::{Encoding, TransferSyntax};

/// Where the pixels of a file lie.
#[derive(Clone, Debug)]
pub(super) enum PixelBytes {
    /// All frames one after the other.
    Native(NativeBytes),
    /// Each frame in its own fragments.
    Fragments(Vec<Vec<Range<usize>>>),
}

/// Uncompressed pixels.
#[derive(Clone, Debug)]
pub(super) struct NativeBytes {
    pub(super) range: Range<usize>,
    /// 16-bit words hold pairs of bytes (OW).
    pub(super) words: bool,
    pub(super) little_endian: bool,
    /// Two neighbours share their colour differences (4:2:2).
    pub(super) shares_colour: bool,
}

impl PixelBytes {
    /// The element that holds an image's pixels as integers.
    pub(super) fn element<'a>(data_set: &'a DataSet<'_>) -> Result<&'a Element> {
        data_set.element(tags::PIXEL_DATA).ok_or_else(|| no_integers(data_set))
    }

    /// Finds the pixels of each frame in their element. Layout and transfer syntax are corrected where the bytes prove
    /// another coding.
    pub(super) fn find(
        data_set: &DataSet<'_>,
        element: &Element,
        syntax: &mut TransferSyntax,
        layout: &mut PixelLayout,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        if element.missing > 0 {
            warnings.push("the file ends within its pixel data: it is truncated".to_owned());
        }
        // Pixel data of defined length is not in fragments, whatever the transfer syntax says, and the reverse.
        if !element.undefined {
            let range = element.value.clone();
            let little_endian = data_set.encoding.little_endian;
            let bytes = data_set.bytes.get(range.clone()).unwrap_or_default();
            let value = Value { bytes, missing: element.missing, little_endian };
            return Ok(match settle(&value, layout, syntax, warnings)? {
                Found::Pixels { shares_colour } => {
                    let words = element.vr != Some(*b"OB");
                    Self::Native(NativeBytes { range, words, little_endian, shares_colour })
                }
                Found::Codestream => {
                    layout.photometric = layout.photometric.coded();
                    Self::Fragments(vec![vec![range]])
                }
            });
        }
        layout.photometric = layout.photometric.coded();
        let found = fragments(data_set.bytes, element, data_set.encoding);
        let Some((table, found)) = found.split_first() else {
            return Err(Error::codec("DICOM", "the pixel data has no fragments"));
        };
        if found.is_empty() {
            return Err(Error::codec("DICOM", "the pixel data has no fragments"));
        }
        let offsets = offsets(data_set, table.clone());
        Ok(Self::Fragments(by_frame(data_set.bytes, found, &offsets, layout.frames, warnings)?))
    }

    /// The bytes of a frame in fragments.
    pub(super) fn joined<'a>(bytes: &'a [u8], fragments: &[Range<usize>]) -> Cow<'a, [u8]> {
        let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        match fragments {
            [one] => Cow::Borrowed(part(one)),
            several => Cow::Owned(several.iter().flat_map(part).copied().collect()),
        }
    }
}

fn no_integers(data_set: &DataSet<'_>) -> Error {
    let has = |tag: Tag| data_set.element(tag).is_some();
    if has(tags::FLOAT_PIXEL_DATA) || has(tags::DOUBLE_FLOAT_PIXEL_DATA) {
        return Error::unsupported("DICOM with floating-point pixels");
    }
    let modality = data_set.text(tags::MODALITY);
    let class = data_set.text(tags::SOP_CLASS_UID);
    let class = class.as_deref().and_then(|uid| uid.strip_prefix("1.2.840.10008.5.1.4.1.1."));
    let is_of = |group: &str| class.is_some_and(|class| class.starts_with(group));
    let what = match modality.as_deref() {
        _ if has(tags::DIRECTORY_RECORD_SEQUENCE) => "it is a DICOMDIR, an index of other files",
        _ if class == Some("104.1") => "it is an encapsulated PDF document",
        _ if is_of("104.") || has(tags::ENCAPSULATED_DOCUMENT) => "it is an encapsulated document",
        _ if class == Some("88.59") => "it is a selection of key objects",
        _ if is_of("88.") => "it is a structured report",
        _ if is_of("11.") => "it is a presentation state",
        _ if is_of("9.") => "it is a waveform",
        Some("SR") => "it is a structured report",
        Some("KO") => "it is a selection of key objects",
        Some("PR") => "it is a presentation state",
        Some("DOC") => "it is an encapsulated document",
        Some("RTPLAN" | "RTSTRUCT" | "RTRECORD") => "it is a radiotherapy object without pixels",
        Some("ECG" | "HD" | "EPS" | "AU") => "it is a waveform",
        _ if has(tags::PIXEL_DATA_PROVIDER_URL) => "its pixels lie on a server",
        _ => "it has no pixel data",
    }
    .to_owned();
    Error::NoPixels { what }
}

/// Offsets of the frames from the first fragment's head, by the extended or the basic table; empty where there is none.
fn offsets(data_set: &DataSet<'_>, table: Range<usize>) -> Vec<u64> {
    let extended = data_set.value(tags::EXTENDED_OFFSET_TABLE).unwrap_or_default();
    if !extended.is_empty() {
        return extended.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    }
    let table = data_set.bytes.get(table).unwrap_or_default();
    table.as_chunks::<4>().0.iter().map(|word| u64::from(Encoding::EXPLICIT.u32(*word))).collect()
}

fn by_frame(
    bytes: &[u8],
    fragments: &[Range<usize>],
    offsets: &[u64],
    frames: usize,
    warnings: &mut Vec<String>,
) -> Result<Vec<Vec<Range<usize>>>> {
    if frames == 1 {
        return Ok(vec![fragments.to_vec()]);
    }
    if let Some(found) = by_offsets(fragments, offsets, frames) {
        return Ok(found);
    }
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|fragment| vec![fragment.clone()]).collect());
    }
    // Frames end with an end-of-image marker (JPEG) or end-of-codestream marker (JPEG 2000), both FF D9.
    let mut found = vec![Vec::new()];
    for fragment in fragments {
        if let Some(last) = found.last_mut() {
            last.push(fragment.clone());
        }
        let tail = bytes.get(fragment.end.saturating_sub(10).max(fragment.start)..fragment.end).unwrap_or_default();
        if tail.windows(2).any(|pair| pair == [0xff, 0xd9]) {
            found.push(Vec::new());
        }
    }
    found.retain(|frame| !frame.is_empty());
    if found.len() < frames {
        if fragments.len() >= frames {
            return Err(Error::codec("DICOM", "the fragments of the frames cannot be told apart"));
        }
        warnings.push(format!("the file announces {frames} frames and holds {}", found.len()));
    }
    found.truncate(frames);
    Ok(found)
}

/// Frames by a table of offsets, where it agrees with the fragments.
fn by_offsets(fragments: &[Range<usize>], offsets: &[u64], frames: usize) -> Option<Vec<Vec<Range<usize>>>> {
    let base = fragments.first()?.start as u64;
    if offsets.len() != frames || offsets.first() != Some(&0) {
        return None;
    }
    let mut found: Vec<Vec<Range<usize>>> = Vec::with_capacity(frames);
    let mut next = 0;
    for fragment in fragments {
        let offset = fragment.start as u64 - base;
        if offsets.get(next).is_some_and(|wanted| *wanted == offset) {
            found.push(Vec::new());
            next += 1;
        }
        found.last_mut()?.push(fragment.clone());
    }
    (next == frames).then_some(found)
}
