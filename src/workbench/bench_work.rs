//! The benchmark's background work: running, judging, reports, trust cards.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::command::Command;
use super::jobs_bar;
use super::model_answers::ModelAnswers;
use super::services::{Message, Post, Services};
use crate::benchmark::report::{ReportOptions, report};
use crate::benchmark::{
    self, Analysis, Cost, KeptPictures, Options, Progress, Protocol, Results, RunWatch, Score, Setup, Shard, Store,
    TrustError, TrustFile, UnitReport,
};
use crate::export;
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::files;
use crate::job::{Ending, JobId, JobWatch, Jobs, Lane, Start, Told};
use crate::limits;
use crate::network::Model;
use crate::reading::ChosenRuntime;
use crate::watch::{Part, Watch};

/// Shortest time between two looks at a run: units may be finished by the hundred in a second.
const REFRESH: Duration = Duration::from_millis(250);

/// Folder of the settings home that keeps trust cards.
const TRUST_FOLDER: &str = "trust";

/// Runs whose cards are read.
const MOST_TRUST_FILES: usize = 200;

/// What background work tells.
pub enum News {
    /// A run is about to compute.
    Begun {
        /// Where it is kept.
        database: PathBuf,
        /// What is run, with its paths.
        protocol: Box<Protocol>,
        /// What earlier sittings found.
        scores: Vec<Score>,
        /// Where its networks run, in a few words.
        runs_on: String,
    },
    /// Numbers of units that were finished.
    Scores(Vec<Score>),
    /// What a protocol costs, in words; nothing where that could not be found out, which its job says.
    Cost {
        /// The protocol.
        protocol: Box<Protocol>,
        /// Its cost.
        words: Option<String>,
    },
    /// A unit failed.
    Failed(String),
    /// How far it is.
    Progress(Progress),
    /// Something a person should know.
    Warning(String),
    /// What has to be said of the run's numbers; with the run where that waits for the click, and nothing was computed.
    Caution {
        /// The sentence.
        caution: &'static str,
        /// The run.
        held_back: Option<Run>,
    },
    /// The run ended, in whatever way.
    Ended {
        /// Whether there is something to judge.
        has_scores: bool,
    },
    /// A run was judged.
    Judged(Arc<Judged>),
    /// A run could not be judged; its job says why.
    NotJudged,
    /// Cards of earlier runs.
    Trust(Vec<TrustFile>),
}

/// What a database says, and what follows from it.
pub struct Judged {
    /// Where it lies.
    pub database: PathBuf,
    /// What was run, with its paths.
    pub protocol: Protocol,
    /// Its numbers.
    pub results: Results,
    /// Estimates and verdicts.
    pub analysis: Analysis,
    /// The cards of its networks and methods.
    pub trust: TrustFile,
}

/// Whether networks that never saw a patient may be asked about patients, and which networks those are.
pub(super) struct Consent {
    /// Whether somebody clicked.
    pub(super) explains_anyway: bool,
    /// What is known of networks whose cards are silent.
    pub(super) answers: ModelAnswers,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Run {
    /// A new run; otherwise the database says.
    protocol: Option<Box<Protocol>>,
    /// The folder of a new run, or the database.
    path: PathBuf,
}

impl Run {
    /// A run of `protocol` in a folder, which goes on where the folder holds the same run.
    pub(super) fn new(protocol: Protocol, folder: PathBuf) -> Self {
        Self { protocol: Some(Box::new(protocol)), path: folder }
    }

