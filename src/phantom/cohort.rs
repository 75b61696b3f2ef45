//! Many phantoms: who has which finding, and who is trained on.

use super::stream::{Purpose, Stream};
use super::{Finding, PhantomSpec};

/// Part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// To train on.
    Train,
    /// To choose by.
    Val,
    /// To report.
    Test,
}

impl Split {
    /// Its name in the study's split files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// `count` phantoms of one seed, a pure function of seed and index: a longer cohort begins with the shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhantomCohort {
    seed: u64,
    count: usize,
    /// The only one that phantoms have.
    only: Option<Finding>,
}

impl PhantomCohort {
    /// Both findings: of three phantoms in a row one has a pneumothorax, one pneumonia, one nothing.
    pub fn new(seed: u64, count: usize) -> Self {
        Self { seed, count, only: None }
    }

    /// One finding: of two phantoms in a row one has it.
    pub fn of_finding(seed: u64, count: usize, finding: Finding) -> Self {
        Self { seed, count, only: Some(finding) }
    }

    /// Seed of all phantoms.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of phantoms.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What phantom `index` has.
    pub fn finding(&self, index: u64) -> Finding {
        match self.only {
            None => [Finding::None, Finding::Pneumothorax, Finding::Pneumonia][(index % 3) as usize],
            Some(finding) => [Finding::None, finding][(index % 2) as usize],
        }
    }

    /// Where phantom `index` belongs: 70 % train, 10 % val, 20 % test, independent of the finding.
    pub fn split(&self, index: u64) -> Split {
        match Stream::new(self.seed, index, Purpose::Cohort).unit() {
            place if place < 0.7 => Split::Train,
            place if place < 0.8 => Split::Val,
            _ => Split::Test,
        }
    }

    /// What to generate for phantom `index`.
    pub fn spec(&self, index: u64, size_px: usize) -> PhantomSpec {
        PhantomSpec { seed: self.seed, index, size_px, finding: self.finding(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_and_splits_have_their_shares() {
        for cohort in [PhantomCohort::new(7, 3000), PhantomCohort::of_finding(7, 3000, Finding::Pneumonia)] {
            let sick: Vec<u64> = (0..3000).filter(|index| cohort.finding(*index) == Finding::Pneumonia).collect();
            let share = if cohort.only.is_none() { 1000 } else { 1500 };
            assert_eq!(sick.len(), share);
            let trained = sick.iter().filter(|index| cohort.split(**index) == Split::Train).count() as f64;
            let tested = sick.iter().filter(|index| cohort.split(**index) == Split::Test).count() as f64;
            assert!((trained / share as f64 - 0.7).abs() < 0.05 && (tested / share as f64 - 0.2).abs() < 0.05);
        }
    }
}
