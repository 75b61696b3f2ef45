//! Why a file of another program gave no model, each as one sentence the user can act on.

use std::path::{Path, PathBuf};

use crate::network;

/// Result of reading a file of another program.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that gave no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("the weights cannot be read ({0})")]
    Io(#[from] crate::files::Error),
    /// Larger than any file that is read.
    #[error("the file is larger than {} GiB", crate::limits::FOREIGN_WEIGHTS_BYTES >> 30)]
    TooLarge,
    /// Neither of the formats.
    #[error(
        "the content is neither a PyTorch file (.pth, .pt), safetensors, a Keras file (.h5, .keras) nor an ONNX file, whatever \
         it is called"
    )]
    UnknownFormat,
    /// The bytes break the rules of their format.
    #[error("the {format} file is truncated or damaged ({problem})")]
    Damaged {
        /// Format of the file.
        format: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A whole file of a kind that is not read; says what to do.
    #[error("{0}")]
    Unsupported(String),
    /// The weights of another network.
    #[error("these are no weights of {architecture}: {problem}")]
    OtherNetwork {
        /// The network it was taken for.
        architecture: network::Architecture,
        /// What differs.
        problem: String,
    },
    /// The weights do not fit the network.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// Something is wrong with one file.
    #[error("{problem}: {}", path.display())]
    File {
        /// What is wrong.
        problem: Box<Error>,
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// Adds the file it happened in.
    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::File { problem: Box::new(self), path: path.to_owned() }
    }

    /// What is wrong, without the name of the file, which may be a patient's.
    pub fn without_path(&self) -> String {
        match self {
            Self::File { problem, .. } => problem.without_path(),
            Self::Network(error) => error.without_path(),
            other => other.to_string(),
        }
    }
}
