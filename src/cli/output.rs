//! An output folder that receives everything or nothing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::error::{Error, Result};
use super::output_file::same_file;
use crate::export::place::{self, Placed, Taken};
use crate::files::{self, Staging, folder_of};

/// Name of the folder, inside the hidden one, that becomes the output folder.
const FILES: &str = "files";

/// Files gathered under a temporary name and moved into place at the end: a new output folder gets its name when all of it is
/// there, files of one that is there are moved into it. Dropped before that, nothing remains: neither the files nor the
/// folders that were made for them.
#[derive(Debug)]
pub(super) struct Output {
    target: PathBuf,
    /// Nothing had the name of the target.
    is_new: bool,
    /// Folders made here, the innermost last.
    made: Vec<PathBuf>,
    /// Absent once the files are in place.
    staging: Option<Staging>,
    /// Paths of finished files, relative to the target.
    files: Vec<PathBuf>,
    /// What becomes of files that have the names.
    taken: Taken,
    /// Files that are read, which nothing replaces.
    inputs: Vec<PathBuf>,
}

/// What was moved into place.
enum Moved {
    File(Placed),
    /// A whole folder, from where to where.
    Folder(PathBuf, PathBuf),
}

impl Moved {
    fn take_back(self) {
        match self {
            Self::File(placed) => placed.take_back(),
            // Nothing better than trying can be done here.
            Self::Folder(from, to) => drop(fs::rename(to, from)),
        }
    }
}

impl Output {
    /// Makes the folder that it will lie in where needed, and proves that it can be written.
    pub(super) fn prepare(target: &Path) -> Result<Self> {
        let is_new = target.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let mut output = Self {
            target: target.to_owned(),
            is_new,
            made: Vec::new(),
            staging: None,
            files: Vec::new(),
            taken: Taken::Replaced,
            inputs: Vec::new(),
        };
        let around = if is_new { folder_of(target) } else { target };
        output.make(around).map_err(failed("folder cannot be made", target))?;
        if !is_new {
            // Those of a run that was ended before it had made the folder.
            files::sweep(folder_of(target));
        }
        let staging = files::staging_in(around).map_err(failed("folder cannot be written", target))?;
        fs::create_dir(staging.path().join(FILES)).map_err(failed("folder cannot be written", target))?;
        output.staging = Some(staging);
        Ok(output)
    }

    /// The same, and refuses a folder that holds anything.
    pub(super) fn prepare_empty(target: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::File { what: "the output folder", problem, path: target.to_owned() };
        match files::is_empty(target) {
            Ok(true) => {}
            Ok(false) => return Err(refuse("it is not empty; name a new folder".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(error.to_string())),
        }
        let mut output = Self::prepare(target)?;
        // What comes into the folder meanwhile is somebody else's.
        output.taken = Taken::Stays;
        Ok(output)
    }

    /// Refuses from now on to write a file in the place of one of these.
    pub(super) fn protect<'a>(&mut self, inputs: impl IntoIterator<Item = &'a Path>) {
        self.inputs.extend(inputs.into_iter().map(Path::to_owned));
    }

    /// Writes one file; it is not visible under its name before [`Output::publish`].
    pub(super) fn write(&mut self, relative: &Path, content: &[u8]) -> Result<()> {
        let mut file = self.create(relative)?;
        file.write_all(content).map_err(failed("file cannot be written", &self.target.join(relative)))
    }

    /// Begins one file to be written bit by bit; it too is not visible under its name before [`Output::publish`].
    pub(super) fn create(&mut self, relative: &Path) -> Result<fs::File> {
        let target = self.target.join(relative);
        if self.inputs.iter().any(|input| same_file(input, &target)) {
            let name = relative.display();
            return Err(Error::Usage(format!(
                "--out: {name} would take the place of a file that is read here; choose another folder"
            )));
        }
        let make = || {
            let files = self.staged();
            // Were it made anew where somebody took it away, files from before would be missing.
            files.metadata()?;
            let path = files.join(relative);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::File::create(path)
        };
        let file = make().map_err(failed("file cannot be written", &self.target.join(relative)))?;
        self.files.push(relative.to_owned());
        Ok(file)
    }

    /// Where the files are until they are published.
    fn staged(&self) -> PathBuf {
        self.staging.as_ref().map_or_else(|| self.target.clone(), |staging| staging.path().join(FILES))
    }

