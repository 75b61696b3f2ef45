//! Files that lie: nothing here may panic, hang or fill the memory.

use proptest::prelude::*;

use crate::tree::{Tree, assert_says, case, open, refusal};

const NAMES: [&str; 6] = [
    "train-rle.csv",
    "stage_2_train_labels.csv",
    "stage_2_detailed_class_info.csv",
    "labels.csv",
    "boxes.csv",
    "pneumonia_splits.csv",
];

const HEADERS: [&str; 6] = [
    "ImageId, EncodedPixels\n",
    "patientId,x,y,width,height,Target\n",
    "patientId,class\n",
    "image,label,split,patient\n",
    "image,x,y,width,height\n",
    ",Image_ID,Split\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn random_bytes_as_tables(
        tables in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 6),
    ) {
        let tree = Tree::new();
        tree.png("a.png");
        for ((name, header), (with_header, bytes)) in NAMES.iter().zip(HEADERS).zip(tables) {
            let start = if with_header { header.as_bytes() } else { b"" };
            tree.write(name, [start, &bytes].concat());
        }
        for spec in [tree.siim(), tree.rsna(), tree.folder()] {
            let _ = open(&spec);
        }
    }

    #[test]
    fn likely_rows(
        rows in prop::collection::vec("(a|b|c|\"a|,|)[,;\\t]{1,2}(-1|1 2|0 0|1e9|NaN|,,,|1,2,3,4|Normal|train|\\PC{0,9})(,(0|1|x))?", 0..12),
        table in 0_usize..6,
    ) {
        let tree = Tree::new();
        tree.png("a.png").dicom("b.dcm", 8, 8, "p").png("masks/a.png");
        tree.write(NAMES[1], format!("{}a,,,,,0\n", HEADERS[1])).write(NAMES[2], "patientId,class\na,Normal\n");
        tree.write(NAMES[table], format!("{}{}", HEADERS[table], rows.join("\n")));
        for spec in [tree.siim(), tree.rsna(), tree.folder()] {
            if let Ok(cohort) = open(&spec) {
                for case in cohort.cases() {
                    let _ = cohort.mask_at_own_size(case);
                }
            }
        }
    }
}

#[test]
fn an_endless_line_and_an_endless_file() {
    let tree = Tree::new();
    tree.png("a.png");
    let mut content = b"ImageId,EncodedPixels\na,".to_vec();
    content.extend(b"1 2 ".repeat(1 << 20));
    tree.write("train-rle.csv", &content);
    assert_says(&refusal(&tree.siim()), &["masks CSV, line 2", "1 MiB"]);
    // Without a line end at all.
    tree.write("train-rle.csv", vec![b'x'; 3 << 20]);
    assert_says(&refusal(&tree.siim()), &["1 MiB"]);
    // A gigabyte that takes no place on the disk.
    let file = std::fs::File::create(tree.at("train-rle.csv")).unwrap();
    file.set_len(1 << 30).unwrap();
    assert_says(&refusal(&tree.siim()), &["larger than 256 MiB"]);
}

#[test]
fn headers_that_lie() {
    let tree = Tree::new();
    let whole = crate::tree::dicom(4, 4, "p");
    for length in [0, 1, 100, 132, 140, 200, whole.len() - 40] {
        tree.write(&format!("cut{length}.dcm"), &whole[..length]);
    }
    let png = {
        tree.png("whole.png");
        std::fs::read(tree.at("whole.png")).unwrap()
    };
    for length in [0, 8, 20, 40] {
        tree.write(&format!("cut{length}.png"), &png[..length]);
    }
    let mut wide = png.clone();
    wide[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
    tree.write("wide.png", wide);
    let cohort = open(&tree.folder()).unwrap();
    for case in cohort.cases() {
        let _ = cohort.radiograph(case);
    }
    assert!(cohort.radiograph(case(&cohort, "whole")).is_ok());
    assert!(cohort.exclusions().len() >= 8, "{:?}", cohort.exclusions().len());
}
