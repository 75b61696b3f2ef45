//! Tables and statistics.

use super::range::Whole;

/// Records of a table: twenty times as many as the largest known data set has.
pub const RECORDS: usize = 2_000_000;

/// Longest record of a cohort's table, in bytes: far above the longest run-length code.
pub const RECORD_BYTES: usize = 1 << 20;

/// Levels of the factor of a mixed model: each pair of them is a contrast.
pub const LEVELS: usize = 50;

/// Resamples behind an interval of `saliscope stats`, which resamples every contrast.
pub const CONTRAST_RESAMPLES: Whole = Whole::new(1, 100_000);

/// Resamples behind an interval of `saliscope evaluate`.
pub const SCORE_RESAMPLES: Whole = Whole::new(1, 1_000_000);
