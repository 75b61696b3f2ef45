//! Splits from files and splits that are drawn.

use std::fmt::Write;

use saliscope::cohort::{CohortOptions, CohortSpec, Count, Split, SplitSource};

use crate::tree::{Tree, assert_says, open, open_with, split_of, warns};

/// `count` images, every third with the finding, in the layout of the pneumothorax set.
fn siim(count: usize) -> Tree {
    let tree = Tree::new();
    let mut table = "ImageId,EncodedPixels\n".to_owned();
    for index in 0..count {
        tree.png(&format!("train/1.2.{index}.png"));
        writeln!(table, "1.2.{index},{}", if index % 3 == 0 { "1 1" } else { "-1" }).unwrap();
    }
    tree.write("train-rle.csv", table);
    tree
}

fn given(tree: &Tree, content: &str) -> CohortOptions {
    tree.write("elsewhere/deep/splits.csv", content);
    CohortOptions { splits: Some(tree.at("elsewhere/deep/splits.csv")), ..CohortOptions::default() }
}

#[test]
fn the_authors_form() {
    let tree = siim(4);
    let plain = ",Image_ID,Split\n0,1.2.0,train\n1,1.2.1,val\n2,1.2.2,test\n";
    for content in [
        plain.to_owned(),
        plain.replace(",train", ".png,train").replace(",val", ".dcm,val"),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        plain.replace("train", "Train").replace(",val", ", VALIDATION"),
        "Image_ID,Split\n1.2.0,train\n1.2.1,val\n1.2.2,test".to_owned(),
    ] {
        let cohort = open_with(&tree.siim(), &given(&tree, &content)).unwrap();
        assert_eq!(cohort.split_source(), SplitSource::Given);
        let splits = [0, 1, 2, 3].map(|index| split_of(&cohort, &format!("1.2.{index}")));
        assert_eq!(splits, [Some(Split::Train), Some(Split::Val), Some(Split::Test), None], "{content:?}");
        assert_eq!(cohort.in_split(Split::Val).count(), 1);
        let none = Count { split: None, positive: 1, negative: 0, unlabelled: 0 };
        assert_eq!(cohort.counts()[3], none);
    }
}

#[test]
fn what_is_wrong_with_a_file_of_splits() {
    let tree = siim(3);
    let refusal = |content: &str| open_with(&tree.siim(), &given(&tree, content)).unwrap_err().to_string();
    assert_says(
        &refusal("Image_ID,Split\n1.2.0,train\n1.2.1,test\n1.2.0.png,val\n"),
        &["splits CSV, line 4, column Split", "line 2"],
    );
    assert_says(&refusal("Image_ID,Split\n1.2.0,dev\n"), &["line 2, column Split", "train"]);
    assert_says(&refusal("Image_ID,Split\n9,train\n"), &["not one id"]);
    assert_says(&refusal("Image_ID,Part\n1.2.0,train\n"), &["no column Split"]);
    let content = "Image_ID,Split\n1.2.0,train\n1.2.0,train\n,val\n7.7,test\n1.2.1,test\n";
    let cohort = open_with(&tree.siim(), &given(&tree, content)).unwrap();
    assert!(warns(&cohort, &["splits CSV, line 3", "again"]) && warns(&cohort, &["splits CSV, line 4", "no id"]));
    assert!(warns(&cohort, &["no cases: 1"]));
}

#[test]
fn a_file_in_the_folder_is_found_by_its_columns() {
    let tree = siim(3);
    tree.write("pneumothorax_splits.csv", ",Image_ID,Split\n0,1.2.0,test\n");
    tree.write("pneumonia_splits.csv", ",Image_ID,Split\n0,other.png,test\n");
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!((cohort.split_source(), split_of(&cohort, "1.2.0")), (SplitSource::Found, Some(Split::Test)));
    tree.write("mine.csv", ",Image_ID,Split\n0,1.2.0,train\n");
    assert_says(&open(&tree.siim()).unwrap_err().to_string(), &["2 files", "--splits"]);
}

#[test]
fn drawn_splits_are_stratified_and_repeatable() {
    let tree = siim(300);
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(cohort.split_source(), SplitSource::Drawn { seed: 0 });
    let counts: Vec<_> = cohort.counts().iter().map(|count| (count.positive, count.negative)).collect();
    assert_eq!(counts, [(81, 162), (9, 18), (10, 20)]);
    let splits = |seed| {
        let cohort = open_with(&tree.siim(), &CohortOptions { seed, ..CohortOptions::default() }).unwrap();
        cohort.cases().iter().map(|case| case.split).collect::<Vec<_>>()
    };
    assert_eq!(splits(0), splits(0));
    assert_ne!(splits(0), splits(1));
}

#[test]
fn patients_of_dicom_files_stay_together() {
    let tree = Tree::new();
    let mut table = "ImageId,EncodedPixels\n".to_owned();
    for index in 0..60 {
        tree.dicom(&format!("{index}.dcm"), 2, 2, &format!("patient {}", index / 4));
        writeln!(table, "{index},{}", if index % 3 == 0 { "1 1" } else { "-1" }).unwrap();
    }
    tree.write("train-rle.csv", &table);
    let cohort = open(&tree.siim()).unwrap();
    assert!(!warns(&cohort, &["same patient"]));
    for index in 0..60 {
        assert_eq!(split_of(&cohort, &index.to_string()), split_of(&cohort, &(index / 4 * 4).to_string()));
    }
    assert!(Split::ALL.iter().all(|split| cohort.in_split(*split).count() > 0));
    let content = "Image_ID,Split\n0,train\n1,test\n4,train\n5,val\n8,train\n9,train\n";
    let cohort = open_with(&tree.siim(), &given(&tree, content)).unwrap();
    assert!(warns(&cohort, &["splits CSV, lines 3, 5", "same patient"]), "{:?}", cohort.warnings());
}

#[test]
fn options_that_contradict_the_cohort() {
    use saliscope::cohort::Fractions;
    use saliscope::truth::Task;
    let tree = siim(1);
    let refusal = |options: CohortOptions| open_with(&tree.siim(), &options).unwrap_err().to_string();
    assert_says(&refusal(CohortOptions { task: Some(Task::PNEUMONIA), ..CohortOptions::default() }), &["siim:"]);
    for (val, test) in [(0.6, 0.6), (-0.1, 0.1), (f64::NAN, 0.1)] {
        assert_says(
            &refusal(CohortOptions { fractions: Fractions { val, test }, ..CohortOptions::default() }),
            &["fractions"],
        );
    }
    assert_says(&refusal(CohortOptions { truth_size_px: Some([0, 5]), ..CohortOptions::default() }), &["truth size"]);
    assert!("siim:x".parse::<CohortSpec>().is_ok());
}
