//! JPEG 2000 and HTJ2K (ISO 15444-1, -15) by jpeg2k over openjp2.

use std::collections::BTreeSet;

use jpeg2k::{DecodeParameters, Image};

use super::super::error::{Error, Result};
use super::super::layout::{PixelLayout, described};
use super::native::to_rgb;
use super::{Meaning, Samples};
use crate::limits;

const FORMAT: &str = "JPEG 2000";
/// What the image and tile size segment (SIZ, A.5.1) says.
#[derive(Debug)]
struct Size {
    columns: u64,
    rows: u64,
    tile_columns: u64,
    tile_rows: u64,
    tiles: u64,
    components: usize,
    precision: u32,
}

impl Size {
    fn read(segment: &[u8]) -> Result<Self> {
        let damaged = |reason: &str| Error::codec(FORMAT, reason);
        let word = |at: usize| {
            segment.get(at..at + 4).and_then(<[u8]>::first_chunk).map(|word| u64::from(u32::from_be_bytes(*word)))
        };
        let words = [2, 6, 10, 14, 18, 22, 26, 30].map(word);
        let [Some(x1), Some(y1), Some(x0), Some(y0), Some(tile_x), Some(tile_y), Some(tile_x0), Some(tile_y0)] = words
        else {
            return Err(damaged("its size segment is too short"));
        };
        let [high, low] = segment.get(34..36).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        let components = usize::from(u16::from_be_bytes([high, low]));
        let (described, _) = segment.get(36..).unwrap_or_default().as_chunks::<3>();
        if components == 0 || described.len() != components || x1 <= x0 || y1 <= y0 || tile_x == 0 || tile_y == 0 {
            return Err(damaged("its size segment contradicts itself"));
        }
        if tile_x0 > x0 || tile_y0 > y0 || tile_x0 + tile_x <= x0 || tile_y0 + tile_y <= y0 {
            return Err(damaged("its tiles do not cover the image"));
        }
        let [first, ..] = described else { return Err(damaged("it has no components")) };
        if described.iter().any(|[_, dx, dy]| (*dx, *dy) != (1, 1)) {
            return Err(Error::unsupported("JPEG 2000 with subsampled components"));
        }
        if described.iter().any(|component| component[0] != first[0]) {
            return Err(Error::unsupported("JPEG 2000 with components of different bit depth"));
        }
        Ok(Self {
            columns: x1 - x0,
            rows: y1 - y0,
            tile_columns: tile_x.min(x1 - tile_x0),
            tile_rows: tile_y.min(y1 - tile_y0),
            tiles: (x1 - tile_x0).div_ceil(tile_x) * (y1 - tile_y0).div_ceil(tile_y),
            components,
            precision: u32::from(first[0] & 0x7f) + 1,
        })
    }

    /// Bounds the code blocks and precincts that a coding style segment (COD, COC: A.6.1) asks for. `style` begins at
    /// the number of decomposition levels.
    fn check_style(&self, style: &[u8], has_precincts: bool) -> Result<()> {
        let damaged = || Error::codec(FORMAT, "its coding style segment contradicts itself");
        let [levels, width, height, _, _, precincts @ ..] = style else { return Err(damaged()) };
        if *levels > 32 || *width > 8 || *height > 8 {
            return Err(damaged());
        }
        let mut blocks = 0_u64;
        for resolution in 0..=u32::from(*levels) {
            let (px, py) = if has_precincts {
                let byte = precincts.get(resolution as usize).ok_or_else(damaged)?;
                (u32::from(byte & 15), u32::from(byte >> 4))
            } else {
                (15, 15)
            };
            let scale = u32::from(*levels) - resolution;
            let size = |side: u64| (side >> scale) + 1;
            let (columns, rows) = (size(self.tile_columns), size(self.tile_rows));
            let parts = |side: u64, exponent: u32| (side >> exponent) + 2;
            blocks += parts(columns, px) * parts(rows, py);
            let block = |exponent: u8, precinct: u32| (u32::from(exponent) + 2).min(precinct.max(1) - 1);
            blocks += parts(columns, block(*width, px)) * parts(rows, block(*height, py));
        }
        if blocks * self.components as u64 > limits::JPEG_2000_BLOCKS {
            return Err(Error::Limit { what: "JPEG 2000 code blocks without number" });
        }
        Ok(())
    }
}

