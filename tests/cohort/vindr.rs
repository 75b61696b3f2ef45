//! `VinDr-CXR`, as `PhysioNet` and Kaggle give it.

use std::fmt::Write as _;

use saliscope::cohort::{Cohort, CohortOptions, CohortSpec, Error, Reason, Split, SplitSource};
use saliscope::truth::TruthKind;

use crate::nih::{digest, reference};
use crate::tasks::of;
use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, split_of, warns};

fn spec(tree: &Tree) -> CohortSpec {
    CohortSpec::Vindr(tree.path().to_owned())
}

fn by(name: &str, readers: &str) -> CohortOptions {
    CohortOptions { readers: readers.parse().unwrap(), ..of(name) }
}

#[test]
fn labels_and_masks_are_those_of_torchxrayvision() {
    let expected = &reference()["vindr"];
    let tree = Tree::new();
    tree.write("train.csv", expected["labels_csv"].as_str().unwrap());
    for (id, size) in expected["sizes"].as_object().unwrap() {
        let [rows, columns] = [0, 1].map(|axis| size[axis].as_u64().unwrap() as u16);
        tree.dicom(&format!("train/{id}.dicom"), rows, columns, "");
    }
    let findings =
        ["Aortic enlargement", "Effusion", "Pleural_Thickening", "Nodule/Mass", "Other Lesion", "Infiltration"];
    let mut masks = 0;
    for (readers, images) in expected["readers"].as_object().unwrap() {
        for name in findings {
            let cohort = open_with(&spec(&tree), &by(name, readers)).unwrap();
            let images = images.as_object().unwrap();
            assert_eq!(cohort.cases().len(), images.len(), "{:?}", left_out(&cohort));
            for (id, told) in images {
                let case = case(&cohort, id);
                assert_eq!(case.label, Some(told["labels"][name] == 1), "{name} of {id} by {readers}");
                let mask = &told["masks"][name];
                let is_marked = !mask.is_null() && case.label == Some(true);
                assert_eq!(case.has_mark(), is_marked, "{name} of {id} by {readers}");
                if is_marked {
                    masks += 1;
                    let found = cohort.mask_at_own_size(case).unwrap();
                    assert_eq!(
                        (mask["area"].as_u64(), mask["sha256"].as_str()),
                        (Some(found.area_px() as u64), Some(digest(found.pixels()).as_str()))
                    );
                }
            }
        }
    }
    assert!(masks > 60, "{masks} masks were compared");
}

const HEAD: &str = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n";

fn physionet() -> Tree {
    let tree = Tree::new();
    for id in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        tree.dicom(&format!("train/{id}.dicom"), 40, 30, "");
    }
    tree.dicom("test/t.dicom", 40, 30, "").dicom("test/u.dicom", 40, 30, "");
    let mut rows = HEAD.to_owned();
    for reader in ["R1", "R2", "R3"] {
        writeln!(rows, "a,{reader},Mass,0,0,10,10\nb,{reader},No finding,0,0,1,1").unwrap();
        for id in ["e", "f", "g", "h"] {
            writeln!(rows, "{id},{reader},No finding,,,,").unwrap();
        }
    }
    rows += "c,R1,Mass,0,0,10,10\nc,R2,Mass,20,20,30,30\nc,R3,No finding,,,,\n";
    rows += "d,R1,Mass,0,0,10,10\nd,R2,Rib fracture,0,0,1,1\nd,R3,No finding,,,,\n";
    tree.write("annotations/annotations_train.csv", rows);
    tree.write(
        "annotations/annotations_test.csv",
        "image_id,class_name,x_min,y_min,x_max,y_max\nt,Mass,5,5,15,15\nu,No finding,,,,\n",
    );
    tree.write(
        "annotations/image_labels_train.csv",
        "image_id,rad_id,Mass,Pneumonia,No finding\na,R1,1,1,0\na,R2,1,1,0\na,R3,1,0,0\nb,R1,0,0,1\nc,R1,1,1,0\n",
    );
    tree.write("annotations/image_labels_test.csv", "image_id,Mass,Pneumonia,No finding\nt,1,0,0\nu,0,0,1\n");
    tree
}

