//! From a protocol to its units of work.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::error::{Error, Result};
use super::external::PREFIX;
use super::pace::Sort;
use super::protocol::Test;
use super::setup::{BLOCK, Setup};
use super::store::PlannedUnits;
use super::subject::Subject;
use super::unit::{Kind, Unit};
use crate::cascade::{ORIGINAL, PAIRS};
use crate::limits;
use crate::saliency::methods::Cost;
use crate::saliency::{Method, Parameters};

/// Images of one job of predictions.
const PREDICTIONS: usize = 64;

/// The average mask as a method.
pub const AVERAGE: &str = "AVG";

/// A part of a run that several processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0.
    pub index: usize,
    /// How many parts there are.
    pub count: usize,
}

impl Default for Shard {
    /// The whole.
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl std::str::FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some((index.trim().parse::<usize>().ok()?, count.trim().parse::<usize>().ok()?))
        });
        match numbers {
            Some((index, count)) if index < count && limits::SHARDS.contains(count) => Ok(Self { index, count }),
            _ => Err(Error::Shard(format!(
                "a shard is INDEX/COUNT with an index from 0 to COUNT - 1 and a COUNT up to {}, not {text:?}",
                limits::SHARDS.most
            ))),
        }
    }
}

impl Shard {
    /// The part that a job array gives this process: of Slurm `SLURM_ARRAY_TASK_ID` with `SLURM_ARRAY_TASK_COUNT` and
    /// `SLURM_ARRAY_TASK_MIN` (arrays with a step of 1), of a Kubernetes Indexed Job `JOB_COMPLETION_INDEX` with
    /// `SALISCOPE_SHARDS`, which the job has to set to its `completions`. Nothing outside of one.
    ///
    /// # Errors
    /// When the variables contradict each other, or the count is missing.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let number = |name: &str| -> Result<Option<usize>> {
            let Some(text) = variable(name) else { return Ok(None) };
            text.trim().parse().map(Some).map_err(|_| Error::Shard(format!("{name} is {text:?}, not a whole number")))
        };
        let (index, count, name) = if let Some(task) = number("SLURM_ARRAY_TASK_ID")? {
            let least = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            (task.checked_sub(least), number("SLURM_ARRAY_TASK_COUNT")?, "SLURM_ARRAY_TASK_COUNT")
        } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            (Some(index), number("SALISCOPE_SHARDS")?, "SALISCOPE_SHARDS")
        } else {
            return Ok(None);
        };
        match (index, count) {
            (_, None) => {
                Err(Error::Shard(format!("this process is one of a job array, but {name} does not say how many")))
            }
            (Some(index), Some(count)) if index < count => Ok(Some(Self { index, count })),
            _ => Err(Error::Shard(format!("the job array's index lies beyond its count in {name}"))),
        }
    }

    /// Whether a job is of this part.
    fn holds(self, job: usize) -> bool {
        job % self.count == self.index
    }
}

/// Work that one worker does in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// What belongs to no image: the average mask, pairs of noise maps.
    Shared,
    /// What one classifier, by its number among the explained networks, says about some of the images to be classified.
    Predictions { subject: usize, range: Range<usize> },
    /// Everything about a few images of the sample.
    Block(Range<usize>),
}

impl Setup {
    /// The jobs of a part, the quick ones first.
    pub(super) fn jobs(&self, shard: Shard) -> Vec<Job> {
        let mut jobs = Vec::new();
        jobs.push((0, Job::Shared));
        for start in (0..self.predicted.len()).step_by(PREDICTIONS) {
            let range = start..(start + PREDICTIONS).min(self.predicted.len());
            let subjects = 0..self.subjects.explained().count();
            jobs.extend(
                subjects.map(|subject| (start / PREDICTIONS, Job::Predictions { subject, range: range.clone() })),
            );
        }
        for start in (0..self.images.len()).step_by(BLOCK) {
            jobs.push((start / BLOCK, Job::Block(start..(start + BLOCK).min(self.images.len()))));
        }
        jobs.into_iter().filter(|(number, _)| shard.holds(*number)).map(|(_, job)| job).collect()
    }

