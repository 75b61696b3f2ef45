//! Elements that the standard forbids and that other readers pass over.

use saliscope::radiograph::dicom::Header;

use super::made::{Coding, Made, assert_levels, picture};

/// A private block with room for what is tried.
fn made(coding: Coding) -> Made {
    Made::gray(coding, 8, 8, &picture(255)).text([0x19, 0x10], b"LO", "ACME 1.0").number([0x21, 0x10], 7)
}

/// Fails unless pixels and header are read, with words about it where `told` is not empty.
fn passes(made: &Made, told: &str, what: &str) {
    let (found, warnings) = made.levels();
    assert_levels(&found, picture(255).into_iter().map(f64::from), what);
    assert!(warnings.contains(told) && warnings.is_empty() == told.is_empty(), "{what}: {warnings}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.file()).unwrap();
    let header = Header::open(file.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((header.rows, header.modality.as_deref()), (Some(24), Some("CR")), "{what}");
}

/// The head of an element with explicit representation, with a short or a long length.
fn head(coding: Coding, [group, number]: [u16; 2], vr: [u8; 2], length: u32, is_long: bool) -> Vec<u8> {
    let mut bytes = [coding.u16(group), coding.u16(number), vr].concat();
    if is_long {
        bytes.extend([0, 0]);
        bytes.extend(coding.u32(length));
    } else {
        bytes.extend(coding.u16(length as u16));
    }
    bytes
}

#[test]
fn unknown_representations_are_passed_over() {
    for coding in [Coding::Explicit, Coding::BigEndian, Coding::Deflated] {
        for vr in [*b"lo", *b"??", *b"OX", *b"ZZ", [0, 0], *b"  ", *b"Lo", *b"A1", [0xff, 0xff], *b"--"] {
            for is_long in [false, true] {
                let element = |number| [head(coding, [0x19, number], vr, 6, is_long), b"abcdef".to_vec()].concat();
                let what = format!("{coding:?}, {vr:?}, long {is_long}");
                let one = made(coding).raw([0x19, 0x1001], element(0x1001));
                passes(&one, "unknown value representation", &what);
                let row = (0x1002..0x1005).fold(one, |made, number| made.raw([0x19, number], element(number)));
                passes(&row, "unknown value representation", &format!("{what}, four in a row"));
            }
        }
        // Without a representation, among elements that have one.
        let element = [coding.u16(0x19), coding.u16(0x1001)].concat();
        let element = [element, coding.u32(6).to_vec(), b"abcdef".to_vec()].concat();
        passes(&made(coding).raw([0x19, 0x1001], element), "unknown value representation", "none");
    }
}

#[test]
fn a_first_element_of_unknown_representation_does_not_decide_for_the_others() {
    for coding in [Coding::Explicit, Coding::Deflated] {
        for vr in [*b"cs", *b"??", [0, 0]] {
            let element = [head(coding, [8, 5], vr, 10, false), b"ISO_IR 100".to_vec()].concat();
            passes(&made(coding).raw([8, 5], element), "unknown value representation", &format!("{coding:?}, {vr:?}"));
        }
    }
}

/// Items, coded as given, with or without lengths.
fn items(coding: Coding, content: &[u8], has_lengths: bool) -> Vec<u8> {
    let item = |number: u16, length: u32| {
        [coding.u16(0xfffe).to_vec(), coding.u16(number).to_vec(), coding.u32(length).to_vec()].concat()
    };
    if has_lengths {
        [item(0xe000, content.len() as u32), content.to_vec(), item(0xe0dd, 0)].concat()
    } else {
        [item(0xe000, u32::MAX), content.to_vec(), item(0xe00d, 0), item(0xe0dd, 0)].concat()
    }
}

/// What private items hold: texts, a number and a sequence within.
fn content(coding: Coding) -> Vec<u8> {
    let inner = coding.element([8, 0x104], b"LO", b"within");
    let inner = [coding.element([0xfffe, 0xe000], b"  ", &inner)].concat();
    [
        coding.element([8, 0x100], b"SH", b"T-D3000 "),
        coding.element([8, 0x102], b"SH", b"99ACME"),
        coding.element([0x19, 0x1002], b"US", &coding.u16(3)),
        coding.element([0x40, 0xa170], b"SQ", &inner),
    ]
    .concat()
}

#[test]
fn sequences_of_undefined_length_are_read_as_their_items_are_coded() {
    const ODD: &str = "whose items are coded otherwise";
    for coding in Coding::ALL {
        let open = |vr: &[u8; 2]| match coding {
            Coding::Implicit => {
                [coding.u16(0x19).to_vec(), coding.u16(0x1001).to_vec(), coding.u32(u32::MAX).to_vec()].concat()
            }
            _ => head(coding, [0x19, 0x1001], *vr, u32::MAX, true),
        };
        for vr in [b"UN", b"SQ"] {
            for inner in [Coding::Implicit, Coding::Explicit, Coding::BigEndian] {
                for has_lengths in [true, false] {
                    let element = [open(vr), items(inner, &content(inner), has_lengths)].concat();
                    let usual = match (vr, coding) {
                        (b"UN", _) | (_, Coding::Implicit) => Coding::Implicit,
                        (_, Coding::BigEndian) => Coding::BigEndian,
                        _ => Coding::Explicit,
                    };
                    let told = if inner == usual { "" } else { ODD };
                    let what = format!("{vr:?} in {coding:?} with items of {inner:?}, lengths {has_lengths}");
                    passes(&made(coding).raw([0x19, 0x1001], element), told, &what);
                }
            }
            let empty = [open(vr), items(Coding::Explicit, &[], true), vec![]].concat();
            if coding != Coding::BigEndian || vr == b"UN" {
                passes(&made(coding).raw([0x19, 0x1001], empty), "", "an item of nothing");
            }
        }
    }
}

#[test]
fn an_explicit_sequence_of_defined_length_in_an_implicit_file_is_read() {
    // Of a known one, the values are read: the window of the shared groups.
    let explicit = Coding::Explicit;
    let item = |content: &[u8]| explicit.element([0xfffe, 0xe000], b"  ", content);
    let window =
        [explicit.element([0x28, 0x1050], b"DS", b"100"), explicit.element([0x28, 0x1051], b"DS", b"120")].concat();
    let shared = explicit.element([0x28, 0x9132], b"SQ", &item(&window));
    let made = made(Coding::Implicit).bytes([0x5200, 0x9229], b"SQ", &item(&shared));
    let frame = made.image().frame(0).unwrap();
    assert_eq!((frame.windows[0].center, frame.windows[0].width), (100.0, 120.0));
}

#[test]
fn a_sequence_that_no_coding_explains_is_an_error() {
    let element = [head(Coding::Explicit, [0x19, 0x1001], *b"UN", u32::MAX, true), vec![7; 40]].concat();
    let bytes = made(Coding::Explicit).raw([0x19, 0x1001], element).file();
    let told = saliscope::radiograph::dicom::DicomImage::from_bytes(bytes).unwrap_err().to_string();
    assert!(told.contains("no item where a sequence needs one"), "{told}");
}
