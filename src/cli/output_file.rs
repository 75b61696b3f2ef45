//! A single file that appears complete or not at all, and replaces another only where that was asked for.

use std::io::Write;
use std::path::Path;

use super::error::{Error, Result};
use crate::export::place::{self, Taken};
use crate::files::{self, Readers, Staged};

/// Writes the content under a temporary name in the same folder.
pub(super) fn stage(path: &Path, content: &[u8]) -> Result<Staged> {
    files::stage(path, Readers::Usual, |file| file.write_all(content)).map_err(|source| failed(path, source))
}

/// Gives a staged file its name.
pub(super) fn place(file: Staged, path: &Path, force: bool) -> Result<()> {
    let placed = place::place_staged(file, path, taken(force));
    placed.map(drop).map_err(|error| problem(path, error))
}

/// Refuses a name that is taken, unless what has it is a file and may be replaced.
pub(super) fn refuse_taken(path: &Path, force: bool) -> Result<()> {
    place::check(path, taken(force)).map_err(|error| problem(path, error))
}

/// What `--force` means to files that have the name.
pub(super) fn taken(force: bool) -> Taken {
    if force { Taken::Forced } else { Taken::Stays }
}

fn problem(path: &Path, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::AlreadyExists { exists(path) } else { failed(path, error) }
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
