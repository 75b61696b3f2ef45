//! A protocol with everything it names opened, checked against each other, and its sample drawn.

use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::external::ExternalMaps;
use super::identity::{identity, run_id};
use super::plan::Shard;
use super::protocol::{Protocol, Test};
use super::results::{CohortProvenance, Exclusion, ModelProvenance, ReasonCount, SplitCount};
use super::store::{Meta, PlannedUnits};
use super::subject::{Role, Subject, Subjects};
use super::verdict::FEW_IMAGES;
use crate::cascade::{self, PAIRS, State};
use crate::cohort::{Case, Cohort, CohortSpec, Split, SplitSource};
use crate::network::{self, Model, ModelKind};
use crate::saliency::{ClassChoice, Method, Parameters, Preset};
use crate::truth::{Task, TruthKind};
use crate::watch::Watch;

/// Images that are worked on together: the pairs of the randomization baseline lie within such blocks, so that no map has
/// to be kept for long and every block can be worked on by itself.
pub const BLOCK: usize = 8;

/// Name of the state of utility's fully randomized network where the cascade does not reach it.
pub const ALL_BLOCKS: &str = "All";

/// A protocol ready to be run.
#[derive(Debug)]
pub struct Setup {
    pub(super) protocol: Protocol,
    pub(super) cohort: Cohort,
    pub(super) subjects: Subjects,
    pub(super) external: Option<ExternalMaps>,
    external_folder: Option<std::path::PathBuf>,
    pub(super) class: ClassChoice,
    /// Positions in the cohort of the positive images seen, in the order drawn.
    pub(super) images: Vec<usize>,
    /// Which of these utility sees.
    for_utility: Vec<bool>,
    /// How many the other tests see, from the first.
    pub(super) similarity: usize,
    /// Positions in the cohort of the images by which classifiers are judged.
    pub(super) predicted: Vec<usize>,
    /// Pairs of positions in `images` behind the randomization baseline.
    pub(super) pairs: Vec<[usize; 2]>,
    /// Pairs of positions in `images` whose maps are compared across two networks, the first on the first network.
    pub(super) crossed_pairs: Vec<[usize; 2]>,
    /// States of the cascade, the original first.
    pub(super) states: Vec<State>,
    /// The state in which nothing is as it was trained.
    pub(super) random: State,
    identity: serde_json::Value,
    warnings: Vec<String>,
}

impl Setup {
    /// Opens cohort and networks, draws the sample, and refuses what cannot be done. `external` is a folder of maps that
    /// another program made. `watch` is that of [`Cohort::open`].
    ///
    /// # Errors
    /// When something cannot be opened, or the protocol asks for something impossible; the message names the field.
    pub fn open(protocol: &Protocol, external: Option<&Path>, watch: &dyn Watch) -> Result<Self> {
        protocol.check()?;
        Self::opened(protocol, external, watch)
    }

    /// [`Setup::open`] for a run that was begun. An earlier program took limits that no map can get beyond; what is computed
    /// does not depend on them, so that such a run goes on, with a warning.
    ///
    /// # Errors
    /// As those of [`Setup::open`].
    pub fn reopen(protocol: &Protocol, external: Option<&Path>, watch: &dyn Watch) -> Result<Self> {
        protocol.check_work()?;
        let mut setup = Self::opened(protocol, external, watch)?;
        setup.warnings.extend(protocol.check_limits().err().map(|error| error.to_string()));
        Ok(setup)
    }

