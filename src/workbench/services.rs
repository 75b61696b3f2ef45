//! Background work of the window, and what it sends back.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::bench_work::News;
use super::command::Command;
use super::export_preview::ExportPreview;
use super::likenesses::Likenesses;
use super::list::EntryId;
use super::look::Stage;
use super::opening::{self, Opened};
use super::session::SavedCohort;
use super::shelf::Shelf;
use super::software::SoftwarePainter;
use super::state::PathPurpose;
use super::thumbnails::Thumbnails;
use crate::cohort::{Cohort, CohortOptions, CohortSpec};
use crate::display::{ContentId, MapPlane, contours};
use crate::export::ModelFiles;
use crate::export::place::Taken;
use crate::foreign::{self, Foreign, Statements};
use crate::job::{Ending, JobId, Jobs, Lane, Start, Told};
use crate::reading::{
    Answer, Cascades, CaseSource, ChosenRuntime, Explainer, ModelSource, OpenCase, OpenModel, Thumbnail,
};
use crate::saliency::Method;
use crate::watch::Watch;

/// Time between two frames drawn for nothing but progress.
const PROGRESS_FRAME: Duration = Duration::from_millis(60);

/// A dialog of the system that is gone sooner than this never was there.
const NO_DIALOG: Duration = Duration::from_millis(500);

/// What background work found.
pub enum Message {
    /// A case was read, or why not.
    CaseRead {
        /// Which.
        entry: EntryId,
        /// The case.
        result: Result<Arc<OpenCase>, String>,
    },
    /// Something was opened from a path.
    Opened(Opened),
    /// A cohort was opened.
    CohortOpened(Arc<Cohort>),
    /// A model was opened.
    ModelOpened {
        /// The model.
        model: Arc<OpenModel>,
        /// Whether it is asked from now on, or only where no other is.
        is_asked: bool,
    },
    /// Paths were chosen in the system's dialog; none where it was cancelled.
    Chosen(PathPurpose, Vec<PathBuf>),
    /// No dialog of the system answers.
    NoDialog(PathPurpose),
    /// A place for an export was chosen; `None` where no dialog of the system answers.
    TargetChosen(Option<PathBuf>),
    /// A model was asked about a case of the list.
    Predicted {
        /// The case.
        entry: EntryId,
        /// Identity of the model.
        model: Arc<str>,
        /// Probability of its positive class.
        probability: f32,
        /// Whether the case is a generated image.
        is_phantom: bool,
    },
    /// The benchmark tells something.
    Benchmark(News),
    /// A small picture was made, or cannot be.
    ThumbnailMade(EntryId, Option<Thumbnail>),
    /// A cohort of the last session was opened again, or is gone.
    CohortRestored(SavedCohort, Option<Arc<Cohort>>),
    /// Models of the last session were opened again or are gone, or its files were looked for.
    SessionOpened {
        /// Cases whose files are gone.
        missing: HashSet<EntryId>,
        /// The models.
        models: Vec<Arc<OpenModel>>,
        /// Those that were tried, whatever came of it.
        tried: Vec<ModelSource>,
    },
}

/// How pictures lay in the last frame, for exports of the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnScreen {
    /// One of the pictures.
    pub stage: Option<Stage>,
    /// Pictures of a comparison that found room.
    pub tiles: usize,
    /// Of these, as many a row.
    pub columns: usize,
    /// The image of the comparison that the pointer is over.
    pub pointed: Option<EntryId>,
}

/// Background work of the window.
pub struct Services {
    /// All jobs.
    pub jobs: Arc<Jobs>,
    /// Where networks run.
    pub runtime: ChosenRuntime,
    /// Maps.
    pub explainer: Explainer,
    /// Paints pictures where shaders would be run by software.
    pub software: Option<SoftwarePainter>,
    /// Cascades.
    pub cascades: Cascades,
    /// Cases in memory.
    pub shelf: Shelf,
    /// Small pictures of cases.
    pub thumbnails: RefCell<Thumbnails>,
    /// How alike maps are.
    pub likenesses: Likenesses,
    /// The preview of the export dialog.
    pub export_preview: ExportPreview,
    /// What was drawn in the last frame.
    pub on_screen: Cell<OnScreen>,
    inbox: Receiver<Message>,
    outbox: Sender<Message>,
    context: egui::Context,
    /// What each view showed last, to stay until something newer comes.
    shown: RefCell<HashMap<u64, LastShown>>,
    contours: RefCell<VecDeque<Contour>>,
    overlays: RefCell<VecDeque<(String, usize, egui::TextureHandle)>>,
}

