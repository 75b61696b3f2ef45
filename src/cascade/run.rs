//! A cascade over images, methods and states.

use serde::Serialize;

use super::baseline::{PairMean, control, pair_mean, pairs};
use super::error::{Error, Result};
use super::lockstep::Lockstep;
use super::randomizer::Randomizer;
use super::similarity::{Comparable, Similarity};
use super::state::State;
use crate::network::{self, Executor, Family, ForwardWork, Graph, Weights};
use crate::saliency::{Method, Outcome, Request, SaliencyMap};
use crate::watch::Watch;

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// States, the original first; see [`State::all`] and [`State::choose`].
    pub states: Vec<State>,
    /// What the randomized blocks are drawn from.
    pub randomizer: Randomizer,
    /// Images, methods, parameters, and the class to be explained: chosen on the trained network, it stays that of the
    /// image in every state. Noise belongs to image and seed, so it is the same in every state too.
    pub request: Request,
}

/// One map of one state, as it is finished.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// The map with its intermediates.
    pub map: &'a SaliencyMap,
    /// The same ready to be compared.
    pub comparable: &'a Comparable,
    /// Which image, method and state it is of, and how like the original map it is.
    pub row: Row,
    /// Logits of the image in this state, `[classes]`.
    pub logits: &'a [f32],
    /// The class explained.
    pub class: usize,
    /// Maps finished so far, this one included.
    pub done: usize,
    /// Maps of the whole cascade.
    pub total: usize,
}

/// One map of one state compared with the original.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Position of the image in the request.
    pub image: usize,
    /// Method.
    pub method: Method,
    /// Position of the state in the plan.
    pub state: usize,
    /// Whether the state's map could be normalized.
    pub outcome: Outcome,
    /// Likeness to the original map of the same image.
    #[serde(flatten)]
    pub similarity: Similarity,
}

/// Mean similarity of the maps of different images under the trained network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MethodBaseline {
    /// Method.
    pub method: Method,
    /// The means; none where no two images have display maps of one size.
    pub mean: Option<PairMean>,
}

/// What a cascade found.
#[derive(Clone, Debug, PartialEq)]
pub struct Cascade {
    /// Its states.
    pub states: Vec<State>,
    /// Its methods in the study's order.
    pub methods: Vec<Method>,
    /// The class explained of each image.
    pub classes: Vec<usize>,
    /// Executor in its own words.
    pub executor: String,
    /// State by state, image by image, method by method.
    pub rows: Vec<Row>,
    /// The randomization baseline of each method; empty for a single image.
    pub baselines: Vec<MethodBaseline>,
    /// Pairs of image positions behind the baselines.
    pub pairs: Vec<[usize; 2]>,
    /// Unrelated blurred noise of the first image's size.
    pub control: Option<PairMean>,
    /// Forward multiply-adds of all states, where the executor counts them.
    pub forward_work: Option<ForwardWork>,
}

/// Means over images of one method, state by state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Method.
    pub method: Method,
    /// Mean, standard deviation and count of each state.
    pub points: Vec<CurvePoint>,
}

/// One state of a [`Curve`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Mean over the images with a value.
    pub mean: Option<f64>,
    /// Sample standard deviation over them, for two or more.
    pub sd: Option<f64>,
    /// How many they are.
    pub images: usize,
}

impl Cascade {
    /// The curves of all methods of one of the four measures.
    pub fn curves(&self, measure: impl Fn(&Similarity) -> Option<f64>) -> Vec<Curve> {
        curves(&self.rows, &self.methods, self.states.len(), measure)
    }
}

/// The curves of `methods` over `states` states, of one of the four measures; `rows` may be those of a cascade that is still
/// running.
pub fn curves(
    rows: &[Row],
    methods: &[Method],
    states: usize,
    measure: impl Fn(&Similarity) -> Option<f64>,
) -> Vec<Curve> {
    let curve = |method: &Method| {
        let point = |state: usize| {
            let rows = rows.iter().filter(|row| row.method == *method && row.state == state);
            CurvePoint::new(&rows.filter_map(|row| measure(&row.similarity)).collect::<Vec<_>>())
        };
        Curve { method: *method, points: (0..states).map(point).collect() }
    };
    methods.iter().map(curve).collect()
}

impl CurvePoint {
    fn new(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self {
            mean: (!values.is_empty()).then_some(mean),
            sd: (values.len() > 1).then(|| variance.sqrt()),
            images: values.len(),
        }
    }
}