    /// The rest of the run in a database.
    pub(super) fn of(database: PathBuf) -> Self {
        Self { protocol: None, path: database }
    }
}

/// Starts a run.
pub(super) fn start(services: &Services, run: Run, consent: Consent, paused: Arc<AtomicBool>) -> JobId {
    let (post, runtime) = (services.post(), services.runtime.clone());
    let start = Start { name: "Benchmark".to_owned(), lane: Lane::Benchmark, urgent: false, listed: true };
    services.jobs.start(start, move |watch| {
        let follow = Follow { watch, post: &post, paused, gathered: Mutex::new((Vec::new(), Instant::now())) };
        let ended = run.carry_out(&consent, &runtime, &follow);
        let has_scores = !matches!(ended, Err(Stop::Early(_)));
        follow.flush();
        post.send(Message::Benchmark(News::Ended { has_scores }));
        match ended {
            Ok(words) => Ending::Done(Some(words)),
            Err(_) if watch.is_cancelled() => Ending::Cancelled,
            Err(Stop::Early(told) | Stop::Late(told)) => watch.failed(told),
        }
    })
}

/// Finds out what a protocol will cost: opens its cohort and networks, and times a few passes.
pub(super) fn weigh(services: &Services, protocol: Protocol) -> JobId {
    let (post, runtime) = (services.post(), services.runtime.clone());
    let start = Start { name: "Cost of a benchmark".to_owned(), lane: Lane::Benchmark, urgent: true, listed: true };
    services.jobs.start(start, move |watch| {
        let found = cost_words(&protocol, &runtime, watch);
        let words = found.as_ref().ok().cloned();
        post.send(Message::Benchmark(News::Cost { protocol: Box::new(protocol), words }));
        match found {
            Ok(words) => Ending::Done(Some(words)),
            Err(_) if watch.is_cancelled() => Ending::Cancelled,
            Err(told) => watch.failed(told),
        }
    })
}

fn cost_words(protocol: &Protocol, runtime: &ChosenRuntime, watch: &JobWatch) -> std::result::Result<String, Told> {
    let setup = Setup::open(protocol, None, watch).map_err(|error| told(&error))?;
    let runtime = runtime.get().map_err(|error| Told::of(error.to_string(), None))?;
    let shard = Shard::default();
    let cost = Cost::of(&setup, shard).and_then(|cost| cost.timed(&setup, shard, &runtime));
    Ok(cost.map_err(|error| told(&error))?.words(time_words))
}

/// A time in words.
fn time_words(secs: f64) -> String {
    jobs_bar::time_words(Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX))
}

/// Why a run ended before its end.
enum Stop {
    /// Before anything was computed.
    Early(Told),
    /// Later; what is finished is kept.
    Late(Told),
}

impl Run {
    fn carry_out(
        self,
        consent: &Consent,
        runtime: &ChosenRuntime,
        follow: &Follow<'_>,
    ) -> std::result::Result<String, Stop> {
        let early = |error: benchmark::Error| Stop::Early(told(&error));
        let itself = self.clone();
        let is_begun = self.protocol.is_none();
        let (protocol, external, folder, shard) = if let Some(protocol) = self.protocol {
            (*protocol, None, self.path, Shard::default())
        } else {
            let meta = benchmark::open(&self.path).map_err(early)?.meta().clone();
            let folder = self.path.parent().map(Path::to_owned).unwrap_or_default();
            let shard = Shard { index: meta.shard, count: meta.shards };
            if meta.parts.len() > 1 {
                let words = "this database was joined from parts: go on with the parts and join them again";
                return Err(Stop::Early(Told::of(words, Some(&self.path))));
            }
            (meta.protocol, meta.external, folder, shard)
        };
        // Looking at the files is little beside the run.
        let opening = Part { watch: follow.watch, index: 0, parts: 100 };
        let open = if is_begun { Setup::reopen } else { Setup::open };
        let setup = open(&protocol, external.as_deref(), &opening).map_err(early)?;
        let known = |model: &Model| consent.answers.of_model(model);
        if let Some(caution) = setup.caution(known) {
            let held_back = (!consent.explains_anyway).then_some(itself);
            let is_held_back = held_back.is_some();
            follow.post.send(Message::Benchmark(News::Caution { caution, held_back }));
            if is_held_back {
                let label = Command::ExplainAnyway.label();
                let words = format!("{caution} Nothing was computed: press “{label}” to run it all the same");
                return Err(Stop::Early(Told::of(words, None)));
            }
        }
        setup.warnings().iter().for_each(|warning| follow.warning(warning));
        let database = benchmark::database_path(&folder, shard);
        let scores = match Store::read(&database) {
            Ok(store) => store.scores().map_err(early)?,
            // There is none yet; what else is wrong with it is told by whoever writes it.
            Err(_) => Vec::new(),
        };
        let runtime = runtime.get().map_err(|error| Stop::Early(Told::of(error.to_string(), None)))?;
        if !database.is_file() {
            let cost = Cost::of(&setup, shard).and_then(|cost| cost.timed(&setup, shard, &runtime)).map_err(early)?;
            let words = Some(cost.words(time_words));
            follow.post.send(Message::Benchmark(News::Cost { protocol: Box::new(protocol.clone()), words }));
        }
        let (protocol, runs_on) = (Box::new(protocol), runtime.describe());
        follow.post.send(Message::Benchmark(News::Begun { database, protocol, scores, runs_on }));
        let options = Options { workers: 1, shard, ..Options::default() };
        let done = benchmark::run(&setup, &folder, &runtime, &options, follow);
        let summary = done.map_err(|error| Stop::Late(told(&error)))?;
        let status = summary.status;
        Ok(match status.failed {
            0 => format!("{} units are done", status.done),
            failed => format!("{} units are done, {failed} failed", status.done),
        })
    }
}

