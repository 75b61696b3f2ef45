//! What the window remembers from one session to the next: what was open, and how it was shown.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::app::Workbench;
use super::keeper::{self, Found};
use super::list::{EntryId, LabelFilter, SortBy, StudyList};
use super::services::Message;
use super::settings::Settings;
use super::shown::{Shown, ToneChoice};
use super::state::{CompareMode, Links, State, View};
use crate::cohort::{Cohort, Split};
use crate::phantom::PhantomSpec;
use crate::reading::{CaseSource, ModelSource, OpenModel, Question};
use crate::saliency::{Method, Preset};

/// A case, by where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedCase {
    /// A file of its own.
    File(PathBuf),
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

/// A session. Paths are all it knows of files; nothing of what is in them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Files and phantoms of the list.
    pub cases: Vec<SavedCase>,
    /// Cohorts of the list.
    pub cohorts: Vec<SavedCohort>,
    /// Open models.
    pub models: Vec<ModelSource>,
    /// The one that was asked.
    pub asked: Option<ModelSource>,
    /// The case that was shown.
    pub current: Option<SavedCase>,
    /// Cases chosen for comparing images.
    pub compared: Vec<SavedCase>,
    /// The middle of the window.
    pub view: View,
    /// What was compared.
    pub compare_mode: CompareMode,
    /// What tiles shared.
    pub links: Links,
    /// How the case was shown.
    pub shown: Shown,
    /// What was asked.
    pub question: Question,
    /// Whether the study list was shown.
    pub has_study_list: bool,
    /// Whether the inspector was shown.
    pub has_inspector: bool,
    /// Which cases were listed.
    pub filter: LabelFilter,
    /// Only those of this split, by its name.
    pub split: Option<String>,
    /// In which order.
    pub sort: SortBy,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            cases: Vec::new(),
            cohorts: Vec::new(),
            models: Vec::new(),
            asked: None,
            current: None,
            compared: Vec::new(),
            view: View::default(),
            compare_mode: CompareMode::default(),
            links: Links::default(),
            shown: Shown::default(),
            question: Question::of(Preset::Recommended),
            has_study_list: true,
            has_inspector: true,
            filter: LabelFilter::default(),
            split: None,
            sort: SortBy::default(),
        }
    }
}

/// What of the last session is still on its way. It is saved again until it is there or known to be gone.
#[derive(Debug, Default)]
pub struct Restoring {
    cohorts: Vec<SavedCohort>,
    models: Vec<ModelSource>,
    asked: Option<ModelSource>,
    current: Option<SavedCase>,
    compared: Vec<SavedCase>,
}

/// The settings in `home`, and what to say where they could not be read.
pub(super) fn settings(home: &Path) -> (Settings, Option<String>) {
    match keeper::read::<Settings>(home, keeper::SETTINGS) {
        Found::Value(settings) => (settings, None),
        Found::Nothing => (Settings::default(), None),
        Found::Unreadable(note) => (Settings::default(), Some(note)),
    }
}

impl Session {
    /// What `state` is, with what is still on its way from the last session. Paths that are no Unicode are left out: a
    /// text file cannot hold them.
    pub fn of(state: &State, restoring: &Restoring) -> Self {
        let (cases, mut cohorts) = saved_list(&state.list);
        cohorts.extend(restoring.cohorts.iter().cloned());
        let mut models: Vec<ModelSource> = state.models.iter().map(|model| model.source.clone()).collect();
        for model in &restoring.models {
            if !models.contains(model) {
                models.push(model.clone());
            }
        }
        models.retain(|model| !matches!(model, ModelSource::File(path) if path.to_str().is_none()));
        let saved = |id: EntryId| state.list.entry(id).and_then(|entry| saved_case(&entry.source));
        let mut compared: Vec<SavedCase> = state.compare.entries.iter().filter_map(|id| saved(*id)).collect();
        compared.extend(restoring.compared.iter().cloned());
        let asked = restoring.asked.clone().or_else(|| state.model().map(|model| model.source.clone()));
        Self {
            cases,
            cohorts,
            asked: asked.filter(|asked| models.contains(asked)),
            models,
            current: state.list.current.and_then(saved).or_else(|| restoring.current.clone()),
            compared,
            view: state.view,
            compare_mode: state.compare.mode,
            links: state.compare.links,
            shown: state.shown.clone(),
            question: state.question.clone(),
            has_study_list: state.has_study_list,
            has_inspector: state.has_inspector,
            filter: state.list.filter,
            split: state.list.split.map(|split| split.name().to_owned()),
            sort: state.list.sort,
        }
    }

    fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.cohorts.is_empty()
    }

    /// Replaces what no window could have written: files may be edited, and then lie.
    fn sound(mut self) -> Self {
        if self.question.parameters.check(&Method::ALL).is_err() {
            self.question = Question::of(self.question.preset);
        }
        let map = &self.shown.map;
        let is_unit = |value: f32| (0.0..=1.0).contains(&value);
        let numbers_are_sound = self.shown.look.center.iter().all(|part| part.is_finite() && part.abs() < 100.0)
            && (1e-3..=1e3).contains(&self.shown.look.zoom)
            && self.shown.look.quarter_turns < 4
            && is_unit(self.shown.contour_level)
            && is_unit(map.opacity.at(1.0))
            && map.threshold.is_finite()
            && map.range.iter().all(|end| end.is_finite());
        let tone_is_sound = match &self.shown.tone {
            ToneChoice::Custom { center, width } => center.is_finite() && width.is_finite() && *width > 0.0,
            _ => true,
        };
        if !numbers_are_sound || !tone_is_sound {
            self.shown = Shown::default();
        }
        let sizes = PhantomSpec::SIZES_PX;
        let is_sound = |case: &SavedCase| !matches!(case, SavedCase::Phantom(spec) if !sizes.contains(&spec.size_px));
        self.cases.retain(is_sound);
        self.current = self.current.filter(is_sound);
        self
    }
}

fn saved_case(source: &CaseSource) -> Option<SavedCase> {
    Some(match source {
        CaseSource::File(path) => SavedCase::File(path.to_str().is_some().then(|| path.clone())?),
        CaseSource::Phantom(spec) => SavedCase::Phantom(*spec),
        CaseSource::Cohort { cohort, index } => SavedCase::OfCohort { cohort: text(cohort)?, index: *index },
    })
}

/// The text that opens a cohort again.
fn text(cohort: &Cohort) -> Option<String> {
    let is_text = cohort.spec().folder().is_none_or(|folder| folder.to_str().is_some());
    is_text.then(|| cohort.spec().to_string())
}

