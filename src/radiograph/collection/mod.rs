//! The images that one path means: a file, the files below a folder, those that a DICOMDIR names, or the entries of a zip
//! archive.
//!
//! Nothing is unpacked onto the disk: an entry is read into memory when its image is wanted, up to the size of any other
//! image file. Names inside folders and archives may be patients' names; they stand in [`ImagePlace`] alone, and notes give
//! numbers.

mod archive;
mod folder;
mod media;
mod natural;
mod passed_over;
mod place;
mod problem;

use std::path::Path;

use passed_over::PassedOver;

use super::Format;
use super::dicom;
use super::error::{Error, Problem, Result};
use crate::watch::Watch;
use crate::{files, limits};
pub use place::{ArchiveEntry, ImagePlace};
pub use problem::CollectionProblem;

pub(super) use archive::read_entry;
pub(crate) use folder::is_leaving;

/// Bytes of a file that tell what it is.
const HEAD_BYTES: usize = 1024;

/// The images that one path means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageCollection {
    /// Where they are, in their order.
    pub places: Vec<ImagePlace>,
    /// What was passed over, one sentence a kind; none names a file.
    pub notes: Vec<String>,
}

impl ImageCollection {
    /// Finds the images of a path. A file that is no collection is one image, whatever it holds: who reads it finds out.
    ///
    /// | path | images | order |
    /// |---|---|---|
    /// | folder | files below it that begin as an image does | natural order of their paths: `img2` before `img10` |
    /// | DICOMDIR | files that its records of type `IMAGE` name | that of the records |
    /// | zip archive | entries that begin as an image does | natural order of their names |
    ///
    /// DICOM files without pixels, such as reports, are no images. Folders called `masks`, archives inside folders and
    /// archives, and what leads out of a folder or an archive are passed over, with a note. Whoever cancels is given what was
    /// found until then.
    ///
    /// # Errors
    /// When a collection cannot be read, holds no image, or more than [`limits::COLLECTED_FILES`] files,
    /// [`limits::COLLECTED_IMAGES`] images or [`limits::ARCHIVE_BYTES`] bytes.
    pub fn at(path: &Path, watch: &dyn Watch) -> Result<Self> {
        let found = match Kind::of(path) {
            Kind::Image => Ok(Self { places: vec![path.into()], notes: Vec::new() }),
            Kind::Folder => folder::collect(path, watch),
            Kind::MediaDirectory => media::collect(path),
            Kind::Archive => archive::collect(path, watch),
        };
        found.map_err(|problem| Error { problem: problem.into(), path: path.to_owned() })
    }
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image,
    Folder,
    MediaDirectory,
    Archive,
}

impl Kind {
    /// Looks at the beginning of a file. One that cannot be looked at is an image, which then says so when it is read.
    fn of(path: &Path) -> Self {
        if path.is_dir() {
            return Self::Folder;
        }
        let Ok(head) = files::head(path, HEAD_BYTES) else { return Self::Image };
        if is_archive(&head) {
            Self::Archive
        } else if dicom::is_media_directory(&head) {
            Self::MediaDirectory
        } else {
            Self::Image
        }
    }
}

/// Whether a zip archive begins so; one without entries begins with its end.
fn is_archive(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// What a file of a collection is, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// An image; a damaged one says so when it is read.
    Image,
    /// The table of contents of DICOM media.
    MediaDirectory,
    Archive,
    Other,
}

impl Content {
    /// Of a file that begins with `head`; `header` reads that of a DICOM file.
    fn of(head: &[u8], header: impl FnOnce() -> dicom::Result<dicom::Header>) -> Self {
        match Format::of_content(head) {
            Some(Format::Dicom) if dicom::is_media_directory(head) => Self::MediaDirectory,
            Some(Format::Dicom) => match header() {
                Ok(header) if header.rows.is_none() && header.columns.is_none() => Self::Other,
                Ok(_) | Err(_) => Self::Image,
            },
            Some(_) => Self::Image,
            None if is_archive(head) => Self::Archive,
            None => Self::Other,
        }
    }
}

/// The images that were found in a collection, unless there are none, or more than are opened together.
fn collected(
    places: Vec<ImagePlace>,
    passed_over: &PassedOver,
    what: &'static str,
) -> std::result::Result<ImageCollection, CollectionProblem> {
    match places.len() {
        0 => Err(CollectionProblem::NoImages { what, passed_over: passed_over.clause() }),
        images if images > limits::COLLECTED_IMAGES => Err(CollectionProblem::TooManyImages { what }),
        _ => Ok(ImageCollection { places, notes: passed_over.notes(what) }),
    }
}

impl From<CollectionProblem> for Problem {
    fn from(problem: CollectionProblem) -> Self {
        Self::Collection(Box::new(problem))
    }
}
