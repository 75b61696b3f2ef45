//! JPEG 2000 and HTJ2K (ISO 15444-1, -15) by jpeg2k over openjp2.

use std::collections::BTreeSet;

use jpeg2k::{DecodeParameters, Image};

use super::super::error::{Error, Result};
use super::super::layout::{Photometric, PixelLayout, described};
use super::{Meaning, Samples, colour};
use crate::limits;
use crate::radiograph::jpeg_markers::Colour;

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

    /// Bounds the code blocks, precincts and packets that a coding style segment (COD, COC: A.6.1) asks for. `style` begins
    /// at the number of decomposition levels.
    fn check_style(&self, style: &[u8], has_precincts: bool, layers: u64) -> Result<()> {
        let damaged = || Error::codec(FORMAT, "its coding style segment contradicts itself");
        let [levels, width, height, _, _, precincts @ ..] = style else { return Err(damaged()) };
        if *levels > 32 || *width > 8 || *height > 8 {
            return Err(damaged());
        }
        let components = self.components as u64;
        let (mut blocks, mut most_precincts) = (0_u64, 0_u64);
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
            let precincts = parts(columns, px) * parts(rows, py);
            most_precincts = most_precincts.max(precincts);
            let block = |exponent: u8, precinct: u32| (u32::from(exponent) + 2).min(precinct.max(1) - 1);
            blocks += precincts + parts(columns, block(*width, px)) * parts(rows, block(*height, py));
        }
        // The decoder keeps a place for every packet, with as many precincts for each resolution as the largest has.
        let packets = most_precincts * u64::from(levels + 1) * components * (layers + 1);
        let is_bounded = blocks * components <= limits::JPEG_2000_BLOCKS
            && blocks * components * self.tiles <= limits::JPEG_2000_BLOCKS_OF_ALL_TILES
            && packets <= limits::JPEG_2000_PACKETS
            && packets * self.tiles <= limits::JPEG_2000_PACKETS_OF_ALL_TILES;
        if !is_bounded {
            return Err(Error::Limit { what: "JPEG 2000 code blocks or packets without number" });
        }
        Ok(())
    }
}

/// Decodes a frame; colour transforms of the codestream are undone. Warnings where a part of it is missing or its colours
/// are not what the attribute says.
pub(super) fn decode(frame: &[u8], layout: &PixelLayout) -> Result<(Samples, Vec<String>)> {
    let Wrapped { codestream, colour_space } = Wrapped::of(frame)?;
    let Headers { size, coded_tiles, has_component_transform } = Headers::check(codestream)?;
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
    let missing = (!is_complete).then(|| "a part of the JPEG 2000 frame is missing and was filled".to_owned());
    let coded = match colour_space {
        Some(16) => Some((Colour::Rgb, "its JP2 header")),
        Some(18) => Some((Colour::Ybr, "its JP2 header")),
        // What the transform was made for.
        _ => has_component_transform.then_some((Colour::Rgb, "its component transform")),
    };
    let contradiction = colour::to_rgb(&mut values, layout, coded).or_else(|| {
        let is_named = matches!(layout.photometric, Photometric::YbrIct | Photometric::YbrRct);
        (is_named && coded.is_none()).then(|| {
            let name = layout.photometric.name();
            format!("PhotometricInterpretation is {name}, but the frame was coded without a component transform")
        })
    });
    let warnings = missing.into_iter().chain(contradiction).collect();
    Ok((Samples { values, meaning: Meaning::Precision(size.precision) }, warnings))
}

/// A codestream, out of the JP2 file that may lie around it.
struct Wrapped<'a> {
    codestream: &'a [u8],
    /// The enumerated colour space of a JP2 file (I.5.3.3).
    colour_space: Option<u32>,
}

