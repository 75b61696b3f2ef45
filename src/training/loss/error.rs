//! What can go wrong in a loss.

/// Result of a loss.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a loss, as one sentence the user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Predictions and targets do not belong together.
    #[error("{loss} needs {needed}, got shape {found:?}")]
    Shape {
        /// The loss.
        loss: &'static str,
        /// What it needs, in words.
        needed: String,
        /// What it got.
        found: Vec<usize>,
    },
    /// A target names a class that does not exist.
    #[error("a target of {loss} is class {class}, but there are {classes} classes, counted from 0")]
    Class {
        /// The loss.
        loss: &'static str,
        /// Class of the target.
        class: usize,
        /// Classes there are.
        classes: usize,
    },
    /// A class weight that would turn the loss around or into nothing.
    #[error("class weights are finite and above 0, not {weights:?}")]
    Weights {
        /// All weights.
        weights: Vec<f32>,
    },
    /// candle refused an operation.
    #[error("candle could not compute {loss}: {source}")]
    Candle {
        /// The loss.
        loss: &'static str,
        /// candle's own words.
        source: Box<candle_core::Error>,
    },
}

impl Error {
    /// Wraps what candle said.
    pub(in crate::training) fn candle(loss: &'static str) -> impl FnOnce(candle_core::Error) -> Self {
        move |source| Self::Candle { loss, source: Box::new(source) }
    }
}
