//! JPEG-LS (ITU-T T.87), lossless and near-lossless, 2 to 16 bits, all interleave modes, restarts and preset
//! parameters. Mapping tables, point transforms, subsampled components and HP's colour transforms are refused.

mod bits;
mod coding;
mod markers;
mod scan;

use super::error::Error;
use bits::Stop;
use coding::{Coding, Preset};
use markers::{Interleave, Marker, Reader, ScanHeader, StartOfFrame};
use scan::{Decoder, Lines};

const CODEC: &str = "JPEG-LS";

/// What the start of a frame says of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Rows.
    pub(crate) rows: usize,
    /// Columns.
    pub(crate) columns: usize,
    /// Samples a pixel.
    pub(crate) components: usize,
    /// Bits a sample, 2 to 16.
    pub(crate) precision_bits: u32,
}

/// A decoded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Rows.
    pub(crate) rows: usize,
    /// Columns.
    pub(crate) columns: usize,
    /// Samples a pixel.
    pub(crate) components: usize,
    /// Bits a sample, 2 to 16.
    pub(crate) precision_bits: u32,
    /// `rows * columns * components` samples, those of a pixel side by side.
    pub(crate) samples: Vec<u16>,
}

/// Reads the size of a frame without decoding it.
///
/// # Errors
/// When the bytes are no JPEG-LS stream, or one that is not read or is too large.
pub(crate) fn header(frame: &[u8]) -> Result<Header, Error> {
    let mut reader = Reader::new(frame)?;
    loop {
        match reader.next_marker()? {
            Marker::StartOfFrame(start) => return Ok(start.header),
            Marker::StartOfScan(_) | Marker::End => return Err(damaged("it has no frame header")),
            Marker::Preset(_) | Marker::RestartInterval(_) => {}
        }
    }
}

/// Decodes a frame. Memory and time are bounded by the size in its header, which is checked before anything is
/// allocated: compare [`header`] with what is expected first.
///
/// # Errors
/// As [`header`], and when the stream is damaged or ends before the last line.
pub(crate) fn decode(frame: &[u8]) -> Result<Image, Error> {
    let mut reader = Reader::new(frame)?;
    let mut start: Option<StartOfFrame> = None;
    let mut preset = Preset::default();
    let mut restart_lines = 0;
    let mut samples = Vec::new();
    let mut decoded: Vec<u8> = Vec::new();
    loop {
        match reader.next_marker()? {
            Marker::StartOfFrame(_) if start.is_some() => return Err(damaged("it has two frame headers")),
            Marker::StartOfFrame(found) => start = Some(found),
            Marker::Preset(found) => preset = found,
            Marker::RestartInterval(lines) => restart_lines = lines,
            Marker::StartOfScan(scan) => {
                let Some(start) = &start else { return Err(damaged("a scan comes before the frame header")) };
                let Header { rows, columns, components, precision_bits } = start.header;
                let targets = targets(start, &scan, &decoded)?;
                let coding = Coding::new(precision_bits, scan.near, preset).map_err(damaged)?;
                if samples.is_empty() {
                    samples = vec![0; rows * columns * components];
                }
                decode_scan(&mut reader, start.header, coding, &scan, &targets, restart_lines, &mut samples)?;
                decoded.extend(&scan.components);
                // The end marker adds nothing; some writers leave it out.
                if decoded.len() == components {
                    return Ok(Image { rows, columns, components, precision_bits, samples });
                }
            }
            Marker::End => {
                let problem = match &start {
                    Some(start) => format!("{} of {} components", decoded.len(), start.header.components),
                    None => "it has no frame header".to_owned(),
                };
                return Err(Error::Short { codec: CODEC, problem });
            }
        }
    }
}

/// The positions inside a pixel of the components of a scan.
fn targets(start: &StartOfFrame, scan: &ScanHeader, decoded: &[u8]) -> Result<Vec<usize>, Error> {
    let mut targets = Vec::with_capacity(scan.components.len());
    for (index, id) in scan.components.iter().enumerate() {
        if decoded.contains(id) || scan.components[..index].contains(id) {
            return Err(damaged(format!("component {id} is coded twice")));
        }
        let place = start.components.iter().position(|known| known == id);
        targets.push(place.ok_or_else(|| damaged(format!("the frame header knows no component {id}")))?);
    }
    Ok(targets)
}

/// Decodes every line of a scan into the components at `targets`.
fn decode_scan(
    reader: &mut Reader<'_>,
    header: Header,
    coding: Coding,
    scan: &ScanHeader,
    targets: &[usize],
    restart_lines: usize,
    samples: &mut [u16],
) -> Result<(), Error> {
    let Header { rows, columns, components, .. } = header;
    // One buffer of whole pixels, or one a component.
    let (buffers, width) = match scan.interleave {
        Interleave::None => (1, 1),
        Interleave::Line => (targets.len(), 1),
        Interleave::Sample => (1, targets.len()),
    };
    let mut lines = vec![Lines::new(columns, width); buffers];
    let interval = if restart_lines == 0 { rows } else { restart_lines };
    for (index, first_row) in (0..rows).step_by(interval).enumerate() {
        if index > 0 {
            reader.restart_marker(index - 1)?;
            lines.iter_mut().for_each(Lines::clear);
        }
        let mut decoder = Decoder::new(coding, reader.entropy_coded_segment(), buffers);
        for row in first_row..rows.min(first_row + interval) {
            let pixels = &mut samples[row * columns * components..(row + 1) * columns * components];
            for (slot, lines) in lines.iter_mut().enumerate() {
                decoder.line(lines, slot).map_err(|stop| match stop {
                    Stop::Short => Error::Short { codec: CODEC, problem: format!("in line {row} of {rows}") },
                    Stop::Invalid => damaged(format!("invalid code in line {row}")),
                })?;
                let places = &targets[slot..slot + width];
                for (pixel, line) in pixels.chunks_exact_mut(components).zip(lines.samples().chunks_exact(width)) {
                    for (place, sample) in places.iter().zip(line) {
                        pixel[*place] = *sample as u16;
                    }
                }
            }
        }
    }
    Ok(())
}

fn damaged(problem: impl Into<String>) -> Error {
    Error::Damaged { codec: CODEC, problem: problem.into() }
}

fn unsupported(feature: impl Into<String>) -> Error {
    Error::Unsupported { codec: CODEC, feature: feature.into() }
}

#[cfg(test)]
mod tests;
