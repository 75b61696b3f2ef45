//! Maps of classifiers in their states, and their likeness.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::block::Loaded;
use super::scores::Label;
use super::{Bench, Passes};
use crate::benchmark::error::{Error, Result};
use crate::benchmark::protocol::Test;
use crate::benchmark::results::{Score, condition};
use crate::benchmark::store::{Finished, KeptMap};
use crate::benchmark::subject::{Role, Subject};
use crate::benchmark::unit::{Kind, Unit};
use crate::cascade::{self, Comparable, ORIGINAL, Plan, Randomizer, State};
use crate::model_input::StudyImage;
use crate::saliency::xrai::SegmentCache;
use crate::saliency::{ImageInput, Method, Outcome, Request};

/// Maps of the trained network by method, ready to be compared.
type Originals = BTreeMap<Method, Comparable>;

/// Originals by the network's number and the image's place in the sample.
type AllOriginals = BTreeMap<(usize, usize), Originals>;

/// What is explained in one go.
struct Call<'a> {
    number: usize,
    subject: &'a Subject,
    states: Vec<State>,
    images: Vec<&'a Loaded>,
}

impl Bench<'_> {
    pub(super) fn maps(&self, loaded: &[Loaded], missing: &BTreeSet<Unit>) -> Result<()> {
        let segments = Arc::new(SegmentCache::default());
        let mut originals = AllOriginals::new();
        let classifiers = self.setup.subjects.classifiers.len();
        for (number, subject) in self.setup.subjects.explained().enumerate() {
            // Images with the same states to explain share their passes.
            let mut groups: BTreeMap<Vec<usize>, Vec<&Loaded>> = BTreeMap::new();
            let states = self.states_of(number);
            for image in loaded {
                if let Some(wanted) = wanted_states(image, subject, &states, missing) {
                    groups.entry(wanted).or_default().push(image);
                }
            }
            for (wanted, images) in groups {
                let states = wanted.into_iter().map(|state| states[state].clone()).collect();
                let call = Call { number, subject, states, images };
                self.explain_or_fail(&call, &segments, missing, &mut originals)?;
            }
            self.image_pairs(number, subject, loaded, missing, &originals)?;
            if number > 1 && number < classifiers {
                // Only the first two replicates and the other architecture are compared with each other.
                originals.retain(|(of, _), _| *of != number);
            }
        }
        self.model_pairs(loaded, missing, &originals)
    }

    /// The states in which a network's maps are made, the original first.
    fn states_of(&self, number: usize) -> Vec<State> {
        let setup = self.setup;
        let mut states = vec![State::original()];
        if number < setup.replicates() {
            states.clone_from(&setup.states);
        }
        if number == 0 && setup.wants(Test::Utility) && !states.iter().any(|state| state.name == setup.random.name) {
            states.push(setup.random.clone());
        }
        states
    }

    /// Explains images together; where that fails, one by one, so that a failure is that of the image it belongs to.
    fn explain_or_fail(
        &self,
        call: &Call<'_>,
        segments: &Arc<SegmentCache>,
        missing: &BTreeSet<Unit>,
        originals: &mut AllOriginals,
    ) -> Result<()> {
        self.check()?;
        match self.explain(call, segments, missing, originals) {
            Ok(()) => Ok(()),
            Err(Failure::Run(error)) => Err(error),
            Err(Failure::Maps(reason)) if call.images.len() == 1 => {
                let image = call.images[0];
                let names: BTreeSet<&str> = call.states.iter().map(|state| state.name.as_str()).collect();
                let lost = missing.iter().filter(|unit| {
                    let own = unit.kind == Kind::Map && unit.image == image.id && unit.model == call.subject.name;
                    own && names.contains(unit.state.as_str())
                });
                let mut lost: Vec<Unit> = lost.cloned().collect();
                // States that were finished before the failure stay.
                let store = self.store();
                let mut open = Vec::new();
                for unit in lost.drain(..) {
                    if !store.has(&unit, false)? {
                        open.push(unit);
                    }
                }
                drop(store);
                self.fail(&open, &reason)
            }
            Err(Failure::Maps(_)) => {
                for image in &call.images {
                    let states = call.states.clone();
                    let one = Call { number: call.number, subject: call.subject, states, images: vec![image] };
                    self.explain_or_fail(&one, segments, missing, originals)?;
                }
                Ok(())
            }
        }
    }

    fn explain(
        &self,
        call: &Call<'_>,
        segments: &Arc<SegmentCache>,
        missing: &BTreeSet<Unit>,
        originals: &mut AllOriginals,
    ) -> std::result::Result<(), Failure> {
        let Call { number, subject, states, images } = call;
        let protocol = &self.setup.protocol;
        let mut inputs = Vec::with_capacity(images.len());
        for image in images {
            let read = StudyImage::new(&image.radiograph, &subject.model);
            let read = read.map_err(|problem| Failure::Maps(format!("the image cannot be used: {problem}")))?;
            inputs.push(ImageInput { id_seed: read.content_seed, values: read.input });
        }
        let mut request = Request::new(inputs, self.setup.methods_of(subject).collect(), protocol.preset);
        request.parameters = self.setup.parameters(subject).map_err(Failure::Run)?;
        request.class = self.setup.class;
        request.positive_class = subject.model.card.positive_class;
        request.card = Some(Arc::new(subject.model.card.clone()));
        request.seed = protocol.seeds.noise;
        request.segments = Some(Arc::clone(segments));
        request.batch = self.batch;
        let replicate = u64::from(subject.replicate);
        let plan = Plan {
            states: states.clone(),
            randomizer: Randomizer { seed: protocol.seeds.weights, replicate },
            request,
        };
        let mut broken = None;
        let model = &subject.model;
        let build = |weights: &_| self.executors.classifier(&model.graph, weights);
        let keep = &mut |finished: &cascade::Finished<'_>| {
            let (image, state, method) = (images[finished.row.image], finished.row.state, finished.map.method);
            let own = originals.entry((*number, image.image)).or_default();
            if state == 0 {
                own.insert(method, finished.comparable.clone());
            }
            let original = own.get(&method);
            let unit = self.finished(subject, &states[state], image, finished, original, missing);
            self.keep(unit.as_slice()).map_err(|error| {
                let reason = error.to_string();
                broken = Some(error);
                cascade::Error::Sink { reason }
            })
        };
        let found = cascade::maps(&plan, &model.graph, &model.weights, &build, &Passes(self), keep);
        match (found, broken) {
            (_, Some(error)) => Err(Failure::Run(error)),
            (Ok(()), None) => Ok(()),
            (Err(cascade::Error::Cancelled), None) => Err(Failure::Run(Error::Cancelled)),
            (Err(error), None) => Err(Failure::Maps(error.to_string())),
        }
    }

    /// The unit that a map makes, where it is missing.
    fn finished(
        &self,
        subject: &Subject,
        state: &State,
        image: &Loaded,
        found: &cascade::Finished<'_>,
        original: Option<&Comparable>,
        missing: &BTreeSet<Unit>,
    ) -> Option<Finished> {
        let (setup, map) = (self.setup, found.map);
        let unit = Unit::map(&image.id, &subject.name, &state.name, map.method.name());
        if !missing.contains(&unit) {
            return None;
        }
        let replica = subject.role == Role::Classifier;
        let cascaded = image.image < setup.similarity
            && replica
            && subject.replicate as usize <= setup.replicates()
            && setup.states.contains(state);
        let judged = setup.is_for_utility(image.image) && replica && subject.replicate == 1;
        let condition = match state.name.as_str() {
            ORIGINAL => Some(condition::TRAINED),
            name if name == setup.random.name => Some(condition::RANDOM),
            _ => None,
        };
        let label = |test, condition| Label {
            test,
            image: &image.id,
            method: map.method.name(),
            condition,
            models: &subject.name,
            replicate: subject.replicate,
        };
        let mut scores: Vec<Score> = Vec::new();
        let reason = map.display.reason.as_deref();
        if let Some(condition) = condition.filter(|_| judged && setup.wants(Test::Utility)) {
            let shown = match map.display.outcome {
                Outcome::Normal => Ok(map.display.values.as_slice()),
                _ => Err(reason.unwrap_or("the map cannot be scaled")),
            };
            scores.extend(label(Test::Utility, condition).utility(shown, &image.truth));
        }
        if cascaded {
            let blank = original.is_none_or(|map| map.display().is_none());
            let note = reason.or(blank.then_some("the map of the trained network cannot be scaled"));
            scores.extend(label(Test::Randomization, &state.name).similarities(&found.row.similarity, note));
        }
        let kept = || KeptMap {
            height: map.height,
            width: map.width,
            class: Some(found.class),
            outcome: outcome_name(map.display.outcome).to_owned(),
            values: map.display.values.clone(),
        };
        let kept = setup.protocol.keep_maps.then(kept);
        Some(Finished { unit, scores, map: kept, prediction: None })
    }

    /// The randomization baseline: maps of different images on one network.
    fn image_pairs(
        &self,
        number: usize,
        subject: &Subject,
        loaded: &[Loaded],
        missing: &BTreeSet<Unit>,
        originals: &AllOriginals,
    ) -> Result<()> {
        let of = |image: &Loaded| originals.get(&(number, image.image));
        for unit in missing.iter().filter(|unit| unit.kind == Kind::ImagePair && unit.model == subject.name) {
            self.check()?;
            let find = |id: &str| loaded.iter().find(|image| image.id == id).and_then(of);
            let models = subject.name.as_str();
            let image = format!("{}|{}", unit.image, unit.other_image);
            let label = Label {
                test: Test::Randomization,
                image: &image,
                method: &unit.method,
                condition: condition::BASELINE,
                models,
                replicate: subject.replicate,
            };
            let scores = compared(&label, find(&unit.image), find(&unit.other_image), false);
            self.keep_pair(unit, scores)?;
        }
        Ok(())
    }

    /// Repeatability and reproducibility: maps of one image, or of two different ones, on two networks.
    fn model_pairs(&self, loaded: &[Loaded], missing: &BTreeSet<Unit>, originals: &AllOriginals) -> Result<()> {
        let subjects: Vec<&Subject> = self.setup.subjects.explained().collect();
        let numbered = |name: &str| subjects.iter().position(|subject| subject.name == name);
        for unit in missing.iter().filter(|unit| unit.kind == Kind::ModelPair) {
            // Pairs of networks that localize are made elsewhere.
            let (Some(one), Some(two)) = (numbered(&unit.model), numbered(&unit.other_model)) else { continue };
            self.check()?;
            let (other_id, condition) = match unit.other_image.as_str() {
                "" => (&unit.image, condition::PAIR),
                _ => (&unit.other_image, condition::DIFFERENT_IMAGES),
            };
            let find = |id: &str| loaded.iter().find(|image| image.id == id);
            let (Some(image), Some(other)) = (find(&unit.image), find(other_id)) else { continue };
            let test = match subjects[two].role {
                Role::OtherArchitecture => Test::Reproducibility,
                Role::Classifier | Role::Localizer => Test::Repeatability,
            };
            let models = format!("{}|{}", unit.model, unit.other_model);
            let images = if image.id == other.id { image.id.clone() } else { format!("{}|{}", image.id, other.id) };
            let label = Label {
                test,
                image: &images,
                method: &unit.method,
                condition,
                models: &models,
                replicate: subjects[one].replicate,
            };
            let of = |number: usize, image: &Loaded| originals.get(&(number, image.image));
            let scores = compared(&label, of(one, image), of(two, other), true);
            self.keep_pair(unit, scores)?;
        }
        Ok(())
    }

    fn keep_pair(&self, unit: &Unit, scores: Option<Vec<Score>>) -> Result<()> {
        match scores {
            Some(scores) => self.keep(&[Finished { unit: unit.clone(), scores, map: None, prediction: None }]),
            None => self.fail(std::slice::from_ref(unit), "one of the two maps could not be made"),
        }
    }
}