/// Content, method and map that a view showed.
type LastShown = (String, Method, Arc<Answer>);

/// Contours of one map, kept while it is on screen.
struct Contour {
    map: ContentId,
    level: u32,
    size_px: [usize; 2],
    lines: Arc<Vec<Vec<[f32; 2]>>>,
}

/// Contours kept: more than there are tiles.
const CONTOURS: usize = 32;

/// Textures of overlay planes kept.
const OVERLAYS: usize = 16;

impl Services {
    /// Starts no work yet; networks will run where `runtime` says, and `context` is asked to draw again when something
    /// changed.
    pub fn new(context: &egui::Context, runtime: ChosenRuntime) -> Self {
        let wake = context.clone();
        let jobs = Arc::new(Jobs::new(move || wake.request_repaint_after(PROGRESS_FRAME)));
        let (outbox, inbox) = channel();
        Self {
            explainer: Explainer::new(Arc::clone(&jobs), runtime.clone()),
            cascades: Cascades::new(Arc::clone(&jobs), runtime.clone()),
            runtime,
            software: None,
            jobs,
            shelf: Shelf::default(),
            thumbnails: RefCell::default(),
            likenesses: Likenesses::default(),
            export_preview: ExportPreview::default(),
            on_screen: Cell::default(),
            inbox,
            outbox,
            context: context.clone(),
            shown: RefCell::default(),
            contours: RefCell::default(),
            overlays: RefCell::default(),
        }
    }

    /// Notes which map a view shows.
    pub fn remember_shown(&self, view_id: u64, content: &str, method: Method, answer: &Arc<Answer>) {
        let mut shown = self.shown.borrow_mut();
        let is_same = shown.get(&view_id).is_some_and(|(_, _, known)| Arc::ptr_eq(known, answer));
        if !is_same {
            shown.insert(view_id, (content.to_owned(), method, Arc::clone(answer)));
        }
    }

    /// The map that a view showed last, where it was of the same case and method.
    pub fn shown_before(&self, view_id: u64, content: &str, method: Method) -> Option<Arc<Answer>> {
        let shown = self.shown.borrow();
        let (of, by, answer) = shown.get(&view_id)?;
        (of == content && *by == method).then(|| Arc::clone(answer))
    }

    /// The texture of an overlay plane, made once while its case is on screen.
    pub fn overlay_texture(
        &self,
        content: &str,
        index: usize,
        make: impl FnOnce() -> egui::TextureHandle,
    ) -> egui::TextureHandle {
        let mut kept = self.overlays.borrow_mut();
        if let Some((.., texture)) = kept.iter().find(|(of, at, _)| of == content && *at == index) {
            return texture.clone();
        }
        if kept.len() == OVERLAYS {
            kept.pop_front();
        }
        let texture = make();
        kept.push_back((content.to_owned(), index, texture.clone()));
        texture
    }

    /// The lines where a map has the value `level`, in the space of its image; computed once while it is on screen.
    pub fn contour(&self, map: &MapPlane, level: f32, size_px: [usize; 2]) -> Arc<Vec<Vec<[f32; 2]>>> {
        let mut kept = self.contours.borrow_mut();
        let is_it = |contour: &Contour| {
            contour.map == map.id() && contour.level == level.to_bits() && contour.size_px == size_px
        };
        if let Some(found) = kept.iter().find(|contour| is_it(contour)) {
            return Arc::clone(&found.lines);
        }
        let lines = Arc::new(contours(map, level, size_px));
        if kept.len() == CONTOURS {
            kept.pop_front();
        }
        kept.push_back(Contour { map: map.id(), level: level.to_bits(), size_px, lines: Arc::clone(&lines) });
        lines
    }

    /// What was found since the last frame.
    pub fn messages(&self) -> Vec<Message> {
        self.inbox.try_iter().collect()
    }

    /// Whoever sends has the window draw again.
    pub fn post(&self) -> Post {
        Post { outbox: self.outbox.clone(), context: self.context.clone() }
    }

