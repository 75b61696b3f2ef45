//! `saliscope train`: fits a network to a cohort.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::{DeviceChoice, at_least_one};
use super::error::{Error, Result};
use super::executor;
use super::interrupt::Interrupt;
use super::print_json;
use crate::cohort::{Cohort, CohortOptions, CohortSpec, Split, ThirdClass};
use crate::network::{Architecture, DetectorCard, ModelCard, ModelKind, Precision, Variant, WeightsFile, write_whole};
use crate::training::{
    Augmentation, Checkpoint, Error as TrainingError, Progress, Samples, Settings, Training, Watch, csv, curve,
    initial_weights, score_name,
};
use crate::truth::Task;

/// Trains a network on the images of a cohort.
///
/// The train split is learnt from; after each epoch the val split is scored (AUC of classifiers, Dice of U-Net, mean
/// average precision of RetinaNet), and the weights of the best epoch are kept. Beside OUT.safetensors come its model card
/// (OUT.json), the log of the epochs (OUT.csv) and their curve (OUT.png). After each epoch the whole state goes to
/// OUT.checkpoint; --resume goes on from there and ends with the same weights as a training that never stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope train --cohort phantom:7:2000 --task pneumothorax --arch inception_v3 --width 0.25 --input-size 160 \\
      --epochs 12 --seed 1 --out model.safetensors
  saliscope train --cohort rsna:rsna-pneumonia --task pneumonia --arch densenet_121 --init imagenet.safetensors \\
      --learning-rate 7e-5 --out densenet.safetensors

Exit codes: 0 done, 1 the work failed or was interrupted, 2 the command line cannot be understood.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// siim:DIR, rsna:DIR, folder:DIR or phantom:SEED[:COUNT]
    #[arg(long, value_name = "COHORT")]
    cohort: CohortSpec,
    /// The finding to learn
    #[arg(long, value_enum)]
    task: TaskChoice,
    /// Architecture
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture), help = ARCHITECTURE_HELP)]
    arch: Architecture,
    /// Multiplier on every layer's channels
    #[arg(long, value_name = "W", default_value_t = 1.0)]
    width: f64,
    /// Side of the images in pixels
    #[arg(long, value_name = "PX", default_value_t = 320, value_parser = at_least_one)]
    input_size: usize,
    /// Seed of first weights, order and augmentation
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where the weights go
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
    #[command(flatten)]
    course: Course,
    #[command(flatten)]
    cases: Cases,
    /// Go on from OUT.checkpoint
    #[arg(long)]
    resume: bool,
    /// Replace files of an earlier training
    #[arg(long)]
    force: bool,
    /// Device; auto takes a GPU where this build and the machine have one
    #[arg(long, value_name = "DEVICE", value_enum, default_value_t)]
    device: DeviceChoice,
    /// Threads; the result does not depend on their number
    #[arg(long, value_name = "T", value_parser = at_least_one)]
    threads: Option<usize>,
    /// No progress and no warnings
    #[arg(long)]
    quiet: bool,
}

const ARCHITECTURE_HELP: &str = "Architecture: inception_v3, densenet_121, u_net or retina_net";

/// How long and how fast.
#[derive(Debug, Args)]
struct Course {
    /// Passes over all images, at most
    #[arg(long, value_name = "N", default_value_t = Settings::default().epochs)]
    epochs: usize,
    /// Images a step
    #[arg(long, value_name = "B", default_value_t = Settings::default().batch)]
    batch: usize,
    /// Highest learning rate; it rises over the first epoch and falls along half a cosine
    #[arg(long, value_name = "R", default_value_t = Settings::default().learning_rate)]
    learning_rate: f64,
    /// Decoupled weight decay
    #[arg(long, value_name = "D", default_value_t = Settings::default().weight_decay)]
    weight_decay: f64,
    /// Epochs without a better score after which training ends; 0 for never
    #[arg(long, value_name = "N", default_value_t = Settings::default().patience)]
    patience: usize,
    /// Whether rare classes count as much as common ones
    #[arg(long, value_enum, default_value_t)]
    class_weights: ClassWeightChoice,
    /// Random changes of the images: flip, small rotation, scale, shift, contrast
    #[arg(long, value_enum, default_value_t)]
    augment: AugmentChoice,
    /// Weights to begin with; tensors of other names or shapes (another head) are drawn from the seed
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Side of a detector's smallest anchor, on the grid of every eighth pixel; the article's 32 pixels when left out
    #[arg(long, value_name = "PX")]
    anchor_base: Option<f64>,
    /// Bits of the weights in the file
    #[arg(long, value_enum, default_value_t)]
    precision: PrecisionChoice,
}

