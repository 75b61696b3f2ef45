//! What a database tells.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Params, Row, params};
use serde::Serialize;

use super::{BEGUN, CONTENT, KeptMap, PlannedUnits, Store};
use crate::benchmark::error::{Error, Result};
use crate::benchmark::pace::{Sort, Tally, Times, forecast};
use crate::benchmark::protocol::Test;
use crate::benchmark::results::{Exclusion, ModelAuc, Results, RunProvenance, Score};
use crate::benchmark::unit::{Kind, Unit};
use crate::metrics::{Bootstrap, roc_auc};
use crate::network::sha256_hex;

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Names the run.
    pub run_id: String,
    /// Its preset.
    pub preset: String,
    /// The cohort.
    pub cohort: String,
    /// The first part of the run that is here, from 0.
    pub shard: usize,
    /// How many parts the run has.
    pub shards: usize,
    /// The parts that are here, from 0: several once they were joined.
    pub parts: Vec<usize>,
    /// Units finished.
    pub done: usize,
    /// Units that failed.
    pub failed: usize,
    /// Units in all.
    pub total: usize,
    /// Units finished in one second of work so far, over all sittings; nothing before the first. Units differ in cost, and
    /// quick ones come first: no measure of what is left.
    pub units_per_sec: Option<f64>,
    /// Time left, judged by how long units of each kind and method took; nothing before the first maps.
    pub secs_left: Option<f64>,
    /// Time spent at work, over all sittings.
    pub work_secs: f64,
    /// Failures by reason, the most frequent first.
    pub failures: Vec<ReasonUnits>,
    /// Numbers kept.
    pub scores: usize,
    /// Maps kept.
    pub maps: usize,
}

/// Units that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonUnits {
    /// The reason.
    pub reason: String,
    /// How many.
    pub units: usize,
}

impl Store {
    /// How far the run is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn status(&self) -> Result<Status> {
        let count = |query: &str| self.one(query, |row| row.get::<_, i64>(0)).map(|count| count as usize);
        let done = count("SELECT count(*) FROM unit WHERE failure IS NULL")?;
        let reasons =
            "SELECT failure, count(*) FROM unit WHERE failure IS NOT NULL GROUP BY failure ORDER BY 2 DESC, 1";
        let failures: Vec<ReasonUnits> = self
            .rows(reasons, [], |row| Ok(ReasonUnits { reason: row.get(0)?, units: row.get::<_, i64>(1)? as usize }))?;
        let worked = "SELECT coalesce(sum(work_secs), 0), coalesce(sum(units), 0) FROM session";
        let (work_secs, units): (f64, i64) = self.one(worked, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let units_per_sec = (work_secs > 0.0 && units > 0).then(|| units as f64 / work_secs);
        let failed_units: usize = failures.iter().map(|reason| reason.units).sum();
        Ok(Status {
            run_id: self.meta.run_id.clone(),
            preset: self.meta.protocol.preset.name().to_owned(),
            cohort: self.meta.cohort.name.clone(),
            shard: self.meta.shard,
            shards: self.meta.shards,
            parts: self.meta.parts.clone(),
            done,
            failed: failed_units,
            total: self.meta.units_total,
            units_per_sec,
            secs_left: self.secs_left()?,
            work_secs,
            failures,
            scores: count("SELECT count(*) FROM score")?,
            maps: count("SELECT count(*) FROM map")?,
        })
    }

    /// Everything found so far. Folders are left out of the protocol.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn results(&self) -> Result<Results> {
        let status = self.status()?;
        let times = "SELECT min(started_unix_secs), max(ended_unix_secs) FROM session";
        let (started, ended): (Option<i64>, Option<i64>) = self.one(times, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let executors = "SELECT DISTINCT executor FROM session ORDER BY executor";
        let executors: Vec<String> = self.rows(executors, [], |row| row.get(0))?;
        let missing_parts = self.meta.missing_parts();
        let complete = status.done + status.failed >= status.total && missing_parts.is_empty();
        let mut models = self.meta.models.clone();
        for model in &mut models {
            model.auc = self.auc(&model.name)?;
        }
        let seconds = |time: Option<i64>| time.and_then(|time| u64::try_from(time).ok());
        Ok(Results {
            protocol: self.meta.protocol.without_paths(),
            provenance: RunProvenance {
                run_id: self.meta.run_id.clone(),
                program_version: self.meta.program_version.clone(),
                cohort: self.meta.cohort.clone(),
                models,
                executors,
                started_unix_secs: seconds(started).unwrap_or(0),
                finished_unix_secs: seconds(ended).filter(|_| complete),
                work_secs: status.work_secs,
                units_done: status.done,
                units_total: status.total,
                missing_parts,
                parts: self.meta.shards,
            },
            scores: self.scores()?,
            exclusions: self.exclusions()?,
            maps: (status.maps > 0).then(|| self.path.clone()),
        })
    }

