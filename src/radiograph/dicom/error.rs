//! Why a DICOM file gave no image, each as one sentence the user can act on.

use dicom_core::Tag;

use crate::radiograph::guard::Failure;

/// Result of reading a DICOM file.
pub type Result<T> = std::result::Result<T, Error>;

/// A DICOM file, or a frame of it, that cannot be read. Names neither the file nor the patient.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("the DICOM file cannot be read ({0})")]
    Io(#[from] std::io::Error),
    /// It is no file, or too large a one.
    #[error("the DICOM file cannot be read: {0}")]
    File(#[from] crate::files::Error),
    /// The bytes are something else.
    #[error("the content is no DICOM file")]
    NotDicom,
    /// An element reaches beyond the end.
    #[error("the DICOM file is truncated or damaged (element {tag} declares {declared} bytes, {remaining} are there)")]
    Truncated {
        /// The element.
        tag: Tag,
        /// Its declared length.
        declared: u64,
        /// What the file still holds at its value.
        remaining: u64,
    },
    /// The structure of the elements is broken.
    #[error("the DICOM file is damaged ({what} at byte {at})")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes from the beginning of the data set.
        at: usize,
    },
    /// More of something than any radiograph has.
    #[error("the DICOM file is refused: it has {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
    },
    /// A deflated data set that cannot be inflated.
    #[error("the deflated DICOM file is damaged ({0})")]
    Inflate(std::io::Error),
    /// Nothing to show.
    #[error("the DICOM file holds no image ({what})")]
    NoPixels {
        /// What it is instead.
        what: String,
    },
    /// An attribute that an image must have.
    #[error("the DICOM file lacks {name}, without which its pixels cannot be read")]
    Missing {
        /// Keyword of the attribute.
        name: &'static str,
    },
    /// An attribute with a value that cannot be.
    #[error("the DICOM file gives {name} as {value}, but {wanted}")]
    Attribute {
        /// Keyword of the attribute.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is possible.
        wanted: &'static str,
    },
    /// A kind of DICOM file that is not read.
    #[error("{what} is not supported; convert the file to an uncompressed transfer syntax, or export PNG")]
    Unsupported {
        /// The kind.
        what: String,
    },
    /// Pixels that are coded otherwise than the header says.
    #[error("the pixels are not shown: {found}; export the file again in an uncompressed transfer syntax, or as PNG")]
    OtherCoding {
        /// What they are.
        found: String,
    },
    /// The coded frame is of another size than the header says.
    #[error("the coded frame is {found}, but the DICOM header says {declared}")]
    Mismatch {
        /// Size, components and precision of the codestream.
        found: String,
        /// The same by the header.
        declared: String,
    },
    /// The decoder stopped.
    #[error("the {format} frame is truncated or damaged ({reason})")]
    Codec {
        /// The compression.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// No such frame.
    #[error("frame {asked} was asked for, but the file has {frames} (counted from 0)")]
    Frame {
        /// Frame asked for, from 0.
        asked: usize,
        /// Frames there are.
        frames: usize,
    },
    /// A window, lookup table or overlay that is not there.
    #[error("{what} {asked} was asked for, but the file has {count} (counted from 0)")]
    Choice {
        /// What was asked for.
        what: &'static str,
        /// Its number, from 0.
        asked: usize,
        /// How many there are.
        count: usize,
    },
    /// The decoder itself failed.
    #[error("the decoder failed on this DICOM file, which is probably damaged")]
    Panicked,
    /// The decoder did not finish.
    #[error("reading the DICOM file was abandoned after {secs} s; it is probably damaged")]
    TimedOut {
        /// The limit.
        secs: u64,
    },
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Panicked => Self::Panicked,
            Failure::TimedOut { secs } => Self::TimedOut { secs },
            Failure::Thread(error) => Self::Io(error),
        }
    }
}

impl Error {
    /// A decoder's complaint, on one line.
    pub(super) fn codec(format: &'static str, reason: impl std::fmt::Display) -> Self {
        let reason = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Codec { format, reason }
    }

    /// A kind of file that is not read.
    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}
