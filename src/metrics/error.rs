//! Why a metric is not defined.

/// Result of a metric.
pub type Result<T> = std::result::Result<T, Error>;

/// Reason why a metric has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Scores and truth do not belong together.
    #[error("there are {scores} scores, but truth for {truth}")]
    Lengths {
        /// Number of scores.
        scores: usize,
        /// Number of true labels.
        truth: usize,
    },
    /// A score without a place in the order.
    #[error("a score is not a number")]
    NotANumber,
    /// Only one of two classes is there.
    #[error("the metric is not defined without a {missing} case")]
    OneClass {
        /// `positive` or `negative`.
        missing: &'static str,
    },
    /// There is nothing to average.
    #[error("the metric is not defined without cases")]
    NoCases,
}
