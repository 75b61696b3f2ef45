//! Plain folders.

use std::fmt::Write;

use saliscope::cohort::{CohortOptions, Error, Reason, Split, TruthRule};
use saliscope::truth::Task;
use saliscope::watch::Watch;

use crate::tree::{
    Tree, assert_says, case, dicom, dicomdir, labels, left_out, open, open_with, refusal, split_of, warns,
};

#[test]
fn images_alone_have_no_labels() {
    let tree = Tree::new();
    tree.png("a.png").png("sub/b.JPG").png("sub/deep/c.tif");
    tree.dicom("d.dcm", 5, 6, "p1").write("IM000001", dicom(7, 8, "p2")).write("1.2.840.99", dicom(9, 10, "p2"));
    tree.write("DICOMDIR", dicomdir()).write("sub/dicomdir", dicomdir());
    tree.write(".DS_Store", b"x").write("._a.png", b"x").write("sub/Thumbs.db", b"x").write("__MACOSX/._a.png", b"x");
    tree.write(".hidden/e.png", b"x").write("readme.txt", b"text").write("archive.zip", b"PK");
    let cohort = open(&tree.folder()).unwrap();
    let ids: Vec<&str> = cohort.cases().iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["1.2.840.99", "IM000001", "a", "b", "c", "d"]);
    assert!(cohort.cases().iter().all(|case| case.label.is_none() && case.split.is_some()));
    assert_eq!(case(&cohort, "IM000001").size_px, Some([7, 8]));
    assert_eq!(case(&cohort, "1.2.840.99").patient.as_deref(), Some("p2"));
    assert_eq!(split_of(&cohort, "1.2.840.99"), split_of(&cohort, "IM000001"), "one patient");
    let skipped = cohort.skipped();
    assert_eq!((skipped.hidden, skipped.dicomdir, skipped.other), (3, 2, 2));
    assert!(matches!(cohort.mask_at_own_size(case(&cohort, "a")), Err(Error::Truth(_))));
    assert!(cohort.radiograph(case(&cohort, "c")).is_ok());
}

#[test]
fn labels_in_many_words() {
    let tree = Tree::new();
    let rows = ["1", "0", "True", "false", "Positive", "negative", "1.0", "0.0", "normal", "no finding"];
    let mut table = "image,label,age\n".to_owned();
    for (index, label) in rows.iter().enumerate() {
        tree.png(&format!("i{index}.png"));
        let name = ["i#.png", "i#", "./i#.png"][index % 3].replace('#', &index.to_string());
        writeln!(table, "{name},{label},7").unwrap();
    }
    tree.png("left.png").write("labels.csv", table + "nowhere.png,1,7\n");
    let cohort = open(&tree.folder()).unwrap();
    let found: Vec<bool> = cohort.cases().iter().map(|case| case.label.unwrap()).collect();
    assert_eq!(found, [true, false, true, false, true, false, true, false, false, false]);
    assert_eq!(left_out(&cohort), [(Reason::NoFile, "nowhere.png", Some(12)), (Reason::Unlabelled, "left", None)]);

    tree.write("labels.csv", "image,label\ni0,pneumonia\ni1,0\n");
    let with = |task| CohortOptions { task: Some(task), ..CohortOptions::default() };
    let cohort = open_with(&tree.folder(), &with(Task::PNEUMONIA)).unwrap();
    assert_eq!((labels(&cohort)[0], cohort.task()), (("i0", Some(true)), Some(&Task::PNEUMONIA)));
    let error = open_with(&tree.folder(), &with(Task::PNEUMOTHORAX)).unwrap_err().to_string();
    assert_says(&error, &["labels CSV, line 2, column label"]);
    tree.write("labels.csv", "image,label\ni0,0\ni1,maybe\n");
    assert_says(&refusal(&tree.folder()), &["labels CSV, line 3, column label"]);
    tree.write("labels.csv", "name,label\ni0,0\n");
    assert_says(&refusal(&tree.folder()), &["labels CSV", "no column image"]);
}