    fn opened(protocol: &Protocol, external: Option<&Path>, watch: &dyn Watch) -> Result<Self> {
        let class = protocol.class_choice()?;
        let mut subjects = Subjects::open(protocol)?;
        check_subjects(protocol, &subjects, class)?;
        let (states, random) = states(protocol, &subjects)?;
        let (spec, options) = protocol.cohort_spec()?;
        let cohort = Cohort::open(&spec, &options, watch).map_err(|error| match error {
            crate::cohort::Error::Interrupted => Error::Cancelled,
            other => Error::Cohort(other),
        })?;
        let mut warnings: Vec<String> = cohort.warnings().iter().map(ToString::to_string).collect();
        warnings.extend(subjects.pair(cohort.task())?);
        warnings.extend(cohort_warnings(protocol, &cohort));
        let noted = |subject: &Subject| {
            let name = subject.name.clone();
            subject.model.notes().into_iter().map(move |note| format!("{name}: {note}"))
        };
        warnings.extend(subjects.all().flat_map(noted));
        let seed = protocol.seeds.sample;
        let positives = drawn(&cohort, protocol.cohort.split, seed, |case| case.label == Some(true));
        if positives.is_empty() {
            let problem = format!("is {}, which has no image with the finding", protocol.cohort.split);
            return Err(Error::field("cohort.split", problem));
        }
        let wants = |test: Test| protocol.tests.contains(&test);
        let marked = marked(protocol, &cohort, &positives, &mut warnings)?;
        let mut take = |field: &str, wanted: bool, number: Option<usize>, of: &[usize]| {
            let number = number.filter(|_| wanted).unwrap_or(if wanted { of.len() } else { 0 });
            if number > of.len() {
                warnings.push(format!(
                    "{field} asks for {number} images, and the {} split has {} with the finding: all are taken",
                    protocol.cohort.split,
                    of.len()
                ));
            }
            number.min(of.len())
        };
        let utility = take("sample.utility", wants(Test::Utility), protocol.sample.utility, &marked);
        let others = [Test::Randomization, Test::Repeatability, Test::Reproducibility].into_iter().any(wants);
        let similarity = take("sample.similarity", others, protocol.sample.similarity, &positives);
        warnings.extend(too_small(utility, similarity));
        let (images, for_utility) = sample(&positives, &marked, utility, similarity);
        let mut predicted = drawn(&cohort, protocol.cohort.split, seed, |case| case.label.is_some());
        predicted.truncate(protocol.sample.classification.unwrap_or(usize::MAX));
        check_truth(protocol, &cohort, &subjects, &images)?;
        let drawn_for = |purpose: &str, tests: &[Test]| {
            let of = tests.iter().any(|test| wants(*test)).then_some(&images[..similarity]);
            of.map_or_else(Vec::new, |images| pairs(&cohort, images, seed, purpose))
        };
        let baseline = drawn_for("pair", &[Test::Randomization]);
        let crossed_pairs = drawn_for("pair on two networks", &[Test::Repeatability, Test::Reproducibility]);
        let ids = images.iter().map(|position| cohort.cases()[*position].id.as_str());
        let external_maps = external.map(|folder| ExternalMaps::open(folder, ids)).transpose()?;
        let identity = identity(protocol, &subjects, &cohort.fingerprint(), external_maps.as_ref());
        Ok(Self {
            protocol: protocol.clone(),
            cohort,
            subjects,
            external: external_maps,
            external_folder: external.map(Path::to_owned),
            class,
            images,
            for_utility,
            similarity,
            predicted,
            pairs: baseline,
            crossed_pairs,
            states,
            random,
            identity,
            warnings,
        })
    }

