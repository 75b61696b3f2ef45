//! The window: takes messages and keys, draws the views, carries out what they ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use egui::ViewportCommand;

use super::action::{Action, Actions};
use super::command::Command;
use super::keeper::{self, Keeper};
use super::list::EntryId;
use super::look::Stage;
use super::player::{AskedCascade, AskedComparison};
use super::services::{OnScreen, Services};
use super::session::Restoring;
use super::settings::Theme;
use super::software::{SoftwarePainter, paint_window};
use super::state::{CompareMode, State, View};
use super::{
    benchmark_view, cascade_view, case_view, compare_view, dialogs, inspector, jobs_bar, menu, session, study_list,
    theme,
};
use crate::demo;
use crate::job::JobId;
use crate::network::{Devices, ThisMachine};
use crate::phantom::{Finding, PhantomSpec};
use crate::reading::{CaseSource, ChosenRuntime, ModelSource, OpenCase, Question};
use crate::saliency::Method;

/// Phantoms in the list of the demo.
const DEMO_CASES: u64 = 24;

/// What the window opens with.
#[derive(Default)]
pub struct Opening {
    /// Files, folders and models.
    pub paths: Vec<PathBuf>,
    /// Cohorts by their text.
    pub cohorts: Vec<String>,
    /// Where session and settings are kept; nowhere when `None`.
    pub home: Option<PathBuf>,
    /// The first case of the demo, where somebody made it already.
    pub first_case: Option<Receiver<OpenCase>>,
    /// GPUs in the place of those of this build and machine.
    pub devices: Option<Arc<dyn Devices>>,
}

/// What was last asked without anybody pressing a key: answers are not asked for again once they were cancelled.
#[derive(Clone, PartialEq)]
pub(super) struct Asked {
    contents: Vec<String>,
    models: Vec<String>,
    question: Question,
    methods: Vec<Method>,
}

/// The window.
pub struct Workbench {
    /// What it knows.
    pub state: State,
    /// What works in the background.
    pub services: Services,
    /// The tile that keys act on, as it was last drawn.
    pub stage: Option<Stage>,
    /// Something in the list changed that order or filter may depend on.
    pub list_changed: bool,
    pub(super) asked: Option<Asked>,
    pub(super) asked_jobs: Vec<JobId>,
    /// The latest job that asks a model about the cases of the list.
    pub(super) predicting: Option<JobId>,
    pub(super) asked_cascade: Option<AskedCascade>,
    pub(super) asked_comparison: Option<AskedComparison>,
    pub(super) context: egui::Context,
    pub(super) home: Option<PathBuf>,
    pub(super) keeper: Keeper,
    pub(super) restoring: Restoring,
}

impl Workbench {
    /// A window that opens `opening`, or the last session, or else the demo.
    pub fn new(context: &egui::Context, render: Option<&eframe::egui_wgpu::RenderState>, opening: Opening) -> Self {
        let card = render.filter(|render| !is_software(&render.adapter));
        if let Some(card) = card {
            crate::drawing::install(card);
        }
        theme::install(context);
        let has_home = opening.home.is_some();
        // On a disk that does not answer, nothing is written over what could not be read.
        let home = opening.home.filter(|home| keeper::answers(home));
        let is_unanswered = has_home && home.is_none();
        let (settings, unread) = home.as_deref().map(session::settings).unwrap_or_default();
        let devices = opening.devices.unwrap_or_else(|| Arc::new(ThisMachine));
        let runtime = ChosenRuntime::new(settings.runtime_options(), devices);
        let mut workbench = Self {
            state: State::new(settings),
            services: Services::new(context, runtime),
            stage: None,
            list_changed: false,
            asked: None,
            asked_jobs: Vec::new(),
            predicting: None,
            asked_cascade: None,
            asked_comparison: None,
            context: context.clone(),
            home,
            keeper: Keeper::default(),
            restoring: Restoring::default(),
        };
        if let Some(unread) = unread {
            workbench.services.jobs.tell_failure("Read the settings", unread);
        }
        if is_unanswered {
            let words = "their disk or share does not answer: the window opened without them and keeps nothing; start again \
                         once it answers";
            workbench.services.jobs.tell_failure("Read session and settings", words);
        }
        workbench.services.start_runtime();
        workbench.read_trust();
        if let Some(render) = render.filter(|render| is_software(&render.adapter)) {
            workbench.services.software = Some(SoftwarePainter::new());
            paint_window(context, render);
        }
        let is_asked = !opening.paths.is_empty() || !opening.cohorts.is_empty();
        if !is_asked && !workbench.restore() {
            workbench.open_demo_with(opening.first_case.and_then(|case| case.try_recv().ok()));
        }
        if is_asked {
            // Something has to answer the first question; a model among the paths takes over.
            workbench.services.open_model(ModelSource::Demo(demo::FIRST_MODEL.to_owned()), false);
            workbench.apply(Action::OpenPaths(opening.paths));
            opening.cohorts.into_iter().for_each(|cohort| workbench.apply(Action::OpenCohort(cohort)));
        }
        workbench
    }

