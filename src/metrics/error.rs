//! Why a metric is not defined.

/// Result of a metric.
pub type Result<T> = std::result::Result<T, Error>;

/// Reason why a metric has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
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
    /// Pairs that are no pairs.
    #[error("there are {first} values on one side and {second} on the other")]
    Pairs {
        /// Number on one side.
        first: usize,
        /// Number on the other.
        second: usize,
    },
    /// Equal values have no order.
    #[error("the correlation is not defined where all values are equal")]
    NoVariation,
    /// Equal values cannot be parted.
    #[error("no threshold parts a map whose values are all equal")]
    OneValue,
    /// Maps that do not have the size told.
    #[error("maps with {first} and {second} values do not have the size {height}x{width}")]
    MapSizes {
        /// Values of one map.
        first: usize,
        /// Values of the other.
        second: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Maps without room for one window.
    #[error("maps of {height}x{width} pixels are smaller than the window of {window}x{window}")]
    SmallerThanWindow {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Side of the window in pixels.
        window: usize,
    },
    /// A data range that is none.
    #[error("the data range is {range}: it must be above 0 and finite")]
    DataRange {
        /// The range given.
        range: f64,
    },
    /// Only one of two classes is there.
    #[error("the metric is not defined without a {missing} case")]
    OneClass {
        /// `positive` or `negative`.
        missing: &'static str,
    },
    /// No threshold that calls anything passes enough negatives.
    #[error("no threshold that calls any case has a specificity of {specificity}")]
    NothingCalled {
        /// What was asked.
        specificity: f64,
    },
    /// Classes that a threshold parts have no best logistic regression.
    #[error("no slope is the best where a threshold parts the classes")]
    Parted,
    /// There is nothing to average.
    #[error("the metric is not defined without cases")]
    NoCases,
}