#[test]
fn readers_who_disagree() {
    let tree = physionet();
    let error = open(&spec(&tree)).unwrap_err();
    let known = ["Mass", "Pneumonia", "Rib fracture"].map(str::to_owned);
    assert_eq!(error.findings_to_choose(), Some(&known[..]));
    let label = |cohort: &Cohort, id: &str| case(cohort, id).label;
    let union = open_with(&spec(&tree), &of("mass")).unwrap();
    let found: Vec<&str> =
        labels(&union).into_iter().filter(|(_, label)| *label == Some(true)).map(|(id, _)| id).collect();
    assert_eq!(found, ["a", "c", "d", "t"]);
    assert_eq!(union.mask_at_own_size(case(&union, "c")).unwrap().area_px(), 200);
    assert!(warns(&union, &["any reader", "--readers union"]));
    let majority = open_with(&spec(&tree), &by("mass", "majority")).unwrap();
    assert_eq!(["a", "c", "d", "t"].map(|id| label(&majority, id).unwrap()), [true, true, false, true]);
    assert!(!case(&majority, "c").has_mark(), "two readers see it in different places");
    assert!(warns(&majority, &["no pixel is marked by most", "1"]));
    let second = open_with(&spec(&tree), &by("mass", "R2")).unwrap();
    assert_eq!(["a", "c", "d", "t"].map(|id| label(&second, id).unwrap()), [true, true, false, true]);
    assert_eq!(second.mask_at_own_size(case(&second, "c")).unwrap().area_px(), 100);
    assert!(
        matches!(open_with(&spec(&tree), &by("mass", "R7")), Err(Error::Options(text)) if text.contains("R1, R2, R3"))
    );
    assert!("each".parse::<saliscope::cohort::Readers>().is_err() && "".parse::<saliscope::cohort::Readers>().is_err());
}

#[test]
fn findings_of_the_whole_image_have_labels_alone() {
    let tree = physionet();
    let cohort = open_with(&spec(&tree), &of("pneumonia")).unwrap();
    assert_eq!(cohort.truth_kind(), TruthKind::Label);
    let found = |id: &str| case(&cohort, id).label;
    assert_eq!(["a", "b", "c", "t"].map(found), [Some(true), Some(false), Some(true), Some(false)]);
    let majority = open_with(&spec(&tree), &by("pneumonia", "majority")).unwrap();
    assert_eq!(["a", "c"].map(|id| case(&majority, id).label), [Some(true), Some(false)], "one of three");
}

#[test]
fn testing_is_the_sets_own() {
    let tree = physionet();
    let cohort = open_with(&spec(&tree), &of("mass")).unwrap();
    assert_eq!(cohort.split_source(), SplitSource::Lists { seed: 0 });
    assert_eq!(["t", "u"].map(|id| split_of(&cohort, id)), [Some(Split::Test); 2]);
    assert!(cohort.cases().iter().all(|case| case.split.is_some()));
    std::fs::remove_file(tree.at("annotations/annotations_test.csv")).unwrap();
    std::fs::remove_file(tree.at("annotations/image_labels_test.csv")).unwrap();
    let cohort = open_with(&spec(&tree), &of("mass")).unwrap();
    assert_eq!(cohort.split_source(), SplitSource::Drawn { seed: 0 });
    assert!(left_out(&cohort).contains(&(Reason::Unlabelled, "t", None)), "Kaggle's images for testing have no labels");
}

#[test]
fn smaller_copies_need_the_size_that_was_marked() {
    let tree = Tree::new();
    tree.picture("train/a.png", 20, 10, |_, _| 0).picture("train/b.png", 20, 10, |_, _| 0);
    tree.write("train.csv", "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\na,Mass,8,R1,40,80,60,120\nb,No finding,14,R1,,,,\n");
    tree.write("train_meta.csv", "image_id,dim0,dim1\na,200,100\nb,200,100\n");
    let cohort = open(&spec(&tree)).unwrap();
    let mask = cohort.mask_at_own_size(case(&cohort, "a")).unwrap();
    assert_eq!((mask.area_px(), mask.pixels()[8 * 10 + 4]), (2 * 4, true));
    std::fs::remove_file(tree.at("train_meta.csv")).unwrap();
    assert!(left_out(&open(&spec(&tree)).unwrap()).iter().any(|(reason, ..)| *reason == Reason::BoxOutside));
    let options = CohortOptions { truth_size_px: Some([200, 100]), ..CohortOptions::default() };
    assert_eq!(open_with(&spec(&tree), &options).unwrap().mask_at_own_size(case(&cohort, "a")).unwrap().area_px(), 8);
}

#[test]
fn what_contradicts_is_left_out() {
    let tree = physionet();
    tree.write("annotations/image_labels_train.csv", "image_id,rad_id,Mass,No finding\na,R1,0,1\nb,R1,0,1\n");
    let cohort = open_with(&spec(&tree), &of("mass")).unwrap();
    assert!(left_out(&cohort).iter().any(|(reason, id, _)| (*reason, *id) == (Reason::Contradiction, "a")));
    assert!(warns(&cohort, &["box of the finding and says that it is not there"]));
    tree.write("annotations/annotations_train.csv", format!("{HEAD}a,R1,Mass,9,9,3,12\nb,R1,Mass,1,1,,4\n"));
    std::fs::remove_file(tree.at("annotations/image_labels_train.csv")).unwrap();
    let reasons: Vec<Reason> = left_out(&open_with(&spec(&tree), &of("mass")).unwrap())
        .into_iter()
        .filter(|(_, id, _)| ["a", "b"].contains(id))
        .map(|(r, ..)| r)
        .collect();
    assert_eq!(reasons, [Reason::BadBox; 2]);
    std::fs::remove_dir_all(tree.at("annotations")).unwrap();
    assert_says(&open(&spec(&tree)).unwrap_err().to_string(), &["image_id, class_name"]);
}
