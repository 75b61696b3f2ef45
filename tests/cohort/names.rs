//! Tables whose names, codings and numbers are another program's: the same cohort as from a plain table, or told.

use std::fmt::Write;

use saliscope::cohort::{CohortOptions, CohortSpec, Error, Reason, Split};

use crate::tree::{Tree, assert_says, case, labels, left_out, open, open_with, refusal, split_of, warnings, warns};

/// Six images `NAME0.png` to `NAME5.png`.
fn images(name: &str) -> Tree {
    let tree = Tree::new();
    for index in 0..6 {
        tree.png(&format!("{}.png", name.replace('#', &index.to_string())));
    }
    tree
}

/// Labels of those images under other names: every second one is positive.
fn table(name: &str, delimiter: char) -> String {
    let row = |index: usize| format!("{}{delimiter}{}\n", name.replace('#', &index.to_string()), index % 2);
    format!("image{delimiter}label\n") + &(0..6).map(row).collect::<String>()
}

/// Fails unless all six are there with their labels and the ids of their files.
fn assert_all_six(tree: &Tree, name: &str, spec: &CohortSpec) -> Vec<String> {
    let cohort = open(spec).unwrap_or_else(|error| panic!("{error}; {:?}", error.findings()));
    let ids: Vec<String> = (0..6).map(|index| name.replace('#', &index.to_string())).collect();
    let expected: Vec<(&str, Option<bool>)> =
        ids.iter().enumerate().map(|(index, id)| (id.as_str(), Some(index % 2 == 1))).collect();
    assert_eq!(labels(&cohort), expected, "{}", tree.path().display());
    assert_eq!(left_out(&cohort), []);
    warnings(&cohort).into_iter().filter(|warning| !warning.contains("without mask or box")).collect()
}

#[test]
fn names_that_mean_the_same_file() {
    let decomposed = "Mu\u{308}ller_e\u{301}#";
    for (file, name, told) in [
        ("img#", "img#.png", None),
        (decomposed, "M\u{fc}ller_\u{e9}#.png", None),
        ("M\u{fc}ller_\u{e9}#", "Mu\u{308}ller_e\u{301}#", None),
        ("IMG#", "img#.png", Some("upper and lower case")),
        ("img#", "IMG#.PNG", Some("upper and lower case")),
        (decomposed, "M\u{dc}LLER_\u{c9}#", Some("upper and lower case")),
        ("sub/Img#", "SUB\\IMG#.png", Some("upper and lower case")),
        ("0000#", "#", Some("zeros at the beginning")),
        ("0000#", "#.png", Some("zeros at the beginning")),
        ("00100#", "100#.0", Some("zeros at the beginning")),
        ("1#", "01#", Some("zeros at the beginning")),
    ] {
        let tree = images(file);
        tree.write("labels.csv", table(name, ','));
        let own = file.rsplit('/').next().unwrap();
        let found = assert_all_six(&tree, own, &tree.folder());
        match told {
            None => assert_eq!(found, [""; 0], "{file} {name}"),
            Some(told) => {
                assert_eq!(found.len(), 1, "{found:?}");
                assert_says(&found[0], &["labels CSV, lines 2, 3", told]);
            }
        }
    }
}

#[test]
fn a_name_of_its_own_goes_before_one_that_is_alike() {
    let tree = Tree::new();
    tree.png("img0.png").png("1.png").png("Img2.png").png("IMG2.png").png("003.png").png("03.png");
    // The exact rows are taken alone; those that several images might mean are left out.
    tree.write("labels.csv", "image,label\nIMG0,0\nimg0,1\n01,1\n1,0\nimg2,1\n3,0\n");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(labels(&cohort), [("1", Some(false)), ("img0", Some(true))]);
    let no_file = |id, line| (Reason::NoFile, id, Some(line));
    let unlabelled = |id| (Reason::Unlabelled, id, None);
    assert_eq!(
        left_out(&cohort),
        [
            no_file("IMG0", 2),
            no_file("01", 4),
            no_file("img2", 6),
            no_file("3", 7),
            unlabelled("003"),
            unlabelled("03"),
            unlabelled("IMG2"),
            unlabelled("Img2"),
        ]
    );
    assert!(warns(&cohort, &["labels CSV, lines 6, 7", "that of several"]), "{:?}", warnings(&cohort));
}

