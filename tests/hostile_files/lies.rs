//! Single lies, each of which ends or blows up other readers.

use std::path::PathBuf;

use super::program::{fixtures, inspect};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(format!("{name}.dcm"))).unwrap()
}

/// Where the value of an unsigned short element of group 0028 begins in a file with explicit VR little endian.
fn short(bytes: &[u8], element: u16) -> usize {
    let [low, high] = element.to_le_bytes();
    let head = [0x28, 0, low, high, b'U', b'S', 2, 0];
    bytes.windows(8).position(|window| window == head).unwrap() + 8
}

fn with_short(name: &str, element: u16, value: u16) -> Vec<u8> {
    let mut bytes = fixture(name);
    let at = short(&bytes, element);
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    bytes
}

/// The file with `new` at `offset` behind the first `head` of its last 8 KiB.
fn with_bytes(name: &str, head: &[u8], offset: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = fixture(name);
    let at = bytes.windows(head.len()).rposition(|window| window == head).unwrap() + offset;
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// What `inspect` says of files with these contents.
fn told(contents: &[(&str, Vec<u8>)]) -> Vec<(String, serde_json::Value)> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = contents
        .iter()
        .enumerate()
        .map(|(index, (_, bytes))| {
            let path = folder.path().join(format!("{index}.dcm"));
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    contents.iter().map(|(name, _)| (*name).to_owned()).zip(inspect(&paths)).collect()
}

fn all_refused(contents: &[(&str, Vec<u8>)]) {
    for (name, line) in told(contents) {
        assert!(line["error"].is_string(), "{name}: {line}");
    }
}

const ROWS: u16 = 0x0010;
const BITS_STORED: u16 = 0x0101;

#[test]
fn run_lengths_that_lie() {
    // The header of the frame: segment count 1, then the first offset, 64.
    let head = [1, 0, 0, 0, 64, 0, 0, 0];
    all_refused(&[
        ("more rows than the segment has", with_short("rle_8", ROWS, 14)),
        ("four thousand million segments", with_bytes("rle_8", &head, 0, &[0xff; 4])),
        ("65536 segments", with_bytes("rle_8", &head, 0, &[0, 0, 1, 0])),
        ("a segment beyond the frame", with_bytes("rle_8", &head, 4, &[0xff, 0xff, 0xff, 0x7f])),
        ("cut within the header", {
            let bytes = fixture("rle_8");
            let at = bytes.windows(8).rposition(|window| window == head).unwrap();
            bytes[..at + 20].to_vec()
        }),
    ]);
}

#[test]
fn codestreams_of_another_size() {
    let sof = [0xff, 0xc0, 0, 11, 8];
    let lossless = [0xff, 0xc3, 0, 11, 12];
    let siz = [0xff, 0x51];
    all_refused(&[
        ("JPEG larger than the image", with_short("jpeg", ROWS, 20)),
        ("JPEG that says it is larger", with_bytes("jpeg", &sof, 5, &[0xff, 0xff, 0xff, 0xff])),
        ("JPEG of 12 bits", with_bytes("jpeg", &sof, 4, &[12])),
        ("lossless JPEG larger than the image", with_short("jpeg_lossless_12", ROWS, 6)),
        ("lossless JPEG that says it is larger", with_bytes("jpeg_lossless_12", &lossless, 5, &[0xff, 0xff])),
        ("JPEG 2000 larger than the image", with_short("jpeg_2000_12", ROWS, 20)),
        ("JPEG 2000 that says it is larger", with_bytes("jpeg_2000_12", &siz, 6, &[0x7f, 0xff, 0xff, 0xff])),
        ("JPEG 2000 of one tile a pixel", with_bytes("jpeg_2000_12", &siz, 22, &[0, 0, 0, 1, 0, 0, 0, 1])),
        ("JPEG-LS larger than the image", with_short("jpeg_ls_8", ROWS, 6)),
        ("JPEG-LS that says it is larger", with_bytes("jpeg_ls_8", &[0xff, 0xf7, 0, 11, 8], 5, &[0xff, 0xff])),
    ]);
}

/// A JPEG 2000 file with a segment that decoders do not know in its main header, in which another coding style lies.
fn with_hidden_style() -> Vec<u8> {
    let mut bytes = fixture("jpeg_2000_12");
    let start = bytes.windows(4).rposition(|window| window == [0xff, 0x4f, 0xff, 0x51]).unwrap();
    let hidden = [
        &[0xff, 0x7e, 0, 18][..],
        // One layer, no decomposition, blocks of 64 x 64, precincts of 2 x 2.
        &[0xff, 0x52, 0, 13, 1, 0, 0, 1, 0, 0, 4, 4, 0, 1, 0x11, 0],
    ]
    .concat();
    let length = u32::from_le_bytes(bytes[start - 4..start].try_into().unwrap()) + hidden.len() as u32;
    bytes[start - 4..start].copy_from_slice(&length.to_le_bytes());
    let behind_size = start + 4 + usize::from(u16::from_be_bytes([bytes[start + 4], bytes[start + 5]]));
    bytes.splice(behind_size..behind_size, hidden);
    bytes
}

#[test]
fn a_coding_style_inside_an_unknown_segment() {
    let line = told(&[("hidden", with_hidden_style())]).remove(0).1;
    assert!(line["error"].as_str().unwrap().contains("the marker FF7E in a header"), "{line}");
}

#[test]
fn array_headers_that_nest() {
    let nested = |depth: usize| {
        let text = format!(
            "{{'descr': '|u1', 'fortran_order': False, 'shape': {}{}, }}",
            "(1, ".repeat(depth),
            ")".repeat(depth)
        );
        [&b"\x93NUMPY\x01\0"[..], &(text.len() as u16).to_le_bytes(), text.as_bytes(), &[0; 64]].concat()
    };
    all_refused(&[("16 deep", nested(16)), ("40 deep", nested(40)), ("1900 deep", nested(1900))]);
}

#[test]
fn a_palette_that_ends_inside_a_colour() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        let sum = !body.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
        });
        [&(data.len() as u32).to_be_bytes()[..], &body, &sum.to_be_bytes()].concat()
    };
    let png = |palette: usize| {
        let head = chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
        // A stored block of a filter byte and an index.
        let data = chunk(b"IDAT", &[0x78, 1, 1, 2, 0, 0xfd, 0xff, 0, 0, 0, 2, 0, 1]);
        let parts = [chunk(b"PLTE", &vec![9; palette]), data, chunk(b"IEND", &[])].concat();
        [&b"\x89PNG\r\n\x1a\n"[..], &head, &parts].concat()
    };
    let lines = told(&[("12", png(12)), ("13", png(13)), ("1", png(1))]);
    assert!(lines[0].1["error"].is_null(), "{}", lines[0].1);
    for (length, line) in &lines[1..] {
        let words = format!("its palette has {length} bytes");
        assert!(line["error"].as_str().unwrap().contains(&words), "{line}");
    }
}

