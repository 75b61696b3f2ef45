//! What the window remembers from one session to the next: what was open, and how it was shown.

mod cases;
mod lenient;
mod player;
mod restore;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::app::Workbench;
use super::keeper::{self, Found};
use super::list::{EntryId, LabelFilter, SortBy};
use super::settings::{Recent, Settings};
use super::shown::{Shown, ToneChoice};
use super::state::{CompareMode, Links, State, View};
use crate::phantom::PhantomSpec;
use crate::reading::{ModelSource, Question};
use crate::saliency::{Method, Preset};
pub use cases::{SavedCase, SavedCohort, SavedOrientation};
use cases::{saved_case, saved_list};
use lenient::{lenient, lenient_list};
pub use player::SavedPlayer;
pub use restore::Restoring;

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
    /// How cases were shown; turned, mirrored and inverted is each by itself.
    pub shown: Shown,
    /// The cases that were not as their files want. Nothing in sessions of earlier programs, which had one turn, mirroring
    /// and inversion for all images, in `shown`: that becomes the own of the case that was shown, which is the one it was
    /// chosen on last, and no other's.
    #[serde(deserialize_with = "lenient_list")]
    pub orientations: Option<Vec<SavedOrientation>>,
    /// What was asked.
    pub question: Question,
    /// What was chosen of the cascade player.
    #[serde(deserialize_with = "lenient")]
    pub player: SavedPlayer,
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
            orientations: None,
            question: Question::of(Preset::default()),
            player: SavedPlayer::default(),
            has_study_list: true,
            has_inspector: true,
            filter: LabelFilter::default(),
            split: None,
            sort: SortBy::default(),
        }
    }
}

/// The settings in `home`, and what to say where they could not be read.
pub(super) fn settings(home: &Path) -> (Settings, Option<String>) {
    match keeper::read::<Settings>(home, keeper::SETTINGS) {
        Found::Value(settings) => (settings, None),
        Found::Part(settings, note) => (settings, Some(note)),
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
        let turned = state.all_orientations();
        let lying =
            turned.turned().filter_map(|(id, orientation)| Some(SavedOrientation { case: saved(id)?, orientation }));
        let orientations = lying.chain(restoring.orientations.iter().cloned()).collect();
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
            shown: state.shown.upright(),
            orientations: Some(orientations),
            question: state.question.clone(),
            player: SavedPlayer::of(&state.player),
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
        // A turn of a program before is the own of the case that was shown.
        let before = self.current.clone().zip(self.orientations.is_none().then(|| self.shown.orientation()));
        let own = before.map(|(case, orientation)| vec![SavedOrientation { case, orientation }]);
        let mut orientations = self.orientations.or(own).unwrap_or_default();
        orientations.retain(|saved| !saved.orientation.is_own() && saved.orientation.quarter_turns < 4);
        (self.orientations, self.shown) = (Some(orientations), self.shown.upright());
        let sizes = PhantomSpec::SIZES_PX;
        let is_sound = |case: &SavedCase| !matches!(case, SavedCase::Phantom(spec) if !sizes.contains(&spec.size_px));
        self.cases.retain(is_sound);
        self.current = self.current.filter(is_sound);
        self
    }
}

impl Workbench {
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
    settings.recent.retain(|recent| !matches!(recent, Recent::Path(path) if path.to_str().is_none()));
    settings
}
