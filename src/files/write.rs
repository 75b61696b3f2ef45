//! Writing files that appear complete or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

/// What the names of everything that is not finished begin with.
const PREFIX: &str = ".saliscope-";

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
    let file = stage(path, readers, |file| file.write_all(content))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A file that is not finished, in the folder of `path`, filled by `fill`. It has all its bytes on the disk, so that a full
/// disk shows before anything has its name.
///
/// # Errors
/// What the file system or `fill` said, without a name.
pub(crate) fn stage(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if readers == Readers::Usual {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less what the umask takes
    }
    #[cfg(not(unix))]
    let _ = readers; // The folder says it.
    let made = builder.prefix(PREFIX).tempfile_in(folder_of(path));
    // The error of the crate has the name of the folder in the middle of its words.
    let mut file = made.map_err(|error| io::Error::from(error.kind()))?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A hidden folder inside `folder` for what is not finished; it goes with all that is in it.
///
/// # Errors
/// What the file system said, without a name.
pub(crate) fn staging_in(folder: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder).map_err(|error| error.kind().into())
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
