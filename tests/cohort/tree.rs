//! Synthetic folders: images of any size without any content, and tables as text.

use std::path::{Path, PathBuf};

use saliscope::cohort::{Case, Cohort, CohortOptions, CohortSpec, Error, Reason, Split};
use tempfile::TempDir;

/// A folder that goes when the test ends.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, relative: &str) -> PathBuf {
        self.path().join(relative)
    }

    /// Writes a file and the folders above it.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.at(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A DICOM file of `rows` x `columns` pixels whose patient is `patient`.
    pub(crate) fn dicom(&self, relative: &str, rows: u16, columns: u16, patient: &str) -> &Self {
        self.write(relative, dicom(rows, columns, patient))
    }

    /// A gray picture in the format of its extension, with the pixels that `level` says.
    pub(crate) fn picture(&self, relative: &str, rows: u32, columns: u32, level: impl Fn(u32, u32) -> u8) -> &Self {
        let path = self.at(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::GrayImage::from_fn(columns, rows, |x, y| image::Luma([level(x, y)])).save(path).unwrap();
        self
    }

    /// A picture without content.
    pub(crate) fn png(&self, relative: &str) -> &Self {
        self.picture(relative, 8, 8, |x, y| (x * 8 + y) as u8)
    }

    pub(crate) fn siim(&self) -> CohortSpec {
        CohortSpec::Siim(self.path().to_owned())
    }

    pub(crate) fn rsna(&self) -> CohortSpec {
        CohortSpec::Rsna(self.path().to_owned())
    }

    pub(crate) fn folder(&self) -> CohortSpec {
        CohortSpec::Folder(self.path().to_owned())
    }
}

/// A DICOM file, explicit little endian, 8 bits, black.
pub(crate) fn dicom(rows: u16, columns: u16, patient: &str) -> Vec<u8> {
    secondary_capture("1.2.840.10008.5.1.4.1.1.7", rows, columns, patient)
}

/// The table of contents of DICOM media.
pub(crate) fn dicomdir() -> Vec<u8> {
    file("1.2.840.10008.1.3.10", &element(0x0004, 0x1130, *b"CS", b"TEST"))
}

fn secondary_capture(class: &str, rows: u16, columns: u16, patient: &str) -> Vec<u8> {
    let mut data = element(0x0008, 0x0016, *b"UI", class.as_bytes());
    data.extend(element(0x0008, 0x0018, *b"UI", b"2.25.1"));
    data.extend(element(0x0008, 0x0060, *b"CS", b"CR"));
    data.extend(element(0x0010, 0x0020, *b"LO", patient.as_bytes()));
    data.extend(element(0x0028, 0x0002, *b"US", &1_u16.to_le_bytes()));
    data.extend(element(0x0028, 0x0004, *b"CS", b"MONOCHROME2"));
    data.extend(element(0x0028, 0x0010, *b"US", &rows.to_le_bytes()));
    data.extend(element(0x0028, 0x0011, *b"US", &columns.to_le_bytes()));
    for (number, value) in [(0x0100, 8_u16), (0x0101, 8), (0x0102, 7), (0x0103, 0)] {
        data.extend(element(0x0028, number, *b"US", &value.to_le_bytes()));
    }
    let pixels = vec![0; rows as usize * columns as usize];
    data.extend(element(0x7fe0, 0x0010, *b"OB", &pixels));
    file(class, &data)
}

fn file(class: &str, data: &[u8]) -> Vec<u8> {
    let mut meta = element(0x0002, 0x0001, *b"OB", &[0, 1]);
    meta.extend(element(0x0002, 0x0002, *b"UI", class.as_bytes()));
    meta.extend(element(0x0002, 0x0003, *b"UI", b"2.25.1"));
    meta.extend(element(0x0002, 0x0010, *b"UI", b"1.2.840.10008.1.2.1"));
    meta.extend(element(0x0002, 0x0012, *b"UI", b"2.25.2"));
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(element(0x0002, 0x0000, *b"UL", &(meta.len() as u32).to_le_bytes()));
    bytes.extend(meta);
    bytes.extend(data);
    bytes
}

fn element(group: u16, number: u16, kind: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(group.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(kind);
    let even = value.len().next_multiple_of(2);
    if &kind == b"OB" {
        bytes.extend([0, 0]);
        bytes.extend((even as u32).to_le_bytes());
    } else {
        bytes.extend((even as u16).to_le_bytes());
    }
    bytes.extend(value);
    if even > value.len() {
        bytes.push(if &kind == b"UI" || &kind == b"OB" { 0 } else { b' ' });
    }
    bytes
}

pub(crate) fn open(spec: &CohortSpec) -> Result<Cohort, Error> {
    open_with(spec, &CohortOptions::default())
}

pub(crate) fn open_with(spec: &CohortSpec, options: &CohortOptions) -> Result<Cohort, Error> {
    Cohort::open(spec, options, &())
}

/// Ids, labels.
pub(crate) fn labels(cohort: &Cohort) -> Vec<(&str, Option<bool>)> {
    cohort.cases().iter().map(|case| (case.id.as_str(), case.label)).collect()
}

/// Reason, id and line of everything that was left out.
pub(crate) fn left_out(cohort: &Cohort) -> Vec<(Reason, &str, Option<u64>)> {
    cohort.exclusions().iter().map(|exclusion| (exclusion.reason, exclusion.id.as_str(), exclusion.line)).collect()
}

pub(crate) fn warnings(cohort: &Cohort) -> Vec<String> {
    cohort.warnings().iter().map(ToString::to_string).collect()
}

/// Whether one warning holds all of `words`.
pub(crate) fn warns(cohort: &Cohort, words: &[&str]) -> bool {
    warnings(cohort).iter().any(|warning| words.iter().all(|word| warning.contains(word)))
}

pub(crate) fn case<'a>(cohort: &'a Cohort, id: &str) -> &'a Case {
    cohort.case(id).unwrap()
}

pub(crate) fn split_of(cohort: &Cohort, id: &str) -> Option<Split> {
    case(cohort, id).split
}

/// The message of a cohort that must not open.
pub(crate) fn refusal(spec: &CohortSpec) -> String {
    open(spec).map(|cohort| warnings(&cohort)).unwrap_err().to_string()
}

/// Fails unless `message` holds all of `words`.
pub(crate) fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}
