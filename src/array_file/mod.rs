//! NumPy's array files: `.npy` and `.npz`, read with suspicion and written so that every NumPy opens them.

mod npy;
mod npy_header;
mod npy_write;
mod npz;
mod npz_read;

pub use npy::{NPY_MAGIC, NpyArray, NpyValues};
pub use npy_write::{NpyElement, write_npy};
pub use npz::NpzWriter;
pub use npz_read::NpzReader;

use crate::files::words;

/// Result of reading or writing an array file.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an array file could not be read or written; the path is added by whoever opened it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not NumPy's format, or a header that says nonsense.
    #[error("the NPY header cannot be understood ({reason})")]
    Header {
        /// What was wrong.
        reason: String,
    },
    /// Elements of a type that is not read.
    #[error("the NPY elements have type {found}; save the array as whole or floating-point numbers of up to 64 bits")]
    ElementType {
        /// NumPy's name of the type.
        found: String,
    },
    /// More elements than allowed.
    #[error("the NPY array of shape {shape:?} is larger than the {limit_mib} MiB that are read")]
    TooLarge {
        /// Shape in the header.
        shape: Vec<u64>,
        /// Bytes allowed, in MiB.
        limit_mib: usize,
    },
    /// Fewer bytes than the header promises.
    #[error("the NPY file is truncated: shape {shape:?} needs {expected} bytes of data and {found} are there")]
    Truncated {
        /// Shape in the header.
        shape: Vec<usize>,
        /// Bytes of data promised.
        expected: usize,
        /// Bytes of data found.
        found: usize,
    },
    /// The operating system refused.
    #[error("the array file could not be written ({})", words(source))]
    Write {
        /// Its words.
        #[from]
        source: std::io::Error,
    },
    /// The archive around the arrays cannot be read.
    #[error("the NPZ archive cannot be read ({source})")]
    OpenArchive {
        /// The reader's words.
        source: zip::result::ZipError,
    },
    /// The archive around the arrays could not be written.
    #[error("the NPZ archive could not be written ({source})")]
    Archive {
        /// The writer's words.
        source: zip::result::ZipError,
    },
}

impl From<zip::result::ZipError> for Error {
    fn from(source: zip::result::ZipError) -> Self {
        match source {
            zip::result::ZipError::Io(source) => Self::Write { source },
            source => Self::Archive { source },
        }
    }
}
