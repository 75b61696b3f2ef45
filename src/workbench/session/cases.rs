//! Cases of a session, by where they come from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cohort::Cohort;
use crate::display::Orientation;
use crate::phantom::PhantomSpec;
use crate::radiograph::ArchiveEntry;
use crate::reading::CaseSource;
use crate::workbench::list::{EntryId, StudyList};
use crate::workbench::opening::cohort_text;

/// A case, by where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedCase {
    /// A file of its own.
    File(PathBuf),
    /// A file inside a zip archive.
    Entry(ArchiveEntry),
    /// A generated radiograph.
    Phantom(PhantomSpec),
    /// A case of a cohort.
    OfCohort {
        /// The cohort's text.
        cohort: String,
        /// Position of the case in it.
        index: usize,
    },
}

/// How a case was turned, mirrored and inverted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedOrientation {
    /// The case.
    pub case: SavedCase,
    /// How it lay.
    #[serde(flatten)]
    pub orientation: Orientation,
}

/// A cohort that was open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCohort {
    /// Its text, such as `siim:DIR`.
    pub text: String,
    /// Cases it had.
    pub cases: usize,
    /// Positions of those taken off the list.
    pub without: Vec<usize>,
}

pub(super) fn saved_case(source: &CaseSource) -> Option<SavedCase> {
    Some(match source {
        CaseSource::File(path) => SavedCase::File(path.to_str().is_some().then(|| path.clone())?),
        CaseSource::Entry(entry) => SavedCase::Entry(entry.archive.to_str().is_some().then(|| entry.clone())?),
        CaseSource::Phantom(spec) => SavedCase::Phantom(*spec),
        CaseSource::Cohort { cohort, index } => SavedCase::OfCohort { cohort: text(cohort)?, index: *index },
    })
}

/// The text that opens a cohort again.
fn text(cohort: &Cohort) -> Option<String> {
    let is_text = cohort.spec().folder().is_none_or(|folder| folder.to_str().is_some());
    is_text.then(|| cohort_text(cohort))
}

pub(super) fn saved_list(list: &StudyList) -> (Vec<SavedCase>, Vec<SavedCohort>) {
    let mut cases = Vec::new();
    let mut listed: Vec<(Arc<Cohort>, Vec<bool>)> = Vec::new();
    let mut positions: HashMap<*const Cohort, usize> = HashMap::new();
    for entry in list.entries() {
        if let CaseSource::Cohort { cohort, index } = &entry.source {
            let position = *positions.entry(Arc::as_ptr(cohort)).or_insert_with(|| {
                listed.push((Arc::clone(cohort), vec![false; cohort.cases().len()]));
                listed.len() - 1
            });
            if let Some(is_listed) = listed[position].1.get_mut(*index) {
                *is_listed = true;
            }
        } else {
            cases.extend(saved_case(&entry.source));
        }
    }
    let cohorts = listed.into_iter().filter_map(|(cohort, is_listed)| {
        let without = is_listed.iter().enumerate().filter(|(_, is_listed)| !**is_listed).map(|(index, _)| index);
        Some(SavedCohort { text: text(&cohort)?, cases: is_listed.len(), without: without.collect() })
    });
    let cohorts = cohorts.collect();
    (cases, cohorts)
}

/// The entry of a list that is a saved case.
pub(super) fn find(list: &StudyList, case: &SavedCase) -> Option<EntryId> {
    let is_same = |source: &CaseSource| match (source, case) {
        (CaseSource::File(path), SavedCase::File(wanted)) => path == wanted,
        (CaseSource::Entry(entry), SavedCase::Entry(wanted)) => entry == wanted,
        (CaseSource::Phantom(spec), SavedCase::Phantom(wanted)) => spec == wanted,
        (CaseSource::Cohort { cohort, index }, SavedCase::OfCohort { cohort: wanted, index: at }) => {
            index == at && text(cohort).as_ref() == Some(wanted)
        }
        _ => false,
    };
    list.entries().iter().find(|entry| is_same(&entry.source)).map(|entry| entry.id)
}
