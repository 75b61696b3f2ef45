//! JPEG frames from an encoder of this test: lossless with every predictor, point transform and restart interval; lossy with
//! restarts; colours by what the codestream says of them. `dcmdjpeg` of DCMTK 3.6.7 decoded the lossless streams alike.

use saliscope::radiograph::Radiograph;
use saliscope::radiograph::dicom::{DicomImage, Frame};

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

fn frame(process: u8, bits: u32, components: &[[u8; 2]]) -> Vec<u8> {
    let list: Vec<u8> = components.iter().flat_map(|[name, sampling]| [*name, *sampling, 0]).collect();
    segment(process, &[&[bits as u8, 0, ROWS as u8, 0, COLUMNS as u8, components.len() as u8][..], &list].concat())
}

/// One component.
const GRAY: [[u8; 2]; 1] = [[1, 0x11]];

/// Three, of which nothing is said.
const THREE: [[u8; 2]; 3] = [[1, 0x11], [2, 0x11], [3, 0x11]];

/// Where the restart interval is defined.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defined {
    BeforeFrame,
    BehindFrame,
    /// Restart markers stand in the scan, and nothing announces them.
    Nowhere,
}

/// How a lossless codestream is coded (T.81 H.1).
#[derive(Clone, Copy, Debug)]
struct Lossless {
    bits: u32,
    predictor: u8,
    /// Lowest bits that are left out.
    transform: u32,
    /// Prediction begins anew every so many lines; never where it is 0.
    interval: usize,
    defined: Defined,
    /// All components in one scan, or one scan each.
    interleaved: bool,
}

impl Lossless {
    const PLAIN: Self =
        Self { bits: 8, predictor: 1, transform: 0, interval: 0, defined: Defined::BehindFrame, interleaved: true };

    /// The codestream of components that are planes of pixels.
    fn coded(&self, planes: &[Vec<u16>]) -> Vec<u8> {
        let components = if planes.len() == 1 { &GRAY[..] } else { &THREE };
        let interval_px = ((self.interval * COLUMNS) as u16).to_be_bytes();
        let definition = if self.interval > 0 { segment(0xdd, &interval_px) } else { Vec::new() };
        let (before, behind) = match self.defined {
            Defined::BeforeFrame => (definition, Vec::new()),
            Defined::BehindFrame => (Vec::new(), definition),
            Defined::Nowhere => (Vec::new(), Vec::new()),
        };
        let mut coded = [&[0xff, 0xd8][..], &before, &frame(0xc3, self.bits, components), &behind, &table(17)].concat();
        let all: Vec<usize> = (0..planes.len()).collect();
        for scan in all.chunks(if self.interleaved { all.len() } else { 1 }) {
            let list: Vec<u8> = scan.iter().flat_map(|index| [components[*index][0], 0]).collect();
            let head = [&[scan.len() as u8][..], &list, &[self.predictor, 0, self.transform as u8]].concat();
            coded.extend(segment(0xda, &head));
            coded.extend(self.scan(&scan.iter().map(|index| &planes[*index][..]).collect::<Vec<_>>()));
        }
        coded.extend([0xff, 0xd9]);
        coded
    }

    fn scan(&self, planes: &[&[u16]]) -> Vec<u8> {
        let mut coded = Bits::default();
        for y in 0..ROWS {
            let is_first_line = y == 0 || (self.interval > 0 && y % self.interval == 0);
            if is_first_line && y > 0 {
                coded.marker(0xd0 + ((y / self.interval - 1) % 8) as u8);
            }
            for x in 0..COLUMNS {
                for plane in planes {
                    let at = |dy: usize, dx: usize| i32::from(plane[(y - dy) * COLUMNS + x - dx] >> self.transform);
                    let predicted = match (is_first_line, x) {
                        (true, 0) => 1 << (self.bits - self.transform - 1),
                        (true, _) => at(0, 1),
                        (false, 0) => at(1, 0),
                        _ => {
                            let (a, b, c) = (at(0, 1), at(1, 0), at(1, 1));
                            [a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1]
                                [usize::from(self.predictor) - 1]
                        }
                    };
                    // Modulo 65536, from -32767 to 32768.
                    let difference = (at(0, 0) - predicted) & 0xffff;
                    coded.difference(if difference > 32_768 { difference - 65_536 } else { difference });
                }
            }
        }
        while coded.count > 0 {
            coded.put(1, 1);
        }
        coded.bytes
    }
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
    [&[0xff, 0xd8][..], &quantization, &frame(0xc0, 8, &GRAY), &table(12), &other, &definition, &scan, &coded.bytes]
        .concat()
}

