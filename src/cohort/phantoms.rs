//! Phantoms as a cohort: every second one has the finding, splits are those of the phantoms' own rule.

use std::sync::OnceLock;

use super::case::{Case, Source};
use super::error::{Error, Result};
use super::spec::CohortOptions;
use super::split::Split;
use super::{Found, SplitSource};
use crate::phantom::{self, Finding, PhantomCohort, PhantomSpec};
use crate::truth::Task;

pub(super) fn open(seed: u64, count: usize, task: Task, options: &CohortOptions) -> Result<Found> {
    let sizes = PhantomSpec::SIZES_PX;
    let size_px = options.phantom_size_px;
    if !sizes.contains(&size_px) {
        let text = format!("phantoms have {} to {} pixels a side, not {size_px}", sizes.start(), sizes.end());
        return Err(Error::Options(text));
    }
    let phantoms = PhantomCohort::of_task(seed, count, task);
    let case = |index: u64| {
        let spec = phantoms.spec(index, size_px);
        // Of equal length, so that the order of the ids is that of the numbers.
        let id = format!("phantom-{seed}-{index:06}");
        Case {
            label: Some(spec.finding != Finding::None),
            split: Some(match phantoms.split(index) {
                phantom::Split::Train => Split::Train,
                phantom::Split::Val => Split::Val,
                phantom::Split::Test => Split::Test,
            }),
            patient: Some(id.clone()),
            ..Case::new(id, Source::Phantom { spec, marks: OnceLock::new() }, Some([size_px; 2]))
        }
    };
    Ok(Found { cases: (0..count as u64).map(case).collect(), splits: Some(SplitSource::Phantoms) })
}
