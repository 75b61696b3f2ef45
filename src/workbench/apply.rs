//! What becomes of wishes of views, and of what background work found.

use std::sync::Arc;
use std::time::Instant;

use super::action::Action;
use super::app::Workbench;
use super::command::Command;
use super::convert_form::ConvertForm;
use super::list::EntryId;
use super::look::Look;
use super::opening::{Opened, cohort_text};
use super::services::Message;
use super::settings::{Recent, Settings, Theme};
use super::shelf::Shelved;
use super::shown::{Shown, ToneChoice};
use super::state::{CompareMode, PathField, PathPurpose, State, View};
use crate::display::{ColourMap, Opacity, Orientation, WindowPreset};
use crate::reading::{CaseSource, ModelSource, OpenModel};
use crate::saliency::Method;

/// How much a key changes the opacity.
const OPACITY_STEP: f32 = 0.1;

/// How much a key enlarges.
const ZOOM_STEP: f64 = 1.25;

impl Workbench {
    /// Carries out one wish.
    pub fn apply(&mut self, action: Action) {
        if action.is_kept() {
            self.keeper.touch();
        }
        match action {
            Action::Run(command) => self.run(command),
            Action::OpenPaths(paths) => {
                if !paths.is_empty() {
                    self.services.open_paths(paths);
                }
            }
            Action::OpenCohort(text) => self.services.open_cohort(text),
            Action::OpenModel(source) => self.open_model(source),
            Action::Convert(form) => self.convert(*form),
            Action::CloseModel(position) => self.close_model(position),
            Action::Select(entry) => self.select(entry),
            Action::Remove(entry) => self.remove(entry),
            Action::ToggleCompared(entry) => {
                let entries = &mut self.state.compare.entries;
                if entries.contains(&entry) {
                    entries.retain(|other| *other != entry);
                } else {
                    entries.push(entry);
                }
            }
            Action::FilterList { search, filter, split, sort } => {
                let list = &mut self.state.list;
                (list.search, list.filter, list.split, list.sort) = (search, filter, split, sort);
                list.refresh();
            }
            Action::SearchFocused => self.state.focus_search = false,
            Action::AskModel(position) => {
                if position < self.state.models.len() {
                    self.state.model = position;
                }
            }
            Action::ShowMethod(method) => self.change(|shown| shown.method = method),
            Action::Ask(question) => self.state.question = question,
            Action::Show(shown) => self.change(|now| *now = *shown),
            Action::ShowTile(tile, shown) => self.show_tile(tile, &shown),
            Action::SetView(view) => self.state.view = view,
            Action::SetCompareMode(mode) => {
                let compare = &mut self.state.compare;
                compare.mode = mode;
                (compare.pair, compare.maximised) = ([None; 2], None);
                compare.own.clear();
            }
            Action::SetLinks(links) => {
                // What is no longer shared begins as it was shared, not as it was once before.
                let tiles: Vec<usize> = self.state.compare.own.keys().copied().collect();
                for tile in tiles {
                    let shown = self.state.tile_shown(tile);
                    self.state.compare.own.insert(tile, shown);
                }
                self.state.compare.links = links;
            }
            Action::ChooseTile(tile) => {
                let pair = &mut self.state.compare.pair;
                *pair = match *pair {
                    [a, b] if a == Some(tile) => [b, None],
                    [a, b] if b == Some(tile) => [a, None],
                    [None, b] => [Some(tile), b],
                    [a, _] => [a, Some(tile)],
                };
            }
            Action::Maximise(tile) => self.state.compare.maximised = tile,
            Action::SetDialogs(dialogs) => self.state.dialogs = *dialogs,
            Action::AskPath(purpose) => self.services.ask_path(purpose),
            Action::Export => self.export(),
            Action::AskTarget => self.services.ask_target(self.state.dialogs.export_form.path()),
            Action::SetCursor(cursor) => self.state.cursor = cursor,
            Action::SetMeasurement(measurement) => self.state.measurement = measurement,
            Action::SetPeeking(is_peeking) => self.state.tools.is_peeking = is_peeking,
            Action::Bench(wish) => self.bench(*wish),
            Action::SetPlayer(player) => self.state.player = *player,
            Action::Scrub(position) => {
                let last = self.last_state();
                self.state.player.scrub(position, last);
            }
            Action::ComputeCascade => self.compute_cascade(),
            Action::CancelCascade => self.cancel_cascade(),
            Action::WriteCascade(folder) => self.write_cascade(folder),
            Action::SetSettings(settings) => self.set_settings(*settings),
            Action::SayTrainedOnPatients(sha256, is_patients) => {
                self.state.settings.answers.say_trained_on_patients(&sha256, is_patients);
                self.stop_what_is_held_back();
            }
            Action::SayScalingIsRight(sha256) => self.state.settings.answers.say_scaling_is_right(&sha256),
            Action::CancelJob(job) => self.services.explainer.cancel_job(job),
            Action::ForgetJobs => self.services.jobs.forget_over(),
            Action::CloseNow => {
                self.state.may_close = true;
                self.services.jobs.cancel_all();
                self.close();
            }
        }
        self.state.follow_current();
    }

