//! Where a case comes from.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cohort::{self, Cohort};
use crate::phantom::PhantomSpec;
use crate::radiograph::{ArchiveEntry, ImagePlace};

/// Where a case comes from; opening it reads the pixels.
#[derive(Clone)]
pub enum CaseSource {
    /// A file of its own.
    File(PathBuf),
    /// A file inside a zip archive.
    Entry(ArchiveEntry),
    /// A case of a cohort.
    Cohort {
        /// The cohort.
        cohort: Arc<Cohort>,
        /// Position of the case in it.
        index: usize,
    },
    /// A generated radiograph.
    Phantom(PhantomSpec),
}

impl CaseSource {
    /// What a list calls it: the file's name, the id within the cohort, or the phantom's number. For the screen only.
    pub fn title(&self) -> String {
        match self {
            Self::File(path) => {
                path.file_name().map_or_else(|| "image".to_owned(), |name| name.to_string_lossy().into_owned())
            }
            Self::Entry(entry) => entry.file_name().to_owned(),
            Self::Cohort { .. } => self.case().map_or_else(String::new, |case| case.id.clone()),
            Self::Phantom(spec) => format!("Phantom {}", spec.index),
        }
    }

    /// Whether the finding is there, where somebody said.
    pub fn label(&self) -> Option<bool> {
        match self {
            Self::File(_) | Self::Entry(_) => None,
            Self::Cohort { .. } => self.case().and_then(|case| case.label),
            Self::Phantom(spec) => Some(spec.finding.task().is_some()),
        }
    }

    /// Whether it is a generated image, as far as that is known before a file of its own is read.
    pub fn is_phantom(&self) -> Option<bool> {
        match self {
            Self::File(_) | Self::Entry(_) => None,
            Self::Cohort { .. } => self.case().map(|case| case.is_phantom),
            Self::Phantom(_) => Some(true),
        }
    }

    /// The case of a cohort.
    pub fn case(&self) -> Option<&cohort::Case> {
        match self {
            Self::Cohort { cohort, index } => cohort.cases().get(*index),
            Self::File(_) | Self::Entry(_) | Self::Phantom(_) => None,
        }
    }

    /// What names it wherever it lies: the file's name, the id within a cohort, the numbers of a phantom. For draws.
    pub(super) fn name_bytes(&self) -> Vec<u8> {
        match self {
            Self::File(path) => path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default(),
            Self::Entry(entry) => entry.name.clone().into_bytes(),
            Self::Cohort { .. } => self.case().map(|case| case.id.clone().into_bytes()).unwrap_or_default(),
            Self::Phantom(PhantomSpec { seed, index, size_px, finding }) => {
                format!("phantom {seed} {index} {size_px} {finding:?}").into_bytes()
            }
        }
    }

    /// The file the pixels are in, where they are in one: the image, or its archive.
    pub fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Entry(entry) => Some(&entry.archive),
            Self::Cohort { .. } => self.case().and_then(cohort::Case::path),
            Self::Phantom(_) => None,
        }
    }
}

impl From<ImagePlace> for CaseSource {
    fn from(place: ImagePlace) -> Self {
        match place {
            ImagePlace::File(path) => Self::File(path),
            ImagePlace::Entry(entry) => Self::Entry(entry),
        }
    }
}
