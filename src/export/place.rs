//! Giving a finished file its name without harm to what has that name.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::files::{self, Staged, Staging};

/// What becomes of a file that has the name already. Folders, pipes and devices stay in any case, and nothing is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It stays, and nothing is placed.
    Stays,
    /// It is replaced, unless it is read-only.
    Replaced,
    /// It is replaced, because the user said so.
    Forced,
}

/// A file that got its name here, and what had the name before.
#[derive(Debug)]
pub(crate) struct Placed {
    path: PathBuf,
    /// A second name of the file that was there, in a folder of its own.
    old: Option<(TempPath, Staging)>,
}

impl Placed {
    /// What was there before stands there again; where nothing was, nothing is.
    pub(crate) fn take_back(self) {
        // Nothing better than trying can be done here.
        let _ = match self.old {
            Some((old, _staging)) => old.persist(&self.path).map_err(|error| error.error),
            None => fs::remove_file(&self.path),
        };
    }
}

/// Refuses a name that may not be given, before any work is done for it.
///
/// # Errors
/// When something has the name that stays.
pub(crate) fn check(path: &Path, taken: Taken) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if path.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "a folder has that name"));
    }
    if !found.is_file() && !found.is_symlink() {
        return Err(io::Error::other("something that is no file has that name"));
    }
    match taken {
        Taken::Stays => Err(io::Error::new(ErrorKind::AlreadyExists, "a file has that name")),
        Taken::Replaced if found.permissions().readonly() => {
            Err(io::Error::new(ErrorKind::PermissionDenied, "the file of that name is read-only"))
        }
        Taken::Replaced | Taken::Forced => Ok(()),
    }
}

/// Gives `file` the name `path`, which is on the same file system. What fails leaves `path` as it was, and takes `file`
/// away.
///
/// # Errors
/// When something has the name that stays, or the file system refuses.
pub(crate) fn place(file: TempPath, path: &Path, taken: Taken) -> io::Result<Placed> {
    check(path, taken)?;
    let old = if taken == Taken::Stays { None } else { keep_old(path)? };
    match &old {
        Some(_) => file.persist(path).map_err(|error| error.error)?,
        // Somebody may have taken the name since.
        None => place_new(file, path)?,
    }
    Ok(Placed { path: path.to_owned(), old })
}

/// The same for a file that was written beside `path`.
///
/// # Errors
/// As [`place`].
pub(crate) fn place_staged(staged: Staged, path: &Path, taken: Taken) -> io::Result<Placed> {
    let (file, _staging) = staged.into_parts();
    place(file, path, taken)
}

fn place_new(file: TempPath, path: &Path) -> io::Result<()> {
    let Err(failed) = file.persist_noclobber(path) else { return Ok(()) };
    // Not every file system can do it in one step.
    match failed.error.kind() {
        ErrorKind::AlreadyExists => Err(failed.error),
        _ if path.symlink_metadata().is_ok() => Err(failed.error),
        _ => failed.path.persist(path).map_err(|error| error.error),
    }
}

/// A second name for the file that has the name, so that it is there at every moment; nothing where there is none.
fn keep_old(path: &Path) -> io::Result<Option<(TempPath, Staging)>> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let staging = files::staging_in(files::folder_of(path))?;
    let aside = staging.path().join("old");
    // Not every file system has links.
    fs::hard_link(path, &aside).or_else(|_| fs::copy(path, &aside).map(drop))?;
    Ok(Some((TempPath::try_from_path(aside)?, staging)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::files::Readers;

    fn new_file(folder: &Path) -> Staged {
        files::stage(&folder.join("beside"), Readers::Usual, |file| file.write_all(b"new")).unwrap()
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_may_stay_stays_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let [file, read_only, folder] = ["file", "read_only", "folder"].map(|name| root.path().join(name));
        fs::write(&file, b"old").unwrap();
        fs::write(&read_only, b"old").unwrap();
        let mut permissions = fs::metadata(&read_only).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&read_only, permissions.clone()).unwrap();
        fs::create_dir(&folder).unwrap();
        for (path, taken) in [
            (&file, Taken::Stays),
            (&read_only, Taken::Stays),
            (&read_only, Taken::Replaced),
            (&folder, Taken::Stays),
            (&folder, Taken::Replaced),
            (&folder, Taken::Forced),
        ] {
            assert!(place_staged(new_file(root.path()), path, taken).is_err(), "{} {taken:?}", path.display());
            assert_eq!(count(root.path()), 3, "nothing else remains");
        }
        assert_eq!((fs::read(&file).unwrap(), fs::read(&read_only).unwrap()), (b"old".to_vec(), b"old".to_vec()));
        assert_eq!(fs::metadata(&read_only).unwrap().permissions(), permissions);
    }

    #[test]
    fn what_was_replaced_comes_back_with_its_permissions() {
        let root = tempfile::tempdir().unwrap();
        let [file, read_only, new] = ["file", "read_only", "new"].map(|name| root.path().join(name));
        fs::write(&file, b"old").unwrap();
        fs::write(&read_only, b"old").unwrap();
        let mut permissions = fs::metadata(&read_only).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&read_only, permissions.clone()).unwrap();
        let placed = [(&file, Taken::Replaced), (&read_only, Taken::Forced), (&new, Taken::Stays)]
            .map(|(path, taken)| place_staged(new_file(root.path()), path, taken).unwrap());
        for path in [&file, &read_only, &new] {
            assert_eq!(fs::read(path).unwrap(), b"new");
        }
        placed.into_iter().for_each(Placed::take_back);
        assert_eq!((fs::read(&file).unwrap(), fs::read(&read_only).unwrap()), (b"old".to_vec(), b"old".to_vec()));
        assert_eq!(fs::metadata(&read_only).unwrap().permissions(), permissions);
        assert_eq!(count(root.path()), 2, "nothing else remains");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_what_they_lead_to_is_not() {
        let root = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| root.path().join(name));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(place_staged(new_file(root.path()), &link, Taken::Stays).is_err());
        drop(place_staged(new_file(root.path()), &link, Taken::Replaced).unwrap());
        assert_eq!((fs::read(&file).unwrap(), fs::read(&link).unwrap()), (b"old".to_vec(), b"new".to_vec()));
    }
}
