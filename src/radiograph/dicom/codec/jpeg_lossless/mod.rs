//! Lossless JPEG (T.81, process 14: `SOF3`), 2 to 16 bits, all seven predictors, point transforms, restarts, one scan for
//! all components or one each. Subsampled components are refused.

mod huffman;

use super::error::Error;
use crate::limits;
use crate::radiograph::jpeg_markers::{JpegHead, Segment, Segments, is_frame};
use huffman::{Bits, Stop, Table};

const CODEC: &str = "lossless JPEG";

/// A decoded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// `rows * columns * components` samples, those of a pixel side by side.
    pub(super) samples: Vec<u16>,
    /// Lines at the end that are not there, and are 0; at most half of them.
    pub(super) missing_lines: usize,
}

/// Decodes a frame with this head. Memory and time are bounded by the size that the head says.
///
/// # Errors
/// When the codestream is damaged, holds less than half of the lines, or is of a kind that is not read.
pub(super) fn decode(codestream: &[u8], head: &JpegHead) -> Result<Image, Error> {
    let count = head.components.len();
    if head.rows == 0 || head.columns == 0 || count == 0 || !(2..=16).contains(&head.precision) {
        return Err(damaged("its frame header contradicts itself"));
    }
    if head.rows * head.columns * count > limits::CODED_SAMPLES {
        let size = format!("{}x{} pixels of {count} components", head.columns, head.rows);
        return Err(Error::TooLarge { codec: CODEC, size });
    }
    if count > 1 && head.components.iter().any(|component| component.sampling != 0x11) {
        return Err(Error::Unsupported { codec: CODEC, feature: "subsampled components".to_owned() });
    }
    let mut image = Image { samples: vec![0; head.rows * head.columns * count], missing_lines: 0 };
    let mut tables = [const { None }; 4];
    let mut interval_px = 0;
    let mut decoded = vec![false; count];
    let mut frames = 0;
    let mut segments = Segments::of(codestream);
    while let Some(Segment { marker, content }) = segments.next() {
        match marker {
            0xc4 => read_tables(content, &mut tables)?,
            0xdd => {
                let length = content.first_chunk().ok_or_else(|| damaged("its restart interval is too short"))?;
                interval_px = usize::from(u16::from_be_bytes(*length));
            }
            0xda => {
                let scan = Scan::read(content, head, &tables)?;
                for (place, _) in &scan.components {
                    if std::mem::replace(&mut decoded[*place], true) {
                        return Err(damaged("a component is coded twice"));
                    }
                }
                let missing = scan.decode(&mut segments, head, interval_px, &mut image.samples)?;
                image.missing_lines = image.missing_lines.max(missing);
                // The end marker adds nothing; some writers leave it out.
                if decoded.iter().all(|done| *done) {
                    return Ok(image);
                }
            }
            0xd9 => break,
            _ if is_frame(marker) => {
                frames += 1;
                if frames > 1 {
                    return Err(damaged("it has two frame headers"));
                }
            }
            _ => {}
        }
    }
    let found = decoded.iter().filter(|done| **done).count();
    Err(Error::Short { codec: CODEC, problem: format!("{found} of {count} components are there") })
}

/// Reads tables for differences (class 0) into their places.
fn read_tables(content: &[u8], tables: &mut [Option<Table>; 4]) -> Result<(), Error> {
    let mut rest = content;
    while let Some(([head, counts @ ..], behind)) = rest.split_first_chunk::<17>() {
        let categories = counts.iter().map(|count| usize::from(*count)).sum();
        let (categories, behind) =
            behind.split_at_checked(categories).ok_or_else(|| damaged("a table of codes is too short"))?;
        rest = behind;
        // Tables of class 1 are for coefficients, which lossless frames do not have.
        if let (0, Some(place)) = (head >> 4, tables.get_mut(usize::from(head & 15))) {
            let table = Table::new(counts, categories).ok_or_else(|| damaged("a table of codes contradicts itself"))?;
            *place = Some(table);
        }
    }
    Ok(())
}

/// What a scan header says.
#[derive(Debug)]
struct Scan<'a> {
    /// The places of its components within a pixel, and their tables.
    components: Vec<(usize, &'a Table)>,
    /// 1 to 7 (T.81, table H.1).
    predictor: u8,
    point_transform: u32,
}

impl<'a> Scan<'a> {
    fn read(content: &[u8], head: &JpegHead, tables: &'a [Option<Table>; 4]) -> Result<Self, Error> {
        let [count, list @ ..] = content else { return Err(damaged("a scan header is empty")) };
        let (list, [predictor, _, transform]) = list
            .split_at_checked(2 * usize::from(*count))
            .and_then(|(list, rest)| Some((list, rest.first_chunk()?)))
            .ok_or_else(|| damaged("a scan header is too short"))?;
        let components = list.as_chunks::<2>().0.iter().map(|[identifier, table]| {
            let place = head.components.iter().position(|component| component.identifier == *identifier);
            let place = place.ok_or_else(|| damaged("a scan has a component that the frame header does not know"))?;
            let table = tables.get(usize::from(table >> 4)).and_then(Option::as_ref);
            Ok((place, table.ok_or_else(|| damaged("a scan has no table of codes"))?))
        });
        let components = components.collect::<Result<Vec<_>, Error>>()?;
        let point_transform = u32::from(transform & 15);
        if components.is_empty() || !(1..=7).contains(predictor) || point_transform >= head.precision {
            return Err(damaged("a scan header contradicts itself"));
        }
        Ok(Self { components, predictor: *predictor, point_transform })
    }

