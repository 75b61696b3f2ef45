//! What the runner writes.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Transaction, params};

use super::{BEGUN, KeptMap, Store};
use crate::benchmark::error::{Error, Result};
use crate::benchmark::pace::{Sort, Times};
use crate::benchmark::results::Score;
use crate::benchmark::unit::Unit;

/// What a classifier says about an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    /// Whether the image has the finding.
    pub(crate) positive: bool,
    /// Logarithm of the odds of the finding.
    pub(crate) log_odds: f64,
}

/// A finished unit.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) unit: Unit,
    pub(crate) scores: Vec<Score>,
    pub(crate) map: Option<KeptMap>,
    pub(crate) prediction: Option<Prediction>,
}

/// How far a sitting has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SittingNote {
    /// Time at work.
    pub(crate) work_secs: f64,
    /// Of that, time for units that are not finished.
    pub(crate) begun_secs: f64,
    /// Units finished or failed.
    pub(crate) units: usize,
    /// How long the finished ones took.
    pub(crate) times: BTreeMap<Sort, Times>,
}

impl Store {
    /// Whether a unit is finished; a failed one is when `failures_count`.
    pub(crate) fn has(&self, unit: &Unit, failures_count: bool) -> Result<bool> {
        let find = || -> rusqlite::Result<bool> {
            let mut statement = self.connection.prepare_cached(
                "SELECT failure FROM unit WHERE kind = ?1 AND image = ?2 AND other_image = ?3 AND model = ?4 AND \
                 other_model = ?5 AND state = ?6 AND method = ?7",
            )?;
            let Unit { kind, image, other_image, model, other_model, state, method } = unit;
            let mut rows =
                statement.query(params![kind.name(), image, other_image, model, other_model, state, method])?;
            let Some(row) = rows.next()? else { return Ok(false) };
            Ok(failures_count || row.get::<_, Option<String>>(0)?.is_none())
        };
        find().map_err(Error::sqlite(&self.path))
    }

    /// Keeps finished units: all of them, or on failure none.
    pub(crate) fn keep(&self, finished: &[Finished]) -> Result<()> {
        let packed = |map: &KeptMap| {
            let failed = |source| Error::File { action: "compressing a map", source, path: self.path.clone() };
            map.packed().map_err(failed)
        };
        let maps: Vec<Option<Vec<u8>>> =
            finished.iter().map(|unit| unit.map.as_ref().map(packed).transpose()).collect::<Result<_>>()?;
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for (finished, pixels) in finished.iter().zip(&maps) {
                write_unit(&transaction, &finished.unit, None)?;
                for score in &finished.scores {
                    write_score(&transaction, score)?;
                }
                if let Some(Prediction { positive, log_odds }) = finished.prediction {
                    let Unit { image, model, .. } = &finished.unit;
                    transaction
                        .prepare_cached("INSERT OR REPLACE INTO prediction VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![model, image, positive, log_odds])?;
                }
                if let (Some(map), Some(pixels)) = (&finished.map, pixels) {
                    let Unit { image, model, state, method, .. } = &finished.unit;
                    let KeptMap { height, width, class, outcome, .. } = map;
                    transaction
                        .prepare_cached("INSERT OR REPLACE INTO map VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
                        .execute(params![
                            image,
                            model,
                            state,
                            method,
                            whole(*height),
                            whole(*width),
                            class.map(whole),
                            outcome,
                            pixels
                        ])?;
                }
            }
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }

    /// Notes why units failed.
    pub(crate) fn fail(&self, units: &[Unit], reason: &str) -> Result<()> {
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for unit in units {
                write_unit(&transaction, unit, Some(reason))?;
            }
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }

    /// Begins a sitting and gives its number.
    pub(crate) fn begin_session(&self, executor: &str) -> Result<i64> {
        let now = unix_secs();
        let inserted = self.connection.execute(
            "INSERT INTO session(started_unix_secs, ended_unix_secs, work_secs, units, executor) VALUES (?1, ?1, 0, 0, ?2)",
            params![now, executor],
        );
        inserted.map_err(Error::sqlite(&self.path))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how far a sitting has come.
    pub(crate) fn note_session(&self, session: i64, note: &SittingNote) -> Result<()> {
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute(
                "UPDATE session SET ended_unix_secs = ?2, work_secs = ?3, units = ?4 WHERE id = ?1",
                params![session, unix_secs(), note.work_secs, whole(note.units)],
            )?;
            let mut statement =
                transaction.prepare_cached("INSERT OR REPLACE INTO pace VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for ((kind, method), Times { units, secs }) in &note.times {
                statement.execute(params![session, kind.name(), method, units, secs])?;
            }
            statement.execute(params![session, BEGUN, "", 0.0, note.begun_secs])?;
            drop(statement);
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }

    /// Writes everything into the one file.
    pub(crate) fn settle(&self) -> Result<()> {
        let settled = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        settled.map_err(Error::sqlite(&self.path))
    }
}

fn write_unit(transaction: &Transaction<'_>, unit: &Unit, failure: Option<&str>) -> rusqlite::Result<()> {
    let Unit { kind, image, other_image, model, other_model, state, method } = unit;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO unit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![kind.name(), image, other_image, model, other_model, state, method, failure])
        .map(|_| ())
}

fn write_score(transaction: &Transaction<'_>, score: &Score) -> rusqlite::Result<()> {
    let Score { test, image, method, condition, models, replicate, metric, value, note } = score;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO score VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![test.name(), image, method, condition, models, replicate, metric, value, note])
        .map(|_| ())
}

/// A number as the database keeps it.
fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Seconds since 1970.
fn unix_secs() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
