//! A cascade over images, methods and states.

use std::sync::Arc;

use serde::Serialize;

use super::baseline::{PairMean, control, pair_mean, pairs};
use super::error::{Error, Result};
use super::randomizer::Randomizer;
use super::similarity::{Comparable, Similarity};
use super::state::State;
use crate::network::{self, Executor, Graph, Weights};
use crate::saliency::{Explanation, Method, Outcome, Request, Watch, explain};

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

/// One image in one state, as it is finished.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Position of the image in the request.
    pub image: usize,
    /// Position of the state in the plan.
    pub state: usize,
    /// Its maps with their intermediates.
    pub explanation: &'a Explanation,
    /// The same maps ready to be compared, in the same order.
    pub maps: &'a [Comparable],
    /// How like those of the original they are, in the same order.
    pub similarities: &'a [Similarity],
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
    /// Unrelated blurred noise of the first image's size; none for a single image.
    pub control: Option<PairMean>,
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
        let curve = |method: &Method| {
            let point = |state: usize| {
                let rows = self.rows.iter().filter(|row| row.method == *method && row.state == state);
                CurvePoint::new(&rows.filter_map(|row| measure(&row.similarity)).collect::<Vec<_>>())
            };
            Curve { method: *method, points: (0..self.states.len()).map(point).collect() }
        };
        self.methods.iter().map(curve).collect()
    }
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

/// Runs a cascade: each state on an executor of its own, made by `build` from the state's weights before anything is
/// folded. `keep` is given every finished image once a state; only what it takes and the original maps stay in memory.
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
    let images = &plan.request.images;
    let Some(first) = images.first() else { return Err(Error::NoImages) };
    assert!(plan.states.first().is_some_and(|state| state.blocks.is_empty()), "a cascade begins with the original");
    let mut request = Request { images: Vec::new(), intermediates: true, ..plan.request.clone() };
    request.segments.get_or_insert_with(Arc::default);
    let clip_percentile = request.parameters.clip_percentile;
    let mut originals: Vec<Vec<Comparable>> = Vec::with_capacity(images.len());
    let mut classes = Vec::with_capacity(images.len());
    let (mut rows, mut methods, mut executor_words) = (Vec::new(), Vec::new(), String::new());
    for (position, state) in plan.states.iter().enumerate() {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        let executor = build(&plan.randomizer.weights(graph, trained, state)?)?;
        executor_words = executor.describe();
        let [_, _, height, width] = first.values.shape();
        let batch = request.batch.unwrap_or_else(|| executor.preferred_batch(height, width)).max(1);
        for (chunk, inputs) in images.chunks(batch).enumerate() {
            let offset = chunk * batch;
            request.images = inputs.to_vec();
            request.classes = (position > 0).then(|| classes[offset..offset + inputs.len()].to_vec());
            let part = Part {
                watch,
                before: position * images.len() + offset,
                images: inputs.len(),
                all: plan.states.len() * images.len(),
            };
            for (index, explanation) in explain(executor.as_ref(), &request, &part)?.iter().enumerate() {
                let image = offset + index;
                let maps = explanation.maps.iter().map(|map| Comparable::new(map, clip_percentile));
                let maps = maps.collect::<Result<Vec<_>>>()?;
                if position == 0 {
                    methods = explanation.maps.iter().map(|map| map.method).collect();
                    classes.push(explanation.class);
                    originals.push(maps.clone());
                }
                let pairs = originals[image].iter().zip(&maps);
                let similarities: Vec<Similarity> = pairs.map(|(original, map)| original.similarity(map)).collect();
                rows.extend(explanation.maps.iter().zip(&similarities).map(|(map, similarity)| Row {
                    image,
                    method: map.method,
                    state: position,
                    outcome: map.display.outcome,
                    similarity: *similarity,
                }));
                keep(&Finished { image, state: position, explanation, maps: &maps, similarities: &similarities })?;
            }
        }
    }
    let contents: Vec<&[f32]> = images.iter().map(|image| image.values.values()).collect();
    let pairs = pairs(&contents, plan.randomizer.seed);
    let mut baselines = Vec::new();
    let mut noise = None;
    if images.len() > 1 {
        for (index, method) in methods.iter().enumerate() {
            let maps: Vec<&Comparable> = originals.iter().map(|maps| &maps[index]).collect();
            baselines.push(MethodBaseline { method: *method, mean: pair_mean(&maps, &pairs) });
        }
        let [_, _, height, width] = first.values.shape();
        noise = control([height, width], clip_percentile, plan.randomizer.seed);
    }
    Ok(Cascade {
        states: plan.states.clone(),
        methods,
        classes,
        executor: executor_words,
        rows,
        baselines,
        pairs,
        control: noise,
    })
}

/// Progress of some images in one state as progress of the whole.
struct Part<'a> {
    watch: &'a dyn Watch,
    /// Images finished before, over all states.
    before: usize,
    /// Images at hand.
    images: usize,
    /// Images in all states.
    all: usize,
}

impl Watch for Part<'_> {
    /// Every image costs about as much as the mean of those at hand.
    fn progress(&self, done: usize, total: usize) {
        self.watch.progress(self.before * total / self.images + done, self.all * total / self.images);
    }

    fn wants_partial_maps(&self) -> bool {
        false
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}