    /// Takes what background work found.
    pub fn receive(&mut self, message: Message) {
        self.remember(&message);
        match message {
            Message::CaseRead { entry, result } => match result {
                Ok(case) => self.shelve(entry, case),
                Err(reason) => {
                    if let Some(entry) = self.state.list.entry_mut(entry) {
                        entry.problem = Some(reason.as_str().into());
                    }
                    self.services.shelf.fail(entry, reason);
                }
            },
            Message::Opened(Opened::Case(source, case)) => {
                let entry = self.state.list.add(source, &Arc::from(""));
                self.state.list.refresh();
                let is_shown = case.is_some() || self.state.list.current.is_none();
                if let Some(case) = case {
                    self.shelve(entry, case);
                }
                if is_shown {
                    self.select(entry);
                }
            }
            Message::Opened(Opened::Path(_)) => {}
            Message::Opened(Opened::Cohort(cohort)) | Message::CohortOpened(cohort) => {
                if let Some(first) = self.state.list.add_cohort(&cohort) {
                    self.select(first);
                }
                self.show_wanted_case();
            }
            Message::Opened(Opened::Model(model)) => self.add_model(model, true),
            Message::Opened(Opened::Foreign(path, foreign)) => {
                self.state.dialogs.convert = Some(Box::new(ConvertForm::new(path, foreign)));
            }
            Message::ModelOpened { model, is_asked } => self.add_model(model, is_asked),
            Message::ThumbnailMade(entry, made) => {
                self.services.thumbnails.get_mut().put(&self.context, entry, made.as_ref());
            }
            Message::SessionOpened { missing, models, tried } => self.take_session(&missing, models, &tried),
            Message::CohortRestored(saved, cohort) => self.take_cohort(&saved, cohort.as_ref()),
            Message::Chosen(purpose, paths) => self.take_paths(purpose, paths),
            Message::TargetChosen(target) => {
                let form = &mut self.state.dialogs.export_form;
                match target {
                    Some(target) => {
                        form.target = target.to_string_lossy().into_owned();
                        form.follow_target();
                        form.job = None;
                    }
                    None => form.has_no_dialog = true,
                }
            }
            Message::NoDialog(purpose) => {
                self.state.dialogs.path = Some(PathField { purpose, text: String::new() });
            }
            Message::Benchmark(news) => self.hear_benchmark(news),
            Message::Predicted { entry, model, probability, is_phantom } => {
                if let Some(entry) = self.state.list.entry_mut(entry) {
                    entry.is_phantom = Some(is_phantom);
                    entry.prediction = Some((model, probability));
                }
                self.list_changed |= self.state.list.hangs_on_predictions();
            }
        }
        self.state.follow_current();
    }

