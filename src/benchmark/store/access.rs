//! Making and opening databases.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::files::{self, FileId, Lock, is_ours};
use super::look::{Look, look};
use super::{APPLICATION, LAYOUT, PACE, SCHEMA, thumbnail};
use crate::benchmark::error::{Error, Result};
use crate::benchmark::protocol::Protocol;
use crate::benchmark::results::{CohortProvenance, Exclusion, ModelProvenance};
use crate::benchmark::unit::Kind;
use crate::files::Staging;
use crate::limits;

/// How long to wait for another connection's transaction.
const WAIT: Duration = Duration::from_secs(10);

/// What a database says about its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Names the run.
    pub run_id: String,
    /// All that the run's numbers follow from, without paths; two databases of one run agree in it.
    pub identity: serde_json::Value,
    /// The protocol with its paths, to go on from.
    pub protocol: Protocol,
    /// Folder of external maps.
    pub external: Option<PathBuf>,
    /// The cohort.
    pub cohort: CohortProvenance,
    /// The networks.
    pub models: Vec<ModelProvenance>,
    /// What is left out from the start.
    pub exclusions: Vec<Exclusion>,
    /// Version of the program that began it.
    pub program_version: String,
    /// Which part of the run this is, from 0.
    pub shard: usize,
    /// How many parts there are.
    pub shards: usize,
    /// Parts joined here; one until then.
    pub parts: Vec<usize>,
    /// Units of this part.
    pub units_total: usize,
    /// The same by kind and method; nothing in databases from before these were noted.
    #[serde(default)]
    pub planned: Vec<PlannedUnits>,
    /// Whether small copies of the radiographs are kept, as was said when the run was begun; no part of its identity. Nothing
    /// in databases from before there were any, which keep none.
    #[serde(default)]
    pub thumbnails: Option<bool>,
}

impl Meta {
    /// Parts of the run that are not here, from 0.
    pub fn missing_parts(&self) -> Vec<usize> {
        let here: HashSet<usize> = self.parts.iter().copied().collect();
        (0..self.shards).filter(|part| !here.contains(part)).collect()
    }
}

/// Units that cost about the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedUnits {
    /// What they make.
    pub kind: Kind,
    /// The method, where there is one.
    pub method: String,
    /// How many.
    pub units: usize,
    /// About how much work one is, in passes through a network.
    pub passes: f64,
}

/// The database of a run.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) meta: Meta,
    /// Held while this process writes.
    _lock: Option<Lock>,
    /// The file, while this process writes it under its name.
    written: Option<FileId>,
    /// What another connection attaches it by, where that is not its path.
    pub(super) attached_as: Option<String>,
    /// The folder of the copy that is looked at.
    _copy: Option<Staging>,
}

/// The layout of a new database.
pub(super) fn layout(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", LAYOUT)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(PACE)?;
    connection.execute_batch(thumbnail::TABLE)
}

impl Store {
    /// Makes a new database, which gets its name once it is whole: a process that is killed here leaves none.
    ///
    /// # Errors
    /// When anything has its name or that of one of its companions, the folder cannot be written, or another process is
    /// at it. What is there stays as it is.
    pub fn create(path: &Path, meta: &Meta) -> Result<Self> {
        files::refuse_taken(path)?;
        let lock = Lock::take(path)?;
        let made = files::staging(path).and_then(|staging| {
            let begun = staging.path().join("benchmark.sqlite");
            begin(&begun, meta, path)?.close().map_err(|(_, error)| Error::sqlite(path)(error))?;
            files::place(&begun, path)
        });
        let opened = made.and_then(|()| {
            let failed = Error::sqlite(path);
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
            set_up(&connection).map_err(failed)?;
            Ok((connection, FileId::of(path).map_err(looking(path))?))
        });
        match opened {
            Ok((connection, written)) => {
                Ok(Self { _lock: Some(lock), written: Some(written), ..Self::of(connection, path, meta.clone()) })
            }
            Err(error) => {
                lock.undo();
                Err(error)
            }
        }
    }

    fn of(connection: Connection, path: &Path, meta: Meta) -> Self {
        let path = path.to_owned();
        Self { connection, path, meta, _lock: None, written: None, attached_as: None, _copy: None }
    }

    /// A new database at `at` to be filled by this process alone; trouble is told of `target`, where it will be.
    pub(super) fn begin(at: &Path, meta: &Meta, target: &Path) -> Result<Self> {
        let connection = begin(at, meta, target)?;
        Ok(Self::of(connection, target, meta.clone()))
    }

    /// Opens a database to go on with; no other process can at the same time.
    ///
    /// # Errors
    /// When it is not there, damaged, of a newer version, or another process writes it.
    pub fn open(path: &Path) -> Result<Self> {
        require(path)?;
        let lock = Lock::take(path)?;
        match open_to_write(path).and_then(|opened| Ok((opened, FileId::of(path).map_err(looking(path))?))) {
            Ok(((connection, meta), written)) => {
                Ok(Self { _lock: Some(lock), written: Some(written), ..Self::of(connection, path, meta) })
            }
            Err(error) => {
                lock.undo();
                Err(error)
            }
        }
    }

    /// Opens a database to look at, also while another process writes it, and where nothing can be written.
    ///
    /// # Errors
    /// When it is not there, damaged, or of a newer version.
    pub fn read(path: &Path) -> Result<Self> {
        require(path)?;
        let Look { connection, name, copy } = look(path, |connection| {
            connection.busy_timeout(WAIT).map_err(Error::sqlite(path))?;
            check(connection, path)
        })?;
        let meta = read_meta(&connection, path)?;
        let read = Self::of(connection, path, meta);
        Ok(Self { attached_as: name, _copy: copy, ..read })
    }

