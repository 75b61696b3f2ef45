//! JPEG with restart intervals: lossless is refused by name, lossy is read.

use saliscope::radiograph::Radiograph;
use saliscope::radiograph::dicom::DicomImage;

const ROWS: usize = 12;
const COLUMNS: usize = 10;

/// Bits of a coded scan, with a zero byte behind each byte of ones.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.open = self.open << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.open as u8);
                if self.open == 0xff {
                    self.bytes.push(0);
                }
                (self.open, self.count) = (0, 0);
            }
        }
    }

    /// Fills the last byte with ones and sets a marker.
    fn marker(&mut self, marker: u8) {
        while self.count > 0 {
            self.put(1, 1);
        }
        self.bytes.extend([0xff, marker]);
    }

    /// A difference: its category as a code of 5 bits, then its bits (T.81 F.1.2.1 and H.1.2.2).
    fn difference(&mut self, difference: i32) {
        let category = if difference == 0 { 0 } else { 32 - difference.unsigned_abs().leading_zeros() };
        self.put(category, 5);
        let low = if difference < 0 { difference - 1 } else { difference };
        if category < 16 {
            self.put(low.cast_unsigned() & ((1 << category) - 1), category);
        }
    }
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker][..], &length, content].concat()
}

/// A table in which each of the first categories has the code of 5 bits that is its number: 17 lossless, 12 lossy.
fn table(categories: u8) -> Vec<u8> {
    let mut counts = [0; 16];
    counts[4] = categories;
    let categories: Vec<u8> = (0..categories).collect();
    segment(0xc4, &[&[0][..], &counts, &categories].concat())
}

fn frame(process: u8, bits: u32) -> Vec<u8> {
    segment(process, &[bits as u8, 0, ROWS as u8, 0, COLUMNS as u8, 1, 1, 0x11, 0])
}

/// Where the restart interval is defined.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defined {
    BeforeFrame,
    BehindFrame,
    /// Restart markers stand in the scan, and nothing announces them.
    Nowhere,
}

