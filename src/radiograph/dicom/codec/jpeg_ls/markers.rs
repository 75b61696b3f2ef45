//! Marker segments of a JPEG-LS stream (T.87, annex C).

use super::coding::Preset;
use super::{CODEC, Error, Header, damaged, unsupported};
use crate::limits;

/// A marker that matters to the decoder.
#[derive(Clone, Debug)]
pub(super) enum Marker {
    /// SOF55.
    StartOfFrame(StartOfFrame),
    /// SOS; entropy-coded data follow.
    StartOfScan(ScanHeader),
    /// LSE with coding parameters.
    Preset(Preset),
    /// DRI, in lines; 0 for none.
    RestartInterval(usize),
    /// EOI, or the end of the bytes.
    End,
}

/// Frame header.
#[derive(Clone, Debug)]
pub(super) struct StartOfFrame {
    pub(super) header: Header,
    /// Identifiers, in the order of the samples of a pixel.
    pub(super) components: Vec<u8>,
}

/// Order of the samples in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interleave {
    /// One component.
    None,
    /// A line of each component in turn.
    Line,
    /// A sample of each component in turn.
    Sample,
}

/// Scan header.
#[derive(Clone, Debug)]
pub(super) struct ScanHeader {
    /// Identifiers of its components.
    pub(super) components: Vec<u8>,
    /// Largest error of a sample.
    pub(super) near: i32,
    pub(super) interleave: Interleave,
}

/// Walks over the markers of a stream.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins after the start of the image.
    pub(super) fn new(frame: &'a [u8]) -> Result<Self, Error> {
        match frame.strip_prefix(&[0xff, 0xd8]) {
            Some(rest) => Ok(Self { rest }),
            None => Err(damaged("it does not begin as a JPEG-LS stream")),
        }
    }

    pub(super) fn next_marker(&mut self) -> Result<Marker, Error> {
        loop {
            let Some(code) = self.marker_code()? else { return Ok(Marker::End) };
            match code {
                0xd9 => return Ok(Marker::End),
                0xf7 => return Ok(Marker::StartOfFrame(start_of_frame(self.segment(code)?)?)),
                0xda => return Ok(Marker::StartOfScan(start_of_scan(self.segment(code)?)?)),
                0xdd => return Ok(Marker::RestartInterval(restart_interval(self.segment(code)?)?)),
                0xf8 => {
                    if let Some(preset) = preset(self.segment(code)?)? {
                        return Ok(Marker::Preset(preset));
                    }
                }
                0xc0..=0xcf => return Err(damaged(format!("frame type {code:02X} is another kind of JPEG"))),
                // Markers without a segment: a stray start of image or restart.
                0x01 | 0xd0..=0xd8 => return Err(damaged(format!("marker {code:02X} at the wrong place"))),
                0xe8 => {
                    if let Some([transform @ 1..=255, ..]) = self.segment(code)?.strip_prefix(b"mrfx") {
                        return Err(unsupported(format!("HP's colour transform {transform}")));
                    }
                }
                _ => {
                    self.segment(code)?;
                }
            }
        }
    }

    /// The code of the next marker; none at the end of the bytes.
    fn marker_code(&mut self) -> Result<Option<u8>, Error> {
        // After a scan there may be bytes of padding before the marker; it may be preceded by fill bytes.
        let Some(start) = self.rest.iter().position(|byte| *byte == 0xff) else {
            self.rest = &[];
            return Ok(None);
        };
        if self.rest[..start].iter().any(|byte| *byte != 0) {
            return Err(damaged("a marker is expected"));
        }
        self.rest = &self.rest[start..];
        let fill = self.rest.iter().take_while(|byte| **byte == 0xff).count();
        let code = self.rest.get(fill).copied();
        self.rest = self.rest.get(fill + 1..).unwrap_or(&[]);
        Ok(code)
    }

    /// The content of a marker segment.
    fn segment(&mut self, code: u8) -> Result<&'a [u8], Error> {
        let short = || Error::Short { codec: CODEC, problem: format!("inside the segment of marker {code:02X}") };
        let (length, _) = self.rest.split_first_chunk::<2>().ok_or_else(short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length < 2 {
            return Err(damaged(format!("marker {code:02X} has a segment of length {length}")));
        }
        let (segment, rest) = self.rest.split_at_checked(length).ok_or_else(short)?;
        self.rest = rest;
        Ok(&segment[2..])
    }

    /// The bytes up to the next marker. A byte 0xFF is data where the next one is below 0x80.
    pub(super) fn entropy_coded_segment(&mut self) -> &'a [u8] {
        let end = self.rest.windows(2).position(|pair| pair[0] == 0xff && pair[1] >= 0x80);
        let (segment, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        segment
    }

    /// Passes the restart marker with this number, counted from 0.
    pub(super) fn restart_marker(&mut self, index: usize) -> Result<(), Error> {
        let expected = 0xd0 + (index % 8) as u8;
        match self.marker_code()? {
            Some(code) if code == expected => Ok(()),
            Some(0xd9) | None => Err(Error::Short { codec: CODEC, problem: format!("before restart {index}") }),
            Some(code) => Err(damaged(format!("marker {code:02X} instead of restart {expected:02X}"))),
        }
    }
}