#[test]
fn ids_that_meet_nothing_are_told_by_their_form() {
    let tree = images("Doe_John_#");
    tree.write("labels.csv", table("1#34-x.png", ','));
    let error = open(&tree.folder()).unwrap_err();
    let message = error.to_string();
    assert_says(
        &message,
        &["file: 6, in the form `9999-a.aaa`", "negative): 6, in the form `Aaa_Aaaa_0`", "--list-excluded"],
    );
    assert!(!error.without_path().contains("Doe") && !error.without_path().contains("1034"), "{message}");
    let findings = error.findings().unwrap();
    assert_eq!(findings.exclusions.len(), 12);
    tree.write("labels.csv", "image,label\n1.23457E+11,0\n\"1,2E+15\",1\n");
    let error = open(&tree.folder()).unwrap_err();
    let told = error.findings().unwrap().warnings.iter().map(ToString::to_string).collect::<String>();
    assert_says(&told, &["labels CSV, lines 2, 3: ", "scientific notation"]);
    assert_says(&error.without_path(), &["nothing usable", "scientific notation"]);
}

#[test]
fn the_public_sets_and_splits_know_alike_names_too() {
    let tree = Tree::new();
    tree.dicom("x/1.2.A.dcm", 4, 4, "p").dicom("x/1.2.B.dcm", 4, 4, "q").dicom("x/0007.dcm", 4, 4, "r");
    tree.write("train-rle.csv", "ImageId,EncodedPixels\n1.2.a,1 2\n1.2.B,-1\n7,-1\n8,-1\n");
    tree.write("splits.csv", "Image_ID,Split\n1.2.a,test\n1.2.b,val\n7,train\n9,train\n");
    let cohort = open(&tree.siim()).unwrap();
    assert_eq!(labels(&cohort), [("0007", Some(false)), ("1.2.A", Some(true)), ("1.2.B", Some(false))]);
    assert_eq!(left_out(&cohort), [(Reason::NoFile, "8", Some(5))]);
    let splits = ["0007", "1.2.A", "1.2.B"].map(|id| split_of(&cohort, id));
    assert_eq!(splits, [Some(Split::Train), Some(Split::Test), Some(Split::Val)]);
    for words in [
        ["masks CSV, line 2", "upper and lower case"],
        ["masks CSV, line 4", "zeros"],
        ["splits CSV, lines 2, 3", "upper and lower case"],
        ["splits CSV, line 4", "zeros"],
    ] {
        assert!(warns(&cohort, &words), "{words:?}: {:?}", warnings(&cohort));
    }
    tree.write("splits.csv", "Image_ID,Split\nx12,train\n");
    let options = CohortOptions { splits: Some(tree.at("splits.csv")), ..CohortOptions::default() };
    let error = open_with(&tree.siim(), &options).unwrap_err();
    assert_says(&error.to_string(), &["not one id", "`a99`", "`0009`"]);
    assert!(error.findings().is_some_and(|findings| !findings.warnings.is_empty() && findings.exclusions.len() == 1));
}

#[test]
fn tables_of_spreadsheets() {
    let plain = table("M\u{fc}ller#.png", ';');
    let latin: Vec<u8> = plain.chars().map(|letter| letter as u8).collect();
    let wide =
        |bytes: fn(u16) -> [u8; 2]| format!("\u{feff}{plain}").encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    for (content, is_told) in [
        (plain.clone().into_bytes(), false),
        (format!("sep=;\r\n{}", plain.replace('\n', "\r\n")).into_bytes(), false),
        (format!("\u{feff}sep=\t\n{}", plain.replace(';', "\t")).into_bytes(), false),
        (format!("\"sep=|\"\n{}", plain.replace(';', "|")).into_bytes(), false),
        (wide(u16::to_le_bytes), false),
        (wide(u16::to_be_bytes), false),
        (latin, true),
    ] {
        let tree = images("M\u{fc}ller#");
        tree.write("labels.csv", &content);
        let found = assert_all_six(&tree, "M\u{fc}ller#", &tree.folder());
        assert_eq!(found.iter().any(|warning| warning.contains("Windows-1252")), is_told, "{found:?}");
        assert_eq!(found.is_empty(), !is_told, "{found:?}");
    }
    let tree = images("img#");
    tree.write("labels.csv", "sep=\nimage,label\nimg0,1\n");
    assert_says(&refusal(&tree.folder()), &["labels CSV", "sep="]);
}

