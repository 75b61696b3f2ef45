//! SIIM-ACR's layout and its mirrors.

use std::fmt::Write;

use saliscope::cohort::{CohortOptions, Reason, TruthRule, rle};

use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, refusal, warns};

const A: &str = "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819";
const B: &str = "1.2.276.0.7230010.3.1.4.8323329.11215.1517875231.753563";
const C: &str = "1.2.276.0.7230010.3.1.4.8323329.12743.1517875241.599591";

/// Three images where the original has them, 16 rows and 12 columns.
fn original() -> Tree {
    let tree = Tree::new();
    for (index, id) in [A, B, C].into_iter().enumerate() {
        let folders = format!("dicom-images-train/1.2.{index}/1.2.{index}.1");
        tree.dicom(&format!("{folders}/{id}.dcm"), 16, 12, &format!("patient {index}"));
    }
    tree
}

fn with_masks(rows: &[String]) -> Tree {
    let tree = original();
    tree.write("train-rle.csv", format!("ImageId, EncodedPixels\n{}\n", rows.join("\n")));
    tree
}

#[test]
fn the_original_layout() {
    let tree = with_masks(&[format!("{A}, -1"), format!("{B},17 3 13 2"), format!("{B},100 4"), format!("{C},-1")]);
    tree.dicom("dicom-images-test/1.2.9/1.2.9.1/1.2.9.1.1.dcm", 16, 12, "other");
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(cohort.task().unwrap().name(), "pneumothorax");
    assert_eq!(labels(&cohort), [(B, Some(true)), (C, Some(false)), (A, Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "1.2.9.1.1", None)]);
    assert!(cohort.warnings().is_empty(), "{:?}", cohort.warnings());
    let positive = case(&cohort, B);
    assert_eq!((positive.patient.as_deref(), positive.size_px), (Some("patient 1"), Some([16, 12])));
    let mask = cohort.mask_at_own_size(positive).unwrap();
    let (one, other) = (rle::decode("17 3 13 2", 16, 12).unwrap(), rle::decode("100 4", 16, 12).unwrap());
    let both: Vec<bool> = one.pixels().iter().zip(other.pixels()).map(|(a, b)| *a || *b).collect();
    assert_eq!((mask.height_px(), mask.width_px(), mask.pixels()), (16, 12, both.as_slice()));
    assert_eq!(mask.area_px(), 9);
    // Pixel 17 is row 1 of column 1.
    assert!(mask.pixels()[12 + 1]);
    assert_eq!(cohort.truth(case(&cohort, A), 5, 7, TruthRule::Study).unwrap().area_px(), 0);
    assert_eq!(cohort.truth(positive, 8, 6, TruthRule::AreaExact).unwrap().pixels().len(), 48);
    assert!(cohort.boxes(positive).is_empty());
}

#[test]
fn every_dialect_of_the_table() {
    let expected = [(B, Some(true)), (C, Some(false)), (A, Some(false))];
    let plain = format!("ImageId, EncodedPixels\n{A}, -1\n{B},17 3\n{C},-1\n");
    let quoted = plain.lines().map(|line| {
        let (id, code) = line.split_once(',').unwrap();
        format!("\"{id}\",\"{code}\"\n")
    });
    let indexed = plain.lines().enumerate().map(|(index, line)| match index {
        0 => format!(",{line}\n"),
        _ => format!("{},{line}\n", index - 1),
    });
    let tables = [
        plain.clone(),
        plain.replace(", ", ","),
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', ",\n"),
        plain.replace(',', ";"),
        quoted.collect(),
        indexed.collect(),
        plain.replace(&format!("{B},"), &format!("{B}.dcm,")),
        format!("{plain}\n\n"),
    ];
    for table in tables {
        for name in ["train-rle.csv", "stage_2_train.csv", "csvs/masks.CSV"] {
            let tree = original();
            tree.write(name, &table);
            // The form for answers has the same columns.
            tree.write("sample_submission.csv", format!("ImageId,EncodedPixels\n{B},-1\n"));
            let cohort = open(&tree.siim()).unwrap();
            assert_eq!(labels(&cohort), expected, "{table:?}");
            assert!(cohort.warnings().is_empty(), "{:?} of {table:?}", cohort.warnings());
        }
    }
}

