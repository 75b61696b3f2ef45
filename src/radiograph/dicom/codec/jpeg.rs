//! JPEG (ISO 10918-1): Huffman-coded baseline, extended and progressive with 8 bits, lossless with 2 to 16 bits, by
//! jpeg-decoder.
//!
//! Lossless prediction begins anew behind each restart marker (H.1.1), which jpeg-decoder 0.3 does not do: it gives another
//! picture without a word. Such frames are refused.

use jpeg_decoder::{ColorTransform, Decoder};

use super::super::error::{Error, Result};
use super::super::layout::{Photometric, PixelLayout, described};
use super::native::to_rgb;
use super::{Meaning, Samples};
use crate::radiograph::jpeg_markers::JpegMarkers;

const FORMAT: &str = "JPEG";

/// What the frame header (`SOFn`) of a codestream says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// The marker's second byte, 0xc0 to 0xcf.
    process: u8,
    precision: u32,
    rows: usize,
    columns: usize,
    components: usize,
    identifiers: [u8; 3],
    is_jfif: bool,
}

impl FrameHead {
    /// Finds the frame header among the segments before the coded data.
    pub(super) fn read(frame: &[u8]) -> Result<Self> {
        let damaged = |reason: &str| Error::codec(FORMAT, reason);
        if !frame.starts_with(&[0xff, 0xd8]) {
            return Err(damaged("its start marker is missing"));
        }
        let mut at = 2;
        let mut is_jfif = false;
        while let Some([0xff, marker]) = frame.get(at..at + 2) {
            match marker {
                0xff => at += 1,
                0x01 | 0xd0..=0xd8 => at += 2,
                0xda | 0xd9 => break,
                _ => {
                    let Some([high, low]) = frame.get(at + 2..at + 4) else { break };
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    let segment = frame.get(at + 4..at + 2 + length).ok_or_else(|| damaged("a segment has no end"))?;
                    is_jfif |= *marker == 0xe0 && segment.starts_with(b"JFIF");
                    if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                        let [precision, y1, y0, x1, x0, components, rest @ ..] = segment else { break };
                        let identifiers = [0, 3, 6].map(|at| rest.get(at).copied().unwrap_or(0));
                        return Ok(Self {
                            process: *marker,
                            precision: u32::from(*precision),
                            rows: usize::from(u16::from_be_bytes([*y1, *y0])),
                            columns: usize::from(u16::from_be_bytes([*x1, *x0])),
                            components: usize::from(*components),
                            identifiers,
                            is_jfif,
                        });
                    }
                    at += 2 + length.max(2);
                }
            }
        }
        Err(damaged("its frame header is missing"))
    }

    fn check(&self, layout: &PixelLayout) -> Result<()> {
        let what = match (self.process, self.precision) {
            (0xc0..=0xc2, 8) | (0xc3, 2..=16) => "",
            (0xc0..=0xc2, 12) => "12-bit lossy JPEG",
            (0xc5..=0xc7 | 0xcd..=0xcf, _) => "hierarchical JPEG",
            (0xc9..=0xcb, _) => "arithmetic-coded JPEG",
            _ => return Err(Error::codec(FORMAT, format!("its samples have {} bits", self.precision))),
        };
        if !what.is_empty() {
            return Err(Error::unsupported(what));
        }
        let size = (self.rows, self.columns, self.components);
        if size != (layout.rows, layout.columns, layout.samples_per_pixel) || self.precision > layout.bits_allocated {
            let found = described(self.columns, self.rows, self.components, self.precision);
            return Err(Error::Mismatch { found, declared: layout.described() });
        }
        Ok(())
    }

    /// Whether three components are luma and colour differences. The codestream's own marks go before the attribute.
    fn is_ybr(&self, layout: &PixelLayout) -> bool {
        match &self.identifiers {
            b"RGB" | b"rgb" => false,
            _ => self.is_jfif || matches!(layout.photometric, Photometric::YbrFull | Photometric::YbrFull422),
        }
    }
}

/// Decodes a frame; colour becomes red, green, blue.
pub(super) fn decode(frame: &[u8], layout: &PixelLayout) -> Result<Samples> {
    let head = FrameHead::read(frame)?;
    head.check(layout)?;
    let markers = JpegMarkers::of(frame);
    if markers.is_lossless && markers.has_restarts {
        return Err(Error::LosslessRestarts);
    }
    let mut decoder = Decoder::new(frame);
    decoder.set_max_decoding_buffer_size(layout.samples() * 2);
    let is_lossless = head.process == 0xc3;
    if head.components == 3 && !is_lossless {
        // `RGB` leaves the components as they are.
        let transform = if head.is_ybr(layout) { ColorTransform::YCbCr } else { ColorTransform::RGB };
        decoder.set_color_transform(transform);
    }
    let bytes = decoder.decode().map_err(|error| Error::codec(FORMAT, error))?;
    let mut values: Vec<i32> = if head.precision > 8 {
        bytes.as_chunks::<2>().0.iter().map(|word| i32::from(u16::from_ne_bytes(*word))).collect()
    } else {
        bytes.iter().map(|byte| i32::from(*byte)).collect()
    };
    if values.len() != layout.samples() {
        return Err(Error::codec(FORMAT, "it holds another number of samples than its header says"));
    }
    if is_lossless {
        to_rgb(&mut values, layout);
    }
    // Some writers code whole words, unused bits included.
    let meaning = if head.precision > layout.high_bit { Meaning::Words } else { Meaning::LowBits };
    Ok(Samples { values, meaning })
}
