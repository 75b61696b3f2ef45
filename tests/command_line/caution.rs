//! A network that never saw a patient says so of every image that is no phantom, and of no phantom.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use saliscope::network::NEVER_SAW_PATIENTS;
use saliscope::radiograph::Radiograph;
use saliscope::radiograph::dicom::DicomImage;

use super::bench::{Bench, Ran, run, with};

/// Cards that say whether a network saw patients, or nothing.
const SAW: [(&str, bool); 3] = [
    (r#""classes": ["clear", "finding"]"#, false),
    (r#""classes": ["clear", "finding"], "trained_on_patients": true"#, false),
    (r#""classes": ["clear", "finding"], "trained_on_patients": false"#, true),
];

/// A bench whose model never saw a patient, and phantoms in `phantoms/`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.card(SAW[2].0);
    let out = bench.path("phantoms");
    let made = ["phantom", "--quiet", "--size", "128", "--count", "3", "--seed", "5", "--out", out.to_str().unwrap()];
    run(&made).succeeded();
    bench
}

/// The files of a kind below a folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    entries.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}

fn phantom(bench: &Bench, ending: &str) -> PathBuf {
    let folder = bench.path(if ending == "png" { "phantoms/png/images" } else { "phantoms/siim" });
    files(&folder, ending).remove(0)
}

/// How often standard error says it.
fn told(ran: &Ran) -> usize {
    ran.stderr.matches(NEVER_SAW_PATIENTS).count()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Whether a picture holds a pixel in the amber of the box.
fn has_amber(pixels: &[u8]) -> bool {
    let (pixels, _) = pixels.as_chunks::<3>();
    pixels.iter().filter(|pixel| **pixel == [255, 196, 82]).count() > 200
}

#[test]
fn explain_says_it_on_standard_error_in_the_report_and_on_the_panel() {
    let bench = bench();
    bench.png("other.png", 4);
    let chest = bench.path("other.png");
    for (card, is_said) in SAW {
        bench.card(card);
        let ran = run(&with(bench.explain("chest.png", "out"), &["--image", chest.to_str().unwrap()])).succeeded();
        assert_eq!(told(&ran), usize::from(is_said), "once a run, --quiet or not: {}", ran.stderr);
        for folder in ["out/image_000", "out/image_001"] {
            let report = bench.report(folder);
            assert_eq!(report.get("caution").is_some(), is_said, "{card}");
            let panel = image::open(bench.path(folder).join("panel.png")).unwrap().into_rgb8();
            assert_eq!(has_amber(&panel), is_said, "{card}");
        }
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
    assert_eq!(json_of_phantom(&bench, "png"), None);
    assert_eq!(json_of_phantom(&bench, "dcm"), None);
    // One image of a patient among phantoms: it is said of that one.
    let ran = run(&with(bench.explain("chest.png", "mixed"), &["--image", phantom(&bench, "png").to_str().unwrap()]));
    assert_eq!(told(&ran.succeeded()), 1);
    assert_eq!(bench.report("mixed/image_000")["caution"], NEVER_SAW_PATIENTS);
    assert!(bench.report("mixed/image_001").get("caution").is_none());
}

/// What explain's report of a phantom cautions about; nothing on standard error either.
fn json_of_phantom(bench: &Bench, ending: &str) -> Option<serde_json::Value> {
    let image = phantom(bench, ending);
    let ran = run(&bench.explain(image.to_str().unwrap(), "of_phantom")).succeeded();
    assert_eq!(ran.stderr, "", "{ending}");
    bench.report("of_phantom").get("caution").cloned()
}

#[test]
fn every_command_that_asks_a_network_says_it() {
    let bench = bench();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let (model, chest, out) = (path("model.safetensors"), path("chest.png"), path("cascade"));
    let ran = run(&["predict", "--quiet", "--model", &model, "--image", &chest]).succeeded();
    assert_eq!((told(&ran), &ran.lines()[0]["caution"]), (1, &NEVER_SAW_PATIENTS.into()));
    let marked = phantom(&bench, "png");
    let ran = run(&["predict", "--quiet", "--model", &model, "--image", marked.to_str().unwrap()]).succeeded();
    assert!(ran.stderr.is_empty() && ran.lines()[0].get("caution").is_none());

    let cascade = ["cascade", "--quiet", "--model", &model, "--image", &chest, "--methods", "GRAD", "--out", &out];
    let ran = run(&with(cascade.map(str::to_owned).to_vec(), &["--states", "Logits", "--tile", "64"])).succeeded();
    assert_eq!(told(&ran), 1, "{}", ran.stderr);
    assert_eq!(json(&bench.path("cascade/cascade.json"))["caution"], NEVER_SAW_PATIENTS);
    for figure in ["figure_3a", "figure_3b"] {
        let svg = std::fs::read_to_string(bench.path("cascade").join(figure).with_extension("svg")).unwrap();
        assert!(svg.contains(NEVER_SAW_PATIENTS), "{figure}");
    }
    let gif = std::fs::File::open(bench.path("cascade/animation.gif")).unwrap();
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut reader = options.read_info(gif).unwrap();
    let frame = reader.read_next_frame().unwrap().unwrap();
    let is_amber = |pixel: &[u8]| pixel[0] > 240 && (180..210).contains(&pixel[1]) && pixel[2] < 110;
    let amber = frame.buffer.chunks_exact(4).filter(|pixel| is_amber(pixel)).count();
    assert!(amber > 2000, "{amber} amber pixels on the first frame");

    let folder = format!("folder:{}", path("patients"));
    std::fs::create_dir(bench.path("patients")).unwrap();
    let mut labels = "image,label,split\n".to_owned();
    for index in 0..6 {
        bench.png(&format!("patients/{index}.png"), index);
        writeln!(labels, "{index}.png,{},test", index % 2).unwrap();
    }
    bench.write("patients/labels.csv", labels.as_bytes());
    let evaluate = ["evaluate", "--quiet", "--model", &model, "--resamples", "10", "--cohort", &folder];
    let ran = run(&evaluate).succeeded();
    assert_eq!((told(&ran), ran.stdout.matches(NEVER_SAW_PATIENTS).count()), (1, 1));
    let ran = run(&with(evaluate.map(str::to_owned).to_vec(), &["--json"])).succeeded();
    assert_eq!(ran.lines()[0]["caution"], NEVER_SAW_PATIENTS);
    let phantoms = format!("folder:{}", path("phantoms/png"));
    for cohort in ["phantom:5:90", &phantoms] {
        let judged =
            ["evaluate", "--quiet", "--model", &model, "--resamples", "10", "--split", "train", "--cohort", cohort];
        let ran = run(&with(judged.map(str::to_owned).to_vec(), &["--task", "pneumothorax", "--json"]));
        assert!(told(&ran) == 0 && ran.lines().iter().all(|line| line.get("caution").is_none()), "{cohort}");
    }
}

#[test]
fn figures_say_it_whether_they_compute_maps_or_take_them() {
    let bench = bench();
    run(&bench.explain("chest.png", "kept")).succeeded();
    let image = phantom(&bench, "png");
    let models = r#""models": ["model.safetensors"]"#;
    for (source, image, is_said) in [
        (models, Path::new("chest.png"), true),
        (r#""maps": "kept""#, Path::new("chest.png"), true),
        (models, &image, false),
        (r#""maps": "kept""#, &image, false),
    ] {
        let image = serde_json::to_string(image.to_str().unwrap()).unwrap();
        let spec = format!(r#"{{"template": "single_case", "image": {image}, "methods": ["GRAD"], {source}}}"#);
        let spec = bench.write("spec.json", spec.as_bytes());
        let target = bench.path("figure.svg");
        let ran = run(&["figure", "--quiet", spec.to_str().unwrap(), "--out", target.to_str().unwrap()]).succeeded();
        assert_eq!(told(&ran), usize::from(is_said), "{source} {image}");
        assert_eq!(std::fs::read_to_string(&target).unwrap().contains(NEVER_SAW_PATIENTS), is_said, "{source}");
        assert_eq!(json(&bench.path("figure.record.json")).get("caution").is_some(), is_said, "{source}");
    }
}

#[test]
fn captures_say_it_in_the_picture_and_in_their_attributes() {
    let bench = bench();
    run(&with(bench.explain("chest.png", "out"), &["--dicom"])).succeeded();
    let open = |name: &str| dicom_object::open_file(bench.path("out").join(name)).unwrap();
    let capture = open("capture_GRAD.dcm");
    let text =
        |object: &dicom_object::DefaultDicomObject, tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    assert!(text(&capture, tags::DERIVATION_DESCRIPTION).contains(NEVER_SAW_PATIENTS));
    assert!(has_amber(&capture.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap()));
    let segments = open("segmentation_GRAD.dcm");
    let segment = &segments.element(tags::SEGMENT_SEQUENCE).unwrap().items().unwrap()[0];
    assert!(segment.element(tags::SEGMENT_DESCRIPTION).unwrap().to_str().unwrap().contains(NEVER_SAW_PATIENTS));
    for name in ["capture_GRAD.dcm", "radiograph.dcm"] {
        assert!(!DicomImage::open(&bench.path("out").join(name)).unwrap().is_phantom(), "{name} of a patient");
    }
    let of_phantom = phantom(&bench, "dcm");
    run(&with(bench.explain(of_phantom.to_str().unwrap(), "phantom"), &["--dicom"])).succeeded();
    for name in ["capture_GRAD.dcm", "radiograph.dcm"] {
        let path = bench.path("phantom").join(name);
        assert!(DicomImage::open(&path).unwrap().is_phantom(), "{name} keeps the mark");
        let description = text(&dicom_object::open_file(&path).unwrap(), tags::DERIVATION_DESCRIPTION);
        assert!(!description.contains(NEVER_SAW_PATIENTS), "{description}");
    }
}

#[test]
fn phantoms_are_told_from_radiographs_that_mention_phantoms() {
    let bench = bench();
    for path in files(&bench.path("phantoms"), "dcm").iter().chain(&files(&bench.path("phantoms/png/images"), "png")) {
        assert!(Radiograph::open(path).unwrap().is_phantom(), "{}", path.display());
    }
    assert!(!Radiograph::open(&bench.path("chest.png")).unwrap().is_phantom());

    // A file of an earlier version has the description alone; one of a hospital's phantoms has all but that.
    let source = dicom_object::open_file(phantom(&bench, "dcm")).unwrap();
    let with = |name: &str, private: bool, words: &[(dicom_core::Tag, VR, &str)]| {
        let mut object = source.clone();
        if !private {
            for element in [0x0010, 0x1001] {
                assert!(object.remove_element(dicom_core::Tag(0x0009, element)), "the phantom has its mark");
            }
        }
        object.remove_element(tags::DERIVATION_DESCRIPTION);
        for (tag, vr, value) in words {
            object.put(DataElement::new(*tag, *vr, PrimitiveValue::from(*value)));
        }
        let path = bench.path(name);
        object.write_to_file(&path).unwrap();
        Radiograph::open(&path).unwrap().is_phantom()
    };
    let description = (tags::DERIVATION_DESCRIPTION, VR::ST, "Synthetic phantom, no patient");
    assert!(with("earlier.dcm", false, &[description]));
    assert!(with("marked.dcm", true, &[]));
    assert!(!with("plain.dcm", false, &[]));
    assert!(!with(
        "plastic.dcm",
        false,
        &[
            (tags::PATIENT_NAME, VR::PN, "PHANTOM^CHEST"),
            (tags::DERIVATION_DESCRIPTION, VR::ST, "Chest phantom, no patient"),
            (tags::IMAGE_COMMENTS, VR::LT, "Synthetic phantom, no patient"),
            (tags::QUALITY_CONTROL_IMAGE, VR::CS, "YES"),
        ]
    ));
    // The block of somebody else at our place, and ours at another.
    let block = |creator: u16, owner: &'static str| {
        [
            (dicom_core::Tag(0x0009, creator), VR::LO, owner),
            (dicom_core::Tag(0x0009, creator << 8 | 1), VR::LO, "Synthetic phantom, no patient"),
        ]
    };
    assert!(!with("other.dcm", false, &block(0x10, "another program")));
    assert!(with("moved.dcm", false, &block(0x42, "saliscope")));
}

#[test]
fn the_own_networks_say_it_too() {
    let bench = Bench::new();
    let chest = bench.path("chest.png");
    let model = "demo:pneumothorax_densenet_121_1";
    let ran = run(&["predict", "--quiet", "--model", model, "--image", chest.to_str().unwrap()]).succeeded();
    assert_eq!(told(&ran), 1);
    assert_eq!(ran.lines()[0]["caution"], NEVER_SAW_PATIENTS);
}
