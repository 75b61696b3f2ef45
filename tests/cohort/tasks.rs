//! Findings by name: columns of labels, names in them, marks of several findings.

use saliscope::cohort::{CohortOptions, Error, Label, Reason, TruthRule};
use saliscope::phantom::export::Export;
use saliscope::truth::{Mask, Task, TruthKind};

use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, refusal, warns};

pub(crate) fn of(name: &str) -> CohortOptions {
    CohortOptions { task: Some(Task::named(name).unwrap()), ..CohortOptions::default() }
}

fn images(count: usize) -> Tree {
    let tree = Tree::new();
    for index in 0..count {
        tree.png(&format!("i{index}.png"));
    }
    tree
}

/// The names that the refusal without a task lists.
fn listed(tree: &Tree) -> Vec<String> {
    let error = open(&tree.folder()).unwrap_err();
    let names = error.findings_to_choose().unwrap_or_else(|| panic!("{error}"));
    assert_says(&error.to_string(), &["--task", &names.join(", ")]);
    names.to_vec()
}

#[test]
fn several_columns_are_several_tasks() {
    let tree = images(6);
    tree.write(
        "labels.csv",
        "Image Index,age,Sex,Pleural_Thickening,Mass,Smoker since\ni0,50,M,1,0,1990\ni1,60,F,no,Yes,1980\n\
         i2,1,M,-1.0,false,\ni3,0,M,,TRUE,\ni4,7,F,U,1.0,\ni5,7,F,0,,\n",
    );
    assert_eq!(listed(&tree), ["Pleural_Thickening", "Mass"]);
    for name in ["pleural thickening", "PLEURAL_THICKENING", "PleuralThickening"] {
        let cohort = open_with(&tree.folder(), &of(name)).unwrap();
        assert_eq!(labels(&cohort), [("i0", Some(true)), ("i1", Some(false)), ("i5", Some(false))], "{name}");
        let expected = [
            (Reason::Unlabelled, "i3", Some(5)),
            (Reason::Uncertain, "i2", Some(4)),
            (Reason::Uncertain, "i4", Some(6)),
        ];
        assert_eq!(left_out(&cohort), expected);
        assert_eq!((cohort.truth_kind(), cohort.known_findings().len()), (TruthKind::Label, 2));
    }
    let cohort = open_with(&tree.folder(), &of("mass")).unwrap();
    let expected = [("i0", false), ("i1", true), ("i2", false), ("i3", true), ("i4", true)];
    assert_eq!(labels(&cohort), expected.map(|(id, label)| (id, Some(label))));
    assert!(matches!(cohort.truth(case(&cohort, "i1"), 8, 8, TruthRule::AreaExact), Err(Error::Truth(_))));
    let error = open_with(&tree.folder(), &of("effusion")).unwrap_err().to_string();
    assert_says(&error, &["called effusion", "Pleural_Thickening, Mass"]);
}

#[test]
fn two_columns_of_one_spelling_are_told_apart_by_their_letters() {
    let tree = images(2);
    tree.write("labels.csv", "image,Mass,MASS\ni0,1,0\ni1,0,1\n");
    assert_eq!(labels(&open_with(&tree.folder(), &of("MASS")).unwrap()), [("i0", Some(false)), ("i1", Some(true))]);
    assert_says(&open_with(&tree.folder(), &of("mass")).unwrap_err().to_string(), &["2 columns"]);
}

