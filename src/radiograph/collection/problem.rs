//! Why a collection gave no images, each as one sentence the user can act on.

use crate::{files, limits};

/// What is wrong with a folder, a DICOMDIR or a zip archive.
#[derive(Debug, thiserror::Error)]
pub enum CollectionProblem {
    /// Nothing in it is an image.
    #[error("the {what} holds no image that is read{}{passed_over}", if passed_over.is_empty() { "" } else { "; " })]
    NoImages {
        /// What it is.
        what: &'static str,
        /// What it holds instead, with numbers.
        passed_over: String,
    },
    /// More files than are looked at.
    #[error("the {what} holds more than {} files; name a folder of fewer", limits::COLLECTED_FILES)]
    TooManyFiles {
        /// What it is.
        what: &'static str,
    },
    /// More images than are opened together.
    #[error("the {what} holds more than {} images; name a folder of fewer", limits::COLLECTED_IMAGES)]
    TooManyImages {
        /// What it is.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("the {what} cannot be read ({problem})")]
    File {
        /// What it is.
        what: &'static str,
        /// Its words.
        problem: files::Error,
    },
    /// The records of a DICOMDIR.
    #[error("the DICOMDIR cannot be read ({0}); name the folder of its images instead")]
    MediaDirectory(#[source] super::dicom::Error),
    /// The directory of an archive.
    #[error("the zip archive is damaged ({reason}); get it anew, or unpack it and name the folder")]
    Archive {
        /// What is wrong.
        reason: String,
    },
    /// Small data that become large.
    #[error(
        "the zip archive would unpack to {unpacked_mib} MiB, {times} times its size, which no images do; unpack what you need \
         of it and name the folder"
    )]
    Unpacks {
        /// All entries together.
        unpacked_mib: u64,
        /// How many times as large as the archive.
        times: u64,
    },
    /// Large data.
    #[error("the zip archive would unpack to more than {} GiB; unpack it and name a folder of it", limits::ARCHIVE_BYTES >> 30)]
    UnpacksToMuch,
    /// An entry that is gone.
    #[error("the zip archive has no file of this name any more; open the archive again")]
    NoEntry,
    /// An entry under a password.
    #[error("the file is encrypted; unpack the archive with its password and name the folder")]
    Encrypted,
    /// A method of compression that is not read.
    #[error("the file is compressed by {name}, which is not read; unpack the archive and name the folder")]
    Method {
        /// Its name.
        name: &'static str,
    },
    /// An entry that is too large.
    #[error("the file would unpack to more than {} MiB, the most that is read of an image", limits::IMAGE_BYTES >> 20)]
    EntryTooLarge,
    /// An entry whose bytes are not those that were packed.
    #[error("the file in the zip archive is damaged ({reason}); get the archive anew")]
    Entry {
        /// What is wrong.
        reason: String,
    },
}
