//! The cascade of one case, computed in the background and shown as its states come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cascade_baseline::{Compared, ImageBaseline};
use super::case::OpenCase;
use super::error::{Error, Result};
use super::explainer::image_input;
use super::model::OpenModel;
use super::question::Question;
use super::runtime::ChosenRuntime;
use crate::cascade::animation::NetworkStrip;
use crate::cascade::{
    self, BetweenImages, Comparable, Curve, Finished, Order, PairMean, Plan, Randomizer, Row, Similarity, State,
};
use crate::display::CascadeStack;
use crate::job::{Ending, JobId, JobWatch, Jobs, Lane, Start};
use crate::model_input;
use crate::network::{ReadArea, Weights};
use crate::saliency::methods::Scale;
use crate::saliency::{self, Method, Outcome, Preset, Request, SaliencyMap, percentile};
use crate::watch::{Part, Watch};

/// Cascades kept, so that going back is instant; each takes some tens of megabytes.
const KEPT: usize = 3;

/// Inputs a pass of one state: a larger batch is a little faster, a smaller one answers and stops sooner.
const INTERACTIVE_BATCH: usize = 4;

/// What is asked: which class and how, in which order blocks forget, and what they forget it for.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeQuestion {
    /// Class, preset, parameters and the seed of the noise.
    pub question: Question,
    /// Order of the blocks.
    pub order: Order,
    /// Seed and replicate of the random weights.
    pub randomizer: Randomizer,
}

impl CascadeQuestion {
    /// The data range at which the preset compares.
    pub fn range(&self) -> u8 {
        match self.question.preset {
            Preset::Arun2021 => 2,
            Preset::Recommended => 1,
        }
    }

    /// The likeness that the preset judges by.
    pub fn likeness(&self, similarity: &Similarity) -> Option<f64> {
        if self.range() == 2 { similarity.ssim_range_2 } else { similarity.ssim_range_1 }
    }

    /// The same of means over pairs.
    pub fn mean_likeness(&self, mean: PairMean) -> f64 {
        if self.range() == 2 { mean.ssim_range_2 } else { mean.ssim_range_1 }
    }
}

/// What is known of a cascade so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct CascadeFound {
    /// Likeness of the finished maps, in the order they came.
    pub rows: Vec<Row>,
    /// Raw maps of each method, with the magnitudes that become 0 and 1.
    pub stacks: BTreeMap<Method, CascadeStack>,
    /// Logits in each state, once it was asked.
    pub logits: Vec<Option<Vec<f32>>>,
    /// The class explained in every state.
    pub class: Option<usize>,
    /// Likeness of unrelated blurred noise.
    pub control: Option<PairMean>,
    /// Likeness of the maps of different images, once they are made.
    pub baselines: BTreeMap<Method, ImageBaseline>,
    /// Other images there are to compare with, as far as they were counted.
    pub other_images: usize,
    /// Why the last comparison with other images failed, if it did.
    pub baseline_failure: Option<String>,
    /// Why the last job failed, if it did.
    pub failure: Option<String>,
}

impl CascadeFound {
    /// The row of one map, once it is there.
    pub fn row(&self, method: Method, state: usize) -> Option<&Row> {
        self.rows.iter().find(|row| row.method == method && row.state == state)
    }

    /// How many states of a method are there.
    pub fn states_of(&self, method: Method) -> usize {
        self.rows.iter().filter(|row| row.method == method).count()
    }
}

/// One cascade: a case, a model and a question.
pub struct CascadeRun {
    /// The case.
    pub case: Arc<OpenCase>,
    /// The model.
    pub model: Arc<OpenModel>,
    /// What is asked.
    pub question: CascadeQuestion,
    /// Where the maps lie on the image.
    pub(super) area: ReadArea,
    /// The states, the original first.
    pub states: Vec<State>,
    /// Which blocks are random in which state.
    pub strip: NetworkStrip,
    pub(super) found: Mutex<CascadeFound>,
    /// Maps of the trained network, to be compared with those of other images.
    pub(super) originals: Mutex<BTreeMap<Method, Comparable>>,
    pub(super) compared: Mutex<Compared>,
    jobs: Mutex<Vec<(JobId, Vec<Method>)>>,
}

impl CascadeRun {
    fn new(case: &Arc<OpenCase>, model: &Arc<OpenModel>, question: &CascadeQuestion) -> Self {
        let graph = &model.model.graph;
        let states = State::all(graph, question.order, question.question.preset);
        Self {
            strip: NetworkStrip::new(graph, &states),
            found: Mutex::new(CascadeFound { logits: vec![None; states.len()], ..CascadeFound::default() }),
            originals: Mutex::default(),
            compared: Mutex::default(),
            jobs: Mutex::default(),
            case: Arc::clone(case),
            model: Arc::clone(model),
            question: question.clone(),
            area: model_input::area(&case.radiograph, &model.model.card),
            states,
        }
    }