#[test]
fn one_column_needs_no_name_and_is_said() {
    let tree = images(2);
    tree.write("labels.csv", "image,Edema,note\ni0,1,seen twice\ni1,0,\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!((cohort.task().map(Task::name), labels(&cohort)[0].1), (Some("Edema"), Some(true)));
    assert!(warns(&cohort, &["column Edema"]));
    tree.write("labels.csv", "image,Edema,label\ni0,1,0\ni1,0,1\n");
    assert_eq!(labels(&open(&tree.folder()).unwrap())[0].1, Some(false), "the column label goes first");
    assert_eq!(labels(&open_with(&tree.folder(), &of("edema")).unwrap())[0].1, Some(true));
    assert_eq!(labels(&open_with(&tree.folder(), &of("hernia")).unwrap())[0].1, Some(false), "label is about it");
    tree.write("labels.csv", "image,Edema\ni0,maybe\ni1,0\n");
    let cohort = open(&tree.folder()).unwrap();
    assert!(cohort.cases().iter().all(|case| case.label.is_none()) && warns(&cohort, &["no column of labels.csv"]));
    let error = open_with(&tree.folder(), &of("edema")).unwrap_err().to_string();
    assert_says(&error, &["labels CSV, line 2, column Edema", "this is no label"]);
}

#[test]
fn names_of_findings_in_one_column() {
    let tree = images(5);
    tree.write(
        "labels.csv",
        "Image Index,Finding Labels,Patient ID\ni0.png,Cardiomegaly|Effusion,1\ni1.png,No Finding,2\ni2.png,Effusion,3\n\
         i3.png,Mass,4\ni4.png,,5\n",
    );
    assert_eq!(listed(&tree), ["Cardiomegaly", "Effusion", "Mass"]);
    let cohort = open_with(&tree.folder(), &of("effusion")).unwrap();
    let expected = [("i0", true), ("i1", false), ("i2", true), ("i3", false)];
    assert_eq!(labels(&cohort), expected.map(|(id, label)| (id, Some(label))));
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "i4", Some(6))]);
    assert_eq!(case(&cohort, "i0").patient.as_deref(), Some("1"));
    assert!(warns(&cohort, &["count as without effusion", "Cardiomegaly 1, Mass 1"]));
    tree.write("labels.csv", "image,label\ni0,Effusion|No Finding\n");
    assert_says(&refusal(&tree.folder()), &["line 2", "says that there is none"]);
    // One finding a row.
    tree.write("labels.csv", "image,label\ni0,Mass\ni0,Edema\ni1,normal\ni2,Edema\ni3,Mass\ni3,normal\n");
    let cohort = open_with(&tree.folder(), &of("mass")).unwrap();
    assert_eq!(labels(&cohort), [("i0", Some(true)), ("i1", Some(false)), ("i2", Some(false))]);
    assert!(left_out(&cohort).contains(&(Reason::Contradiction, "i3", Some(6))));
}

#[test]
fn no_finding_speaks_for_blank_fields() {
    let tree = images(3);
    tree.write("labels.csv", "Path,No Finding,Edema,Mass\ni0,1.0,,\ni1,,1.0,\ni2,,,1.0\n");
    assert_eq!(listed(&tree), ["Edema", "Mass"]);
    let cohort = open_with(&tree.folder(), &of("edema")).unwrap();
    assert_eq!(labels(&cohort), [("i0", Some(false)), ("i1", Some(true))]);
    assert!(warns(&cohort, &["No Finding"]));
}

/// The program's own plain folder, with both findings or one.
fn phantoms(count: usize) -> Tree {
    let tree = Tree::new();
    let export = Export::new(3, count, 128, None);
    let made: Vec<_> = (0..count as u64).map(|index| export.phantom(index).unwrap()).collect();
    let files = made.iter().flat_map(|phantom| phantom.files.clone()).chain(export.tables(&made));
    for file in files {
        if let Ok(below) = file.path.strip_prefix("png") {
            tree.write(below.to_str().unwrap(), file.bytes);
        }
    }
    tree
}

#[test]
fn the_programs_own_folder_has_both_findings() {
    let tree = phantoms(12);
    assert_eq!(listed(&tree), ["pneumonia", "pneumothorax"]);
    for (name, kind, other) in [("pneumothorax", TruthKind::Mask, "boxes"), ("Pneumonia", TruthKind::Boxes, "masks")] {
        let cohort = open_with(&tree.folder(), &of(name)).unwrap();
        assert_eq!((cohort.cases().len(), cohort.truth_kind()), (12, kind), "{:?}", cohort.warnings());
        assert_eq!(cohort.cases().iter().filter(|case| case.label == Some(true)).count(), 4);
        for case in cohort.cases() {
            let area_px = cohort.mask_at_own_size(case).unwrap().area_px();
            assert_eq!(area_px > 0, case.label == Some(true), "{name}");
        }
        assert!(warns(&cohort, &["of another finding", other]), "{:?}", cohort.warnings());
    }
}

