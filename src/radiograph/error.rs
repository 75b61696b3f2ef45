//! Why a file gave no radiograph, each as one sentence the user can act on.

use std::path::PathBuf;

use super::Format;
use super::guard::Failure;
use crate::files;

/// Result of reading a radiograph.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that gave no radiograph.
#[derive(Debug, thiserror::Error)]
#[error("{problem}: {}", path.display())]
pub struct Error {
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
    /// The file.
    pub path: PathBuf,
}

/// What is wrong with the content of a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing is there.
    #[error("there is no such image file")]
    Missing,
    /// A folder where a file is wanted.
    #[error("this is a folder, not an image file")]
    Folder,
    /// A pipe, socket or device.
    #[error("this is no regular file but a pipe, a socket or a device; save what it gives as a file first")]
    NoRegularFile,
    /// 0 bytes.
    #[error("the image file is empty (0 bytes)")]
    Empty,
    /// The operating system refused.
    #[error("the image file cannot be read ({0})")]
    Io(files::Error),
    /// A DICOM file without a radiograph.
    #[error("{0}")]
    Dicom(#[from] super::dicom::Error),
    /// A folder, a DICOMDIR or a zip archive.
    #[error(transparent)]
    Collection(Box<super::CollectionProblem>),
    /// The bytes are of no known format.
    #[error("the content is no DICOM, PNG, JPEG, TIFF or NPY image, whatever the file is called")]
    UnknownFormat,
    /// The bytes are of a format that is not read.
    #[error("this is {name}, which is not read; {advice}")]
    OtherFormat {
        /// What it is.
        name: &'static str,
        /// What the user can do.
        advice: &'static str,
    },
    /// The decoder stopped.
    #[error("the {format} file is truncated or damaged ({reason})")]
    Damaged {
        /// Format of the file.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// The decoder itself failed.
    #[error("the {format} decoder failed on this file, which is probably damaged")]
    DecoderPanicked {
        /// Format of the file.
        format: &'static str,
    },
    /// The decoder did not finish.
    #[error("reading the {format} file was abandoned after {secs} s; it is probably damaged")]
    TimedOut {
        /// Format of the file.
        format: &'static str,
        /// The limit.
        secs: u64,
    },
    /// No decoder could be started.
    #[error("no thread could be started to read the image ({0}); close other programs and try again")]
    Thread(std::io::Error),
    /// Beyond a limit.
    #[error(
        "the image is too large ({reason}); at most 16384 pixels a side, 50 million in all and 256 MiB decoded are read"
    )]
    TooLarge {
        /// Which limit.
        reason: String,
    },
    /// A kind of pixel that is not read.
    #[error("{format} pixels of type {found} are not read; save the image as 8-bit or 16-bit gray")]
    PixelType {
        /// Format of the file.
        format: &'static str,
        /// What it holds.
        found: String,
    },
    /// RGBA with colour.
    #[error(
        "an RGBA picture with colours is a screenshot or a figure, not a radiograph; export the image itself as gray"
    )]
    Screenshot,
    /// RGBA with a white border all around.
    #[error(
        "an RGBA picture with white borders is a figure with margins, not a radiograph; export the image itself as gray"
    )]
    Figure,
    /// An array file that cannot be read.
    #[error("{0}")]
    ArrayFile(#[from] crate::array_file::Error),
    /// An array of another shape.
    #[error("an array of shape {shape:?} is no image; [h, w], [h, w, 3] or [3, h, w] is read")]
    ArrayShape {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// An array whose channels differ.
    #[error("the three channels of the array differ, so it is not a gray image")]
    ChannelsDiffer,
    /// NaN or infinity.
    #[error("the array holds values that are not finite")]
    NotFinite,
    /// Values on no known scale.
    #[error("{values} from {min} to {max} are {wanted}; save the image as gray levels from 0 to 255")]
    ArrayRange {
        /// Whose values.
        values: String,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// What they are not.
        wanted: &'static str,
    },
    /// The size asked for is impossible.
    #[error("the image cannot be resized ({reason})")]
    Resize {
        /// The resizer's words.
        reason: String,
    },
}

impl Problem {
    /// A decoder of that format that gave nothing.
    pub(super) fn of_failure(failure: Failure, format: Format) -> Self {
        let format = format.name();
        match failure {
            Failure::Panicked => Self::DecoderPanicked { format },
            Failure::TimedOut { secs } => Self::TimedOut { format, secs },
            Failure::Thread(error) => Self::Thread(error),
        }
    }
}

impl From<files::Error> for Problem {
    fn from(error: files::Error) -> Self {
        match error {
            files::Error::Missing => Self::Missing,
            files::Error::Folder => Self::Folder,
            files::Error::NotRegular => Self::NoRegularFile,
            files::Error::TooLarge { found_bytes, .. } => {
                Self::TooLarge { reason: format!("the file has {} MiB", found_bytes >> 20) }
            }
            other => Self::Io(other),
        }
    }
}
