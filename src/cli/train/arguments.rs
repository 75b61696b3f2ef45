//! What `saliscope train` is told.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::arguments::{DeviceChoice, OutputChoice, YesNo, real, whole};
use super::super::cohort::Taking;
use super::super::console;
use super::super::error::{Error, Result};
use super::super::interrupt::Interrupt;
use super::super::progress::Progress;
use crate::cohort::{Cohort, CohortOptions, CohortSpec, Split};
use crate::network::{Architecture, DetectorCard, ModelKind, Output, Precision, RuntimeOptions, Variant};
use crate::training::{Augmentation, Samples, Settings, usual_memory_bytes};
use crate::truth::TruthKind;
use crate::{files, limits};

/// Trains a network on the images of a cohort.
///
/// One finding, or several at once (--task A,B,C): each with an output of its own, or as classes of which one is true (--output
/// softmax). A classifier needs labels alone, U-Net masks and `RetinaNet` boxes.
///
/// The train split is learnt from; after each epoch the val split is scored (AUC of classifiers, the mean
/// over several findings, Dice of U-Net, mean
/// average precision of RetinaNet), and the weights of the best epoch are kept. Beside OUT.safetensors come its model card
/// (OUT.json), the log of the epochs (OUT.csv) and their curve (OUT.png). After each epoch the whole state goes to
/// OUT.checkpoint; --resume goes on from there and ends with the same weights as a training that never stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope train --cohort phantom:7:2000 --task pneumothorax \\
      --arch inception_v3 --width 0.25 --input-size 160 --epochs 12 --seed 1 \\
      --out model.safetensors
  saliscope train --cohort phantom:7:2000 --task pneumothorax,pneumonia \\
      --arch densenet_121 --width 0.25 --input-size 160 \\
      --out findings.safetensors
  saliscope train --cohort rsna:rsna-pneumonia --task pneumonia \\
      --arch densenet_121 --init densenet_imagenet.safetensors \\
      --learning-rate 7e-5 --out densenet.safetensors

Exit codes: 0 done, 1 the work failed or was interrupted, 2 the command line cannot be understood.
Research use - not for diagnosis.")]
pub(in crate::cli) struct Arguments {
    /// siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]
    #[arg(long, value_name = "COHORT")]
    pub(super) cohort: CohortSpec,
    /// Architecture
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture), help = architecture_help())]
    pub(super) arch: Architecture,
    /// Multiplier on every layer's channels
    #[arg(long, value_name = "W", default_value_t = 1.0)]
    pub(super) width: f64,
    /// Side of the images in pixels
    #[arg(long, value_name = "PX", default_value_t = 320, value_parser = whole(limits::TRAINING_SIDE_PX))]
    pub(super) input_size: usize,
    /// Seed of first weights, order and augmentation
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seed: u64,
    /// Where the weights go
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) course: Course,
    #[command(flatten)]
    pub(super) taking: Taking,
    /// Seed of drawn splits, where no file gives them
    #[arg(long, value_name = "S", default_value_t = 0)]
    split_seed: u64,
    /// Go on from OUT.checkpoint
    #[arg(long)]
    pub(super) resume: bool,
    /// Replace files of an earlier training
    #[arg(long)]
    pub(super) force: bool,
    /// Device; auto takes a GPU where this build and the machine have one
    #[arg(long, value_name = "DEVICE", value_enum, default_value_t)]
    pub(super) device: DeviceChoice,
    /// Threads; the result does not depend on their number
    #[arg(long, value_name = "T", value_parser = whole(limits::THREADS))]
    pub(super) threads: Option<usize>,
    /// No progress and no warnings
    #[arg(long)]
    pub(super) quiet: bool,
}

/// What `--arch` accepts.
fn architecture_help() -> String {
    format!("Architecture, one of {}", Architecture::known())
}