#[test]
fn several_findings_at_once() {
    use Label::{Missing, Negative, Positive, Uncertain};

    let tree = images(5);
    tree.write("labels.csv", "image,Edema,Mass\ni0,1,0\ni1,,1\ni2,-1,\ni3,,\ni4,0,U\n");
    let findings = ["mass", "edema"].map(|name| Task::named(name).unwrap()).to_vec();
    let options = CohortOptions { findings: findings.clone(), ..CohortOptions::default() };
    let cohort = open_with(&tree.folder(), &options).unwrap();
    assert_eq!((cohort.findings(), cohort.task()), (findings.as_slice(), None));
    let told: Vec<(&str, &[Label], Option<bool>)> =
        cohort.cases().iter().map(|case| (case.id.as_str(), case.labels.as_slice(), case.label)).collect();
    let expected: [(&str, &[Label], Option<bool>); 3] = [
        ("i0", &[Negative, Positive], Some(true)),
        ("i1", &[Positive, Missing], Some(true)),
        ("i4", &[Uncertain, Negative], Some(false)),
    ];
    assert_eq!(told, expected);
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "i3", Some(5)), (Reason::Uncertain, "i2", Some(4))]);

    let options = CohortOptions {
        findings: vec![Task::PNEUMONIA, Task::PNEUMOTHORAX],
        phantom_size_px: 128,
        ..CohortOptions::default()
    };
    let cohort = open_with(&"phantom:3:6".parse().unwrap(), &options).unwrap();
    let told: Vec<&[Label]> = cohort.cases().iter().map(|case| case.labels.as_slice()).collect();
    let both: [&[Label]; 3] = [&[Negative, Negative], &[Negative, Positive], &[Positive, Negative]];
    assert_eq!(told, both.repeat(2));
}

#[test]
fn marks_of_several_findings() {
    let tree = images(4);
    tree.write("labels.csv", "image,Edema,Mass\ni0,1,0\ni1,0,1\ni2,1,1\ni3,0,0\n");
    tree.write(
        "boxes.csv",
        "image,x,y,width,height,class_name\ni0,0,0,2,2,Edema\ni1,1,1,3,1,mass\ni2,0,0,4,4,MASS\ni3,,,,,\n",
    );
    let cohort = open_with(&tree.folder(), &of("mass")).unwrap();
    let areas = |cohort: &saliscope::cohort::Cohort| -> Vec<Option<usize>> {
        let area = |case| cohort.mask_at_own_size(case).ok().as_ref().map(Mask::area_px);
        cohort.cases().iter().map(area).collect()
    };
    assert_eq!(areas(&cohort), [Some(0), Some(3), Some(16), Some(0)]);
    assert!(warns(&cohort, &["boxes of other findings than mass", "1"]));
    let cohort = open_with(&tree.folder(), &of("edema")).unwrap();
    assert_eq!(areas(&cohort), [Some(4), Some(0), None, Some(0)], "where the edema of i2 is nobody marked");
    std::fs::remove_file(tree.at("labels.csv")).unwrap();
    assert_eq!(listed(&tree), ["Edema", "mass"]);
    let cohort = open_with(&tree.folder(), &of("mass")).unwrap();
    assert_eq!(
        labels(&cohort).iter().map(|(_, label)| *label).collect::<Vec<_>>(),
        [Some(false), Some(true), Some(true), Some(false)]
    );

    let tree = images(3);
    tree.write("labels.csv", "image,Edema,Mass\ni0,1,1\ni1,0,1\ni2,0,0\n");
    tree.picture("masks/Edema/i0.png", 8, 8, |x, _| if x < 1 { 255 } else { 0 });
    tree.picture("masks/mass/i0.png", 8, 8, |x, _| if x < 2 { 255 } else { 0 });
    tree.picture("masks/mass/i1_mask.png", 8, 8, |x, _| if x < 3 { 255 } else { 0 });
    let cohort = open_with(&tree.folder(), &of("Mass")).unwrap();
    assert_eq!(areas(&cohort), [Some(16), Some(24), Some(0)]);
    assert!(warns(&cohort, &["2 are of Mass, 1 are not used"]));
    assert_eq!(areas(&open_with(&tree.folder(), &of("edema")).unwrap()), [Some(8), Some(0), Some(0)]);
}

