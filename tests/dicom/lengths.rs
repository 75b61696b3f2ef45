//! Pixel data whose length or first bytes prove another coding than the header says.

use std::path::Path;

use saliscope::radiograph::dicom::DicomImage;

use super::made::{COLUMNS, Coding, Made, ROWS, assert_levels, picture};

const PIXELS: [u16; 2] = [0x7fe0, 0x10];

/// The header of a picture with other pixel data.
fn with(made: Made, vr: &[u8; 2], value: &[u8]) -> Made {
    made.bytes(PIXELS, vr, value)
}

fn header(allocated: u16, stored: u16) -> Made {
    Made::gray(Coding::Explicit, allocated, stored, &picture(1))
}

fn colour(photometric: &str) -> Made {
    header(8, 8).number([0x28, 2], 3).number([0x28, 6], 0).text([0x28, 4], b"CS", photometric)
}

fn bytes_of(values: &[u16]) -> Vec<u8> {
    values.iter().map(|value| *value as u8).collect()
}

#[test]
fn one_byte_a_sample_is_eight_bits() {
    for coding in Coding::ALL {
        let mut data = bytes_of(&picture(255));
        if coding == Coding::BigEndian {
            data.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        let made = with(Made::gray(coding, 16, 8, &picture(1)), b"OW", &data);
        let (found, told) = made.levels();
        assert_levels(&found, picture(255).into_iter().map(f64::from), &format!("{coding:?}"));
        assert!(told.contains("BitsAllocated says 16 bits; the pixels were taken as 8 bits"), "{told}");
        let told = with(Made::gray(coding, 16, 12, &picture(1)), b"OW", &data).refused();
        assert!(told.contains("one byte a sample") && told.contains("BitsStored more than 8"), "{told}");
    }
}

#[test]
fn two_bytes_a_sample_are_not_taken_as_two_pixels() {
    let words = Coding::Explicit.words(picture(255));
    let (found, told) = with(header(8, 8), b"OB", &words).levels();
    assert_levels(&found, picture(255).into_iter().map(f64::from), "upper bytes of 0");
    assert!(told.contains("two bytes a sample"), "{told}");
    let told = with(header(8, 8), b"OB", &Coding::Explicit.words(picture(4095))).refused();
    assert!(told.contains("two bytes a sample"), "{told}");
}

#[test]
fn other_lengths_are_refused_by_name() {
    let samples = ROWS * COLUMNS;
    let noise = |length: usize| (0..length).map(|at| (at * 7919 % 251) as u8 + 1).collect::<Vec<u8>>();
    for (made, length, told) in [
        (header(16, 12), samples * 3 / 2, "12 bits a sample, packed"),
        (header(8, 8), samples * 3, "three bytes a pixel"),
        (header(32, 32), samples * 2, "fewer bytes a sample"),
        (colour("RGB"), samples * 2, "two bytes each, as 4:2:2 has"),
        (colour("RGB"), samples, "one sample a pixel"),
        (colour("YBR_PARTIAL_420"), samples * 3 / 2, "YBR_PARTIAL_420"),
    ] {
        let refused = with(made, b"OW", &noise(length)).refused();
        assert!(refused.contains(told) && refused.contains("PNG"), "{refused}");
    }
    // Some bytes more are no other coding, and said.
    let (found, told) = with(header(8, 8), b"OB", &[bytes_of(&picture(255)), noise(30)].concat()).levels();
    assert_levels(&found, picture(255).into_iter().map(f64::from), "more bytes");
    assert!(told.contains("30 bytes more than its frames need"), "{told}");
    let (_, told) = with(header(8, 8), b"OB", &[bytes_of(&picture(255)), vec![0; 30]].concat()).levels();
    assert_eq!(told, "", "zeros fill up");
}

#[test]
fn shared_colour_is_read_where_it_is_named() {
    let luma = bytes_of(&picture(219)).iter().map(|level| level + 16).collect::<Vec<u8>>();
    let shared: Vec<u8> = luma.as_chunks::<2>().0.iter().flat_map(|[a, b]| [*a, *b, 128, 128]).collect();
    let wanted = |black: f64, gain: f64| {
        luma.iter().map(move |level| ((f64::from(*level) - black) * gain).round()).collect::<Vec<f64>>()
    };
    let (found, told) = with(colour("YBR_PARTIAL_422"), b"OB", &shared).levels();
    assert_levels(&found, wanted(16.0, 255.0 / 219.0), "partial range");
    assert_eq!(told, "", "gray has no colours");
    let (found, _) = with(colour("YBR_FULL_422"), b"OB", &shared).levels();
    assert_levels(&found, wanted(0.0, 1.0), "full range");
    let (found, told) = with(colour("YBR_FULL"), b"OB", &shared).levels();
    assert_levels(&found, wanted(0.0, 1.0), "full range, said to be of three bytes");
    assert!(told.contains("taken as YBR_FULL_422"), "{told}");
    for retired in ["HSV", "CMYK", "ARGB"] {
        let refused = colour(retired).refused();
        assert!(refused.contains(retired), "{refused}");
    }
}

/// The one fragment of a file's pixel data.
fn fragment(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/dicom/{name}.dcm"));
    let whole = std::fs::read(path).unwrap();
    let head = [0xe0, 0x7f, 0x10, 0];
    let at = whole.windows(4).rposition(|window| window == head).unwrap() + 12;
    let length = |at: usize| u32::from_le_bytes(*whole[at + 4..].first_chunk().unwrap()) as usize;
    let first = at + 8 + length(at);
    whole[first + 8..first + 8 + length(first)].to_vec()
}

/// A JP2 file around a codestream: its signature, and boxes with a length.
fn jp2(codestream: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 12, b'j', b'P', b' ', b' ', 0x0d, 0x0a, 0x87, 0x0a];
    bytes.extend([0, 0, 0, 20]);
    bytes.extend(b"ftypjp2 \0\0\0\0jp2 ");
    bytes.extend((codestream.len() as u32 + 8).to_be_bytes());
    bytes.extend(b"jp2c");
    bytes.extend(codestream);
    bytes
}