    /// Remembers what was opened, for the menu and for the next session.
    fn remember(&mut self, message: &Message) {
        let settings = &mut self.state.settings;
        match message {
            Message::Opened(Opened::Path(path)) => {
                settings.remember(Recent::Path(path.clone()));
            }
            Message::Opened(Opened::Cohort(cohort)) | Message::CohortOpened(cohort) => {
                settings.remember(Recent::Cohort(cohort_text(cohort)));
            }
            Message::Opened(Opened::Case(..) | Opened::Model(_) | Opened::Foreign(..))
            | Message::ModelOpened { .. }
            | Message::SessionOpened { .. }
            | Message::CohortRestored(..) => {}
            _ => return,
        }
        self.keeper.touch();
    }

    /// Notes what the model said of the case that is shown, so that filter and order know it.
    pub(super) fn note_prediction(&mut self) {
        let state = &mut self.state;
        let Some(model) = state.models.get(state.model).cloned() else { return };
        let Some(entry) = state.list.current.and_then(|current| state.list.entry_mut(current)) else { return };
        let is_known = entry.prediction.as_ref().is_some_and(|(asked, _)| **asked == *model.identity());
        let is_phantom = entry.is_phantom.unwrap_or(false);
        let Some(content) = entry.content.clone().filter(|_| !is_known) else { return };
        if state.is_held_back(&model, is_phantom) {
            return;
        }
        if let Some(prediction) = self.services.explainer.prediction(&content, model.identity()) {
            let Some(probability) = prediction.probability(model.listed_class(&prediction)) else { return };
            let Some(entry) = state.list.current.and_then(|current| state.list.entry_mut(current)) else { return };
            entry.prediction = Some((model.identity().into(), probability as f32));
            self.list_changed |= state.list.hangs_on_predictions();
        }
    }