#[test]
fn a_word_that_is_the_same_in_all_boxes_names_no_finding() {
    let tree = images(2);
    tree.write("labels.csv", "image,label\ni0,1\ni1,0\n");
    tree.write("boxes.csv", "image,x,y,width,height,label\ni0,0,0,2,2,lesion\n");
    let cohort = open_with(&tree.folder(), &of("mass")).unwrap();
    assert_eq!(cohort.boxes(case(&cohort, "i0")).len(), 1);
    assert!(warns(&cohort, &["called lesion", "taken as those of mass"]));
    tree.write("boxes.csv", "image,x,y,width,height,label\ni0,0,0,2,2,1\n");
    assert_eq!(cohort.boxes(case(&open(&tree.folder()).unwrap(), "i0")).len(), 1);
}

#[test]
fn phantoms_in_the_layouts_of_nih_and_vindr_are_read_as_such() {
    let tree = Tree::new();
    let export = Export::new(3, 24, 128, None).also(true, true);
    let made: Vec<_> = (0..24).map(|index| export.phantom(index).unwrap()).collect();
    for file in made.iter().flat_map(|phantom| phantom.files.clone()).chain(export.tables(&made)) {
        tree.write(file.path.to_str().unwrap(), file.bytes);
    }
    let spec = |kind: &str| format!("{kind}:{}", tree.at(kind).display()).parse().unwrap();
    let splits: Vec<_> = {
        let cohort = open_with(&spec("nih"), &of("pneumonia")).unwrap();
        assert_eq!((cohort.cases().len(), cohort.truth_kind()), (24, TruthKind::Boxes), "{:?}", left_out(&cohort));
        let sick: Vec<_> = cohort.cases().iter().filter(|case| case.label == Some(true)).collect();
        let marked: Vec<_> = sick.iter().filter(|case| case.has_mark()).collect();
        assert_eq!(sick.len(), 8);
        assert!(!marked.is_empty() && marked.len() < 8, "{} have a box", marked.len());
        assert!(warns(&cohort, &["resized copies of the original ones"]), "128 pixels are no 1024");
        // The box is that of the plain folder, on an image of another size.
        let plain =
            open_with(&format!("folder:{}", tree.at("png").display()).parse().unwrap(), &of("pneumonia")).unwrap();
        for case in marked {
            let index: u64 = case.id[..8].parse::<u64>().unwrap() - 1;
            let twin = plain.case(&format!("phantom_{index:06}")).unwrap();
            assert_eq!(cohort.mask_at_own_size(case).unwrap(), plain.mask_at_own_size(twin).unwrap());
        }
        cohort.cases().iter().map(|case| case.split).collect()
    };
    let cohort = open_with(&spec("vindr"), &of("pneumothorax")).unwrap();
    assert_eq!(cohort.cases().len(), 24, "{:?}", left_out(&cohort));
    let of_test = |split: &Option<saliscope::cohort::Split>| *split == Some(saliscope::cohort::Split::Test);
    assert_eq!(
        cohort.cases().iter().map(|case| of_test(&case.split)).collect::<Vec<_>>(),
        splits.iter().map(of_test).collect::<Vec<_>>()
    );
    assert_eq!(cohort.cases().iter().filter(|case| case.label == Some(true)).count(), 8);
}