/// Bytes of a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// How long and how fast.
#[derive(Debug, Args)]
pub(super) struct Course {
    /// Passes over all images, at most
    #[arg(long, value_name = "N", default_value_t = Settings::default().epochs)]
    pub(super) epochs: usize,
    /// Images a step
    #[arg(long, value_name = "B", default_value_t = Settings::default().batch)]
    pub(super) batch: usize,
    /// Highest learning rate; it rises over the first epoch and falls along half a cosine
    #[arg(long, value_name = "R", default_value_t = Settings::default().learning_rate)]
    pub(super) learning_rate: f64,
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
    pub(super) init: Option<PathBuf>,
    /// How outputs become probabilities: exactly one class is true (softmax), or each finding is true or not (sigmoid). One
    /// finding has two outputs and a softmax when left out, several have a sigmoid each
    #[arg(long, value_name = "OUTPUT", value_enum)]
    pub(super) output: Option<OutputChoice>,
    /// Memory for the prepared images, in GiB; what takes more is kept in a file beside --out that goes with the program. Half
    /// of the free memory when left out
    #[arg(long, value_name = "GIB", value_parser = real(limits::TRAINING_MEMORY_GIB))]
    memory: Option<f64>,
    /// Side of a detector's smallest anchor, on the grid of every eighth pixel; the article's 32 pixels when left out
    #[arg(long, value_name = "PX", value_parser = real(limits::TRAINING_ANCHOR_PX))]
    anchor_base: Option<f64>,
    /// Whether the images are of patients, for the model card; without it no where all of them are generated, else nothing
    #[arg(long, value_name = "yes|no", value_enum)]
    pub(super) trained_on_patients: Option<YesNo>,
    /// Bits of the weights in the file
    #[arg(long, value_enum, default_value_t)]
    pub(super) precision: PrecisionChoice,
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
pub(super) enum PrecisionChoice {
    /// 32 bits
    #[default]
    F32,
    /// 16 bits
    F16,
}

impl PrecisionChoice {
    pub(super) fn precision(self) -> Precision {
        match self {
            Self::F32 => Precision::Single,
            Self::F16 => Precision::Half,
        }
    }
}

impl Arguments {
    /// Where the network is trained.
    pub(super) fn options(&self) -> RuntimeOptions {
        RuntimeOptions { device: self.device.into(), threads: self.threads, ..RuntimeOptions::default() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::Usage(text));
        if !(self.width > 0.0 && self.width <= limits::WIDTH) {
            return refuse(format!("--width: must be a number above 0 and up to {}", limits::WIDTH));
        }
        let tasks = self.taking.tasks();
        if tasks.is_empty() {
            return refuse("--task: name the finding to learn".to_owned());
        }
        if let Some(twice) =
            tasks.iter().enumerate().find(|(at, task)| tasks[..*at].iter().any(|t| t.is_called(task.name())))
        {
            return refuse(format!("--task: {} is named twice", twice.1));
        }
        if tasks.len() > 1 && self.arch.kind() != ModelKind::Classifier {
            return refuse(format!("--task: {} learns one finding; give one", self.arch));
        }
        if self.course.output.is_some() && self.arch.kind() != ModelKind::Classifier {
            return refuse(format!("--output: is for classifiers, and {} is none", self.arch));
        }
        Ok(())
    }

