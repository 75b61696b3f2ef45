//! Arguments that several commands share.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::limits;
use crate::network::{self, Architecture, Isa, Output, RuntimeOptions};
use crate::saliency::{self, Method};

/// The model and the images.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Weights in safetensors with torchvision's tensor names; a model card (`<name>.json` or `model.json`) beside
    /// them is read
    #[arg(long, value_name = "FILE")]
    pub(super) model: PathBuf,
    #[command(flatten)]
    pub(super) images: Images,
    /// Architecture, where neither a model card nor the tensor names tell it
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture), help = architecture_help())]
    pub(super) arch: Option<Architecture>,
    /// How the model's outputs become probabilities, where its card does not say it: exactly one class is true (softmax),
    /// or each is a label of its own (sigmoid)
    #[arg(long, value_name = "OUTPUT", value_enum)]
    pub(super) output: Option<OutputChoice>,
}

impl Inputs {
    /// The files of the model: weights and what may be their card.
    pub(super) fn model_files(&self) -> [PathBuf; 3] {
        [self.model.clone(), self.model.with_extension("json"), self.model.with_file_name("model.json")]
    }
}

/// The images; several share what work they can.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Images {
    /// Radiographs: DICOM, PNG, JPEG, TIFF or NPY, folders, DICOMDIR files and zip archives of them
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The same by name, before those without
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) image: Vec<PathBuf>,
    /// A list of images, after those named here: a path a line, or a CSV file with a column `path` or `image`; - reads it
    /// from standard input. Paths begin at the folder of the list, or where nothing is there at the current one; blank lines
    /// and those that begin with # are passed over. A line that names nothing is an error
    #[arg(long = "images-from", value_name = "LIST")]
    pub(super) list: Option<PathBuf>,
}

/// `--output`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputChoice {
    /// Exactly one class is true
    Softmax,
    /// Each class is a label of its own, true or not
    Sigmoid,
}

impl From<OutputChoice> for Output {
    fn from(choice: OutputChoice) -> Self {
        match choice {
            OutputChoice::Softmax => Self::Softmax,
            OutputChoice::Sigmoid => Self::Sigmoid,
        }
    }
}

/// What `--arch` accepts beside a model.
fn architecture_help() -> String {
    format!("Architecture where no model card tells it, one of {}", Architecture::known())
}

/// One word of `--methods`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// The study's eight
    All,
    /// This one
    One(Method),
}

impl Wanted {
    /// The methods that the words of `--methods` name; repeated ones count once.
    pub(super) fn methods(words: &[Self]) -> Vec<Method> {
        let methods = |word: &Self| match word {
            Self::All => Method::STUDY.to_vec(),
            Self::One(method) => vec![*method],
        };
        words.iter().flat_map(methods).collect()
    }
}

/// What `--methods` accepts.
pub(super) fn methods_help() -> String {
    let names = Method::names(" with commas between; beyond the study, by name only: ");
    let beyond = Method::beyond_study().next().is_some();
    format!("Methods: all, or some of {names}{}", if beyond { "" } else { " with commas between" })
}

impl FromStr for Wanted {
    type Err = saliency::Error;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text.trim().eq_ignore_ascii_case("all") { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// Where and how the network runs.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Machine {
    /// Images a pass through the network; the result does not depend on it
    #[arg(long, value_name = "B", value_parser = whole(limits::BATCH))]
    pub(super) batch: Option<usize>,
    /// Threads; the result does not depend on their number
    #[arg(long, value_name = "T", value_parser = whole(limits::THREADS))]
    pub(super) threads: Option<usize>,
    /// Device; auto takes a GPU where this build and the machine have one
    #[arg(long, value_name = "DEVICE", value_enum, default_value_t)]
    pub(super) device: DeviceChoice,
    /// What runs the network; auto takes the fastest for the device
    #[arg(long, value_name = "EXECUTOR", value_enum, default_value_t)]
    pub(super) executor: ExecutorChoice,
    /// Instruction set of the processor's kernels
    #[arg(long, value_name = "ISA", value_enum, default_value_t)]
    pub(super) isa: IsaChoice,
    /// No progress and no warnings but one: that a model which never saw a patient says nothing about patients
    #[arg(long)]
    pub(super) quiet: bool,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum YesNo {
    /// It is so
    Yes,
    /// It is not so
    No,
}

impl YesNo {
    /// Whether it is yes.
    pub(super) fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// `--device`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DeviceChoice {
    /// A GPU where there is one, else the processor
    #[default]
    Auto,
    /// The processor
    Cpu,
    /// The first NVIDIA GPU
    Cuda,
    /// The GPU of a Mac
    Metal,
}

impl From<DeviceChoice> for network::DeviceChoice {
    fn from(choice: DeviceChoice) -> Self {
        match choice {
            DeviceChoice::Auto => Self::Auto,
            DeviceChoice::Cpu => Self::Cpu,
            DeviceChoice::Cuda => Self::Cuda,
            DeviceChoice::Metal => Self::Metal,
        }
    }
}

/// `--executor`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExecutorChoice {
    /// The fastest for the device
    #[default]
    Auto,
    /// candle's tensor operations, on any device
    Candle,
    /// Kernels made for these networks, on the processor
    Cpu,
}

impl From<ExecutorChoice> for network::ExecutorChoice {
    fn from(choice: ExecutorChoice) -> Self {
        match choice {
            ExecutorChoice::Auto => Self::Auto,
            ExecutorChoice::Candle => Self::Candle,
            ExecutorChoice::Cpu => Self::Cpu,
        }
    }
}

/// `--isa`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum IsaChoice {
    /// The best that this machine has
    #[default]
    Auto,
    /// AVX-512
    Avx512,
    /// AVX2 with FMA
    Avx2,
    /// What every machine has
    Portable,
}

impl IsaChoice {
    /// The set that is asked for.
    fn isa(self) -> Option<Isa> {
        match self {
            Self::Auto => None,
            Self::Avx512 => Some(Isa::Avx512),
            Self::Avx2 => Some(Isa::Avx2),
            Self::Portable => Some(Isa::Portable),
        }
    }
}

impl Machine {
    /// Where networks are to run.
    pub(super) fn options(&self) -> RuntimeOptions {
        RuntimeOptions {
            device: self.device.into(),
            executor: self.executor.into(),
            isa: self.isa.isa(),
            threads: self.threads,
        }
    }
}

/// Reads a whole number within its limits.
pub(super) fn whole(
    limit: limits::Whole,
) -> impl Fn(&str) -> std::result::Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| limit.read(text)
}

/// Reads a number within its limits.
pub(super) fn real(
    limit: limits::Real,
) -> impl Fn(&str) -> std::result::Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| limit.read(text)
}
