//! What can go wrong while a model is evaluated.

use crate::cohort::{self, Split};
use crate::{metrics, network, radiograph};

/// Result of an evaluation.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of an evaluation, as one sentence the user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to judge the model by.
    #[error("the {split} split has no labelled case that can be read")]
    NoCases {
        /// The split.
        split: Split,
    },
    /// Nothing to choose a threshold on.
    #[error(
        "the {split} split has no labelled case, so that it cannot choose a threshold: give it cases (--splits), or ask for no \
         threshold of it"
    )]
    NothingToChooseOn {
        /// The split.
        split: Split,
    },
    /// It is not known which logit means the finding.
    #[error("the model card does not say which class is the finding: add `positive_class`")]
    NoPositiveClass,
    /// A finding that the model does not know.
    #[error("no class of the model is called {finding}; it has {}: leave the others out with --task", classes.join(", "))]
    NoClass {
        /// The finding.
        finding: String,
        /// The classes.
        classes: Vec<String>,
    },
    /// A classifier where a network that localizes is needed.
    #[error("a classifier does not say where the finding is: a U-Net or a RetinaNet is needed")]
    NotALocalizer,
    /// A detector needs boxes.
    #[error("a detector is judged by boxes, and no positive case of this split has one")]
    NoBoxes,
    /// A network's logits that are no numbers.
    #[error("the network gave a result that is not a number")]
    NotANumber,
    /// The validation split gives no threshold.
    #[error("no threshold can be chosen on the validation split: {problem}")]
    Threshold {
        /// Why.
        problem: metrics::Error,
    },
    /// Cases of one class have no curves.
    #[error("there are no curves to draw: {problem}; leave --out away, or judge cases with and without the finding")]
    Curves {
        /// Why.
        problem: metrics::Error,
    },
    /// An image that cannot be brought to the model's size.
    #[error("an image cannot be used: {0}")]
    Image(radiograph::Problem),
    /// A case of the cohort.
    #[error(transparent)]
    Cohort(#[from] cohort::Error),
    /// The network.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// The caller said stop.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl Error {
    /// What is wrong, without the file it is in: its name may be a patient's.
    pub fn without_path(&self) -> String {
        match self {
            Self::Cohort(problem) => problem.without_path(),
            Self::Network(problem) => problem.without_path(),
            other => other.to_string(),
        }
    }
}