    /// What is known so far.
    pub fn found(&self) -> CascadeFound {
        lock(&self.found).clone()
    }

    /// Likeness by state of one method, of what is known so far.
    pub fn curve(&self, found: &CascadeFound, method: Method) -> Curve {
        let measure = |similarity: &Similarity| self.question.likeness(similarity);
        let mut curves = cascade::curves(&found.rows, &[method], self.states.len(), measure);
        curves.remove(0)
    }

    /// What maps of different images reach, of what is known so far.
    pub fn baseline(&self, found: &CascadeFound, method: Method) -> Option<BetweenImages> {
        let mean = found.baselines.get(&method)?.mean;
        Some(BetweenImages { mean: self.question.mean_likeness(mean), pairs: mean.pairs })
    }

    /// What unrelated blurred noise reaches, of what is known so far.
    pub fn control(&self, found: &CascadeFound) -> Option<f64> {
        found.control.map(|mean| self.question.mean_likeness(mean))
    }

    fn all_jobs(&self) -> Vec<JobId> {
        let mut jobs: Vec<JobId> = lock(&self.jobs).iter().map(|(job, _)| *job).collect();
        jobs.extend(lock(&self.compared).jobs());
        jobs
    }

    /// States that a method lacks.
    fn missing(&self, method: Method) -> Vec<usize> {
        let found = lock(&self.found);
        (0..self.states.len()).filter(|state| found.row(method, *state).is_none()).collect()
    }

    /// Methods that lack the same states are run together.
    fn work(&self, methods: &[Method], runtime: &ChosenRuntime, watch: &JobWatch) -> Ending {
        let mut groups: Vec<(Vec<usize>, Vec<Method>)> = Vec::new();
        let graph = &self.model.model.graph;
        for method in methods.iter().filter(|method| method.undefined_for(graph).is_none()) {
            let missing = self.missing(*method);
            match groups.iter_mut().find(|(states, _)| *states == missing) {
                _ if missing.is_empty() => {}
                Some((_, methods)) => methods.push(*method),
                None => groups.push((missing, vec![*method])),
            }
        }
        let mut ending = Ending::Done(None);
        for (index, (states, methods)) in groups.iter().enumerate() {
            let part = Part { watch, index, parts: groups.len() };
            match self.run(states, methods, runtime, &part) {
                Ok(()) => {}
                Err(Error::Cascade(cascade::Error::Cancelled) | Error::Saliency(saliency::Error::Cancelled)) => {
                    ending = Ending::Cancelled;
                    break;
                }
                Err(error) => {
                    ending = Ending::Failed(error.without_path());
                    break;
                }
            }
        }
        self.add_control();
        if let Ending::Failed(reason) = &ending {
            lock(&self.found).failure = Some(reason.clone());
        }
        ending
    }

    /// Runs `missing` states and the original, which the others are compared with.
    fn run(&self, missing: &[usize], methods: &[Method], runtime: &ChosenRuntime, watch: &dyn Watch) -> Result<()> {
        let Question { preset, seed, .. } = self.question.question;
        let question = &self.question.question;
        let mut positions = vec![0];
        positions.extend(missing.iter().copied().filter(|state| *state > 0));
        let input = image_input(&self.case, &self.model)?;
        let plan = Plan {
            states: positions.iter().map(|position| self.states[*position].clone()).collect(),
            randomizer: self.question.randomizer,
            request: Request {
                parameters: question.parameters_for(&self.model),
                class: question.class_for(&self.model),
                positive_class: self.model.model.card.positive_class,
                card: Some(Arc::new(self.model.model.card.clone())),
                seed,
                segments: Some(Arc::clone(&self.case.segments)),
                batch: Some(INTERACTIVE_BATCH),
                ..Request::new(vec![input], methods.to_vec(), preset)
            },
        };
        let (network, runtime) = (&self.model.model, runtime.get()?);
        let build = |weights: &Weights| runtime.executor(&network.graph, weights);
        let found = cascade::run(&plan, &network.graph, &network.weights, &build, watch, &mut |finished| {
            self.keep(finished, positions[finished.row.state]);
            Ok(())
        })?;
        lock(&self.found).control = found.control;
        Ok(())
    }

    fn keep(&self, finished: &Finished<'_>, state: usize) {
        let map = finished.map;
        let range = display_range(map, self.question.question.parameters.clip_percentile);
        if let Some(original) = (state == 0).then(|| Comparable::for_baseline(map).ok()).flatten() {
            lock(&self.originals).insert(map.method, original);
        }
        let mut found = lock(&self.found);
        if found.row(map.method, state).is_some() {
            return;
        }
        let states = self.states.len();
        let stack = found.stacks.entry(map.method).or_insert_with(|| CascadeStack::new(self.area.whole_px, states));
        stack.set(state, self.area.over_image(&map.raw, f32::NAN), range);
        found.logits[state].get_or_insert_with(|| finished.logits.to_vec());
        found.class = Some(finished.class);
        found.rows.push(Row { state, ..finished.row });
    }

