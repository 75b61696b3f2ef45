//! The study list: cases by where they come from, filtered, sorted, searched.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cohort::{Cohort, Split};
use crate::reading::CaseSource;

/// Names an entry for as long as the window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// One case of the list; its pixels are read when it is shown.
#[derive(Clone)]
pub struct Entry {
    /// Names it.
    pub id: EntryId,
    /// Where it comes from.
    pub source: CaseSource,
    /// What the list calls it.
    pub title: Arc<str>,
    /// The cohort it belongs to, such as `phantom:2026`; empty for single files.
    pub group: Arc<str>,
    /// Whether the finding is there, where somebody said.
    pub label: Option<bool>,
    /// What it may be used for.
    pub split: Option<Split>,
    /// Whether it is a generated image, once that is known.
    pub is_phantom: Option<bool>,
    /// Names its content, once it was opened.
    pub content: Option<Arc<str>>,
    /// Probability of the positive class by the model of this identity, once it was asked.
    pub prediction: Option<(Arc<str>, f32)>,
    /// Why it could not be opened, once that was tried.
    pub problem: Option<Arc<str>>,
}

/// Which cases are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelFilter {
    /// All.
    #[default]
    All,
    /// Those with the finding.
    Positive,
    /// Those without it.
    Negative,
    /// Those of which nobody said.
    Unlabelled,
    /// Those whose prediction contradicts the label.
    Wrong,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// As they were opened.
    #[default]
    Opened,
    /// By name.
    Title,
    /// Cases with the finding first.
    Label,
    /// The most probable first.
    Prediction,
}

/// All cases, and which of them are listed.
#[derive(Default)]
pub struct StudyList {
    entries: Vec<Entry>,
    positions: HashMap<EntryId, usize>,
    next: u64,
    /// How often a case joined or left.
    changes: u64,
    /// The case that is shown.
    pub current: Option<EntryId>,
    /// Only names with this text, in any case.
    pub search: String,
    /// Only cases of this kind.
    pub filter: LabelFilter,
    /// Only cases of this split.
    pub split: Option<Split>,
    /// Order.
    pub sort: SortBy,
    /// Identity of the model that is asked: only its predictions filter and sort.
    asked: Option<Arc<str>>,
    listed: Vec<EntryId>,
}

impl StudyList {
    /// Adds a case at the end.
    pub fn add(&mut self, source: CaseSource, group: &Arc<str>) -> EntryId {
        let id = EntryId(self.next);
        self.next += 1;
        self.changes += 1;
        let case = source.case();
        let entry = Entry {
            id,
            title: source.title().into(),
            group: Arc::clone(group),
            label: source.label(),
            split: case.and_then(|case| case.split),
            is_phantom: source.is_phantom(),
            content: None,
            prediction: None,
            problem: None,
            source,
        };
        self.positions.insert(id, self.entries.len());
        self.entries.push(entry);
        id
    }

    /// Adds every case of a cohort, and says which is the first.
    pub fn add_cohort(&mut self, cohort: &Arc<Cohort>) -> Option<EntryId> {
        let group: Arc<str> = group_name(cohort).into();
        let mut first = None;
        for index in 0..cohort.cases().len() {
            let id = self.add(CaseSource::Cohort { cohort: Arc::clone(cohort), index }, &group);
            first = first.or(Some(id));
        }
        self.refresh();
        first
    }

