//! What can go wrong in a cascade, each as one sentence the user can act on.

use crate::{network, saliency};

/// Result of a step of a cascade.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a cascade.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network refused or failed.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// The methods refused or failed.
    #[error(transparent)]
    Saliency(saliency::Error),
    /// An order that does not exist.
    #[error("there is no order called {name:?}: choose top-down, bottom-up or independent")]
    UnknownOrder {
        /// Name given.
        name: String,
    },
    /// A state that the order does not have.
    #[error("there is no state called {name:?}, only {known}")]
    UnknownState {
        /// Name given.
        name: String,
        /// Those there are, with commas between.
        known: String,
    },
    /// Nothing to explain.
    #[error("a cascade needs at least one image")]
    NoImages,
    /// Maps too small to be compared.
    #[error("maps of {height}x{width} pixels are too small to be compared: at least 7x7 are needed")]
    MapSize {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A kind of animation that does not exist.
    #[error("there is no animation called {name:?}: choose gif, apng, webp or frames")]
    UnknownFormat {
        /// Name given.
        name: String,
    },
    /// A frame could not be drawn.
    #[error(transparent)]
    Figure(#[from] crate::figure::Error),
    /// An animation could not be encoded or written.
    #[error("the animation could not be written ({reason})")]
    Encode {
        /// Why.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("the cascade was cancelled")]
    Cancelled,
    /// Whoever takes the maps could not.
    #[error("a map could not be kept ({reason})")]
    Sink {
        /// Why.
        reason: String,
    },
}

impl From<saliency::Error> for Error {
    fn from(error: saliency::Error) -> Self {
        match error {
            saliency::Error::Cancelled => Self::Cancelled,
            other => Self::Saliency(other),
        }
    }
}
