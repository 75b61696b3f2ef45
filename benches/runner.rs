//! What a benchmark costs beside the gradients it asks for: utility on phantoms (images read, maps scaled, scored against
//! marks and written to the database, one transaction each), InceptionV3 at full width, 320x320, 2 threads, one worker.
//!
//!     cargo bench --bench runner [-- IMAGES [ROUNDS]]
//!
//! `GRAD` makes a map from one pass, so that everything else weighs most; `SG` is nearer to what a study does. Each round
//! also makes the same maps of the same images without a benchmark around them.

#![allow(clippy::print_stdout, reason = "the result is for the reader")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::{BLOCK, Executors, Options, Protocol, Setup, run};
use saliscope::cascade::{Order, Plan, Randomizer, State};
use saliscope::cohort::{Case, Split};
use saliscope::model_input::StudyImage;
use saliscope::network::{
    Architecture, DeviceChoice, Executor, Forward, ForwardWork, Graph, Joining, Model, ModelCard, Pass, PassOutput,
    Precision, Result, Runtime, RuntimeOptions, Variant, Weights,
};
use saliscope::saliency::{ImageInput, Method, Preset, Request};
use saliscope::truth::Task;

type Failure = Box<dyn std::error::Error>;

/// Time inside of networks.
#[derive(Default)]
struct Clock {
    passes: Mutex<Duration>,
    making: Mutex<Duration>,
}

fn timed<T>(total: &Mutex<Duration>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let found = work();
    if let Ok(mut total) = total.lock() {
        *total += begun.elapsed();
    }
    found
}

/// An executor that notes how long its passes take.
struct Timed {
    inner: Box<dyn Executor>,
    clock: Arc<Clock>,
}

