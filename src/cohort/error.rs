//! Why a cohort could not be opened or a case not be read, each as one sentence the user can act on.

use std::path::{Path, PathBuf};

use super::notes::{Findings, first_warnings};
use super::rle::RleError;
use super::table::TableRole;
use crate::radiograph;

/// Result of reading a cohort.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a cohort as a whole, or of one case of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is not there or is none.
    #[error("{problem}: {}", path.display())]
    Folder {
        /// What is wrong with it.
        problem: String,
        /// The folder.
        path: PathBuf,
    },
    /// A CSV file that cannot be used as it is.
    #[error("{role}{place}: {problem}: {}", path.display())]
    Table {
        /// What the file is for.
        role: TableRole,
        /// `, line 7, column Target`, as far as it is known.
        place: String,
        /// What is wrong.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// No CSV file with the columns that the data set needs.
    #[error("no CSV file with the columns {columns} is in the folder or one level below ({usual} in the original): {}", path.display())]
    NoTable {
        /// The columns.
        columns: &'static str,
        /// The file's usual name.
        usual: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// Several files could be meant.
    #[error("{count} files could be the {role}; {advice}: {}", path.display())]
    Ambiguous {
        /// How many.
        count: usize,
        /// What they could be.
        role: TableRole,
        /// What to do.
        advice: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// A cohort that could not be opened, with what was found before.
    #[error("{problem}")]
    Explained {
        /// Why.
        problem: Box<Self>,
        /// What was left out, and what was odd.
        findings: Box<Findings>,
    },
    /// It is not clear which finding of several is meant, or what was asked for is none of them.
    #[error("{problem}; there are {}: choose one with --task (`cohort.task` in a protocol)", listed(known))]
    Tasks {
        /// What is not clear.
        problem: String,
        /// The findings there are.
        known: Vec<String>,
    },
    /// Not one case is left.
    #[error("nothing usable is in the cohort ({found}); `saliscope cohort --list-excluded` names what was left out: {}", path.display())]
    Nothing {
        /// What was found instead.
        found: String,
        /// The folder.
        path: PathBuf,
    },
    /// Masks or boxes that were drawn on images of another size.
    #[error(
        "{misfits} of {all} masks or boxes do not fit their images, so they were drawn on images of another size: give \
         that as the truth size (1024x1024 for the original sets)"
    )]
    OtherSize {
        /// How many lie outside.
        misfits: usize,
        /// Of how many.
        all: usize,
    },
    /// Options that contradict the cohort.
    #[error("{0}")]
    Options(String),
    /// The image of a case.
    #[error(transparent)]
    Radiograph(#[from] radiograph::Error),
    /// A mask file.
    #[error("the mask {problem}: {}", path.display())]
    MaskFile {
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// A run-length code that does not fit its image.
    #[error("the mask cannot be used: {0}")]
    Rle(#[from] RleError),
    /// The truth of a case is not known or contradicts its label.
    #[error("{0}")]
    Truth(&'static str),
    /// A mask of no pixels was asked for.
    #[error("a mask of {width_px}x{height_px} pixels (width x height) cannot be made")]
    MaskSize {
        /// Rows asked for.
        height_px: usize,
        /// Columns asked for.
        width_px: usize,
    },
    /// The caller said stop.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// Names of findings that a sentence lists.
const NAMES_LISTED: usize = 40;

fn listed(names: &[String]) -> String {
    let text = names.iter().take(NAMES_LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMES_LISTED) {
        Some(more @ 1..) => format!("{text} and {more} more"),
        _ => text,
    }
}

impl Error {
    /// The file or folder it is about, whose name may be a patient's.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Folder { path, .. }
            | Self::Table { path, .. }
            | Self::NoTable { path, .. }
            | Self::Ambiguous { path, .. }
            | Self::Nothing { path, .. }
            | Self::MaskFile { path, .. } => Some(path),
            Self::Radiograph(error) => Some(&error.path),
            Self::Explained { problem, .. } => problem.path(),
            Self::OtherSize { .. }
            | Self::Options(_)
            | Self::Tasks { .. }
            | Self::Rle(_)
            | Self::Truth(_)
            | Self::MaskSize { .. }
            | Self::Interrupted => None,
        }
    }

    /// The findings of which one has to be chosen, where that is what is missing.
    pub fn findings_to_choose(&self) -> Option<&[String]> {
        match self {
            Self::Tasks { known, .. } => Some(known),
            Self::Explained { problem, .. } => problem.findings_to_choose(),
            _ => None,
        }
    }

    /// What was left out and what was odd before a cohort could not be opened.
    pub fn findings(&self) -> Option<&Findings> {
        if let Self::Explained { findings, .. } = self { Some(findings) } else { None }
    }

    /// What went wrong with one case, without the file's name, which may be a patient's; of a whole cohort, with the
    /// first of its warnings.
    pub fn without_path(&self) -> String {
        match self {
            Self::Folder { problem, .. } => problem.clone(),
            Self::Radiograph(error) => error.problem.to_string(),
            Self::Explained { problem, findings } => problem.without_path() + &first_warnings(&findings.warnings),
            Self::MaskFile { problem, .. } => format!("the mask {problem}"),
            Self::Table { role, place, problem, .. } => format!("{role}{place}: {problem}"),
            Self::NoTable { columns, .. } => format!("no CSV file with the columns {columns} is there"),
            Self::Ambiguous { count, role, .. } => format!("{count} files could be the {role}"),
            Self::Nothing { found, .. } => {
                format!(
                    "nothing usable is in the cohort ({found}); `saliscope cohort --list-excluded` names what was left out"
                )
            }
            Self::OtherSize { .. }
            | Self::Options(_)
            | Self::Tasks { .. }
            | Self::Rle(_)
            | Self::Truth(_)
            | Self::MaskSize { .. }
            | Self::Interrupted => self.to_string(),
        }
    }
}
