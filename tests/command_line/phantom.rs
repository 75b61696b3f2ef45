//! What `phantom` writes: all layouts, consistent with each other, all or nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;

use super::bench::{Ran, run};

fn phantom(out: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec!["phantom", "--quiet", "--size", "131", "--out", out.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments)
}

/// All files below a folder, by their path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let content = std::fs::read(entry.path()).unwrap();
            (entry.path().strip_prefix(folder).unwrap().to_owned(), content)
        })
        .collect()
}

fn rows(out: &Path, table: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(out.join(table)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn gray(path: &Path) -> Vec<u8> {
    let image = image::open(path).unwrap();
    assert_eq!((image.width(), image.height(), image.color()), (131, 131, image::ColorType::L8));
    image.into_luma8().into_raw()
}

/// Pixels of a native DICOM file, and its patient.
fn dicom(path: &Path) -> (Vec<u8>, String) {
    let object = dicom_object::open_file(path).unwrap();
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().trim_end().to_owned();
    assert_eq!(object.meta().transfer_syntax(), "1.2.840.10008.1.2.1");
    assert_eq!((text(tags::MODALITY), text(tags::PHOTOMETRIC_INTERPRETATION)), ("CR".into(), "MONOCHROME2".into()));
    assert!(["PA", "AP"].contains(&text(tags::VIEW_POSITION).as_str()));
    assert!(object.element(tags::WINDOW_CENTER).is_err() && object.element(tags::RESCALE_SLOPE).is_err());
    let mut pixels = object.element(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
    // 131 x 131 is odd; values have an even length.
    assert_eq!(pixels.len(), 131 * 131 + 1);
    pixels.truncate(131 * 131);
    (pixels, text(tags::PATIENT_ID))
}

/// Pixels of a run-length code, row-major.
fn decoded(code: &str) -> Vec<bool> {
    let mut mask = vec![false; 131 * 131];
    let numbers: Vec<usize> = code.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let mut place = 0;
    for pair in numbers.chunks_exact(2) {
        place += pair[0];
        for _ in 0..pair[1] {
            mask[place % 131 * 131 + place / 131] = true;
            place += 1;
        }
    }
    mask
}

#[test]
fn every_layout_shows_the_same_phantoms() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/phantoms");
    let summary = phantom(&out, &["--count", "6", "--seed", "9"]).succeeded().lines().remove(0);
    assert_eq!(
        (&summary["phantoms"], &summary["pneumothorax"], &summary["unlabelled"]),
        (&6.into(), &2.into(), &1.into())
    );
    let written = files(&out);
    assert_eq!(summary["files"], written.len());
    let in_folder = |folder: &str| written.keys().filter(|path| path.starts_with(folder)).count();
    assert_eq!((in_folder("siim/dicom-images-train"), in_folder("siim/dicom-images-test")), (6, 1));
    assert_eq!((in_folder("rsna/stage_2_train_images"), in_folder("rsna/stage_2_test_images")), (6, 1));
    assert_eq!((in_folder("png/images"), in_folder("png/masks")), (6, 2));

    let siim: HashMap<String, PathBuf> = written
        .keys()
        .filter(|path| path.starts_with("siim/dicom-images-train"))
        .inspect(|path| assert_eq!(path.components().count(), 5, "train / study / series / image"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), out.join(path)))
        .collect();
    let runs = rows(&out, "siim/train-rle.csv");
    assert_eq!(runs[0], ["ImageId", " EncodedPixels"]);
    let labels = rows(&out, "png/labels.csv");
    assert_eq!(labels[0], ["image", "label", "split", "patient"]);
    let boxes = rows(&out, "png/boxes.csv");
    assert_eq!(boxes[0], ["image", "x", "y", "width", "height"]);
    let rsna = rows(&out, "rsna/stage_2_train_labels.csv");
    let classes = rows(&out, "rsna/stage_2_detailed_class_info.csv");
    let (siim_splits, rsna_splits) = (rows(&out, "siim_splits.csv"), rows(&out, "rsna_splits.csv"));
    assert_eq!((&siim_splits[0], siim_splits.len(), rsna_splits.len()), (&rsna_splits[0], 7, 5));
    for (row, label) in labels[1..].iter().enumerate() {
        let [image, finding, split, patient] = label.as_slice() else { panic!("four columns") };
        let png = gray(&out.join("png").join(image));
        let run = &runs[row + 1];
        assert_eq!(dicom(&siim[&run[0]]), (png.clone(), patient.clone()));
        let rsna_file = out.join("rsna/stage_2_train_images").join(patient).with_extension("dcm");
        assert_eq!(dicom(&rsna_file), (png, patient.clone()));
        assert_eq!(siim_splits[row + 1], [row.to_string(), run[0].clone(), split.clone()]);

        let mask_file = out.join("png/masks").join(Path::new(image).file_name().unwrap());
        if finding == "pneumothorax" {
            let mask: Vec<bool> = gray(&mask_file).iter().map(|value| *value == 255).collect();
            assert!(mask.contains(&true) && decoded(&run[1]) == mask);
        } else {
            assert_eq!((run[1].as_str(), mask_file.exists()), (" -1", false));
        }

        let of_patient = |table: &[Vec<String>]| table.iter().filter(|r| r[0] == *patient).cloned().collect::<Vec<_>>();
        let class = match finding.as_str() {
            "pneumonia" => "Lung Opacity",
            "pneumothorax" => "No Lung Opacity / Not Normal",
            _ => "Normal",
        };
        let (rsna, classes) = (of_patient(&rsna), of_patient(&classes));
        assert_eq!(rsna.len(), classes.len());
        assert!(classes.iter().all(|row| row[1] == class));
        let numbers = |row: &[String]| row.iter().map(|text| text.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let drawn: Vec<_> = boxes[1..].iter().filter(|row| row[0] == *image).map(|row| numbers(&row[1..])).collect();
        assert_eq!(drawn.is_empty(), finding != "pneumonia");
        if drawn.is_empty() {
            assert_eq!(rsna, [[patient.as_str(), "", "", "", "", "0"]]);
        } else {
            assert_eq!(rsna.iter().map(|row| numbers(&row[1..5])).collect::<Vec<_>>(), drawn);
            assert!(rsna.iter().all(|row| row[5] == "1"));
        }
        let split_row = rsna_splits.iter().find(|row| row[1] == format!("{patient}.png"));
        assert_eq!(split_row.map(|row| row[2].clone()), (finding != "pneumothorax").then(|| split.clone()));
    }
}

#[test]
fn files_depend_on_seed_and_index_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, longer, other] = ["one", "two", "longer", "other"].map(|name| folder.path().join(name));
    phantom(&one, &["--count", "3", "--seed", "5", "--threads", "1"]).succeeded();
    phantom(&two, &["--count", "3", "--seed", "5", "--threads", "3"]).succeeded();
    phantom(&longer, &["--count", "5", "--seed", "5"]).succeeded();
    phantom(&other, &["--count", "3", "--seed", "6"]).succeeded();
    let images = |out: &Path| {
        files(out).into_iter().filter(|(path, _)| path.starts_with("png/images")).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(files(&one), files(&two));
    let longer = images(&longer);
    assert!(images(&one).iter().all(|(path, content)| longer[path] == *content) && longer.len() == 5);
    assert!(images(&other).iter().all(|(path, content)| longer[path] != *content));
}

#[test]
fn a_task_writes_its_own_layout() {
    let folder = tempfile::tempdir().unwrap();
    let (masks, boxes) = (folder.path().join("masks"), folder.path().join("boxes"));
    phantom(&masks, &["--count", "2", "--task", "pneumothorax"]).succeeded();
    phantom(&boxes, &["--count", "2", "--task", "pneumonia"]).succeeded();
    assert!(masks.join("siim").is_dir() && !masks.join("rsna").exists() && !masks.join("png/boxes.csv").exists());
    assert!(boxes.join("rsna").is_dir() && !boxes.join("siim").exists() && !boxes.join("png/masks").exists());
    let found = |out: &Path| rows(out, "png/labels.csv")[1..].iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    assert_eq!(
        (found(&masks), found(&boxes)),
        (vec!["normal".into(), "pneumothorax".into()], vec!["normal".to_owned(), "pneumonia".to_owned(),])
    );
}

#[test]
fn nothing_is_written_where_something_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (more, told) in [
        (["--count", "0"].as_slice(), "a whole number from 1 to 1000000 is needed"),
        (&["--count", "1000001"], "a whole number from 1 to 1000000 is needed"),
        (&["--count", "2", "--size", "127"], "from 128 to 2048"),
        (&["--count", "2", "--size", "2049"], "from 128 to 2048"),
        (&["--count", "2", "--task", "fracture"], "fracture"),
        (&[], "--count"),
    ] {
        let mut arguments = vec!["phantom", "--quiet", "--out", out.to_str().unwrap()];
        arguments.extend(more);
        let ran = run(&arguments);
        assert!(ran.code == Some(2) && ran.stdout.is_empty() && ran.stderr.contains(told), "{}", ran.stderr);
        assert!(!out.exists());
    }
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("mine"), b"x").unwrap();
    let ran = phantom(&out, &["--count", "1"]);
    assert!(ran.refused(1).contains("it is not empty"), "{}", ran.stderr);
    assert_eq!(files(&out).len(), 1);
    let ran = phantom(&out.join("mine"), &["--count", "1"]);
    assert!(ran.refused(1).contains("the output folder"), "{}", ran.stderr);
    assert!(phantom(&out.join("mine/below"), &["--count", "1"]).refused(1).contains("output folder"));
}
