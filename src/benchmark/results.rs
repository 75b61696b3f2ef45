//! What a finished (or half finished) run found: written by the runner, read by verdicts, reports and exports.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::protocol::{Protocol, Test};
use crate::{demo, network};

/// Conditions of a [`Score`]; beside these, those of the randomization test are the names of its states
/// ([`State::name`](crate::cascade::State): `Original`, `Logits`, `10` ... `1`, `0`, `stem` and other graphs' blocks).
pub mod condition {
    /// Utility: maps of a trained network.
    pub const TRAINED: &str = "trained";
    /// Utility: maps of a fully randomized network.
    pub const RANDOM: &str = "random";
    /// Utility: `AVG` and localizers. Randomization: maps of two different images under the trained network.
    pub const BASELINE: &str = "baseline";
    /// Maps that know nothing of the model (in all tests; in the randomization test pairs of unrelated blurred noise).
    pub const CONTROL: &str = "control";
    /// Utility: maps that another program made.
    pub const EXTERNAL: &str = "external";
    /// Repeatability and reproducibility: maps of two networks, localizers among them.
    pub const PAIR: &str = "pair";
    /// Repeatability and reproducibility: maps of the same two networks on two different images. Runs that version 0.1.0
    /// began have none until they are gone on with.
    pub const DIFFERENT_IMAGES: &str = "different images";
}

/// Metrics of a [`Score`].
pub mod metric {
    /// Area below the precision-recall curve over pixels, by trapezoids from (recall 0, precision 1).
    pub const AUPRC_TRAPEZOID: &str = "auprc_trapezoid";
    /// Average precision over pixels.
    pub const AVERAGE_PRECISION: &str = "average_precision";
    /// Area below the ROC curve over pixels.
    pub const ROC_AUC: &str = "roc_auc";
    /// Whether the largest value lies on the finding: 1 or 0; a tie of several pixels gives the fraction that do.
    pub const HIT: &str = "hit";
    /// Intersection over union with the pixels above Otsu's threshold.
    pub const IOU_OTSU: &str = "iou_otsu";
    /// Intersection over union with as many of the largest pixels as the finding has.
    pub const IOU_AREA: &str = "iou_area";
    /// Structural similarity of two maps at a data range of 1.
    pub const SSIM_RANGE_1: &str = "ssim_range_1";
    /// The same at a data range of 2, as in the study.
    pub const SSIM_RANGE_2: &str = "ssim_range_2";
    /// Structural similarity of two signed maps, -1 to 1, at a data range of 2.
    pub const SIGNED_SSIM: &str = "signed_ssim";
    /// Rank correlation of two maps.
    pub const SPEARMAN: &str = "spearman";
    /// Dice's coefficient of the pixels of two maps above their Otsu thresholds.
    pub const DICE: &str = "dice";

    /// Smallest and largest value that a metric can have; nothing for one that is not known. No limit at or beyond an end
    /// of it can be passed, or failed.
    pub fn range(metric: &str) -> Option<[f64; 2]> {
        match metric {
            AUPRC_TRAPEZOID | AVERAGE_PRECISION | ROC_AUC | HIT | IOU_OTSU | IOU_AREA | DICE => Some([0.0, 1.0]),
            SSIM_RANGE_1 | SSIM_RANGE_2 | SIGNED_SSIM | SPEARMAN => Some([-1.0, 1.0]),
            _ => None,
        }
    }
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What was asked.
    pub protocol: Protocol,
    /// Who answered.
    pub provenance: RunProvenance,
    /// Every number, in the order test, image, method, condition, models, metric.
    pub scores: Vec<Score>,
    /// What was left out.
    pub exclusions: Vec<Exclusion>,
    /// The database that holds the maps, where they were kept.
    pub maps: Option<PathBuf>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunProvenance {
    /// Names the run: the same for the same protocol, models and cohort.
    pub run_id: String,
    /// Version of the program.
    pub program_version: String,
    /// The cohort.
    pub cohort: CohortProvenance,
    /// The networks, in the order of the protocol.
    pub models: Vec<ModelProvenance>,
    /// Executors in their own words.
    pub executors: Vec<String>,
    /// Start of the first session, in seconds since 1970 (UTC).
    pub started_unix_secs: u64,
    /// End of the last unit, in seconds since 1970 (UTC); nothing while units are missing.
    pub finished_unix_secs: Option<u64>,
    /// Time spent at work over all sessions and shards.
    pub work_secs: f64,
    /// Units done.
    pub units_done: usize,
    /// Units in all, of the parts that are here.
    pub units_total: usize,
    /// Parts of the run that are not here, from 0: their units are not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<usize>,
    /// How many parts the run has.
    #[serde(default)]
    pub parts: usize,
}

impl RunProvenance {
    /// What has to be said of all numbers: some network of the run never saw a patient, and some image is of one.
    pub fn caution(&self) -> Option<&'static str> {
        let never_saw_patients = |model: &ModelProvenance| match model.trained_on_patients {
            Some(saw) => !saw,
            // Runs of earlier versions did not keep it.
            None => demo::is_own(&model.sha256),
        };
        network::caution(
            self.models.iter().any(never_saw_patients).then_some(false),
            self.cohort.holds_phantoms_alone(),
        )
    }
}