    /// The units of a job, each once.
    pub(super) fn units(&self, job: &Job) -> Vec<Unit> {
        match job {
            Job::Shared => {
                let pairs = if self.wants(Test::Randomization) { PAIRS } else { 0 };
                let average = self.protocol.average_mask.then(|| Unit::fixed("", AVERAGE));
                average.into_iter().chain((1..=pairs).map(Unit::noise_pair)).collect()
            }
            Job::Predictions { subject, range } => {
                let name = self.subjects.explained().nth(*subject).map_or("", |subject| subject.name.as_str());
                let id = |position: &usize| self.cohort.cases()[*position].id.as_str();
                self.predicted[range.clone()].iter().map(|position| Unit::prediction(id(position), name)).collect()
            }
            Job::Block(range) => {
                let mut units = BTreeSet::new();
                for image in range.clone() {
                    self.add_image(image, &mut units);
                }
                for [first, second] in self.pairs.iter().filter(|pair| range.contains(&pair[0])) {
                    let (first, second) = (&self.case(*first).id, &self.case(*second).id);
                    for subject in &self.subjects.classifiers[..self.replicates()] {
                        let unit = |method: Method| Unit::image_pair(first, second, &subject.name, method.name());
                        units.extend(self.methods_of(subject).map(unit));
                    }
                }
                units.into_iter().collect()
            }
        }
    }

    /// The units of one image that need no other image.
    fn add_image(&self, image: usize, units: &mut BTreeSet<Unit>) {
        let id = self.case(image).id.as_str();
        let classifiers = &self.subjects.classifiers;
        let localizers = &self.subjects.localizers;
        let other = self.subjects.other.as_ref();
        let mut maps: Vec<(&Subject, &str)> = Vec::new();
        let utility = self.is_for_utility(image);
        let similarity = image < self.similarity;
        if utility {
            maps.extend([(&classifiers[0], ORIGINAL), (&classifiers[0], self.random.name.as_str())]);
            let localizer = localizers.first().and_then(|subject| Some((subject, subject.localizer_method()?)));
            units.extend(localizer.map(|(subject, method)| Unit::localizer(id, &subject.name, method)));
            units.extend(self.fixed_methods().map(|method| Unit::fixed(id, &method)));
        }
        if similarity {
            for subject in &classifiers[..self.replicates()] {
                maps.extend(self.states.iter().map(|state| (subject, state.name.as_str())));
            }
            let repeated = classifiers.get(1).filter(|_| self.wants(Test::Repeatability));
            let reproduced = other.filter(|_| self.wants(Test::Reproducibility));
            for second in repeated.into_iter().chain(reproduced) {
                maps.extend([(&classifiers[0], ORIGINAL), (second, ORIGINAL)]);
                let pair = |method: Method| Unit::model_pair(id, &classifiers[0].name, &second.name, method.name());
                let graph = &second.model.graph;
                let of_both = self.methods_of(&classifiers[0]).filter(|method| method.undefined_for(graph).is_none());
                units.extend(of_both.map(pair));
            }
            if repeated.or(reproduced).is_some() {
                units.extend(self.protocol.controls.iter().map(|control| Unit::fixed(id, control.name())));
                if let [first, second, ..] = localizers.as_slice()
                    && let (Some(one), Some(two)) = (first.localizer_method(), second.localizer_method())
                {
                    units.insert(Unit::localizer(id, &first.name, one));
                    units.insert(Unit::localizer(id, &second.name, two));
                    units.insert(Unit::model_pair(id, &first.name, &second.name, one));
                }
            }
        }
        for (subject, state) in maps {
            units.extend(self.methods_of(subject).map(|method| Unit::map(id, &subject.name, state, method.name())));
        }
    }

    /// Names of the maps that depend on no network.
    pub(super) fn fixed_methods(&self) -> impl Iterator<Item = String> {
        let controls = self.protocol.controls.iter().map(|control| control.name().to_owned());
        let average = self.protocol.average_mask.then(|| AVERAGE.to_owned());
        let external = self.external.iter().flat_map(|maps| maps.methods().to_vec());
        controls.chain(average).chain(external)
    }