/// Which images.
#[derive(Debug, Args)]
struct Cases {
    /// File of splits in the authors' form: an id and train, val or test in each row
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
    /// Seed of drawn splits, where no file gives them
    #[arg(long, value_name = "S", default_value_t = 0)]
    split_seed: u64,
}

/// `--task`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TaskChoice {
    /// Air in the pleural space
    Pneumothorax,
    /// Lung opacity
    Pneumonia,
}

impl TaskChoice {
    pub(super) fn task(self) -> Task {
        match self {
            Self::Pneumothorax => Task::Pneumothorax,
            Self::Pneumonia => Task::Pneumonia,
        }
    }
}

/// `--class-weights`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ClassWeightChoice {
    /// Both classes count the same in sum
    #[default]
    Balanced,
    /// Every image counts the same
    None,
}

/// `--augment`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AugmentChoice {
    /// Small changes of pose and exposure
    #[default]
    Usual,
    /// Images as they are
    None,
}

/// `--precision`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PrecisionChoice {
    /// 32 bits
    #[default]
    F32,
    /// 16 bits
    F16,
}

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    epochs: usize,
    best_epoch: usize,
    score: &'a str,
    validation_score: f64,
    parameters: usize,
    sha256: &'a str,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let files = Files::beside(&arguments.out);
    files.check(arguments.force, arguments.resume)?;
    let settings = arguments.settings();
    settings.check()?;
    arguments.check()?;
    let interrupt = Interrupt::listen();
    executor::start_threads(arguments.threads)?;
    let cohort = arguments.open_cohort(&interrupt)?;
    let size_px = [arguments.input_size; 2];
    let kind = arguments.arch.kind();
    let load = |split: Split| {
        let bar = bar(arguments.quiet, &format!("{} images", split.name()));
        let progress = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let samples = Samples::load(&cohort, split, kind, size_px, &progress, &|| interrupt.is_set());
        bar.finish_and_clear();
        samples
    };
    let (train, validation) = (load(Split::Train)?, load(Split::Val)?);
    if !arguments.quiet {
        for (reason, count) in train.unusable.iter().chain(&validation.unusable) {
            let _ = writeln!(std::io::stderr(), "warning: {count} images are left out: {reason}");
        }
    }
    let variant = Variant {
        width: arguments.width,
        classes: if kind == ModelKind::Classifier { 2 } else { 1 },
        ..Variant::default()
    };
    let graph = arguments.arch.graph(&variant);
    graph.extents(size_px[0], size_px[1])?;
    let file = arguments.course.init.as_deref().map(|path| WeightsFile::open(path)?.tensors()).transpose()?;
    let (weights, inherited) = initial_weights(&graph, arguments.seed, file.as_deref());
    if file.is_some() {
        if inherited.taken == 0 {
            let text = "--init: not one tensor of the file fits this network by name and shape";
            return Err(Error::Usage(text.to_owned()));
        }
        let (taken, drawn, unused) = (inherited.taken, inherited.drawn, inherited.unused);
        let _ = writeln!(
            std::io::stderr(),
            "{taken} tensors taken over, {drawn} drawn from the seed, {unused} of the file not used"
        );
    }
    let parameters: usize = weights.iter().map(|(_, tensor)| tensor.values.len()).sum();
    let trainer = executor::trainer(graph, &weights, arguments.device, arguments.threads)?;
    let told = arguments.told(&settings, &trainer.describe(), &train, &validation, file.as_deref());
    let resume = arguments.resume.then(|| Checkpoint::open(&told, &files.checkpoint)).transpose()?;
    let watch = Terminal { bar: bar(arguments.quiet, "steps"), interrupt, told, checkpoint: &files.checkpoint };
    let anchor_base_px = arguments.anchor_base_px();
    let scaling = arguments.arch.usual_scaling(variant.input_channels);
    let training =
        Training { trainer, scaling, anchor_base_px, train: &train, validation: &validation, settings: &settings };
    let outcome = training.run(resume, &watch);
    watch.bar.finish_and_clear();
    let outcome = outcome.map_err(|error| match error {
        TrainingError::Cancelled => Error::TrainingStopped,
        other => other.into(),
    })?;
    let precision = match arguments.course.precision {
        PrecisionChoice::F32 => Precision::Single,
        PrecisionChoice::F16 => Precision::Half,
    };
    let bytes = outcome.weights.to_safetensors(precision)?;
    let score = score_name(kind);
    let words = arguments.in_words(&train, outcome.best_score, outcome.best_epoch, score);
    let anchors = (kind == ModelKind::Detection).then_some(anchor_base_px);
    let card = ModelCard::of_new_model(
        arguments.arch,
        &variant,
        size_px,
        arguments.class_names(kind),
        words,
        anchors,
        &bytes,
    )?;
    let title = format!("{} on {}, seed {}", arguments.arch, arguments.task.task(), arguments.seed);
    let picture = curve(&outcome.epochs, outcome.best_epoch, &title, score)?;
    // The card comes last but one: weights without a card can be read, a card without weights misleads.
    write_whole(&files.log, csv(&outcome.epochs, score).as_bytes())?;
    write_whole(&files.curve, &picture)?;
    write_whole(&arguments.out, &bytes)?;
    card.save(&files.card)?;
    // The work is done; a checkpoint that stays behind does no harm.
    let _ = std::fs::remove_file(&files.checkpoint);
    print_json(&Report {
        epochs: outcome.epochs.len(),
        best_epoch: outcome.best_epoch,
        score,
        validation_score: outcome.best_score,
        parameters,
        sha256: &card.sha256,
    })
}