/// The cohort of a run. Names no folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CohortProvenance {
    /// Its kind, such as `siim`; phantoms with seed and count.
    pub name: String,
    /// The finding.
    pub task: String,
    /// Hash of ids, labels, splits, sizes and marks.
    pub fingerprint: String,
    /// Cases by split.
    pub counts: Vec<SplitCount>,
    /// Cases that could not be used when the cohort was opened, by reason.
    pub unusable: Vec<ReasonCount>,
    /// Where the splits come from.
    pub splits: String,
    /// Whether every case is a generated image, which is of no patient.
    #[serde(default)]
    pub is_of_phantoms: bool,
}

impl CohortProvenance {
    /// Whether every case is a generated image. Runs of earlier versions did not keep it; the kind of their cohort tells.
    pub fn holds_phantoms_alone(&self) -> bool {
        self.is_of_phantoms || self.name.starts_with("phantom")
    }
}

/// Cases of one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCount {
    /// `train`, `val`, `test` or `none`.
    pub split: String,
    /// Cases with the finding.
    pub positive: usize,
    /// Cases without it.
    pub negative: usize,
    /// Cases of which nobody said.
    pub unlabelled: usize,
}

/// Cases left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The reason.
    pub reason: String,
    /// How many.
    pub cases: usize,
}

/// One network of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelProvenance {
    /// Its name in [`Score::models`]: `inception_v3_1`, `densenet_121_1`, `u_net_1`; the number counts within its role.
    pub name: String,
    /// Its role: `classifier`, `other_architecture` or `localizer`.
    pub role: String,
    /// Its architecture, such as `inception_v3`.
    pub architecture: String,
    /// Its blocks with parameters, from the image to the outputs; runs of earlier versions did not keep them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// Hash of its weights.
    pub sha256: String,
    /// What it was trained on, as its card says.
    pub trained_on: Option<String>,
    /// Whether it was trained on images of patients, where its card says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on_patients: Option<bool>,
    /// How well it classifies (table 2), for classifiers that were judged.
    pub auc: Option<ModelAuc>,
}

/// Area below the ROC curve over images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelAuc {
    /// The area; nothing when only one label was there.
    pub value: Option<f64>,
    /// 95 % interval over resampled images.
    pub interval: Option<[f64; 2]>,
    /// Images judged.
    pub cases: usize,
    /// Of these, images with the finding.
    pub positives: usize,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The test it belongs to.
    pub test: Test,
    /// Id of the case within the cohort, which may be a patient's; two ids with `|` between for a pair of images
    /// (randomization baseline, different images), `noise 01` ... for a pair of noise maps.
    pub image: String,
    /// `GRAD` ... `GGCAM`; `AVG`, `UNET`, `RETINANET`; names of [`Control`](super::protocol::Control)s; `ext:NAME`.
    pub method: String,
    /// See [`condition`].
    pub condition: String,
    /// The network or, with `|` between, the two networks; empty where none takes part.
    pub models: String,
    /// Position of the (first) network within its role, from 1; 0 where none takes part.
    pub replicate: u32,
    /// See [`metric`].
    pub metric: String,
    /// The number; nothing where it is not defined.
    pub value: Option<f64>,
    /// Why it is not defined, or what is odd about it.
    pub note: Option<String>,
}

/// A unit of work that gave no numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Id of the case, which may be a patient's; empty where it concerns all.
    pub image: String,
    /// What is missing, such as `utility: XRAI on inception_v3_1 (trained)`.
    pub what: String,
    /// Why.
    pub reason: String,
}
