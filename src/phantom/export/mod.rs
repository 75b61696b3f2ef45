//! Phantoms as files: the layouts of the two public data sets and of a plain folder.
//!
//! ```text
//! siim/dicom-images-train/<study>/<series>/<image>.dcm   siim/train-rle.csv
//! siim/dicom-images-test/<study>/<series>/<image>.dcm    without rows, as in the original
//! rsna/stage_2_train_images/<patient>.dcm                rsna/stage_2_train_labels.csv, stage_2_detailed_class_info.csv
//! rsna/stage_2_test_images/<patient>.dcm                 without rows
//! png/images/*.png, png/masks/*.png                      png/labels.csv, png/boxes.csv
//! nih/images_001/images/*.png, nih/*.csv, nih/*.txt      where asked for: as ChestX-ray14
//! vindr/train/*.dicom, vindr/test/*.dicom                where asked for: as VinDr-CXR
//! vindr/annotations/annotations_{train,test}.csv
//! siim_splits.csv, rsna_splits.csv                       in the form of the study's authors
//! phantoms.csv                                           what each phantom is
//! ```
//!
//! A file's bytes are a function of seed, index, size and finding. Every radiograph carries the mark of generated images.

mod dicom;
mod further;
mod identity;
mod raster;
mod run_length;
mod tables;

use std::path::PathBuf;

use identity::{Identity, Set};
use tables::Record;

use super::{Finding, PhantomCohort, Split, generate};
use crate::radiograph::phantom_mark::marked_png;

/// Result of an export.
pub type Result<T> = std::result::Result<T, Error>;

/// A phantom that could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As DICOM.
    #[error("phantom {index} could not be written as DICOM ({problem})")]
    Dicom {
        /// Which phantom.
        index: u64,
        /// The encoder's words.
        problem: String,
    },
    /// As PNG.
    #[error("phantom {index} could not be written as PNG ({source})")]
    Png {
        /// Which phantom.
        index: u64,
        /// The encoder's words.
        source: image::ImageError,
    },
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Path below the folder of the export.
    pub path: PathBuf,
    /// Content.
    pub bytes: Vec<u8>,
}

/// One phantom as files, and its rows for the tables.
#[derive(Clone, Debug)]
pub struct ExportedPhantom {
    /// Images and masks.
    pub files: Vec<ExportedFile>,
    record: Record,
}

/// A cohort to be written as files.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    cohort: PhantomCohort,
    only: Option<Finding>,
    size_px: usize,
    has_nih: bool,
    has_vindr: bool,
}

impl Export {
    /// `count` phantoms of `size_px` rows; with one finding only its layout, else both.
    pub fn new(seed: u64, count: usize, size_px: usize, only: Option<Finding>) -> Self {
        let of_one = |finding| PhantomCohort::of_finding(seed, count, finding);
        Self {
            cohort: only.map_or(PhantomCohort::new(seed, count), of_one),
            only,
            size_px,
            has_nih: false,
            has_vindr: false,
        }
    }

    /// The same, also in the layouts of ChestX-ray14 and `VinDr-CXR` where these are wanted.
    #[must_use]
    pub fn also(self, has_nih: bool, has_vindr: bool) -> Self {
        Self { has_nih, has_vindr, ..self }
    }

    /// Phantoms to be written: those asked for, and a tenth more without labels, for the folders of test images.
    pub fn len(&self) -> u64 {
        (self.cohort.len() + self.cohort.len().div_ceil(10)) as u64
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.cohort.is_empty()
    }