#[test]
fn a_codestream_that_is_not_encapsulated_is_decoded() {
    let path = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/dicom/{name}.dcm"));
    for (name, syntaxes) in [
        ("jpeg_2000_12", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"]),
        ("jpeg", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"]),
        ("jpeg_lossless_12", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"]),
        ("jpeg_ls_8", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"]),
        ("rle_8", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"]),
    ] {
        let original = DicomImage::open(&path(name)).unwrap();
        let layout = original.layout();
        let stream = fragment(name);
        let streams = if name == "jpeg_2000_12" { vec![jp2(&stream), stream] } else { vec![stream] };
        for (syntax, stream) in syntaxes.iter().flat_map(|syntax| streams.iter().map(move |stream| (syntax, stream))) {
            let mut made = header(layout.bits_allocated as u16, layout.bits_stored as u16)
                .number([0x28, 0x10], layout.rows as u16)
                .number([0x28, 0x11], layout.columns as u16);
            made.syntax = Some(syntax);
            let image = with(made, b"OB", stream).image();
            assert_eq!(image.frame(0).unwrap().stored, original.frame(0).unwrap().stored, "{name} as {syntax}");
            assert!(image.warnings().join("; ").contains("not encapsulated in fragments"), "{:?}", image.warnings());
        }
    }
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let mut bmp = b"BM".to_vec();
    bmp.extend(300_u32.to_le_bytes());
    bmp.resize(300, 1);
    for (begin, name) in [
        (b"\x89PNG\r\n\x1a\n".to_vec(), "a PNG file"),
        (b"%PDF-1.7".to_vec(), "a PDF document"),
        (b"GIF89a".to_vec(), "a GIF file"),
        (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), "a WebP file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n".to_vec(), "a JPEG XL file"),
        (b"II*\0".to_vec(), "a TIFF file"),
        (vec![0x1f, 0x8b, 8, 0], "gzip data"),
        (bmp, "a BMP file"),
    ] {
        let mut value = begin;
        value.resize(300, 1);
        let refused = with(header(8, 8), b"OB", &value).refused();
        assert!(refused.contains(name), "{refused}");
        // The same in a fragment.
        let fragments = [
            &[0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0][..],
            &300_u32.to_le_bytes(),
            &value,
            &[0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0],
        ]
        .concat();
        let element = [&[0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff][..], &fragments].concat();
        for syntax in ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"] {
            let mut made = header(8, 8).raw(PIXELS, element.clone());
            made.syntax = Some(syntax);
            let refused = made.refused();
            assert!(refused.contains(name), "{refused}");
        }
    }
    // Under a transfer syntax with compression, fewer bytes than pixels are none.
    let mut made = with(header(16, 12), b"OB", &[7; 300]);
    made.syntax = Some("1.2.840.10008.1.2.4.90");
    assert!(made.refused().contains("begin like no codestream"));
}

#[test]
fn pixels_that_begin_like_a_codestream_by_chance_are_pixels() {
    let mut values = picture(255);
    for (start, what) in [
        (vec![0xff, 0xd8, 0xff, 0xe0], "JPEG"),
        (vec![0xff, 0x4f, 0xff, 0x51], "JPEG 2000"),
        (b"II*\0".to_vec(), "TIFF"),
    ] {
        for (value, byte) in values.iter_mut().zip(&start) {
            *value = u16::from(*byte);
        }
        let (found, told) = Made::gray(Coding::Explicit, 8, 8, &values).levels();
        assert_levels(&found, values.iter().map(|value| f64::from(*value)), what);
        assert_eq!(told, "", "{what}");
    }
}
