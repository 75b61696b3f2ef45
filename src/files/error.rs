//! Why a file cannot be read or written, each as one sentence that names nobody.

use std::io::{self, ErrorKind};

/// Result of reading or writing a file.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of reading or writing a file. Holds no path: who asked for the file says which it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has the name.
    #[error("there is no such file")]
    Missing,
    /// A folder has the name.
    #[error("this is a folder; name a file")]
    Folder,
    /// A pipe, a socket or a device, which may have no end.
    #[error("this is no regular file but a pipe, a socket or a device; save what it gives as a file first")]
    NotRegular,
    /// More bytes than are read of such a file.
    #[error("it is larger than {}, the most that is read of such a file", size(*limit_bytes))]
    TooLarge {
        /// Bytes there are, or more.
        found_bytes: u64,
        /// Bytes that are read.
        limit_bytes: u64,
    },
    /// Bytes that are no letters.
    #[error("it is no text in UTF-8; save it as such")]
    NotText,
    /// As large as the memory that is left, or larger.
    #[error("there is no memory for its {}; close other programs", size(*bytes))]
    NoMemory {
        /// Bytes of the file.
        bytes: u64,
    },
    /// The operating system refused.
    #[error("{}", words(.0))]
    System(io::Error),
}

impl Error {
    /// Its kind as the operating system would tell it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing => ErrorKind::NotFound,
            Self::Folder => ErrorKind::IsADirectory,
            Self::NotRegular => ErrorKind::InvalidInput,
            Self::TooLarge { .. } => ErrorKind::FileTooLarge,
            Self::NotText => ErrorKind::InvalidData,
            Self::NoMemory { .. } => ErrorKind::OutOfMemory,
            Self::System(error) => error.kind(),
        }
    }

    /// Whether nothing has the name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Missing,
            ErrorKind::IsADirectory => Self::Folder,
            _ => Self::System(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::System(error) => error,
            other => io::Error::new(other.kind(), other),
        }
    }
}

/// What the operating system said, or where the user can do something about it, what.
pub(crate) fn words(error: &io::Error) -> String {
    advice(error).map_or_else(|| error.to_string(), str::to_owned)
}

/// The same of an error of some crate that may have one of the system's behind it.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut behind = Some(error);
    while let Some(this) = behind {
        if let Some(advice) = this.downcast_ref().and_then(advice) {
            return advice.to_owned();
        }
        behind = this.source();
    }
    error.to_string()
}

fn advice(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "no space is left on the disk; make room there, or write to another one"
        }
        ErrorKind::FileTooLarge if error.raw_os_error().is_some() => {
            "it would be larger than files may be here; raise that limit (`ulimit -f`), or write to another disk"
        }
        ErrorKind::ReadOnlyFilesystem => "nothing can be written to this disk; name a place on another one",
        _ => return None,
    })
}

/// A number of bytes as people say it: whole GiB, MiB or KiB where it is that, else bytes.
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units.into_iter().find(|(bits, _)| bytes >= 1 << bits);
    whole.map_or_else(|| format!("{bytes} bytes"), |(bits, unit)| format!("{} {unit}", bytes >> bits))
}
