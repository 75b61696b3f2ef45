//! The benchmark of the window: what is asked, what runs, what was found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::app::Workbench;
use super::bench_work::{self, Consent, Judged, News};
use super::list::Entry;
use super::state::{PathField, PathPurpose, View};
use crate::benchmark::protocol::{CohortSection, ModelSection, Test};
use crate::benchmark::verdict::primary_metric;
use crate::benchmark::{Progress, Protocol, Score, TrustCard, TrustFile};
use crate::job::JobId;
use crate::reading::{CaseSource, ModelSource, OpenModel};
use crate::saliency::{Method, Preset};
use crate::truth::Task;

/// Warnings and failures shown; more of them say no more.
const MOST_WARNINGS: usize = 50;

/// What somebody asks of the benchmark.
#[derive(Clone, Debug)]
pub enum BenchWish {
    /// Changes what is to be run.
    Ask(Box<Protocol>),
    /// Takes the cohort of the case that is shown and the models that are open.
    TakeOpen,
    /// Finds out what it will cost.
    Weigh,
    /// Shows the numbers of a test.
    Show(Test),
    /// Runs what is asked; the folder is asked for first.
    Start,
    /// Runs what is asked in this folder.
    StartIn(PathBuf),
    /// Goes on with the run at hand.
    Continue,
    /// Holds the run, or lets it go on.
    Pause(bool),
    /// Stops the run; what is finished is kept.
    Stop,
    /// Asks for a database.
    Choose,
    /// Opens this database or the one in this folder.
    Open(PathBuf),
    /// Judges what is there so far.
    Judge,
    /// Writes the report beside the database.
    Report,
    /// Back to the choices.
    Close,
    /// Shows a case of the run with a method.
    Case {
        /// Id within the cohort, or two with `|` between.
        image: String,
        /// The method.
        method: String,
        /// Position of the network among the classifiers, from 1.
        replicate: u32,
    },
}

/// Numbers of one box: a test, a method, a condition.
pub type Place = (Test, String, String);

/// One number of the primary metric of its test.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Id of the case, or two with `|` between.
    pub image: String,
    /// The number.
    pub value: f64,
    /// Position of the network within its role.
    pub replicate: u32,
}

/// The benchmark.
pub struct Bench {
    /// What is asked.
    pub protocol: Protocol,
    /// Whose numbers are shown.
    pub test: Test,
    /// The database at hand.
    pub database: Option<PathBuf>,
    /// Numbers so far.
    pub values: BTreeMap<Place, Vec<Value>>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// What was left out of the protocol because cohort or models cannot give it.
    pub left_out: Vec<String>,
    /// A protocol that was weighed, with what it costs in words.
    pub cost: Option<(Box<Protocol>, String)>,
    /// The weighing under way.
    pub weighing: Option<JobId>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Units that failed in this sitting.
    pub failures: usize,
    /// Estimates and verdicts of what was there when somebody judged.
    pub judged: Option<Arc<Judged>>,
    /// The run under way.
    pub job: Option<JobId>,
    /// Where its networks run, in a few words, once they do.
    pub runs_on: Option<String>,
    /// The judging under way.
    pub judging: Option<JobId>,
    /// Held while true.
    pub paused: Arc<AtomicBool>,
    /// A case that is shown once its cohort is open.
    wanted: Option<BenchWish>,
    /// Cards of finished runs.
    pub trust: Vec<TrustFile>,
    /// What has to be said of the run's numbers.
    pub caution: Option<&'static str>,
    /// A run that waits for the click.
    held_back: Option<bench_work::Run>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            protocol: Protocol::demo(Preset::Recommended, Task::PNEUMOTHORAX),
            test: Test::Utility,
            database: None,
            values: BTreeMap::new(),
            progress: None,
            left_out: Vec::new(),
            cost: None,
            weighing: None,
            warnings: Vec::new(),
            failures: 0,
            judged: None,
            job: None,
            runs_on: None,
            judging: None,
            paused: Arc::default(),
            wanted: None,
            trust: Vec::new(),
            caution: None,
            held_back: None,
        }
    }
}

impl Bench {
    /// Whether the run is held.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether a run waits for the click.
    pub fn is_held_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// The newest card on a method of a network, where a run tested it.
    pub fn card(&self, model_sha256: &str, method: &str) -> Option<(&TrustFile, &TrustCard)> {
        let found = self.trust.iter().rev().filter_map(|file| Some((file, file.find(model_sha256, method)?)));
        found.into_iter().find(|(_, card)| card.is_tested())
    }

