//! DICOM results: read back by the program's own reader, judged by dciodvfy (Debian's dicom3tools) where it is installed.

use std::process::Command;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, from_reader};
use saliscope::display::{MapDisplay, MapPlane};
use saliscope::export::{DicomStudy, Owner, Segment, SourceImage};
use saliscope::figure::Painted;
use saliscope::phantom::Finding;
use saliscope::phantom::export::Export;
use saliscope::radiograph::dicom::DicomImage;
use saliscope::truth::Mask;

const NAME: &str = "Doe^Jane";
const NUMBER: &str = "MRN-0815-42";

/// A phantom's DICOM file that names a patient; without pixel spacing where so wished.
fn named(size_px: usize, with_spacing: bool) -> Vec<u8> {
    let exported = Export::new(5, 1, size_px, Some(Finding::Pneumothorax)).phantom(0).unwrap();
    let file = exported.files.iter().find(|file| file.path.extension().is_some_and(|e| e == "dcm")).unwrap();
    let mut object: DefaultDicomObject = from_reader(&file.bytes[..]).unwrap();
    object.put(DataElement::new(tags::PATIENT_NAME, VR::PN, PrimitiveValue::from(NAME)));
    object.put(DataElement::new(tags::PATIENT_ID, VR::LO, PrimitiveValue::from(NUMBER)));
    object.put(DataElement::new(tags::PATIENT_BIRTH_DATE, VR::DA, PrimitiveValue::from("19700229")));
    object.put(DataElement::new(tags::ACCESSION_NUMBER, VR::SH, PrimitiveValue::from("ACC-77")));
    if !with_spacing {
        object.remove_element(tags::PIXEL_SPACING);
    }
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    bytes
}

/// A file opened as the program opens it.
fn opened(name: &str, bytes: &[u8]) -> SourceImage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    SourceImage::open(&path).unwrap()
}

