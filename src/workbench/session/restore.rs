//! What was open comes back, piece by piece.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use super::cases::{SavedCase, SavedCohort, SavedOrientation, find};
use crate::cohort::{Cohort, Split};
use crate::job::{Ending, Lane, Start, Told};
use crate::reading::{CaseSource, ModelSource, OpenModel};
use crate::watch::Watch;
use crate::workbench::app::Workbench;
use crate::workbench::keeper::{self, Found, within};
use crate::workbench::list::EntryId;
use crate::workbench::opening;
use crate::workbench::services::{Message, Services};

/// How long a file of the last session may take to answer before those behind it come first.
const ANSWER: Duration = Duration::from_secs(10);

/// What of the last session is still on its way. It is saved again until it is there or known to be gone.
#[derive(Debug, Default)]
pub struct Restoring {
    pub(super) cohorts: Vec<SavedCohort>,
    pub(super) models: Vec<ModelSource>,
    pub(super) asked: Option<ModelSource>,
    pub(super) current: Option<SavedCase>,
    pub(super) compared: Vec<SavedCase>,
    pub(super) orientations: Vec<SavedOrientation>,
}

impl Workbench {
    /// Opens what the last session had open, and says whether there was anything. Files that are gone are left out with
    /// a note; cohorts and models come in the background.
    pub(in crate::workbench) fn restore(&mut self) -> bool {
        let Some(home) = self.home.clone() else { return false };
        let session = match keeper::read::<Session>(&home, keeper::SESSION) {
            Found::Value(session) => session.sound(),
            Found::Part(session, note) => {
                self.services.jobs.tell_failure("Open the last session", note);
                session.sound()
            }
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
                SavedCase::Entry(entry) => {
                    let archive = entry.archive.clone();
                    let id = self.state.list.add(CaseSource::Entry(entry), &Arc::from(""));
                    files.push((id, archive));
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
            orientations: session.orientations.unwrap_or_default(),
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
        session.player.restore(&mut state.player);
        state.list.split = session.split.as_deref().and_then(Split::of_name);
    }

    /// Takes what came of the last session.
    pub(in crate::workbench) fn take_session(
        &mut self,
        missing: &HashSet<EntryId>,
        models: Vec<Arc<OpenModel>>,
        tried: &[ModelSource],
    ) {
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
        self.restoring.models.retain(|model| !tried.contains(model));
        if let Some(asked) = self.restoring.asked.clone().filter(|asked| tried.contains(asked)) {
            self.restoring.asked = None;
            let position = self.state.models.iter().position(|model| model.source == asked);
            self.state.model = position.unwrap_or(self.state.model);
        }
        self.find_again();
        if self.state.list.current.is_none() && self.restoring.cohorts.is_empty() {
            self.select_first();
        }
    }

    /// Takes a cohort of the last session, or that it is gone.
    pub(in crate::workbench) fn take_cohort(&mut self, saved: &SavedCohort, cohort: Option<&Arc<Cohort>>) {
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
        // Before any of them is shown.
        for saved in std::mem::take(&mut self.restoring.orientations) {
            match find(&self.state.list, &saved.case) {
                // Whoever turned it meanwhile keeps that.
                Some(found) if self.state.orientation(found).is_own() => {
                    self.state.set_orientation(found, saved.orientation);
                }
                Some(_) => {}
                None if self.restoring.cohorts.is_empty() => {}
                None => self.restoring.orientations.push(saved),
            }
        }
        let current = self.restoring.current.clone();
        if let Some(found) = current.and_then(|case| find(&self.state.list, &case)) {
            self.restoring.current = None;
            // Whoever chose another case meanwhile keeps it.
            if self.state.list.current.is_none() {
                self.select(found);
            }
        }
        for case in std::mem::take(&mut self.restoring.compared) {
            match find(&self.state.list, &case) {
                Some(found) if !self.state.compare.entries.contains(&found) => self.state.compare.entries.push(found),
                Some(_) => {}
                None if self.restoring.cohorts.is_empty() => {}
                None => self.restoring.compared.push(case),
            }
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl Services {
    /// Opens the models of the last session and looks for its files.
    fn open_session(&self, files: Vec<(EntryId, PathBuf)>, sources: Vec<ModelSource>) {
        let post = self.post();
        let start = Start { name: "Open the last session".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| {
            let total = sources.len() + 1;
            let (mut problems, mut names) = (Vec::new(), Vec::new());
            let arrived = |missing, model: Option<OpenModel>, tried| Message::SessionOpened {
                missing,
                models: model.into_iter().map(Arc::new).collect(),
                tried,
            };
            for (done, source) in sources.into_iter().enumerate() {
                if watch.is_cancelled() {
                    break;
                }
                let title = source.title();
                let later = post.clone();
                // One that answers late comes late; those behind it do not wait.
                let opened = within(ANSWER, move || match OpenModel::open(source.clone()) {
                    Ok(model) => {
                        later.send(arrived(HashSet::new(), Some(model), vec![source]));
                        None
                    }
                    Err(error) => {
                        later.send(arrived(HashSet::new(), None, vec![source]));
                        Some(error.without_path())
                    }
                });
                let problem = match opened {
                    Some(None) => None,
                    Some(Some(words)) => Some(format!("a model was left out: {words}")),
                    None => Some(
                        "a model does not answer yet and comes once it does; look after its disk or share".to_owned(),
                    ),
                };
                if let Some(problem) = problem {
                    problems.push(problem);
                    names.push(title);
                }
                watch.progress(done + 1, total);
            }
            let later = post.clone();
            let gone = within(ANSWER, move || {
                // One on a share that does not answer is not gone.
                let is_gone = |path: &Path| path.metadata().is_err_and(|error| is_absent(&error));
                let missing = files.into_iter().filter(|(_, path)| is_gone(path)).map(|(id, _)| id);
                let missing: HashSet<EntryId> = missing.collect();
                let gone = missing.len();
                later.send(arrived(missing, None, Vec::new()));
                gone
            });
            match gone {
                Some(0) => {}
                Some(1) => problems.insert(0, "a file is gone and was left out".to_owned()),
                Some(gone) => problems.insert(0, format!("{gone} files are gone and were left out")),
                None => problems.insert(0, "a disk or share of the files does not answer yet".to_owned()),
            }
            if problems.is_empty() {
                return Ending::Done(None);
            }
            let told = Told::of(problems.join("; "), None);
            watch.failed(if names.is_empty() { told } else { told.named(names.join(", ")) })
        });
    }

    /// Opens a cohort of the last session.
    fn restore_cohort(&self, saved: SavedCohort) {
        let post = self.post();
        let start = Start { name: "Open a cohort again".to_owned(), lane: Lane::Open, urgent: false, listed: true };
        self.jobs.start(start, move |watch| match opening::open_cohort(&saved.text, watch) {
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
