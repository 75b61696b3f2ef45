//! What may be said about differences between methods, given a response for each image and method.
//!
//! A linear mixed model with a random intercept for each image, tests of its means and contrasts with a choice of
//! references, adjustments for many tests, equivalence, and beside it tests of paired differences that assume less.
//! Results depend neither on the order of rows nor on the number of threads.

mod adjust;
mod analysis;
mod contrast;
mod distributions;
mod error;
mod inference;
mod kenward_roger;
mod long_table;
mod matrix;
mod max_t;
mod mixed_model;
mod note;
mod observations;
mod paired;
mod root;
mod rows;
mod signed_rank;
mod studentized_range;

pub use adjust::{benjamini_hochberg, bonferroni, holm};
pub use analysis::{Analysis, AnalysisPlan, GroupVarianceTest, LevelMean, ModelSummary, NullTest};
pub use contrast::{Adjustment, Contrast, ContrastFamily, Equivalence, Verdict};
pub use distributions::{
    chi_square_upper, f_upper, normal_cdf, normal_quantile, normal_upper, t_critical, t_two_sided, t_upper,
};
pub use error::{Error, Result};
pub use inference::{FTest, Inference, Linear, Reference};
pub use long_table::{Columns, Dropped, LongTable};
pub use max_t::{MaxT, MaxTProbability};
pub use mixed_model::MixedModel;
pub use note::Note;
pub use observations::{Observation, Observations};
pub use paired::{BootstrapInterval, Paired, TTest, paired};
pub use rows::{Where, quoted_list};
pub use signed_rank::{SignedRank, signed_rank};
pub use studentized_range::{studentized_range_critical, studentized_range_upper};
