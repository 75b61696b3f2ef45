//! Maps computed in the background, shown while they become exact, and kept by content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::cache::MapCache;
use super::case::OpenCase;
use super::error::{Error, Result};
use super::model::{OpenModel, Prediction};
use super::question::{MapKey, Question};
use super::runtime::ChosenRuntime;
use crate::cascade::signed_map;
use crate::display::MapPlane;
use crate::job::{Ending, JobId, JobWatch, Jobs, Lane, Start};
use crate::metrics::MapScores;
use crate::model_input::{self, StudyImage};
use crate::network::{Pass, ReadArea, Runtime};
use crate::saliency::{self, DisplayMap, FinishedMap, ImageInput, MapWatch, Method, PartialMap, Request, SaliencyMap};
use crate::truth::Mask;
use crate::watch::Watch;

/// Memory for finished maps.
const CACHE_BYTES: usize = 256 << 20;

/// Predictions kept; each is a few numbers.
const PREDICTIONS_KEPT: usize = 100_000;

/// Shortest time between two looks at one unfinished map: more would be work that nobody sees.
const REFRESH: Duration = Duration::from_millis(120);

/// Inputs a pass while somebody watches: a larger batch is a little faster, a smaller one answers sooner.
const INTERACTIVE_BATCH: usize = 4;

/// One finished map with what the model said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The map with its provenance, without intermediates.
    pub map: SaliencyMap,
    /// The display map to be drawn, 0 to 1.
    pub display: MapPlane,
    /// The raw map to be drawn.
    pub raw: MapPlane,
    /// Smallest and largest finite raw value.
    pub raw_range: [f32; 2],
    /// The map with its sign, -1 to 1, where the method has one.
    pub signed: Option<MapPlane>,
    /// What the model said of the image.
    pub prediction: Prediction,
    /// How well the map finds what experts marked, where they marked something.
    pub scores: Option<MapScores>,
}

impl Answer {
    fn new(mut map: SaliencyMap, prediction: Prediction, truth: Option<&Mask>, clip_percentile: f64) -> Self {
        let signed = signed_map(&map, clip_percentile).map(|signed| MapPlane::over_image(&map, &signed));
        map.intermediates = Vec::new();
        let raw = MapPlane::over_image(&map, &map.raw);
        let display = MapPlane::over_image(&map, &map.display.values);
        Self {
            raw_range: raw.extremes().unwrap_or([0.0, 1.0]),
            raw,
            signed,
            scores: truth.and_then(|truth| MapScores::of_present(display.values(), truth.pixels()).ok()),
            display,
            map,
            prediction,
        }
    }

    /// Memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let signed = self.signed.as_ref().map_or(0, |signed| signed.values().len());
        (2 * self.map.raw.len() + 2 * self.map.display.values.len() + signed) * 4 + 512
    }
}

/// A map that is still being computed.
#[derive(Clone, Debug)]
pub struct PartialAnswer {
    /// The map as it would be shown now, 0 to 1.
    pub display: MapPlane,
    /// Evaluations done.
    pub k: usize,
    /// Evaluations of the finished map.
    pub n: usize,
}

#[derive(Clone)]
enum Pending {
    Waiting(JobId),
    Partial(JobId, Arc<PartialAnswer>),
    Failed(String),
}

impl Pending {
    /// The job that makes the map; none any more where it failed.
    fn job(&self) -> Option<JobId> {
        match self {
            Self::Waiting(id) | Self::Partial(id, _) => Some(*id),
            Self::Failed(_) => None,
        }
    }
}

#[derive(Default)]
struct Shared {
    pending: HashMap<MapKey, Pending>,
    predictions: HashMap<(String, String), Prediction>,
}

/// Where the map of a key stands.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It is there.
    Ready(Arc<Answer>),
    /// It is on its way, and looks like this so far.
    Partial(Arc<PartialAnswer>),
    /// It waits for its turn.
    Waiting,
    /// It could not be made.
    Failed(String),
    /// Nobody asked for it, or it was cancelled.
    Absent,
}

/// Computes and keeps maps. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Explainer {
    jobs: Arc<Jobs>,
    runtime: ChosenRuntime,
    cache: Arc<Mutex<MapCache>>,
    shared: Arc<Mutex<Shared>>,
}