/// The files of a training, beside its weights.
struct Files {
    card: PathBuf,
    log: PathBuf,
    curve: PathBuf,
    checkpoint: PathBuf,
    out: PathBuf,
}

impl Files {
    fn beside(out: &Path) -> Self {
        let with = |extension: &str| out.with_extension(extension);
        Self {
            card: with("json"),
            log: with("csv"),
            curve: with("png"),
            checkpoint: with("checkpoint"),
            out: out.to_owned(),
        }
    }

    fn check(&self, force: bool, resume: bool) -> Result<()> {
        let refuse = |text: &str| Err(Error::Usage(format!("--out: {text}")));
        if self.out.extension().is_none_or(|extension| extension != "safetensors") {
            return refuse("the file must end in .safetensors");
        }
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return refuse("its folder does not exist");
        }
        let there = [&self.out, &self.card, &self.log, &self.curve].into_iter().any(|path| path.exists());
        if there && !force {
            return refuse("files of that name are there already; choose another, or use --force");
        }
        match (self.checkpoint.exists(), resume) {
            (true, false) if !force => {
                refuse("a checkpoint of that name is there; go on from it with --resume, or use --force")
            }
            (false, true) => Err(Error::Usage("--resume: there is no checkpoint beside --out".to_owned())),
            _ => Ok(()),
        }
    }
}