#[test]
fn names_that_occur_twice() {
    let tree = Tree::new();
    tree.png("one/a.png").png("two/a.png").png("two/b.png").png("two/b.tif").png("c.png");
    tree.write("labels.csv", "image,label\none/a.png,1\ntwo\\a,0\ntwo/b.png,1\ntwo/b.tif,0\nc,1\n");
    let cohort = open(&tree.folder()).unwrap();
    let expected = [("c", true), ("one/a", true), ("two/a", false), ("two/b.png", true), ("two/b.tif", false)];
    assert_eq!(labels(&cohort), expected.map(|(id, label)| (id, Some(label))));
    assert!(warns(&cohort, &["2 file names"]));
    tree.write("labels.csv", "image,label\nc,1\na,1\n");
    assert_says(&refusal(&tree.folder()), &["labels CSV, line 3, column image", "2 images"]);
}

#[test]
fn splits_and_patients_from_the_labels() {
    let tree = Tree::new();
    tree.png("a.png").png("b.png").png("c.png");
    tree.write("labels.csv", "image,label,split,patient\na,1,train,p\nb,0,Validation,q\nc,1,,p\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(["a", "b", "c"].map(|id| split_of(&cohort, id)), [Some(Split::Train), Some(Split::Val), None]);
    assert_eq!(case(&cohort, "c").patient.as_deref(), Some("p"));
    tree.write("labels.csv", "image,label,split,patient\na,1,train,p\nb,0,val,q\nc,1,test,p\n");
    assert!(warns(&open(&tree.folder()).unwrap(), &["labels CSV, line 4", "same patient"]));
    tree.write("labels.csv", "image,label,split\na,1,train\na,1,test\n");
    assert_says(&refusal(&tree.folder()), &["line 3, column split", "line 2"]);
    tree.write("labels.csv", "image,label,split\na,1,dev\n");
    assert_says(&refusal(&tree.folder()), &["line 2, column split"]);
    tree.write("labels.csv", "image,label\na,1\na,0\nb,1\nb,1\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("b", Some(true))]);
    assert!(warns(&cohort, &["line 3", "different labels"]) && warns(&cohort, &["line 5", "again"]));
}

/// Marked where `x < 3`, as 0 and `level`.
fn mask(tree: &Tree, relative: &str, level: u8) {
    tree.picture(relative, 8, 8, |x, _| if x < 3 { level } else { 0 });
}

#[test]
fn masks_tell_labels_where_nothing_else_does() {
    let tree = Tree::new();
    for id in ["a", "b", "c", "d", "e"] {
        tree.png(&format!("images/{id}.png"));
    }
    mask(&tree, "masks/a.png", 255);
    mask(&tree, "masks/b.png", 1);
    mask(&tree, "masks/c.png", 0);
    mask(&tree, "masks/z.png", 255);
    tree.write("masks/d.png", b"no picture");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("a", Some(true)), ("b", Some(true)), ("c", Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "e", None), (Reason::DamagedMask, "d", None)]);
    assert!(warns(&cohort, &["masks without an image", "1"]));
    for id in ["a", "b"] {
        assert_eq!(cohort.mask_at_own_size(case(&cohort, id)).unwrap().area_px(), 24);
    }
    // 8 -> 4 pixels: half of the second column is marked; its centre lies on the edge of the third of 8.
    assert_eq!(cohort.truth(case(&cohort, "a"), 4, 4, TruthRule::AreaExact).unwrap().area_px(), 8);
    assert_eq!(cohort.truth(case(&cohort, "a"), 4, 4, TruthRule::Study).unwrap().area_px(), 4);
    assert!(cohort.truth(case(&cohort, "a"), 0, 4, TruthRule::Study).is_err());
}

#[test]
fn masks_of_one_name() {
    let tree = Tree::new();
    tree.png("one/a.png").png("two/a.png").png("b.png").png("c.png");
    mask(&tree, "masks/one/a.png", 255);
    mask(&tree, "masks/two/a.png", 0);
    mask(&tree, "masks/old/b.png", 255);
    mask(&tree, "masks/new/b.png", 0);
    mask(&tree, "masks/deep/c.png", 255);
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("c", Some(true)), ("one/a", Some(true)), ("two/a", Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::Unlabelled, "b", None)]);
    assert!(warns(&cohort, &["several masks", "1"]) && !warns(&cohort, &["without an image"]));
}

