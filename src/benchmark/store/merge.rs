//! Joining the parts of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::params;
use serde::Serialize;

use super::access::{Meta, PlannedUnits, Store};
use super::files;
use super::{BEGUN, CONTENT, Status};
use crate::benchmark::error::{Error, Result};
use crate::benchmark::identity::difference;
use crate::benchmark::unit::Kind;

/// What joining gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Merged {
    /// How far the joined run is.
    pub status: Status,
    /// Parts that were not given, from 0.
    pub missing_parts: Vec<usize>,
    /// Units that no part has finished or seen fail.
    pub missing_units: usize,
}

/// Joins databases of one run into a new one at `target`. What is missing is told and no error: the parts can be joined
/// again once they are done.
///
/// # Errors
/// When `target` or a companion of it (`-wal`, `-shm`, `-journal`) exists, a part cannot be read, is of another
/// run, was given twice, or contradicts another one. What was there then stays as it was, and nothing is added.
pub fn merge(target: &Path, parts: &[PathBuf]) -> Result<Merged> {
    merged(target, parts, false)
}

/// The same, and `target` may be an earlier joining of some of these parts, which is replaced.
///
/// # Errors
/// As [`merge`]; when `target` is there and anything else.
pub fn merge_again(target: &Path, parts: &[PathBuf]) -> Result<Merged> {
    merged(target, parts, true)
}

fn merged(target: &Path, parts: &[PathBuf], force: bool) -> Result<Merged> {
    let refuse = |problem: &str, path: &Path| Error::Merge { problem: problem.to_owned(), path: path.to_owned() };
    if parts.is_empty() {
        return Err(refuse("name at least one", target));
    }
    let earlier = if force && target.symlink_metadata().is_ok() { Some(opened(target)?) } else { None };
    if earlier.is_none() {
        files::refuse_taken(target)?;
    }
    let stores = parts.iter().map(|path| Store::read(path)).collect::<Result<Vec<Store>>>()?;
    let mut meta = stores[0].meta().clone();
    let (mut taken, mut units_total) = (Vec::new(), 0);
    let mut planned: BTreeMap<(Kind, &str), PlannedUnits> = BTreeMap::new();
    for store in &stores {
        let other = store.meta();
        if let Some((field, one, two)) = difference(&meta.identity, &other.identity) {
            let problem = format!("it belongs to another run: {field} is {two} here and {one} in the first");
            return Err(Error::Merge { problem, path: store.path().to_owned() });
        }
        if other.shards != meta.shards {
            let problem = format!("it is one of {} parts, and the first is one of {}", other.shards, meta.shards);
            return Err(Error::Merge { problem, path: store.path().to_owned() });
        }
        for part in &other.parts {
            if taken.contains(part) {
                let problem = format!("part {part}/{} is given twice", other.shards);
                return Err(Error::Merge { problem, path: store.path().to_owned() });
            }
            taken.push(*part);
        }
        units_total += other.units_total;
        for units in &other.planned {
            let sort = (units.kind, units.method.as_str());
            planned.entry(sort).and_modify(|own| own.units += units.units).or_insert_with(|| units.clone());
        }
    }
    if let Some(earlier) = &earlier {
        let own = earlier.meta();
        let is_part = |path: &PathBuf| path.canonicalize().ok() == target.canonicalize().ok();
        let is_joined_from_these = own.shards == meta.shards && own.parts.iter().all(|part| taken.contains(part));
        if difference(&meta.identity, &own.identity).is_some() || !is_joined_from_these || parts.iter().any(is_part) {
            let problem =
                "what is to be replaced was not joined from these parts alone; give another name, or move it away";
            return Err(refuse(problem, target));
        }
    }
    taken.sort_unstable();
    meta.units_total = units_total;
    meta.planned = planned.into_values().collect();
    meta.shard = taken.first().copied().unwrap_or(0);
    meta.parts = taken;
    let missing_parts = meta.missing_parts();
    let status = join(target, &meta, &stores, earlier).map_err(|error| match error {
        // Nothing of a join is kept.
        Error::DiskFull { path } => {
            Error::File { action: "joining the databases", source: std::io::ErrorKind::StorageFull.into(), path }
        }
        other => other,
    })?;
    let missing_units = status.total.saturating_sub(status.done + status.failed);
    Ok(Merged { status, missing_parts, missing_units })
}

/// What is to be replaced.
fn opened(target: &Path) -> Result<Store> {
    Store::open(target).map_err(|error| match error {
        Error::NoRun { path } => Error::Exists { path },
        other => other,
    })
}

/// Joins in a folder of its own, which goes in any case; the whole database gets its name at the end.
fn join(target: &Path, meta: &Meta, stores: &[Store], earlier: Option<Store>) -> Result<Status> {
    let staging = files::staging(target)?;
    let made = staging.path().join("joined.sqlite");
    let joined = Store::begin(&made, meta, target)?;
    let failed = Error::sqlite(target);
    for store in stores {
        let Some(path) = store.attached_as.as_deref().or_else(|| store.path().to_str()) else {
            return Err(Error::Merge { problem: "its path is no text".to_owned(), path: store.path().to_owned() });
        };
        joined.connection.execute("ATTACH DATABASE ?1 AS part", [path]).map_err(failed)?;
        let copied = copy(&joined, store.path());
        joined.connection.execute("DETACH DATABASE part", []).map_err(failed)?;
        copied?;
    }
    let status = joined.status()?;
    joined.connection.close().map_err(|(_, error)| failed(error))?;
    match earlier {
        None => files::place(&made, target)?,
        Some(earlier) => earlier.give_way(&made)?,
    }
    Ok(status)
}

fn copy(joined: &Store, from: &Path) -> Result<()> {
    let failed = Error::sqlite(joined.path());
    let transaction = joined.connection.unchecked_transaction().map_err(failed)?;
    for (table, columns) in CONTENT {
        let copied = transaction.execute(&format!("INSERT INTO main.{table} SELECT {columns} FROM part.{table}"), []);
        copied.map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => Error::Merge {
                problem: format!("it holds rows of `{table}` that another part has too"),
                path: from.to_owned(),
            },
            _ => failed(error),
        })?;
    }
    let before = "SELECT coalesce(max(id), 0) FROM main.session";
    let before: i64 = transaction.query_row(before, [], |row| row.get(0)).map_err(failed)?;
    let sessions = "INSERT INTO main.session(id, started_unix_secs, ended_unix_secs, work_secs, units, executor) \
                    SELECT id + ?1, started_unix_secs, ended_unix_secs, work_secs, units, executor FROM part.session";
    transaction.execute(sessions, [before]).map_err(failed)?;
    let has_pace = "SELECT count(*) FROM part.sqlite_master WHERE name = 'pace'";
    if transaction.query_row(has_pace, [], |row| row.get::<_, bool>(0)).map_err(failed)? {
        // Nobody is at what a part has begun.
        let pace =
            "INSERT INTO main.pace SELECT session + ?1, kind, method, units, secs FROM part.pace WHERE kind != ?2";
        transaction.execute(pace, params![before, BEGUN]).map_err(failed)?;
    }
    let has_thumbnails = "SELECT count(*) FROM part.sqlite_master WHERE name = 'thumbnail'";
    if transaction.query_row(has_thumbnails, [], |row| row.get::<_, bool>(0)).map_err(failed)? {
        // An image of two parts has the same thumbnail in both.
        let thumbnails = "INSERT OR IGNORE INTO main.thumbnail SELECT * FROM part.thumbnail";
        transaction.execute(thumbnails, []).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}