    /// All cases.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One case.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.positions.get(&id).map(|position| &self.entries[*position])
    }

    /// One case, to be changed; call [`StudyList::refresh`] where filter or order may depend on it.
    pub fn entry_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.positions.get(&id).map(|position| &mut self.entries[*position])
    }

    /// A number that is another one after cases joined or left.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes a case off the list; the one after it becomes current where it was.
    pub fn remove(&mut self, id: EntryId) {
        if self.current == Some(id) {
            self.current = self.neighbour(1).filter(|next| *next != id).or_else(|| self.neighbour(-1));
            self.current = self.current.filter(|next| *next != id);
        }
        self.changes += 1;
        self.entries.retain(|entry| entry.id != id);
        self.positions = self.entries.iter().enumerate().map(|(position, entry)| (entry.id, position)).collect();
        self.refresh();
    }

    /// Takes cases off the list.
    pub fn remove_all(&mut self, ids: &HashSet<EntryId>) {
        self.changes += 1;
        self.entries.retain(|entry| !ids.contains(&entry.id));
        self.positions = self.entries.iter().enumerate().map(|(position, entry)| (entry.id, position)).collect();
        self.current = self.current.filter(|current| !ids.contains(current));
        self.refresh();
    }

    /// Says which model is asked; the list is found anew where that is another one.
    pub fn ask(&mut self, model: Option<&str>) {
        if self.asked.as_deref() != model {
            self.asked = model.map(Arc::from);
            if self.hangs_on_predictions() {
                self.refresh();
            }
        }
    }

    /// Whether order or filter hang on predictions.
    pub fn hangs_on_predictions(&self) -> bool {
        self.filter == LabelFilter::Wrong || self.sort == SortBy::Prediction
    }

    /// The listed cases in their order.
    pub fn listed(&self) -> &[EntryId] {
        &self.listed
    }

    /// The listed case `step` places after the current one; the ends are ends.
    pub fn neighbour(&self, step: isize) -> Option<EntryId> {
        let Some(current) = self.current else { return self.listed.first().copied() };
        let Some(at) = self.listed.iter().position(|id| *id == current) else { return self.listed.first().copied() };
        let next = at.saturating_add_signed(step).min(self.listed.len().saturating_sub(1));
        self.listed.get(next).copied()
    }

    /// Finds out anew which cases are listed, in which order.
    pub fn refresh(&mut self) {
        let search = self.search.trim().to_lowercase();
        let mut listed: Vec<&Entry> = self.entries.iter().filter(|entry| self.is_listed(entry, &search)).collect();
        match self.sort {
            SortBy::Opened => {}
            SortBy::Title => listed.sort_by(|a, b| a.title.cmp(&b.title)),
            SortBy::Label => listed.sort_by_key(|entry| match entry.label {
                Some(true) => 0,
                Some(false) => 1,
                None => 2,
            }),
            SortBy::Prediction => listed.sort_by(|a, b| {
                let of = |entry: &Entry| self.probability(entry).unwrap_or(-1.0);
                of(b).total_cmp(&of(a))
            }),
        }
        self.listed = listed.into_iter().map(|entry| entry.id).collect();
    }

    /// The probability by the model that is asked.
    fn probability(&self, entry: &Entry) -> Option<f32> {
        let (model, probability) = entry.prediction.as_ref()?;
        self.asked.as_ref().is_none_or(|asked| asked == model).then_some(*probability)
    }

    fn is_listed(&self, entry: &Entry, search: &str) -> bool {
        let predicted = self.probability(entry).map(|probability| probability >= 0.5);
        let of_kind = match self.filter {
            LabelFilter::All => true,
            LabelFilter::Positive => entry.label == Some(true),
            LabelFilter::Negative => entry.label == Some(false),
            LabelFilter::Unlabelled => entry.label.is_none(),
            LabelFilter::Wrong => entry.label.zip(predicted).is_some_and(|(label, predicted)| label != predicted),
        };
        of_kind
            && self.split.is_none_or(|split| entry.split == Some(split))
            && (search.is_empty() || entry.title.to_lowercase().contains(search))
    }
}

/// What a group of the list is called: the kind of cohort and its folder's name, never a whole path.
fn group_name(cohort: &Cohort) -> String {
    let spec = cohort.spec();
    match spec.folder() {
        Some(folder) => {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{}:{name}", spec.kind())
        }
        None => spec.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Finding, PhantomSpec};

    fn list() -> StudyList {
        let mut list = StudyList::default();
        for (index, finding) in [Finding::None, Finding::Pneumothorax, Finding::None].into_iter().enumerate() {
            let spec = PhantomSpec { seed: 1, index: index as u64, size_px: 128, finding };
            list.add(CaseSource::Phantom(spec), &"".into());
        }
        list.refresh();
        list
    }

    #[test]
    fn filters_sorts_and_searches() {
        let mut list = list();
        assert_eq!(list.listed().len(), 3);
        list.filter = LabelFilter::Positive;
        list.refresh();
        assert_eq!(list.listed(), [EntryId(1)]);
        list.filter = LabelFilter::All;
        list.sort = SortBy::Label;
        list.refresh();
        assert_eq!(list.listed(), [EntryId(1), EntryId(0), EntryId(2)]);
        list.search = "PHANTOM 2".to_owned();
        list.refresh();
        assert_eq!(list.listed(), [EntryId(2)]);
    }

    #[test]
    fn wrong_predictions_are_found_and_sorted() {
        let mut list = list();
        for (id, probability) in [(0, 0.9), (1, 0.8), (2, 0.1)] {
            list.entry_mut(EntryId(id)).unwrap().prediction = Some(("model".into(), probability));
        }
        list.filter = LabelFilter::Wrong;
        list.refresh();
        assert_eq!(list.listed(), [EntryId(0)]);
        (list.filter, list.sort) = (LabelFilter::All, SortBy::Prediction);
        list.refresh();
        assert_eq!(list.listed(), [EntryId(0), EntryId(1), EntryId(2)]);
    }

    #[test]
    fn only_predictions_of_the_model_asked_count() {
        let mut list = list();
        list.entry_mut(EntryId(0)).unwrap().prediction = Some(("model".into(), 0.9));
        list.filter = LabelFilter::Wrong;
        list.ask(Some("model"));
        assert_eq!(list.listed(), [EntryId(0)]);
        assert!(list.hangs_on_predictions());
        list.ask(Some("another"));
        assert!(list.listed().is_empty());
    }

    #[test]
    fn many_are_removed_at_once() {
        let mut list = list();
        list.current = Some(EntryId(1));
        list.remove_all(&[EntryId(0), EntryId(1)].into());
        assert_eq!((list.listed(), list.current), (&[EntryId(2)][..], None));
        assert!(list.entry(EntryId(2)).is_some());
    }

    #[test]
    fn removing_moves_on_and_the_ends_are_ends() {
        let mut list = list();
        list.current = Some(EntryId(2));
        assert_eq!(list.neighbour(1), Some(EntryId(2)));
        list.remove(EntryId(2));
        assert_eq!(list.current, Some(EntryId(1)));
        assert_eq!(list.neighbour(-5), Some(EntryId(0)));
        list.remove(EntryId(1));
        list.remove(EntryId(0));
        assert_eq!((list.current, list.neighbour(1)), (None, None));
    }
}
