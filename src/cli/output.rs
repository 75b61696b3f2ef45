//! An output folder that receives everything or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, TempPath};

use super::error::{Error, Result};
use crate::export::place::{self, Placed, Taken};
use crate::files;

/// Files gathered under a temporary name inside the output folder and moved into place at the end. Dropped before
/// that, nothing remains: neither the files nor the folders that were made for them.
#[derive(Debug)]
pub(super) struct Output {
    target: PathBuf,
    /// Folders made here, the innermost last.
    made: Vec<PathBuf>,
    /// Absent once the files are in place.
    staging: Option<TempDir>,
    /// Paths of finished files, relative to the target.
    files: Vec<PathBuf>,
    /// What becomes of files that have the names.
    taken: Taken,
}

impl Output {
    /// Makes the folder where needed and proves that it can be written.
    pub(super) fn prepare(target: &Path) -> Result<Self> {
        let mut output = Self {
            target: target.to_owned(),
            made: Vec::new(),
            staging: None,
            files: Vec::new(),
            taken: Taken::Replaced,
        };
        output.make(target).map_err(failed("folder cannot be made", target))?;
        let staging = files::staging_in(target).map_err(failed("folder cannot be written", target))?;
        output.staging = Some(staging);
        Ok(output)
    }

    /// The same, and refuses a folder that holds anything.
    pub(super) fn prepare_empty(target: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::File { what: "the output folder", problem, path: target.to_owned() };
        match fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(refuse("it is not empty; name a new folder".to_owned()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(error.to_string())),
        }
        let mut output = Self::prepare(target)?;
        // What comes into the folder meanwhile is somebody else's.
        output.taken = Taken::Stays;
        Ok(output)
    }

    /// Writes one file; it is not visible under its name before [`Output::publish`].
    pub(super) fn write(&mut self, relative: &Path, content: &[u8]) -> Result<()> {
        let Some(staging) = &self.staging else { return Ok(()) };
        let path = staging.path().join(relative);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        written.map_err(failed("file cannot be written", &self.target.join(relative)))?;
        self.files.push(relative.to_owned());
        Ok(())
    }

    /// Begins one file to be written bit by bit; it too is not visible under its name before [`Output::publish`].
    pub(super) fn create(&mut self, relative: &Path) -> Result<fs::File> {
        let path = self.staging.as_ref().map_or(self.target.join(relative), |staging| staging.path().join(relative));
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::File::create(&path));
        let file = made.map_err(failed("file cannot be written", &self.target.join(relative)))?;
        self.files.push(relative.to_owned());
        Ok(file)
    }

    /// Moves every file into place. A failure half-way puts everything back as it was.
    pub(super) fn publish(mut self) -> Result<()> {
        let mut moved = Vec::new();
        let done = self.move_all(&mut moved);
        if done.is_err() {
            moved.into_iter().rev().for_each(Placed::take_back);
            return done;
        }
        self.made.clear();
        Ok(())
    }

    fn move_all(&mut self, moved: &mut Vec<Placed>) -> Result<()> {
        let Some(staging) = self.staging.take() else { return Ok(()) };
        for relative in std::mem::take(&mut self.files) {
            let target = self.target.join(&relative);
            let parent = target.parent().map_or(Ok(()), |parent| self.make(parent));
            let placed = parent
                .and_then(|()| TempPath::try_from_path(staging.path().join(&relative)))
                .and_then(|file| place::place(file, &target, self.taken))
                .map_err(failed("file cannot be written", &target))?;
            moved.push(placed);
        }
        Ok(())
    }

    /// Makes a folder and its missing parents, and remembers them.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make(parent)?;
        }
        fs::create_dir(folder)?;
        self.made.push(folder.to_owned());
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.staging = None;
        // Only folders that are empty go; what someone else put there meanwhile stays.
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Output { operation, source, path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_together_and_at_the_end() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("a/b");
        let mut output = Output::prepare(&target).unwrap();
        output.write(Path::new("one"), b"1").unwrap();
        output.write(Path::new("image_000/two"), b"2").unwrap();
        assert!(!target.join("one").exists());
        output.publish().unwrap();
        assert_eq!(fs::read(target.join("one")).unwrap(), b"1");
        assert_eq!(fs::read(target.join("image_000/two")).unwrap(), b"2");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 2, "no temporary folder remains");
    }

    #[test]
    fn nothing_remains_of_abandoned_work() {
        let root = tempfile::tempdir().unwrap();
        let mut output = Output::prepare(&root.path().join("a/b")).unwrap();
        output.write(Path::new("one"), b"1").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_there_before_stays() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("mine"), b"x").unwrap();
        let mut output = Output::prepare(root.path()).unwrap();
        output.write(Path::new("one"), b"1").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_move_takes_back_the_others() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("two/inside")).unwrap();
        fs::write(root.path().join("zero"), b"earlier").unwrap();
        let mut output = Output::prepare(root.path()).unwrap();
        output.write(Path::new("zero"), b"0").unwrap();
        output.write(Path::new("one"), b"1").unwrap();
        output.write(Path::new("two"), b"2").unwrap();
        assert!(output.publish().is_err(), "a folder stands where a file should go");
        assert!(!root.path().join("one").exists());
        assert_eq!(fs::read(root.path().join("zero")).unwrap(), b"earlier", "what was replaced is back");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2, "no temporary file remains");
    }
}