/// A DICOM file of one frame in a fragment.
fn dicom(codestream: &[u8], bits: u32, samples: u16, photometric: &str, transfer_syntax: &str) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    let element = |bytes: &mut Vec<u8>, [group, number]: [u16; 2], vr: &[u8; 2], value: &[u8]| {
        bytes.extend(group.to_le_bytes().into_iter().chain(number.to_le_bytes()).chain(*vr));
        let value: Vec<u8> = value.iter().copied().chain((value.len() % 2 == 1).then_some(b' ')).collect();
        bytes.extend((value.len() as u16).to_le_bytes().into_iter().chain(value));
    };
    element(
        &mut bytes,
        [2, 0x10],
        b"UI",
        format!("{transfer_syntax:\0<width$}", width = transfer_syntax.len().next_multiple_of(2)).as_bytes(),
    );
    element(&mut bytes, [0x28, 2], b"US", &samples.to_le_bytes());
    element(&mut bytes, [0x28, 4], b"CS", photometric.as_bytes());
    if samples > 1 {
        element(&mut bytes, [0x28, 6], b"US", &[0, 0]);
    }
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

const LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
const FIRST_ORDER: &str = "1.2.840.10008.1.2.4.70";
const BASELINE: &str = "1.2.840.10008.1.2.4.50";

/// A frame with what was said of it.
fn frame_of(codestream: &[u8], bits: u32, samples: u16, photometric: &str, syntax: &str) -> Result<Frame, String> {
    let image = DicomImage::from_bytes(dicom(codestream, bits, samples, photometric, syntax)).unwrap();
    image.frame(0).map_err(|error| error.to_string())
}

/// A ramp with grain that wraps where a prediction goes beyond the range.
fn pixels(bits: u32, component: usize) -> Vec<u16> {
    let grain = |at: usize| (at as u32).wrapping_mul(2_654_435_761) >> 20;
    let level = |at: usize| (at as u32 * 977 + grain(at) + component as u32 * 61) % (1 << bits);
    (0..ROWS * COLUMNS).map(|at| level(at) as u16).collect()
}