/// Runs a cascade. Every state has an executor of its own, made from its weights before anything is folded: the first by
/// `build`, the others by [`Family::join`] where it shares what states have in common, else by `build` as well.
///
/// With a sharing executor all states advance together, one batch of inputs after the other, so that the layers below the
/// randomized blocks run forward once for all of them. Maps come as they are finished, cheap methods first: all states of
/// the methods that need one pass, then of IG, SG, XRAI and SIG. Without sharing they come state by state. Either way they
/// are the bits that each state gives alone.
///
/// `keep` is given every finished map once, on the calling thread; only what it takes and the original maps stay in memory.
/// After a failure, or when `watch` cancels, which is asked between batches, what was given to `keep` is valid and
/// complete in itself. May be called on any thread.
///
/// # Errors
/// When the plan has no image, a map is too small to be compared, the network or a method fails, `keep` fails, or
/// `watch` cancels.
///
/// # Panics
/// When the first state of the plan is not the original.
pub fn run(
    plan: &Plan,
    graph: &Graph,
    trained: &Weights,
    build: &dyn Fn(&Weights) -> network::Result<Box<dyn Executor>>,
    watch: &dyn Watch,
    keep: &mut dyn FnMut(&Finished<'_>) -> Result<()>,
) -> Result<Cascade> {
    let Maps { lockstep, words, forward_work } = all_maps(plan, graph, trained, build, watch, keep)?;
    let Lockstep { mut rows, originals, classes, .. } = lockstep;
    rows.sort_by_key(|row| (row.state, row.image, row.method));
    let images = &plan.request.images;
    let mut methods = plan.request.methods.clone();
    methods.sort_unstable();
    methods.dedup();
    let contents: Vec<&[f32]> = images.iter().map(|image| image.values.values()).collect();
    let pairs = pairs(&contents, plan.randomizer.seed);
    let baseline = |method: &Method| {
        let maps: Option<Vec<&Comparable>> = originals.iter().map(|maps| maps.get(method)).collect();
        MethodBaseline { method: *method, mean: maps.and_then(|maps| pair_mean(&maps, &pairs)) }
    };
    let baselines = if images.len() > 1 { methods.iter().map(baseline).collect() } else { Vec::new() };
    let [_, _, height, width] = images.first().map_or([0; 4], |first| first.values.shape());
    Ok(Cascade {
        states: plan.states.clone(),
        classes: classes.into_iter().flatten().collect(),
        executor: words,
        rows,
        baselines,
        pairs,
        control: control([height, width], plan.request.parameters.clip_percentile, plan.randomizer.seed),
        forward_work,
        methods,
    })
}

/// The maps of a cascade and their likeness to the original ones, as [`run`] makes them, without its baselines: for callers
/// who have pairs of their own.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn maps(
    plan: &Plan,
    graph: &Graph,
    trained: &Weights,
    build: &dyn Fn(&Weights) -> network::Result<Box<dyn Executor>>,
    watch: &dyn Watch,
    keep: &mut dyn FnMut(&Finished<'_>) -> Result<()>,
) -> Result<()> {
    all_maps(plan, graph, trained, build, watch, keep).map(|_| ())
}

/// What a cascade's maps leave behind.
struct Maps<'a> {
    lockstep: Lockstep<'a>,
    /// The executor in its own words.
    words: String,
    forward_work: Option<ForwardWork>,
}

fn all_maps<'a>(
    plan: &'a Plan,
    graph: &Graph,
    trained: &Weights,
    build: &dyn Fn(&Weights) -> network::Result<Box<dyn Executor>>,
    watch: &'a dyn Watch,
    keep: &'a mut dyn FnMut(&Finished<'_>) -> Result<()>,
) -> Result<Maps<'a>> {
    if plan.request.images.is_empty() {
        return Err(Error::NoImages);
    }
    assert!(plan.states.first().is_some_and(|state| state.blocks.is_empty()), "a cascade begins with the original");
    if watch.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let weights = plan.randomizer.weights_of(graph, trained, &plan.states)?;
    let original = build(&weights[0])?;
    let words = original.describe();
    let mut lockstep = Lockstep::new(plan, watch, keep);
    let mut family = Family::new(original);
    let is_shared = family.join(&weights[1..])?;
    lockstep.run(&family, 0)?;
    let forward_work = Some(family.forward_work()).filter(|work| is_shared && work.done > 0);
    drop(family);
    for (state, weights) in weights.iter().enumerate().skip(1).filter(|_| !is_shared) {
        lockstep.run(&Family::new(build(weights)?), state)?;
    }
    Ok(Maps { lockstep, words, forward_work })
}