/// Tells of a run a few times a second.
struct Follow<'a> {
    watch: &'a JobWatch,
    post: &'a Post,
    paused: Arc<AtomicBool>,
    gathered: Mutex<(Vec<Score>, Instant)>,
}

impl Follow<'_> {
    fn flush(&self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.1 = Instant::now();
        let scores = std::mem::take(&mut gathered.0);
        drop(gathered);
        if !scores.is_empty() {
            self.post.send(Message::Benchmark(News::Scores(scores)));
        }
    }

    fn is_due(&self) -> bool {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed() >= REFRESH
    }
}

impl Watch for Follow<'_> {
    fn progress(&self, done: usize, total: usize) {
        if self.is_due() || done == total {
            self.watch.progress(done, total);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed) && !self.watch.is_cancelled()
    }
}

impl RunWatch for Follow<'_> {
    fn sitting(&self, progress: &Progress) {
        if self.is_due() || progress.done == progress.total {
            self.flush();
            self.post.send(Message::Benchmark(News::Progress(*progress)));
            // The time left is that of the page.
            self.watch.expect(progress.secs_left.and_then(|left| Duration::try_from_secs_f64(left).ok()));
        }
    }

    fn unit(&self, report: &UnitReport<'_>) {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).0.extend_from_slice(report.scores);
        if let Some(reason) = report.failure {
            self.post.send(Message::Benchmark(News::Failed(format!("{}: {reason}", report.unit.describe()))));
        }
    }

    fn warning(&self, text: &str) {
        self.post.send(Message::Benchmark(News::Warning(text.to_owned())));
    }
}

/// Reads a database and judges what is in it; its cards are kept beside it and in `home`.
pub(super) fn judge(jobs: &Jobs, post: Post, path: PathBuf, home: Option<PathBuf>) -> JobId {
    let start = Start { name: "Judge a benchmark".to_owned(), lane: Lane::Write, urgent: true, listed: true };
    jobs.start(start, move |watch| match judged(&path) {
        Ok(judged) => {
            let count = judged.results.scores.len();
            let kept = keep_trust(&judged, home.as_deref());
            post.send(Message::Benchmark(News::Judged(Arc::new(judged))));
            match kept {
                Ok(()) => Ending::Done(Some(format!("{count} numbers were judged"))),
                Err(Told { words, place }) => {
                    watch.failed(Told { words: format!("the verdicts are shown, but {words}"), place })
                }
            }
        }
        Err(told) => {
            post.send(Message::Benchmark(News::NotJudged));
            watch.failed(told)
        }
    })
}