#[test]
fn lossless_is_exact_with_every_predictor_transform_and_restart() {
    let mut compared = 0;
    for bits in [2, 8, 12, 16] {
        for predictor in 1..=7 {
            for transform in [0, 1, 3] {
                for interval in [0, 1, 2, 5, ROWS] {
                    for defined in [Defined::BeforeFrame, Defined::BehindFrame] {
                        if transform >= bits {
                            continue;
                        }
                        let plane = pixels(bits, 0);
                        let how = Lossless { bits, predictor, transform, interval, defined, interleaved: true };
                        let coded = how.coded(std::slice::from_ref(&plane));
                        for syntax in [LOSSLESS, FIRST_ORDER] {
                            let frame = frame_of(&coded, bits, 1, "MONOCHROME2", syntax).unwrap();
                            let wanted = plane.iter().map(|value| i32::from(value >> transform << transform));
                            assert!(frame.stored.values.iter().copied().eq(wanted), "{how:?}");
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(compared, (3 * 3 + 2) * 7 * 5 * 2 * 2);
}

#[test]
fn lossless_colour_is_exact_in_one_scan_and_in_three() {
    for predictor in 1..=7 {
        for interval in [0, 1, 5] {
            for interleaved in [true, false] {
                let planes: Vec<Vec<u16>> = (0..3).map(|component| pixels(8, component)).collect();
                let how = Lossless { predictor, interval, interleaved, ..Lossless::PLAIN };
                let frame = frame_of(&how.coded(&planes), 8, 3, "RGB", LOSSLESS).unwrap();
                let wanted = (0..ROWS * COLUMNS).flat_map(|at| planes.iter().map(move |plane| i32::from(plane[at])));
                assert!(frame.stored.values.iter().copied().eq(wanted), "{how:?}");
                assert!(frame.warnings.is_empty(), "{:?}", frame.warnings);
            }
        }
    }
}

#[test]
fn restarts_that_are_not_where_they_were_announced_are_refused() {
    let plane = [pixels(8, 0)];
    let with = |interval, defined| Lossless { predictor: 4, interval, defined, ..Lossless::PLAIN }.coded(&plane);
    let refused = |coded: &[u8], words: &str| {
        let told = frame_of(coded, 8, 1, "MONOCHROME2", LOSSLESS).unwrap_err();
        assert!(told.contains(words), "{told}");
    };
    refused(&with(2, Defined::Nowhere), "restart marker");
    let at = |coded: &[u8], marker: u8| coded.windows(2).rposition(|pair| pair == [0xff, marker]).unwrap();
    let mut another = with(5, Defined::BehindFrame);
    let place = at(&another, 0xd1);
    another[place + 1] = 0xd3;
    refused(&another, "restart marker before line 10 is another");
    let mut no_lines = with(5, Defined::BehindFrame);
    let place = at(&no_lines, 0xdd) + 4;
    no_lines[place..place + 2].copy_from_slice(&(COLUMNS as u16 * 5 + 1).to_be_bytes());
    refused(&no_lines, "restart intervals that are no whole lines");
}

#[test]
fn a_lossless_frame_that_breaks_off_is_told() {
    let plane = [pixels(8, 0)];
    let whole = Lossless { predictor: 4, ..Lossless::PLAIN }.coded(&plane);
    let start = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 10;
    let cut = |part: usize| [&whole[..start + (whole.len() - start) * part / 8], &[0xff, 0xd9]].concat();
    let most = frame_of(&cut(6), 8, 1, "MONOCHROME2", LOSSLESS).unwrap();
    assert!(most.warnings[0].contains("lines of the JPEG frame are missing"), "{:?}", most.warnings);
    let first: Vec<i32> = plane[0].iter().take(COLUMNS * ROWS / 2).map(|value| i32::from(*value)).collect();
    assert_eq!(most.stored.values[..COLUMNS * ROWS / 2], first);
    assert_eq!(most.stored.values.last(), Some(&0));
    let told = frame_of(&cut(2), 8, 1, "MONOCHROME2", LOSSLESS).unwrap_err();
    assert!(told.contains("lines are there"), "{told}");
}

#[test]
fn lossless_files_outside_dicom_are_refused_by_name() {
    for interval in [0, 1] {
        let coded = Lossless { interval, ..Lossless::PLAIN }.coded(&[pixels(8, 0)]);
        let told = Radiograph::from_bytes(&coded).unwrap_err().to_string();
        assert!(told.contains("lossless JPEG are not read") && told.contains("save the image as"), "{told}");
    }
}

#[test]
fn lossy_with_restarts_is_read() {
    let levels = [40, 90, 200, 10];
    let level_at = |at: usize| levels[at / COLUMNS / 8 * 2 + at % COLUMNS / 8];
    for interval in [0, 1, 2, 3] {
        let coded = lossy(&levels, interval);
        let found = frame_of(&coded, 8, 1, "MONOCHROME2", BASELINE).unwrap().stored.values;
        let outside = Radiograph::from_bytes(&coded).unwrap();
        for (at, value) in found.iter().enumerate() {
            assert!((value - level_at(at)).abs() <= 1, "every {interval}: {value} at {at}");
            assert!((outside.pixels()[at] - level_at(at) as f32).abs() <= 1.0, "every {interval}: at {at}");
        }
    }
}

#[test]
fn a_lossy_frame_without_its_end_is_told() {
    let mut coded = lossy(&[40, 90, 200, 10], 0);
    coded.truncate(coded.len() - 2);
    let frame = frame_of(&coded, 8, 1, "MONOCHROME2", BASELINE).unwrap();
    assert!((frame.stored.values[0] - 40).abs() <= 1);
    assert!(frame.warnings[0].contains("no end marker"), "{:?}", frame.warnings);
}

const JFIF: [u8; 18] = *b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

fn adobe(transform: u8) -> Vec<u8> {
    segment(0xee, &[&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat())
}

/// Lossy JPEG of one colour for all pixels, in components of the same size.
fn one_colour(colour: [i32; 3], names: [u8; 3], markers: &[u8]) -> Vec<u8> {
    let quantization = segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let mut no_more = [0; 16];
    no_more[0] = 1;
    let other = segment(0xc4, &[&[0x10][..], &no_more, &[0]].concat());
    let mut coded = Bits::default();
    for block in 0..COLUMNS.div_ceil(8) * ROWS.div_ceil(8) {
        for level in colour {
            coded.difference(if block == 0 { (level - 128) * 8 } else { 0 });
            coded.put(0, 1);
        }
    }
    coded.marker(0xd9);
    let components = names.map(|name| [name, 0x11]);
    let list: Vec<u8> = names.iter().flat_map(|name| [*name, 0]).collect();
    let scan = segment(0xda, &[&[3][..], &list, &[0, 63, 0]].concat());
    let frame = frame(0xc0, 8, &components);
    [&[0xff, 0xd8][..], markers, &quantization, &frame, &table(12), &other, &scan, &coded.bytes].concat()
}

/// Red, green and blue of luma and colour differences (PS3.3 C.7.6.3.1.2).
fn rgb_of([y, cb, cr]: [i32; 3]) -> [i32; 3] {
    let [y, cb, cr] = [f64::from(y), f64::from(cb - 128), f64::from(cr - 128)];
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|value| value.round() as i32)
}

#[test]
fn the_codestream_decides_what_its_components_are() {
    const PLAIN: [u8; 3] = [1, 2, 3];
    let colour = [120, 100, 150];
    let ybr = rgb_of(colour);
    for (names, markers, photometric, wanted, is_told) in [
        (PLAIN, JFIF.to_vec(), "YBR_FULL_422", ybr, false),
        (PLAIN, JFIF.to_vec(), "RGB", ybr, true),
        (PLAIN, adobe(1), "RGB", ybr, true),
        (PLAIN, adobe(1), "YBR_FULL", ybr, false),
        (PLAIN, adobe(0), "YBR_FULL_422", colour, true),
        (PLAIN, adobe(0), "RGB", colour, false),
        (*b"RGB", Vec::new(), "YBR_FULL", colour, true),
        (*b"RGB", adobe(1), "RGB", ybr, true),
        // Nothing but the attribute.
        (PLAIN, Vec::new(), "YBR_FULL", ybr, false),
        (PLAIN, Vec::new(), "RGB", colour, false),
    ] {
        let frame = frame_of(&one_colour(colour, names, &markers), 8, 3, photometric, BASELINE).unwrap();
        let case = format!("{names:?}, {markers:?}, {photometric}");
        for (found, wanted) in frame.stored.values.iter().zip(wanted.iter().cycle()) {
            assert!((found - wanted).abs() <= 1, "{case}: {found} is not {wanted}");
        }
        assert_eq!(frame.warnings.iter().any(|told| told.contains("PhotometricInterpretation")), is_told, "{case}");
    }
}

#[test]
fn a_gray_image_stays_gray() {
    // As luma with differences of nothing, and as three components that are alike.
    for (colour, markers, photometric) in [
        ([90, 128, 128], Vec::new(), "RGB"),
        ([90, 128, 128], adobe(0), "RGB"),
        ([90, 128, 128], adobe(1), "RGB"),
        ([90, 128, 128], JFIF.to_vec(), "YBR_FULL_422"),
        ([90, 90, 90], Vec::new(), "YBR_FULL"),
        ([90, 90, 90], JFIF.to_vec(), "RGB"),
        ([90, 90, 90], adobe(0), "YBR_FULL"),
    ] {
        let bytes = dicom(&one_colour(colour, [1, 2, 3], &markers), 8, 3, photometric, BASELINE);
        let radiograph = Radiograph::from_bytes(&bytes).unwrap();
        let case = format!("{colour:?}, {markers:?}, {photometric}: {:?}", radiograph.warnings());
        assert!(radiograph.pixels().iter().all(|level| (level - 90.0).abs() <= 1.0), "{case}");
        assert!(!radiograph.warnings().iter().any(|told| told.contains("reduced to its luma")), "{case}");
    }
}

#[test]
fn a_plain_jpeg_goes_by_its_markers() {
    let colour = [120, 100, 150];
    let luma = |[red, green, blue]: [i32; 3]| 0.299 * red as f32 + 0.587 * green as f32 + 0.114 * blue as f32;
    let (ybr, rgb) = (luma(rgb_of(colour)), luma(colour));
    for (names, markers, wanted) in [
        ([1, 2, 3], JFIF.to_vec(), ybr),
        ([1, 2, 3], Vec::new(), ybr),
        ([1, 2, 3], adobe(0), rgb),
        (*b"RGB", Vec::new(), rgb),
        (*b"RGB", JFIF.to_vec(), ybr),
        (*b"RGB", adobe(1), ybr),
    ] {
        let found = Radiograph::from_bytes(&one_colour(colour, names, &markers)).unwrap();
        let level = found.pixels()[0];
        assert!((level - wanted).abs() <= 1.5, "{names:?}, {markers:?}: {level} is not {wanted}");
    }
}
