//! Whether two openings of a cohort found the same.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::case::{Case, Mark, Source};
use super::{Cohort, Split};
use crate::truth::Task;

impl Cohort {
    /// A hash of the finding and of every case: id, label, split, size, marks, and the lengths of its files; in lower-case
    /// hexadecimal. Pixels are not read: a file whose content changed at the same length goes unnoticed. Folders and their
    /// names do not matter, so copies on several machines have one fingerprint.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"saliscope cohort 1");
        hash.update(match &self.fingerprinted {
            // As the first versions wrote the findings that they knew.
            Some(task) if *task == Task::PNEUMOTHORAX => "Some(Pneumothorax)".to_owned(),
            Some(task) if *task == Task::PNEUMONIA => "Some(Pneumonia)".to_owned(),
            other => format!("{:?}", other.as_ref().map(Task::name)),
        });
        for case in &self.cases {
            add(&mut hash, case);
        }
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

fn add(hash: &mut Sha256, case: &Case) {
    let length = |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.len()).ok();
    hash.update((case.id.len() as u64).to_le_bytes());
    hash.update(&case.id);
    let split = case.split.map(Split::name);
    hash.update(format!("{:?} {:?} {:?} {:?}", case.label, split, case.size_px, case.drawn_on_px));
    match &case.source {
        Source::File(path) => hash.update(format!("file {:?}", length(path))),
        Source::Phantom { spec, .. } => hash.update(format!("{spec:?}")),
    }
    match &case.mark {
        Mark::None => hash.update(format!("{:?}", case.boxes)),
        Mark::Runs(runs) => hash.update(format!("{runs:?}")),
        Mark::Files(paths) => paths.iter().for_each(|path| hash.update(format!("mask {:?}", length(path)))),
    }
}