    /// Generates and encodes one phantom.
    ///
    /// # Errors
    /// When an encoder fails.
    ///
    /// # Panics
    /// When the size is outside [`super::PhantomSpec::SIZES_PX`].
    pub fn phantom(&self, index: u64) -> Result<ExportedPhantom> {
        let spec = self.cohort.spec(index, self.size_px);
        let phantom = generate(&spec);
        let identity = Identity::of(&spec);
        let is_labelled = index < self.cohort.len() as u64;
        let mut files = Vec::new();
        let mut add = |path: String, bytes| files.push(ExportedFile { path: path.into(), bytes });
        if self.has(Finding::Pneumothorax) {
            let [study, series, image] = identity.uids(Set::Siim);
            let folder = if is_labelled { "dicom-images-train" } else { "dicom-images-test" };
            let bytes = dicom::encode(&phantom, &identity, Set::Siim)
                .map_err(|problem| Error::Dicom { index, problem: problem.to_string() })?;
            add(format!("siim/{folder}/{study}/{series}/{image}.dcm"), bytes);
        }
        if self.has(Finding::Pneumonia) {
            let folder = if is_labelled { "stage_2_train_images" } else { "stage_2_test_images" };
            let bytes = dicom::encode(&phantom, &identity, Set::Rsna)
                .map_err(|problem| Error::Dicom { index, problem: problem.to_string() })?;
            add(format!("rsna/{folder}/{}.dcm", identity.patient), bytes);
        }
        if is_labelled {
            let stem = tables::stem(index);
            let png = |source| Error::Png { index, source };
            let gray = marked_png(raster::encode(&phantom.gray, self.size_px).map_err(png)?);
            if self.has_nih {
                add(format!("nih/images_001/images/{}", further::nih_image(index)), gray.clone());
            }
            add(format!("png/images/{stem}.png"), gray);
            if self.has_vindr {
                let folder = if self.cohort.split(index) == Split::Test { "test" } else { "train" };
                let bytes = dicom::encode(&phantom, &identity, Set::Rsna)
                    .map_err(|problem| Error::Dicom { index, problem: problem.to_string() })?;
                add(format!("vindr/{folder}/{}.dicom", further::vindr_image(index)), bytes);
            }
            if let Some(mask) = &phantom.mask {
                let values: Vec<u8> = mask.pixels().iter().map(|marked| if *marked { 255 } else { 0 }).collect();
                add(format!("png/masks/{stem}.png"), raster::encode(&values, self.size_px).map_err(png)?);
            }
        }
        let record = Record::new(&phantom, &identity, index, is_labelled, self.cohort.split(index));
        Ok(ExportedPhantom { files, record })
    }

    /// The tables about `phantoms`, which are all in the order of their index.
    pub fn tables(&self, phantoms: &[ExportedPhantom]) -> Vec<ExportedFile> {
        let records: Vec<&Record> = phantoms.iter().map(|phantom| &phantom.record).collect();
        let labelled: Vec<&Record> = records.iter().copied().filter(|record| record.is_labelled).collect();
        let mut files = Vec::new();
        let mut add = |path: &str, text: String| {
            files.push(ExportedFile { path: path.into(), bytes: text.into_bytes() });
        };
        if self.has(Finding::Pneumothorax) {
            add("siim/train-rle.csv", tables::run_lengths(&labelled));
            add("siim_splits.csv", tables::siim_splits(&labelled));
        }
        if self.has(Finding::Pneumonia) {
            add("rsna/stage_2_train_labels.csv", tables::rsna_labels(&labelled));
            add("rsna/stage_2_detailed_class_info.csv", tables::rsna_classes(&labelled));
            add("rsna_splits.csv", tables::rsna_splits(&labelled));
        }
        add("png/labels.csv", tables::folder_labels(&labelled));
        if self.has(Finding::Pneumonia) {
            add("png/boxes.csv", tables::folder_boxes(&labelled));
        }
        if self.has_nih {
            add("nih/Data_Entry_2017_v2020.csv", further::nih_labels(&labelled, self.size_px));
            add("nih/BBox_List_2017.csv", further::nih_boxes(&labelled, self.size_px));
            add("nih/train_val_list.txt", further::nih_list(&labelled, false));
            add("nih/test_list.txt", further::nih_list(&labelled, true));
        }
        if self.has_vindr {
            for (name, is_test) in [("train", false), ("test", true)] {
                let table = further::vindr_annotations(&labelled, is_test, self.size_px);
                add(&format!("vindr/annotations/annotations_{name}.csv"), table);
            }
        }
        add("phantoms.csv", tables::phantoms(&records));
        files
    }

    fn has(&self, finding: Finding) -> bool {
        self.only.is_none_or(|only| only == finding)
    }
}

impl ExportedPhantom {
    /// What it has.
    pub fn finding(&self) -> Finding {
        self.record.finding
    }

    /// Whether the tables have a row for it.
    pub fn is_labelled(&self) -> bool {
        self.record.is_labelled
    }

    /// Drops the files once they are written.
    #[must_use]
    pub fn without_files(self) -> Self {
        Self { files: Vec::new(), ..self }
    }
}