    pub(super) fn settings(&self) -> Settings {
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

    pub(super) fn anchor_base_px(&self) -> f64 {
        self.course.anchor_base.unwrap_or(DetectorCard::default().anchor_base_px)
    }

    /// Single files that are read.
    pub(super) fn files_read(&self) -> Vec<PathBuf> {
        let init = self.course.init.iter().flat_map(|path| [path.clone(), path.with_extension("json")]);
        init.chain(self.taking.splits.clone()).collect()
    }

    /// The folder of the cohort, where it is in one.
    pub(super) fn cohort_folder(&self) -> Option<&Path> {
        self.cohort.folder()
    }

    pub(super) fn open_cohort(&self, interrupt: &Interrupt) -> Result<Cohort> {
        let options = CohortOptions {
            phantom_size_px: self.input_size.max(limits::PHANTOM_SIDE_PX.least),
            labels_suffice: self.arch.kind() == ModelKind::Classifier,
            ..self.taking.cohort_options(self.split_seed)
        };
        let progress = Progress::over("files", self.quiet, interrupt.clone());
        let cohort = Cohort::open(&self.cohort, &options, &progress);
        progress.finish();
        let cohort = cohort?;
        self.check_truth(&cohort)?;
        if !self.quiet {
            for warning in cohort.warnings() {
                console::tell(format_args!("warning: {warning}"));
            }
        }
        Ok(cohort)
    }

    /// Refuses networks that localize where the cohort does not say what they learn.
    fn check_truth(&self, cohort: &Cohort) -> Result<()> {
        let (arch, task, kind) = (self.arch, self.tasks(), cohort.truth_kind());
        let problem = match (arch.kind(), kind) {
            (ModelKind::Detection, TruthKind::Mask) => format!("learns boxes, and {task} has masks; use u_net"),
            (ModelKind::Detection, TruthKind::Label) => format!("learns boxes, and {task} has labels alone"),
            (ModelKind::Segmentation, TruthKind::Label) => format!("learns masks, and {task} has labels alone"),
            _ => return Ok(()),
        };
        Err(Error::Usage(format!("--arch: {arch} {problem}")))
    }

    /// All that decides the result, for a checkpoint to be compared with. Holds no path.
    pub(super) fn told(
        &self,
        settings: &Settings,
        device: &str,
        train: &Samples,
        validation: &Samples,
        variant: &Variant,
        init: Option<&[(String, crate::network::Tensor)]>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut told = serde_json::Map::new();
        let mut put = |field: &str, value: serde_json::Value| told.insert(field.to_owned(), value);
        put("architecture", self.arch.name().into());
        put("width", self.width.into());
        put("input_size", self.input_size.into());
        put("task", self.tasks().into());
        put("anchor_base_px", self.anchor_base_px().into());
        put("training images", format!("{:016x}", train.fingerprint()).into());
        put("validation images", format!("{:016x}", validation.fingerprint()).into());
        put("first weights", init.map_or(0, <[_]>::len).into());
        // What earlier versions did not know is told where it is not as it was.
        let usual = self.arch.usual_variant();
        if variant.count_include_pad != usual.count_include_pad {
            put("count_include_pad", variant.count_include_pad.into());
        }
        if variant.norm_scale != usual.norm_scale {
            put("norm_scale", variant.norm_scale.into());
        }
        if variant.norm_eps.to_bits() != usual.norm_eps.to_bits() {
            put("norm_eps", variant.norm_eps.into());
        }
        if variant.p6_from_c5 != usual.p6_from_c5 {
            put("p6_from_c5", variant.p6_from_c5.into());
        }
        if variant.input_channels != usual.input_channels {
            put("input_channels", variant.input_channels.into());
        }
        let (output, logits) = self.output();
        if let Some(output) =
            output.filter(|output| (*output, logits) != (Output::Softmax, 2) || self.taking.tasks().len() > 1)
        {
            put("output", output.name().into());
        }
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

    /// The folder for a file of the prepared images, where these would take more memory than they may.
    pub(super) fn scratch_folder(&self, cohort: &Cohort) -> Option<PathBuf> {
        let size_px = [self.input_size; 2];
        let needed = Samples::bytes(cohort, &[Split::Train, Split::Val], self.arch.kind(), size_px);
        let gib = |bytes: u64| bytes as f64 / GIB;
        let most = self.course.memory.unwrap_or_else(|| gib(usual_memory_bytes()));
        if gib(needed) <= most {
            return None;
        }
        if !self.quiet {
            let said =
                if self.course.memory.is_some() { "--memory" } else { "half of what is free; --memory changes it" };
            console::tell(format_args!(
                "the prepared images take {:.2} GiB and may take {most:.2} GiB of memory ({said}): they are kept in a file \
                 beside --out, which goes when the training ends, however it ends",
                gib(needed)
            ));
        }
        Some(files::folder_of(&self.out).to_owned())
    }
}