impl<'a> Wrapped<'a> {
    fn of(frame: &'a [u8]) -> Result<Self> {
        if !frame.starts_with(&[0, 0, 0, 12, b'j', b'P', b' ', b' ']) {
            return Ok(Self { codestream: frame, colour_space: None });
        }
        let mut colour_space = None;
        for (kind, body) in boxes(frame) {
            match &kind {
                b"jp2c" => return Ok(Self { codestream: body, colour_space }),
                b"jp2h" => {
                    let colour = boxes(body).find(|(kind, _)| kind == b"colr").map(|(_, body)| body);
                    // Method 1 names the space; others hold a profile.
                    if let Some([1, _, _, a, b, c, d, ..]) = colour {
                        colour_space = Some(u32::from_be_bytes([*a, *b, *c, *d]));
                    }
                }
                _ => {}
            }
        }
        Err(Error::codec(FORMAT, "its JP2 boxes hold no codestream"))
    }
}

/// The boxes of a JP2 file (I.4), with their bodies; the last may go on to the end.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&[a, b, c, d, kind @ ..], body) = rest.split_first_chunk::<8>()?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let (body, behind) = match length.checked_sub(8) {
            Some(length) => body.split_at_checked(length).unwrap_or((body, &[])),
            None => (body, &[][..]),
        };
        rest = behind;
        Some((kind, body))
    })
}

/// Marker segments that the decoder knows in the main header: SIZ, CAP, CPF and those of [`TILE_SEGMENTS`] among them.
const MAIN_SEGMENTS: [u8; 19] =
    [0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x63, 0x64, 0x74, 0x75, 0x77, 0x78, 0x90];

/// Marker segments that the decoder knows in the header of a tile-part.
const TILE_SEGMENTS: [u8; 12] = [0x52, 0x53, 0x58, 0x5c, 0x5d, 0x5e, 0x5f, 0x61, 0x64, 0x74, 0x75, 0x77];

/// What all headers of a codestream say.
#[derive(Debug)]
struct Headers {
    size: Size,
    /// The number of tiles that have any data.
    coded_tiles: u64,
    /// Whether the first three components went through the component transform (G.2, G.3).
    has_component_transform: bool,
}

/// Where a walk over the headers is.
enum Place {
    MainHeader,
    /// In the header of a tile-part that begins there and has so many bytes; 0 where it goes on to the end.
    TileHeader(usize, usize),
    /// Behind a tile-part.
    BehindTile,
}

