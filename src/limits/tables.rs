//! Tables and statistics.

use super::range::Whole;

/// Records of a table: twenty times as many as the largest known data set has.
pub const RECORDS: usize = 2_000_000;

/// Longest record of a cohort's table, in bytes: far above the longest run-length code.
pub const RECORD_BYTES: usize = 1 << 20;

/// Boxes, or run-length codes, of one image of a cohort: each is compared with the others.
pub const MARKS_OF_IMAGE: usize = 1000;

/// Letters of the name of a finding.
pub const FINDING_NAME_LETTERS: usize = 100;

/// Findings that the labels of one cohort may name: far above the largest known list.
pub const FINDINGS: usize = 300;

/// Levels of the factor of a mixed model: each pair of them is a contrast.
pub const LEVELS: usize = 50;

/// Resamples behind an interval of `saliscope stats`, which resamples every contrast.
pub const CONTRAST_RESAMPLES: Whole = Whole::new(1, 100_000);

/// Resamples behind an interval of `saliscope evaluate`.
pub const SCORE_RESAMPLES: Whole = Whole::new(1, 1_000_000);