/// Decodes a frame; colour transforms of the codestream are undone. A warning where a part of it is missing.
pub(super) fn decode(frame: &[u8], layout: &PixelLayout) -> Result<(Samples, Option<String>)> {
    let codestream = codestream(frame)?;
    let (size, coded_tiles) = check(codestream)?;
    let found = (size.rows as usize, size.columns as usize, size.components);
    if found != (layout.rows, layout.columns, layout.samples_per_pixel) || size.precision > layout.bits_allocated.max(8)
    {
        let found = described(size.columns as usize, size.rows as usize, size.components, size.precision);
        return Err(Error::Mismatch { found, declared: layout.described() });
    }
    if coded_tiles < size.tiles.div_ceil(2) {
        let reason = format!("{coded_tiles} of its {} tiles are there", size.tiles);
        return Err(Error::codec(FORMAT, reason));
    }
    // What breaks off can be decoded up to there.
    let read = |strict| Image::from_bytes_with(codestream, DecodeParameters::new().strict(strict));
    let whole = read(true);
    let is_complete = whole.is_ok() && coded_tiles == size.tiles;
    let image = whole.or_else(|_| read(false)).map_err(|error| Error::codec(FORMAT, error))?;
    let components = image.components();
    let mut values = vec![0; layout.samples()];
    let pixels = layout.pixels();
    let is_whole = components.len() == size.components
        && components.iter().all(|c| (c.width() as usize, c.height() as usize) == (layout.columns, layout.rows));
    if !is_whole {
        return Err(Error::codec(FORMAT, "it holds another size than its header says"));
    }
    for (offset, component) in components.iter().enumerate() {
        let data = component.data();
        if data.len() != pixels {
            return Err(Error::codec(FORMAT, "a component is incomplete"));
        }
        for (value, sample) in values[offset..].iter_mut().step_by(size.components).zip(data) {
            *value = *sample;
        }
    }
    to_rgb(&mut values, layout);
    let warning = (!is_complete).then(|| "a part of the JPEG 2000 frame is missing and was filled".to_owned());
    Ok((Samples { values, meaning: Meaning::Precision(size.precision) }, warning))
}

/// The codestream within a JP2 file, or the bytes as they are.
fn codestream(frame: &[u8]) -> Result<&[u8]> {
    if !frame.starts_with(&[0, 0, 0, 12, b'j', b'P', b' ', b' ']) {
        return Ok(frame);
    }
    let mut rest = frame;
    while let Some((&[a, b, c, d, kind @ ..], body)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if kind == *b"jp2c" {
            return Ok(body);
        }
        match rest.get(length..) {
            Some(next) if length >= 8 => rest = next,
            _ => break,
        }
    }
    Err(Error::codec(FORMAT, "its JP2 boxes hold no codestream"))
}

/// Walks over the marker segments of the main header and of all tile-part headers (A.4); gives also the number of
/// tiles that have any data.
fn check(codestream: &[u8]) -> Result<(Size, u64)> {
    let damaged = |reason: &str| Error::codec(FORMAT, reason);
    if !codestream.starts_with(&[0xff, 0x4f, 0xff, 0x51]) {
        return Err(damaged("its start marker is missing"));
    }
    let mut size: Option<Size> = None;
    let mut at = 2;
    let mut tile_part: Option<(usize, usize)> = None;
    let mut coded = BTreeSet::new();
    while let Some([0xff, marker]) = codestream.get(at..at + 2) {
        match marker {
            0xd9 => break,
            // Start of the coded data: go on behind the tile-part, whose length counts from its first marker.
            0x93 => match tile_part.take() {
                Some((start, length)) if length > 0 => at = (start + length).max(at + 2),
                _ => break,
            },
            _ => {
                let Some([high, low]) = codestream.get(at + 2..at + 4) else { break };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let segment = codestream.get(at + 4..at + 2 + length).ok_or_else(|| damaged("a segment has no end"))?;
                match (marker, &size) {
                    (0x51, _) => {
                        // The segment without its length begins with the capabilities.
                        let read = Size::read(segment)?;
                        if read.tiles > limits::JPEG_2000_TILES {
                            return Err(Error::Limit { what: "JPEG 2000 tiles without number" });
                        }
                        size = Some(read);
                    }
                    (0x52, Some(size)) => {
                        let [style, _, _, _, _, parameters @ ..] = segment else { return Err(damaged("COD is short")) };
                        size.check_style(parameters, style & 1 != 0)?;
                    }
                    (0x53, Some(size)) => {
                        let component = if size.components < 257 { 1 } else { 2 };
                        let style = segment.get(component).copied().unwrap_or(0);
                        size.check_style(segment.get(component + 1..).unwrap_or_default(), style & 1 != 0)?;
                    }
                    (0x90, _) => {
                        coded.extend(segment.first_chunk::<2>().map(|index| u16::from_be_bytes(*index)));
                        let length = segment.get(2..6).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
                        tile_part = Some((at, u32::from_be_bytes(length) as usize));
                    }
                    _ => {}
                }
                at += 2 + length.max(2);
            }
        }
    }
    let size = size.ok_or_else(|| damaged("its size segment is missing"))?;
    Ok((size, coded.len() as u64))
}