    /// A cascade that was stopped half-way is judged too, where a method was finished.
    fn add_control(&self) {
        if lock(&self.found).control.is_none() {
            let size = self.model.model.card.input_size;
            let clip = self.question.question.parameters.clip_percentile;
            let control = cascade::control(size, clip, self.question.randomizer.seed);
            lock(&self.found).control = control;
        }
    }
}

/// The magnitudes of a raw map that its display map shows as 0 and 1; none for a map that cannot be normalized.
fn display_range(map: &SaliencyMap, clip_percentile: f64) -> [f32; 2] {
    if map.display.outcome != Outcome::Normal {
        return [0.0, 0.0];
    }
    let magnitudes: Vec<f32> = map.raw.iter().map(|value| value.abs()).collect();
    let fold = |from: f32, least: fn(f32, f32) -> f32| magnitudes.iter().copied().fold(from, least);
    let low = fold(f32::INFINITY, f32::min);
    let high = match map.method.spec().scale {
        Scale::Maximum => fold(f32::NEG_INFINITY, f32::max),
        Scale::Clipped => percentile(&magnitudes, clip_percentile) as f32,
    };
    [low, high]
}

/// Computes cascades and keeps the last ones. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cascades {
    pub(super) jobs: Arc<Jobs>,
    runtime: ChosenRuntime,
    /// The least recently asked first.
    runs: Arc<Mutex<VecDeque<Arc<CascadeRun>>>>,
}

impl Cascades {
    /// Works through `jobs`, in the lane for networks, where `runtime` says.
    pub fn new(jobs: Arc<Jobs>, runtime: ChosenRuntime) -> Self {
        Self { jobs, runtime, runs: Arc::default() }
    }

    /// The cascade of a case, where somebody asked for it.
    pub fn find(&self, case: &OpenCase, model: &OpenModel, question: &CascadeQuestion) -> Option<Arc<CascadeRun>> {
        let is_it = |run: &&Arc<CascadeRun>| {
            run.case.content == case.content && run.model.identity() == model.identity() && run.question == *question
        };
        lock(&self.runs).iter().find(is_it).cloned()
    }

    /// Asks for all states of `methods`. Maps that are there or on their way are not asked for again; a method that was
    /// stopped goes on where it stopped.
    pub fn ask(
        &self,
        case: &Arc<OpenCase>,
        model: &Arc<OpenModel>,
        question: &CascadeQuestion,
        methods: &[Method],
    ) -> Arc<CascadeRun> {
        let known = self.find(case, model, question);
        let run = known.unwrap_or_else(|| Arc::new(CascadeRun::new(case, model, question)));
        {
            let mut runs = lock(&self.runs);
            runs.retain(|other| !Arc::ptr_eq(other, &run));
            runs.push_back(Arc::clone(&run));
            while runs.len() > KEPT {
                runs.pop_front();
            }
        }
        let mut wanted: Vec<Method> = methods.iter().copied().filter(|method| !self.is_coming(&run, *method)).collect();
        wanted.retain(|method| !run.missing(*method).is_empty());
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return run;
        }
        lock(&run.found).failure = None;
        let names: Vec<&str> = wanted.iter().map(|method| method.name()).collect();
        let name = format!("Cascade: {}", names.join(", "));
        let start = Start { name, lane: Lane::Compute, urgent: false, listed: true };
        let (worker, asked, runtime) = (Arc::clone(&run), wanted.clone(), self.runtime.clone());
        let job = self.jobs.start(start, move |watch| {
            if watch.is_cancelled() { Ending::Cancelled } else { worker.work(&asked, &runtime, watch) }
        });
        let mut jobs = lock(&run.jobs);
        jobs.retain(|(job, _)| self.is_under_way(*job));
        jobs.push((job, wanted));
        drop(jobs);
        run
    }

    /// Whether states of a method are on their way.
    pub fn is_coming(&self, run: &CascadeRun, method: Method) -> bool {
        lock(&run.jobs).iter().any(|(job, methods)| methods.contains(&method) && self.is_under_way(*job))
    }

    /// Whether anything of a cascade is on its way.
    pub fn is_busy(&self, run: &CascadeRun) -> bool {
        run.all_jobs().into_iter().any(|job| self.is_under_way(job))
    }

    /// Stops a cascade and its comparison with other images; finished states stay.
    pub fn cancel(&self, run: &CascadeRun) {
        for job in run.all_jobs() {
            self.jobs.cancel(job);
        }
    }

    /// Stops every cascade; finished states stay.
    pub fn cancel_all(&self) {
        let runs: Vec<Arc<CascadeRun>> = lock(&self.runs).iter().cloned().collect();
        for run in &runs {
            self.cancel(run);
        }
    }

    pub(super) fn is_under_way(&self, job: JobId) -> bool {
        self.jobs.report(job).is_some_and(|report| report.is_under_way())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic half-way changes what is inside.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