    /// Starts what networks run on, so that what cannot be had is said at once.
    pub fn start_runtime(&self) {
        let runtime = self.runtime.clone();
        let start = Start { name: "Start the device".to_owned(), lane: Lane::Open, urgent: true, listed: false };
        self.jobs.start(start, move |_| match runtime.get() {
            Ok(runtime) => match runtime.warning() {
                Some(warning) => Ending::Failed(warning.to_owned()),
                None => Ending::Done(None),
            },
            Err(error) => Ending::Failed(error.to_string()),
        });
    }

    /// Reads a case before everything else that waits to be read.
    pub fn read_case(&mut self, entry: EntryId, source: &CaseSource) {
        let (post, source) = (self.post(), source.clone());
        let start = Start { name: "Open a case".to_owned(), lane: Lane::Open, urgent: true, listed: false };
        let job = self.jobs.start(start, move |watch| {
            if watch.is_cancelled() {
                return Ending::Cancelled;
            }
            match OpenCase::read(&source) {
                Ok(case) => {
                    post.send(Message::CaseRead { entry, result: Ok(Arc::new(case)) });
                    Ending::Done(None)
                }
                Err(error) => {
                    post.send(Message::CaseRead { entry, result: Err(error.without_path()) });
                    watch.failed(error.told().named(source.title()))
                }
            }
        });
        self.shelf.reading(entry, job);
    }

    /// Opens files and folders by what they hold.
    pub fn open_paths(&self, paths: Vec<PathBuf>) {
        let post = self.post();
        let name =
            if paths.len() == 1 { "Open a file or folder".to_owned() } else { format!("Open {} files", paths.len()) };
        let start = Start { name, lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| opening::open(&paths, watch, |opened| post.send(Message::Opened(opened))));
    }

    /// Opens a cohort by its text.
    pub fn open_cohort(&self, text: String) {
        let post = self.post();
        let start = Start { name: "Open a cohort".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| match opening::open_cohort(&text, watch) {
            Ok(cohort) => {
                let note = opening::cohort_note(&cohort);
                post.send(Message::CohortOpened(Arc::new(cohort)));
                Ending::Done(Some(note))
            }
            Err(ending) => ending,
        });
    }

    /// Opens a cohort as a benchmark did.
    pub fn open_cohort_with(&self, spec: CohortSpec, options: CohortOptions) {
        let post = self.post();
        let start = Start { name: "Open a cohort".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| match Cohort::open(&spec, &options, watch) {
            Ok(cohort) => {
                let note = opening::cohort_note(&cohort);
                post.send(Message::CohortOpened(Arc::new(cohort)));
                Ending::Done(Some(note))
            }
            Err(_) if watch.is_cancelled() => Ending::Cancelled,
            Err(error) => watch.failed(Told::of(error.without_path(), error.path())),
        });
    }

    /// Opens a model; it is asked from then on where `is_asked` says so or no other is open.
    pub fn open_model(&self, source: ModelSource, is_asked: bool) {
        let post = self.post();
        let title = source.title();
        // The name of a file may be a patient's.
        let name = match &source {
            ModelSource::Demo(name) => format!("Open the model {name}"),
            ModelSource::File(_) => "Open a model".to_owned(),
        };
        let start = Start { name, lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| {
            if let ModelSource::File(path) = &source
                && foreign::is_foreign(path)
            {
                return match opening::open_foreign(path) {
                    Ok(opened) => {
                        post.send(Message::Opened(opened));
                        Ending::Done(None)
                    }
                    Err(words) => watch.failed(Told::of(words, None).named(title)),
                };
            }
            match OpenModel::open(source) {
                Ok(model) => {
                    post.send(Message::ModelOpened { model: Arc::new(model), is_asked });
                    Ending::Done(None)
                }
                Err(error) => watch.failed(error.told().named(title)),
            }
        });
    }

    /// Writes a model of another program as one of ours to `weights`, and opens it.
    pub fn convert(&self, source: PathBuf, foreign: Arc<Foreign>, statements: Statements, weights: PathBuf) -> JobId {
        let post = self.post();
        let start = Start { name: "Convert a model".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| {
            // A graph in a file is read at the extents of its images.
            let is_of_size = foreign.graph.is_none() || foreign.input_size == statements.input_size;
            let foreign = if is_of_size { Ok(foreign) } else { opening::read_foreign(&source, statements.input_size) };
            let foreign = match foreign {
                Ok(foreign) => foreign,
                Err(words) => return watch.failed(Told::of(words, None)),
            };
            let written =
                ModelFiles::new(&foreign, &statements).and_then(|files| files.publish(&weights, Taken::Stays));
            if let Err(error) = written {
                return watch.failed(Told::of(error.without_path(), error.path()));
            }
            match OpenModel::open(ModelSource::File(weights)) {
                Ok(model) => {
                    post.send(Message::ModelOpened { model: Arc::new(model), is_asked: true });
                    Ending::Done(None)
                }
                Err(error) => watch.failed(error.told()),
            }
        })
    }