#[test]
fn flat_mirrors_as_dicom_and_as_pictures() {
    let tree = Tree::new();
    tree.dicom(&format!("train/{A}.dcm"), 16, 16, "");
    tree.picture(&format!("train/{B}.png"), 16, 16, |_, _| 7);
    tree.write(&format!("train/{C}"), crate::tree::dicom(16, 16, "p"));
    tree.picture(&format!("mask/{A}.png"), 16, 16, |_, _| 255);
    tree.write("train/.DS_Store", b"x").write(&format!("train/._{A}.dcm"), b"x").write("notes.txt", b"x");
    tree.write("DICOMDIR", crate::tree::dicomdir());
    tree.write("train-rle.csv", format!("ImageId,EncodedPixels\n{A},-1\n{B},0 256\n{C},0 1\n"));
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(labels(&cohort), [(B, Some(true)), (C, Some(true)), (A, Some(false))]);
    assert!(cohort.exclusions().is_empty());
    let skipped = cohort.skipped();
    assert_eq!((skipped.hidden, skipped.dicomdir, skipped.other), (2, 1, 2));
    assert_eq!(cohort.radiograph(case(&cohort, B)).unwrap().pixels(), [7.0; 256]);
    assert_eq!(cohort.mask_at_own_size(case(&cohort, B)).unwrap().area_px(), 256);
    assert_eq!(case(&cohort, A).patient, None, "an empty PatientID says nothing");
}

#[test]
fn what_rows_and_files_do_not_share() {
    let tree = with_masks(&[format!("{A},-1"), "9.9.9,-1".to_owned(), "9.9.8,1 2".to_owned()]);
    tree.write("dicom-images-train/9.9.8.dcm", b"no DICOM at all");
    tree.picture(&format!("copy/{A}.png"), 16, 12, |_, _| 0);
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(labels(&cohort), [(A, Some(false))]);
    let expected = [
        (Reason::NoFile, "9.9.9", Some(3)),
        (Reason::Unlabelled, B, None),
        (Reason::Unlabelled, C, None),
        (Reason::Unreadable, "9.9.8", Some(4)),
        (Reason::SecondFile, A, None),
    ];
    assert_eq!(left_out(&cohort), expected);
    assert_eq!(case(&cohort, A).patient.as_deref(), Some("patient 0"), "DICOM goes before other formats");
}

#[test]
fn damaged_codes_name_their_lines() {
    for (code, words) in [
        ("1 2 3", vec!["line 3", "even count"]),
        ("1 2 3 0", vec!["line 3", "length 0"]),
        ("1 2 x 3", vec!["line 3", "whole number"]),
        ("", vec!["line 3", "empty"]),
    ] {
        let tree = with_masks(&[format!("{A},-1"), format!("{B},{code}"), format!("{C},5 5")]);
        let cohort = open(&tree.siim()).unwrap();
        assert_eq!(labels(&cohort), [(C, Some(true)), (A, Some(false))]);
        assert_eq!(left_out(&cohort), [(Reason::DamagedMask, B, Some(3))]);
        assert!(warns(&cohort, &words), "{:?}", cohort.warnings());
        assert!(!cohort.warnings().iter().any(|warning| warning.to_string().contains(B)), "no id in a warning");
    }
}

#[test]
fn a_mask_of_another_size_than_its_image() {
    // 16 * 12 = 192 pixels.
    let tree = with_masks(&[format!("{A},190 3"), format!("{B},190 2"), format!("{C},-1")]);
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(labels(&cohort), [(B, Some(true)), (C, Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::MaskBeyondImage, A, Some(2))]);
    assert!(warns(&cohort, &["line 2", "behind its last pixel"]));
    assert_eq!(cohort.mask_at_own_size(case(&cohort, B)).unwrap().area_px(), 2);
}