#[test]
fn uncertain_labels_are_left_out_and_counted() {
    let tree = Tree::new();
    let mut rows = "image;label\n".to_owned();
    let labels_of = ["1", "0", "-1", "-1.0", "-1,0", "U", "uncertain", "", "NaN", "n/a", "1,0", "0.0"];
    for (index, label) in labels_of.iter().enumerate() {
        tree.png(&format!("i{index:02}.png"));
        writeln!(rows, "i{index:02};{label}").unwrap();
    }
    tree.write("labels.csv", &rows);
    let cohort = open(&tree.folder()).unwrap();
    let expected = [("i00", true), ("i01", false), ("i10", true), ("i11", false)];
    assert_eq!(labels(&cohort), expected.map(|(id, label)| (id, Some(label))));
    let of = |reason| left_out(&cohort).iter().filter(|(found, ..)| *found == reason).count();
    assert_eq!((of(Reason::Uncertain), of(Reason::Unlabelled)), (5, 3));
    assert!(warns(&cohort, &["labels CSV, lines 4, 5, 6, 7, 8", "uncertain"]), "{:?}", warnings(&cohort));
    // An uncertain row and a certain one are no repetition.
    tree.write("labels.csv", "image,label\ni00,1\ni00,-1\ni01,0\n");
    assert_eq!(labels(&open(&tree.folder()).unwrap()), [("i01", Some(false))]);
}

#[test]
fn a_bad_box_drops_its_image_alone() {
    let tree = images("img#");
    tree.write("labels.csv", "image,label\nimg0,1\nimg1,1\nimg2,1\nimg3,1\nimg4,0\nimg5,1\n");
    for (bad, told) in [
        ("two,1,2,3", "column x: this is no finite number"),
        ("1,inf,2,3", "column y: this is no finite number"),
        ("1,1,0,3", "column width: a box needs a size above 0"),
        ("1,1,2,-3", "column height: a box needs a size above 0"),
        ("1,1,,3", "column width: the box has no such value"),
        ("\"1,024\",1,2,3", "column x: a comma in a number has two meanings"),
        ("99,1,2,3", "outside its image"),
        ("-9,1,2,3", "outside its image"),
    ] {
        tree.write(
            "boxes.csv",
            format!("image,x,y,width,height\nimg0,1,1,2,2\nimg1,{bad}\nimg1,1,1,2,2\nimg2,1,2,3,4\n"),
        );
        let cohort = open(&tree.folder()).unwrap();
        assert_eq!(labels(&cohort).len(), 5, "{bad}: {:?}", warnings(&cohort));
        let excluded = left_out(&cohort);
        assert!(
            matches!(excluded[..], [(Reason::BadBox | Reason::BoxOutside, "img1", Some(3))]),
            "{bad}: {excluded:?}"
        );
        assert!(warns(&cohort, &["boxes CSV, line 3", told]), "{bad}: {:?}", warnings(&cohort));
    }
    // The decimal comma of German and French spreadsheets.
    tree.write("boxes.csv", "image;x;y;width;height\nimg0;1,5;2,0;2,25;1\nimg1;1;2;3;3\n");
    let cohort = open(&tree.folder()).unwrap();
    let found = cohort.boxes(case(&cohort, "img0"))[0];
    let sides = [found.x_px, found.y_px, found.width_px, found.height_px].map(|side| side.to_string());
    assert_eq!(sides, ["1.5", "2", "2.25", "1"]);
    assert!(warns(&cohort, &["boxes CSV, line 2", "decimal comma"]), "{:?}", warnings(&cohort));
    tree.write("boxes.csv", "image,x,y,width,height\nimg0,1,5,2,0,2,25,1\n");
    assert_says(&refusal(&tree.folder()), &["boxes CSV, line 2", "8 fields", "decimal comma"]);
}

/// Columns `from..to` of 8 are marked.
fn mask(tree: &Tree, relative: &str, from: u32, to: u32) {
    tree.picture(relative, 8, 8, |x, _| if (from..to).contains(&x) { 255 } else { 0 });
}