    /// Shows the system's dialog for a path, without blocking the window.
    pub fn ask_path(&self, purpose: PathPurpose) {
        let post = self.post();
        let thread = std::thread::Builder::new().name("file dialog".to_owned());
        let failed = thread.spawn(move || {
            let asked = Instant::now();
            let chosen = opening::ask(purpose);
            let message = match chosen {
                None if asked.elapsed() < NO_DIALOG => Message::NoDialog(purpose),
                chosen => Message::Chosen(purpose, chosen.unwrap_or_default()),
            };
            post.send(message);
        });
        if failed.is_err() {
            self.post().send(Message::NoDialog(purpose));
        }
    }

    /// Shows the system's dialog for the place of an export, without blocking the window.
    pub fn ask_target(&self, proposed: Option<PathBuf>) {
        let post = self.post();
        let thread = std::thread::Builder::new().name("file dialog".to_owned());
        let failed = thread.spawn(move || {
            let asked = Instant::now();
            match opening::ask_target(proposed.as_deref()) {
                None if asked.elapsed() >= NO_DIALOG => {} // cancelled
                target => post.send(Message::TargetChosen(target)),
            }
        });
        if failed.is_err() {
            self.post().send(Message::TargetChosen(None));
        }
    }

    /// Asks a model about cases of the list: about images of patients where the first of `may_ask` says so, about phantoms
    /// where the second does. What an image is may be known only when it is read.
    pub fn predict(&self, model: &Arc<OpenModel>, cases: Vec<(EntryId, CaseSource)>, may_ask: [bool; 2]) -> JobId {
        let (post, model, runtime) = (self.post(), Arc::clone(model), self.runtime.clone());
        let name = format!("Predict {} cases", cases.len());
        let start = Start { name, lane: Lane::Compute, urgent: false, listed: true };
        self.jobs.start(start, move |watch| {
            let identity: Arc<str> = model.identity().into();
            let total = cases.len();
            if let Err(problem) = model.model.card.known_output() {
                return Ending::Failed(problem.to_string());
            }
            let runtime = match runtime.get() {
                Ok(runtime) => runtime,
                Err(error) => return Ending::Failed(error.to_string()),
            };
            let ask = |case: OpenCase| crate::reading::predict(&case, &model, &runtime);
            let (mut failed, mut held_back) = (0, 0);
            for (done, (entry, source)) in cases.into_iter().enumerate() {
                if watch.is_cancelled() {
                    return Ending::Cancelled;
                }
                let case = OpenCase::read(&source);
                let is_phantom = case.as_ref().is_ok_and(OpenCase::is_phantom);
                match case.map(|case| may_ask[usize::from(is_phantom)].then(|| ask(case))) {
                    Ok(None) => held_back += 1,
                    Ok(Some(Ok(prediction))) => {
                        let positive = model.listed_class(&prediction);
                        if let Some(probability) = prediction.probability(positive) {
                            let (model, probability) = (Arc::clone(&identity), probability as f32);
                            post.send(Message::Predicted { entry, model, probability, is_phantom });
                        }
                    }
                    Ok(Some(Err(_))) | Err(_) => failed += 1,
                }
                watch.progress(done + 1, total);
            }
            if held_back > 0 {
                let label = Command::ExplainAnyway.label();
                return Ending::Failed(format!(
                    "{held_back} of {total} cases are images of patients, which this model never saw: press “{label}” to ask it"
                ));
            }
            if failed > 0 {
                return Ending::Failed(format!("{failed} of {total} cases could not be read or did not fit the model"));
            }
            Ending::Done(Some(format!("{total} cases were predicted")))
        })
    }
}

/// A way to send the window what was found, from any thread.
#[derive(Clone)]
pub struct Post {
    outbox: Sender<Message>,
    context: egui::Context,
}

impl Post {
    /// Sends a message and has the window draw; one that is closed does not hear it.
    pub fn send(&self, message: Message) {
        if self.outbox.send(message).is_ok() {
            self.context.request_repaint();
        }
    }
}
