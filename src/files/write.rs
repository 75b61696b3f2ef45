//! Writing files that appear complete or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use tempfile::TempPath;

use super::staging::{Staging, staging_in};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever may read new files of this user.
    Usual,
    /// The user alone.
    Owner,
}

/// Writes a file under a temporary name in its folder and gives it its name, in the place of what has that.
///
/// # Errors
/// When it cannot be written; what had the name is untouched then.
pub(crate) fn write(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let (file, _staging) = stage(path, readers, |file| file.write_all(content))?.into_parts();
    file.persist(path).map_err(|error| error.error)
}

/// A finished file that has no name yet. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Staged {
    file: TempPath,
    staging: Staging,
}

impl Staged {
    /// The file, and the folder it lies in until it has its name.
    pub(crate) fn into_parts(self) -> (TempPath, Staging) {
        (self.file, self.staging)
    }
}

/// A file that is not finished, in a hidden folder beside `path`, filled by `fill`. It has all its bytes on the disk, so that a
/// full disk shows before anything has its name.
///
/// # Errors
/// What the file system or `fill` said, without a name.
pub(crate) fn stage(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<Staged> {
    let staging = staging_in(folder_of(path))?;
    let staged = staging.path().join("file");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers; // The folder says it.
    let mut file = options.open(&staged)?;
    fill(&mut file)?;
    file.sync_all()?;
    Ok(Staged { file: TempPath::try_from_path(staged)?, staging })
}

/// The folder that a file of this path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"old", Readers::Usual).unwrap();
        let full = |file: &mut File| {
            file.write_all(b"half of")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        assert_eq!(stage(&path, Readers::Usual, full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, b"new", Readers::Usual).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        let nowhere = write(&folder.path().join("none/a"), b"", Readers::Usual).unwrap_err();
        assert!(!nowhere.to_string().contains("none"), "{nowhere}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_the_owner_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"mine", Readers::Owner).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
}
