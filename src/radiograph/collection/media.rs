//! The images that a DICOMDIR names (PS3.3 F, PS3.10 8.6).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::passed_over::{PassedOver, Reason};
use super::problem::CollectionProblem;
use super::{ImageCollection, ImagePlace, collected};
use crate::radiograph::dicom::{DirectoryRecord, directory_records};
use crate::{files, limits};

const WHAT: &str = "DICOMDIR";

pub(super) fn collect(path: &Path) -> Result<ImageCollection, CollectionProblem> {
    let unread = |problem: files::Error| CollectionProblem::File { what: WHAT, problem };
    let bytes = files::read(path, limits::MEDIA_DIRECTORY_BYTES).map_err(unread)?;
    let records = directory_records(bytes).map_err(CollectionProblem::MediaDirectory)?;
    let mut folders = Folders::below(files::folder_of(path)).map_err(|error| unread(error.into()))?;
    let mut passed_over = PassedOver::default();
    let (mut places, mut known) = (Vec::new(), HashSet::new());
    for record in records {
        let reason = match record {
            DirectoryRecord::Image(parts) => match folders.find(&parts) {
                Ok(path) if known.insert(path.clone()) => {
                    places.push(ImagePlace::File(path));
                    continue;
                }
                Ok(_) => continue, // The same file again.
                Err(reason) => reason,
            },
            DirectoryRecord::OtherFile => Reason::Other,
            DirectoryRecord::Damaged => Reason::DamagedRecord,
        };
        passed_over.count(reason);
    }
    collected(places, &passed_over, WHAT)
}

/// Folders below that of the DICOMDIR, whose names are compared as those of CDs are.
struct Folders {
    root: PathBuf,
    /// The root without links.
    real_root: PathBuf,
    /// Names of the files of each folder by how they are compared.
    names: HashMap<PathBuf, HashMap<String, PathBuf>>,
}

impl Folders {
    fn below(root: &Path) -> std::io::Result<Self> {
        Ok(Self { root: root.to_owned(), real_root: root.canonicalize()?, names: HashMap::new() })
    }

    /// The file whose path below the root is `parts`.
    fn find(&mut self, parts: &[String]) -> Result<PathBuf, Reason> {
        let is_plain =
            |part: &String| !matches!(part.as_str(), "" | "." | "..") && !part.contains(['/', '\\', ':', '\0']);
        if parts.is_empty() {
            return Err(Reason::Missing);
        }
        if !parts.iter().all(is_plain) {
            return Err(Reason::LeadsOut);
        }
        let mut path = self.root.clone();
        for part in parts {
            path = self.child(&path, part).ok_or(Reason::Missing)?;
        }
        let real = path.canonicalize().map_err(|_| Reason::Missing)?;
        if !real.starts_with(&self.real_root) {
            return Err(Reason::LeadsOut);
        }
        if real.is_file() { Ok(path) } else { Err(Reason::Missing) }
    }

    /// The file or folder of this name: CDs are mounted with names in small letters, with a version (`;1`) or a dot behind.
    fn child(&mut self, folder: &Path, name: &str) -> Option<PathBuf> {
        let exact = folder.join(name);
        if exact.exists() {
            return Some(exact);
        }
        let names = self.names.entry(folder.to_owned()).or_insert_with(|| {
            // A folder that cannot be read has no files.
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(limits::COLLECTED_FILES);
            entries.map(|entry| (compared(&entry.file_name().to_string_lossy()), entry.path())).collect()
        });
        names.get(&compared(name)).cloned()
    }
}

/// A name as names of CDs are compared.
fn compared(name: &str) -> String {
    let name = name.rsplit_once(';').filter(|(_, version)| is_version(version)).map_or(name, |(name, _)| name);
    name.trim_end_matches('.').to_uppercase()
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
