//! Why an analysis is refused, each as one sentence the user can act on.

use std::path::PathBuf;

/// Result of an analysis.
pub type Result<T> = std::result::Result<T, Error>;

/// Reason why there is no analysis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table that cannot be used as it is.
    #[error("the table{place}: {problem}: {}", path.display())]
    Table {
        /// `, line 7, column value`, as far as it is known.
        place: String,
        /// What is wrong.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// Nothing is left to analyse.
    #[error("there is no usable row: every row lacks its response, its factor level or its group")]
    NoRows,
    /// A response that is no number.
    #[error("a response is not finite; leave such rows out")]
    NotFinite,
    /// Too few groups.
    #[error("there is only one group; the model needs at least 2, and tells little below 10")]
    OneGroup,
    /// The variance of groups cannot be told from the residual one.
    #[error(
        "no group has 2 rows, so that the spread between groups cannot be told from that within: give one row for each \
         level and group, and name the column of groups (images) by --group"
    )]
    NoRepeats,
    /// As many means as rows.
    #[error("there are {rows} rows for {levels} levels; the model needs more rows than levels")]
    NoResidual {
        /// Rows.
        rows: usize,
        /// Levels of the factor.
        levels: usize,
    },
    /// More levels than the comparisons are made for.
    #[error("the factor has {levels} levels; at most {most} are compared. Is it the column of groups?")]
    ManyLevels {
        /// Levels of the factor.
        levels: usize,
        /// Most allowed.
        most: usize,
    },
    /// The response is the same everywhere.
    #[error("the response is the same in every row; there is nothing to compare")]
    Constant,
    /// Nothing is left to chance.
    #[error("the model fits the response exactly, without any residual: no test is possible")]
    PerfectFit,
    /// A level that is asked for and not there.
    #[error("the factor has no level `{level}`; its levels are {levels}")]
    NoSuchLevel {
        /// The level asked for.
        level: String,
        /// Those that are there.
        levels: String,
    },
    /// A level that is asked for twice.
    #[error("the level `{0}` is named twice")]
    TwiceNamed(String),
    /// A setting outside of its range.
    #[error("{0}")]
    Setting(&'static str),
}
