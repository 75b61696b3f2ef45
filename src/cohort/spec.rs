//! Which radiographs are meant, as one short text, and how they are taken.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::split::Fractions;
use crate::limits;
use crate::truth::Task;

/// What a cohort may be, in a sentence.
pub const SPEC_FORMS: &str = "siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]";

/// Phantoms in a cohort whose number is not given.
pub const DEFAULT_PHANTOMS: usize = 1000;

/// A set of radiographs with labels and truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CohortSpec {
    /// `siim:DIR`: the SIIM-ACR Pneumothorax Segmentation files, or a mirror of them.
    Siim(PathBuf),
    /// `rsna:DIR`: the RSNA Pneumonia Detection Challenge files, or a mirror of them.
    Rsna(PathBuf),
    /// `nih:DIR`: `ChestX-ray14` of the NIH.
    Nih(PathBuf),
    /// `vindr:DIR`: `VinDr-CXR`, as `PhysioNet` or Kaggle give it.
    Vindr(PathBuf),
    /// `folder:DIR`: images with optional `labels.csv`, `masks/` and `boxes.csv`.
    Folder(PathBuf),
    /// `phantom:SEED[:COUNT]`: generated radiographs.
    Phantom {
        /// Everything about a phantom follows from it and the phantom's number.
        seed: u64,
        /// How many there are.
        count: usize,
    },
}

impl CohortSpec {
    /// The folder it is in; phantoms are in none.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Siim(path) | Self::Rsna(path) | Self::Nih(path) | Self::Vindr(path) | Self::Folder(path) => {
                Some(path)
            }
            Self::Phantom { .. } => None,
        }
    }

    /// Its kind, such as `siim`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Siim(_) => "siim",
            Self::Rsna(_) => "rsna",
            Self::Nih(_) => "nih",
            Self::Vindr(_) => "vindr",
            Self::Folder(_) => "folder",
            Self::Phantom { .. } => "phantom",
        }
    }
}

/// Text that names no cohort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No known kind before the colon, or no colon.
    #[error("a cohort is {SPEC_FORMS}")]
    Kind,
    /// Nothing after the colon.
    #[error("{kind}: needs a folder, as in {kind}:DIR")]
    NoFolder {
        /// What stands before the colon.
        kind: &'static str,
    },
    /// No number where the seed should be.
    #[error("phantom: needs a whole number from 0 on as its seed, as in phantom:7")]
    Seed,
    /// No number where the count should be, or one out of range.
    #[error("the number of phantoms is {}, as in phantom:7:500", limits::PHANTOMS)]
    Count,
}

impl FromStr for CohortSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (kind, rest) = text.split_once(':').ok_or(SpecError::Kind)?;
        let folder = |kind| if rest.is_empty() { Err(SpecError::NoFolder { kind }) } else { Ok(PathBuf::from(rest)) };
        match kind {
            "siim" => folder("siim").map(Self::Siim),
            "rsna" => folder("rsna").map(Self::Rsna),
            "nih" => folder("nih").map(Self::Nih),
            "vindr" => folder("vindr").map(Self::Vindr),
            "folder" => folder("folder").map(Self::Folder),
            "phantom" => {
                let (seed, count) = rest.split_once(':').map_or((rest, None), |(seed, count)| (seed, Some(count)));
                let seed = seed.parse().map_err(|_| SpecError::Seed)?;
                let count = count.map_or(Ok(DEFAULT_PHANTOMS), str::parse).map_err(|_| SpecError::Count)?;
                if !limits::PHANTOMS.contains(count) {
                    return Err(SpecError::Count);
                }
                Ok(Self::Phantom { seed, count })
            }
            _ => Err(SpecError::Kind),
        }
    }
}

impl fmt::Display for CohortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Siim(path) | Self::Rsna(path) | Self::Nih(path) | Self::Vindr(path) | Self::Folder(path) => {
                write!(f, "{}:{}", self.kind(), path.display())
            }
            Self::Phantom { seed, count } if *count == DEFAULT_PHANTOMS => write!(f, "phantom:{seed}"),
            Self::Phantom { seed, count } => write!(f, "phantom:{seed}:{count}"),
        }
    }
}

/// What becomes of RSNA's class `No Lung Opacity / Not Normal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThirdClass {
    /// Left out, as in the study.
    #[default]
    Exclude,
    /// Taken as images without the finding.
    Include,
}

