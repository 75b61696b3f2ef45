//! Lanes of jobs.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::report::{Ending, JobId, JobReport, JobWatch, Phase, Shared};

/// Jobs that are over and can still be read about.
const KEPT: usize = 200;

/// A job that reaches for files and has not moved for so long may wait for one that does not answer, such as one on a share
/// whose server is gone: those behind it no longer wait for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Threads of a lane, all but one for jobs behind such as are stuck.
const MOST_THREADS: usize = 16;

/// What kind of work a job is: jobs of one lane wait for each other, lanes do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Networks at work; one at a time, as each uses every core.
    Compute,
    /// Files being opened.
    Open,
    /// Small pictures for lists.
    Thumbnails,
    /// Files being written.
    Write,
    /// A benchmark, which may run for hours.
    Benchmark,
}

impl Lane {
    const ALL: [Self; 5] = [Self::Compute, Self::Open, Self::Thumbnails, Self::Write, Self::Benchmark];

    /// Whether its jobs spend their time with files and not with the processor, which they would only take from each other.
    fn reaches_for_files(self) -> bool {
        matches!(self, Self::Open | Self::Thumbnails | Self::Write)
    }

    fn thread_name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Open => "open",
            Self::Thumbnails => "thumbnails",
            Self::Write => "write",
            Self::Benchmark => "benchmark",
        }
    }
}

/// A job to be started.
pub struct Start {
    /// What it does, in words; never a path or a patient.
    pub name: String,
    /// Where it waits.
    pub lane: Lane,
    /// Whether it goes before those that wait.
    pub urgent: bool,
    /// Whether it is listed while it runs well; small steady work is not.
    pub listed: bool,
}

type Work = Box<dyn FnOnce(&JobWatch) -> Ending + Send>;

struct Record {
    name: String,
    lane: Option<Lane>,
    listed: bool,
    phase: Phase,
    shared: Arc<Shared>,
    elapsed: Duration,
}

#[derive(Default)]
struct Inner {
    next: u64,
    records: HashMap<JobId, Record>,
    /// Newest last.
    over: VecDeque<JobId>,
    waiting: HashMap<Lane, VecDeque<(JobId, Work)>>,
    /// Threads beside the first of each lane.
    helpers: HashMap<Lane, usize>,
    /// What the threads of each lane are at, jobs that were given up included.
    at_work: HashMap<Lane, Vec<Arc<Shared>>>,
    closed: bool,
}

struct Board {
    inner: Mutex<Inner>,
    changed: Condvar,
    wake: Arc<dyn Fn() + Send + Sync>,
    patience: Duration,
}

