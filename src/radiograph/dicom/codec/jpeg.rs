//! JPEG (ISO 10918-1): Huffman-coded baseline, extended and progressive with 8 bits by jpeg-decoder, lossless with 2 to 16
//! bits by `jpeg_lossless`.

use jpeg_decoder::{ColorTransform, Decoder};

use super::super::error::{Error, Result};
use super::super::layout::{PixelLayout, described};
use super::{Meaning, Samples, colour, jpeg_lossless};
use crate::limits;
use crate::radiograph::jpeg_markers::{JpegHead, has_end, scans};

const FORMAT: &str = "JPEG";

fn check(head: &JpegHead, layout: &PixelLayout) -> Result<()> {
    let what = match (head.process, head.precision) {
        (0xc0..=0xc2, 8) | (0xc3, 2..=16) => "",
        (0xc0..=0xc2, 12) => "12-bit lossy JPEG",
        (0xc5..=0xc7 | 0xcd..=0xcf, _) => "hierarchical JPEG",
        (0xc9..=0xcb, _) => "arithmetic-coded JPEG",
        _ => return Err(Error::codec(FORMAT, format!("its samples have {} bits", head.precision))),
    };
    if !what.is_empty() {
        return Err(Error::unsupported(what));
    }
    let components = head.components.len();
    let size = (head.rows, head.columns, components);
    if size != (layout.rows, layout.columns, layout.samples_per_pixel) || head.precision > layout.bits_allocated {
        let found = described(head.columns, head.rows, components, head.precision);
        return Err(Error::Mismatch { found, declared: layout.described() });
    }
    Ok(())
}

/// Decodes a frame; colour becomes red, green, blue. Warnings where a part is missing or its colours are not what the
/// attribute says.
pub(super) fn decode(frame: &[u8], layout: &PixelLayout) -> Result<(Samples, Vec<String>)> {
    let head = JpegHead::read(frame).map_err(|problem| Error::codec(FORMAT, problem))?;
    check(&head, layout)?;
    let mut warnings = Vec::new();
    let mut values: Vec<i32> = if head.is_lossless() {
        let image = jpeg_lossless::decode(frame, &head)?;
        if image.missing_lines > 0 {
            let (missing, rows) = (image.missing_lines, head.rows);
            warnings.push(format!("{missing} of the {rows} lines of the JPEG frame are missing and were taken as 0"));
        }
        image.samples.into_iter().map(i32::from).collect()
    } else if has_end(frame) {
        lossy(frame, layout)?
    } else {
        warnings.push("the JPEG frame has no end marker; what is missing of it was filled".to_owned());
        lossy(&[frame, &[0xff, 0xd9]].concat(), layout)?
    };
    if values.len() != layout.samples() {
        return Err(Error::codec(FORMAT, "it holds another number of samples than its header says"));
    }
    warnings.extend(colour::to_rgb(&mut values, layout, head.colour()));
    // Some writers code whole words, unused bits included.
    let meaning = if head.precision > layout.high_bit { Meaning::Words } else { Meaning::LowBits };
    Ok((Samples { values, meaning }, warnings))
}

/// Components as they are, of 8 bits.
fn lossy(frame: &[u8], layout: &PixelLayout) -> Result<Vec<i32>> {
    if scans(frame).saturating_mul(layout.samples()) > limits::JPEG_SCANNED_SAMPLES {
        return Err(Error::Limit { what: "JPEG scans without number" });
    }
    let mut decoder = Decoder::new(frame);
    decoder.set_max_decoding_buffer_size(layout.samples() * 2);
    if layout.samples_per_pixel == 3 {
        // `RGB` leaves the components as they are.
        decoder.set_color_transform(ColorTransform::RGB);
    }
    let bytes = decoder.decode().map_err(|error| Error::codec(FORMAT, error))?;
    Ok(bytes.iter().map(|byte| i32::from(*byte)).collect())
}
