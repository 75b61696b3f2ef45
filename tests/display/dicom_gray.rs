//! Gray of DICOM frames: as [`Frame::display`] shows them.

use std::path::Path;

use saliscope::display::{GrayDisplay, Plane, Tone};
use saliscope::radiograph::dicom::{DicomImage, Frame, VoiChoice};

/// Gray of every pixel through the plane.
fn gray(plane: &Plane, display: &GrayDisplay) -> Vec<f32> {
    plane.values().iter().map(|value| display.gray(plane, *value)).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn element(bytes: &mut Vec<u8>, (group, element): (u16, u16), value: &[u8]) {
    bytes.extend(group.to_le_bytes());
    bytes.extend(element.to_le_bytes());
    let padded = value.len().next_multiple_of(2);
    bytes.extend((padded as u32).to_le_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len() + padded - value.len(), b' ');
}

fn words(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
    values.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// An implicit little-endian file of 8x8 pixels of 12 bits, some of them negative where signed.
fn file(monochrome_1: bool, table: bool, signed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    element(&mut bytes, (0x0008, 0x0016), b"1.2.840.10008.5.1.4.1.1.1");
    element(&mut bytes, (0x0008, 0x0060), b"CR");
    element(&mut bytes, (0x0028, 0x0002), &words([1]));
    element(&mut bytes, (0x0028, 0x0004), if monochrome_1 { b"MONOCHROME1" } else { b"MONOCHROME2" });
    element(&mut bytes, (0x0028, 0x0010), &words([8]));
    element(&mut bytes, (0x0028, 0x0011), &words([8]));
    element(&mut bytes, (0x0028, 0x0100), &words([16]));
    element(&mut bytes, (0x0028, 0x0101), &words([12]));
    element(&mut bytes, (0x0028, 0x0102), &words([11]));
    element(&mut bytes, (0x0028, 0x0103), &words([u16::from(signed)]));
    // The window is there in both; a table goes before it.
    element(&mut bytes, (0x0028, 0x1050), b"700");
    element(&mut bytes, (0x0028, 0x1051), b"1500");
    element(&mut bytes, (0x0028, 0x1052), b"-30");
    element(&mut bytes, (0x0028, 0x1053), b"1.5");
    if table {
        let first = if signed { -600_i16 } else { 100 };
        let mut item = Vec::new();
        element(&mut item, (0x0028, 0x3002), &words([1024, first.cast_unsigned(), 12]));
        element(&mut item, (0x0028, 0x3006), &words((0..1024_u32).map(|i| (i * i / 256) as u16)));
        let mut sequence = Vec::new();
        element(&mut sequence, (0xfffe, 0xe000), &item);
        element(&mut bytes, (0x0028, 0x3010), &sequence);
    }
    let stored = |i: i32| i * 61 - if signed { 1500 } else { 0 };
    element(&mut bytes, (0x7fe0, 0x0010), &words((0..64).map(|i| (stored(i) & 0xfff) as u16)));
    bytes
}

fn frame(bytes: Vec<u8>) -> Frame {
    DicomImage::from_bytes(bytes).unwrap().frame(0).unwrap()
}

#[test]
fn all_eight_combinations_are_shown_as_the_file_wants() {
    for case in 0..8 {
        let [monochrome_1, table, signed] = [1, 2, 4].map(|bit| case & bit != 0);
        let frame = frame(file(monochrome_1, table, signed));
        let plane = Plane::from_frame(&frame).unwrap();
        assert_eq!(plane.own().tone == Tone::Table(0), table);
        assert_eq!(plane.own().inverted, monochrome_1);
        let (ours, wanted) = (gray(&plane, plane.own()), frame.display(&VoiChoice::AsStored).unwrap());
        assert!(worst(&ours, &wanted) < 1e-6, "monochrome 1 {monochrome_1}, table {table}, signed {signed}");
        assert!(ours.iter().any(|gray| *gray < 0.1) && ours.iter().any(|gray| *gray > 0.9), "gray spans its range");
        // The user's wish turns it around once, not twice.
        let turned = GrayDisplay { inverted: !plane.own().inverted, ..plane.own().clone() };
        let wanted: Vec<f32> = wanted.iter().map(|gray| 1.0 - gray).collect();
        assert!(worst(&gray(&plane, &turned), &wanted) < 1e-6);
        // And the window that the table went before.
        let window = GrayDisplay { tone: Tone::Window(plane.windows()[0].clone()), ..plane.own().clone() };
        assert!(worst(&gray(&plane, &window), &frame.display(&VoiChoice::Window(0)).unwrap()) < 1e-6);
    }
}

#[test]
fn every_fixture_is_shown_and_read_out_as_its_frame() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom");
    let mut shown = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "dcm") {
            continue;
        }
        let name = path.display();
        let frame = DicomImage::open(&path).unwrap().frame(0).unwrap();
        let plane = Plane::from_frame(&frame).unwrap();
        let ours = gray(&plane, plane.own());
        // Colours and 32 bits are quantized.
        let tolerance = if frame.is_colour() || name.to_string().contains("32") { 1e-5 } else { 2e-6 };
        let error = worst(&ours, &frame.display(&VoiChoice::AsStored).unwrap());
        assert!(error < tolerance, "{name}: {error:e}");
        if !frame.is_colour() {
            let modality = frame.modality_values();
            let span = plane.value_range()[1] - plane.value_range()[0];
            for (index, value) in modality.iter().enumerate() {
                let [x, y] = [index % plane.width_px(), index / plane.width_px()];
                let error = plane.value(x, y).unwrap() - f64::from(*value);
                assert!(error.abs() <= 1e-5 * span.max(1.0), "{name}: {error:e}");
                if let Some(stored) = plane.stored_value(x, y) {
                    assert_eq!(stored, frame.stored.value(frame.stored.values[index]), "{name}");
                }
            }
        }
        shown += 1;
    }
    assert!(shown > 40);
}
