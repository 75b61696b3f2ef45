//! Where an image is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where an image is. Names in it may be patients'.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ImagePlace {
    /// A file of its own.
    File(PathBuf),
    /// A file inside a zip archive.
    Entry(ArchiveEntry),
}

/// A file inside a zip archive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// The archive.
    pub archive: PathBuf,
    /// The file's name in it, with `/` between folders.
    pub name: String,
}

impl ImagePlace {
    /// The file on the disk: the image or its archive.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Entry(entry) => &entry.archive,
        }
    }

    /// The name inside an archive.
    pub fn entry(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Entry(entry) => Some(&entry.name),
        }
    }

    /// As people write it: the path of the file, or that of the archive with the name inside behind it.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Entry(entry) => entry.path(),
        }
    }
}

impl ArchiveEntry {
    /// The path of the archive with the name inside behind it. No such file exists.
    pub fn path(&self) -> PathBuf {
        let mut path = self.archive.clone();
        path.extend(self.name.split('/'));
        path
    }

    /// The last part of the name.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

impl From<&Path> for ImagePlace {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}
