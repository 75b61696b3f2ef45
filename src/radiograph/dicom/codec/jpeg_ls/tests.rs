use proptest::prelude::{ProptestConfig, any, proptest};
use safetensors::SafeTensors;

use super::*;

/// Name, stream, shape `[rows, columns, components]` and samples.
type Case = (String, Vec<u8>, [usize; 3], Vec<u16>);

/// Streams and what `CharLS` decodes from them; see `tests/reference/jpeg_ls_streams.py`.
fn cases(bytes: &[u8]) -> Vec<Case> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut cases = Vec::new();
    for name in file.names() {
        let Some(case) = name.strip_suffix(".stream") else { continue };
        let samples = file.tensor(&format!("{case}.samples")).unwrap();
        let values = samples.data().as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
        let shape = samples.shape().try_into().unwrap();
        cases.push((case.to_owned(), file.tensor(name).unwrap().data().to_vec(), shape, values));
    }
    cases.sort();
    cases
}

fn fixture() -> Vec<Case> {
    cases(include_bytes!("../../../../../tests/fixtures/jpeg_ls.safetensors"))
}

fn stream(name: &str) -> Vec<u8> {
    fixture().into_iter().find(|case| case.0 == name).unwrap().1
}

fn check((name, stream, shape, expected): Case) {
    let image = decode(&stream).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!([image.rows, image.columns, image.components], shape, "{name}");
    assert!(image.samples == expected, "{name} differs from CharLS");
    let Header { rows, columns, components, precision_bits } = header(&stream).unwrap();
    assert_eq!([rows, columns, components], shape, "{name}");
    assert_eq!(precision_bits, image.precision_bits, "{name}");
}

#[test]
fn every_kind_of_stream_equals_charls() {
    let cases = fixture();
    assert!(cases.len() > 40);
    cases.into_iter().for_each(check);
}

/// `JPEG_LS_CASES` names a folder made with `--pydicom`.
#[test]
#[ignore = "needs files that are not kept here"]
fn streams_of_scanners_equal_charls() {
    let folder = std::env::var("JPEG_LS_CASES").unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for mut case in cases(&std::fs::read(&path).unwrap()) {
            case.0 = path.display().to_string();
            check(case);
        }
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    for name in ["gray_8_17x13", "colour_8_near_0_mode_0", "colour_12_near_3_mode_2", "restart_mode_1", "preset_near"] {
        let stream = stream(name);
        // The end marker itself may be missing.
        for length in 0..stream.len() - 3 {
            let result = decode(&stream[..length]);
            assert!(result.is_err(), "{name} cut to {length} of {} bytes", stream.len());
        }
    }
}

#[test]
fn errors_say_where_and_what() {
    let of = |frame: &[u8]| decode(frame).unwrap_err().to_string();
    let gray = stream("gray_8_17x13");
    assert_eq!(of(b""), "the JPEG-LS frame is damaged (it does not begin as a JPEG-LS stream)");
    assert_eq!(of(b"\xff\xd8"), "the JPEG-LS frame ends early (it has no frame header)");
    assert_eq!(of(b"\xff\xd8\xff\xc0\x00\x02"), "the JPEG-LS frame is damaged (frame type C0 is another kind of JPEG)");
    assert_eq!(of(&gray[..40]), "the JPEG-LS frame ends early (in line 1 of 17)");
    let at = gray.windows(2).position(|pair| pair == [0xff, 0xf7]).unwrap();
    let with = |offset: usize, bytes: &[u8]| {
        let mut stream = gray.clone();
        stream[at + offset..at + offset + bytes.len()].copy_from_slice(bytes);
        of(&stream)
    };
    assert_eq!(with(4, &[17]), "the JPEG-LS frame is damaged (samples of 17 bits)");
    assert_eq!(with(5, &[0, 0]), "JPEG-LS frames with a size of 0x13 in the frame header are not read");
    assert_eq!(
        with(5, &[0xff; 4]),
        "the JPEG-LS frame is too large (65535x65535 pixels of 1 components); at most 100 million samples are read"
    );
    assert_eq!(with(11, &[0x21]), "JPEG-LS frames with subsampled components are not read");
    let mut transformed = gray[..2].to_vec();
    transformed.extend(b"\xff\xe8\x00\x07mrfx\x01");
    transformed.extend(&gray[2..]);
    assert_eq!(of(&transformed), "JPEG-LS frames with HP's colour transform 1 are not read");
    transformed[10] = 0;
    assert!(decode(&transformed).is_ok());
}

#[test]
fn padding_after_the_stream_and_a_missing_end_marker_do_no_harm() {
    let mut gray = stream("gray_8_17x13");
    let whole = decode(&gray).unwrap();
    gray.push(0);
    assert_eq!(decode(&gray).unwrap(), whole);
    gray.truncate(gray.len() - 3);
    assert_eq!(decode(&gray).unwrap(), whole);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Neither a panic nor much memory, whatever the bytes; a size that grows beyond reason is refused by its header.
    #[test]
    fn mutated_streams_give_an_image_or_an_error(
        case in any::<proptest::sample::Index>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<proptest::sample::Index>>(),
    ) {
        let cases = fixture();
        let mut stream = case.get(&cases).1.clone();
        for (place, value) in flips {
            let place = place.index(stream.len());
            stream[place] = value;
        }
        if let Some(cut) = cut {
            stream.truncate(cut.index(stream.len()));
        }
        if header(&stream).is_ok_and(|header| header.rows * header.columns * header.components < 1 << 20)
            && let Ok(image) = decode(&stream)
        {
            assert_eq!(image.samples.len(), image.rows * image.columns * image.components);
        }
    }
}