impl Explainer {
    /// Works through `jobs`, in the lane for networks, where `runtime` says.
    pub fn new(jobs: Arc<Jobs>, runtime: ChosenRuntime) -> Self {
        Self { jobs, runtime, cache: Arc::new(Mutex::new(MapCache::new(CACHE_BYTES))), shared: Arc::default() }
    }

    /// Asks for the maps of `methods`; those that are there or on their way are not asked for again. `None` where nothing
    /// is left to do. Cheap methods come first, and each map is kept as it is finished, whatever becomes of the rest.
    pub fn ask(
        &self,
        case: &Arc<OpenCase>,
        model: &Arc<OpenModel>,
        question: &Question,
        methods: &[Method],
        urgent: bool,
    ) -> Option<JobId> {
        let mut shared = lock(&self.shared);
        let mut cache = lock(&self.cache);
        let mut wanted: Vec<(Method, MapKey)> = Vec::new();
        for method in methods {
            let key = question.key(case, model, *method);
            if let Some(reason) = method.undefined_for(&model.model.graph) {
                shared.pending.insert(key, Pending::Failed(reason));
                continue;
            }
            let under_way = shared.pending.get(&key).is_some_and(|pending| pending.job().is_some());
            if !under_way && cache.get(&key).is_none() && !wanted.iter().any(|(_, other)| *other == key) {
                wanted.push((*method, key));
            }
        }
        drop(cache);
        if wanted.is_empty() {
            return None;
        }
        let own: Arc<OnceLock<JobId>> = Arc::default();
        let work = Work {
            case: Arc::clone(case),
            model: Arc::clone(model),
            runtime: self.runtime.clone(),
            question: question.clone(),
            wanted: wanted.clone(),
            cache: Arc::clone(&self.cache),
            shared: Arc::clone(&self.shared),
            job: Arc::clone(&own),
        };
        let names: Vec<&str> = wanted.iter().map(|(method, _)| method.name()).collect();
        let is_study = wanted.iter().map(|(method, _)| *method).eq(Method::STUDY);
        let what = if is_study { "all eight maps".to_owned() } else { names.join(", ") };
        let name = format!("Explain: {what}");
        let start = Start { name, lane: Lane::Compute, urgent, listed: true };
        let shared_for_job = Arc::clone(&self.shared);
        let keys: Vec<MapKey> = wanted.iter().map(|(_, key)| key.clone()).collect();
        let job = Arc::clone(&own);
        // The lock is held until the keys are marked, so that the job cannot end before.
        let id = self.jobs.start(start, move |watch| {
            let ending = work.run(watch);
            settle(&shared_for_job, &keys, &ending, job.get().copied());
            ending
        });
        own.get_or_init(|| id);
        for (_, key) in wanted {
            shared.pending.insert(key, Pending::Waiting(id));
        }
        Some(id)
    }

    /// Makes the maps of `methods` on the calling thread and gives them in that order; those that are kept are not made
    /// again, those that are made are kept, and those that are not defined for the network are left out.
    ///
    /// # Errors
    /// When the image does not fit, a method or the device fails, or `watch` cancels.
    pub(super) fn answers(
        &self,
        case: &Arc<OpenCase>,
        model: &Arc<OpenModel>,
        question: &Question,
        methods: &[Method],
        watch: &dyn Watch,
    ) -> Result<Vec<Arc<Answer>>> {
        let mut found = Vec::new();
        let mut wanted = Vec::new();
        for method in methods.iter().filter(|method| method.undefined_for(&model.model.graph).is_none()) {
            let key = question.key(case, model, *method);
            let kept = lock(&self.cache).get(&key);
            match kept {
                Some(answer) => found.push(answer),
                None => wanted.push((*method, key)),
            }
        }
        if !wanted.is_empty() {
            let work = Work {
                case: Arc::clone(case),
                model: Arc::clone(model),
                runtime: self.runtime.clone(),
                question: question.clone(),
                wanted,
                cache: Arc::clone(&self.cache),
                shared: Arc::clone(&self.shared),
                job: Arc::default(),
            };
            found.extend(work.explain(watch, None)?);
        }
        found.sort_by_key(|answer| methods.iter().position(|method| *method == answer.map.method));
        Ok(found)
    }

