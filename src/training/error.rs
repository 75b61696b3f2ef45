//! What can go wrong in a training.

use std::path::PathBuf;

use super::loss;
use crate::files::words;
use crate::{cohort, figure, network};

/// Result of a step of training.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a training, as one sentence the user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cohort.
    #[error(transparent)]
    Cohort(#[from] cohort::Error),
    /// The network or its device.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// A loss.
    #[error(transparent)]
    Loss(#[from] loss::Error),
    /// The curve.
    #[error(transparent)]
    Figure(#[from] figure::Error),
    /// Nothing to learn from.
    #[error("no image of the {split} split can be used{reason}")]
    NoImages {
        /// The split.
        split: &'static str,
        /// Why not, in parentheses, as far as there is one reason.
        reason: String,
    },
    /// Images of one kind only.
    #[error("the {split} split has {found}{}; both images with and without the finding are needed", of_finding(*finding))]
    OneClass {
        /// The split.
        split: &'static str,
        /// Which of several findings or classes, from 0.
        finding: Option<usize>,
        /// What it has, in words.
        found: String,
    },
    /// A setting out of range.
    #[error("{field} {problem}")]
    Settings {
        /// The setting.
        field: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },
    /// The loss or the gradient became NaN or infinite too often.
    #[error("the training diverged in epoch {epoch} (the {what} is not finite); try a lower learning rate")]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// Loss or gradient.
        what: &'static str,
    },
    /// A checkpoint that belongs to another training or is damaged.
    #[error("the checkpoint cannot be used: {problem}: {}", path.display())]
    Checkpoint {
        /// What is wrong.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// Prepared images that could not be kept on the disk.
    #[error(
        "the prepared images could not be kept in a file beside the output ({}); make room there, or let them take more memory \
         (--memory)",
        words(.0)
    )]
    Pixels(std::io::Error),
    /// A file that could not be read or written.
    #[error("{action} failed ({}): {}", words(source), path.display())]
    Io {
        /// What failed.
        action: &'static str,
        /// The system's words.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The caller said stop.
    #[error("interrupted")]
    Cancelled,
}

fn of_finding(finding: Option<usize>) -> String {
    finding.map_or_else(String::new, |finding| format!(" (number {} of --task)", finding + 1))
}