    /// What was odd; names no file and no id.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What has to be said of all numbers because a network never saw a patient. `trained_on_patients` tells what is known of
    /// a network; its card where nobody knows more.
    pub fn caution(&self, trained_on_patients: impl Fn(&Model) -> Option<bool>) -> Option<&'static str> {
        let is_of_phantoms = self.cohort.is_of_phantoms();
        self.subjects.all().find_map(|subject| network::caution(trained_on_patients(&subject.model), is_of_phantoms))
    }

    /// The protocol.
    pub fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// The cohort.
    pub fn cohort(&self) -> &Cohort {
        &self.cohort
    }

    /// The networks.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Images that utility sees, and images that the other tests see.
    pub fn sample(&self) -> [usize; 2] {
        [self.for_utility.iter().filter(|is_seen| **is_seen).count(), self.similarity]
    }

    /// Whether utility sees the image at a place of the sample.
    pub(super) fn is_for_utility(&self, image: usize) -> bool {
        self.for_utility[image]
    }

    /// All that the run's numbers follow from.
    pub fn identity(&self) -> &serde_json::Value {
        &self.identity
    }

    /// `[height, width]` of the maps.
    pub(super) fn size_px(&self) -> [usize; 2] {
        self.subjects.size_px()
    }

    pub(super) fn wants(&self, test: Test) -> bool {
        self.protocol.tests.contains(&test)
    }

    /// Classifiers that are randomized.
    pub(super) fn replicates(&self) -> usize {
        let all = self.subjects.classifiers.len();
        if self.wants(Test::Randomization) { self.protocol.randomization.replicates.unwrap_or(all).min(all) } else { 0 }
    }

    /// The case at a place of the sample.
    pub(super) fn case(&self, image: usize) -> &Case {
        &self.cohort.cases()[self.images[image]]
    }

    /// The parameters of the methods on one network.
    pub(super) fn parameters(&self, subject: &Subject) -> Result<Parameters> {
        let parameters = Parameters::for_model(self.protocol.preset, &subject.model.card);
        let parameters = parameters.overridden([self.protocol.parameters.clone().into()]);
        parameters.map_err(|error| Error::field("parameters", format!("cannot be used: {error}")))
    }

    /// Percentile at which maps are clipped.
    pub(super) fn clip_percentile(&self) -> f64 {
        self.subjects
            .classifiers
            .first()
            .and_then(|subject| self.parameters(subject).ok())
            .map_or(Parameters::default().clip_percentile, |parameters| parameters.clip_percentile)
    }

    /// What a database says about part `shard` of `shards`.
    pub(super) fn meta(&self, shard: Shard, planned: &[PlannedUnits], thumbnails: bool) -> Meta {
        Meta {
            run_id: run_id(&self.identity),
            identity: self.identity.clone(),
            protocol: self.protocol.clone(),
            external: self.external_folder.clone(),
            cohort: self.cohort_provenance(),
            models: self.subjects.all().map(model_provenance).collect(),
            exclusions: self.missing_maps(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            shard: shard.index,
            shards: shard.count,
            parts: vec![shard.index],
            units_total: planned.iter().map(|units| units.units).sum(),
            planned: planned.to_vec(),
            thumbnails: Some(thumbnails),
        }
    }

    fn cohort_provenance(&self) -> CohortProvenance {
        let cohort = &self.cohort;
        let spec = cohort.spec();
        let counts = cohort.counts().into_iter().map(|count| SplitCount {
            split: count.split.map_or("none", Split::name).to_owned(),
            positive: count.positive,
            negative: count.negative,
            unlabelled: count.unlabelled,
        });
        let mut unusable: Vec<ReasonCount> = Vec::new();
        for exclusion in cohort.exclusions() {
            let reason = exclusion.reason.description();
            match unusable.iter_mut().find(|count| count.reason == reason) {
                Some(count) => count.cases += 1,
                None => unusable.push(ReasonCount { reason: reason.to_owned(), cases: 1 }),
            }
        }
        CohortProvenance {
            name: if matches!(spec, CohortSpec::Phantom { .. }) { spec.to_string() } else { spec.kind().to_owned() },
            task: cohort.task().map_or("finding", Task::name).to_owned(),
            fingerprint: cohort.fingerprint(),
            counts: counts.collect(),
            unusable,
            splits: match cohort.split_source() {
                SplitSource::Given => "a file that the protocol names".to_owned(),
                SplitSource::Found => "a file in the cohort's folder".to_owned(),
                SplitSource::Labels => "the folder's labels".to_owned(),
                SplitSource::Phantoms => "the phantoms' own rule".to_owned(),
                SplitSource::Lists { seed } => {
                    format!("testing as the set says, validation drawn from the rest with seed {seed}")
                }
                SplitSource::Drawn { seed } => format!("drawn with seed {seed}"),
            },
            is_of_phantoms: cohort.is_of_phantoms(),
        }
    }

    /// The protocol's methods that are defined for a network.
    pub(super) fn methods_of(&self, subject: &Subject) -> impl Iterator<Item = Method> {
        let graph = &subject.model.graph;
        self.protocol.methods.iter().copied().filter(|method| method.undefined_for(graph).is_none())
    }

    /// What the sample does not hold, from the start.
    fn missing_maps(&self) -> Vec<Exclusion> {
        let all = |what: &str, reason: &str| Exclusion {
            image: String::new(),
            what: what.to_owned(),
            reason: reason.to_owned(),
        };
        let mut missing = Vec::new();
        if self.wants(Test::Randomization) && self.similarity < 2 {
            missing.push(all("randomization: baseline", "it compares different images, and there is only one"));
        }
        if !self.wants(Test::Utility) && self.cohort.truth_kind() == TruthKind::Label {
            missing.push(all("utility", WITHOUT_MARKS));
        }
        if self.subjects.localizers.is_empty() {
            missing.push(all("high baseline", "the protocol names no localizer"));
        }
        for subject in self.subjects.explained() {
            let undefined = |method: &Method| Some((*method, method.undefined_for(&subject.model.graph)?));
            for (method, reason) in self.protocol.methods.iter().filter_map(undefined) {
                missing.push(all(&format!("{method} on {}", subject.name), &reason));
            }
        }
        missing
    }
}

