//! From the coded bytes of one frame to its samples. Each codec's head is compared with the DICOM attributes before
//! anything is decoded or reserved.

mod colour;
mod error;
mod jpeg;
mod jpeg_2000;
mod jpeg_lossless;
mod jpeg_ls;
mod native;
mod rle;

use std::io::Read;

use super::error::{Error, Result};
use super::frames::{NativeBytes, PixelBytes};
use super::layout::{self, PixelLayout};
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

/// Decodes frame `index`, with what was odd about its bytes.
pub(super) fn decode(
    bytes: &[u8],
    place: &PixelBytes,
    coding: PixelCoding,
    layout: &PixelLayout,
    index: usize,
) -> Result<(Samples, Vec<String>)> {
    let frames = match place {
        PixelBytes::Native(_) => layout.frames,
        PixelBytes::Fragments(frames) => frames.len(),
    };
    let absent = Error::Frame { asked: index, frames };
    match place {
        _ if index >= frames => Err(absent),
        PixelBytes::Native(native) => told(native::frame(bytes, native, layout, index)?),
        PixelBytes::Fragments(frames) => {
            let Some(fragments) = frames.get(index) else { return Err(absent) };
            let frame = PixelBytes::joined(bytes, fragments);
            decode_fragments(&frame, coding, layout)
        }
    }
}

/// A warning as a list of them.
#[allow(clippy::unnecessary_wraps, reason = "it ends arms that may fail")]
fn told((samples, warning): (Samples, Option<String>)) -> Result<(Samples, Vec<String>)> {
    Ok((samples, warning.into_iter().collect()))
}

fn decode_fragments(frame: &[u8], coding: PixelCoding, layout: &PixelLayout) -> Result<(Samples, Vec<String>)> {
    let alone = |bytes: &[u8]| {
        let native = NativeBytes { range: 0..bytes.len(), words: false, little_endian: true, shares_colour: false };
        told(native::frame(bytes, &native, layout, 0)?)
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
        PixelCoding::Jpeg => jpeg::decode(frame, layout),
        PixelCoding::Jpeg2000 => jpeg_2000::decode(frame, layout),
        PixelCoding::Rle => Ok((run_lengths(frame, layout)?, Vec::new())),
        PixelCoding::JpegLs => Ok((near_lossless(frame, layout)?, Vec::new())),
        PixelCoding::Unsupported => Err(Error::unsupported("the transfer syntax")),
    }
}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        match error {
            error::Error::Unsupported { codec, feature } => Self::unsupported(format!("{codec} with {feature}")),
            error::Error::Damaged { codec, problem } | error::Error::Short { codec, problem } => {
                Self::codec(codec, problem)
            }
            error::Error::TooLarge { codec, size } => Self::codec(codec, format!("{size} are too many")),
        }
    }
}

fn run_lengths(frame: &[u8], layout: &PixelLayout) -> Result<Samples> {
    if layout.bits_allocated == 1 {
        return Err(Error::unsupported("RLE with 1 bit a sample"));
    }
    let bytes_per_sample = layout.bits_allocated as usize / 8;
    let bytes = rle::decode(frame, layout.rows, layout.columns, layout.samples_per_pixel, bytes_per_sample)?;
    // What comes out is what lies uncompressed, but always by pixel.
    let by_pixel = PixelLayout { planar: false, ..layout.clone() };
    let mut values = native::unpack(&bytes, 0, &by_pixel, true);
    native::to_rgb(&mut values, layout);
    Ok(Samples { values, meaning: Meaning::Words })
}

fn near_lossless(frame: &[u8], layout: &PixelLayout) -> Result<Samples> {
    let head = jpeg_ls::header(frame)?;
    let size = (head.rows, head.columns, head.components);
    if size != (layout.rows, layout.columns, layout.samples_per_pixel) || head.precision_bits > layout.bits_allocated {
        let found = layout::described(head.columns, head.rows, head.components, head.precision_bits);
        return Err(Error::Mismatch { found, declared: layout.described() });
    }
    let image = jpeg_ls::decode(frame)?;
    if image.samples.len() != layout.samples() {
        return Err(Error::codec("JPEG-LS", "it holds another number of samples than its header says"));
    }
    let mut values = image.samples.into_iter().map(i32::from).collect::<Vec<_>>();
    native::to_rgb(&mut values, layout);
    Ok(Samples { values, meaning: Meaning::Precision(head.precision_bits) })
}
