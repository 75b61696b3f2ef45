//! What can go wrong while explaining an image, each as one sentence the user can act on.

use crate::network;

use super::methods::Method;
use super::xrai;

/// Result of a saliency operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of explaining images.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network refused or failed.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// A name that no method has.
    #[error("there is no method called {name:?}: choose from {}", Method::names(", or beyond the study "))]
    UnknownMethod {
        /// Name given.
        name: String,
    },
    /// A preset name that does not exist.
    #[error("there is no preset called {name:?}: choose arun2021 or recommended")]
    UnknownPreset {
        /// Name given.
        name: String,
    },
    /// Neither a class rule nor a class index.
    #[error("{text:?} names no class: give predicted, positive or a class index")]
    UnknownClassChoice {
        /// Text given.
        text: String,
    },
    /// The positive class was asked for but is not known.
    #[error("the positive class of this model is not known: give its index, or explain the predicted class")]
    NoPositiveClass,
    /// A method was asked of a network for which nobody has defined it.
    #[error("{reason}; leave it out")]
    Undefined {
        /// The method, and why.
        reason: String,
    },
    /// Values that fit no parameter.
    #[error("{0}")]
    Overrides(String),
    /// A parameter outside the values that make sense.
    #[error("{parameter} is {value}: it must be {accepted}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value given.
        value: String,
        /// Values accepted.
        accepted: String,
    },
    /// An input holds more or fewer images than one.
    #[error("image {index} has shape {shape:?}: each input is one image, [1, c, h, w] with at least one pixel")]
    ImageShape {
        /// Position of the input in the request.
        index: usize,
        /// Its shape.
        shape: [usize; 4],
    },
    /// An input holds NaN or an infinity.
    #[error("image {index} holds NaN or infinite pixel values")]
    ImageNotFinite {
        /// Position of the input in the request.
        index: usize,
    },
    /// The noise file holds fewer samples than the methods draw.
    #[error("the noise holds {available} samples, {needed} are needed")]
    NoiseSamples {
        /// Samples in the noise.
        available: usize,
        /// Samples the methods need.
        needed: usize,
    },
    /// The noise was drawn for images of another shape.
    #[error("the noise has samples of shape {noise:?}, image {index} has {image:?} ([c, h, w])")]
    NoiseShape {
        /// Shape of one noise sample, `[c, h, w]`.
        noise: [usize; 3],
        /// Position of the input in the request.
        index: usize,
        /// Shape of that input, `[c, h, w]`.
        image: [usize; 3],
    },
    /// The noise holds NaN or an infinity.
    #[error("sample {sample} of the noise holds NaN or infinite values")]
    NoiseNotFinite {
        /// Position of the sample.
        sample: usize,
    },
    /// XRAI cannot segment the image or merge its segments.
    #[error(transparent)]
    Xrai(#[from] xrai::Error),
    /// The caller asked to stop.
    #[error("explaining was cancelled")]
    Cancelled,
}