    /// Fails where the file that is written has its name no more: what goes into it is lost with the program's end.
    pub(crate) fn require_there(&self) -> Result<()> {
        match self.written {
            Some(written) if FileId::of(&self.path).ok() != Some(written) => {
                Err(Error::Vanished { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Closes the database and gives its name to a finished one, which nothing has open.
    pub(super) fn give_way(self, made: &Path) -> Result<()> {
        // What waits in the journal is written, so that the new database finds no journal of the old one. The lock is held
        // until the new one is there.
        let Self { connection, path, _lock, .. } = self;
        connection.close().map_err(|(_, error)| Error::sqlite(&path)(error))?;
        files::replace(made, &path)
    }

    /// What it says about its run.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Takes the units that this program plans for the run in the place of those that an earlier one planned.
    pub(crate) fn plan(&mut self, planned: &[PlannedUnits]) -> Result<()> {
        if self.meta.planned == planned {
            return Ok(());
        }
        let total = planned.iter().map(|units| units.units).sum();
        let meta = Meta { planned: planned.to_vec(), units_total: total, ..self.meta.clone() };
        let facts = facts(&meta).map_err(|problem| Error::Database { problem, path: self.path.clone() })?;
        let changed = facts.into_iter().filter(|(key, _)| matches!(key.as_str(), "planned" | "units_total")).collect();
        write_facts(&self.connection, &changed).map_err(Error::sqlite(&self.path))?;
        self.meta = meta;
        Ok(())
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn looking(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    |source| Error::File { action: "looking at the database", source, path: path.to_owned() }
}

/// The description of a run, field by field.
fn facts(meta: &Meta) -> std::result::Result<serde_json::Map<String, serde_json::Value>, String> {
    match serde_json::to_value(meta) {
        Ok(serde_json::Value::Object(facts)) => Ok(facts),
        Ok(_) => Err("its description is no object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn write_facts(connection: &Connection, facts: &serde_json::Map<String, serde_json::Value>) -> rusqlite::Result<()> {
    for (key, value) in facts {
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (key, value.to_string()))?;
    }
    Ok(())
}

/// Refuses what is none of ours before anything opens it: `SQLite` writes into folders of what it opens.
fn require(path: &Path) -> Result<()> {
    let read = |source| Error::File { action: "reading the database", source, path: path.to_owned() };
    if !path.is_file() || !is_ours(path).map_err(read)? {
        return Err(Error::NoRun { path: path.to_owned() });
    }
    files::require_regular_companions(path)
}

fn begin(at: &Path, meta: &Meta, target: &Path) -> Result<Connection> {
    let failed = Error::sqlite(target);
    let facts = facts(meta).map_err(|problem| Error::Database { problem, path: target.to_owned() })?;
    let connection = Connection::open(at).map_err(failed)?;
    let made = connection.unchecked_transaction().and_then(|transaction| {
        layout(&transaction)?;
        write_facts(&transaction, &facts)?;
        transaction.commit()
    });
    made.map_err(failed)?;
    Ok(connection)
}

fn open_to_write(path: &Path) -> Result<(Connection, Meta)> {
    let failed = Error::sqlite(path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    check(&connection, path)?;
    let made = set_up(&connection).and_then(|()| connection.execute_batch(PACE));
    made.and_then(|()| connection.execute_batch(thumbnail::TABLE)).map_err(failed)?;
    let meta = read_meta(&connection, path)?;
    Ok((connection, meta))
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A process that is killed loses nothing; a machine that loses power may lose the last seconds, and nothing before.
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Refuses what is none of ours, of a newer version, or cut off.
fn check(connection: &Connection, path: &Path) -> Result<()> {
    let failed = Error::sqlite(path);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    if number("application_id")? != APPLICATION {
        return Err(Error::NoRun { path: path.to_owned() });
    }
    let found = number("user_version")?;
    if found > LAYOUT {
        return Err(Error::Newer { found, known: LAYOUT, path: path.to_owned() });
    }
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    let waiting = std::fs::metadata(journal).is_ok_and(|metadata| metadata.len() > 0);
    let expected = number("page_count")? * number("page_size")?;
    if !waiting && i64::try_from(length).unwrap_or(i64::MAX) < expected {
        let problem = format!("it has {length} of its {expected} bytes");
        return Err(Error::Damaged { problem, path: path.to_owned() });
    }
    Ok(())
}

fn read_meta(connection: &Connection, path: &Path) -> Result<Meta> {
    let failed = Error::sqlite(path);
    let damaged = |problem: String| Error::Damaged { problem, path: path.to_owned() };
    let tables = "SELECT name FROM sqlite_master WHERE name = 'meta'";
    if connection.query_row(tables, [], |_| Ok(())).optional().map_err(failed)?.is_none() {
        return Err(damaged("it has no description of its run".to_owned()));
    }
    let mut statement = connection.prepare("SELECT key, value FROM meta").map_err(failed)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let mut facts = serde_json::Map::new();
    for row in rows.map_err(failed)? {
        let (key, value) = row.map_err(failed)?;
        let value =
            serde_json::from_str(&value).map_err(|error| damaged(format!("its {key} is unreadable: {error}")))?;
        facts.insert(key, value);
    }
    let meta: Meta = serde_json::from_value(facts.into())
        .map_err(|error| damaged(format!("its description is not whole: {error}")))?;
    if !limits::SHARDS.contains(meta.shards) {
        return Err(damaged(format!("it says that its run has {} parts", meta.shards)));
    }
    Ok(meta)
}