    /// Opens what was chosen or typed for a purpose.
    pub fn take_paths(&mut self, purpose: PathPurpose, paths: Vec<std::path::PathBuf>) {
        match purpose {
            PathPurpose::Images | PathPurpose::Folder | PathPurpose::Cohort => {
                self.apply(Action::OpenPaths(paths));
            }
            PathPurpose::BenchmarkFolder | PathPurpose::BenchmarkOpen => {
                for path in paths {
                    self.take_benchmark_path(purpose, path);
                }
            }
            PathPurpose::CascadeExport => paths.into_iter().for_each(|folder| self.write_cascade(folder)),
            PathPurpose::Model => {
                for path in paths {
                    self.open_model(ModelSource::File(path));
                }
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a command reads as the table it is")]
    fn run(&mut self, command: Command) {
        let state = &mut self.state;
        match command {
            Command::OpenFiles => self.services.ask_path(PathPurpose::Images),
            Command::OpenFolder => self.services.ask_path(PathPurpose::Folder),
            Command::OpenModel => self.services.ask_path(PathPurpose::Model),
            Command::OpenCohort => {
                state.dialogs.path = Some(PathField { purpose: PathPurpose::Cohort, text: String::new() });
            }
            Command::OpenDemo => self.open_demo(),
            Command::ExportFigure | Command::ExportMaps | Command::ExportDicom => self.open_export(command),
            Command::Settings => state.dialogs.settings = !state.dialogs.settings,
            Command::Quit => self.close(),
            Command::Undo => {
                if let Some(before) = state.undo.undo(&state.step()) {
                    state.go_to(before);
                }
            }
            Command::Redo => {
                if let Some(after) = state.undo.redo(&state.step()) {
                    state.go_to(after);
                }
            }
            Command::ShowCase => state.view = View::Case,
            Command::ShowCompare => state.view = View::Compare,
            Command::ShowCascade => state.view = View::Cascade,
            Command::ShowBenchmark => state.view = View::Benchmark,
            Command::ToggleStudyList => state.has_study_list = !state.has_study_list,
            Command::ToggleInspector => state.has_inspector = !state.has_inspector,
            Command::SwitchTheme => {
                let is_dark = self.context.global_style().visuals.dark_mode;
                state.settings.theme = if is_dark { Theme::Light } else { Theme::Dark };
            }
            Command::FullScreen => self.toggle_full_screen(),
            Command::Palette => {
                let dialogs = &mut state.dialogs;
                dialogs.palette = if dialogs.palette.is_some() { None } else { Some(String::new()) };
            }
            Command::Shortcuts => state.dialogs.shortcuts = !state.dialogs.shortcuts,
            Command::NextCase => self.step_case(1),
            Command::PreviousCase => self.step_case(-1),
            Command::FindCase => {
                state.has_study_list = true;
                state.focus_search = true;
            }
            Command::RemoveCase => {
                if let Some(current) = state.list.current {
                    self.remove(current);
                }
            }
            Command::PredictAll => self.predict_listed(),
            Command::NextMethod => self.step_method(1),
            Command::PreviousMethod => self.step_method(-1),
            Command::NextModel => self.step_model(1),
            Command::PreviousModel => self.step_model(-1),
            Command::ToggleMap => self.change(|shown| shown.map.visible = !shown.map.visible),
            Command::MoreOpacity => self.change(|shown| change_opacity(shown, OPACITY_STEP)),
            Command::LessOpacity => self.change(|shown| change_opacity(shown, -OPACITY_STEP)),
            Command::ToggleContour => self.change(|shown| shown.has_contour = !shown.has_contour),
            Command::NextColourMap => self.change(|shown| {
                let all = ColourMap::ALL;
                let here = all.iter().position(|map| *map == shown.map.colour_map).unwrap_or(0);
                shown.map.colour_map = all[(here + 1) % all.len()];
            }),
            Command::ExplainAgain => self.asked = None,
            Command::ExplainAnyway => self.explain_anyway(),
            Command::CancelWork => self.cancel_newest(),
            Command::MethodCard => {
                let card = &mut state.dialogs.method_card;
                *card = if card.is_some() { None } else { Some(state.shown.method) };
            }
            Command::Invert => self.reorient(Orientation::inverted),
            Command::ResetView => {
                self.change(|shown| {
                    let orientation = shown.orientation();
                    (shown.look, shown.tone) = (Look::default(), ToneChoice::AsStored);
                    shown.set_orientation(orientation);
                });
                self.reorient(|_| Orientation::default());
            }
            Command::Fit => self.change(|shown| {
                shown.look.zoom = 1.0;
                shown.look.center = [0.5, 0.5];
            }),
            Command::OneToOne => {
                if let Some(stage) = self.stage {
                    self.change(|shown| shown.look = shown.look.one_to_one(&stage));
                }
            }
            Command::ZoomIn => self.zoom(ZOOM_STEP),
            Command::ZoomOut => self.zoom(1.0 / ZOOM_STEP),
            Command::RotateRight => self.reorient(|orientation| orientation.turned(1)),
            Command::RotateLeft => self.reorient(|orientation| orientation.turned(-1)),
            Command::Flip => self.reorient(Orientation::mirrored),
            Command::WindowAuto => self.change(|shown| shown.tone = ToneChoice::AsStored),
            Command::WindowFull => self.preset(WindowPreset::Full),
            Command::WindowStandard => self.preset(WindowPreset::Standard),
            Command::WindowLungs => self.preset(WindowPreset::Lungs),
            Command::WindowMediastinum => self.preset(WindowPreset::Mediastinum),
            Command::WindowBone => self.preset(WindowPreset::Bone),
            Command::Smooth => self.change(|shown| shown.is_smooth = !shown.is_smooth),
            Command::Magnifier => state.tools.magnifier = !state.tools.magnifier,
            Command::Measure => {
                state.tools.measure = !state.tools.measure;
                state.measurement = None;
            }
            Command::Crosshair => state.tools.crosshair = !state.tools.crosshair,
            Command::ToggleTruth => self.change(|shown| shown.has_truth = !shown.has_truth),
            Command::ToggleOverlays => self.change(|shown| shown.has_overlays = !shown.has_overlays),
            Command::ToggleCornerText => self.change(|shown| shown.has_corner_text = !shown.has_corner_text),
            Command::ToggleIdentity => self.change(|shown| shown.has_identity = !shown.has_identity),
            Command::PlayPause | Command::NextState | Command::PreviousState => self.run_player(command),
        }
    }

    /// Changes how the case is shown, in a way that can be undone.
    pub fn change(&mut self, change: impl FnOnce(&mut Shown)) {
        self.step_by(|state| change(&mut state.shown));
    }

    /// Changes what undo takes back.
    fn step_by(&mut self, change: impl FnOnce(&mut State)) {
        self.state.follow_current();
        let before = self.state.step();
        change(&mut self.state);
        if self.state.step() != before {
            self.state.undo.note(&before, Instant::now());
        }
    }

    /// Turns, mirrors or inverts the image under the pointer where images are compared, else the current one; no other.
    fn reorient(&mut self, change: impl FnOnce(Orientation) -> Orientation) {
        let state = &self.state;
        let is_of_images = state.view == View::Compare && state.compare.mode == CompareMode::Images;
        let pointed = self.services.on_screen.get().pointed.filter(|_| is_of_images);
        let pointed = pointed.filter(|entry| state.list.entry(*entry).is_some());
        let target = pointed.or(state.list.current);
        self.step_by(|state| match target {
            Some(entry) => state.set_orientation(entry, change(state.orientation(entry))),
            None => state.shown.set_orientation(change(state.shown.orientation())),
        });
    }

    /// Shows a tile so, and with it what tiles share. Turn, mirroring and inversion are those of its image alone.
    fn show_tile(&mut self, tile: usize, shown: &Shown) {
        self.step_by(|state| {
            state.compare.own.insert(tile, shown.clone());
            let (links, current) = (state.compare.links, state.shown.orientation());
            take_linked(&mut state.shown, shown, links);
            state.shown.set_orientation(current);
            if let Some(entry) = state.tile_entry(tile) {
                state.set_orientation(entry, shown.orientation());
            }
        });
    }

    /// Shows a case, which is read where it is not in memory.
    pub fn select(&mut self, entry: EntryId) {
        let Some(source) = self.state.list.entry(entry).map(|entry| entry.source.clone()) else { return };
        if self.state.list.current != Some(entry) {
            // A window of one's own belongs to the image that it was made on.
            if matches!(self.state.shown.tone, ToneChoice::Custom { .. }) {
                self.state.shown.tone = ToneChoice::AsStored;
            }
            self.state.measurement = None;
        }
        self.state.list.current = Some(entry);
        self.state.follow_current();
        self.need(entry, &source);
    }

    /// Has a case read where it is not in memory.
    pub fn need(&mut self, entry: EntryId, source: &CaseSource) {
        match self.services.shelf.look(entry) {
            Shelved::Absent => self.services.read_case(entry, source),
            Shelved::Ready(_) => self.services.shelf.touch(entry),
            Shelved::Reading | Shelved::Failed(_) => {}
        }
    }

    pub(super) fn shelve(&mut self, entry: EntryId, case: Arc<crate::reading::OpenCase>) {
        if let Some(entry) = self.state.list.entry_mut(entry) {
            entry.content = Some(case.content.as_str().into());
            entry.is_phantom = Some(case.is_phantom());
            entry.problem = None;
            if entry.label.is_none() {
                entry.label = case.label;
            }
        }
        self.services.shelf.put(entry, case);
    }

    fn remove(&mut self, entry: EntryId) {
        self.services.shelf.forget(entry);
        self.state.compare.entries.retain(|other| *other != entry);
        let was_current = self.state.list.current == Some(entry);
        self.state.list.remove(entry);
        if let Some(next) = self.state.list.current.filter(|_| was_current) {
            self.select(next);
        }
    }

    fn open_model(&mut self, source: ModelSource) {
        // A file is read again: its card may have been changed, or it was converted anew.
        match (self.state.models.iter().position(|model| model.source == source), &source) {
            (Some(position), ModelSource::Demo(_)) => self.state.model = position,
            _ => self.services.open_model(source, true),
        }
    }

    fn add_model(&mut self, model: Arc<OpenModel>, is_asked: bool) {
        let models = &mut self.state.models;
        let same = |known: &Arc<OpenModel>| known.identity() == model.identity() && known.title == model.title;
        let position = if let Some(known) = models.iter().position(same) {
            known
        } else if let Some(former) = models.iter().position(|known| known.source == model.source) {
            models[former] = model;
            former
        } else {
            self.state.settings.remember_model(&model.source);
            models.push(model);
            models.len() - 1
        };
        if is_asked {
            self.state.model = position;
        }
    }

    fn convert(&mut self, mut form: ConvertForm) {
        if let Some((path, statements)) = form.path().zip(form.statements().ok()) {
            form.job = Some(self.services.convert(form.source.clone(), Arc::clone(&form.foreign), statements, path));
        } // Else the dialog says what is missing.
        self.state.dialogs.convert = Some(Box::new(form));
    }

    fn close_model(&mut self, position: usize) {
        let state = &mut self.state;
        if position < state.models.len() {
            state.models.remove(position);
            if state.model > position || state.model >= state.models.len() {
                state.model = state.model.saturating_sub(1);
            }
            state.compare.own.clear();
        }
    }

    fn set_settings(&mut self, settings: Settings) {
        self.state.settings = settings;
        if self.services.runtime.choose(self.state.settings.runtime_options()) {
            self.services.start_runtime();
        }
    }

    fn step_case(&mut self, step: isize) {
        if let Some(entry) = self.state.list.neighbour(step) {
            self.select(entry);
        }
    }

    fn step_method(&mut self, step: isize) {
        // Those beyond the study are computed where they are chosen, and stepped over.
        let all = Method::STUDY;
        let here = all.iter().position(|method| *method == self.state.shown.method);
        let before_all = if step > 0 { all.len() - 1 } else { 0 };
        let next = all[stepped(here.unwrap_or(before_all), step, all.len())];
        self.change(|shown| shown.method = next);
    }

    fn step_model(&mut self, step: isize) {
        let count = self.state.models.len();
        if count > 0 {
            self.state.model = stepped(self.state.model, step, count);
        }
    }

    fn preset(&mut self, preset: WindowPreset) {
        self.change(|shown| shown.tone = ToneChoice::Preset(preset));
    }

    fn zoom(&mut self, factor: f64) {
        if let Some(stage) = self.stage {
            let middle = stage.tile_px.map(|side| f64::from(side) / 2.0);
            self.change(|shown| shown.look = shown.look.zoomed(factor, middle, &stage));
        }
    }

    fn predict_listed(&mut self) {
        let Some(model) = self.state.model().cloned() else { return };
        let list = &self.state.list;
        let cases = list.listed().iter().filter_map(|id| list.entry(*id)).map(|entry| (entry.id, entry.source.clone()));
        let cases: Vec<_> = cases.collect();
        if !cases.is_empty() {
            let may_ask = |is_phantom: bool| !self.state.is_held_back(&model, is_phantom);
            self.predicting = Some(self.services.predict(&model, cases, [false, true].map(may_ask)));
        }
    }

    fn cancel_newest(&mut self) {
        let newest = self.services.jobs.reports().into_iter().rev().find(crate::job::JobReport::is_under_way);
        if let Some(job) = newest {
            self.services.explainer.cancel_job(job.id);
        }
    }
}

/// The place `step` places after `here` in a ring of `count`.
fn stepped(here: usize, step: isize, count: usize) -> usize {
    (here + count).saturating_add_signed(step) % count
}

/// Takes over what a tile shares with the others.
fn take_linked(now: &mut Shown, tile: &Shown, links: super::state::Links) {
    let before = now.clone();
    *now = tile.clone();
    now.method = before.method;
    if !links.look {
        now.look = before.look;
    }
    if !links.window {
        now.tone = before.tone;
    }
    if !links.opacity {
        now.map.opacity = before.map.opacity;
        now.map.threshold = before.map.threshold;
    }
    if !links.colour_range {
        now.map.range = before.map.range;
        now.values = before.values;
    }
}

fn change_opacity(shown: &mut Shown, by: f32) {
    let change = |most: f32| (most + by).clamp(0.0, 1.0);
    shown.map.opacity = match shown.map.opacity {
        Opacity::Uniform(most) => Opacity::Uniform(change(most)),
        Opacity::ByValue(most) => Opacity::ByValue(change(most)),
    };
}

impl CompareMode {
    /// All, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Methods, Self::Models, Self::Images];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Methods => "Methods",
            Self::Models => "Models",
            Self::Images => "Images",
        }
    }
}
