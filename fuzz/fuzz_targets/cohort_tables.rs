//! Any bytes as the tables of labels and boxes of a data set in a folder, beside six images.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use saliscope::cohort::{Cohort, CohortOptions};

/// An NPY array of 2 x 2 bytes.
const IMAGE: &[u8] = b"\x93NUMPY\x01\x00\x3e\x00{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }  \n\x01\x02\x03\x04";

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("saliscope-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    for name in ["img0", "img1", "0002", "0003", "Jos\u{e9}", "a b"] {
        write(&folder, &format!("{name}.npy"), IMAGE);
    }
    folder
});

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).expect("a temporary file can be written");
}

fuzz_target!(|tables: (&[u8], &[u8])| {
    let (labels, boxes) = tables;
    write(&FOLDER, "labels.csv", labels);
    write(&FOLDER, "boxes.csv", boxes);
    let spec = format!("folder:{}", FOLDER.display()).parse().expect("it names a folder");
    let _ = Cohort::open(&spec, &CohortOptions::default(), &());
});