    /// Every number, in the order test, image, method, condition, networks, metric.
    ///
    /// # Errors
    /// When the database cannot be read, or names a test that this program does not know.
    pub fn scores(&self) -> Result<Vec<Score>> {
        let query = "SELECT test, image, method, condition, models, replicate, metric, value, note FROM score \
                     ORDER BY test, image, method, condition, models, metric";
        let found = self.rows(query, [], |row| {
            let test: String = row.get(0)?;
            let Some(test) = Test::of_name(&test) else { return Ok(Err(test)) };
            Ok(Ok(Score {
                test,
                image: row.get(1)?,
                method: row.get(2)?,
                condition: row.get(3)?,
                models: row.get(4)?,
                replicate: row.get(5)?,
                metric: row.get(6)?,
                value: row.get(7)?,
                note: row.get(8)?,
            }))
        })?;
        let unknown = |test: String| self.damaged(format!("it names a test {test:?}"));
        let mut scores = found.into_iter().collect::<std::result::Result<Vec<Score>, _>>().map_err(unknown)?;
        scores.sort_by_key(|score| score.test);
        Ok(scores)
    }

    /// The kept map of a unit, where it was kept. The average mask is that of a [`Kind::Fixed`] unit called `AVG` without
    /// an image.
    ///
    /// # Errors
    /// When the database cannot be read or the map is damaged.
    pub fn map(&self, unit: &Unit) -> Result<Option<KeptMap>> {
        let failed = Error::sqlite(&self.path);
        let query = "SELECT height, width, class, outcome, pixels FROM map WHERE image = ?1 AND model = ?2 AND state = ?3 \
                     AND method = ?4";
        let Unit { image, model, state, method, .. } = unit;
        let found = self.connection.query_row(query, params![image, model, state, method], |row| {
            let whole = |index: usize| row.get::<_, i64>(index).map(|number| usize::try_from(number).unwrap_or(0));
            let class = row.get::<_, Option<i64>>(2)?.and_then(|class| usize::try_from(class).ok());
            Ok((whole(0)?, whole(1)?, class, row.get::<_, String>(3)?, row.get::<_, Vec<u8>>(4)?))
        });
        let Some((height, width, class, outcome, pixels)) = found.optional().map_err(failed)? else { return Ok(None) };
        let values = KeptMap::unpacked(height, width, &pixels);
        let values = values.ok_or_else(|| self.damaged("a map in it is not whole".to_owned()))?;
        Ok(Some(KeptMap { height, width, class, outcome, values }))
    }

