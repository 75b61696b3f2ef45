//! The course of a training, from the library.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use saliscope::cohort::{Cohort, CohortOptions, Split};
use saliscope::network::{Architecture, CpuOptions, CpuTrainer, ModelKind, Output, Variant, Weights};
use saliscope::training::{
    Augmentation, Checkpoint, Error, Loading, Outcome, Progress, Result, Samples, Settings, Training, TrainingWatch,
};
use saliscope::truth::Task;
use saliscope::watch::Watch;

pub(crate) const SIDE_PX: usize = 128;

/// Keeps every checkpoint; says stop after some steps.
#[derive(Default)]
struct Keeper {
    kept: Mutex<Vec<Checkpoint>>,
    steps: AtomicUsize,
    stop_after: Option<usize>,
    stopped: AtomicBool,
}

impl Watch for Keeper {
    fn is_cancelled(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl TrainingWatch for Keeper {
    fn step(&self, progress: &Progress) {
        assert!(progress.steps <= progress.total_steps && progress.epoch <= progress.epochs);
        assert!(progress.secs_left >= 0.0);
        let steps = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        self.stopped.fetch_or(self.stop_after == Some(steps), Ordering::SeqCst);
    }

    fn epoch(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.kept.lock().unwrap().push(checkpoint.clone());
        Ok(())
    }
}

pub(crate) fn samples(task: Task, count: usize, kind: ModelKind) -> [Samples; 2] {
    let options = CohortOptions { task: Some(task), phantom_size_px: SIDE_PX, ..CohortOptions::default() };
    let spec = format!("phantom:3:{count}").parse().unwrap();
    let cohort = Cohort::open(&spec, &options, &()).unwrap();
    loaded(&cohort, kind, None)
}

/// Both splits of a cohort, in memory or in a file of a folder.
pub(crate) fn loaded(cohort: &Cohort, kind: ModelKind, folder: Option<&Path>) -> [Samples; 2] {
    let loading = Loading { kind, size_px: [SIDE_PX; 2], is_one_class: false, folder };
    [Split::Train, Split::Val].map(|split| Samples::load(cohort, split, &loading, &()).unwrap())
}

struct Course<'a> {
    architecture: Architecture,
    images: &'a [Samples; 2],
    settings: Settings,
    threads: usize,
}

impl Course<'_> {
    fn run(&self, resume: Option<Checkpoint>, watch: &dyn TrainingWatch) -> Result<Outcome> {
        let classes = if self.architecture.kind() == ModelKind::Classifier { 2 } else { 1 };
        let graph = self.architecture.graph(&Variant { width: 1.0 / 16.0, classes, ..Variant::default() });
        let weights = Weights::initialize(&graph, self.settings.seed);
        let options = CpuOptions { threads: Some(self.threads), ..CpuOptions::default() };
        let mut training = Training {
            output: (classes == 2).then_some(Output::Softmax),
            trainer: Box::new(CpuTrainer::new(graph, &weights, options).unwrap()),
            scaling: self.architecture.usual_scaling(3),
            anchor_base_px: 6.0,
            train: &self.images[0],
            validation: &self.images[1],
            settings: &self.settings,
        };
        training.run(resume, watch)
    }
}

fn settings(epochs: usize) -> Settings {
    Settings { epochs, batch: 8, patience: 0, ..Settings::default() }
}

#[test]
fn pauses_and_threads_change_nothing() {
    let images = samples(Task::Pneumothorax, 60, ModelKind::Classifier);
    let architecture = Architecture::InceptionV3;
    let course = Course { architecture, images: &images, settings: settings(3), threads: 2 };
    let whole = Keeper::default();
    let expected = course.run(None, &whole).unwrap();
    let kept = whole.kept.into_inner().unwrap();
    assert_eq!(kept.len(), 3);
    // Through a file, and on another number of threads.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.checkpoint");
    let told = serde_json::json!({"seed": 1}).as_object().unwrap().clone();
    kept[0].save(&told, &path).unwrap();
    let read = Checkpoint::open(&told, &path).unwrap();
    assert_eq!(read, kept[0]);
    let resumed = Course { threads: 1, ..course }.run(Some(read), &Keeper::default()).unwrap();
    assert_eq!(resumed.weights, expected.weights);
    assert_eq!((resumed.best_epoch, resumed.best_score), (expected.best_epoch, expected.best_score));
    for (found, expected) in resumed.epochs.iter().zip(&expected.epochs) {
        assert_eq!((found.train_loss, found.validation_loss), (expected.train_loss, expected.validation_loss));
    }
}

