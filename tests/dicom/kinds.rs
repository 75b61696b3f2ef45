//! What kind of picture a file holds: told, and printed without any word of a patient.

use saliscope::radiograph::Inspection;
use saliscope::radiograph::dicom::{DicomImage, PictureKind};

use super::made::{Coding, Made, picture};

fn made() -> Made {
    Made::gray(Coding::Explicit, 8, 8, &picture(255))
}

#[test]
fn a_presentation_shape_is_told_where_it_contradicts() {
    let wanted = picture(255).into_iter().map(f32::from).collect::<Vec<f32>>();
    let negative: Vec<f32> = wanted.iter().map(|level| 255.0 - level).collect();
    for (photometric, shape, contradicts) in [
        ("MONOCHROME2", "INVERSE", true),
        ("MONOCHROME1", "IDENTITY", true),
        ("MONOCHROME2", "IDENTITY", false),
        ("MONOCHROME1", "INVERSE", false),
    ] {
        let (found, told) = made().text([0x28, 4], b"CS", photometric).text([0x2050, 0x20], b"CS", shape).levels();
        assert_eq!(found, if photometric == "MONOCHROME1" { negative.clone() } else { wanted.clone() });
        let words = format!("PresentationLUTShape {shape} contradicts {photometric}");
        assert_eq!(told.contains(&words), contradicts, "{photometric}, {shape}: {told}");
        assert_eq!(told.is_empty(), !contradicts, "{told}");
    }
}

#[test]
fn raw_signal_and_burned_in_letters_are_told() {
    let (_, told) = made().text([8, 0x68], b"CS", "FOR PROCESSING").levels();
    assert!(told.contains("FOR PROCESSING: raw detector signal"), "{told}");
    let (_, told) = made().text([8, 0x16], b"UI", "1.2.840.10008.5.1.4.1.1.1.1.1").levels();
    assert!(told.contains("FOR PROCESSING: raw detector signal"), "{told}");
    assert_eq!(made().text([8, 0x68], b"CS", "FOR PRESENTATION").levels().1, "");
    assert_eq!(made().text([8, 0x16], b"UI", "1.2.840.10008.5.1.4.1.1.1.1").levels().1, "");
    let (_, told) = made().text([0x28, 0x301], b"CS", "YES").levels();
    assert!(told.contains("letters in the pixels identify the patient"), "{told}");
    assert_eq!(made().text([0x28, 0x301], b"CS", "NO").levels().1, "");
}

#[test]
fn how_the_picture_lies_is_told_where_it_is_not_upright() {
    for (orientation, told) in [
        ("L\\F", ""),
        ("A\\F", ""),
        ("P\\FL", ""),
        ("R\\F", "mirrored"),
        ("F\\L", "turned"),
        ("R\\H", "turned"),
        ("left\\feet", ""),
        ("L", ""),
    ] {
        let (_, found) = made().text([0x20, 0x20], b"CS", orientation).levels();
        assert!(found.contains(told) && found.is_empty() == told.is_empty(), "{orientation}: {found}");
    }
    let sides = made().text([0x20, 0x60], b"CS", "R").text([0x20, 0x62], b"CS", "L");
    assert_eq!(sides.image().kind().laterality, Some("L"), "that of the image goes before that of the series");
    assert_eq!(sides.levels().1, "ImageLaterality says L and Laterality R");
}

#[test]
fn pages_and_screens_are_told_and_captures_of_radiographs_are_not() {
    let capture = "1.2.840.10008.5.1.4.1.1.7";
    let with = |class: &str, modality: &str, image_type: &str, conversion: &str| {
        made()
            .text([8, 8], b"CS", image_type)
            .text([8, 0x16], b"UI", class)
            .text([8, 0x60], b"CS", modality)
            .text([8, 0x64], b"CS", conversion)
            .levels()
            .1
    };
    for (class, modality, image_type, conversion) in [
        (capture, "OT", "DERIVED\\SECONDARY", "WSD"),
        ("1.2.840.10008.5.1.4.1.1.7.2", "OT", "", ""),
        (capture, "DOC", "", ""),
        (capture, "SR", "", ""),
        (capture, "CR", "DERIVED\\SECONDARY\\SCREEN SAVE", ""),
        (capture, "DX", "DERIVED\\SECONDARY\\OTHER\\DOSE_INFO", ""),
        (capture, "CR", "", "SD"),
    ] {
        let told = with(class, modality, image_type, conversion);
        assert!(told.contains("may be a page or a screen and no radiograph"), "{modality} {image_type}: {told}");
    }
    assert_eq!(with(capture, "CR", "DERIVED\\SECONDARY", "WSD"), "", "the public sets of chest radiographs");
    assert_eq!(with("1.2.840.10008.5.1.4.1.1.1.1", "DX", "ORIGINAL\\PRIMARY\\", ""), "");
}

#[test]
fn objects_without_pixels_are_refused_by_their_class() {
    for (class, name) in [
        ("1.2.840.10008.5.1.4.1.1.104.1", "an encapsulated PDF document"),
        ("1.2.840.10008.5.1.4.1.1.104.2", "an encapsulated document"),
        ("1.2.840.10008.5.1.4.1.1.88.11", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "a selection of key objects"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "a waveform"),
    ] {
        let mut bytes = made().text([8, 0x16], b"UI", class).text([8, 0x60], b"CS", "OT").file();
        let pixels = bytes.windows(4).rposition(|window| window == [0xe0, 0x7f, 0x10, 0]).unwrap();
        bytes.truncate(pixels);
        let told = DicomImage::from_bytes(bytes).unwrap_err().to_string();
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn inspect_prints_the_kind_and_no_other_word() {
    let made = made()
        .text([8, 8], b"CS", "DERIVED\\SECONDARY\\ERIKSSON")
        .text([8, 0x16], b"UI", "1.2.840.10008.5.1.4.1.1.1.1.1")
        .text([8, 0x68], b"CS", "FOR PROCESSING")
        .text([0x20, 0x20], b"CS", "L\\F")
        .text([0x20, 0x62], b"CS", "U")
        .text([0x28, 0x301], b"CS", "NO")
        .text([0x2050, 0x20], b"CS", "IDENTITY");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), made.file()).unwrap();
    let line = serde_json::to_value(Inspection::open(file.path(), 0, false).unwrap()).unwrap();
    for (field, wanted) in [
        ("sop_class_uid", "1.2.840.10008.5.1.4.1.1.1.1.1".into()),
        ("image_type", serde_json::json!(["DERIVED", "SECONDARY", "(other)"])),
        ("presentation_intent_type", "FOR PROCESSING".into()),
        ("presentation_lut_shape", "IDENTITY".into()),
        ("burned_in_annotation", false.into()),
        ("laterality", "U".into()),
        ("patient_orientation", serde_json::json!(["L", "F"])),
    ] {
        assert_eq!(line[field], wanted, "{field}");
    }
    assert!(line["warnings"].to_string().contains("FOR PROCESSING"), "{line}");
    let names = self::made()
        .text([8, 0x16], b"UI", "2.25.7")
        .text([8, 0x64], b"CS", "ERIKSSON")
        .text([8, 0x68], b"CS", "ERIKSSON")
        .text([0x20, 0x20], b"CS", "ERIK\\SSON")
        .text([0x20, 0x62], b"CS", "ERIKSSON")
        .text([0x28, 0x301], b"CS", "ERIKSSON")
        .text([0x2050, 0x20], b"CS", "ERIKSSON");
    assert_eq!(names.image().kind(), PictureKind::default());
}