/// Why maps could not be made.
enum Failure {
    /// The run cannot go on.
    Run(Error),
    /// These maps failed; others may not.
    Maps(String),
}

/// Positions of the states in which an image has to be explained, the original first; nothing where nothing is missing.
fn wanted_states(image: &Loaded, subject: &Subject, states: &[State], missing: &BTreeSet<Unit>) -> Option<Vec<usize>> {
    let of_image = |unit: &&Unit| unit.image == image.id || unit.other_image == image.id;
    let own: Vec<&Unit> = missing.iter().filter(of_image).collect();
    let is_open = |state: &State| {
        own.iter().any(|unit| unit.kind == Kind::Map && unit.model == subject.name && unit.state == state.name)
    };
    let compared = own.iter().any(|unit| match unit.kind {
        Kind::ImagePair => unit.model == subject.name,
        Kind::ModelPair if unit.other_image.is_empty() => {
            unit.model == subject.name || unit.other_model == subject.name
        }
        // Each network is asked about one of the two images.
        Kind::ModelPair => {
            (unit.image == image.id && unit.model == subject.name)
                || (unit.other_image == image.id && unit.other_model == subject.name)
        }
        _ => false,
    });
    let open: Vec<usize> = (1..states.len()).filter(|state| is_open(&states[*state])).collect();
    // Later states are compared with the original, which is made again where it was finished before.
    let any = compared || !open.is_empty() || states.first().is_some_and(is_open);
    any.then(|| std::iter::once(0).chain(open).collect())
}

fn compared(label: &Label<'_>, one: Option<&Originals>, two: Option<&Originals>, overlap: bool) -> Option<Vec<Score>> {
    let method = label.method.parse::<Method>().ok()?;
    let (one, two) = (one?.get(&method)?, two?.get(&method)?);
    let blank = [one, two].into_iter().any(|map| map.display().is_none());
    Some(label.similarity(one, two, blank.then_some("one of the two maps is blank or cannot be scaled"), overlap))
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Normal => "normal",
        Outcome::Constant => "constant",
        Outcome::Sparse => "sparse",
        Outcome::NotFinite => "not_finite",
        Outcome::Blank => "blank",
    }
}