fn model_provenance(subject: &Subject) -> ModelProvenance {
    ModelProvenance {
        name: subject.name.clone(),
        role: subject.role.name().to_owned(),
        architecture: subject.model.card.architecture.name().to_owned(),
        blocks: cascade::blocks_with_parameters(&subject.model.graph).into_iter().map(str::to_owned).collect(),
        sha256: subject.model.sha256.clone(),
        trained_on: subject.model.card.trained_on.clone(),
        trained_on_patients: subject.model.card.trained_on_patients,
        auc: None,
    }
}

/// States of the cascade, and the one in which nothing is as it was trained.
fn states(protocol: &Protocol, subjects: &Subjects) -> Result<(Vec<State>, State)> {
    let Some(first) = subjects.classifiers.first() else { return Ok((Vec::new(), State::original())) };
    let graph = &first.model.graph;
    let all = State::all(graph, protocol.randomization.order, protocol.preset);
    let states = if protocol.randomization.states.is_empty() {
        all
    } else {
        State::choose(all, &protocol.randomization.states).map_err(|error| match error {
            cascade::Error::UnknownState { name, known } => {
                Error::field("randomization.states", format!("names {name:?}, and there are only {known}"))
            }
            other => Error::from(other),
        })?
    };
    let whole = State::all(graph, cascade::Order::TopDown, Preset::Recommended).pop().unwrap_or_else(State::original);
    let blocks: HashSet<&String> = whole.blocks.iter().collect();
    let reached = states.iter().find(|state| state.blocks.iter().collect::<HashSet<_>>() == blocks);
    let random = reached.cloned().unwrap_or(State { name: ALL_BLOCKS.to_owned(), blocks: whole.blocks.clone() });
    Ok((states, random))
}

/// Cases of a split in an order that follows from the seed and their ids alone, so that a smaller sample is the beginning
/// of a larger one.
fn drawn(cohort: &Cohort, split: Split, seed: u64, keep: impl Fn(&Case) -> bool) -> Vec<usize> {
    let kept = cohort.cases().iter().enumerate().filter(|(_, case)| case.split == Some(split) && keep(case));
    let mut order: Vec<([u8; 32], usize)> =
        kept.map(|(position, case)| (hash(seed, "sample", &[&case.id]), position)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, position)| position).collect()
}

/// Why a cohort has no utility.
const WITHOUT_MARKS: &str = "the cohort has labels alone: no mask and no box says where the finding is";

/// Those of the positive images that a mask or boxes mark. Of the others nobody knows where the finding is, so that utility
/// cannot see them.
fn marked(protocol: &Protocol, cohort: &Cohort, positives: &[usize], warnings: &mut Vec<String>) -> Result<Vec<usize>> {
    let marked: Vec<usize> =
        positives.iter().copied().filter(|position| cohort.cases()[*position].has_mark()).collect();
    if !protocol.tests.contains(&Test::Utility) {
        return Ok(marked);
    }
    if cohort.truth_kind() == TruthKind::Label {
        let problem = format!(
            "names utility, but {WITHOUT_MARKS}; take utility out of `tests` (the others need no marks), or add masks or boxes"
        );
        return Err(Error::field("tests", problem));
    }
    if marked.is_empty() {
        let problem = format!(
            "names utility, but no image of the {} split with the finding has a mask or a box; take utility out of `tests` \
             (the others need no marks), or judge another split",
            protocol.cohort.split
        );
        return Err(Error::field("tests", problem));
    }
    if let Some(without @ 1..) = positives.len().checked_sub(marked.len()) {
        warnings.push(format!(
            "of {} images with the finding {without} have neither mask nor box: utility sees the others, the other tests all",
            positives.len()
        ));
    }
    Ok(marked)
}

/// The images that a run sees and which of them utility does: the first `similarity` of `positives`, and the first `utility`
/// of those that are `marked`.
fn sample(positives: &[usize], marked: &[usize], utility: usize, similarity: usize) -> (Vec<usize>, Vec<bool>) {
    let mut images = positives[..similarity].to_vec();
    let seen: HashSet<usize> = marked[..utility].iter().copied().collect();
    let known: HashSet<usize> = images.iter().copied().collect();
    images.extend(marked[..utility].iter().filter(|position| !known.contains(position)));
    let for_utility = images.iter().map(|position| seen.contains(position)).collect();
    (images, for_utility)
}

