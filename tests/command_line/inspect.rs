//! `inspect`: a line a file, whatever the others are.

use std::path::Path;

use image::ExtendedColorType;

use super::bench::{Bench, SIDE, dicom_of, gray, jpeg_of, npy_of, png_of, run};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_dicom_file_is_described() {
    let line = run(&["inspect", &fixture("rescale_window.dcm")]).succeeded().lines().remove(0);
    assert_eq!((line["kind"].as_str(), line["photometric"].as_str()), (Some("DICOM"), Some("MONOCHROME2")));
    assert_eq!((&line["rows"], &line["columns"], &line["frames"]), (&13.into(), &11.into(), &1.into()));
    assert_eq!(line["bits"]["stored"], 12);
    assert_eq!(line["transfer_syntax"]["name"], "Explicit VR Little Endian");
    assert_eq!(line["windows"][0]["width"], 1500.0);
    assert_eq!(line["windows"][0]["function"], "LINEAR");
    assert_eq!(line["modality_lut"]["rescale"]["slope"], 0.5);
    assert_eq!(line["view_position"], "PA");
    assert_eq!((&line["stored"]["minimum"], &line["stored"]["maximum"]), (&0.into(), &4095.into()));
    assert_eq!(line["after_modality_lut"]["minimum"], -100.25);
    assert_eq!(line["stored"]["sha256"].as_str().unwrap().len(), 64);
    assert!(line.get("identity").is_none());
    let line = run(&["inspect", "--identity", &fixture("rescale.dcm")]).succeeded().lines().remove(0);
    assert_eq!(line["identity"]["patient_id"], "NOBODY");
}

#[test]
fn what_people_wrote_is_printed_only_with_identity() {
    let bench = Bench::new();
    let words = |view: &'static str| -> Vec<super::bench::Element<'static>> {
        vec![
            (0x0008, 0x0060, b"CS", b"MEYER ANNA"),
            (0x0018, 0x5101, b"CS", view.as_bytes()),
            (0x0020, 0x0060, b"CS", b"ANNA"),
        ]
    };
    let free = bench.write("free.dcm", &dicom_of(&gray(1), &words("FOR ANNA")));
    let coded = bench.write("coded.dcm", &dicom_of(&gray(1), &words("PA")));
    let line = run(&["inspect", free.to_str().unwrap()]).succeeded();
    assert!(!line.stdout.contains("ANNA"), "{}", line.stdout);
    let told = line.lines()[0]["warnings"].to_string();
    for field in ["modality", "view position", "laterality"] {
        assert!(told.contains(&format!("the {field} is none of the terms")), "{told}");
    }
    assert_eq!(run(&["inspect", coded.to_str().unwrap()]).lines()[0]["view_position"], "PA");
    let line = &run(&["inspect", "--identity", free.to_str().unwrap()]).lines()[0];
    assert_eq!(
        (&line["modality"], &line["view_position"], &line["laterality"]),
        (&"MEYER ANNA".into(), &"FOR ANNA".into(), &serde_json::Value::Null)
    );
}

#[test]
fn frames_are_looked_at_one_by_one() {
    let sums: Vec<String> = ["0", "2"]
        .iter()
        .map(|frame| {
            let ran = run(&["inspect", "--frame", frame, &fixture("rle_16_frames.dcm")]).succeeded();
            ran.lines()[0]["stored"]["sha256"].to_string()
        })
        .collect();
    assert_ne!(sums[0], sums[1]);
    let ran = run(&["inspect", "--frame", "3", &fixture("rle_16_frames.dcm")]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.lines()[0]["error"].as_str().unwrap().contains("has 3"), "{}", ran.stdout);
}

#[test]
fn other_formats_and_unreadable_files_have_their_line() {
    let bench = Bench::new();
    bench.write("gray.png", &png_of(ExtendedColorType::L8, &gray(1)));
    bench.write("gray.jpg", &jpeg_of(&gray(1)));
    bench.write("real.npy", &npy_of(&[2, 2], &[-1.0, 0.0, 0.5, 1.0]));
    bench.write("text.dcm", b"this is a letter");
    let names = ["gray.png", "text.dcm", "gray.jpg", "absent.dcm", "real.npy"];
    let files: Vec<String> = names.iter().map(|name| bench.path(name).to_str().unwrap().to_owned()).collect();
    let ran = run(&[&["inspect".to_owned()][..], &files].concat());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("2 of 5 files"), "{}", ran.stderr);
    let lines = ran.lines();
    for (line, file) in lines.iter().zip(&files) {
        assert_eq!(line["file"].as_str(), Some(file.as_str()));
    }
    let kinds: Vec<Option<&str>> = lines.iter().map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, [Some("PNG"), None, Some("JPEG"), None, Some("NPY")]);
    let sum: u64 = gray(1).iter().map(|level| u64::from(*level)).sum();
    assert_eq!((&lines[0]["stored"]["sum"], &lines[0]["rows"]), (&sum.into(), &SIDE.into()));
    assert_eq!(lines[4]["stored"]["minimum"], -1.0);
    for line in [&lines[1], &lines[3]] {
        let error = line["error"].as_str().unwrap();
        assert!(!error.contains('/'), "no path in {error}");
    }
}

#[test]
fn a_dicom_file_is_explained_as_the_png_of_its_values() {
    let bench = Bench::new();
    bench.write("gray.png", &png_of(ExtendedColorType::L8, &gray(1)));
    bench.write("gray.dcm", &dicom_of(&gray(1), &[]));
    let model = bench.path("model.safetensors");
    let arguments = |image: &str| {
        let [model, image] = [&model, &bench.path(image)].map(|path| path.to_str().unwrap().to_owned());
        ["predict", "--quiet", "--model", &model, "--image", &image].map(str::to_owned)
    };
    let logits = |image: &str| run(&arguments(image)).succeeded().lines()[0]["logits"].clone();
    assert_eq!(logits("gray.dcm"), logits("gray.png"));
}
