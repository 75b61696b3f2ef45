//! RSNA's layout and its mirrors.

use std::fmt::Write;

use saliscope::cohort::{CohortOptions, Reason, ThirdClass, TruthRule};

use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, refusal, warns};

const HEADER: &str = "patientId,x,y,width,height,Target\n";
const THIRD: &str = "No Lung Opacity / Not Normal";

/// Images `a` to `d` of 1024 x 1024 pixels: one normal, one of the third class, two with boxes.
fn set(boxes: &str) -> Tree {
    let tree = Tree::new();
    for id in ["a", "b", "c", "d"] {
        tree.dicom(&format!("stage_2_train_images/{id}.dcm"), 1024, 1024, id);
    }
    let classes = format!("patientId,class\na,Normal\nb,{THIRD}\nc,Lung Opacity\nc,Lung Opacity\nd,Lung Opacity\n");
    tree.write("stage_2_detailed_class_info.csv", classes);
    tree.write("stage_2_train_labels.csv", format!("{HEADER}a,,,,,0\nb,,,,,0\n{boxes}"));
    tree
}

const BOXES: &str = "c,264.0,152.0,213.0,379.0,1\nc,562.0,152.0,256.0,453.0,1\nd,323.0,577.0,160.0,104.0,1\n";

fn including() -> CohortOptions {
    CohortOptions { third_class: ThirdClass::Include, ..CohortOptions::default() }
}

#[test]
fn the_original_layout() {
    let tree = set(BOXES);
    tree.dicom("stage_2_test_images/z.dcm", 1024, 1024, "z");
    let cohort = open(&tree.rsna()).unwrap();
    assert_eq!(cohort.task().unwrap().name(), "pneumonia");
    assert_eq!(labels(&cohort), [("a", Some(false)), ("c", Some(true)), ("d", Some(true))]);
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "z", None), (Reason::ThirdClass, "b", Some(3))]);
    assert!(cohort.warnings().is_empty(), "one row a box in both files is no oddity: {:?}", cohort.warnings());
    let positive = case(&cohort, "c");
    assert_eq!(cohort.boxes(positive).len(), 2);
    assert_eq!(positive.patient.as_deref(), Some("c"));

    // The study's numbers by hand: int(320 * 264 / 1023) = 82, ... both corners included.
    let mask = cohort.truth(positive, 320, 320, TruthRule::Study).unwrap();
    let inside = |x: usize, y: usize| {
        let one = (82..=149).contains(&x) && (47..=166).contains(&y);
        let other = (175..=255).contains(&x) && (47..=189).contains(&y);
        one || other
    };
    let expected: Vec<bool> = (0..320 * 320).map(|i| inside(i % 320, i / 320)).collect();
    assert_eq!(mask.pixels(), expected);

    let own = cohort.mask_at_own_size(positive).unwrap();
    assert_eq!((own.height_px(), own.area_px()), (1024, 213 * 379 + 256 * 453));
    assert_eq!(cohort.truth(case(&cohort, "a"), 320, 320, TruthRule::Study).unwrap().area_px(), 0);
}

#[test]
fn the_third_class_can_be_included() {
    let cohort = open_with(&set(BOXES).rsna(), &including()).unwrap();
    assert_eq!(labels(&cohort)[1], ("b", Some(false)));
    assert!(case(&cohort, "b").third_class && !case(&cohort, "a").third_class);
    assert!(cohort.exclusions().is_empty());
}

#[test]
fn without_classes_the_third_cannot_be_told() {
    let tree = set(BOXES);
    std::fs::remove_file(tree.at("stage_2_detailed_class_info.csv")).unwrap();
    assert_says(&refusal(&tree.rsna()), &["class", "stage_2_detailed_class_info.csv"]);
    assert_eq!(open_with(&tree.rsna(), &including()).unwrap().cases().len(), 4);
}

#[test]
fn missing_values_are_no_finding_only_without_a_target() {
    for nothing in [",,,", "NaN,NaN,NaN,NaN", "nan,NA,null,"] {
        let tree = set(BOXES);
        tree.write("stage_2_train_labels.csv", format!("{HEADER}a,{nothing},0\nd,1.0,2.0,3.0,4.0,1\n"));
        assert_eq!(labels(&open(&tree.rsna()).unwrap()), [("a", Some(false)), ("d", Some(true))]);
    }
    for (row, words) in [
        ("c,,,,,1", vec!["line 4", "column x", "no box"]),
        ("c,1,2,3,4,0", vec!["line 4", "column Target"]),
        ("c,1,2,3,4,", vec!["line 4", "column Target"]),
        ("c,1,2,3,4,2", vec!["line 4", "column Target"]),
        ("c,1,2,3,4,1,5", vec!["line 4", "7 fields"]),
        ("c,1,2", vec!["line 4", "column Target"]),
    ] {
        let message = refusal(&set(&format!("{row}\n")).rsna());
        assert_says(&message, &["labels CSV"]);
        assert_says(&message, &words);
    }
}