#[test]
fn images_on_the_disk_teach_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for (architecture, task) in [
        (Architecture::DenseNet121, Task::Pneumothorax),
        (Architecture::UNet, Task::Pneumothorax),
        (Architecture::RetinaNet, Task::Pneumonia),
    ] {
        let kind = architecture.kind();
        let options = CohortOptions { task: Some(task), phantom_size_px: SIDE_PX, ..CohortOptions::default() };
        let cohort = Cohort::open(&"phantom:3:40".parse().unwrap(), &options, &()).unwrap();
        let (memory, disk) = (loaded(&cohort, kind, None), loaded(&cohort, kind, Some(folder.path())));
        assert_eq!(memory[0].fingerprint(), disk[0].fingerprint());
        let run = |images: &[Samples; 2], threads: usize, resume: Option<Checkpoint>| {
            let keeper = Keeper::default();
            let course = Course { architecture, images, settings: settings(2), threads };
            (course.run(resume, &keeper).unwrap(), keeper.kept.into_inner().unwrap())
        };
        let (expected, mut kept) = run(&memory, 2, None);
        let (found, _) = run(&disk, 1, None);
        assert_eq!(found.weights, expected.weights, "{architecture}");
        let (resumed, _) = run(&disk, 2, Some(kept.remove(0)));
        assert_eq!(resumed.weights, expected.weights, "{architecture}, resumed from memory to disk");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "pixels of patients have no name on the disk");
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused_by_field() {
    let images = samples(Task::Pneumothorax, 40, ModelKind::Classifier);
    let architecture = Architecture::DenseNet121;
    let keeper = Keeper::default();
    Course { architecture, images: &images, settings: settings(1), threads: 2 }.run(None, &keeper).unwrap();
    let kept = keeper.kept.into_inner().unwrap().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.checkpoint");
    let told = |width: f64| serde_json::json!({"seed": 1, "width": width}).as_object().unwrap().clone();
    kept.save(&told(0.25), &path).unwrap();
    let error = Checkpoint::open(&told(0.5), &path).unwrap_err().to_string();
    assert!(error.contains("width 0.25, now it is 0.5"), "{error}");
    let error = Checkpoint::open(&serde_json::Map::new(), &path).unwrap_err().to_string();
    assert!(error.contains("seed 1, now it is none"), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(Checkpoint::open(&told(0.25), &path).is_err(), "{length} bytes");
    }
}

#[test]
fn stopping_is_heard_and_leaves_what_is_finished() {
    let images = samples(Task::Pneumothorax, 60, ModelKind::Classifier);
    let course = Course { architecture: Architecture::DenseNet121, images: &images, settings: settings(4), threads: 2 };
    let steps_per_epoch = images[0].list.len() / 8;
    let keeper = Keeper { stop_after: Some(steps_per_epoch + 1), ..Keeper::default() };
    assert!(matches!(course.run(None, &keeper), Err(Error::Cancelled)));
    assert_eq!(keeper.kept.into_inner().unwrap().len(), 1);
}

#[test]
fn every_kind_of_network_gets_better() {
    for (architecture, task, learning_rate) in [
        (Architecture::DenseNet121, Task::Pneumonia, 3e-3),
        (Architecture::UNet, Task::Pneumothorax, 5e-3),
        (Architecture::RetinaNet, Task::Pneumonia, 2e-3),
    ] {
        let images = samples(task, 48, architecture.kind());
        // Learning images by heart is enough here, and few are learnt sooner without changes.
        let settings = Settings { learning_rate, augmentation: Augmentation::NONE, ..settings(8) };
        let outcome = Course { architecture, images: &images, settings, threads: 2 }.run(None, &Keeper::default());
        let epochs = outcome.unwrap().epochs;
        assert!(epochs.iter().all(|epoch| epoch.train_loss.is_finite() && epoch.validation_score >= 0.0));
        let (first, last) = (epochs[0].train_loss, epochs[7].train_loss);
        assert!(last < 0.95 * first, "{architecture}: loss {first} at first, {last} at last");
    }
}

#[test]
fn one_class_teaches_nothing() {
    let [mut train, validation] = samples(Task::Pneumothorax, 40, ModelKind::Classifier);
    train.list.retain(|sample| sample.positive);
    let images = [train, validation];
    let course = Course { architecture: Architecture::InceptionV3, images: &images, settings: settings(1), threads: 2 };
    let error = course.run(None, &Keeper::default()).unwrap_err().to_string();
    assert_eq!(error, "the train split has no image without it; both images with and without the finding are needed");
}