    /// Takes the cards of a run, in the place of older ones of the same run.
    pub fn take_trust(&mut self, file: TrustFile) {
        self.trust.retain(|other| other.run_id != file.run_id);
        self.trust.push(file);
    }

    /// Takes numbers; those of the metric by which a test is judged are shown.
    fn take(&mut self, scores: &[Score]) {
        let preset = self.protocol.preset;
        for score in scores.iter().filter(|score| score.metric == primary_metric(score.test, preset)) {
            let Some(value) = score.value.filter(|value| value.is_finite()) else { continue };
            let place = (score.test, score.method.clone(), score.condition.clone());
            let value = Value { image: score.image.clone(), value, replicate: score.replicate };
            self.values.entry(place).or_default().push(value);
        }
    }

    /// What the protocol that is asked costs, where that was found out.
    pub fn cost_words(&self) -> Option<&str> {
        self.cost.as_ref().filter(|(protocol, _)| **protocol == self.protocol).map(|(_, words)| words.as_str())
    }

    fn forget(&mut self) {
        let (protocol, trust) = (self.protocol.clone(), std::mem::take(&mut self.trust));
        let (cost, weighing) = (self.cost.take(), self.weighing);
        *self = Self { protocol, trust, cost, weighing, ..Self::default() };
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// What a protocol calls a model.
fn source_text(source: &ModelSource) -> String {
    match source {
        ModelSource::Demo(name) => format!("demo:{name}"),
        ModelSource::File(path) => path.to_string_lossy().into_owned(),
    }
}

/// What a protocol's model is.
fn source_of(text: &str) -> ModelSource {
    match text.strip_prefix("demo:") {
        Some(name) => ModelSource::Demo(name.to_owned()),
        None => ModelSource::File(text.into()),
    }
}

/// Roles for the models that are open: those of the first one's architecture are replicates, another one is compared with
/// them. Localizers stay as they are.
pub fn roles(models: &[Arc<OpenModel>], asked: usize, before: &ModelSection) -> ModelSection {
    let Some(first) = models.get(asked).or(models.first()) else { return before.clone() };
    let architecture = |model: &OpenModel| model.model.card.architecture;
    let classes = &first.model.card.classes;
    let fits = |model: &&Arc<OpenModel>| &model.model.card.classes == classes;
    let same = models.iter().filter(fits).filter(|model| architecture(model) == architecture(first));
    let other = models.iter().filter(fits).find(|model| architecture(model) != architecture(first));
    let mut classifiers: Vec<String> = same.map(|model| source_text(&model.source)).collect();
    classifiers.sort_by_key(|source| *source != source_text(&first.source));
    ModelSection {
        classifiers,
        other_architecture: other.map(|model| source_text(&model.source)),
        localizers: before.localizers.clone(),
    }
}

impl Workbench {
    /// Carries out a wish about the benchmark.
    pub(super) fn bench(&mut self, wish: BenchWish) {
        let bench = &mut self.state.bench;
        match wish {
            BenchWish::Ask(protocol) => {
                bench.protocol = *protocol;
                bench.left_out.clear();
            }
            BenchWish::TakeOpen => self.take_open(),
            BenchWish::Weigh => {
                let protocol = bench.protocol.clone();
                bench.weighing = Some(bench_work::weigh(&self.services, protocol));
            }
            BenchWish::Show(test) => bench.test = test,
            BenchWish::Start => self.services.ask_path(PathPurpose::BenchmarkFolder),
            BenchWish::StartIn(folder) => {
                let protocol = bench.protocol.clone();
                bench.forget();
                self.run_benchmark(bench_work::Run::new(protocol, folder));
            }
            BenchWish::Continue => {
                if let Some(database) = bench.database.clone() {
                    // A run that was stopped before its first unit has no database yet.
                    let run = match database.parent() {
                        Some(folder) if !database.is_file() => {
                            bench_work::Run::new(bench.protocol.clone(), folder.to_owned())
                        }
                        _ => bench_work::Run::of(database),
                    };
                    self.run_benchmark(run);
                }
            }
            BenchWish::Pause(is_paused) => bench.paused.store(is_paused, Ordering::Relaxed),
            BenchWish::Stop => {
                bench.paused.store(false, Ordering::Relaxed);
                if let Some(job) = bench.job {
                    self.services.jobs.cancel(job);
                    // One that never ran cannot say that it ended.
                    if self.services.jobs.report(job).is_none_or(|report| !report.is_under_way()) {
                        bench.job = None;
                    }
                }
            }
            BenchWish::Choose => self.services.ask_path(PathPurpose::BenchmarkOpen),
            BenchWish::Open(path) => {
                bench.forget();
                self.judge_benchmark(path);
            }
            BenchWish::Judge => {
                if let Some(database) = bench.database.clone() {
                    self.judge_benchmark(database);
                }
            }
            BenchWish::Report => {
                if let Some(judged) = bench.judged.clone() {
                    bench_work::write_report(&self.services.jobs, judged);
                }
            }
            BenchWish::Close => bench.forget(),
            wish @ BenchWish::Case { .. } => self.show_benchmark_case(wish, true),
        }
    }

    /// Makes cohort and models that are open the protocol's.
    fn take_open(&mut self) {
        let state = &mut self.state;
        let entries = state.list.entries();
        let current = state.list.current.and_then(|id| state.list.entry(id));
        let cohort_of = |entry: &Entry| match &entry.source {
            CaseSource::Cohort { cohort, .. } => Some(Arc::clone(cohort)),
            CaseSource::File(_) | CaseSource::Entry(_) | CaseSource::Phantom(_) => None,
        };
        let cohort = current.and_then(cohort_of).or_else(|| entries.iter().find_map(cohort_of));
        let before = &state.bench.protocol;
        let mut protocol = before.clone();
        protocol.models = roles(&state.models, state.model, &before.models);
        let mut left_out = Vec::new();
        let is_file = |source: &String| matches!(source_of(source), ModelSource::File(_));
        let localizers = &mut protocol.models.localizers;
        if protocol.models.classifiers.iter().any(is_file) && !localizers.iter().any(is_file) && !localizers.is_empty()
        {
            localizers.clear();
            left_out.push("the program's own localizers are left out: they are of other images".to_owned());
        }
        if let Some(cohort) = &cohort {
            protocol.cohort = CohortSection {
                source: cohort.spec().to_string(),
                task: cohort.task().cloned(),
                splits: None,
                ..protocol.cohort
            };
        }
        // All that could be asked, of which the rest is left out.
        protocol.tests = Test::ALL.to_vec();
        protocol.average_mask |= cohort.is_some();
        left_out.extend(protocol.cut_to(cohort.as_deref()));
        let bench = &mut state.bench;
        (bench.protocol, bench.left_out) = (protocol, left_out);
    }

    fn run_benchmark(&mut self, run: bench_work::Run) {
        let bench = &mut self.state.bench;
        bench.paused = Arc::default();
        (bench.progress, bench.runs_on) = (None, None);
        (bench.caution, bench.held_back) = (None, None);
        let consent =
            Consent { explains_anyway: self.state.explains_anyway, answers: self.state.settings.answers.clone() };
        let bench = &mut self.state.bench;
        let job = bench_work::start(&self.services, run, consent, Arc::clone(&bench.paused));
        bench.job = Some(job);
    }

    /// Starts the run that waited for the click.
    pub(super) fn start_held_benchmark(&mut self) {
        if let Some(run) = self.state.bench.held_back.take() {
            self.run_benchmark(run);
        }
    }

    fn judge_benchmark(&mut self, path: PathBuf) {
        let home = self.home.clone();
        let job = bench_work::judge(&self.services.jobs, self.services.post(), path, home);
        self.state.bench.judging = Some(job);
    }

    /// Takes what the benchmark's background work found.
    pub(super) fn hear_benchmark(&mut self, news: News) {
        let bench = &mut self.state.bench;
        match news {
            News::Begun { database, protocol, scores, runs_on } => {
                (bench.database, bench.runs_on) = (Some(database), Some(runs_on));
                bench.protocol = *protocol;
                bench.values.clear();
                bench.take(&scores);
            }
            News::Scores(scores) => bench.take(&scores),
            News::Cost { protocol, words } => {
                bench.weighing = None;
                bench.cost = words.map(|words| (protocol, words));
            }
            News::Failed(reason) => {
                bench.failures += 1;
                bench.warn(reason);
            }
            News::Progress(progress) => bench.progress = Some(progress),
            News::Warning(warning) => bench.warn(warning),
            News::Caution { caution, held_back } => (bench.caution, bench.held_back) = (Some(caution), held_back),
            News::Ended { has_scores } => {
                bench.job = None;
                if let Some(database) = bench.database.clone().filter(|_| has_scores) {
                    self.judge_benchmark(database);
                }
            }
            News::Judged(judged) => {
                bench.judging = None;
                bench.database = Some(judged.database.clone());
                if bench.job.is_none() {
                    bench.protocol = judged.protocol.clone();
                    bench.values.clear();
                    bench.take(&judged.results.scores);
                }
                bench.take_trust(judged.trust.clone());
                bench.judged = Some(judged);
            }
            News::NotJudged => bench.judging = None,
            News::Trust(files) => files.into_iter().for_each(|file| bench.take_trust(file)),
        }
    }

    /// Shows a case of the run; its cohort is opened where it is not.
    fn show_benchmark_case(&mut self, wish: BenchWish, may_open: bool) {
        let BenchWish::Case { image, method, replicate } = &wish else { return };
        let id = image.split('|').next().unwrap_or_default();
        let protocol = &self.state.bench.protocol;
        let Ok((spec, options)) = protocol.cohort_spec() else { return };
        let is_it = |source: &CaseSource| match source {
            // The same phantoms with another finding are other images.
            CaseSource::Cohort { cohort, .. } => {
                *cohort.spec() == spec
                    && options
                        .task
                        .as_ref()
                        .is_none_or(|task| cohort.task().is_some_and(|of| of.is_called(task.name())))
                    && source.case().is_some_and(|case| case.id == id)
            }
            CaseSource::File(_) | CaseSource::Entry(_) | CaseSource::Phantom(_) => false,
        };
        let found = self.state.list.entries().iter().find(|entry| is_it(&entry.source)).map(|entry| entry.id);
        let Some(entry) = found else {
            if may_open {
                self.services.open_cohort_with(spec, options);
                self.state.bench.wanted = Some(wish);
            }
            return;
        };
        let classifiers = &protocol.models.classifiers;
        let asked = classifiers.get((*replicate as usize).saturating_sub(1)).or(classifiers.first());
        let asked = asked.map(|text| source_of(text));
        let preset = protocol.preset;
        if let Ok(method) = method.parse::<Method>() {
            self.change(|shown| shown.method = method);
        }
        if self.state.question.preset != preset {
            self.state.question = crate::reading::Question::of(preset);
        }
        if let Some(source) = asked {
            self.apply(super::action::Action::OpenModel(source));
        }
        self.state.view = View::Case;
        self.select(entry);
    }

    /// Shows the case that waited for its cohort.
    pub(super) fn show_wanted_case(&mut self) {
        if let Some(wish) = self.state.bench.wanted.take() {
            self.show_benchmark_case(wish, false);
        }
    }

    /// Reads the cards of finished runs.
    pub(super) fn read_trust(&self) {
        if let Some(home) = self.home.clone() {
            bench_work::read_trust(&self.services.jobs, self.services.post(), home);
        }
    }

    /// Takes a path that was chosen or typed for the benchmark.
    pub(super) fn take_benchmark_path(&mut self, purpose: PathPurpose, path: PathBuf) {
        match purpose {
            PathPurpose::BenchmarkFolder => self.bench(BenchWish::StartIn(path)),
            PathPurpose::BenchmarkOpen => self.bench(BenchWish::Open(path)),
            other => self.state.dialogs.path = Some(PathField { purpose: other, text: String::new() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(method: &str, metric: &str, value: Option<f64>) -> Score {
        Score {
            test: Test::Utility,
            image: "a".to_owned(),
            method: method.to_owned(),
            condition: "trained".to_owned(),
            models: "inception_v3_1".to_owned(),
            replicate: 1,
            metric: metric.to_owned(),
            value,
            note: None,
        }
    }

    #[test]
    fn numbers_of_the_deciding_metric_are_shown_and_no_other() {
        let mut bench = Bench::default();
        let metric = primary_metric(Test::Utility, bench.protocol.preset);
        bench.take(&[score("GRAD", metric, Some(0.5)), score("GRAD", "hit", Some(1.0)), score("SG", metric, None)]);
        assert_eq!(bench.values.len(), 1);
        let values = &bench.values[&(Test::Utility, "GRAD".to_owned(), "trained".to_owned())];
        assert_eq!(values.iter().map(|value| value.value).collect::<Vec<_>>(), [0.5]);
    }

    #[test]
    fn open_models_get_roles_by_their_architecture() {
        let open = |name: &str| Arc::new(OpenModel::open(ModelSource::Demo(name.to_owned())).unwrap());
        let names = [
            "pneumothorax_inception_v3_1",
            "pneumothorax_inception_v3_2",
            "pneumothorax_densenet_121_1",
            "pneumonia_inception_v3_1",
        ];
        let models: Vec<_> = names.iter().map(|name| open(name)).collect();
        let found =
            roles(&models, 1, &ModelSection { classifiers: vec![], other_architecture: None, localizers: vec![] });
        assert_eq!(found.classifiers, ["demo:pneumothorax_inception_v3_2", "demo:pneumothorax_inception_v3_1"]);
        assert_eq!(found.other_architecture.as_deref(), Some("demo:pneumothorax_densenet_121_1"));
        assert_eq!(source_of(&found.classifiers[0]), models[1].source);
    }
}