#[test]
fn small_copies_need_the_size_of_the_originals() {
    let tree = Tree::new();
    let mut table = "ImageId,EncodedPixels\n".to_owned();
    for index in 0..8 {
        tree.picture(&format!("train/1.{index}.png"), 4, 4, |_, _| 0);
        // Of 16 x 16 pixels; one happens to fit into 4 x 4 as well.
        writeln!(table, "1.{index},{} 4", index * 25).unwrap();
    }
    tree.write("train-rle.csv", table);
    assert_says(&refusal(&tree.siim()), &["7 of 8", "1024x1024"]);
    let options = CohortOptions { truth_size_px: Some([16, 16]), ..CohortOptions::default() };
    let cohort = open_with(&tree.siim(), &options).unwrap();
    assert_eq!(cohort.cases().len(), 8);
    // Rows 0 to 3 of column 0: the first pixel of 4 x 4 by area a quarter, by its centre (row 2, column 2) nothing.
    let first = case(&cohort, "1.0");
    assert_eq!(cohort.truth(first, 16, 16, TruthRule::AreaExact).unwrap().area_px(), 4);
    assert_eq!(cohort.mask_at_own_size(first).unwrap().area_px(), 0);
    let oblong = CohortOptions { truth_size_px: Some([32, 16]), ..CohortOptions::default() };
    let error = open_with(&tree.siim(), &oblong).unwrap_err().to_string();
    assert_says(&error, &["nothing usable", "another size"]);
}

#[test]
fn rows_that_repeat_and_contradict() {
    let rows = [
        format!("{A},-1"),
        format!("{A},-1"),
        format!("{B},1 2"),
        format!("{B},1 2"),
        format!("{C},1 2"),
        format!("{C},-1"),
    ];
    let cohort = open(&with_masks(&rows).siim()).unwrap();
    assert_eq!(labels(&cohort), [(B, Some(true)), (A, Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::Contradiction, C, Some(6))]);
    assert!(warns(&cohort, &["lines 3, 5", "same row again"]), "{:?}", cohort.warnings());
    assert!(warns(&cohort, &["line 7", "says -1"]));
    assert_eq!(cohort.mask_at_own_size(case(&cohort, B)).unwrap().area_px(), 2);
}

#[test]
fn what_is_no_such_set() {
    let tree = Tree::new();
    assert_says(&refusal(&tree.siim()), &["ImageId and EncodedPixels", "train-rle.csv"]);
    tree.write("train-rle.csv", "ImageId,EncodedPixels\n");
    assert_says(&refusal(&tree.siim()), &["nothing usable", "no images: 1"]);
    tree.write("train-rle.csv", "ImageId,EncodedPixels\na,-1\n");
    assert_says(&refusal(&tree.siim()), &["nothing usable", "without an image file: 1"]);
    tree.write("train-rle.csv", "ImageId,EncodedPixels,ImageId\na,-1,a\n");
    assert_says(&refusal(&tree.siim()), &["masks CSV, line 1, column ImageId", "twice"]);
    tree.write("a.csv", "ImageId,EncodedPixels\n").write("b.csv", "ImageId,EncodedPixels\n");
    std::fs::remove_file(tree.at("train-rle.csv")).unwrap();
    assert_says(&refusal(&tree.siim()), &["2 files", "train-rle.csv"]);
    let missing = saliscope::cohort::CohortSpec::Siim(tree.at("nowhere"));
    assert_says(&refusal(&missing), &["no such folder", "nowhere"]);
    let file = saliscope::cohort::CohortSpec::Siim(tree.at("a.csv"));
    assert_says(&refusal(&file), &["no folder"]);
}
