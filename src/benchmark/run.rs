//! Running a protocol: workers over jobs, one database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::error::{Error, Result};
use super::executors::Executors;
use super::identity::difference;
use super::plan::{Job, Shard};
use super::progress::Counter;
use super::protocol::Test;
use super::setup::Setup;
use super::store::{PlannedUnits, SittingNote, Status, Store};
use super::watch::RunWatch;
use super::work::{Bench, average_mask};

/// How a run is carried out; no number in the database depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Jobs worked on at the same time, each with networks of its own; 0 counts as 1.
    pub workers: usize,
    /// The part of the run that is done here.
    pub shard: Shard,
    /// Whether units that failed earlier are tried again.
    pub retry_failed: bool,
    /// Inputs a pass; the executor's preference when `None`.
    pub batch: Option<usize>,
    /// Whether no small copies of the radiographs are kept. A run that keeps maps keeps them otherwise, as was said when it was
    /// begun.
    pub no_thumbnails: bool,
}

/// What a sitting did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Where the database lies.
    #[serde(skip)]
    pub database: PathBuf,
    /// How far the run is.
    #[serde(flatten)]
    pub status: Status,
    /// Units of this sitting.
    pub units_now: usize,
    /// Time of this sitting.
    pub secs_now: f64,
}

/// Where part `shard` of the run in `folder` keeps its database.
pub fn database_path(folder: &Path, shard: Shard) -> PathBuf {
    match shard.count {
        1 => folder.join("benchmark.sqlite"),
        count => folder.join(format!("shard-{:04}-of-{count:04}.sqlite", shard.index)),
    }
}

/// The database that `path` names: a file, or the only one in a folder.
///
/// # Errors
/// When there is none, or several.
pub fn find_database(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Err(Error::NoRun { path: path.to_owned() }) };
    let whole = database_path(path, Shard::default());
    if whole.is_file() {
        return Ok(whole);
    }
    let is_database = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "sqlite");
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_database).collect();
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) => Err(Error::NoRun { path: path.to_owned() }),
        (count, _) => Err(Error::Several { count, path: path.to_owned() }),
    }
}

/// Opens the database that `path` names, to look at.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn open(path: &Path) -> Result<Store> {
    Store::read(&find_database(path)?)
}

/// Runs what is not yet done of `setup` in the folder `out`, which is made where needed. A run that was stopped, in
/// whatever way, goes on where it was; one that is done has nothing to do.
///
/// # Errors
/// When the folder holds another run, another process works on it, the database cannot be written, or `watch` cancels.
/// What is finished is kept in any case.
pub fn run(
    setup: &Setup,
    out: &Path,
    executors: &dyn Executors,
    options: &Options,
    watch: &dyn RunWatch,
) -> Result<Summary> {
    let jobs = setup.jobs(options.shard);
    let planned = setup.planned(&jobs)?;
    let failed = |source| Error::File { action: "making the folder", source, path: out.to_owned() };
    std::fs::create_dir_all(out).map_err(failed)?;
    let path = database_path(out, options.shard);
    let store = open_or_create(setup, &path, options, &planned)?;
    let before = store.status()?;
    let failed = if options.retry_failed { 0 } else { before.failed };
    let tallies = store.tallies(&planned, !options.retry_failed)?;
    let workers = options.workers.max(1).min(jobs.len().max(1));
    let counter = Counter::new(tallies, failed, workers);
    let keeps_thumbnails = !options.no_thumbnails && store.keeps_thumbnails() == Some(true);
    let open = before.total.saturating_sub(before.done + failed);
    if open > 0 {
        let executor = match setup.subjects.classifiers.first() {
            Some(subject) => executors.classifier(&subject.model.graph, &subject.model.weights)?.describe(),
            None => String::new(),
        };
        let session = store.begin_session(&executor)?;
        let store = Mutex::new(store);
        let sitting = Sitting { store: &store, counter: &counter, session, keeps_thumbnails, watch };
        let done = sitting.work(setup, executors, options, &jobs, workers);
        // Whatever happened, what was done is noted and written into the one file; the first trouble is told. Where the file is
        // gone, that is the trouble.
        let noted = lock(&store).note_session(session, &counter.note());
        let settled = lock(&store).settle();
        lock(&store).require_there()?;
        done.and(noted).and(settled)?;
        let store = store.into_inner().unwrap_or_else(PoisonError::into_inner);
        return summary(&store, &counter);
    }
    summary(&store, &counter)
}

fn summary(store: &Store, counter: &Counter) -> Result<Summary> {
    let SittingNote { units, work_secs, .. } = counter.note();
    Ok(Summary { database: store.path().to_owned(), status: store.status()?, units_now: units, secs_now: work_secs })
}

fn open_or_create(setup: &Setup, path: &Path, options: &Options, planned: &[PlannedUnits]) -> Result<Store> {
    let shard = options.shard;
    let meta = setup.meta(shard, planned, setup.protocol.keep_maps && !options.no_thumbnails);
    let mut store = match Store::open(path) {
        Err(Error::NoRun { .. }) => return Store::create(path, &meta),
        opened => opened?,
    };
    let stored = store.meta();
    if let Some((field, stored, asked)) = difference(&stored.identity, &meta.identity) {
        return Err(Error::Mismatch { field, stored, asked });
    }
    if (stored.shard, stored.shards) != (shard.index, shard.count) {
        let text = |index: usize, count: usize| format!("{index}/{count}");
        let (stored, asked) = (text(stored.shard, stored.shards), text(shard.index, shard.count));
        return Err(Error::Mismatch { field: "shard".to_owned(), stored, asked });
    }
    // An earlier program may have planned fewer units.
    store.plan(planned)?;
    Ok(store)
}

fn lock(store: &Mutex<Store>) -> std::sync::MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sitting<'a> {
    store: &'a Mutex<Store>,
    counter: &'a Counter,
    session: i64,
    keeps_thumbnails: bool,
    watch: &'a dyn RunWatch,
}

impl Sitting<'_> {
    fn work(
        &self,
        setup: &Setup,
        executors: &dyn Executors,
        options: &Options,
        jobs: &[Job],
        workers: usize,
    ) -> Result<()> {
        let average = if setup.protocol.average_mask && setup.wants(Test::Utility) {
            let rule = setup.protocol.cohort.truth_rule;
            let (average, unusable) = average_mask(&setup.cohort, setup.size_px(), rule, self.watch)?;
            if unusable > 0 {
                self.watch.warning(&format!("{unusable} masks cannot be read and are not part of the average mask"));
            }
            Some(average)
        } else {
            None
        };
        let bench = |worker: usize| Bench {
            setup,
            store: self.store,
            session: self.session,
            keeps_thumbnails: self.keeps_thumbnails,
            executors,
            watch: self.watch,
            counter: self.counter,
            worker,
            average: average.as_deref(),
            retry: options.retry_failed,
            batch: options.batch,
        };
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<Error>> = Mutex::new(None);
        let stopped = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let work = |worker: usize| {
            let bench = bench(worker);
            self.counter.enter(worker);
            while !stopped() {
                let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Err(error) = bench.job(job).and_then(|()| bench.note()) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
            self.counter.leave(worker);
        };
        let work = &work;
        std::thread::scope(|scope| {
            for worker in 1..workers {
                let thread = std::thread::Builder::new().name(format!("worker-{worker}"));
                if let Err(error) = thread.spawn_scoped(scope, move || work(worker)) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Error::Thread(error));
                }
            }
            work(0);
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
