//! Phantoms as a cohort: every second one has the finding, splits are those of the phantoms' own rule.

use std::sync::OnceLock;

use super::case::{Case, Label, Source};
use super::error::{Error, Result};
use super::label_table::is_healthy;
use super::spec::CohortOptions;
use super::split::Split;
use super::{Found, SplitSource};
use crate::phantom::{self, Finding, PhantomCohort, PhantomSpec};
use crate::truth::Task;

pub(super) fn open(seed: u64, count: usize, options: &CohortOptions) -> Result<Found> {
    let sizes = PhantomSpec::SIZES_PX;
    let size_px = options.phantom_size_px;
    if !sizes.contains(&size_px) {
        let text = format!("phantoms have {} to {} pixels a side, not {size_px}", sizes.start(), sizes.end());
        return Err(Error::Options(text));
    }
    let known: Vec<String> = Finding::TASKS.iter().map(|(task, _)| task.name().to_owned()).collect();
    let usual = [options.task.clone().unwrap_or(Task::PNEUMOTHORAX)];
    let asked = if options.findings.is_empty() { &usual[..] } else { &options.findings };
    let mut findings = Vec::with_capacity(asked.len());
    for task in asked {
        let problem = || format!("phantoms have no finding that is called {task}");
        let healthy = (options.findings.len() > 1 && is_healthy(task)).then_some(Finding::None);
        let finding = Finding::of_task(task)
            .or(healthy)
            .ok_or_else(|| Error::Tasks { problem: problem(), known: known.clone() })?;
        findings.push(finding);
    }
    let phantoms = match findings.as_slice() {
        [only] => PhantomCohort::of_finding(seed, count, *only),
        _ => PhantomCohort::new(seed, count),
    };
    let case = |index: u64| {
        let spec = phantoms.spec(index, size_px);
        // Of equal length, so that the order of the ids is that of the numbers.
        let id = format!("phantom-{seed}-{index:06}");
        Case {
            label: Some(findings.contains(&spec.finding)),
            labels: findings.iter().map(|finding| Label::of(Some(*finding == spec.finding))).collect(),
            split: Some(match phantoms.split(index) {
                phantom::Split::Train => Split::Train,
                phantom::Split::Val => Split::Val,
                phantom::Split::Test => Split::Test,
            }),
            patient: Some(id.clone()),
            ..Case::new(id, Source::Phantom { spec, marks: OnceLock::new() }, Some([size_px; 2]))
        }
    };
    let cases = (0..count as u64).map(case).collect();
    let findings = findings.iter().zip(asked).map(|(finding, task)| finding.task().unwrap_or(task.clone())).collect();
    Ok(Found { cases, splits: Some(SplitSource::Phantoms), findings, known })
}
