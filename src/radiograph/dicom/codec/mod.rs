//! From the coded bytes of one frame to its samples. Each codec's head is compared with the DICOM attributes before
//! anything is decoded or reserved.

mod jpeg;
mod jpeg_2000;
mod native;

use std::io::Read;

use super::error::{Error, Result};
use super::frames::{NativeBytes, PixelBytes};
use super::layout::PixelLayout;
use super::transfer_syntax::PixelCoding;

/// Samples of a frame as they came out of the codec, interleaved by pixel.
pub(super) struct Samples {
    pub(super) values: Vec<i32>,
    pub(super) meaning: Meaning,
}

/// What is left to do to the samples of a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Words of the allocated bits, in which the stored bits end at the high bit.
    Words,
    /// Words of which the lowest stored bits are the value.
    LowBits,
    /// Two's complement of that many bits where the pixels are signed, and nothing else.
    Precision(u32),
}

/// Decodes frame `index`; a warning where bytes were missing.
pub(super) fn decode(
    bytes: &[u8],
    place: &PixelBytes,
    coding: PixelCoding,
    layout: &PixelLayout,
    index: usize,
) -> Result<(Samples, Option<String>)> {
    let frames = match place {
        PixelBytes::Native(_) => layout.frames,
        PixelBytes::Fragments(frames) => frames.len(),
    };
    let absent = Error::Frame { asked: index, frames };
    match place {
        _ if index >= frames => Err(absent),
        PixelBytes::Native(native) => native::frame(bytes, native, layout, index),
        PixelBytes::Fragments(frames) => {
            let Some(fragments) = frames.get(index) else { return Err(absent) };
            let frame = PixelBytes::joined(bytes, fragments);
            decode_fragments(&frame, coding, layout)
        }
    }
}

fn decode_fragments(frame: &[u8], coding: PixelCoding, layout: &PixelLayout) -> Result<(Samples, Option<String>)> {
    let alone = |bytes: &[u8]| {
        let native = NativeBytes { range: 0..bytes.len(), words: false, little_endian: true };
        native::frame(bytes, &native, layout, 0)
    };
    match coding {
        PixelCoding::Native | PixelCoding::EncapsulatedNative => alone(frame),
        PixelCoding::DeflatedFrames => {
            let mut inflated = Vec::new();
            let expected = native::frame_bytes(layout) as u64;
            flate2::read::DeflateDecoder::new(frame)
                .take(expected)
                .read_to_end(&mut inflated)
                .map_err(|error| Error::codec("deflated", error))?;
            alone(&inflated)
        }
        PixelCoding::Jpeg => Ok((jpeg::decode(frame, layout)?, None)),
        PixelCoding::Jpeg2000 => Ok((jpeg_2000::decode(frame, layout)?, None)),
        PixelCoding::Rle | PixelCoding::JpegLs => Err(Error::unsupported("RLE and JPEG-LS compression")),
        PixelCoding::Unsupported => Err(Error::unsupported("the transfer syntax")),
    }
}