fn png([height, width]: [u32; 2]) -> Vec<u8> {
    let pixels = (0..height * width).map(|i| (i % 251) as u8).collect();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_raw(width, height, pixels).unwrap().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn painted() -> Painted {
    let rgb = (0..90 * 61 * 3_u32).map(|i| (i * 37 % 256) as u8).collect();
    Painted { width_px: 90, height_px: 61, rgb }
}

fn segment() -> Segment {
    Segment {
        label: "GCAM, values from 0.5".to_owned(),
        description: "Where the map is at least 0.5 of its range.".to_owned(),
        algorithm: "Grad-CAM".to_owned(),
        model_sha256: "0".repeat(64),
    }
}

fn disc([height, width]: [usize; 2]) -> Mask {
    let inside = |i: usize| {
        let [y, x] = [i / width, i % width].map(|at| at as f64 + 0.5);
        (y / height as f64 - 0.4).hypot(x / width as f64 - 0.6) < 0.2
    };
    Mask::new(height, width, (0..height * width).map(inside).collect())
}

/// Every object of a radiograph.
fn objects(source: &SourceImage, identity: bool) -> (DicomStudy, Vec<(&'static str, Vec<u8>)>) {
    let study = source.study(&source.picture().unwrap(), identity).unwrap();
    let mut objects = vec![
        ("capture", study.capture(&painted(), "GCAM of class 1.").unwrap()),
        ("segmentation", study.segmentation(&disc(source.size_px()), &segment()).unwrap()),
    ];
    objects.extend(study.radiograph().unwrap().map(|radiograph| ("radiograph", radiograph)));
    (study, objects)
}

fn find<'a>(objects: &'a [(&'static str, Vec<u8>)], name: &str) -> &'a [u8] {
    &objects.iter().find(|(known, _)| *known == name).unwrap().1
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn pixels_read_back() {
    let source = opened("chest.png", &png([101, 83]));
    let (_, objects) = objects(&source, false);
    let capture = DicomImage::from_bytes(find(&objects, "capture").to_vec()).unwrap();
    let samples: Vec<u8> = capture.frame(0).unwrap().stored.values.iter().map(|value| *value as u8).collect();
    assert!(samples == painted().rgb);
    let segmentation = DicomImage::from_bytes(find(&objects, "segmentation").to_vec()).unwrap();
    assert_eq!((segmentation.layout().rows, segmentation.layout().columns), (101, 83));
    let bits: Vec<bool> = segmentation.frame(0).unwrap().stored.values.iter().map(|value| *value != 0).collect();
    assert_eq!(bits, disc([101, 83]).pixels());
    let radiograph = DicomImage::from_bytes(find(&objects, "radiograph").to_vec()).unwrap();
    let gray: Vec<f32> = radiograph.frame(0).unwrap().stored.values.iter().map(|value| *value as f32).collect();
    assert_eq!(gray, source.radiograph.pixels());
}

#[test]
fn nobody_is_named_unless_asked_for() {
    let bytes = named(160, true);
    let source = opened("chest.dcm", &bytes);
    let identity = source.dicom.as_ref().unwrap().identity();
    let own =
        [identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid].map(Option::unwrap);
    let (_, anonymous) = objects(&source, false);
    assert_eq!(anonymous.len(), 3, "a copy of the radiograph is there for the segmentation to refer to");
    for (name, bytes) in &anonymous {
        for secret in [NAME, "Jane", NUMBER, "19700229", "ACC-77"].into_iter().chain(own.iter().map(String::as_str)) {
            assert!(!holds(bytes, secret), "{name} holds {secret}");
        }
        assert!(holds(bytes, "not for diagnosis"), "{name}");
    }
    let radiograph = DicomImage::from_bytes(find(&anonymous, "radiograph").to_vec()).unwrap().identity();
    let segmentation = find(&anonymous, "segmentation");
    assert!(holds(segmentation, &radiograph.sop_instance_uid.unwrap()), "the segmentation refers to the copy");

    let (_, asked) = objects(&source, true);
    assert_eq!(asked.len(), 2, "the source itself is referred to");
    for (name, bytes) in &asked {
        let image = DicomImage::from_bytes(bytes.clone()).unwrap();
        let found = image.identity();
        assert_eq!((found.patient_name.as_deref(), found.patient_id.as_deref()), (Some(NAME), Some(NUMBER)));
        assert_eq!(found.study_instance_uid.as_ref(), Some(&own[0]), "{name} is in the patient's study");
        assert!(
            found.series_instance_uid.as_ref() != Some(&own[1]) && found.sop_instance_uid.as_ref() != Some(&own[2])
        );
        assert!(holds(bytes, &own[2]), "{name} says what it was made from");
    }
}

#[test]
fn objects_of_one_image_are_one_study_and_the_same_each_time() {
    let source = opened("chest.png", &png([64, 64]));
    let (_, first) = objects(&source, false);
    assert_eq!(first, objects(&source, false).1);
    let identities: Vec<_> =
        first.iter().map(|(_, bytes)| DicomImage::from_bytes(bytes.clone()).unwrap().identity()).collect();
    assert!(identities.windows(2).all(|pair| pair[0].study_instance_uid == pair[1].study_instance_uid));
    assert!(identities.windows(2).all(|pair| pair[0].series_instance_uid != pair[1].series_instance_uid));
    assert!(identities.windows(2).all(|pair| pair[0].sop_instance_uid != pair[1].sop_instance_uid));
}

#[test]
fn a_region_is_where_the_map_reaches_the_threshold() {
    let source = opened("chest.png", &png([80, 80]));
    let mut values = vec![0.0; 16];
    values[5] = 1.0;
    let region = source.region(&MapPlane::new([4, 4], values), &MapDisplay::default(), 0.5);
    assert_eq!((region.height_px(), region.width_px()), (80, 80));
    let at = |x: usize, y: usize| region.pixels()[y * 80 + x];
    // The pixel of the map has its centre at 30; half way to its neighbours it has fallen to a half.
    assert!(at(30, 30) && at(22, 30) && at(37, 30) && !at(15, 30) && !at(44, 30) && !at(60, 60));
}

#[test]
fn too_large_for_dicom_is_told() {
    let error = DicomStudy::new(Owner::Nobody, None, [1, 70_000], vec![0; 70_000]).unwrap_err().to_string();
    assert!(error.contains("70000x1"), "{error}");
}

#[test]
fn hostile_identities_cannot_break_an_object() {
    let mut object: DefaultDicomObject = from_reader(&named(128, true)[..]).unwrap();
    let put = |object: &mut DefaultDicomObject, tag, vr, value: &str| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    };
    put(&mut object, tags::PATIENT_NAME, VR::PN, &"A\\B^\u{e9}".repeat(40));
    put(&mut object, tags::PATIENT_BIRTH_DATE, VR::DA, "yesterday");
    put(&mut object, tags::PATIENT_SEX, VR::CS, "UNKNOWN");
    put(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, "1..2.x");
    put(&mut object, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    let (_, objects) = objects(&opened("chest.dcm", &bytes), true);
    for (name, bytes) in objects {
        let identity = DicomImage::from_bytes(bytes.clone()).unwrap().identity();
        assert_eq!((identity.patient_birth_date, identity.patient_sex), (None, None), "{name}");
        assert!(identity.study_instance_uid.unwrap().starts_with("2.25."));
        judged(&format!("hostile {name}"), &bytes);
    }
}

/// Fails where dciodvfy finds an error; says nothing where it is not installed.
fn judged(name: &str, bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let Ok(output) = Command::new("dciodvfy").arg(file.path()).output() else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!told.lines().any(|line| line.starts_with("Error")), "{name}: {told}");
}

#[test]
fn dciodvfy_finds_no_error() {
    let sources = [
        ("phantom with spacing", opened("a.dcm", &named(256, true))),
        ("phantom without spacing", opened("b.dcm", &named(131, false))),
        ("wide PNG", opened("c.png", &png([64, 201]))),
        ("tall PNG", opened("d.png", &png([177, 33]))),
    ];
    for (name, source) in &sources {
        for identity in [false, true] {
            for (kind, bytes) in objects(source, identity).1 {
                judged(&format!("{kind} of {name}, identity {identity}"), &bytes);
                let class = if kind == "segmentation" {
                    uids::SEGMENTATION_STORAGE
                } else {
                    uids::SECONDARY_CAPTURE_IMAGE_STORAGE
                };
                assert_eq!(DicomImage::from_bytes(bytes).unwrap().sop_class_uid().as_deref(), Some(class));
            }
        }
    }
}
