//! Files that appear together, complete or not at all; what they replace stays until then.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::place::{self, Placed, Taken};
use super::{Error, Result};
use crate::files::{self, Readers, Staged};

/// Files written under temporary names beside their targets, which [`FileSet::publish`] gives their names.
///
/// A full disk shows while they are written: every byte is flushed to the disk before any old file is touched.
#[derive(Debug)]
pub struct FileSet {
    staged: Vec<(Staged, PathBuf)>,
    taken: Taken,
}

impl Default for FileSet {
    fn default() -> Self {
        Self::new()
    }
}

impl FileSet {
    /// Nothing yet. Files of the same names are replaced, unless they are read-only.
    pub fn new() -> Self {
        Self::over(Taken::Replaced)
    }

    /// The same with other manners towards files that have the names.
    pub(crate) fn over(taken: Taken) -> Self {
        Self { staged: Vec::new(), taken }
    }

    /// Writes `content` beside `path`, where it is not yet seen.
    ///
    /// # Errors
    /// When the folder does not exist, the disk is full, or what has the name may not be replaced.
    pub fn add(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.add_with(path, |file| file.write_all(content))
    }

    /// The same for a file that `write` fills bit by bit.
    ///
    /// # Errors
    /// As [`FileSet::add`], and those of `write`.
    pub fn add_with(&mut self, path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<()> {
        let staged = place::check(path, self.taken).and_then(|()| files::stage(path, Readers::Usual, write));
        let file = staged.map_err(|source| failed(path, source))?;
        self.staged.push((file, path.to_owned()));
        Ok(())
    }

    /// Gives every file its name, replacing what had it. When one cannot be placed, those before it are taken back and
    /// the old files stand where they stood.
    ///
    /// # Errors
    /// When a file cannot be placed.
    pub fn publish(self) -> Result<()> {
        let _publishing = files::publishing();
        let mut placed: Vec<Placed> = Vec::new();
        for (file, path) in self.staged {
            match place::place_staged(file, &path, self.taken) {
                Ok(done) => placed.push(done),
                Err(source) => {
                    placed.into_iter().rev().for_each(Placed::take_back);
                    return Err(failed(&path, source));
                }
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Write { source, path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_together_and_replace_old_ones() {
        let root = tempfile::tempdir().unwrap();
        let [figure, json] = ["f.pdf", "f.json"].map(|name| root.path().join(name));
        fs::write(&figure, b"old").unwrap();
        let mut files = FileSet::new();
        files.add(&figure, b"new").unwrap();
        files.add(&json, b"{}").unwrap();
        assert_eq!(fs::read(&figure).unwrap(), b"old");
        assert!(!json.exists());
        files.publish().unwrap();
        assert_eq!((fs::read(&figure).unwrap(), fs::read(&json).unwrap()), (b"new".to_vec(), b"{}".to_vec()));
        assert_eq!(names(root.path()), ["f.json", "f.pdf"]);
    }

    #[test]
    fn a_writer_that_fails_leaves_the_old_file() {
        let root = tempfile::tempdir().unwrap();
        let figure = root.path().join("f.pdf");
        fs::write(&figure, b"old").unwrap();
        let mut files = FileSet::new();
        let full = |file: &mut fs::File| {
            file.write_all(b"half of")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = files.add_with(&figure, full).unwrap_err().to_string();
        assert!(error.contains("cannot be written"), "{error}");
        drop(files);
        assert_eq!(fs::read(&figure).unwrap(), b"old");
        assert_eq!(names(root.path()), ["f.pdf"]);
    }

    #[test]
    fn the_second_file_failing_takes_the_first_back() {
        let root = tempfile::tempdir().unwrap();
        let [first, second, third] = ["a", "b", "c"].map(|name| root.path().join(name));
        fs::write(&first, b"old").unwrap();
        let mut files = FileSet::new();
        files.add(&first, b"new").unwrap();
        files.add(&second, b"new").unwrap();
        files.add(&third, b"new").unwrap();
        // A folder with something in it takes the place of a file meanwhile.
        fs::create_dir_all(third.join("inside")).unwrap();
        assert!(files.publish().is_err());
        assert_eq!(fs::read(&first).unwrap(), b"old");
        assert!(!second.exists() && third.join("inside").is_dir());
        assert_eq!(names(root.path()), ["a", "c"]);
    }

    #[test]
    fn a_missing_folder_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("none/f.pdf");
        assert!(FileSet::new().add(&path, b"").unwrap_err().to_string().contains("none"));
    }
}