    /// The units of some jobs by kind and method.
    pub(super) fn planned(&self, jobs: &[Job]) -> Result<Vec<PlannedUnits>> {
        let parameters = self.subjects.classifiers.first().map(|subject| self.parameters(subject)).transpose()?;
        let parameters = parameters.unwrap_or_default();
        let size = self.subjects.classifiers.first().map_or([0, 0], |subject| subject.model.card.input_size);
        let mut counts: BTreeMap<Sort, usize> = BTreeMap::new();
        for unit in jobs.iter().flat_map(|job| self.units(job)) {
            *counts.entry((unit.kind, unit.method)).or_default() += 1;
        }
        let planned = counts.into_iter().map(|((kind, method), units)| {
            let passes = cost(kind, &method, &parameters, size);
            PlannedUnits { kind, method, units, passes }
        });
        Ok(planned.collect())
    }
}

impl Setup {
    /// About how much work the units of some jobs are on each network, in passes; of those that ask none under an empty name.
    pub(super) fn passes_by_model(&self, jobs: &[Job]) -> Result<BTreeMap<String, f64>> {
        let parameters = self.subjects.classifiers.first().map(|subject| self.parameters(subject)).transpose()?;
        let parameters = parameters.unwrap_or_default();
        let mut passes: BTreeMap<String, f64> = BTreeMap::new();
        for unit in jobs.iter().flat_map(|job| self.units(job)) {
            let one = cost(unit.kind, &unit.method, &parameters, self.size_px());
            *passes.entry(unit.model).or_default() += one;
        }
        Ok(passes)
    }
}

/// About how much work a unit is, in passes through a network; maps are of images of `size` (`[h, w]`).
fn cost(kind: Kind, method: &str, parameters: &Parameters, size: [usize; 2]) -> f64 {
    const LITTLE: f64 = 0.05;
    /// Of a map that is the product of other maps, which most runs make anyway.
    const PRODUCT: f64 = 0.1;
    let method = method.parse::<Method>().ok().filter(|_| kind == Kind::Map && !method.starts_with(PREFIX));
    match (kind, method.map(Method::spec)) {
        (_, Some(spec)) if !spec.factors.is_empty() => PRODUCT,
        (_, Some(spec)) => match spec.cost(parameters, size) {
            cost if cost.with_gradient > 0 => cost.needed as f64,
            cost => cost.work(),
        },
        (Kind::Localizer, _) => 1.0,
        (Kind::Prediction, _) => Cost::FORWARD,
        _ => LITTLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_as_much_work_as_their_definition_says() {
        let works: Vec<f64> = Method::STUDY
            .iter()
            .map(|method| cost(Kind::Map, method.name(), &Parameters::default(), [320, 320]))
            .collect();
        assert_eq!(works, [1.0, 25.0, 10.0, 250.0, 1.0, 200.0, 1.0, 0.1]);
        assert_eq!(cost(Kind::Prediction, "", &Parameters::default(), [320, 320]), 0.3);
        assert_eq!(cost(Kind::Map, "ext:GRAD", &Parameters::default(), [320, 320]), 0.05, "another program's");
    }

    #[test]
    fn shards_are_read_from_text_and_from_job_arrays() {
        assert_eq!("2/5".parse::<Shard>().unwrap(), Shard { index: 2, count: 5 });
        for text in ["5/5", "1", "-1/2", "a/b", "1/0", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        let of = |variables: &[(&str, &str)]| {
            Shard::of_environment(|name| {
                variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]).unwrap(), None);
        let slurm = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_MIN", "5")];
        assert_eq!(of(&slurm).unwrap(), Some(Shard { index: 2, count: 4 }));
        let indexed = [("JOB_COMPLETION_INDEX", "3"), ("SALISCOPE_SHARDS", "4")];
        assert_eq!(of(&indexed).unwrap(), Some(Shard { index: 3, count: 4 }));
        assert!(of(&slurm[..1]).is_err() && of(&indexed[..1]).is_err(), "the count is missing");
        assert!(of(&[("JOB_COMPLETION_INDEX", "4"), ("SALISCOPE_SHARDS", "4")]).is_err());
        assert!(of(&[("SLURM_ARRAY_TASK_ID", "x")]).is_err());
    }
}
