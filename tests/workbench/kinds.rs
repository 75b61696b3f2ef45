//! What a file says about the kind of its picture stands over the picture, and as a warning beside it.

use super::caution::showing;
use super::painted::texts;
use super::window::says;

/// The bytes with an element before the first one that begins with `next`.
fn with_element(mut bytes: Vec<u8>, next: &[u8], tag: [u8; 4], value: &str) -> Vec<u8> {
    let at = bytes.windows(next.len()).position(|window| window == next).unwrap();
    let head = [&tag[..], b"CS", &[value.len() as u8, 0]].concat();
    bytes.splice(at..at, head.into_iter().chain(value.bytes()));
    bytes
}

#[test]
fn the_kind_of_a_picture_is_written_over_it_and_told_beside_it() {
    let whole = std::fs::read("tests/fixtures/dicom/rescale_window.dcm").unwrap();
    let (rows, window) = ([0x28, 0, 2, 0, b'U', b'S'], [0x28, 0, 0x50, 0x10]);
    let bytes = with_element(whole, &[8, 0, 0x3e, 0x10], [8, 0, 0x68, 0], "FOR PROCESSING");
    let bytes = with_element(bytes, &rows, [0x20, 0, 0x20, 0], "R\\F ");
    let bytes = with_element(bytes, &rows, [0x20, 0, 0x62, 0], "U ");
    let bytes = with_element(bytes, &window, [0x28, 0, 1, 3], "YES ");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw.dcm");
    std::fs::write(&path, bytes).unwrap();
    let window = showing(vec![path], None);
    for told in ["FOR PROCESSING: raw detector signal", "letters in the pixels", "the picture lies mirrored"] {
        assert!(says(&window, told), "{told}");
    }
    let corner = texts(&window).into_iter().find(|painted| painted.text.starts_with("DX PA U")).unwrap().text;
    assert_eq!(corner, "DX PA U\nrows to R, columns to F\nfor processing\nburned-in annotation");
}
