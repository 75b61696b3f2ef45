//! A benchmark on a thread of its own, for a window.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::error::{Error, Result};
use super::executors::Executors;
use super::protocol::Protocol;
use super::results::Score;
use super::run::{Options, Summary, run};
use super::setup::Setup;
use super::unit::Unit;
use super::watch::{Progress, RunWatch, UnitReport};
use crate::watch::Watch;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Files of the cohort looked at, of all.
    Opening {
        /// Looked at.
        done: usize,
        /// Of these.
        total: usize,
    },
    /// How far the run is.
    Progress(Progress),
    /// A unit is finished, or failed.
    Unit {
        /// The unit.
        unit: Unit,
        /// Its numbers.
        scores: Vec<Score>,
        /// Why there are none.
        failure: Option<String>,
    },
    /// Something a person should know.
    Warning(String),
    /// The end.
    Ended(Result<Summary>),
}

/// A running benchmark. Dropping it stops the run and waits for the pass at hand; what is finished is kept.
#[derive(Debug)]
pub struct Background {
    events: Receiver<Event>,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Control {
    cancelled: AtomicBool,
    paused: AtomicBool,
}

struct Teller {
    events: Sender<Event>,
    control: Arc<Control>,
    /// Called after each event, so that a window draws again.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Teller {
    fn tell(&self, event: Event) {
        // Nobody listens any more once the window has let go.
        let _ = self.events.send(event);
        (self.wake)();
    }
}

impl Watch for Teller {
    fn is_cancelled(&self) -> bool {
        self.control.cancelled.load(Ordering::Relaxed)
    }

    fn is_paused(&self) -> bool {
        self.control.paused.load(Ordering::Relaxed)
    }
}

impl RunWatch for Teller {
    fn sitting(&self, progress: &Progress) {
        self.tell(Event::Progress(*progress));
    }

    fn unit(&self, report: &UnitReport<'_>) {
        let failure = report.failure.map(str::to_owned);
        self.tell(Event::Unit { unit: report.unit.clone(), scores: report.scores.to_vec(), failure });
    }

    fn warning(&self, text: &str) {
        self.tell(Event::Warning(text.to_owned()));
    }
}

/// The same while the cohort's files are looked at.
struct Opening<'a>(&'a Teller);

impl Watch for Opening<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.0.tell(Event::Opening { done, total });
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Background {
    /// Opens and runs `protocol` in the folder `out`. `external` is a folder of another program's maps; `wake` is called
    /// after each event, from any thread.
    ///
    /// # Errors
    /// When the thread cannot be started; all else comes as the last event.
    pub fn start(
        protocol: Protocol,
        external: Option<PathBuf>,
        out: PathBuf,
        executors: Box<dyn Executors + Send>,
        options: Options,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Self> {
        let (sender, events) = channel();
        let control = Arc::new(Control::default());
        let teller = Teller { events: sender, control: Arc::clone(&control), wake };
        let work = move || {
            let opened = Setup::open(&protocol, external.as_deref(), &Opening(&teller));
            let ended = opened.and_then(|setup| {
                setup.warnings().iter().for_each(|warning| teller.warning(warning));
                run(&setup, &out, executors.as_ref(), &options, &teller)
            });
            teller.tell(Event::Ended(ended));
        };
        let thread = std::thread::Builder::new().name("benchmark".to_owned()).spawn(work).map_err(Error::Thread)?;
        Ok(Self { events, control, thread: Some(thread) })
    }

    /// What happened since the last call, in order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.events.try_iter()
    }

    /// Waits for the next event; nothing after the last one.
    pub fn wait(&self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// Holds the run between two passes, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.control.paused.store(paused, Ordering::Relaxed);
    }

    /// Whether the run is held.
    pub fn is_paused(&self) -> bool {
        self.control.paused.load(Ordering::Relaxed)
    }

    /// Stops the run between two passes; the last event says so.
    pub fn cancel(&self) {
        self.control.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told on standard error.
            let _ = thread.join();
        }
    }
}