impl Executor for Timed {
    fn graph(&self) -> &Graph {
        self.inner.graph()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn preferred_batch(&self, height: usize, width: usize) -> usize {
        self.inner.preferred_batch(height, width)
    }

    fn with_weights(&self, weights: &Weights, joining: Joining) -> Option<Result<Box<dyn Executor>>> {
        let made = timed(&self.clock.making, || self.inner.with_weights(weights, joining))?;
        Some(made.map(|inner| Box::new(Self { inner, clock: Arc::clone(&self.clock) }) as Box<dyn Executor>))
    }

    fn forward_work(&self) -> ForwardWork {
        self.inner.forward_work()
    }

    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput> {
        timed(&self.clock.passes, || self.inner.run(pass))
    }
}

/// Networks on the processor whose time is noted.
struct TimedExecutors {
    inner: Runtime,
    clock: Arc<Clock>,
}

impl Executors for TimedExecutors {
    fn classifier(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Executor>> {
        let inner = timed(&self.clock.making, || self.inner.classifier(graph, weights))?;
        Ok(Box::new(Timed { inner, clock: Arc::clone(&self.clock) }))
    }

    fn localizer(&self, model: &Model) -> Result<Forward> {
        self.inner.localizer(model)
    }
}

impl TimedExecutors {
    /// Seconds of passes, and of making networks, since the last question.
    fn secs(&self) -> [f64; 2] {
        let take =
            |total: &Mutex<Duration>| total.lock().map_or(0.0, |mut total| std::mem::take(&mut *total).as_secs_f64());
        [take(&self.clock.passes), take(&self.clock.making)]
    }
}

/// Writes a seeded network with its card, and says where.
fn model(folder: &Path) -> std::result::Result<String, Failure> {
    let architecture = Architecture::InceptionV3;
    let variant = Variant { classes: 2, ..architecture.usual_variant() };
    let weights = Weights::initialize(&architecture.graph(&variant), 1).to_safetensors(Precision::Single)?;
    let classes = vec!["none".to_owned(), "pneumothorax".to_owned()];
    let words = "nothing: seeded weights".to_owned();
    let card = ModelCard::of_new_model(architecture, &variant, [320, 320], classes, words, None, &weights)?;
    let path = folder.join("inception_v3.safetensors");
    std::fs::write(&path, &weights)?;
    card.save(&path.with_extension("json"))?;
    Ok(path.display().to_string())
}

fn protocol(model: String, method: Method, images: usize) -> Protocol {
    let mut protocol = Protocol::demo(Preset::Recommended, Task::PNEUMOTHORAX);
    protocol.tests = vec![Test::Utility];
    protocol.methods = vec![method];
    protocol.controls.clear();
    protocol.average_mask = false;
    protocol.models.classifiers = vec![model];
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    protocol.cohort.split = Split::Test;
    protocol.sample.utility = Some(images);
    protocol.sample.classification = Some(0);
    protocol
}

/// Seconds for the same maps of the same images in the same batches without a benchmark: no marks, no scores, nothing kept.
fn bare(setup: &Setup, executors: &TimedExecutors, images: usize) -> std::result::Result<f64, Failure> {
    let subject = &setup.subjects().classifiers[0];
    let (protocol, model) = (setup.protocol(), &subject.model);
    let cases = setup.cohort().in_split(protocol.cohort.split).filter(|case| case.label == Some(true));
    let cases: Vec<_> = cases.take(images).collect();
    let mut states = State::all(&model.graph, Order::TopDown, protocol.preset);
    states.drain(1..states.len() - 1);
    let begun = Instant::now();
    for block in cases.chunks(BLOCK) {
        let read = |case: &&Case| -> std::result::Result<ImageInput, String> {
            let radiograph = setup.cohort().radiograph(case).map_err(|error| error.to_string())?;
            let image = StudyImage::new(&radiograph, model).map_err(|error| error.to_string())?;
            Ok(ImageInput { id_seed: image.content_seed, values: image.input })
        };
        let inputs: Vec<ImageInput> = block.par_iter().map(read).collect::<std::result::Result<_, _>>()?;
        let mut request = Request::new(inputs, protocol.methods.clone(), protocol.preset);
        request.positive_class = model.card.positive_class;
        let plan = Plan { states: states.clone(), randomizer: Randomizer { seed: 1, replicate: 1 }, request };
        let build = |weights: &_| executors.classifier(&model.graph, weights);
        let mut maps = 0;
        saliscope::cascade::maps(&plan, &model.graph, &model.weights, &build, &(), &mut |_| {
            maps += 1;
            Ok(())
        })?;
        assert_eq!(maps, 2 * block.len(), "a map for each image and state");
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> std::result::Result<(), Failure> {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let images = numbers.next().unwrap_or(48_usize).max(1);
    let rounds = numbers.next().unwrap_or(3_usize).max(1);
    // Work outside of the executors must not find more threads than they have.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(2).build_global();
    let folder = tempfile::tempdir()?;
    let weights = model(folder.path())?;
    let options = RuntimeOptions { device: DeviceChoice::Cpu, threads: Some(2), ..RuntimeOptions::default() };
    let executors = TimedExecutors { inner: Runtime::open(&options)?, clock: Arc::default() };
    for method in [Method::Grad, Method::Sg] {
        // 25 passes a map: fewer images do.
        let images = if method == Method::Grad { images } else { images.div_ceil(8) };
        let setup = Setup::open(&protocol(weights.clone(), method, images), None, &())?;
        let mut overheads = Vec::new();
        for round in 0..=rounds {
            let out = folder.path().join(format!("{method}-{round}"));
            let begun = Instant::now();
            let summary = run(&setup, &out, &executors, &Options { workers: 1, ..Options::default() }, &())?;
            let whole = begun.elapsed().as_secs_f64();
            let [passes, making] = executors.secs();
            assert_eq!((summary.status.done, summary.status.failed), (summary.status.total, 0), "every unit is done");
            let bare = bare(&setup, &executors, images)?;
            let [bare_passes, _] = executors.secs();
            // The first round reads everything for the first time.
            if round > 0 {
                println!(
                    "  {method}, {images} images, 2 states: {whole:.2} s, of that passes {passes:.2}, networks {making:.2}; \
                     without a benchmark {bare:.2} s, of that passes {bare_passes:.2}"
                );
                // Passes are the same work in both, so that their noise is left out.
                overheads.push(((whole - passes) - (bare - bare_passes)) / passes);
            }
        }
        println!("{method}: runner, scores and database add {:.1} % to the passes", 100.0 * median(overheads));
    }
    Ok(())
}