    /// Moves every file into place. A failure half-way puts everything back as it was.
    pub(super) fn publish(mut self) -> Result<()> {
        let _publishing = files::publishing();
        let staged = self.staged();
        for relative in &self.files {
            let found = staged.join(relative).symlink_metadata();
            found.map_err(failed("file is gone before it had its name", &self.target.join(relative)))?;
        }
        if self.is_new && fs::rename(&staged, &self.target).is_ok() {
            self.made.clear();
            return Ok(());
        }
        let mut moved = Vec::new();
        let done = self.move_all(&staged, &mut moved);
        if done.is_err() {
            moved.into_iter().rev().for_each(Moved::take_back);
            return done;
        }
        self.made.clear();
        Ok(())
    }

    fn move_all(&mut self, staged: &Path, moved: &mut Vec<Moved>) -> Result<()> {
        for relative in std::mem::take(&mut self.files) {
            // Whole folders where nothing has their name: the fewer steps, the less can come between.
            let folder = relative.components().next().map(|first| Path::new(first.as_os_str()));
            if let Some(folder) = folder.filter(|folder| *folder != relative) {
                let (from, to) = (staged.join(folder), self.target.join(folder));
                if moved.iter().any(|moved| matches!(moved, Moved::Folder(_, moved) if *moved == to)) {
                    continue;
                }
                let is_free = to.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
                if is_free && self.make(&self.target.clone()).is_ok() && fs::rename(&from, &to).is_ok() {
                    moved.push(Moved::Folder(from, to));
                    continue;
                }
            }
            let target = self.target.join(&relative);
            let parent = target.parent().map_or(Ok(()), |parent| self.make(parent));
            let placed = parent
                .and_then(|()| TempPath::try_from_path(staged.join(&relative)))
                .and_then(|file| place::place(file, &target, self.taken))
                .map_err(failed("file cannot be written", &target))?;
            moved.push(Moved::File(placed));
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
    fn a_folder_that_vanishes_meanwhile_fails_the_work() {
        let root = tempfile::tempdir().unwrap();
        for target in [root.path().join("new"), root.path().join("old")] {
            if target.ends_with("old") {
                fs::create_dir(&target).unwrap();
            }
            let [early, late] = [0, 1].map(|_| {
                let mut output = Output::prepare(&target).unwrap();
                output.write(Path::new("one"), b"1").unwrap();
                output
            });
            let mut early = early;
            for output in [&early, &late] {
                fs::remove_dir_all(output.staged()).unwrap();
            }
            assert!(early.write(Path::new("two"), b"2").is_err(), "half of the files is no result");
            assert!(late.publish().unwrap_err().to_string().contains("gone"));
        }
    }

    #[test]
    fn folders_are_moved_whole_where_nothing_has_their_name() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        fs::write(root.path().join("taken/mine"), b"m").unwrap();
        let mut output = Output::prepare(root.path()).unwrap();
        for name in ["free/a/1", "free/2", "taken/3", "4"] {
            output.write(Path::new(name), name.as_bytes()).unwrap();
        }
        output.publish().unwrap();
        for name in ["free/a/1", "free/2", "taken/3", "4"] {
            assert_eq!(fs::read(root.path().join(name)).unwrap(), name.as_bytes());
        }
        assert_eq!(fs::read(root.path().join("taken/mine")).unwrap(), b"m");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3);
    }

    #[test]
    fn leftovers_of_an_ended_run_neither_hinder_nor_stay() {
        let root = tempfile::tempdir().unwrap();
        for target in [root.path().join("new"), root.path().join("old")] {
            if target.ends_with("old") {
                fs::create_dir(&target).unwrap();
            }
            let mut ended = Output::prepare_empty(&target).unwrap();
            ended.write(Path::new("half"), b"a patient").unwrap();
            ended.staging.take().unwrap().forget();
            std::mem::forget(ended);
            let mut output = Output::prepare_empty(&target).unwrap();
            output.write(Path::new("one"), b"1").unwrap();
            output.publish().unwrap();
            assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2, "nothing hidden is left");
    }

    #[test]
    fn what_is_read_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let image = root.path().join("panel.png");
        fs::write(&image, b"a radiograph").unwrap();
        let mut output = Output::prepare(root.path()).unwrap();
        output.protect([root.path().join("./panel.png").as_path()]);
        output.write(Path::new("maps.npz"), b"m").unwrap();
        let refused = output.write(Path::new("panel.png"), b"p").unwrap_err();
        assert!(refused.to_string().contains("choose another folder") && refused.exit_code() == 2);
        drop(output);
        assert_eq!(fs::read(&image).unwrap(), b"a radiograph");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
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