    /// Decodes all lines into `samples`; gives the number of lines that are missing.
    fn decode(
        &self,
        segments: &mut Segments<'_>,
        head: &JpegHead,
        interval_px: usize,
        samples: &mut [u16],
    ) -> Result<usize, Error> {
        let JpegHead { rows, columns, .. } = *head;
        // H.1.1 wants whole lines. Nothing says what a sample is predicted from whose neighbours lie before a restart.
        let interval = match interval_px {
            0 => rows,
            _ if interval_px >= rows * columns => rows,
            _ if interval_px.is_multiple_of(columns) => interval_px / columns,
            _ => {
                let feature = "restart intervals that are no whole lines".to_owned();
                return Err(Error::Unsupported { codec: CODEC, feature });
            }
        };
        let initial = 1_u16 << (head.precision - self.point_transform - 1);
        // Lines of the components, one after the other.
        let mut above = vec![0_u16; columns * self.components.len()];
        let mut line = above.clone();
        let mut differences = above.clone();
        let mut bits = Bits::new(segments.coded());
        for row in 0..rows {
            let is_first = row % interval == 0;
            if is_first && row > 0 {
                let expected = 0xd0 + ((row / interval - 1) % 8) as u8;
                match segments.next().map(|segment| segment.marker) {
                    Some(found) if found == expected => {}
                    None | Some(0xd9) => return missing(row, rows),
                    Some(_) => return Err(damaged(&format!("the restart marker before line {row} is another"))),
                }
                bits = Bits::new(segments.coded());
            }
            match self.differences(&mut bits, &mut differences) {
                Ok(()) => {}
                Err(Stop::Invalid) => return Err(damaged(&format!("line {row} has a code that no table has"))),
                // More lines follow behind a marker, so what is there is not the beginning of the image.
                Err(Stop::Short) if segments.clone().next().is_some_and(|next| matches!(next.marker, 0xd0..=0xd7)) => {
                    return Err(damaged(&format!("line {row} is cut by a restart marker")));
                }
                Err(Stop::Short) => return missing(row, rows),
            }
            let lines = line.chunks_exact_mut(columns).zip(above.chunks_exact(columns));
            for ((line, above), differences) in lines.zip(differences.chunks_exact(columns)) {
                add_predictions(self.predictor, is_first.then_some(initial), above, differences, line);
            }
            let width = columns * head.components.len();
            let pixels = &mut samples[row * width..][..width];
            for ((place, _), line) in self.components.iter().zip(line.chunks_exact(columns)) {
                for (sample, value) in pixels[*place..].iter_mut().step_by(head.components.len()).zip(line) {
                    *sample = value << self.point_transform;
                }
            }
            std::mem::swap(&mut line, &mut above);
        }
        Ok(0)
    }

    /// Reads the differences of a line, component after component, which alternate in the bits.
    fn differences(&self, bits: &mut Bits<'_>, differences: &mut [u16]) -> Result<(), Stop> {
        if let [(_, table)] = self.components.as_slice() {
            for difference in differences {
                *difference = bits.difference(table)?;
            }
            return Ok(());
        }
        let columns = differences.len() / self.components.len();
        for column in 0..columns {
            for (index, (_, table)) in self.components.iter().enumerate() {
                differences[index * columns + column] = bits.difference(table)?;
            }
        }
        Ok(())
    }
}

/// What to make of an image that ends before line `row`: it is kept where at least half of it is there.
fn missing(row: usize, rows: usize) -> Result<usize, Error> {
    if 2 * row >= rows {
        return Ok(rows - row);
    }
    Err(Error::Short { codec: CODEC, problem: format!("{row} of its {rows} lines are there") })
}

/// Samples from their predictions and differences, modulo 65536 (H.1.2.1). `initial` is what the first sample of all is
/// predicted as, on the first line; none on others.
fn add_predictions(predictor: u8, initial: Option<u16>, above: &[u16], differences: &[u16], line: &mut [u16]) {
    let (Some(first), Some(difference)) = (line.first_mut(), differences.first()) else { return };
    *first = initial.or(above.first().copied()).unwrap_or(0).wrapping_add(*difference);
    let first = *first;
    if initial.is_some() || predictor == 1 {
        return predict(first, above, differences, line, |left, _, _| left);
    }
    match predictor {
        2 => predict(first, above, differences, line, |_, up, _| up),
        3 => predict(first, above, differences, line, |_, _, corner| corner),
        4 => predict(first, above, differences, line, |left, up, corner| left + up - corner),
        5 => predict(first, above, differences, line, |left, up, corner| left + ((up - corner) >> 1)),
        6 => predict(first, above, differences, line, |left, up, corner| up + ((left - corner) >> 1)),
        _ => predict(first, above, differences, line, |left, up, _| (left + up) >> 1),
    }
}

/// Every sample of a line but the first, by its neighbours on the left, above, and above on the left.
fn predict(first: u16, above: &[u16], differences: &[u16], line: &mut [u16], by: impl Fn(i32, i32, i32) -> i32) {
    let mut left = first;
    let neighbours = above.array_windows::<2>().zip(differences.iter().skip(1));
    for (sample, ([corner, up], difference)) in line.iter_mut().skip(1).zip(neighbours) {
        // The sum modulo 65536.
        left = (by(i32::from(left), i32::from(*up), i32::from(*corner)) as u16).wrapping_add(*difference);
        *sample = left;
    }
}

fn damaged(problem: &str) -> Error {
    Error::Damaged { codec: CODEC, problem: problem.to_owned() }
}