fn word(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_be_bytes(bytes))
}

fn start_of_frame(segment: &[u8]) -> Result<StartOfFrame, Error> {
    let Some(([precision, y0, y1, x0, x1, count], list)) = segment.split_first_chunk::<6>() else {
        return Err(damaged("the frame header is too short"));
    };
    let (rows, columns, components) = (word([*y0, *y1]), word([*x0, *x1]), usize::from(*count));
    if !(2..=16).contains(precision) {
        return Err(damaged(format!("samples of {precision} bits")));
    }
    if rows == 0 || columns == 0 {
        return Err(unsupported(format!("a size of {rows}x{columns} in the frame header")));
    }
    if components == 0 || list.len() != 3 * components {
        return Err(damaged(format!("{components} components in {} bytes", list.len())));
    }
    if rows * columns * components > limits::CODED_SAMPLES {
        let size = format!("{rows}x{columns} pixels of {components} components");
        return Err(Error::TooLarge { codec: CODEC, size });
    }
    let list = list.as_chunks::<3>().0;
    if list.iter().any(|[_, sampling, _]| *sampling != 0x11) {
        return Err(unsupported("subsampled components"));
    }
    let header = Header { rows, columns, components, precision_bits: u32::from(*precision) };
    Ok(StartOfFrame { header, components: list.iter().map(|[id, ..]| *id).collect() })
}

fn start_of_scan(segment: &[u8]) -> Result<ScanHeader, Error> {
    let too_short = || damaged("a scan header has the wrong length");
    let (count, rest) = segment.split_first().ok_or_else(too_short)?;
    let (list, rest) = rest.split_at_checked(2 * usize::from(*count)).ok_or_else(too_short)?;
    let [near, interleave, transform] = *rest else { return Err(too_short()) };
    let list = list.as_chunks::<2>().0;
    if list.iter().any(|[_, table]| *table != 0) {
        return Err(unsupported("mapping tables"));
    }
    if transform != 0 {
        return Err(unsupported("a point transform"));
    }
    let interleave = match (interleave, list.len()) {
        (_, 0) => return Err(damaged("a scan without components")),
        // With one component all orders are the same.
        (0..=2, 1) => Interleave::None,
        (1, _) => Interleave::Line,
        (2, _) => Interleave::Sample,
        (mode, count) => return Err(damaged(format!("interleave mode {mode} of {count} components"))),
    };
    Ok(ScanHeader { components: list.iter().map(|[id, _]| *id).collect(), near: i32::from(near), interleave })
}

/// Coding parameters; none for mapping tables, which matter only to scans that name them.
fn preset(segment: &[u8]) -> Result<Option<Preset>, Error> {
    match segment {
        [1, words @ ..] if words.len() == 10 => {
            let mut words = words.as_chunks::<2>().0.iter().map(|bytes| i32::from(u16::from_be_bytes(*bytes)));
            let mut next = || words.next().unwrap_or(0);
            let (maxval, thresholds) = (next(), [next(), next(), next()]);
            Ok(Some(Preset { maxval, thresholds, reset: next() }))
        }
        [2 | 3, ..] => Ok(None),
        [4, ..] => Err(unsupported("more than 65535 rows or columns")),
        _ => Err(damaged("a segment of preset parameters of the wrong kind or length")),
    }
}

fn restart_interval(segment: &[u8]) -> Result<usize, Error> {
    if !(2..=4).contains(&segment.len()) {
        return Err(damaged("a restart interval of the wrong length"));
    }
    Ok(segment.iter().fold(0, |lines, byte| lines << 8 | usize::from(*byte)))
}
