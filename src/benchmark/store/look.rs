//! Opening a database to look at it, also where nothing can be written.
//!
//! `SQLite` reads a database with a journal beside it (`-wal`) through a third file (`-shm`), which it makes where it can. Where
//! it cannot, and no journal lies there, the file is read as one that nobody changes. Where a journal lies there, what is in it
//! belongs to the run: the database is read with the third file of whoever writes it, or else both are copied.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags};

use super::files::companion;
use crate::benchmark::error::{Error, Result};
use crate::files::{Staging, staging_in};

/// How often a database and its journal are copied before it is given up that they belong together.
const COPIES: usize = 5;

/// A database that is open to be looked at.
pub(super) struct Look {
    pub(super) connection: Connection,
    /// What another connection attaches it by; its path where there is none.
    pub(super) name: Option<String>,
    /// The folder of a copy, which goes with it.
    pub(super) copy: Option<Staging>,
}

/// Opens it in the first way that `check` is content with.
pub(super) fn look(path: &Path, check: impl Fn(&Connection) -> Result<()>) -> Result<Look> {
    let checked = |look: Result<Look>| look.and_then(|look| check(&look.connection).map(|()| look));
    // A database that was not closed needs its journal replayed, for which it must be opened for writing.
    match checked(plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)) {
        Err(Error::ReadOnly { .. }) => {}
        opened => return opened,
    }
    if !waits(path) {
        return checked(unchanging(path));
    }
    match checked(plain(path, OpenFlags::SQLITE_OPEN_READ_ONLY)) {
        Err(Error::ReadOnly { .. }) => checked(copied(path, &std::env::temp_dir())),
        opened => opened,
    }
}

/// Whether a journal holds what the database does not.
fn waits(path: &Path) -> bool {
    companion(path, "-wal").metadata().is_ok_and(|found| found.len() > 0)
}

fn plain(path: &Path, access: OpenFlags) -> Result<Look> {
    let opened = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    Ok(Look { connection: opened.map_err(Error::sqlite(path))?, name: None, copy: None })
}

/// As a file that nobody changes: without locks and without companions.
pub(super) fn unchanging(path: &Path) -> Result<Look> {
    let name = format!("{}?immutable=1", uri(path));
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let opened = Connection::open_with_flags(&name, access);
    Ok(Look { connection: opened.map_err(Error::sqlite(path))?, name: Some(name), copy: None })
}

/// A copy of the database and its journal in a hidden folder inside `folder`.
pub(super) fn copied(path: &Path, folder: &Path) -> Result<Look> {
    let failed = |source| Error::File { action: "copying the database", source, path: path.to_owned() };
    let staging = staging_in(folder).map_err(failed)?;
    let copy = staging.path().join("copy.sqlite");
    let parts = [(path.to_owned(), copy.clone()), (companion(path, "-wal"), companion(&copy, "-wal"))];
    for _ in 0..COPIES {
        let before = parts.each_ref().map(|(from, _)| state(from));
        for (from, to) in &parts {
            fs::copy(from, to).map_err(failed)?;
        }
        // Whoever writes it meanwhile would leave two halves that do not belong together.
        if before == parts.each_ref().map(|(from, _)| state(from)) {
            let look = plain(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            return Ok(Look { name: copy.to_str().map(str::to_owned), copy: Some(staging), ..look });
        }
    }
    Err(Error::Busy { path: path.to_owned() })
}

fn state(path: &Path) -> Option<(u64, SystemTime)> {
    let found = path.metadata().ok()?;
    Some((found.len(), found.modified().ok()?))
}

fn escaped(byte: u8) -> String {
    format!("%{byte:02X}")
}

/// The path as `SQLite` reads it where options follow.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    if path.is_absolute() {
        uri.push_str("//");
        if cfg!(windows) {
            uri.push('/');
        }
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' | b':' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&escaped(*byte)),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_itself_where_options_follow() {
        let root = tempfile::tempdir().unwrap();
        for name in ["plain", "a b", "50%?immutable=0#x&y", "Łódź", "%41"] {
            let path = root.path().join(name);
            Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (7)").unwrap();
            let look = unchanging(&path).unwrap();
            assert_eq!(look.connection.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
            assert!(look.connection.execute_batch("INSERT INTO t VALUES (8)").is_err());
        }
    }

    #[test]
    fn what_waits_in_the_journal_is_in_a_copy_and_not_without_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run.sqlite");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE t(a); PRAGMA wal_checkpoint; INSERT INTO t VALUES (7)").unwrap();
        let rows = |look: &Look| look.connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert!(waits(&path));
        assert_eq!(rows(&unchanging(&path).unwrap()).unwrap(), 0);
        let elsewhere = tempfile::tempdir().unwrap();
        let look = copied(&path, elsewhere.path()).unwrap();
        assert_eq!(rows(&look).unwrap(), 1);
        drop(look);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "a copy may hold pictures and does not stay");
    }
}