impl Arguments {
    fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::Usage(text));
        if !(self.width > 0.0 && self.width <= 16.0) {
            return refuse("--width: must be a number above 0 and up to 16".to_owned());
        }
        if self.course.anchor_base.is_some_and(|base| !(4.0..=512.0).contains(&base)) {
            return refuse("--anchor-base: must be a number of pixels from 4 to 512".to_owned());
        }
        let (kind, task) = (self.arch.kind(), self.task.task());
        if kind == ModelKind::Detection && task == Task::Pneumothorax {
            return refuse(format!("--arch: {} learns boxes, and {task} has masks; use u_net", self.arch));
        }
        if self.input_size > 2048 {
            return refuse("--input-size: must be at most 2048".to_owned());
        }
        Ok(())
    }

    fn settings(&self) -> Settings {
        let Course { epochs, batch, learning_rate, weight_decay, patience, class_weights, augment, .. } = self.course;
        Settings {
            seed: self.seed,
            epochs,
            batch,
            learning_rate,
            weight_decay,
            patience,
            balanced: class_weights == ClassWeightChoice::Balanced,
            augmentation: match augment {
                AugmentChoice::Usual => Augmentation::USUAL,
                AugmentChoice::None => Augmentation::NONE,
            },
            ..Settings::default()
        }
    }

    fn anchor_base_px(&self) -> f64 {
        self.course.anchor_base.unwrap_or(DetectorCard::default().anchor_base_px)
    }

    fn class_names(&self, kind: ModelKind) -> Vec<String> {
        let finding = self.task.task().to_string();
        match kind {
            ModelKind::Classifier => vec![format!("no {finding}"), finding],
            ModelKind::Segmentation | ModelKind::Detection => vec![finding],
        }
    }

    fn open_cohort(&self, interrupt: &Interrupt) -> Result<Cohort> {
        let options = CohortOptions {
            task: Some(self.task.task()),
            splits: self.cases.splits.clone(),
            seed: self.cases.split_seed,
            third_class: ThirdClass::Exclude,
            phantom_size_px: self.input_size.max(*crate::phantom::PhantomSpec::SIZES_PX.start()),
            ..CohortOptions::default()
        };
        let bar = bar(self.quiet, "files");
        let progress = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let cohort = Cohort::open(&self.cohort, &options, &progress, &|| interrupt.is_set());
        bar.finish_and_clear();
        let cohort = cohort?;
        if !self.quiet {
            for warning in cohort.warnings() {
                let _ = writeln!(std::io::stderr(), "warning: {warning}");
            }
        }
        Ok(cohort)
    }

    /// All that decides the result, for a checkpoint to be compared with. Holds no path.
    fn told(
        &self,
        settings: &Settings,
        device: &str,
        train: &Samples,
        validation: &Samples,
        init: Option<&[(String, crate::network::Tensor)]>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut told = serde_json::Map::new();
        let mut put = |field: &str, value: serde_json::Value| told.insert(field.to_owned(), value);
        put("architecture", self.arch.name().into());
        put("width", self.width.into());
        put("input_size", self.input_size.into());
        put("task", self.task.task().name().into());
        put("anchor_base_px", self.anchor_base_px().into());
        put("training images", format!("{:016x}", train.fingerprint()).into());
        put("validation images", format!("{:016x}", validation.fingerprint()).into());
        put("first weights", init.map_or(0, <[_]>::len).into());
        // Threads change nothing, the kind of kernels does.
        put("device", device.split(',').next().unwrap_or(device).into());
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(settings) {
            for (field, value) in fields {
                // More epochs or more patience may be asked for later; the schedule belongs to the epochs.
                if field != "patience" {
                    put(&field, value);
                }
            }
        }
        told
    }

    /// How the model was made, for its card. A folder's name may be a patient's, so only phantoms are named in full.
    fn in_words(&self, train: &Samples, score: f64, epoch: usize, score_name: &str) -> String {
        let cohort = match &self.cohort {
            CohortSpec::Phantom { .. } => self.cohort.to_string(),
            other => other.kind().to_owned(),
        };
        let [negative, positive] = train.counts();
        let Course { epochs, batch, learning_rate, .. } = self.course;
        format!(
            "{cohort}, {} ({positive} images with and {negative} without it); {epochs} epochs of batches of {batch}, \
             learning rate {learning_rate}, seed {}; weights of epoch {epoch}, validation {score_name} {score:.4}",
            self.task.task(),
            self.seed
        )
    }
}

fn bar(quiet: bool, unit: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
    let template = format!("{{bar:32}} {{percent:>3}} %  {{pos}} of {{len}} {unit}  {{elapsed}} elapsed  {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// Progress on the terminal, checkpoints on disk.
struct Terminal<'a> {
    bar: ProgressBar,
    interrupt: Interrupt,
    told: serde_json::Map<String, serde_json::Value>,
    checkpoint: &'a Path,
}

impl Watch for Terminal<'_> {
    fn step(&self, progress: &Progress) {
        let Progress { epoch, epochs, steps, total_steps, loss, secs_left } = *progress;
        self.bar.set_length(total_steps);
        self.bar.set_position(steps);
        let left = indicatif::HumanDuration(std::time::Duration::from_secs_f64(secs_left.max(0.0)));
        self.bar.set_message(format!("epoch {epoch} of {epochs}, loss {loss:.4}, {left} left"));
    }

    fn epoch(&self, checkpoint: &Checkpoint) -> std::result::Result<(), TrainingError> {
        if let Some(last) = checkpoint.log.last() {
            let best = if checkpoint.best_epoch == last.epoch { " (best so far)" } else { "" };
            let line = format!(
                "epoch {}: training loss {:.4}, validation loss {:.4}, validation score {:.4}{best}, {:.0} s",
                last.epoch, last.train_loss, last.validation_loss, last.validation_score, last.seconds
            );
            if !self.bar.is_hidden() {
                self.bar.println(line);
            } else if self.bar.length().is_some() {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
        checkpoint.save(&self.told, self.checkpoint)
    }

    fn cancelled(&self) -> bool {
        self.interrupt.is_set()
    }
}