#[test]
fn masks_that_do_not_fit() {
    let tree = Tree::new();
    for id in ["a", "b", "c", "d"] {
        tree.png(&format!("{id}.png"));
    }
    tree.write("labels.csv", "image,label\na,1\nb,0\nc,1\nd,1\n");
    tree.picture("masks/a.png", 16, 16, |x, _| if x < 3 { 255 } else { 0 });
    mask(&tree, "masks/b.png", 255);
    mask(&tree, "masks/c.png", 0);
    tree.picture("masks/d.png", 8, 8, |x, _| [0, 100, 200, 255][x as usize / 2]);
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("d", Some(true))]);
    let expected = [
        (Reason::Contradiction, "b", Some(3)),
        (Reason::Contradiction, "c", Some(4)),
        (Reason::MaskBeyondImage, "a", Some(2)),
    ];
    assert_eq!(left_out(&cohort), expected);
    assert!(warns(&cohort, &["resized with interpolation"]));
    assert_eq!(cohort.mask_at_own_size(case(&cohort, "d")).unwrap().area_px(), 32);
}

#[test]
fn boxes_beside_labels_and_alone() {
    let tree = Tree::new();
    for id in ["a", "b", "c", "d"] {
        tree.png(&format!("{id}.png"));
    }
    tree.write("boxes.csv", "image,x,y,width,height\na,1,1,2,3\na.png,4,4,100,2\nb,,,,\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("a", Some(true)), ("b", Some(false))]);
    assert_eq!(cohort.boxes(case(&cohort, "a")).len(), 2);
    assert!(warns(&cohort, &["boxes CSV, line 3", "cut"]));
    assert_eq!(cohort.mask_at_own_size(case(&cohort, "a")).unwrap().area_px(), 6 + 8);
    tree.write("labels.csv", "image,label\na,0\nb,1\nc,0\nd,1\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("b", Some(true)), ("c", Some(false)), ("d", Some(true))]);
    assert_eq!(left_out(&cohort), [(Reason::Contradiction, "a", Some(2))]);
    assert!(warns(&cohort, &["without mask or box", "2"]));
    assert!(matches!(cohort.mask_at_own_size(case(&cohort, "d")), Err(Error::Truth(_))));
    assert_eq!(cohort.mask_at_own_size(case(&cohort, "c")).unwrap().area_px(), 0);
    tree.write("boxes.csv", "image,x,y,width\n");
    assert_says(&refusal(&tree.folder()), &["boxes CSV", "no column height"]);
}

#[test]
fn arrays_have_a_size_when_they_are_read() {
    let tree = Tree::new();
    let mut npy = b"\x93NUMPY\x01\x00v\x00".to_vec();
    npy.extend(format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 6), }").bytes());
    npy.extend([9; 24]);
    tree.write("a.npy", npy).write("boxes.csv", "image,x,y,width,height\na,1,1,2,3\n");
    let cohort = open(&tree.folder()).unwrap();
    let case = case(&cohort, "a");
    assert_eq!((case.size_px, cohort.size_px(case).unwrap()), (None, [4, 6]));
    assert_eq!(cohort.mask_at_own_size(case).unwrap().area_px(), 6);
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let tree = Tree::new();
    tree.png("sub/a.png");
    std::os::unix::fs::symlink(tree.path(), tree.at("sub/loop")).unwrap();
    std::os::unix::fs::symlink(tree.at("nowhere"), tree.at("broken.png")).unwrap();
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(cohort.cases().len(), 1);
    assert_eq!(cohort.skipped().unreachable, 2);
    assert!(warns(&cohort, &["circle", "2"]));
}

#[test]
fn nothing_is_written_into_the_folder() {
    let tree = Tree::new();
    tree.png("a.png").write("labels.csv", "image,label\na,1\n");
    mask(&tree, "masks/a.png", 255);
    let listing = || {
        let entries = walkdir::WalkDir::new(tree.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len())).collect::<Vec<_>>()
    };
    let before = listing();
    let cohort = open(&tree.folder()).unwrap();
    cohort.mask_at_own_size(case(&cohort, "a")).unwrap();
    cohort.radiograph(case(&cohort, "a")).unwrap();
    assert_eq!(listing(), before);
}

struct Stopped;

impl Watch for Stopped {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn nothing_usable() {
    let tree = Tree::new();
    assert_says(&refusal(&tree.folder()), &["nothing usable", "no file at all"]);
    tree.write("a.png", b"text").write("notes.txt", b"x").write(".x", b"x");
    assert_says(&refusal(&tree.folder()), &["cannot be read: 1", "hidden files: 1", "no images: 1"]);
    tree.png("b.png");
    let stopped = saliscope::cohort::Cohort::open(&tree.folder(), &CohortOptions::default(), &Stopped);
    assert!(matches!(stopped, Err(Error::Interrupted)));
}
