//! The mark of generated radiographs: how a file says that its image is of no patient.
//!
//! | file | mark |
//! |---|---|
//! | PNG | a text chunk with the keyword `saliscope` and the text `Synthetic phantom, no patient` |
//! | DICOM | the same text in (0009,xx01) of the private block `saliscope`, or alone in `DerivationDescription` |
//!
//! The mark is exact. A hospital's phantoms of plastic are radiographs like any other, so that neither a word in a name or
//! a comment nor `QualityControlImage` makes one.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::dicom::dataset::DataSet;
use crate::limits;

/// What the mark says.
pub(crate) const MARK: &str = "Synthetic phantom, no patient";

/// Keyword of the text chunk, and creator of the private block.
pub(crate) const MARK_OWNER: &str = "saliscope";

/// Creator of the private block when a file is written.
pub(crate) const MARK_OWNER_TAG: Tag = Tag(0x0009, 0x0010);

/// Place of the mark when a file is written.
pub(crate) const MARK_TAG: Tag = Tag(0x0009, 0x1001);

/// Bytes before the first chunk of a PNG.
const PNG_SIGNATURE_BYTES: usize = 8;

/// Length, type and check sum of a chunk.
const CHUNK_BYTES: usize = 12;

/// Whether a PNG says that it is a phantom. The file may be cut anywhere: only what lies before the pixels is asked.
pub(crate) fn png_is_phantom(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(PNG_SIGNATURE_BYTES..).unwrap_or_default();
    for _ in 0..limits::PNG_CHUNKS {
        let Some((head, body)) = rest.split_first_chunk::<8>() else { return false };
        let (length, kind) = head.split_at(4);
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        if kind == b"IDAT" || kind == b"IEND" {
            return false;
        }
        let Some(content) = body.get(..length) else { return false };
        let text = match kind {
            b"tEXt" => content.strip_prefix(MARK_OWNER.as_bytes()).and_then(|rest| rest.strip_prefix(b"\0")),
            // Not compressed, without language and translated keyword: what programs make of the chunk before.
            b"iTXt" => content.strip_prefix(MARK_OWNER.as_bytes()).and_then(|rest| rest.strip_prefix(b"\0\0\0\0\0")),
            _ => None,
        };
        if text == Some(MARK.as_bytes()) {
            return true;
        }
        let Some(next) = rest.get(length.saturating_add(CHUNK_BYTES)..) else { return false };
        rest = next;
    }
    false
}

/// A PNG with the mark, its pixels untouched. What is no PNG is given back as it came.
pub(crate) fn marked_png(mut png: Vec<u8>) -> Vec<u8> {
    /// Signature and header, which comes first in every PNG.
    const BEFORE: usize = PNG_SIGNATURE_BYTES + CHUNK_BYTES + 13;
    if png.len() < BEFORE || png.get(12..16) != Some(b"IHDR") {
        return png;
    }
    let mut body = b"tEXt".to_vec();
    body.extend(MARK_OWNER.as_bytes());
    body.push(0);
    body.extend(MARK.as_bytes());
    let mut chunk = ((body.len() - 4) as u32).to_be_bytes().to_vec();
    chunk.extend(&body);
    chunk.extend(check_sum(&body).to_be_bytes());
    png.splice(BEFORE..BEFORE, chunk);
    png
}

/// CRC-32 as PNG wants it (ISO 3309).
fn check_sum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

/// Whether a DICOM data set says that it is a phantom.
pub(super) fn dicom_is_phantom(data_set: &DataSet<'_>) -> bool {
    let says = |tag: Tag| data_set.text(tag).as_deref() == Some(MARK);
    // Files of earlier versions have nothing else.
    if says(tags::DERIVATION_DESCRIPTION) {
        return true;
    }
    // Whoever stores the file may have moved the block (PS3.5 7.8.1).
    let is_creator = |tag: &Tag| tag.group() == MARK_TAG.group() && (0x10..=0xff).contains(&tag.element());
    let creators = data_set.elements.iter().map(|element| element.tag).filter(is_creator);
    let own = creators.filter(|creator| data_set.text(*creator).as_deref() == Some(MARK_OWNER));
    own.into_iter().any(|creator| says(Tag(MARK_TAG.group(), creator.element() << 8 | MARK_TAG.element() & 0xff)))
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;
    use crate::radiograph::Radiograph;

    fn png() -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.write_image(&[1, 2, 3, 4, 5, 6], 3, 2, ExtendedColorType::L8).unwrap();
        bytes
    }

    /// The same with another chunk behind its header.
    fn with_chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut png = png();
        let body = [&kind[..], content].concat();
        let chunk = [&(content.len() as u32).to_be_bytes()[..], &body, &check_sum(&body).to_be_bytes()].concat();
        png.splice(33..33, chunk);
        png
    }

    #[test]
    fn the_mark_changes_no_pixel_and_any_reader_opens_the_file() {
        let (plain, marked) = (png(), marked_png(png()));
        assert!(!png_is_phantom(&plain) && png_is_phantom(&marked));
        let [before, after] = [&plain, &marked].map(|bytes| Radiograph::from_bytes(bytes).unwrap());
        assert_eq!(before.pixels(), after.pixels());
        assert!(!before.is_phantom() && after.is_phantom());
        assert!(after.resized(5, 5).unwrap().is_phantom(), "made smaller it is still one");
        let decoder = png::Decoder::new(std::io::Cursor::new(&marked)).read_info().unwrap();
        let chunk = &decoder.info().uncompressed_latin1_text[0];
        assert_eq!((chunk.keyword.as_str(), chunk.text.as_str()), (MARK_OWNER, MARK), "the check sum is right");
        assert_eq!(marked_png(b"no PNG".to_vec()), b"no PNG");
    }

    #[test]
    fn words_about_phantoms_are_no_mark() {
        let text = |keyword: &str, text: &str| format!("{keyword}\0{text}").into_bytes();
        for content in [
            text("Comment", MARK),
            text(MARK_OWNER, "Chest phantom of plastic, no patient"),
            text(MARK_OWNER, &format!("{MARK}?")),
            text("Saliscope", MARK),
            text(MARK_OWNER, ""),
            MARK_OWNER.as_bytes().to_vec(),
            MARK.as_bytes().to_vec(),
        ] {
            assert!(!png_is_phantom(&with_chunk(*b"tEXt", &content)), "{content:?}");
        }
        assert!(png_is_phantom(&with_chunk(*b"tEXt", &text(MARK_OWNER, MARK))));
        let international = format!("{MARK_OWNER}\0\0\0\0\0{MARK}").into_bytes();
        assert!(png_is_phantom(&with_chunk(*b"iTXt", &international)));
    }

    #[test]
    fn no_cut_and_no_lie_about_a_length_panics() {
        let marked = marked_png(png());
        for end in 0..marked.len() {
            assert!(!png_is_phantom(&marked[..end]) || end > 33);
        }
        let mut lying = marked;
        lying[33..37].copy_from_slice(&[0xff; 4]);
        assert!(!png_is_phantom(&lying));
    }
}
