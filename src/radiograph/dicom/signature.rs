//! What bytes are by their beginning: a codestream, or a file that is no pixels at all.

use super::transfer_syntax::PixelCoding;
use crate::radiograph::jpeg_markers::{Segments, is_frame};

/// The beginning of something that is not pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// Its name, with an article.
    pub(super) name: &'static str,
    /// How a codestream is coded; nothing for what is not decoded.
    pub(super) coding: Option<PixelCoding>,
    /// So long that no pixels begin with it by chance.
    pub(super) is_certain: bool,
}

impl Signature {
    /// Looks at the first bytes of pixel data or of its first fragment.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        use PixelCoding::{Jpeg, Jpeg2000, JpegLs, Rle};
        let certain = |name, coding| Some(Self { name, coding, is_certain: true });
        let likely = |name, coding| Some(Self { name, coding, is_certain: false });
        match bytes {
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => certain("a JPEG 2000 file", Some(Jpeg2000)),
            [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => certain("a JPEG XL file", None),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => certain("a PNG file", None),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => certain("a WebP file", None),
            [_, _, _, _, b'f', b't', b'y', b'p', b'a'..=b'z', ..] => certain("an MP4 video", None),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => certain("a GIF file", None),
            [b'%', b'P', b'D', b'F', b'-', ..] => certain("a PDF document", None),
            [0xff, 0x4f, 0xff, 0x51, ..] => likely("a JPEG 2000 codestream", Some(Jpeg2000)),
            [0xff, 0xd8, 0xff, ..] if is_jpeg_ls(bytes) => likely("a JPEG-LS codestream", Some(JpegLs)),
            [0xff, 0xd8, 0xff, ..] => likely("a JPEG codestream", Some(Jpeg)),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => likely("a TIFF file", None),
            [0x1f, 0x8b, 8, ..] => likely("gzip data", None),
            [0, 0, 1, 0xb3 | 0xba, ..] => likely("an MPEG video", None),
            [b'B', b'M', length @ ..] if length.first_chunk().is_some_and(|length| fits(*length, bytes)) => {
                likely("a BMP file", None)
            }
            _ if begins_run_lengths(bytes) => likely("a frame of run lengths (RLE)", Some(Rle)),
            _ if bytes.get(128..132) == Some(b"DICM") => likely("a DICOM file", None),
            _ => None,
        }
    }
}

/// Whether the first frame header of a JPEG codestream is that of JPEG-LS (T.87 C.1.1).
fn is_jpeg_ls(bytes: &[u8]) -> bool {
    const FRAME_OF_JPEG_LS: u8 = 0xf7;
    const SCAN: u8 = 0xda;
    let mut markers = Segments::of(bytes).map(|segment| segment.marker);
    markers.find(|marker| matches!(*marker, FRAME_OF_JPEG_LS | SCAN) || is_frame(*marker)) == Some(FRAME_OF_JPEG_LS)
}

/// Whether a length in the head of a BMP file is that of the bytes, without their padding.
fn fits(length: [u8; 4], bytes: &[u8]) -> bool {
    let length = u32::from_le_bytes(length) as usize;
    length == bytes.len() || length + 1 == bytes.len()
}

/// Whether the head of run lengths is there: up to 15 offsets that rise from 64, then zeros (PS3.5 G.5).
fn begins_run_lengths(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<64>() else { return false };
    let words = head.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word) as usize);
    let words: Vec<usize> = words.collect();
    let [segments, offsets @ ..] = &words[..] else { return false };
    (1..=15).contains(segments)
        && offsets[0] == 64
        && offsets[..*segments].is_sorted_by(|a, b| a < b)
        && offsets[..*segments].iter().all(|offset| *offset < bytes.len())
        && offsets[*segments..].iter().all(|offset| *offset == 0)
}