    /// Stops whatever computes the map of `key`, with the other maps of the same job; what is finished stays.
    pub fn cancel(&self, key: &MapKey) {
        let job = lock(&self.shared).pending.get(key).and_then(Pending::job);
        if let Some(id) = job {
            self.cancel_job(id);
        }
    }

    /// Stops a job that [`Explainer::ask`] started. What it has not finished can be asked for again at once, whether it
    /// never ran or still has to come to its end.
    pub fn cancel_job(&self, id: JobId) {
        self.jobs.cancel(id);
        lock(&self.shared).pending.retain(|_, pending| pending.job() != Some(id));
    }

    /// Where the map of `key` stands.
    pub fn standing(&self, key: &MapKey) -> Standing {
        if let Some(answer) = lock(&self.cache).get(key) {
            return Standing::Ready(answer);
        }
        match lock(&self.shared).pending.get(key) {
            Some(Pending::Partial(_, partial)) => Standing::Partial(Arc::clone(partial)),
            Some(Pending::Waiting(_)) => Standing::Waiting,
            Some(Pending::Failed(reason)) => Standing::Failed(reason.clone()),
            None => Standing::Absent,
        }
    }

    /// What the model of this identity said of a case, once any map was made.
    pub fn prediction(&self, content: &str, model: &str) -> Option<Prediction> {
        lock(&self.shared).predictions.get(&(content.to_owned(), model.to_owned())).cloned()
    }

    /// Bytes of finished maps in memory.
    pub fn cached_bytes(&self) -> usize {
        lock(&self.cache).bytes()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic half-way changes what is inside.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves no key waiting for a job that is over.
fn settle(shared: &Mutex<Shared>, keys: &[MapKey], ending: &Ending, job: Option<JobId>) {
    let mut shared = lock(shared);
    for key in keys {
        // Another job may make the map by now.
        if shared.pending.get(key).is_none_or(|pending| pending.job() != job) {
            continue;
        }
        match ending {
            Ending::Failed(reason) => {
                shared.pending.insert(key.clone(), Pending::Failed(reason.clone()));
            }
            Ending::Done(_) | Ending::Cancelled => {
                shared.pending.remove(key);
            }
        }
    }
}

/// One job.
struct Work {
    case: Arc<OpenCase>,
    model: Arc<OpenModel>,
    runtime: ChosenRuntime,
    question: Question,
    wanted: Vec<(Method, MapKey)>,
    cache: Arc<Mutex<MapCache>>,
    shared: Arc<Mutex<Shared>>,
    /// The job that it is, once it was started as one.
    job: Arc<OnceLock<JobId>>,
}

impl Work {
    fn run(&self, watch: &JobWatch) -> Ending {
        if watch.is_cancelled() {
            return Ending::Cancelled;
        }
        match self.explain(watch, Some(watch)) {
            Ok(_) => Ending::Done(None),
            Err(Error::Saliency(saliency::Error::Cancelled)) => Ending::Cancelled,
            Err(error) => Ending::Failed(error.without_path()),
        }
    }

    /// Makes the maps and hands them on; `viewer` is told of them, and of unfinished ones, as they come.
    fn explain(&self, watch: &dyn Watch, viewer: Option<&JobWatch>) -> Result<Vec<Arc<Answer>>> {
        let input = image_input(&self.case, &self.model)?;
        let executor = self.model.executor(&self.runtime.get()?)?;
        let [_, _, height, width] = input.values.shape();
        let question = &self.question;
        let request = Request {
            parameters: question.parameters_for(&self.model),
            class: question.class_for(&self.model),
            positive_class: self.model.model.card.positive_class,
            card: Some(Arc::new(self.model.model.card.clone())),
            seed: question.seed,
            segments: Some(Arc::clone(&self.case.segments)),
            batch: Some(executor.preferred_batch(height, width).clamp(1, INTERACTIVE_BATCH)),
            intermediates: true, // they hold the sign
            ..Request::new(vec![input], self.wanted.iter().map(|(method, _)| *method).collect(), question.preset)
        };
        let area = model_input::area(&self.case.radiograph, &self.model.model.card);
        let truth = self.case.truth_at(area.whole_px, question.truth_rule());
        let (refreshed, made) = (Mutex::default(), Mutex::default());
        let follow = Follow { work: self, watch, viewer, area, truth, refreshed, made };
        saliency::explain(executor.as_ref(), &request, &follow)?;
        Ok(follow.made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn key(&self, method: Method) -> Option<&MapKey> {
        self.wanted.iter().find(|(wanted, _)| *wanted == method).map(|(_, key)| key)
    }
}

/// A case as a model reads it.
///
/// # Errors
/// When it cannot be brought to the model's size.
pub(super) fn image_input(case: &OpenCase, model: &OpenModel) -> Result<ImageInput> {
    let [height_px, width_px] = model.model.card.input_size;
    let channels = model.model.card.channels;
    let refuse = |problem| Error::DoesNotFit { channels, height_px, width_px, problem };
    let image = StudyImage::new(&case.radiograph, &model.model).map_err(refuse)?;
    Ok(ImageInput { id_seed: image.content_seed, values: image.input })
}

/// Shows maps as they become exact.
struct Follow<'a> {
    work: &'a Work,
    watch: &'a dyn Watch,
    /// Whoever looks at maps as they come.
    viewer: Option<&'a JobWatch>,
    /// Where the maps lie on the image.
    area: ReadArea,
    /// What experts marked, as the maps lie.
    truth: Option<Mask>,
    refreshed: Mutex<HashMap<Method, Instant>>,
    /// The finished maps.
    made: Mutex<Vec<Arc<Answer>>>,
}

impl Follow<'_> {
    fn wake(&self) {
        if let Some(viewer) = self.viewer {
            viewer.wake();
        }
    }
}

impl Watch for Follow<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.watch.progress(done, total);
    }

    fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }
}

impl MapWatch for Follow<'_> {
    fn wants_partial_maps(&self) -> bool {
        self.viewer.is_some()
    }

    fn partial(&self, partial: &PartialMap<'_>) {
        let Some(key) = self.work.key(partial.method) else { return };
        if partial.k == partial.n {
            return;
        }
        let mut refreshed = lock(&self.refreshed);
        if refreshed.get(&partial.method).is_some_and(|last| last.elapsed() < REFRESH) {
            return;
        }
        refreshed.insert(partial.method, Instant::now());
        drop(refreshed);
        let clip = self.work.question.parameters.clip_percentile;
        let display = DisplayMap::clipped(partial.raw, clip);
        let display = self.area.over_image(&display.values, f32::NAN);
        let display = MapPlane::new(self.area.whole_px, display);
        let answer = PartialAnswer { display, k: partial.k, n: partial.n };
        let mut shared = lock(&self.work.shared);
        // One that was cancelled says nothing any more.
        if let (Some(pending), Some(own)) = (shared.pending.get_mut(key), self.work.job.get())
            && pending.job() == Some(*own)
        {
            *pending = Pending::Partial(*own, Arc::new(answer));
        }
        drop(shared);
        self.wake();
    }

    fn finished(&self, finished: &FinishedMap<'_>) {
        let Some(key) = self.work.key(finished.map.method) else { return };
        let prediction = Prediction::of(finished.logits, &self.work.model.model.card);
        let clip = self.work.question.parameters.clip_percentile;
        let map = SaliencyMap { area: self.area, ..finished.map.clone() };
        let answer = Arc::new(Answer::new(map, prediction.clone(), self.truth.as_ref(), clip));
        lock(&self.made).push(Arc::clone(&answer));
        lock(&self.work.cache).insert(key.clone(), answer);
        let mut shared = lock(&self.work.shared);
        shared.pending.remove(key);
        if shared.predictions.len() >= PREDICTIONS_KEPT {
            shared.predictions.clear();
        }
        shared.predictions.insert((key.content.clone(), key.model.clone()), prediction);
        drop(shared);
        self.wake();
    }
}

/// What a model says of a case, without any map.
///
/// # Errors
/// When the case does not fit, or the device fails.
pub fn predict(case: &OpenCase, model: &OpenModel, runtime: &Runtime) -> Result<Prediction> {
    let input = image_input(case, model)?;
    let logits = model.executor(runtime)?.run(&Pass::logits(&input.values))?.logits;
    Ok(Prediction::of(&logits, &model.model.card))
}
