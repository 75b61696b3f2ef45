//! ChestX-ray14, in the layouts that it comes in.

use std::fmt::Write as _;

use saliscope::cohort::{CohortOptions, CohortSpec, Error, Reason, Split, SplitSource};
use saliscope::truth::{Task, TruthKind};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::tasks::of;
use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, split_of, warns};

/// Tables that a script made, and what torchxrayvision reads from them.
pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("../fixtures/cohorts.json")).unwrap()
}

/// SHA-256 of a mask, a byte a pixel.
pub(crate) fn digest(pixels: &[bool]) -> String {
    let bytes: Vec<u8> = pixels.iter().map(|pixel| u8::from(*pixel)).collect();
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn spec(tree: &Tree) -> CohortSpec {
    CohortSpec::Nih(tree.path().to_owned())
}

const HEAD: &str = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n";

const BOXES_HEAD: &str = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n";

#[test]
fn labels_and_masks_are_those_of_torchxrayvision() {
    let expected = &reference()["nih"];
    let tree = Tree::new();
    tree.write("Data_Entry_2017_v2020.csv", expected["labels_csv"].as_str().unwrap());
    tree.write("BBox_List_2017.csv", expected["boxes_csv"].as_str().unwrap());
    let images = expected["images"].as_object().unwrap();
    for (index, name) in images.keys().enumerate() {
        tree.picture(&format!("images_{:03}/images/{name}", index % 3 + 1), 1024, 1024, |_, _| 0);
    }
    let mut masks = 0;
    for name in ["Atelectasis", "Effusion", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening"] {
        let cohort = open_with(&spec(&tree), &of(name)).unwrap();
        assert_eq!(cohort.cases().len(), images.len(), "{:?}", left_out(&cohort));
        for (image, told) in images {
            let case = case(&cohort, image.strip_suffix(".png").unwrap());
            assert_eq!(case.label, Some(told["labels"][name] == 1), "{name} of {image}");
            let mask = &told["masks"][name];
            if mask.is_null() {
                assert!(!case.has_mark(), "a positive image without a box has none");
                continue;
            }
            masks += 1;
            let found = cohort.mask_at_own_size(case).unwrap();
            assert_eq!(
                (mask["area"].as_u64(), mask["sha256"].as_str()),
                (Some(found.area_px() as u64), Some(digest(found.pixels()).as_str()))
            );
        }
    }
    assert!(masks >= 8, "{masks} masks were compared");
}

#[test]
fn a_finding_has_to_be_named() {
    let tree = Tree::new();
    tree.png("images/1.png").png("images/2.png");
    tree.write("Data_Entry_2017.csv", format!("{HEAD}1.png,Mass|Hernia,0,1,1,M,PA\n2.png,No Finding,0,2,1,M,PA\n"));
    let error = open(&spec(&tree)).unwrap_err();
    assert_eq!(error.findings_to_choose(), Some(&["Hernia".to_owned(), "Mass".to_owned()][..]));
    let error = open_with(&spec(&tree), &of("edema")).unwrap_err().to_string();
    assert_says(&error, &["called edema", "Hernia, Mass"]);
    let cohort = open_with(&spec(&tree), &of("hernia")).unwrap();
    assert_eq!((cohort.truth_kind(), cohort.task().map(Task::name)), (TruthKind::Label, Some("Hernia")));
    let options = CohortOptions { readers: "majority".parse().unwrap(), ..of("hernia") };
    assert!(matches!(open_with(&spec(&tree), &options), Err(Error::Options(_))));
}

#[test]
fn the_official_lists_are_the_splits() {
    let tree = Tree::new();
    let (mut table, mut train, mut test) = (HEAD.to_owned(), String::new(), String::new());
    for patient in 0..30 {
        for image in 0..2 {
            let name = format!("{patient:08}_{image:03}.png");
            tree.png(&format!("images/{name}"));
            let found = if patient % 3 == 0 { "Edema" } else { "No Finding" };
            writeln!(table, "{name},{found},{image},{patient},50,F,AP").unwrap();
            let list = if patient < 20 { &mut train } else { &mut test };
            writeln!(list, "{name}").unwrap();
        }
    }
    tree.write("Data_Entry_2017.csv", table).write("train_val_list.txt", &train).write("test_list.txt", &test);
    let cohort = open(&spec(&tree)).unwrap();
    assert_eq!(cohort.split_source(), SplitSource::Lists { seed: 0 });
    let count = |split| cohort.in_split(split).count();
    assert_eq!((count(Split::Test), count(Split::Train) + count(Split::Val)), (20, 40));
    assert!(count(Split::Val) > 0 && split_of(&cohort, "00000025_000") == Some(Split::Test));
    for patient in 0..30 {
        let of = |image: usize| split_of(&cohort, &format!("{patient:08}_{image:03}"));
        assert_eq!(of(0), of(1), "patients stay together");
    }
    std::fs::remove_file(tree.at("train_val_list.txt")).unwrap();
    let cohort = open(&spec(&tree)).unwrap();
    assert_eq!(cohort.in_split(Split::Test).count(), 20, "the rest is for training");
    tree.write("train_val_list.txt", train + "00000025_000.png\n");
    assert_says(&open(&spec(&tree)).unwrap_err().to_string(), &["both lists"]);
}

#[test]
fn boxes_that_contradict_or_lie_outside() {
    let tree = Tree::new();
    for name in ["1", "2", "3", "4", "5"] {
        tree.picture(&format!("{name}.png"), 256, 256, |_, _| 0);
    }
    tree.write(
        "Data_Entry_2017.csv",
        format!(
            "{HEAD}1.png,Mass,0,1\n2.png,No Finding,0,2\n3.png,Mass,0,3\n4.png,Mass,0,4\n5.png,,0,5\n9.png,Mass,0,9\n"
        ),
    );
    tree.write(
        "BBox_List_2017.csv",
        format!("{BOXES_HEAD}1.png,Mass,512,0,256,512,,,\n2.png,Mass,0,0,9,9,,,\n3.png,Mass,x,0,9,9,,,\n4.png,Nodule,0,0,9,9,,,\n"),
    );
    let cohort = open(&spec(&tree)).unwrap();
    assert_eq!(labels(&cohort), [("1", Some(true)), ("4", Some(true))]);
    let reasons: Vec<(Reason, &str)> = left_out(&cohort).into_iter().map(|(reason, id, _)| (reason, id)).collect();
    let expected =
        [(Reason::NoFile, "9"), (Reason::Unlabelled, "5"), (Reason::Contradiction, "2"), (Reason::BadBox, "3")];
    assert_eq!(reasons, expected);
    // A quarter of the original: the box is where it was drawn.
    let mask = cohort.mask_at_own_size(case(&cohort, "1")).unwrap();
    assert_eq!((mask.area_px(), mask.pixels()[128], mask.pixels()[127]), (64 * 128, true, false));
    let [found] = cohort.boxes(case(&cohort, "1")) else { panic!("one box was drawn") };
    assert_eq!([found.x_px, found.y_px, found.width_px, found.height_px], [128.0, 0.0, 64.0, 128.0]);
    assert!(warns(&cohort, &["resized copies", "1024x1024"]) && warns(&cohort, &["without a box", "1"]));
    let options = CohortOptions { truth_size_px: Some([512, 512]), ..of("mass") };
    let error = open_with(&spec(&tree), &options).unwrap();
    assert!(left_out(&error).iter().any(|(reason, id, _)| (*reason, *id) == (Reason::BoxOutside, "1")));
}