/// Whose findings and marks count where several readers saw an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Readers {
    /// What any reader found and marked.
    #[default]
    Union,
    /// What more than half of the readers of the image found, and the pixels that more than half of them marked.
    Majority,
    /// What one reader found and marked, on the images that he or she read.
    One(String),
}

/// A text that names no readers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("readers are union, majority or the name of one, such as R9")]
pub struct ReadersError;

impl FromStr for Readers {
    type Err = ReadersError;

    fn from_str(text: &str) -> Result<Self, ReadersError> {
        let name = text.strip_prefix("reader:").unwrap_or(text);
        let is_name = (1..=limits::FINDING_NAME_LETTERS).contains(&name.len())
            && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
        match text {
            "union" => Ok(Self::Union),
            "majority" => Ok(Self::Majority),
            "each" => Err(ReadersError),
            _ if is_name => Ok(Self::One(name.to_owned())),
            _ => Err(ReadersError),
        }
    }
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Union => f.write_str("union"),
            Self::Majority => f.write_str("majority"),
            Self::One(name) => write!(f, "reader:{name}"),
        }
    }
}

impl TryFrom<String> for Readers {
    type Error = ReadersError;

    fn try_from(text: String) -> Result<Self, ReadersError> {
        text.parse()
    }
}

impl From<Readers> for String {
    fn from(readers: Readers) -> Self {
        readers.to_string()
    }
}

/// How a cohort is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct CohortOptions {
    /// The finding that is looked for, however spelled. Two of the public sets have one each; phantoms are pneumothorax
    /// unless this says otherwise; of a folder whose labels name no finding it is what they are about.
    pub task: Option<Task>,
    /// Several findings at once, in place of `task`: cases are all images of which anything is known of any of them, without
    /// marks, and [`super::Case::labels`] has what is known of each.
    pub findings: Vec<Task>,
    /// A CSV file of splits in the authors' form; without it, one in the cohort's folder is taken, or splits are drawn.
    pub splits: Option<PathBuf>,
    /// Seed of drawn splits.
    pub seed: u64,
    /// Sizes of drawn splits.
    pub fractions: Fractions,
    /// RSNA's third class.
    pub third_class: ThirdClass,
    /// Whose marks count, where a set has several readers an image.
    pub readers: Readers,
    /// `[rows, columns]` of the images that masks and boxes of the public sets were drawn on, where the files are resized
    /// copies of them (`[1024, 1024]` for the original sets); without it, the size of each image.
    pub truth_size_px: Option<[usize; 2]>,
    /// Only labels are asked for: an image whose mask or box cannot be used stays, without it.
    pub labels_suffice: bool,
    /// Side of generated radiographs, in pixels.
    pub phantom_size_px: usize,
}

impl Default for CohortOptions {
    fn default() -> Self {
        Self {
            task: None,
            findings: Vec::new(),
            splits: None,
            seed: 0,
            fractions: Fractions::default(),
            third_class: ThirdClass::default(),
            readers: Readers::default(),
            truth_size_px: None,
            labels_suffice: false,
            phantom_size_px: 320,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["siim:/data/siim", "rsna:C:\\data", "nih:/n", "vindr:v", "folder:.", "phantom:7", "phantom:0:12"] {
            assert_eq!(text.parse::<CohortSpec>().unwrap().to_string(), text);
        }
        assert_eq!("phantom:3".parse(), Ok(CohortSpec::Phantom { seed: 3, count: DEFAULT_PHANTOMS }));
    }

    #[test]
    fn what_names_no_cohort_says_what_does() {
        let refused = |text: &str| text.parse::<CohortSpec>().unwrap_err();
        for text in ["", "siim", "SIIM:/x", "mimic:/x", ":", ":/x", "/data"] {
            assert_eq!(refused(text), SpecError::Kind, "{text}");
        }
        assert_eq!(refused("rsna:"), SpecError::NoFolder { kind: "rsna" });
        for text in ["phantom:", "phantom:x", "phantom:-1", "phantom::5", "phantom:99999999999999999999"] {
            assert_eq!(refused(text), SpecError::Seed, "{text}");
        }
        for text in ["phantom:1:", "phantom:1:0", "phantom:1:x", "phantom:1:2:3", "phantom:1:1000001"] {
            assert_eq!(refused(text), SpecError::Count, "{text}");
        }
    }
}