#[test]
fn masks_with_other_words_in_their_names() {
    for (name, folder) in [
        ("img#_mask", "masks"),
        ("IMG#-Mask", "masks"),
        ("mask_img#", "masks"),
        ("img#_seg", "Masks"),
        ("sub/img#.label", "masks"),
        ("img#_left", "masks"),
    ] {
        let tree = images("img#");
        for index in [1, 3, 5] {
            mask(&tree, &format!("{folder}/{}.png", name.replace('#', &index.to_string())), 0, 3);
        }
        mask(&tree, &format!("{folder}/other_mask.png"), 0, 3);
        let cohort = open(&tree.folder()).unwrap();
        assert_eq!(labels(&cohort), [("img1", Some(true)), ("img3", Some(true)), ("img5", Some(true))], "{name}");
        assert_eq!(cohort.mask_at_own_size(case(&cohort, "img1")).unwrap().area_px(), 24);
        assert!(warns(&cohort, &["masks without an image of exactly their name", "3"]), "{:?}", warnings(&cohort));
        assert!(warns(&cohort, &["masks without an image of the same name: 1"]), "{:?}", warnings(&cohort));
    }
}

#[test]
fn parts_of_masks_are_joined() {
    for (left, right) in [
        ("img1_left", "img1_right"),
        ("img1_mask_L", "img1_mask_R"),
        ("left/img1", "right/img1"),
        ("leftMask/img1", "rightMask/img1"),
        ("Left lung/img1_mask", "Right lung/img1_mask"),
    ] {
        let tree = images("img#");
        mask(&tree, &format!("masks/{left}.png"), 0, 2);
        mask(&tree, &format!("masks/{right}.png"), 5, 8);
        let cohort = open(&tree.folder()).unwrap();
        assert_eq!(labels(&cohort), [("img1", Some(true))], "{left}: {:?}", warnings(&cohort));
        let mask = cohort.mask_at_own_size(case(&cohort, "img1")).unwrap();
        assert_eq!(mask.area_px(), 5 * 8, "{left}");
        assert!(mask.pixels()[1] && !mask.pixels()[3] && mask.pixels()[6]);
        assert!(warns(&cohort, &["left and a right part", "1"]), "{:?}", warnings(&cohort));
    }
    // Parts that cannot be told apart, and parts of different sizes.
    for [one, two] in [["img1_mask", "img1_seg"], ["img1_left", "img1_mask_left"], ["img1_left", "img1_mask"]] {
        let tree = images("img#");
        mask(&tree, &format!("masks/{one}.png"), 0, 2);
        mask(&tree, &format!("masks/{two}.png"), 5, 8);
        mask(&tree, "masks/img0.png", 5, 8);
        let cohort = open(&tree.folder()).unwrap();
        assert_eq!(labels(&cohort), [("img0", Some(true))], "{one}");
        assert!(warns(&cohort, &["several masks", "1"]), "{:?}", warnings(&cohort));
    }
    let tree = images("img#");
    mask(&tree, "masks/img0.png", 5, 8);
    mask(&tree, "masks/img1_left.png", 0, 2);
    tree.picture("masks/img1_right.png", 4, 4, |_, _| 255);
    let cohort = open(&tree.folder()).unwrap();
    assert!(left_out(&cohort).contains(&(Reason::DamagedMask, "img1", None)), "{:?}", left_out(&cohort));
}

#[test]
fn masks_beside_their_images_are_told() {
    let tree = images("img#");
    tree.png("img1_mask.png").png("img3_mask.png").png("maskless.png");
    let cohort = open(&tree.folder()).unwrap();
    assert_eq!(cohort.cases().len(), 9, "they are images as before");
    assert!(warns(&cohort, &["named like masks", "2"]), "{:?}", warnings(&cohort));
}

#[test]
fn what_was_found_survives_an_error() {
    let tree = images("img#");
    tree.write("labels.csv", "image,label\nimg0,-1\nimg1,\nimg9,1\n");
    let error = open(&tree.folder()).unwrap_err();
    assert!(matches!(&error, Error::Explained { problem, .. } if matches!(**problem, Error::Nothing { .. })));
    assert_eq!(error.path(), Some(tree.path()));
    assert_says(&error.without_path(), &["nothing usable", "uncertain"]);
    let findings = error.findings().unwrap();
    assert_eq!(findings.exclusions.len(), 7);
    // Of another kind of error, too: the table before was read already.
    tree.write("labels.csv", "image,label\nimg0,1\nimg0,1\n");
    tree.write("boxes.csv", "image,x,y,width\n");
    let error = open(&tree.folder()).unwrap_err();
    assert_says(&error.to_string(), &["boxes CSV", "no column height"]);
    assert!(error.findings().is_some_and(|findings| findings.warnings[0].to_string().contains("line 3")));
}
