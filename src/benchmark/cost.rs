//! What a run will cost, before it begins.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::error::Result;
use super::executors::Executors;
use super::plan::Shard;
use super::setup::Setup;
use super::store::PlannedUnits;
use super::subject::Subject;
use crate::network::{Batch, Pass, Target};

/// Images of a timed pass, where one image takes less than [`QUICK_SECS`].
const TIMED_BATCH: usize = 4;

/// A pass of one image below this is repeated with more images, which is how a run asks.
const QUICK_SECS: f64 = 0.5;

/// Work of a run, and how long it may take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Positive images that utility sees, and that the other tests see.
    pub images: [usize; 2],
    /// Images by which classifiers are judged.
    pub predicted: usize,
    /// Units of work.
    pub units: usize,
    /// About how many passes of one image through a network and back they take.
    pub passes: f64,
    /// The same by kind and method, the most work first.
    pub work: Vec<PlannedUnits>,
    /// About how long they take on this machine, in seconds, where passes were timed: at the speed of a few passes and
    /// without what states of a cascade share, so that a run is often quicker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secs: Option<f64>,
}

impl Cost {
    /// The work of part `shard` of a run.
    ///
    /// # Errors
    /// When parameters do not fit a network.
    pub fn of(setup: &Setup, shard: Shard) -> Result<Self> {
        let jobs = setup.jobs(shard);
        let mut work = setup.planned(&jobs)?;
        let all = |planned: &PlannedUnits| planned.passes * planned.units as f64;
        work.sort_by(|a, b| all(b).total_cmp(&all(a)));
        Ok(Self {
            images: setup.sample(),
            predicted: setup.predicted.len(),
            units: work.iter().map(|planned| planned.units).sum(),
            passes: work.iter().map(all).sum(),
            work,
            secs: None,
        })
    }

    /// The same with the time that it takes here: each architecture that is explained is timed at one or two passes.
    ///
    /// # Errors
    /// When the device fails.
    pub fn timed(mut self, setup: &Setup, shard: Shard, executors: &dyn Executors) -> Result<Self> {
        let passes = setup.passes_by_model(&setup.jobs(shard))?;
        let mut secs = BTreeMap::new();
        for subject in setup.subjects.classifiers.first().into_iter().chain(&setup.subjects.other) {
            secs.insert(subject.name.as_str(), secs_a_pass(subject, executors)?);
        }
        let usual = setup.subjects.classifiers.first().and_then(|first| secs.get(first.name.as_str()).copied());
        let Some(usual) = usual else { return Ok(self) };
        let all = passes.iter().map(|(model, passes)| passes * secs.get(model.as_str()).unwrap_or(&usual));
        self.secs = Some(all.sum());
        Ok(self)
    }

    /// The same for workers side by side, one of which was timed.
    #[must_use]
    pub fn shared_by(mut self, workers: usize) -> Self {
        self.secs = self.secs.map(|secs| secs / workers.max(1) as f64);
        self
    }

    /// In one sentence; `time` writes seconds.
    pub fn words(&self, time: impl Fn(f64) -> String) -> String {
        let [utility, similarity] = self.images;
        let secs = self.secs.map_or_else(String::new, |secs| {
            format!("; about {} on this machine, an estimate from a few timed passes", time(secs))
        });
        format!(
            "{} units of work, about {:.0} passes through a network ({utility} images for utility, {similarity} for the other \
             tests, {} to classify){secs}",
            self.units, self.passes, self.predicted
        )
    }
}

/// How long a pass of one image through a network and back takes, once the network is ready.
fn secs_a_pass(subject: &Subject, executors: &dyn Executors) -> Result<f64> {
    let executor = executors.classifier(&subject.model.graph, &subject.model.weights)?;
    let card = &subject.model.card;
    let [height, width] = card.input_size;
    let time = |images: usize| -> Result<f64> {
        let shape = [images, card.channels, height, width];
        // Pixels of no pattern: flat areas take a slower way than radiographs.
        let pixel = |index: usize| ((index * 7919 + index / width * 104_729) % 1009) as f32 / 504.5 - 1.0;
        let input = Batch::new(shape, (0..shape.iter().product()).map(pixel).collect());
        let pass = Pass { gradient: true, ..Pass { target: Target::Class(0), ..Pass::logits(&input) } };
        let started = Instant::now();
        executor.run(&pass)?;
        Ok(started.elapsed().as_secs_f64() / images as f64)
    };
    // The first pass makes buffers ready.
    let first = time(1)?;
    if first > QUICK_SECS { Ok(first) } else { time(TIMED_BATCH) }
}