/// At most [`PAIRS`] pairs of images, each within one block: drawn by the hash of seed, purpose and both ids.
fn pairs(cohort: &Cohort, images: &[usize], seed: u64, purpose: &str) -> Vec<[usize; 2]> {
    let id = |image: usize| cohort.cases()[images[image]].id.as_str();
    let mut all: Vec<([u8; 32], [usize; 2])> = Vec::new();
    for first in 0..images.len() {
        let end = (first / BLOCK + 1) * BLOCK;
        for second in first + 1..end.min(images.len()) {
            all.push((hash(seed, purpose, &[id(first), id(second)]), [first, second]));
        }
    }
    all.sort_unstable();
    all.truncate(PAIRS);
    let mut pairs: Vec<[usize; 2]> = all.into_iter().map(|(_, pair)| pair).collect();
    pairs.sort_unstable();
    pairs
}

fn hash(seed: u64, purpose: &str, words: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"saliscope benchmark");
    hash.update(seed.to_le_bytes());
    for word in std::iter::once(&purpose).chain(words) {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    hash.finalize().into()
}

fn check_subjects(protocol: &Protocol, subjects: &Subjects, class: ClassChoice) -> Result<()> {
    for subject in subjects.explained() {
        let classes = subject.model.graph.classes();
        if let ClassChoice::Index(index) = class
            && index >= classes
        {
            return Err(Error::field("class", format!("is {index}, and {} has {classes} classes", subject.name)));
        }
        let [height, width] = subject.model.card.input_size;
        if height.min(width) < crate::metrics::SSIM_WINDOW_PX {
            return Err(cascade::Error::MapSize { height, width }.into());
        }
        let parameters = Parameters::for_model(protocol.preset, &subject.model.card);
        let checked = parameters.overridden([protocol.parameters.clone().into()]).and_then(|parameters| {
            if let Some(name) = &parameters.gcam.node {
                subject.model.graph.find(name)?;
            }
            parameters.check(&protocol.methods)
        });
        checked.map_err(|error| Error::field("parameters", format!("do not fit {}: {error}", subject.name)))?;
    }
    Ok(())
}

/// Refuses detectors without boxes, and utility without marks.
fn check_truth(protocol: &Protocol, cohort: &Cohort, subjects: &Subjects, images: &[usize]) -> Result<()> {
    if !protocol.tests.contains(&Test::Utility) {
        return Ok(());
    }
    let cases = || images.iter().map(|position| &cohort.cases()[*position]);
    let detector = subjects.localizers.iter().find(|subject| subject.model.card.kind == ModelKind::Detection);
    if let Some(detector) = detector
        && cases().all(|case| cohort.boxes(case).is_empty())
    {
        let field = format!("models.localizers[{}]", detector.replicate - 1);
        let problem =
            "is a RetinaNet, which finds boxes, and the marks of this cohort are masks: a U-Net goes with masks";
        return Err(Error::field(field, problem));
    }
    let [height, width] = subjects.size_px();
    let mut problem = None;
    for case in cases() {
        match cohort.truth(case, height, width, protocol.cohort.truth_rule) {
            Ok(_) => return Ok(()),
            Err(error) => problem = Some(error.without_path()),
        }
    }
    let problem = problem.unwrap_or_default();
    Err(Error::field("tests", format!("names utility, but no image of the sample has a usable mark ({problem})")))
}

/// What a sample is too small for.
fn too_small(utility: usize, similarity: usize) -> Option<String> {
    let is_few = |images: &usize| (1..FEW_IMAGES).contains(images);
    let parts = [
        is_few(&utility).then(|| format!("utility ({utility} images)")),
        is_few(&similarity).then(|| format!("randomization, repeatability and reproducibility ({similarity} images)")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| {
        format!(
            "verdicts by interval begin at {FEW_IMAGES} images: there will be none on {}, and no difference found is none \
             shown. Larger numbers in `sample` of the protocol give them",
            parts.join(", nor on ")
        )
    })
}

fn cohort_warnings(protocol: &Protocol, cohort: &Cohort) -> Vec<String> {
    let patients = |judged: bool| -> HashSet<&str> {
        let of = cohort.cases().iter().filter(|case| case.split.is_some());
        let of = of.filter(|case| (case.split == Some(protocol.cohort.split)) == judged);
        of.filter_map(|case| case.patient.as_deref()).collect()
    };
    let shared = patients(true).intersection(&patients(false)).count();
    let mut warnings = Vec::new();
    if shared > 0 {
        warnings.push(format!(
            "{shared} patients have images in the {} split and in another one: what was learned about them counts as found",
            protocol.cohort.split
        ));
    }
    warnings
}

impl Role {
    /// Whether networks of this role classify.
    pub fn classifies(self) -> bool {
        self != Self::Localizer
    }
}