impl Board {
    fn is_stalled(&self, record: &Record) -> bool {
        record.phase == Phase::Running
            && record.lane.is_some_and(Lane::reaches_for_files)
            && record.shared.still_for() >= self.patience
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that can panic runs while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All background work of a program. Dropping it cancels everything.
pub struct Jobs {
    board: Arc<Board>,
}

impl Jobs {
    /// No work yet. `wake` is called, from any thread, whenever something about a job changed.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::with_patience(wake, PATIENCE)
    }

    fn with_patience(wake: impl Fn() + Send + Sync + 'static, patience: Duration) -> Self {
        let (changed, wake) = (Condvar::new(), Arc::new(wake));
        let board = Arc::new(Board { inner: Mutex::default(), changed, wake, patience });
        for lane in Lane::ALL {
            let board = Arc::clone(&board);
            let thread = std::thread::Builder::new().name(lane.thread_name().to_owned());
            // Without threads a program of this kind cannot run; jobs would wait, which the jobs bar shows.
            let _ = thread.spawn(move || serve(&board, lane, false));
        }
        let watched = Arc::clone(&board);
        // Without it, jobs wait for those that are stuck.
        let _ = std::thread::Builder::new().name("stuck jobs".to_owned()).spawn(move || mind_stuck_jobs(&watched));
        Self { board }
    }

    /// Puts `work` at the end of its lane, or at its head where urgent. A panic inside is a failure of that job alone.
    pub fn start(&self, start: Start, work: impl FnOnce(&JobWatch) -> Ending + Send + 'static) -> JobId {
        let mut inner = self.board.lock();
        let id = JobId(inner.next);
        inner.next += 1;
        let shared = Shared::new(&self.board.wake);
        let Start { name, lane, urgent, listed } = start;
        let record = Record { name, lane: Some(lane), listed, phase: Phase::Waiting, shared, elapsed: Duration::ZERO };
        inner.records.insert(id, record);
        let queue = inner.waiting.entry(lane).or_default();
        if urgent {
            queue.push_front((id, Box::new(work)));
        } else {
            queue.push_back((id, Box::new(work)));
        }
        drop(inner);
        self.board.changed.notify_all();
        (self.board.wake)();
        id
    }

    /// Asks a job to stop; one that waits is over at once, and so is one that is stuck, which cannot hear it.
    pub fn cancel(&self, id: JobId) {
        let mut inner = self.board.lock();
        let Some(record) = inner.records.get_mut(&id) else { return };
        record.shared.cancelled.store(true, Ordering::Relaxed);
        if self.board.is_stalled(record) {
            finish(&mut inner, id, Ending::Cancelled);
            drop(inner);
            (self.board.wake)();
            return;
        }
        let mut waited = false;
        for queue in inner.waiting.values_mut() {
            let before = queue.len();
            queue.retain(|(waiting, _)| *waiting != id);
            waited |= queue.len() < before;
        }
        if waited {
            finish(&mut inner, id, Ending::Cancelled);
        }
        drop(inner);
        (self.board.wake)();
    }

    /// Asks every job to stop.
    pub fn cancel_all(&self) {
        let ids: Vec<JobId> = self.board.lock().records.keys().copied().collect();
        for id in ids {
            self.cancel(id);
        }
    }

    /// One job, while it is known.
    pub fn report(&self, id: JobId) -> Option<JobReport> {
        self.board.lock().records.get(&id).map(|record| self.report_of(id, record))
    }

    /// Listed jobs in the order they were started: those under way, and those that are over; and any that is stuck.
    pub fn reports(&self) -> Vec<JobReport> {
        let inner = self.board.lock();
        let mut found: Vec<JobReport> = inner
            .records
            .iter()
            .filter(|(_, record)| {
                let has_failed = matches!(record.phase, Phase::Over(Ending::Failed(_)));
                record.listed || has_failed || self.board.is_stalled(record)
            })
            .map(|(id, record)| self.report_of(*id, record))
            .collect();
        found.sort_unstable_by_key(|report| report.id);
        found
    }

    /// Whether listed work waits or runs.
    pub fn is_busy(&self) -> bool {
        self.board.lock().records.values().any(|record| record.listed && !matches!(record.phase, Phase::Over(_)))
    }

    /// Tells of a failure that belongs to no running job, so that it can be read again later.
    pub fn tell_failure(&self, name: impl Into<String>, reason: impl Into<String>) {
        self.note(name.into(), Ending::Failed(reason.into()));
    }

    /// Tells of something that was done at once.
    pub fn tell_done(&self, name: impl Into<String>, what: impl Into<String>) {
        self.note(name.into(), Ending::Done(Some(what.into())));
    }

    /// Forgets everything that is over.
    pub fn forget_over(&self) {
        let mut inner = self.board.lock();
        let over = std::mem::take(&mut inner.over);
        for id in over {
            inner.records.remove(&id);
        }
    }

    fn report_of(&self, id: JobId, record: &Record) -> JobReport {
        report(id, record, self.board.is_stalled(record))
    }

    fn note(&self, name: String, ending: Ending) {
        let mut inner = self.board.lock();
        let id = JobId(inner.next);
        inner.next += 1;
        let shared = Shared::new(&self.board.wake);
        shared.done.store(1, Ordering::Relaxed);
        shared.total.store(1, Ordering::Relaxed);
        inner.records.insert(
            id,
            Record { name, lane: None, listed: true, phase: Phase::Waiting, shared, elapsed: Duration::ZERO },
        );
        finish(&mut inner, id, ending);
        drop(inner);
        (self.board.wake)();
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        let mut inner = self.board.lock();
        inner.closed = true;
        inner.waiting.clear();
        for record in inner.records.values() {
            record.shared.cancelled.store(true, Ordering::Relaxed);
        }
        drop(inner);
        self.board.changed.notify_all();
    }
}

fn report(id: JobId, record: &Record, is_stalled: bool) -> JobReport {
    let running = record.shared.started.get().map_or(Duration::ZERO, Instant::elapsed);
    JobReport {
        id,
        name: record.name.clone(),
        phase: record.phase.clone(),
        done: record.shared.done.load(Ordering::Relaxed),
        total: record.shared.total.load(Ordering::Relaxed),
        elapsed: if matches!(record.phase, Phase::Over(_)) { record.elapsed } else { running },
        place: record.shared.place.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        told_left: *record.shared.told_left.lock().unwrap_or_else(PoisonError::into_inner),
        is_stalled,
    }
}

fn finish(inner: &mut Inner, id: JobId, ending: Ending) {
    if let Some(record) = inner.records.get_mut(&id) {
        if matches!(record.phase, Phase::Over(_)) {
            // It was given up while it was stuck.
            return;
        }
        record.elapsed = record.shared.started.get().map_or(Duration::ZERO, Instant::elapsed);
        record.phase = Phase::Over(ending);
        inner.over.push_back(id);
    }
    while inner.over.len() > KEPT {
        if let Some(oldest) = inner.over.pop_front() {
            inner.records.remove(&oldest);
        }
    }
}

/// Gives jobs behind such as are stuck a thread of their own, and has the stuck ones told.
fn mind_stuck_jobs(board: &Arc<Board>) {
    let mut told = 0;
    let mut inner = board.lock();
    while !inner.closed {
        let stuck = inner.records.values().filter(|record| board.is_stalled(record)).count();
        if stuck > told {
            (board.wake)();
        }
        told = stuck;
        for lane in Lane::ALL.into_iter().filter(|lane| lane.reaches_for_files()) {
            let threads = 1 + inner.helpers.get(&lane).copied().unwrap_or(0);
            let waits = inner.waiting.get(&lane).is_some_and(|queue| !queue.is_empty());
            let is_stuck = |shared: &&Arc<Shared>| shared.still_for() >= board.patience;
            let stuck = inner.at_work.get(&lane).map_or(0, |jobs| jobs.iter().filter(is_stuck).count());
            if !waits || stuck < threads || threads >= MOST_THREADS {
                continue;
            }
            let thread = std::thread::Builder::new().name(lane.thread_name().to_owned());
            let own = Arc::clone(board);
            // Where none can be had, the next look tries again.
            if thread.spawn(move || serve(&own, lane, true)).is_ok() {
                *inner.helpers.entry(lane).or_default() += 1;
            }
        }
        let may_stick = |(lane, jobs): (&Lane, &Vec<_>)| lane.reaches_for_files() && !jobs.is_empty();
        inner = if inner.at_work.iter().any(may_stick) {
            board.changed.wait_timeout(inner, board.patience / 4).unwrap_or_else(PoisonError::into_inner).0
        } else {
            board.changed.wait(inner).unwrap_or_else(PoisonError::into_inner)
        };
    }
}

/// Works off one lane until the board is closed; `is_helper` until nothing waits in it.
fn serve(board: &Board, lane: Lane, is_helper: bool) {
    let mut inner = board.lock();
    loop {
        if inner.closed {
            return;
        }
        let next = inner.waiting.get_mut(&lane).and_then(VecDeque::pop_front);
        let Some((id, work)) = next else {
            if is_helper {
                inner.helpers.entry(lane).and_modify(|threads| *threads -= 1);
                return;
            }
            inner = board.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let Some(record) = inner.records.get_mut(&id) else { continue };
        record.phase = Phase::Running;
        let _ = record.shared.started.set(Instant::now());
        record.shared.moves();
        let shared = Arc::clone(&record.shared);
        inner.at_work.entry(lane).or_default().push(Arc::clone(&shared));
        drop(inner);
        // Whoever minds stuck jobs does so from now on.
        board.changed.notify_all();
        let watch = JobWatch { shared: Arc::clone(&shared) };
        (board.wake)();
        let ending = catch_unwind(AssertUnwindSafe(|| work(&watch))).unwrap_or_else(|_| {
            Ending::Failed("an internal error stopped this work; everything else goes on, please report it".to_owned())
        });
        inner = board.lock();
        inner.at_work.entry(lane).or_default().retain(|job| !Arc::ptr_eq(job, &shared));
        finish(&mut inner, id, ending);
        drop(inner);
        (board.wake)();
        inner = board.lock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Watch as _;
    use std::sync::mpsc;

    fn start(name: &str, lane: Lane) -> Start {
        Start { name: name.to_owned(), lane, urgent: false, listed: true }
    }

    fn wait_for(jobs: &Jobs, id: JobId) -> Ending {
        loop {
            if let Some(JobReport { phase: Phase::Over(ending), .. }) = jobs.report(id) {
                return ending;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_lane_keeps_its_order_and_urgent_work_goes_first() {
        let jobs = Jobs::new(|| {});
        let (gate, opened) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        jobs.start(start("gate", Lane::Open), move |_| {
            let _ = opened.recv();
            Ending::Done(None)
        });
        let mut last = None;
        for (name, urgent) in [("a", false), ("b", false), ("c", true)] {
            let tell = tell.clone();
            let start = Start { urgent, ..start(name, Lane::Open) };
            let id = jobs.start(start, move |_| {
                tell.send(name).unwrap();
                Ending::Done(None)
            });
            last = if name == "b" { Some(id) } else { last };
        }
        gate.send(()).unwrap();
        assert_eq!(wait_for(&jobs, last.unwrap()), Ending::Done(None));
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["c", "a", "b"]);
        assert!(!jobs.is_busy());
    }

    #[test]
    fn a_panic_fails_its_job_and_no_other() {
        let jobs = Jobs::new(|| {});
        let broken = jobs.start(start("broken", Lane::Write), |_| panic!("on purpose"));
        let sound = jobs.start(start("sound", Lane::Write), |watch| {
            watch.progress(1, 2);
            Ending::Done(Some("well".to_owned()))
        });
        assert!(matches!(wait_for(&jobs, broken), Ending::Failed(reason) if reason.contains("internal error")));
        assert_eq!(wait_for(&jobs, sound), Ending::Done(Some("well".to_owned())));
        assert_eq!(jobs.reports().len(), 2);
        assert_eq!(jobs.report(sound).unwrap().fraction(), Some(0.5));
        jobs.forget_over();
        assert!(jobs.reports().is_empty());
    }

    #[test]
    fn cancelling_stops_what_runs_and_drops_what_waits() {
        let jobs = Jobs::new(|| {});
        let running = jobs.start(start("running", Lane::Compute), |watch| {
            while !watch.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ending::Cancelled
        });
        let waiting = jobs.start(start("waiting", Lane::Compute), |_| Ending::Done(None));
        jobs.cancel(waiting);
        assert_eq!(wait_for(&jobs, waiting), Ending::Cancelled);
        assert!(jobs.is_busy());
        jobs.cancel_all();
        assert_eq!(wait_for(&jobs, running), Ending::Cancelled);
    }

    #[test]
    fn a_file_that_does_not_answer_holds_up_no_other() {
        let jobs = Jobs::with_patience(|| {}, Duration::from_millis(20));
        let (answer, asked) = mpsc::channel::<()>();
        let asked = Arc::new(Mutex::new(asked));
        let quiet = || Start { listed: false, ..start("stuck", Lane::Open) };
        let stuck = [0, 1, 2].map(|_| {
            let asked = Arc::clone(&asked);
            jobs.start(quiet(), move |_| {
                let _ = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
                Ending::Done(None)
            })
        });
        let next = jobs.start(start("next", Lane::Open), |_| Ending::Done(None));
        assert_eq!(wait_for(&jobs, next), Ending::Done(None));
        // They are told although such jobs are not listed, and cancelling one of them is heard at once.
        let told: Vec<JobId> = jobs.reports().iter().filter(|job| job.is_stalled).map(|job| job.id).collect();
        assert_eq!(told, stuck);
        jobs.cancel(stuck[0]);
        assert_eq!(wait_for(&jobs, stuck[0]), Ending::Cancelled);
        drop(answer);
        assert_eq!(wait_for(&jobs, stuck[1]), Ending::Done(None));
        assert_eq!(wait_for(&jobs, stuck[2]), Ending::Done(None));
        assert_eq!(jobs.report(stuck[0]).unwrap().phase, Phase::Over(Ending::Cancelled), "given up stays given up");
        let last = jobs.start(start("last", Lane::Open), |_| Ending::Done(None));
        assert_eq!(wait_for(&jobs, last), Ending::Done(None));
    }

    #[test]
    fn a_network_at_work_is_never_stuck() {
        let jobs = Jobs::with_patience(|| {}, Duration::from_millis(1));
        let (gate, opened) = mpsc::channel::<()>();
        jobs.start(start("long", Lane::Compute), move |_| {
            let _ = opened.recv();
            Ending::Done(None)
        });
        let next = jobs.start(start("next", Lane::Compute), |_| Ending::Done(None));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(jobs.report(next).unwrap().phase, Phase::Waiting);
        assert!(jobs.reports().iter().all(|job| !job.is_stalled));
        gate.send(()).unwrap();
        assert_eq!(wait_for(&jobs, next), Ending::Done(None));
    }

    #[test]
    fn failures_told_later_are_kept_a_while() {
        let jobs = Jobs::new(|| {});
        for index in 0..KEPT + 5 {
            jobs.tell_failure(format!("job {index}"), "why");
        }
        let reports = jobs.reports();
        assert_eq!(reports.len(), KEPT);
        assert_eq!(reports[0].name, "job 5");
    }
}