impl Headers {
    /// Walks over the marker segments of the main header and of all tile-part headers (A.4), as the decoder does. Whatever
    /// it would read in another way is refused: it passes over unknown segments by looking for a marker inside them.
    fn check(codestream: &[u8]) -> Result<Self> {
        let damaged = |reason: &str| Error::codec(FORMAT, reason);
        if !codestream.starts_with(&[0xff, 0x4f, 0xff, 0x51]) {
            return Err(damaged("its start marker is missing"));
        }
        let mut size: Option<Size> = None;
        let (mut styles, mut layers) = (Vec::new(), 1);
        let mut has_component_transform = false;
        let mut coded = BTreeSet::new();
        let mut at = 2;
        let mut place = Place::MainHeader;
        loop {
            let marker = match (codestream.get(at..at + 2), &place) {
                (Some([0xff, marker]), _) => *marker,
                // What breaks off is decoded up to there.
                (_, Place::BehindTile) | (None | Some([] | [_]), _) => break,
                (Some(_), _) => return Err(damaged("a header holds something else than marker segments")),
            };
            let known = match place {
                Place::MainHeader => MAIN_SEGMENTS.contains(&marker),
                Place::BehindTile => match marker {
                    0x90 => true,
                    _ => break,
                },
                // Start of the coded data: go on behind the tile-part, whose length counts from its first marker.
                Place::TileHeader(_, 0) if marker == 0x93 => break,
                Place::TileHeader(start, length) if marker == 0x93 => {
                    at = (start + length).max(at + 2);
                    place = Place::BehindTile;
                    continue;
                }
                Place::TileHeader(..) => TILE_SEGMENTS.contains(&marker),
            };
            if !known {
                return Err(Error::unsupported(format!("JPEG 2000 with the marker FF{marker:02X} in a header")));
            }
            let Some([high, low]) = codestream.get(at + 2..at + 4) else { break };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let segment = codestream.get(at + 4..at + 2 + length).ok_or_else(|| damaged("a segment has no end"))?;
            match (marker, &size) {
                (0x51, None) => {
                    // The segment without its length begins with the capabilities.
                    let read = Size::read(segment)?;
                    if read.tiles > limits::JPEG_2000_TILES {
                        return Err(Error::Limit { what: "JPEG 2000 tiles without number" });
                    }
                    size = Some(read);
                }
                (0x51, Some(_)) => return Err(damaged("it has two size segments")),
                (0x52, Some(size)) => {
                    let [style, _, high, low, transform, parameters @ ..] = segment else {
                        return Err(damaged("its coding style segment is too short"));
                    };
                    layers = layers.max(u64::from(u16::from_be_bytes([*high, *low])));
                    if matches!(place, Place::MainHeader) {
                        has_component_transform = *transform == 1 && size.components >= 3;
                    }
                    styles.push((parameters, style & 1 != 0));
                }
                (0x53, Some(size)) => {
                    let component = if size.components < 257 { 1 } else { 2 };
                    let style = segment.get(component).copied().unwrap_or(0);
                    let parameters = segment.get(component + 1..).unwrap_or_default();
                    styles.push((parameters, style & 1 != 0));
                }
                (0x90, _) => {
                    coded.extend(segment.first_chunk::<2>().map(|index| u16::from_be_bytes(*index)));
                    let length = segment.get(2..6).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
                    place = Place::TileHeader(at, u32::from_be_bytes(length) as usize);
                }
                _ => {}
            }
            at += 2 + length.max(2);
        }
        let size = size.ok_or_else(|| damaged("its size segment is missing"))?;
        // Every style with the most layers: one of a component goes with the layers of another segment.
        styles.into_iter().try_for_each(|(style, has_precincts)| size.check_style(style, has_precincts, layers))?;
        Ok(Self { size, coded_tiles: coded.len() as u64, has_component_transform })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    }

    /// Size segment of one component of 8 bits.
    fn siz(side: u32, tile: u32) -> Vec<u8> {
        let words = [side, side, 0, 0, tile, tile, 0, 0].map(u32::to_be_bytes).concat();
        segment(0x51, &[&[0, 0][..], &words, &[0, 1, 7, 1, 1]].concat())
    }

    /// Coding style: layers, decomposition levels, precincts by resolution.
    fn cod(layers: u16, levels: u8, precincts: &[u8]) -> Vec<u8> {
        let [high, low] = layers.to_be_bytes();
        let style = u8::from(!precincts.is_empty());
        segment(0x52, &[&[style, 0, high, low, 0, levels, 4, 4, 0, 1][..], precincts].concat())
    }

    /// A tile-part of the given header and two bytes of data.
    fn tile(header: &[u8]) -> Vec<u8> {
        let length = (12 + header.len() + 4) as u32;
        let start = segment(0x90, &[&[0, 0][..], &length.to_be_bytes(), &[0, 1]].concat());
        [&start[..], header, &[0xff, 0x93, 1, 2]].concat()
    }

