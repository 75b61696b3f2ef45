//! What a benchmark does, as a file a person can read and change.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cascade::Order;
use crate::cohort::{Readers, Split, ThirdClass, TruthRule};
use crate::saliency::{Method, Preset};
use crate::truth::Task;

/// The layout that this program reads and writes.
pub const FORMAT: u32 = 1;

/// Everything that decides what a benchmark finds. Two runs of one protocol over the same files are the same, whatever
/// the machine has to offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Layout of the file, [`FORMAT`].
    pub format: u32,
    /// Where the defaults came from; also decides whose pass rule comes first in the report, where the cascade ends and
    /// where a path of integrated gradients begins.
    pub preset: Preset,
    /// The tests to run.
    pub tests: Vec<Test>,
    /// Methods under test.
    pub methods: Vec<Method>,
    /// The class whose logit is explained: `predicted`, `positive` or its index.
    pub class: String,
    /// Maps that know nothing of the model, scored as rows of their own.
    pub controls: Vec<Control>,
    /// Whether the mean of all training and validation masks is scored as the row `AVG`.
    pub average_mask: bool,
    /// Whether every map is kept in the database, as 16-bit floating point numbers; without them the report has no
    /// pictures.
    pub keep_maps: bool,
    /// Level of significance, two-sided, between 0 and 1.
    pub alpha: f64,
    /// Difference of means that would not matter: the margin of every equivalence test, above 0 and below 1, the largest
    /// difference that scores can have.
    pub margin: f64,
    /// Structural similarity above which the study called maps repeatable and reproducible; with the margin below 1, which
    /// no map exceeds.
    pub similarity_threshold: f64,
    /// The radiographs.
    pub cohort: CohortSection,
    /// The networks.
    pub models: ModelSection,
    /// How many images each test sees.
    pub sample: SampleSection,
    /// The randomization test.
    pub randomization: RandomizationSection,
    /// Seeds of everything that is drawn.
    pub seeds: SeedSection,
    /// Parameters of the methods that differ from those of the preset, such as `sg.samples = 10`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

/// One of the study's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Do maps lie where the experts' marks are?
    Utility,
    /// Do maps change when the network forgets what it learned?
    Randomization,
    /// Do two trainings of one architecture give the same maps?
    Repeatability,
    /// Do two architectures give the same maps?
    Reproducibility,
}

impl Test {
    /// All tests in the study's order.
    pub const ALL: [Self; 4] = [Self::Utility, Self::Randomization, Self::Repeatability, Self::Reproducibility];

    /// Its name in protocols, databases and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utility => "utility",
            Self::Randomization => "randomization",
            Self::Repeatability => "repeatability",
            Self::Reproducibility => "reproducibility",
        }
    }

    /// The test of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|test| test.name() == name)
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A map that knows nothing of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Independent uniform random numbers.
    Uniform,
    /// Gaussian noise, blurred.
    Blurred,
    /// A Gaussian at the centre of the image.
    Gaussian,
    /// The strength of the image's edges, by Sobel's filter.
    Sobel,
    /// The image itself.
    Image,
    /// The same value everywhere.
    Blank,
}

impl Control {
    /// All controls.
    pub const ALL: [Self; 6] = [Self::Uniform, Self::Blurred, Self::Gaussian, Self::Sobel, Self::Image, Self::Blank];

    /// Its name as a method of [`Score`](super::Score), such as `UNIFORM`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "UNIFORM",
            Self::Blurred => "BLURRED",
            Self::Gaussian => "GAUSSIAN",
            Self::Sobel => "SOBEL",
            Self::Image => "IMAGE",
            Self::Blank => "BLANK",
        }
    }

    /// The control of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name() == name)
    }
}

/// The radiographs and how they are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CohortSection {
    /// `siim:DIR`, `rsna:DIR`, `nih:DIR`, `vindr:DIR`, `folder:DIR` or `phantom:SEED[:COUNT]`.
    pub source: String,
    /// The finding, where the set is about several or names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The split whose positive images are judged.
    pub split: Split,
    /// A CSV file of splits in the authors' form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<PathBuf>,
    /// Seed of drawn splits.
    #[serde(default)]
    pub split_seed: u64,
    /// Fraction of validation images in drawn splits; without it the cohort's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_fraction: Option<f64>,
    /// Fraction of test images in drawn splits; without it the cohort's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// What becomes of RSNA's third class.
    #[serde(default)]
    pub third_class: ThirdClass,
    /// Whose marks count, where a set has several readers an image; any reader's without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readers: Option<Readers>,
    /// `[rows, columns]` that masks and boxes were drawn on, where the files are resized copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth_size_px: Option<[usize; 2]>,
    /// Side of generated radiographs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phantom_size_px: Option<usize>,
    /// How marks become pixels of a map.
    pub truth_rule: TruthRule,
}

/// The networks and their roles. Each is a weights file with its card beside it, or `demo:NAME` for one that is part of
/// the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// Replicates of one architecture; the first is the one whose utility is judged, the first two are compared for
    /// repeatability.
    pub classifiers: Vec<String>,
    /// A classifier of another architecture, compared with the first replicate for reproducibility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_architecture: Option<String>,
    /// Networks trained to localize the finding: none, or two, of which the first is scored for utility and both are
    /// compared. An empty list leaves the high baseline out.
    pub localizers: Vec<String>,
}

/// How many images each test sees, drawn by [`SeedSection::sample`] from the positive images of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSection {
    /// Positive images for utility; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utility: Option<usize>,
    /// Positive images for randomization, repeatability and reproducibility; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<usize>,
    /// Images of either label by which classifiers are judged (table 2); all without it, 0 leaves the table out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<usize>,
}

/// The cascade of randomizations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomizationSection {
    /// The order of the blocks.
    pub order: Order,
    /// States beside the original; all those of the preset where it is empty.
    #[serde(default)]
    pub states: Vec<String>,
    /// How many of the classifiers are randomized; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicates: Option<usize>,
}

/// Seeds of everything that is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedSection {
    /// Noise of SG and SIG.
    pub noise: u64,
    /// Random weights.
    pub weights: u64,
    /// Which images are seen, and which are paired for the randomization baseline.
    pub sample: u64,
    /// Random controls.
    pub controls: u64,
    /// Bootstraps.
    pub bootstrap: u64,
}