/// A lossless codestream (T.81 H.1); prediction begins anew every `interval` lines, never where it is 0.
fn lossless(pixels: &[u16], bits: u32, predictor: u8, interval: usize, defined: Defined) -> Vec<u8> {
    let interval_px = ((interval * COLUMNS) as u16).to_be_bytes();
    let definition = if interval > 0 { segment(0xdd, &interval_px) } else { Vec::new() };
    let mut coded = Bits::default();
    for y in 0..ROWS {
        let is_first_line = y == 0 || (interval > 0 && y % interval == 0);
        if is_first_line && y > 0 {
            coded.marker(0xd0 + ((y / interval - 1) % 8) as u8);
        }
        for x in 0..COLUMNS {
            let at = |dy: usize, dx: usize| i32::from(pixels[(y - dy) * COLUMNS + x - dx]);
            let predicted = match (is_first_line, x) {
                (true, 0) => 1 << (bits - 1),
                (true, _) => at(0, 1),
                (false, 0) => at(1, 0),
                _ => {
                    let (a, b, c) = (at(0, 1), at(1, 0), at(1, 1));
                    [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
                        [usize::from(predictor) - 1]
                }
            };
            // Modulo 65536, from -32767 to 32768.
            let difference = (at(0, 0) - predicted) & 0xffff;
            coded.difference(if difference > 32_768 { difference - 65_536 } else { difference });
        }
    }
    coded.marker(0xd9);
    let scan = segment(0xda, &[1, 1, 0, predictor, 0, 0]);
    let (before, behind) = match defined {
        Defined::BeforeFrame => (definition, Vec::new()),
        Defined::BehindFrame => (Vec::new(), definition),
        Defined::Nowhere => (Vec::new(), Vec::new()),
    };
    [&[0xff, 0xd8][..], &before, &frame(0xc3, bits), &behind, &table(17), &scan, &coded.bytes].concat()
}

/// Lossy JPEG of blocks that have one gray level each, with a restart marker every `interval` blocks.
fn lossy(levels: &[i32], interval: u16) -> Vec<u8> {
    let [across, down] = [COLUMNS, ROWS].map(|side| side.div_ceil(8));
    assert_eq!(levels.len(), across * down);
    let quantization = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let mut no_more = [0; 16];
    no_more[0] = 1;
    // One code of one bit: end of block.
    let other = segment(0xc4, &[&[0x10][..], &no_more, &[0]].concat());
    let mut coded = Bits::default();
    let mut last = 0;
    for (at, level) in levels.iter().enumerate() {
        if interval > 0 && at > 0 && at % usize::from(interval) == 0 {
            coded.marker(0xd0 + ((at / usize::from(interval) - 1) % 8) as u8);
            last = 0;
        }
        let constant = (level - 128) * 8;
        coded.difference(constant - last);
        coded.put(0, 1);
        last = constant;
    }
    coded.marker(0xd9);
    let definition = if interval > 0 { segment(0xdd, &interval.to_be_bytes()) } else { Vec::new() };
    let scan = segment(0xda, &[1, 1, 0, 0, 63, 0]);
    [&[0xff, 0xd8][..], &quantization, &frame(0xc0, 8), &table(12), &other, &definition, &scan, &coded.bytes].concat()
}

/// A DICOM file of one frame in a fragment.
fn dicom(codestream: &[u8], bits: u32, transfer_syntax: &str) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    let element = |bytes: &mut Vec<u8>, [group, number]: [u16; 2], vr: &[u8; 2], value: &[u8]| {
        bytes.extend(group.to_le_bytes().into_iter().chain(number.to_le_bytes()).chain(*vr));
        let value: Vec<u8> = value.iter().copied().chain((value.len() % 2 == 1).then_some(0)).collect();
        bytes.extend((value.len() as u16).to_le_bytes().into_iter().chain(value));
    };
    element(&mut bytes, [2, 0x10], b"UI", transfer_syntax.as_bytes());
    element(&mut bytes, [0x28, 2], b"US", &1_u16.to_le_bytes());
    element(&mut bytes, [0x28, 4], b"CS", b"MONOCHROME2 ");
    let allocated = if bits > 8 { 16 } else { 8 };
    for (number, value) in
        [(0x10, ROWS as u32), (0x11, COLUMNS as u32), (0x100, allocated), (0x101, bits), (0x102, bits - 1), (0x103, 0)]
    {
        element(&mut bytes, [0x28, number], b"US", &(value as u16).to_le_bytes());
    }
    bytes.extend([0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff]);
    bytes.extend([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    let padded: Vec<u8> = codestream.iter().copied().chain((codestream.len() % 2 == 1).then_some(0)).collect();
    bytes.extend([0xfe, 0xff, 0x00, 0xe0].into_iter().chain((padded.len() as u32).to_le_bytes()).chain(padded));
    bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    bytes
}

/// A ramp with grain that wraps where a prediction goes beyond the range.
fn pixels(bits: u32) -> Vec<u16> {
    let grain = |at: usize| (at as u32).wrapping_mul(2_654_435_761) >> 20;
    (0..ROWS * COLUMNS).map(|at| ((at as u32 * 977 + grain(at)) % (1 << bits)) as u16).collect()
}

#[test]
fn lossless_without_restarts_is_exact() {
    for bits in [8, 12, 16] {
        for predictor in 1..=7 {
            let wanted = pixels(bits);
            let coded = lossless(&wanted, bits, predictor, 0, Defined::Nowhere);
            let image = DicomImage::from_bytes(dicom(&coded, bits, "1.2.840.10008.1.2.4.57")).unwrap();
            let found = image.frame(0).unwrap().stored.values;
            assert!(found.iter().zip(&wanted).all(|(a, b)| *a == i32::from(*b)), "{bits} bits, predictor {predictor}");
        }
    }
}

#[test]
fn lossless_with_restarts_is_refused_by_name() {
    let mut refused = 0;
    for bits in [8, 12, 16] {
        for predictor in 1..=7 {
            for interval in [1, 2, 5] {
                for defined in [Defined::BeforeFrame, Defined::BehindFrame, Defined::Nowhere] {
                    let coded = lossless(&pixels(bits), bits, predictor, interval, defined);
                    for syntax in ["1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"] {
                        let image = DicomImage::from_bytes(dicom(&coded, bits, syntax)).unwrap();
                        let told = image.frame(0).unwrap_err().to_string();
                        assert!(
                            told.contains("lossless JPEG with restart intervals") && told.contains("dcmdjpeg"),
                            "{bits} bits, predictor {predictor}, every {interval}, {defined:?}: {told}"
                        );
                        refused += 1;
                    }
                }
            }
        }
    }
    assert_eq!(refused, 3 * 7 * 3 * 3 * 2);
}

#[test]
fn lossless_files_outside_dicom_are_refused_by_name() {
    for (interval, words) in [(0, "lossless JPEG are not read"), (1, "lossless JPEG with restart intervals")] {
        let coded = lossless(&pixels(8), 8, 1, interval, Defined::BehindFrame);
        let told = Radiograph::from_bytes(&coded).unwrap_err().to_string();
        assert!(told.contains(words) && told.contains("save the image as"), "{told}");
    }
}

#[test]
fn lossy_with_restarts_is_read() {
    let levels = [40, 90, 200, 10];
    let level_at = |at: usize| levels[at / COLUMNS / 8 * 2 + at % COLUMNS / 8];
    for interval in [0, 1, 2, 3] {
        let coded = lossy(&levels, interval);
        let image = DicomImage::from_bytes(dicom(&coded, 8, "1.2.840.10008.1.2.4.50")).unwrap();
        let found = image.frame(0).unwrap().stored.values;
        let outside = Radiograph::from_bytes(&coded).unwrap();
        for (at, value) in found.iter().enumerate() {
            assert!((value - level_at(at)).abs() <= 1, "every {interval}: {value} at {at}");
            assert!((outside.pixels()[at] - level_at(at) as f32).abs() <= 1.0, "every {interval}: at {at}");
        }
    }
}
