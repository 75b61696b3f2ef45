//! From the bytes of a file to its data set: preamble, meta group, transfer syntax, deflation.

use std::io::Read;
use std::ops::Range;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::element::{Element, Walk, fragments, is_pixel_data, is_vr};
use super::error::{Error, Result};
use super::media_directory;
use super::signature::Signature;
use super::transfer_syntax::{Encoding, PixelCoding, TransferSyntax};
use crate::limits;

/// What stands before the data set.
#[derive(Clone, Debug)]
pub(super) struct Preface {
    /// Where the data set begins in the file.
    pub(super) start: usize,
    /// Nothing when the file has no meta group or the meta group does not say it.
    pub(super) transfer_syntax_uid: Option<String>,
    pub(super) media_sop_class_uid: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// Whether the bytes begin as a DICOM file does, with or without its preamble.
pub(in crate::radiograph) fn looks_like_dicom(bytes: &[u8]) -> bool {
    if has_mark(bytes) {
        return true;
    }
    // Without the mark: the first element is of the meta group or of the identifying group, as the order of tags wants,
    // and its head makes sense in one of the encodings.
    let Some(&[a, b, c, d, e, f, g, h]) = bytes.first_chunk::<8>() else { return false };
    let encoding = encoding_of_start(bytes);
    let tag = Tag(encoding.u16([a, b]), encoding.u16([c, d]));
    if !matches!(tag.group(), 0x0002 | 0x0008) || tag.element() > 0x0020 {
        return false;
    }
    let length = if encoding.explicit { u32::from(encoding.u16([g, h])) } else { encoding.u32([e, f, g, h]) };
    let mut walk = Walk::new(bytes, 0..bytes.len(), encoding);
    let first_fits = length <= 1024 && matches!(walk.next(), Ok(Some(_)));
    // The second element has a greater tag.
    first_fits && walk.peek().is_some_and(|next| next > tag && next.group() <= 0x0010)
}

/// Whether the mark of a DICOM file stands behind its preamble.
pub(in crate::radiograph) fn has_mark(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// How the elements at the beginning of `bytes` are coded, by the first of them.
fn encoding_of_start(bytes: &[u8]) -> Encoding {
    let Some([a, b, _, _, e, f]) = bytes.first_chunk::<6>() else { return Encoding::EXPLICIT };
    let explicit = is_vr([*e, *f]);
    // Groups of the first element are small numbers: 0x0008 is 08 00 or 00 08.
    match (explicit, *a == 0 && *b != 0) {
        (true, true) => Encoding::BIG_ENDIAN,
        (true, false) => Encoding::EXPLICIT,
        (false, _) => Encoding::IMPLICIT,
    }
}

/// Whether the first element makes sense without a value representation: another with a greater tag follows.
fn begins_implicit(bytes: &[u8]) -> bool {
    let mut walk = Walk::new(bytes, 0..bytes.len(), Encoding::IMPLICIT);
    let first = walk.next();
    matches!(first, Ok(Some(first)) if walk.peek().is_none_or(|next| next > first.tag))
}

impl Preface {
    /// Reads what stands before the data set. Believes no group length: the group ends where another begins.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut warnings = Vec::new();
        let start = if has_mark(bytes) {
            132
        } else if looks_like_dicom(bytes) {
            warnings.push("the DICOM file has no preamble".to_owned());
            0
        } else {
            return Err(Error::NotDicom);
        };
        let rest = bytes.get(start..).unwrap_or_default();
        let mut preface = Self { start, transfer_syntax_uid: None, media_sop_class_uid: None, warnings };
        let encoding = if rest.get(4..6).is_some_and(|vr| is_vr([vr[0], vr[1]])) {
            Encoding::EXPLICIT
        } else {
            Encoding::IMPLICIT
        };
        let mut walk = Walk::new(bytes, start..bytes.len(), encoding);
        let mut elements = Vec::new();
        while walk.peek().is_some_and(|tag| tag.group() == 0x0002) {
            match walk.next()? {
                Some(element) => elements.push(element),
                None => break,
            }
            preface.start = walk.position();
        }
        if elements.is_empty() {
            preface.warnings.push("the DICOM file has no meta group".to_owned());
        }
        let meta = DataSet { bytes, encoding, elements: elements.into(), warnings: Vec::new() };
        preface.transfer_syntax_uid = meta.text(tags::TRANSFER_SYNTAX_UID);
        preface.media_sop_class_uid = meta.text(tags::MEDIA_STORAGE_SOP_CLASS_UID);
        Ok(preface)
    }

    /// Whether the file is an index of others (DICOMDIR).
    pub(super) fn is_directory(&self) -> bool {
        self.media_sop_class_uid.as_deref() == Some(media_directory::SOP_CLASS)
    }

    /// The transfer syntax and the bytes the data set lies in, inflated where it is deflated.
    pub(super) fn unpack(mut self, bytes: Vec<u8>, max_inflated: u64) -> Result<Unpacked> {
        let named = self.transfer_syntax_uid.as_deref().map(TransferSyntax::of_uid);
        let (bytes, range, inflated_cut) = if named.as_ref().is_some_and(|syntax| syntax.deflated) {
            let (inflated, cut) = inflate(bytes.get(self.start..).unwrap_or_default(), max_inflated)?;
            let length = inflated.len();
            (inflated, 0..length, cut)
        } else {
            let length = bytes.len();
            (bytes, self.start.min(length)..length, false)
        };
        let found = encoding_of_start(&bytes[range.clone()]);
        // A first element whose representation does not exist says nothing about the others.
        let is_implicit = !found.explicit && begins_implicit(&bytes[range.clone()]);
        let mut syntax = named.unwrap_or_else(|| {
            self.warnings.push("the DICOM file names no transfer syntax; it was inferred from the bytes".to_owned());
            TransferSyntax::inferred(found)
        });
        if range.len() >= 6 && found.explicit != syntax.encoding.explicit && (found.explicit || is_implicit) {
            self.warnings.push(format!(
                "the transfer syntax says {} value representations, but the data set has them {}",
                if syntax.encoding.explicit { "explicit" } else { "implicit" },
                if found.explicit { "explicit" } else { "implicit" },
            ));
            syntax.encoding.explicit = found.explicit;
        }
        Ok(Unpacked { bytes, range, syntax, inflated_cut, warnings: self.warnings })
    }
}

/// A data set ready to be walked.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    pub(super) range: Range<usize>,
    pub(super) syntax: TransferSyntax,
    /// More was deflated than was inflated.
    pub(super) inflated_cut: bool,
    pub(super) warnings: Vec<String>,
}