    /// Opens generated radiographs and the networks that are part of the program.
    pub fn open_demo(&mut self) {
        self.open_demo_with(None);
    }

    /// The same with its first case, where that is there already.
    fn open_demo_with(&mut self, first_case: Option<OpenCase>) {
        let group: Arc<str> = format!("phantom:{}", demo::SEED).into();
        let known = self.state.list.entries().iter().find(|entry| entry.group == group).map(|entry| entry.id);
        if let Some(known) = known {
            self.select(known);
        } else {
            let first = demo::FIRST_CASE;
            let mut specs = vec![first];
            for index in 0..DEMO_CASES {
                let finding = match index % 3 {
                    0 => Finding::None,
                    1 => Finding::Pneumothorax,
                    _ => Finding::Pneumonia,
                };
                let spec = PhantomSpec { index, finding, ..first };
                if spec != first {
                    specs.push(spec);
                }
            }
            let ids: Vec<_> =
                specs.into_iter().map(|spec| self.state.list.add(CaseSource::Phantom(spec), &group)).collect();
            self.state.list.refresh();
            if let Some(case) = first_case {
                self.shelve(ids[0], Arc::new(case));
            }
            self.select(ids[0]);
        }
        for (position, name) in demo::CLASSIFIERS.iter().enumerate() {
            self.services.open_model(ModelSource::Demo((*name).to_owned()), position == 0);
        }
    }

    /// Everything but drawing: takes messages, keys and dropped files, and carries out the frame's wishes.
    pub fn update(&mut self, ui: &mut egui::Ui) {
        let context = ui.ctx().clone();
        for message in self.services.messages() {
            self.receive(message);
        }
        self.state.list.ask(self.state.models.get(self.state.model).map(|model| model.identity()));
        self.note_prediction();
        if std::mem::take(&mut self.list_changed) {
            self.state.list.refresh();
        }
        self.state.follow_current();
        let seen = self.state.list.current;
        self.follow_settings(&context);
        let mut actions = Actions::default();
        // Keys that are being assigned go to the sheet of shortcuts, and while a menu is open its own keys work.
        let is_elsewhere = self.state.dialogs.assigning.is_some() || egui::Popup::is_any_open(&context);
        let pressed = if is_elsewhere { Vec::new() } else { self.state.settings.keys.pressed(&context) };
        for command in pressed {
            if command == Command::CancelWork && self.close_topmost() {
                continue;
            }
            actions.run(command);
        }
        let peeks = context.input(|input| input.key_down(egui::Key::S) && !input.modifiers.any());
        let peeks = peeks && !context.egui_wants_keyboard_input();
        if peeks != self.state.tools.is_peeking {
            actions.send(Action::SetPeeking(peeks));
        }
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        let dropped: Vec<PathBuf> = dropped.iter().map(|file| file.path().to_owned()).collect();
        if !dropped.is_empty() {
            actions.send(Action::OpenPaths(dropped));
        }
        self.draw(ui, &mut actions);
        let wishes = actions.take();
        if !wishes.is_empty() {
            // They are carried out after this frame was drawn.
            context.request_repaint();
        }
        for action in wishes {
            if let Some(action) = self.of_image(seen, action) {
                self.apply(action);
            }
        }
        self.ask_for_maps();
        self.ask_for_cascade();
        self.play(&context);
        self.mind_closing(&context);
        self.keep();
    }

    /// What is left of a wish that was made while the image `seen` was shown, where another one is by now: an image does not
    /// take over how the one before it lay.
    fn of_image(&self, seen: Option<EntryId>, action: Action) -> Option<Action> {
        if self.state.list.current == seen {
            return Some(action);
        }
        match action {
            Action::Show(mut shown) => {
                shown.set_orientation(self.state.shown.orientation());
                Some(Action::Show(shown))
            }
            // The tile may show another image by now: the drag of one frame is not missed.
            Action::ShowTile(..) => None,
            other => Some(other),
        }
    }

    fn draw(&mut self, ui: &mut egui::Ui, actions: &mut Actions) {
        menu::menu_ui(ui, &self.state, &self.services, actions);
        jobs_bar::jobs_bar_ui(ui, &self.state, &self.services, actions);
        if self.state.has_study_list {
            study_list::study_list_ui(ui, &self.state, &self.services, actions);
        }
        if self.state.has_inspector && self.state.view != View::Benchmark {
            inspector::inspector_ui(ui, &self.state, &self.services, actions);
        }
        let stage = match self.state.view {
            View::Case => case_view::case_view_ui(ui, &self.state, &self.services, actions),
            View::Compare => compare_view::compare_view_ui(ui, &self.state, &self.services, actions),
            View::Cascade => {
                cascade_view::cascade_view_ui(ui, &self.state, &self.services, actions);
                None
            }
            View::Benchmark => {
                benchmark_view::benchmark_view_ui(ui, &self.state, &self.services, actions);
                None
            }
        };
        self.stage = stage.or(self.stage);
        let on_screen = self.services.on_screen.get();
        self.services.on_screen.set(OnScreen { stage: self.stage, ..on_screen });
        dialogs::dialogs_ui(ui.ctx(), &self.state, &self.services, actions);
    }

