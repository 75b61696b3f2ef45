//! A single file that appears complete or not at all, and replaces another only where that was asked for.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::{Error, Result};

/// Writes the content under a temporary name in the same folder.
pub(super) fn stage(path: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less what the umask takes
        let mut file = builder.prefix(".saliscope-").tempfile_in(folder)?;
        file.write_all(content)?;
        Ok(file)
    };
    write().map_err(|source| failed(path, source))
}

/// Gives a staged file its name.
pub(super) fn place(file: NamedTempFile, path: &Path, force: bool) -> Result<()> {
    let done = if force { file.persist(path) } else { file.persist_noclobber(path) };
    done.map(drop).map_err(|error| {
        let taken = !force && error.error.kind() == std::io::ErrorKind::AlreadyExists;
        if taken { exists(path) } else { failed(path, error.error) }
    })
}

/// Refuses a name that is taken, unless it may be replaced.
pub(super) fn refuse_taken(path: &Path, force: bool) -> Result<()> {
    if !force && path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

/// Whether both names lead to one file.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Output { operation: "file cannot be written", source, path: path.to_owned() }
}

fn exists(path: &Path) -> Error {
    Error::File {
        what: "the output",
        problem: "it is there already; give another name, or --force to replace it".to_owned(),
        path: path.to_owned(),
    }
}
