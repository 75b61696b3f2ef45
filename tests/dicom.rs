//! DICOM files from formulas, read as pydicom reads them (`tests/reference/dicom_files.py`), and the rest of what a
//! radiograph's file may say.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]
#![allow(clippy::trivially_copy_pass_by_ref, reason = "value representations are written as byte strings")]

#[path = "dicom/bits.rs"]
mod bits;
#[path = "dicom/jpeg.rs"]
mod jpeg;
#[path = "dicom/kinds.rs"]
mod kinds;
#[path = "dicom/lengths.rs"]
mod lengths;
#[path = "dicom/made.rs"]
mod made;
#[path = "dicom/numbers.rs"]
mod numbers;
#[path = "dicom/odd_elements.rs"]
mod odd_elements;
#[path = "dicom/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use saliscope::radiograph::dicom::{
    DicomImage, Header, Modality, Percentiles, Photometric, SpacingKind, VoiChoice, Window, WindowFunction,
};
use saliscope::radiograph::{Inspection, Radiograph};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom")
}

fn open(name: &str) -> DicomImage {
    DicomImage::open(&folder().join(format!("{name}.dcm"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What pydicom gave, by `<file>.<stage>`.
fn expected() -> BTreeMap<String, Vec<f64>> {
    let bytes = std::fs::read(folder().join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |view: &safetensors::tensor::TensorView<'_>| -> Vec<f64> {
        let words = view.data().as_chunks::<4>().0.iter();
        match view.dtype() {
            safetensors::Dtype::I32 => words.map(|word| f64::from(i32::from_le_bytes(*word))).collect(),
            safetensors::Dtype::F32 => words.map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
            other => panic!("{other:?}"),
        }
    };
    tensors.iter().map(|(name, view)| (name.to_owned(), numbers(&view))).collect()
}

/// Largest difference as a part of the range of `expected`.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let [min, max] = expected.iter().fold([f64::MAX, f64::MIN], |[min, max], v| [min.min(*v), max.max(*v)]);
    let worst = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    worst / (max - min).max(1e-30)
}

#[test]
fn every_stage_is_that_of_pydicom() {
    let expected = expected();
    let mut files = 0;
    for (key, wanted) in expected.iter().filter(|(key, _)| key.ends_with(".stored")) {
        let name = key.trim_end_matches(".stored");
        let image = open(name);
        let samples = image.layout().samples();
        assert_eq!(wanted.len(), samples * image.layout().frames, "{name}");
        // Lossy JPEG may be rounded either way.
        let tolerance = if matches!(name, "jpeg" | "jpeg_edges") { 1.0 } else { 0.0 };
        for (index, wanted) in wanted.chunks(samples).enumerate() {
            let stored = image.frame(index).unwrap().stored;
            for (at, (found, wanted)) in stored.values.iter().zip(wanted).enumerate() {
                assert!((f64::from(*found) - wanted).abs() <= tolerance, "{name}, frame {index}, at {at}: {found}");
            }
        }
        let frame = image.frame(0).unwrap();
        let modality = expected.get(&format!("{name}.modality")).map_or(&wanted[..samples], Vec::as_slice);
        if tolerance == 0.0 && name != "functional_groups" {
            let worst = error(&frame.modality_values(), modality);
            assert!(worst <= 2e-6, "{name}: modality values are off by {worst:e}");
        }
        if let Some(shown) = expected.get(&format!("{name}.display")) {
            let gray = frame.display(&VoiChoice::AsStored).unwrap();
            let worst = gray.iter().zip(shown).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(worst <= 2e-6, "{name}: gray is off by {worst:e}");
        }
        files += 1;
    }
    assert_eq!(files, std::fs::read_dir(folder()).unwrap().count() - 1, "every file is compared");
}

#[test]
fn eight_bits_without_a_window_are_kept_exactly() {
    let wanted: Vec<f32> = expected()["gray_8_explicit.stored"].iter().map(|value| *value as f32).collect();
    for name in ["gray_8_explicit", "gray_8_implicit", "gray_8_big_endian_words", "rle_8"] {
        let radiograph = Radiograph::open(&folder().join(format!("{name}.dcm"))).unwrap();
        assert_eq!(radiograph.pixels(), wanted, "{name}");
        assert!(radiograph.warnings().is_empty(), "{name}: {:?}", radiograph.warnings());
    }
    let inverted = Radiograph::open(&folder().join("monochrome1.dcm")).unwrap();
    let back: Vec<f32> = inverted.pixels().iter().map(|level| 255.0 - level).collect();
    assert_eq!(back, wanted);
}

#[test]
fn more_bits_without_a_window_lie_between_percentiles_and_say_so() {
    let radiograph = Radiograph::open(&folder().join("gray_12_in_16.dcm")).unwrap();
    let [min, max] = radiograph.pixels().iter().fold([f32::MAX, f32::MIN], |[a, b], v| [a.min(*v), b.max(*v)]);
    assert_eq!([min, max], [0.0, 255.0]);
    assert!(radiograph.warnings()[0].contains("percentiles"), "{:?}", radiograph.warnings());
    let frame = open("gray_12_in_16").frame(0).unwrap();
    let whole = frame.display(&VoiChoice::Percentiles(Percentiles::WHOLE)).unwrap();
    for (gray, stored) in whole.iter().zip(&frame.stored.values) {
        assert!((gray - *stored as f32 / 4095.0).abs() < 1e-6);
    }
}

#[test]
fn what_is_looked_at_never_changes_what_a_model_reads() {
    let frame = open("windows").frame(0).unwrap();
    assert_eq!(frame.windows.len(), 2);
    assert_eq!(frame.windows[1].explanation.as_deref(), Some("NARROW"));
    let [first, second] = [0, 1].map(|index| frame.display(&VoiChoice::Window(index)).unwrap());
    assert_ne!(first, second);
    assert_eq!(first, frame.display(&VoiChoice::AsStored).unwrap());
    let own = Window { center: 2000.0, width: 3000.0, function: WindowFunction::Linear, explanation: None };
    assert_eq!(first, frame.display(&VoiChoice::Custom(own)).unwrap());
    assert!(frame.display(&VoiChoice::Window(2)).is_err());
    assert!(frame.display(&VoiChoice::Table(0)).is_err());
    let (gray, told) = frame.gray_levels().unwrap();
    assert!(gray.iter().zip(&first).all(|(level, gray)| (level - gray * 255.0).abs() < 1e-4));
    assert!(told[0].contains("2 windows"), "{told:?}");
}

#[test]
fn groups_of_a_frame_go_before_shared_ones() {
    let image = open("functional_groups");
    for index in 0..3 {
        let frame = image.frame(index).unwrap();
        let Modality::Rescale(rescale) = &frame.modality else { panic!("{:?}", frame.modality) };
        assert_eq!((rescale.slope, rescale.intercept), (2.0, 100.0 * index as f64 - 50.0));
        assert_eq!((frame.windows[0].center, frame.windows[0].width), (3000.0, 6000.0));
    }
    let spacing = image.spacing(0).unwrap();
    assert_eq!((spacing.row_mm, spacing.column_mm, spacing.kind), (0.2, 0.1, SpacingKind::Pixel));
    assert_eq!(image.pixel_aspect(), Some(2.0));
    let radiograph = Radiograph::from_dicom(&image, 1).unwrap();
    let told = radiograph.warnings().join("; ");
    assert!(told.contains("not square") && told.contains("3 frames; frame 1"), "{told}");
    assert!(Radiograph::from_dicom(&image, 3).is_err());
}

#[test]
fn overlays_are_bits_and_never_pixels() {
    let expected = expected();
    let image = open("overlays");
    let frame = image.frame(0).unwrap();
    let groups: Vec<u16> = image.overlays().iter().map(|overlay| overlay.group).collect();
    assert_eq!(groups, [0x6000, 0x6002, 0x6004]);
    assert_eq!(image.overlays()[1].origin, [-2, 4]);
    for (index, group) in groups.iter().enumerate() {
        let plane = image.overlay_bits(index, 0, Some(&frame)).unwrap();
        let wanted: Vec<bool> = expected[&format!("overlays.{group:04x}")].iter().map(|bit| *bit > 0.0).collect();
        assert_eq!(plane.bits, wanted, "{group:04x}");
    }
    assert!(image.overlay_bits(3, 0, Some(&frame)).is_err());
    assert!(frame.stored.values.iter().all(|value| *value < 4096));
}

#[test]
fn headers_are_read_without_pixels() {
    let whole = std::fs::read(folder().join("rescale_window.dcm")).unwrap();
    let header = Header::open(&folder().join("rescale_window.dcm")).unwrap();
    assert_eq!(header.sop_instance_uid.as_deref(), Some("2.25.1"));
    assert_eq!(header.study_instance_uid.as_deref(), Some("2.25.2"));
    assert_eq!(header.series_instance_uid.as_deref(), Some("2.25.3"));
    assert_eq!(header.patient_id.as_deref(), Some("NOBODY"));
    assert_eq!((header.rows, header.columns), (Some(13), Some(11)));
    assert_eq!(header.photometric.as_deref(), Some("MONOCHROME2"));
    assert_eq!(header.view_position.as_deref(), Some("PA"));
    assert_eq!(header.modality.as_deref(), Some("DX"));
    assert_eq!(header.series_description.as_deref(), Some("formula"));
    assert_eq!(header.transfer_syntax, "1.2.840.10008.1.2.1");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &whole[..whole.len() - 13 * 11]).unwrap();
    assert_eq!(Header::open(file.path()).unwrap(), header, "missing pixels do not matter");
    let in_name = whole.windows(7).position(|bytes| bytes == b"Formula").unwrap() + 3;
    std::fs::write(file.path(), &whole[..in_name]).unwrap();
    assert!(Header::open(file.path()).is_err(), "a cut header is an error");
    for name in ["deflated", "no_meta", "no_preamble", "no_meta_big_endian", "un_representation", "jpeg_2000_12"] {
        let header = Header::open(&folder().join(format!("{name}.dcm"))).unwrap();
        assert_eq!(header.patient_id.as_deref(), Some("NOBODY"), "{name}");
        assert!(header.rows.is_some(), "{name}");
    }
}

#[test]
fn a_header_larger_than_the_first_read_is_read_on() {
    let whole = std::fs::read(folder().join("rescale_window.dcm")).unwrap();
    // A private element of 100000 bytes before group 0028.
    let at = whole.windows(4).position(|bytes| bytes == [0x28, 0, 2, 0]).unwrap();
    let mut large = whole[..at].to_vec();
    large.extend([0x19, 0, 1, 0x10, b'O', b'B', 0, 0]);
    large.extend(100_000_u32.to_le_bytes());
    large.extend(vec![7; 100_000]);
    large.extend(&whole[at..]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &large).unwrap();
    assert_eq!(Header::open(file.path()).unwrap(), Header::open(&folder().join("rescale_window.dcm")).unwrap());
}

#[test]
fn nobody_is_named_unless_asked_for() {
    let path = folder().join("rescale.dcm");
    let without = serde_json::to_string(&Inspection::open(&path, 0, false).unwrap()).unwrap();
    for name in ["Formula", "NOBODY", "2.25."] {
        assert!(!without.contains(name), "{without}");
    }
    assert!(!format!("{:?} {:?}", open("rescale"), open("rescale").identity()).contains("Formula"));
    let with = serde_json::to_value(Inspection::open(&path, 0, true).unwrap()).unwrap();
    assert_eq!(with["identity"]["patient_name"], "Formula^Made");
}

#[test]
fn colours_become_luma_with_a_warning() {
    for name in ["rgb", "rgb_planes", "rle_rgb", "ybr_full", "ybr_full_422", "palette"] {
        let image = open(name);
        let radiograph = Radiograph::from_dicom(&image, 0).unwrap();
        assert!(radiograph.warnings().iter().any(|told| told.contains("luma")), "{name}");
        let (first, stored) = (radiograph.pixels()[5], image.frame(0).unwrap().stored.values);
        if image.layout().photometric != Photometric::PaletteColor {
            let luma = 0.299 * stored[15] as f32 + 0.587 * stored[16] as f32 + 0.114 * stored[17] as f32;
            assert!((first - luma).abs() < 1e-3, "{name}: {first} is not {luma}");
        }
    }
    let palette = Radiograph::from_dicom(&open("palette"), 0).unwrap();
    let index = open("palette").frame(0).unwrap().stored.values[5] as f32;
    let luma = index * (0.299 * 4000.0 + 0.587 * 3000.0 + 0.114 * 2000.0) / 65_535.0 * 255.0;
    assert!((palette.pixels()[5] - luma).abs() < 1e-3);
}

#[test]
fn odd_files_are_read_with_a_word_about_them() {
    for (name, told) in [
        ("no_preamble", "no preamble"),
        ("no_meta", "no meta group"),
        ("no_meta_implicit", "no transfer syntax"),
        ("no_meta_big_endian", "no transfer syntax"),
        ("explicit_marked_implicit", "implicit"),
    ] {
        let warnings = open(name).warnings().join("; ");
        assert!(warnings.contains(told), "{name}: {warnings}");
    }
    assert!(open("no_group_length").warnings().is_empty());
    assert!(open("tiff_preamble").warnings().is_empty());
}

#[test]
fn compressed_pixels_under_an_uncompressed_transfer_syntax_are_not_taken_as_pixels() {
    let fixture = |name: &str| std::fs::read(folder().join(format!("{name}.dcm"))).unwrap();
    for (name, uid) in
        [("jpeg", "1.2.840.10008.1.2.4.50"), ("rle_8", "1.2.840.10008.1.2.5"), ("jpeg_ls_8", "1.2.840.10008.1.2.4.80")]
    {
        let mut bytes = fixture(name);
        let at = bytes.windows(uid.len()).position(|window| window == uid.as_bytes()).unwrap();
        bytes[at..at + uid.len()].fill(0);
        bytes[at..at + 19].copy_from_slice(b"1.2.840.10008.1.2.1");
        let image = DicomImage::from_bytes(bytes).unwrap();
        assert_eq!(image.frame(0).unwrap().stored, open(name).frame(0).unwrap().stored, "{name}");
        assert!(image.warnings()[0].contains("uncompressed"), "{:?}", image.warnings());
    }
}