fn saved_list(list: &StudyList) -> (Vec<SavedCase>, Vec<SavedCohort>) {
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

impl Workbench {
    /// Opens what the last session had open, and says whether there was anything. Files that are gone are left out with
    /// a note; cohorts and models come in the background.
    pub(super) fn restore(&mut self) -> bool {
        let Some(home) = self.home.clone() else { return false };
        let session = match keeper::read::<Session>(&home, keeper::SESSION) {
            Found::Value(session) => session.sound(),
            Found::Nothing => return false,
            Found::Unreadable(note) => {
                self.services.jobs.tell_failure("Open the last session", note);
                return false;
            }
        };
        self.show_session(&session);
        if session.is_empty() {
            return false;
        }
        let mut known = HashSet::new();
        let mut files = Vec::new();
        for case in session.cases {
            if !known.insert(case.clone()) {
                continue;
            }
            match case {
                SavedCase::File(path) => {
                    let id = self.state.list.add(CaseSource::File(path.clone()), &Arc::from(""));
                    files.push((id, path));
                }
                SavedCase::Phantom(spec) => {
                    self.state.list.add(CaseSource::Phantom(spec), &format!("phantom:{}", spec.seed).into());
                }
                SavedCase::OfCohort { .. } => {}
            }
        }
        self.state.list.refresh();
        self.restoring = Restoring {
            cohorts: session.cohorts.clone(),
            models: session.models.clone(),
            asked: session.asked,
            current: session.current,
            compared: session.compared,
        };
        self.find_again();
        if self.state.list.current.is_none() && self.restoring.cohorts.is_empty() {
            self.select_first();
        }
        self.services.open_session(files, session.models);
        for cohort in session.cohorts {
            self.services.restore_cohort(cohort);
        }
        true
    }

    fn show_session(&mut self, session: &Session) {
        let state = &mut self.state;
        (state.view, state.shown, state.question) = (session.view, session.shown.clone(), session.question.clone());
        (state.compare.mode, state.compare.links) = (session.compare_mode, session.links);
        (state.has_study_list, state.has_inspector) = (session.has_study_list, session.has_inspector);
        (state.list.filter, state.list.sort) = (session.filter, session.sort);
        state.list.split = session.split.as_deref().and_then(Split::of_name);
    }

    /// Takes what came of the last session.
    pub(super) fn take_session(&mut self, missing: &HashSet<EntryId>, models: Vec<Arc<OpenModel>>) {
        if !missing.is_empty() {
            self.state.list.remove_all(missing);
            self.state.compare.entries.retain(|entry| !missing.contains(entry));
        }
        for model in models {
            let is_open = self.state.models.iter().any(|known| known.source == model.source);
            if !is_open {
                self.state.models.push(model);
            }
        }
        self.restoring.models.clear();
        if let Some(asked) = self.restoring.asked.take()
            && let Some(position) = self.state.models.iter().position(|model| model.source == asked)
        {
            self.state.model = position;
        }
        self.find_again();
        if self.state.list.current.is_none() && self.restoring.cohorts.is_empty() {
            self.select_first();
        }
    }

    /// Takes a cohort of the last session, or that it is gone.
    pub(super) fn take_cohort(&mut self, saved: &SavedCohort, cohort: Option<&Arc<Cohort>>) {
        self.restoring.cohorts.retain(|waiting| waiting != saved);
        if let Some(cohort) = cohort {
            let first = self.state.list.add_cohort(cohort);
            // Positions mean the same cases only where nothing was added or taken away.
            if let Some(first) = first.filter(|_| cohort.cases().len() == saved.cases) {
                let without = saved.without.iter().filter(|index| **index < saved.cases);
                let without: HashSet<EntryId> = without.map(|index| EntryId(first.0 + *index as u64)).collect();
                if !without.is_empty() {
                    self.state.list.remove_all(&without);
                }
            }
        }
        self.find_again();
        if self.state.list.current.is_none() && self.restoring.cohorts.is_empty() {
            self.select_first();
        }
    }

    fn select_first(&mut self) {
        if let Some(first) = self.state.list.listed().first().copied() {
            self.select(first);
        }
    }

    /// Finds cases of the last session that are there by now.
    fn find_again(&mut self) {
        let current = self.restoring.current.clone();
        if let Some(found) = current.and_then(|case| self.find(&case)) {
            self.restoring.current = None;
            // Whoever chose another case meanwhile keeps it.
            if self.state.list.current.is_none() {
                self.select(found);
            }
        }
        for case in std::mem::take(&mut self.restoring.compared) {
            match self.find(&case) {
                Some(found) if !self.state.compare.entries.contains(&found) => self.state.compare.entries.push(found),
                Some(_) => {}
                None if self.restoring.cohorts.is_empty() => {}
                None => self.restoring.compared.push(case),
            }
        }
    }

    fn find(&self, case: &SavedCase) -> Option<EntryId> {
        let is_same = |source: &CaseSource| match (source, case) {
            (CaseSource::File(path), SavedCase::File(wanted)) => path == wanted,
            (CaseSource::Phantom(spec), SavedCase::Phantom(wanted)) => spec == wanted,
            (CaseSource::Cohort { cohort, index }, SavedCase::OfCohort { cohort: wanted, index: at }) => {
                index == at && text(cohort).as_ref() == Some(wanted)
            }
            _ => false,
        };
        self.state.list.entries().iter().find(|entry| is_same(&entry.source)).map(|entry| entry.id)
    }

    /// Writes session and settings now, before the window is gone.
    pub(super) fn save(&mut self) {
        if let Some(home) = &self.home {
            let session = Session::of(&self.state, &self.restoring);
            // Nobody is there any more to be told.
            let _ = self.keeper.save_now(home, session, kept(&self.state.settings));
        }
    }

    /// Has session and settings written a few seconds after a change.
    pub(super) fn keep(&mut self) {
        let Some(home) = self.home.clone() else { return };
        if !self.keeper.is_due(&self.context) {
            return;
        }
        let session = Session::of(&self.state, &self.restoring);
        let settings = kept(&self.state.settings);
        self.keeper.save_later(&self.services.jobs, home, session, settings);
    }
}

/// The settings without paths that a text file cannot hold.
fn kept(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.recent_models.retain(|model| !matches!(model, ModelSource::File(path) if path.to_str().is_none()));
    settings.recent.retain(|recent| !matches!(recent, super::settings::Recent::Path(path) if path.to_str().is_none()));
    settings
}

impl super::services::Services {
    /// Opens the models of the last session and looks for its files.
    fn open_session(&self, files: Vec<(EntryId, PathBuf)>, sources: Vec<ModelSource>) {
        use crate::job::{Ending, Lane, Start};
        let post = self.post();
        let start = Start { name: "Open the last session".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| {
            let total = sources.len() + 1;
            let (mut models, mut problems) = (Vec::new(), Vec::new());
            for (done, source) in sources.into_iter().enumerate() {
                if watch.is_cancelled() {
                    break;
                }
                let title = source.title();
                match OpenModel::open(source) {
                    Ok(model) => models.push(Arc::new(model)),
                    Err(error) => problems.push(format!("the model {title} was left out: {error}")),
                }
                watch.advance(done + 1, total);
            }
            let missing = files.into_iter().filter(|(_, path)| !path.exists()).map(|(id, _)| id);
            let missing: HashSet<EntryId> = missing.collect();
            match missing.len() {
                0 => {}
                1 => problems.insert(0, "a file is gone and was left out".to_owned()),
                gone => problems.insert(0, format!("{gone} files are gone and were left out")),
            }
            post.send(Message::SessionOpened { missing, models });
            if problems.is_empty() { Ending::Done(None) } else { Ending::Failed(problems.join("; ")) }
        });
    }

    /// Opens a cohort of the last session.
    fn restore_cohort(&self, saved: SavedCohort) {
        use crate::job::{Ending, Lane, Start};
        let post = self.post();
        let start = Start { name: "Open a cohort again".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| match super::opening::open_cohort(&saved.text, watch) {
            Ok(cohort) => {
                post.send(Message::CohortRestored(saved, Some(Arc::new(cohort))));
                Ending::Done(None)
            }
            Err(ending) => {
                post.send(Message::CohortRestored(saved, None));
                ending
            }
        });
    }
}