/// The words of an error beside the path that it is about.
fn told(error: &benchmark::Error) -> Told {
    Told::of(error.without_path(), error.path())
}

fn judged(path: &Path) -> std::result::Result<Judged, Told> {
    let store = benchmark::open(path).map_err(|error| told(&error))?;
    let results = store.results().map_err(|error| told(&error))?;
    if results.scores.is_empty() {
        return Err(Told::of("the run holds no number yet: let it go on first", Some(path)));
    }
    let analysis = Analysis::of(&results);
    let trust = TrustFile::of(&analysis);
    Ok(Judged { database: store.path().to_owned(), protocol: store.meta().protocol.clone(), results, analysis, trust })
}

fn keep_trust(judged: &Judged, home: Option<&Path>) -> std::result::Result<(), Told> {
    let told = |error: TrustError| Told::of(error.without_path(), Some(error.path()));
    if let Some(home) = home {
        let folder = home.join(TRUST_FOLDER);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Told::of(format!("the cards could not be kept ({error})"), Some(&folder)))?;
        // Names of runs are hexadecimal digits.
        let name = format!("{}.json", judged.trust.run_id);
        judged.trust.write(&folder.join(name)).map_err(told)?;
    }
    // The last, because the folder of a run may be closed or hold a file of that name.
    judged.trust.write(&TrustFile::beside(&judged.database)).map_err(told)
}

/// Reads the cards that earlier sessions kept; what cannot be read is no card.
pub(super) fn read_trust(jobs: &Jobs, post: Post, home: PathBuf) {
    let start = Start { name: "Read trust cards".to_owned(), lane: Lane::Open, urgent: false, listed: false };
    jobs.start(start, move |_| {
        let Ok(entries) = std::fs::read_dir(home.join(TRUST_FOLDER)) else { return Ending::Done(None) };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        // The newest last, because it is the one that is shown.
        paths.sort_by_cached_key(|path| path.metadata().and_then(|metadata| metadata.modified()).ok());
        let skipped = paths.len().saturating_sub(MOST_TRUST_FILES);
        let files: Vec<TrustFile> = paths[skipped..].iter().filter_map(|path| TrustFile::read(path).ok()).collect();
        if !files.is_empty() {
            post.send(Message::Benchmark(News::Trust(files)));
        }
        Ending::Done(None)
    });
}

/// Writes `report.html` beside the database.
pub(super) fn write_report(jobs: &Jobs, judged: Arc<Judged>) {
    let start = Start { name: "Write the report".to_owned(), lane: Lane::Write, urgent: false, listed: true };
    jobs.start(start, move |watch| match report_of(&judged) {
        Ok(()) => Ending::Done(Some("report.html lies beside the database".to_owned())),
        Err(Told { words, place }) => {
            watch.failed(Told { words: format!("the report could not be written: {words}"), place })
        }
    });
}

fn report_of(judged: &Judged) -> std::result::Result<(), Told> {
    let pictures = KeptPictures::open(&judged.database, &judged.results).map_err(|error| told(&error))?;
    let made = report(&judged.results, None, &pictures, ReportOptions::default());
    let made = made.map_err(|error| Told::of(error.to_string(), None))?;
    let folder = judged.database.parent().unwrap_or(Path::new("."));
    let target = folder.join("report.html");
    if !may_be_replaced(&target) {
        let words = "a file report.html that is no report of this program lies beside the database: move it away";
        return Err(Told::of(words, Some(&target)));
    }
    export::file(&target, made.html.as_bytes()).map_err(|error| Told::of(error.without_path(), Some(&target)))
}

/// Whether nothing is there, or a report that this program made.
fn may_be_replaced(path: &Path) -> bool {
    match files::read_text(path, limits::HTML_REPORT_BYTES) {
        Ok(text) => text.contains("Made by saliscope") && text.contains(NOT_FOR_DIAGNOSIS),
        Err(error) => error.is_missing() && path.symlink_metadata().is_err(),
    }
}
