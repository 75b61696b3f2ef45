//! The files of a database: its own, and those that lie beside it under its name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::APPLICATION;
use crate::benchmark::error::{Error, Result};
use crate::export::place::{self, Taken};
use crate::files::{Staging, folder_of, open, staging_in};

/// Files that `SQLite` takes for parts of a database because of their names.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// First bytes of a database.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of a database's head.
const HEAD_BYTES: usize = 100;
/// Place of `PRAGMA application_id` in the head.
const APPLICATION_AT: usize = 68;
/// Head of a journal of pages.
const JOURNAL_HEAD_BYTES: u64 = 32;
/// Head of each page in it.
const PAGE_HEAD_BYTES: usize = 24;

/// Which file has a name, told without opening it: closing a file lets go of the locks that `SQLite` holds on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId([u64; 2]);

impl FileId {
    /// Of the file that has the name now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = path.metadata()?;
        #[cfg(unix)]
        let id = [std::os::unix::fs::MetadataExt::dev(&found), std::os::unix::fs::MetadataExt::ino(&found)];
        // Elsewhere a file that is open keeps its name.
        #[cfg(not(unix))]
        let id = [u64::from(found.is_file()), 0];
        Ok(Self(id))
    }
}

pub(super) fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Refuses to make a database where anything has its name, or a name that would be taken for a part of it.
pub(super) fn refuse_taken(path: &Path) -> Result<()> {
    refuse_any(std::iter::once(path.to_owned()).chain(companions(path)))
}

fn companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    COMPANIONS.map(|ending| companion(path, ending)).into_iter()
}

fn refuse_any(paths: impl Iterator<Item = PathBuf>) -> Result<()> {
    for path in paths {
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { action: "looking for the database", source, path }),
            Ok(_) => return Err(Error::Exists { path }),
        }
    }
    Ok(())
}

/// Refuses a database beside which a pipe, a device or a folder has the name of a part of it: `SQLite` would open it.
pub(super) fn require_regular_companions(path: &Path) -> Result<()> {
    let odd = |path: &PathBuf| path.metadata().is_ok_and(|found| !found.is_file());
    match COMPANIONS.map(|ending| companion(path, ending)).into_iter().find(odd) {
        Some(path) => {
            let problem = "what has the name of its journal is no regular file; move that away".to_owned();
            Err(Error::Damaged { problem, path })
        }
        None => Ok(()),
    }
}

/// A hidden folder beside `path` for what is not finished; it goes with all that is in it.
pub(super) fn staging(path: &Path) -> Result<Staging> {
    staging_in(folder_of(path)).map_err(|source| Error::File {
        action: "making the database",
        source,
        path: path.to_owned(),
    })
}

/// Gives a finished database, which nothing has open, its name, unless anything has that.
pub(super) fn place(made: &Path, path: &Path) -> Result<()> {
    refuse_taken(path)?;
    put(made, path, Taken::Stays)
}

/// The same in the place of a database that is closed.
pub(super) fn replace(made: &Path, path: &Path) -> Result<()> {
    refuse_any(companions(path))?;
    put(made, path, Taken::Replaced)
}

fn put(made: &Path, path: &Path, taken: Taken) -> Result<()> {
    let placed = TempPath::try_from_path(made).and_then(|made| place::place(made, path, taken));
    placed.map(drop).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        _ => Error::File { action: "making the database", source, path: path.to_owned() },
    })
}

/// Whether a file is a database of this program, by its head or by that which waits in its journal. Opens nothing for
/// writing.
pub(super) fn is_ours(path: &Path) -> io::Result<bool> {
    let Some(head) = head(&mut open(path)?)? else { return Ok(false) };
    if !head.starts_with(MAGIC) {
        return Ok(false);
    }
    if application(&head) == APPLICATION {
        return Ok(true);
    }
    // A run that was killed early has its head there alone.
    let mut journal = match open(&companion(path, "-wal")) {
        Err(error) if error.is_missing() => return Ok(false),
        journal => journal?,
    };
    let mut start = [0; JOURNAL_HEAD_BYTES as usize];
    if !filled(&mut journal, &mut start)? {
        return Ok(false);
    }
    let [.., a, b, c, d] = start[..12] else { return Ok(false) };
    let page_bytes = u64::from(u32::from_be_bytes([a, b, c, d]));
    if !(512..=65_536).contains(&page_bytes) {
        return Ok(false);
    }
    let mut at = JOURNAL_HEAD_BYTES;
    let mut page_head = [0; PAGE_HEAD_BYTES];
    while filled(&mut journal, &mut page_head)? {
        let is_first_page = page_head.starts_with(&1_u32.to_be_bytes());
        if is_first_page && head_is_ours(&mut journal)? {
            return Ok(true);
        }
        at += PAGE_HEAD_BYTES as u64 + page_bytes;
        journal.seek(SeekFrom::Start(at))?;
    }
    Ok(false)
}

fn head_is_ours(file: &mut File) -> io::Result<bool> {
    Ok(head(file)?.is_some_and(|head| head.starts_with(MAGIC) && application(&head) == APPLICATION))
}

/// The head that stands next, where there are bytes enough.
fn head(file: &mut File) -> io::Result<Option<[u8; HEAD_BYTES]>> {
    let mut head = [0; HEAD_BYTES];
    Ok(filled(file, &mut head)?.then_some(head))
}

fn filled(file: &mut File, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn application(head: &[u8; HEAD_BYTES]) -> i64 {
    let [a, b, c, d] = [0, 1, 2, 3].map(|byte| head[APPLICATION_AT + byte]);
    i64::from(u32::from_be_bytes([a, b, c, d]))
}

/// Keeps other processes from writing a database. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    path: PathBuf,
    /// There was no such file before.
    is_new: bool,
}

impl Lock {
    /// Takes the lock of the database at `path`: an empty file beside it, made where needed and written never.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let path = companion(path, ".lock");
        let failed = |source| Error::File { action: "taking the lock of the database", source, path: path.clone() };
        let (file, is_new) = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let found = path.symlink_metadata().map_err(failed)?;
                // A lock of ours is empty. Anything else is somebody's.
                if !found.is_file() || found.len() > 0 {
                    return Err(Error::Exists { path });
                }
                (OpenOptions::new().write(true).open(&path).map_err(failed)?, false)
            }
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file, path, is_new }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Lets go of it; a file that was made for it goes.
    pub(super) fn undo(self) {
        if self.is_new {
            // An empty file that stays does no harm.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
