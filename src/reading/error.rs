//! Why a case or a model could not be opened, each as one sentence the user can act on.

use crate::files::words;
use crate::job::Told;
use crate::{cascade, cohort, display, figure, network, radiograph, saliency};

/// Result of opening or explaining.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image cannot be read.
    #[error("{0}")]
    Image(radiograph::Problem),
    /// The cohort refuses the case.
    #[error("{}", .0.without_path())]
    Cohort(cohort::Error),
    /// A position beyond the end of a cohort.
    #[error("the cohort has no such case")]
    NoSuchCase,
    /// The image cannot be drawn.
    #[error(transparent)]
    Plane(#[from] display::PlaneError),
    /// The model cannot be read.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// Networks cannot run.
    #[error(transparent)]
    Start(#[from] network::StartError),
    /// No demo model is called so.
    #[error("there is no demo model called {name:?}; there are {}", crate::demo::names())]
    UnknownDemo {
        /// The name asked for.
        name: String,
    },
    /// The model does not fit the image.
    #[error(
        "the image cannot be brought to what the model reads, {channels} channel(s) of {height_px}x{width_px} pixels: {problem}"
    )]
    DoesNotFit {
        /// Channels the model reads.
        channels: usize,
        /// Rows it reads.
        height_px: usize,
        /// Columns it reads.
        width_px: usize,
        /// What stands in the way.
        problem: radiograph::Problem,
    },
    /// A method refused or failed.
    #[error(transparent)]
    Saliency(#[from] saliency::Error),
    /// A cascade failed.
    #[error(transparent)]
    Cascade(#[from] cascade::Error),
    /// A figure could not be drawn.
    #[error(transparent)]
    Figure(#[from] figure::Error),
    /// Nothing is finished that could be written.
    #[error("no method has all its states yet; let the cascade run to its end first")]
    Unfinished,
    /// A file could not be written.
    #[error("the files could not be written ({})", words(.0))]
    Write(#[from] std::io::Error),
}

impl Error {
    /// What is wrong, without the name of any file: it may be a patient's.
    pub fn without_path(&self) -> String {
        match self {
            Self::Cohort(error) => error.without_path(),
            Self::Network(error) => error.without_path(),
            other => other.to_string(),
        }
    }

    /// The same beside the file it is about.
    pub fn told(&self) -> Told {
        let path = match self {
            Self::Cohort(error) => error.path(),
            Self::Network(error) => error.path(),
            _ => None,
        };
        Told::of(self.without_path(), path)
    }
}

impl From<radiograph::Problem> for Error {
    fn from(problem: radiograph::Problem) -> Self {
        Self::Image(problem)
    }
}

impl From<cohort::Error> for Error {
    fn from(error: cohort::Error) -> Self {
        Self::Cohort(error)
    }
}
