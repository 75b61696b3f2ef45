//! Why a frame could not be decoded, each as one sentence.

/// A frame that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The bytes break the rules of the codec.
    #[error("the {codec} frame is damaged ({problem})")]
    Damaged {
        /// The codec.
        codec: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The bytes end before the image does.
    #[error("the {codec} frame ends early ({problem})")]
    Short {
        /// The codec.
        codec: &'static str,
        /// How much is there and how much is missing.
        problem: String,
    },
    /// A kind of frame that is not read.
    #[error("{codec} frames with {feature} are not read")]
    Unsupported {
        /// The codec.
        codec: &'static str,
        /// What the frame has.
        feature: String,
    },
    /// Beyond the limit of memory and time.
    #[error("the {codec} frame is too large ({size}); at most 100 million samples are read")]
    TooLarge {
        /// The codec.
        codec: &'static str,
        /// Its size.
        size: String,
    },
}