#[test]
fn a_bad_box_drops_its_image_alone() {
    for (row, words) in [
        ("c,1,2,,4,1", ["column width", "no such value"]),
        ("c,1,2,NaN,4,1", ["column width", "no such value"]),
        ("c,1,inf,3,4,1", ["column y", "finite"]),
        ("c,1,two,3,4,1", ["column y", "finite"]),
        ("c,1,2,3,0,1", ["column height", "above 0"]),
        ("c,1,2,-3,4,1", ["column width", "above 0"]),
    ] {
        let cohort = open(&set(&format!("{row}\nc,1,2,3,4,1\nd,1,2,3,4,1\n")).rsna()).unwrap();
        assert_eq!(labels(&cohort), [("a", Some(false)), ("d", Some(true))], "{row}");
        assert!(left_out(&cohort).contains(&(Reason::BadBox, "c", Some(4))), "{row}: {:?}", left_out(&cohort));
        let told = [&["labels CSV, line 4"][..], &words].concat();
        assert!(warns(&cohort, &told), "{row}: {:?}", cohort.warnings());
    }
}

#[test]
fn boxes_beyond_the_image() {
    let cohort =
        open(&set("c,1000.0,900.0,100.0,100.0,1\nc,-20,0,50,50,1\nd,1024,10,5,5,1\nd,10,10,5,5,1\n").rsna()).unwrap();
    assert_eq!(labels(&cohort), [("a", Some(false)), ("c", Some(true))]);
    assert!(warns(&cohort, &["labels CSV, lines 4, 5", "cut"]), "{:?}", cohort.warnings());
    assert!(warns(&cohort, &["line 6", "outside"]));
    assert!(left_out(&cohort).contains(&(Reason::BoxOutside, "d", Some(6))));
    let own = cohort.mask_at_own_size(case(&cohort, "c")).unwrap();
    assert_eq!(own.area_px(), 24 * 100 + 30 * 50);
}

#[test]
fn rows_that_repeat_and_contradict() {
    let tree = set("c,1,2,3,4,1\nc,1,2,3,4,1\nd,1,2,3,4,1\nd,,,,,0\na,,,,,0\n");
    let cohort = open(&tree.rsna()).unwrap();
    assert_eq!(labels(&cohort), [("a", Some(false)), ("c", Some(true))]);
    assert_eq!(cohort.boxes(case(&cohort, "c")).len(), 1);
    assert!(warns(&cohort, &["lines 5, 8", "same row again"]), "{:?}", cohort.warnings());
    assert!(warns(&cohort, &["line 7", "Target"]));
    assert!(left_out(&cohort).contains(&(Reason::Contradiction, "d", Some(6))));

    let tree = set(BOXES);
    tree.write(
        "stage_2_detailed_class_info.csv",
        "patientId,class\na,Lung Opacity\nb,Normal\nc,Normal\nc,Lung Opacity\n",
    );
    let cohort = open(&tree.rsna()).unwrap();
    assert_eq!(labels(&cohort), [("b", Some(false))]);
    let expected = [
        (Reason::Unlabelled, "d", Some(6)),
        (Reason::Contradiction, "a", Some(2)),
        (Reason::Contradiction, "c", Some(4)),
    ];
    assert_eq!(left_out(&cohort), expected);
    assert!(warns(&cohort, &["classes CSV, line 5", "different classes"]));
    assert!(warns(&cohort, &["labels CSV, line 2", "Target and class"]));
    tree.write("stage_2_detailed_class_info.csv", "patientId,class\na,Sick\n");
    assert_says(&refusal(&tree.rsna()), &["classes CSV, line 2, column class"]);
}

#[test]
fn small_copies_need_the_size_of_the_originals() {
    let tree = Tree::new();
    let mut labels = HEADER.to_owned();
    let mut classes = "patientId,class\n".to_owned();
    for index in 0..10 {
        tree.picture(&format!("p{index}.png"), 320, 320, |_, _| 0);
        writeln!(labels, "p{index},{},500,200,300,1", 60 * index).unwrap();
        writeln!(classes, "p{index},Lung Opacity").unwrap();
    }
    tree.write("labels.csv", labels).write("classes.csv", classes);
    assert_says(&refusal(&tree.rsna()), &["10 of 10", "1024x1024"]);
    let options = CohortOptions { truth_size_px: Some([1024, 1024]), ..CohortOptions::default() };
    let cohort = open_with(&tree.rsna(), &options).unwrap();
    let mask = cohort.truth(case(&cohort, "p5"), 320, 320, TruthRule::Study).unwrap();
    // 300 -> 93, 500 -> 156; 500 -> 156, 800 -> 250.
    assert_eq!(mask.area_px(), (156 - 93 + 1) * (250 - 156 + 1));
    let exact = cohort.mask_at_own_size(case(&cohort, "p5")).unwrap();
    assert_eq!((exact.height_px(), exact.area_px()), (320, 62 * 94));
}