    /// `[height, width]` of the maps that were kept; nothing where there are none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn map_size_px(&self) -> Result<Option<[usize; 2]>> {
        let query = "SELECT height, width FROM map LIMIT 1";
        let found = self.connection.query_row(query, [], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?])).optional();
        let found = found.map_err(Error::sqlite(&self.path))?;
        Ok(found.map(|sides| sides.map(|side| usize::try_from(side).unwrap_or(0))))
    }

    /// The units whose maps were kept, in the order network, state, image, method. The state of the average mask and of
    /// localizers is empty, and so are the network and the image of the average mask.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn kept_maps(&self) -> Result<Vec<Unit>> {
        let query = "SELECT image, model, state, method FROM map ORDER BY model, state, image, method";
        self.rows(query, [], |row| {
            let [image, model, state, method] =
                [row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?];
            Ok(Unit::map(&image, &model, &state, &method))
        })
    }

    /// Failed units with their reasons, after what was left out from the start.
    fn exclusions(&self) -> Result<Vec<Exclusion>> {
        let mut exclusions = self.meta.exclusions.clone();
        let query = "SELECT kind, image, other_image, model, other_model, state, method, failure FROM unit \
                     WHERE failure IS NOT NULL ORDER BY image, kind, method, model, state, other_image, other_model";
        exclusions.extend(self.rows(query, [], |row| {
            let kind: String = row.get(0)?;
            let unit = Unit {
                kind: Kind::of_name(&kind).unwrap_or(Kind::Map),
                image: row.get(1)?,
                other_image: row.get(2)?,
                model: row.get(3)?,
                other_model: row.get(4)?,
                state: row.get(5)?,
                method: row.get(6)?,
            };
            Ok(Exclusion { what: unit.describe(), image: unit.image, reason: row.get(7)? })
        })?);
        Ok(exclusions)
    }

    /// How well a network classifies, by its predictions.
    fn auc(&self, model: &str) -> Result<Option<ModelAuc>> {
        let query = "SELECT positive, log_odds FROM prediction WHERE model = ?1 ORDER BY image";
        let found: Vec<(bool, f64)> = self.rows(query, [model], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found.is_empty() {
            return Ok(None);
        }
        let area = |positions: &[usize]| {
            let scores: Vec<f64> = positions.iter().map(|position| found[*position].1).collect();
            let truth: Vec<bool> = positions.iter().map(|position| found[*position].0).collect();
            roc_auc(&scores, &truth).ok()
        };
        let bootstrap = Bootstrap { seed: self.meta.protocol.seeds.bootstrap, ..Bootstrap::default() };
        let estimate = bootstrap.estimate(found.len(), area);
        Ok(Some(ModelAuc {
            value: estimate.map(|estimate| estimate.value),
            interval: estimate.map(|estimate| [estimate.low, estimate.high]),
            cases: found.len(),
            positives: found.iter().filter(|(positive, _)| *positive).count(),
        }))
    }

    /// Every row that follows from the protocol, one line each, in the order of their keys; of maps a hash of the pixels.
    /// Two runs of one protocol give the same lines, however often either was stopped.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn dump(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (table, columns) in CONTENT {
            let mut here = self.rows(&format!("SELECT {columns} FROM {table}"), [], |row| {
                let mut line = table.to_owned();
                for column in 0..row.as_ref().column_count() {
                    let cell = match row.get_ref(column)? {
                        rusqlite::types::ValueRef::Null => "-".to_owned(),
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        rusqlite::types::ValueRef::Real(number) => format!("{:016x}", number.to_bits()),
                        rusqlite::types::ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                        rusqlite::types::ValueRef::Blob(bytes) => sha256_hex(bytes),
                    };
                    line.push(' ');
                    line.push_str(&cell);
                }
                Ok(line)
            })?;
            here.sort_unstable();
            lines.append(&mut here);
        }
        Ok(lines)
    }

    /// How far the planned units are, and how long they took; failed ones are done when `failures_count`.
    pub(crate) fn tallies(&self, planned: &[PlannedUnits], failures_count: bool) -> Result<BTreeMap<Sort, Tally>> {
        let (done, times) = (self.counts(failures_count)?, self.times()?);
        let tally = |units: &PlannedUnits| {
            let sort = (units.kind, units.method.clone());
            let done = done.get(&sort).copied().unwrap_or(0);
            let times = times.get(&sort).copied().unwrap_or_default();
            (sort, Tally { total: units.units, done, passes: units.passes, times })
        };
        Ok(planned.iter().map(tally).collect())
    }

    /// Finished units by kind and method, with the failed ones when `failures_count`.
    fn counts(&self, failures_count: bool) -> Result<BTreeMap<Sort, usize>> {
        let query = "SELECT kind, method, count(*) FROM unit WHERE failure IS NULL OR ?1 GROUP BY kind, method";
        let found = self.rows(query, [failures_count], |row| {
            let (kind, method): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((Kind::of_name(&kind), method, row.get::<_, i64>(2)? as usize))
        })?;
        let known = |(kind, method, count): (Option<Kind>, String, usize)| Some(((kind?, method), count));
        Ok(found.into_iter().filter_map(known).collect())
    }

    /// How long finished units took, by kind and method; late sittings count before early ones.
    fn times(&self) -> Result<BTreeMap<Sort, Times>> {
        let mut times: BTreeMap<Sort, Times> = BTreeMap::new();
        if !self.has_pace()? {
            return Ok(times);
        }
        let query = "SELECT kind, method, units, secs FROM pace ORDER BY session DESC";
        let found = self.rows(query, [], |row| {
            let (kind, method): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((Kind::of_name(&kind), method, Times { units: row.get(2)?, secs: row.get(3)? }))
        })?;
        for (kind, method, older) in found {
            if let Some(kind) = kind {
                let newer = times.entry((kind, method)).or_default();
                *newer = newer.after(older);
            }
        }
        Ok(times)
    }

    fn secs_left(&self) -> Result<Option<f64>> {
        let planned = &self.meta.planned;
        if planned.iter().map(|units| units.units).sum::<usize>() != self.meta.units_total {
            return Ok(None);
        }
        Ok(forecast(&self.tallies(planned, true)?, self.begun_secs()?).secs_left)
    }

    /// How long the latest sitting has been at what is not finished.
    fn begun_secs(&self) -> Result<f64> {
        if !self.has_pace()? {
            return Ok(0.0);
        }
        let query = "SELECT secs FROM pace WHERE kind = ?1 AND session = (SELECT max(id) FROM session)";
        let found = self.connection.query_row(query, [BEGUN], |row| row.get(0)).optional();
        Ok(found.map_err(Error::sqlite(&self.path))?.unwrap_or(0.0))
    }

    /// Whether the database is not from before times were kept.
    fn has_pace(&self) -> Result<bool> {
        self.one("SELECT count(*) FROM sqlite_master WHERE name = 'pace'", |row| row.get(0))
    }

    /// All that a query finds.
    fn rows<T>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let found = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map(parameters, read)?;
            rows.collect()
        };
        found().map_err(Error::sqlite(&self.path))
    }

    /// The one row that a query has.
    pub(super) fn one<T>(&self, query: &str, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> Result<T> {
        self.connection.query_row(query, [], read).map_err(Error::sqlite(&self.path))
    }

    pub(super) fn damaged(&self, problem: String) -> Error {
        Error::Damaged { problem, path: self.path.clone() }
    }
}