    fn follow_settings(&self, context: &egui::Context) {
        let settings = &self.state.settings;
        context.set_theme(match settings.theme {
            Theme::Dark => egui::ThemePreference::Dark,
            Theme::Light => egui::ThemePreference::Light,
            Theme::System => egui::ThemePreference::System,
        });
        let scale = settings.ui_scale.clamp(0.5, 3.0);
        if (context.zoom_factor() - scale).abs() > 1e-3 {
            context.set_zoom_factor(scale);
        }
    }

    /// Closes the window over all others, and says whether there was one.
    fn close_topmost(&mut self) -> bool {
        let dialogs = &mut self.state.dialogs;
        if dialogs.palette.take().is_some() || dialogs.path.take().is_some() || dialogs.method_card.take().is_some() {
            return true;
        }
        for open in [
            &mut dialogs.closing,
            &mut dialogs.export,
            &mut dialogs.shortcuts,
            &mut dialogs.settings,
            &mut dialogs.jobs,
        ] {
            if std::mem::take(open) {
                return true;
            }
        }
        let tools = &mut self.state.tools;
        if tools.measure || tools.magnifier {
            (tools.measure, tools.magnifier) = (false, false);
            return true;
        }
        self.state.compare.maximised.take().is_some()
    }

    /// Asks for what the view shows, once for each change of case, model or question.
    fn ask_for_maps(&mut self) {
        let subjects = match self.state.view {
            View::Case => {
                let case = self.state.list.current.map(|entry| (entry, self.state.model));
                case.into_iter().collect::<Vec<_>>()
            }
            View::Compare => {
                let mut subjects: Vec<_> = self.state.tiles().iter().map(|tile| (tile.entry, tile.model)).collect();
                subjects.dedup();
                subjects
            }
            View::Cascade | View::Benchmark => return,
        };
        let is_of_one_method = self.state.view == View::Compare && self.state.compare.mode != CompareMode::Methods;
        let methods = if is_of_one_method { vec![self.state.shown.method] } else { self.state.methods() };
        let mut ready = Vec::new();
        for (entry, model) in subjects {
            if let Some(source) = self.state.list.entry(entry).map(|entry| entry.source.clone()) {
                self.need(entry, &source);
            }
            let (Some(case), Some(model)) = (self.services.shelf.case(entry), self.state.models.get(model)) else {
                continue;
            };
            if !self.state.is_held_back(model, case.is_phantom()) {
                ready.push((Arc::clone(case), Arc::clone(model)));
            }
        }
        if ready.is_empty() {
            return;
        }
        let asked = Asked {
            contents: ready.iter().map(|(case, _)| case.content.clone()).collect(),
            models: ready.iter().map(|(_, model)| model.identity().to_owned()).collect(),
            question: self.state.question.clone(),
            methods: methods.clone(),
        };
        if self.asked.as_ref() == Some(&asked) {
            return;
        }
        // Whoever looks elsewhere does not wait for what they left; finished maps stay.
        for job in std::mem::take(&mut self.asked_jobs) {
            self.services.explainer.cancel_job(job);
        }
        for (case, model) in &ready {
            let job = self.services.explainer.ask(case, model, &self.state.question, &methods, false);
            self.asked_jobs.extend(job);
        }
        self.asked = Some(asked);
    }

    pub(super) fn toggle_full_screen(&self) {
        let is_full = self.context.input(|input| input.viewport().fullscreen.unwrap_or(false));
        self.context.send_viewport_cmd(ViewportCommand::Fullscreen(!is_full));
    }

    pub(super) fn close(&self) {
        self.context.send_viewport_cmd(ViewportCommand::Close);
    }

    /// Asks once before a window closes on work under way.
    fn mind_closing(&mut self, context: &egui::Context) {
        let is_closing = context.input(|input| input.viewport().close_requested());
        if is_closing && !self.state.may_close && self.services.jobs.is_busy() {
            context.send_viewport_cmd(ViewportCommand::CancelClose);
            self.state.dialogs.closing = true;
        }
    }
}

/// Whether what draws is a program and no graphics card.
fn is_software(adapter: &wgpu::Adapter) -> bool {
    adapter.get_info().device_type == wgpu::DeviceType::Cpu
}

impl eframe::App for Workbench {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.update(ui);
    }

    fn on_exit(&mut self) {
        self.services.jobs.cancel_all();
        self.save();
    }
}