impl Unpacked {
    /// Where the first fragment of the pixels shows another coding than the transfer syntax names, or none is named, that
    /// is taken.
    pub(super) fn infer_pixel_coding(&mut self, data_set: &[Element]) -> Result<()> {
        let Some(pixels) = data_set.iter().find(|element| is_pixel_data(element.tag) && element.undefined) else {
            return Ok(());
        };
        let found = fragments(&self.bytes, pixels, self.syntax.encoding);
        let first = found.get(1).and_then(|range| self.bytes.get(range.clone())).unwrap_or_default();
        let named = self.syntax.pixels;
        // What pixels as they are, or deflated, begin with is chance.
        let is_free = matches!(named, PixelCoding::EncapsulatedNative | PixelCoding::DeflatedFrames);
        let signature = Signature::of(first).filter(|signature| signature.is_certain || !is_free);
        if let Some(Signature { name, coding: None, .. }) = signature {
            return Err(Error::OtherCoding { found: format!("they are {name}") });
        }
        if named == PixelCoding::Native {
            if !self.syntax.inferred {
                self.warnings
                    .push("the transfer syntax says that the pixels are uncompressed, but they are not".to_owned());
            }
        } else if let Some(Signature { name, coding, .. }) = signature
            && coding != Some(named)
        {
            self.warnings.push(format!(
                "the transfer syntax names another coding, but the pixels are {name} and were decoded as that"
            ));
        } else {
            return Ok(());
        }
        self.syntax = TransferSyntax::inferred_from_fragment(first, self.syntax.encoding);
        Ok(())
    }
}

fn inflate(deflated: &[u8], max: u64) -> Result<(Vec<u8>, bool)> {
    let mut inflated = Vec::new();
    flate2::read::DeflateDecoder::new(deflated).take(max + 1).read_to_end(&mut inflated).map_err(Error::Inflate)?;
    let cut = inflated.len() as u64 > max;
    if cut {
        if max == limits::INFLATED_BYTES {
            return Err(Error::Limit { what: "more than 256 MiB once inflated" });
        }
        inflated.truncate(max as usize);
    }
    Ok((inflated, cut))
}