#[test]
fn attributes_that_cannot_be() {
    let mut contents: Vec<(&str, Vec<u8>)> =
        [0, 17, 31, 33, 255].map(|bits| ("bits stored", with_short("gray_12_in_16", BITS_STORED, bits))).into();
    for (what, element, values) in [
        ("bits allocated", 0x0100, [0, 12, 64, 65_535]),
        ("rows", ROWS, [0, 16_385, 65_535, 4000]),
        ("samples a pixel", 0x0002, [0, 2, 5, 65_535]),
    ] {
        contents.extend(values.map(|value| (what, with_short("gray_12_in_16", element, value))));
    }
    all_refused(&contents);
}

#[test]
fn a_high_bit_that_no_word_has_changes_nothing() {
    let original = told(&[("whole", fixture("gray_12_in_16"))]).remove(0).1;
    for high in [16, 31, 32, 65_535] {
        let line = told(&[("high bit", with_short("gray_12_in_16", 0x0102, high))]).remove(0).1;
        assert_eq!(line["stored"], original["stored"], "{high}");
        assert!(line["warnings"].to_string().contains(&format!("HighBit {high}")), "{line}");
    }
}

#[test]
fn lengths_that_lie() {
    let whole = fixture("gray_8_implicit");
    let name = whole.windows(4).rposition(|window| window == [0x10, 0, 0x10, 0]).unwrap() + 4;
    let mut text = whole.clone();
    text[name..name + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    all_refused(&[("a text of 4 GiB", text)]);
    let mut pixels = whole.clone();
    let at = whole.windows(4).rposition(|window| window == [0xe0, 0x7f, 0x10, 0]).unwrap() + 4;
    pixels[at..at + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let cut = whole[..whole.len() - 40].to_vec();
    let nearly_nothing = whole[..whole.len() - 120].to_vec();
    let [all_there, padded, refused] =
        told(&[("pixels of 4 GiB", pixels), ("cut", cut), ("nearly nothing", nearly_nothing)]).try_into().unwrap();
    let original = told(&[("whole", whole)]).remove(0).1;
    assert_eq!(all_there.1["stored"], original["stored"], "the pixels are all there");
    assert!(all_there.1["warnings"].to_string().contains("truncated"));
    assert!(padded.1["warnings"].to_string().contains("taken as 0"), "{}", padded.1);
    assert!(refused.1["error"].is_string());
}

/// An explicit VR data set of nothing but sequences.
fn nested(depth: usize, defined: bool) -> Vec<u8> {
    let mut inner: Vec<u8> = Vec::new();
    let mut outer = vec![0; 128];
    outer.extend(b"DICM");
    outer.extend([2, 0, 0x10, 0, b'U', b'I', 20, 0]);
    outer.extend(b"1.2.840.10008.1.2.1\0");
    let head = [8, 0, 0x40, 0x11, b'S', b'Q', 0, 0];
    let item = [0xfe, 0xff, 0, 0xe0];
    if !defined {
        for _ in 0..depth {
            outer.extend(head);
            outer.extend([0xff; 4]);
            outer.extend(item);
            outer.extend([0xff; 4]);
        }
        return outer;
    }
    for _ in 0..depth {
        let length = inner.len() as u32;
        inner = [&head[..], &(length + 8).to_le_bytes(), &item, &length.to_le_bytes(), &inner].concat();
    }
    [outer, inner].concat()
}

#[test]
fn sequences_without_end() {
    let many = {
        let mut bytes = nested(0, true);
        bytes.extend([8, 0, 0x40, 0x11, b'S', b'Q', 0, 0]);
        bytes.extend((10_001_u32 * 8).to_le_bytes());
        bytes.extend([0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0].repeat(10_001));
        bytes
    };
    let lines = told(&[
        ("200000 deep", nested(200_000, false)),
        ("17 deep", nested(17, true)),
        ("10001 items", many),
        ("16 deep", nested(16, true)),
    ]);
    for (name, line) in &lines[..3] {
        assert!(line["error"].as_str().unwrap().contains("refused"), "{name}: {line}");
    }
    assert!(lines[3].1["error"].as_str().unwrap().contains("no image"), "{}", lines[3].1);
}

#[test]
fn a_lookup_table_wider_than_the_image_is_read() {
    // Legal, and fatal to other readers.
    let line = told(&[("voi_table_12_on_8", fixture("voi_table_12_on_8"))]).remove(0).1;
    assert_eq!(line["voi_lookup_tables"][0]["bits"], 12);
}

#[test]
fn data_sets_that_inflate_without_end_are_refused() {
    use std::io::Write;
    let mut bytes = nested(0, true);
    let at = bytes.len() - 20;
    bytes[at - 2] = 22;
    bytes.truncate(at);
    bytes.extend(b"1.2.840.10008.1.2.1.99");
    let mut encoder = flate2::write::DeflateEncoder::new(bytes, flate2::Compression::fast());
    // A private element of 300 MiB.
    encoder.write_all(&[9, 0, 1, 0x10, b'O', b'B', 0, 0, 0, 0, 0xc0, 0x12]).unwrap();
    let block = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&block).unwrap();
    }
    let line = told(&[("deflated", encoder.finish().unwrap())]).remove(0).1;
    assert!(line["error"].as_str().unwrap().contains("256 MiB"), "{line}");
}