    fn checked(main: &[&[u8]], tiles: &[&[u8]]) -> std::result::Result<Headers, String> {
        let codestream = [&[0xff, 0x4f][..], &main.concat(), &tiles.concat(), &[0xff, 0xd9]].concat();
        Headers::check(&codestream).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_decoder_would_read_in_another_way_is_refused() {
        let (siz, cod) = (siz(64, 64), cod(1, 2, &[]));
        let comment = segment(0x64, b"\0\x01text");
        assert_eq!(checked(&[&siz, &cod, &comment], &[&tile(&comment)]).unwrap().coded_tiles, 1);
        // The decoder looks for a marker inside a segment that it does not know.
        let hidden = cod_of_many_blocks();
        for marker in [0x30, 0x54, 0x56, 0x62, 0x65, 0x7e, 0x91, 0xa0, 0xfe] {
            let unknown = segment(marker, &hidden);
            let words = format!("marker FF{marker:02X} in a header");
            for told in [
                checked(&[&siz, &unknown, &cod], &[&tile(&[])]).unwrap_err(),
                checked(&[&siz, &cod], &[&tile(&unknown)]).unwrap_err(),
                checked(&[&siz, &cod], &[&tile(&[]), &tile(&unknown)]).unwrap_err(),
            ] {
                assert!(told.contains(&words), "{told}");
            }
        }
        let told = checked(&[&siz, &cod], &[&tile(&[&[0x12, 0x34, 0, 4, 1, 2][..], &hidden].concat())]).unwrap_err();
        assert!(told.contains("something else than marker segments"), "{told}");
        let told = checked(&[&siz, &[0x12, 0x34], &cod], &[]).unwrap_err();
        assert!(told.contains("something else than marker segments"), "{told}");
        assert!(checked(&[&siz, &siz, &cod], &[&tile(&[])]).unwrap_err().contains("two size segments"));
        assert!(checked(&[&siz, &cod, &tile(&[])[14..]], &[]).is_err(), "data without a tile-part");
    }

    fn cod_of_many_blocks() -> Vec<u8> {
        cod(1, 0, &[0x11])
    }

    #[test]
    fn blocks_and_packets_are_counted_wherever_they_are_asked_for() {
        let refused = |told: std::result::Result<Headers, String>| {
            let told = told.unwrap_err();
            assert!(told.contains("without number"), "{told}");
        };
        let large = siz(4096, 4096);
        let plain = cod(1, 5, &[]);
        assert!(checked(&[&large, &plain], &[&tile(&[])]).is_ok());
        let many = cod_of_many_blocks();
        refused(checked(&[&large, &many], &[&tile(&[])]));
        refused(checked(&[&large, &plain, &many], &[&tile(&[])]));
        refused(checked(&[&large, &plain], &[&tile(&many)]));
        // The style of a component has no layers of its own: those of a segment behind it count.
        let component = segment(0x53, &[0, 1, 0, 4, 4, 0, 1, 0x77]);
        assert!(checked(&[&large, &component, &plain], &[&tile(&[])]).is_ok());
        refused(checked(&[&large, &component, &cod(65_535, 5, &[])], &[&tile(&[])]));
        // Few blocks a tile, but thousands of tiles.
        let tiles = siz(4096, 33);
        assert!(checked(&[&tiles, &plain], &[&tile(&[])]).is_ok());
        refused(checked(&[&tiles, &cod(1, 0, &[0x11])], &[&tile(&[])]));
        refused(checked(&[&siz(4096, 8), &plain], &[&tile(&[])]));
    }

    #[test]
    fn a_jp2_file_names_its_colour_space() {
        let of = |colour: &[u8]| {
            let part = |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
            let header = part(b"jp2h", &[part(b"ihdr", &[0; 14]), part(b"colr", colour)].concat());
            let file = [part(b"jP  ", b"\r\n\x87\n"), part(b"ftyp", b"jp2 "), header, part(b"jp2c", b"code")].concat();
            let wrapped = Wrapped::of(&file).unwrap();
            assert_eq!(wrapped.codestream, b"code");
            wrapped.colour_space
        };
        assert_eq!(of(&[1, 0, 0, 0, 0, 0, 18]), Some(18));
        assert_eq!(of(&[2, 0, 0, 0, 0, 0, 18]), None);
        assert_eq!(of(&[1, 0]), None);
        assert!(Wrapped::of(b"\0\0\0\x0cjP  \r\n\x87\n\xff\xff\xff\xffjp2h").is_err());
    }
}
