//! Everything the window knows that is not background work.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use egui::KeyboardShortcut;
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::command::Command;
use super::convert_form::ConvertForm;
use super::export_form::ExportForm;
use super::list::{EntryId, StudyList};
use super::orientations::Orientations;
use super::player::Player;
use super::settings::Settings;
use super::shown::Shown;
use super::undo::Undo;
use crate::reading::{OpenModel, Question};
use crate::saliency::{Method, Preset};

/// What the middle of the window shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// One case, one map.
    #[default]
    Case,
    /// Maps side by side.
    Compare,
    /// The cascade player.
    Cascade,
    /// The benchmark.
    Benchmark,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareMode {
    /// The image and all methods of one model.
    #[default]
    Methods,
    /// One method of all open models.
    Models,
    /// One method of one model over the chosen cases of the list.
    Images,
}

/// What tiles of a comparison share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Links {
    /// Pan and zoom. Turn and mirroring belong to the image.
    pub look: bool,
    /// Gray levels. Inversion belongs to the image.
    pub window: bool,
    /// The pointer's place.
    pub cursor: bool,
    /// Opacity and threshold.
    pub opacity: bool,
    /// What the colours span.
    pub colour_range: bool,
}

impl Default for Links {
    fn default() -> Self {
        Self { look: true, window: true, cursor: true, opacity: true, colour_range: true }
    }
}

/// One tile of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileSubject {
    /// The case.
    pub entry: EntryId,
    /// Position of the model among the open ones.
    pub model: usize,
    /// The method; none for the image alone.
    pub method: Option<Method>,
}

/// The comparison.
#[derive(Clone, Debug, Default)]
pub struct Compare {
    /// What is compared.
    pub mode: CompareMode,
    /// What tiles share.
    pub links: Links,
    /// The two tiles whose likeness is told.
    pub pair: [Option<usize>; 2],
    /// The tile that fills the view.
    pub maximised: Option<usize>,
    /// Cases chosen for comparing images.
    pub entries: Vec<EntryId>,
    /// What tiles show that do not share it.
    pub own: HashMap<usize, Shown>,
}

/// Which windows lie over the view.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Dialogs {
    /// The command palette and what was typed into it.
    pub palette: Option<String>,
    /// The sheet of keys and mouse buttons.
    pub shortcuts: bool,
    /// The settings.
    pub settings: bool,
    /// The card of a method.
    pub method_card: Option<Method>,
    /// The question whether to close while work is under way.
    pub closing: bool,
    /// A field for paths, where no dialog of the system answers; what it is for and what was typed.
    pub path: Option<PathField>,
    /// The export dialog.
    pub export: bool,
    /// What it asks.
    pub export_form: ExportForm,
    /// What is asked about a model of another program.
    pub convert: Option<Box<ConvertForm>>,
    /// The list of jobs.
    pub jobs: bool,
    /// A command that waits for its new keys; all keys go to it meanwhile.
    pub assigning: Option<Assigning>,
}

/// A command that waits for its new keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigning {
    /// The command.
    pub command: Command,
    /// The keys pressed that another command has.
    pub taken: Option<(KeyboardShortcut, Command)>,
    /// Why the keys pressed cannot be had.
    pub refused: Option<&'static str>,
}

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPurpose {
    /// Images.
    Images,
    /// A folder of images.
    Folder,
    /// A cohort, such as `siim:DIR`.
    Cohort,
    /// A model.
    Model,
    /// A folder in which a cascade is written.
    CascadeExport,
    /// A folder in which a benchmark is kept.
    BenchmarkFolder,
    /// The database of a benchmark, or its folder.
    BenchmarkOpen,
}

/// A field in which a path is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathField {
    /// What it is for.
    pub purpose: PathPurpose,
    /// What was typed.
    pub text: String,
}

/// A tool that the pointer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Tools {
    /// Enlarges what is under the pointer.
    pub magnifier: bool,
    /// Draws distances.
    pub measure: bool,
    /// Marks the pointer's place in all tiles.
    pub crosshair: bool,
    /// While held, the map is hidden.
    pub is_peeking: bool,
}

/// A distance drawn on an image, from one image point to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Where it begins.
    pub from_px: [f64; 2],
    /// Where it ends.
    pub to_px: [f64; 2],
}

/// Everything the window knows.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct State {
    /// The study list.
    pub list: StudyList,
    /// Open models.
    pub models: Vec<Arc<OpenModel>>,
    /// Position of the one that is asked.
    pub model: usize,
    /// What is asked.
    pub question: Question,
    /// How the case is shown; tiles of a comparison share what is linked.
    pub shown: Shown,
    /// How the images other than `oriented` are turned, mirrored and inverted.
    pub(super) orientations: Orientations,
    /// The image whose turn, mirroring and inversion are in `shown`.
    pub(super) oriented: Option<EntryId>,
    /// How it was shown before.
    pub undo: Undo,
    /// What the middle shows.
    pub view: View,
    /// The comparison.
    pub compare: Compare,
    /// The benchmark.
    pub bench: Bench,
    /// The cascade player.
    pub player: Player,
    /// Windows over the view.
    pub dialogs: Dialogs,
    /// What the pointer holds.
    pub tools: Tools,
    /// A distance on the current case.
    pub measurement: Option<Measurement>,
    /// The image point under the pointer, in fractions of width and height.
    pub cursor: Option<[f64; 2]>,
    /// Whether the study list is shown.
    pub has_study_list: bool,
    /// Whether the inspector is shown.
    pub has_inspector: bool,
    /// What outlives the session.
    pub settings: Settings,
    /// When the window opened, for the time to the first picture.
    pub started: Instant,
    /// Set once the window may close although work is under way.
    pub may_close: bool,
    /// Puts the cursor into the search field in the next frame.
    pub focus_search: bool,
    /// Whether models that never saw a patient explain images of patients: clicked once a session, and not kept.
    pub explains_anyway: bool,
}

impl State {
    /// An empty window.
    pub fn new(settings: Settings) -> Self {
        Self {
            list: StudyList::default(),
            models: Vec::new(),
            model: 0,
            question: Question::of(Preset::default()),
            shown: Shown::default(),
            orientations: Orientations::default(),
            oriented: None,
            undo: Undo::default(),
            view: View::default(),
            compare: Compare::default(),
            bench: Bench::default(),
            player: Player::default(),
            dialogs: Dialogs::default(),
            tools: Tools::default(),
            measurement: None,
            cursor: None,
            has_study_list: true,
            has_inspector: true,
            settings,
            started: Instant::now(),
            may_close: false,
            focus_search: false,
            explains_anyway: false,
        }
    }

    /// The model that is asked.
    pub fn model(&self) -> Option<&Arc<OpenModel>> {
        self.models.get(self.model)
    }

    /// The methods whose maps are asked for together: the study's, and one beyond it where that is shown.
    pub fn methods(&self) -> Vec<Method> {
        let is_wanted = |method: &Method| method.is_of_study() || *method == self.shown.method;
        Method::ALL.into_iter().filter(is_wanted).collect()
    }

    /// The tiles of the comparison, in the order they are drawn.
    pub fn tiles(&self) -> Vec<TileSubject> {
        let Some(entry) = self.list.current else { return Vec::new() };
        let model = self.model;
        match self.compare.mode {
            CompareMode::Methods => std::iter::once(None)
                .chain(self.methods().into_iter().map(Some))
                .map(|method| TileSubject { entry, model, method })
                .collect(),
            CompareMode::Models => (0..self.models.len())
                .map(|model| TileSubject { entry, model, method: Some(self.shown.method) })
                .collect(),
            CompareMode::Images => {
                let mut entries = self.compare.entries.clone();
                if !entries.contains(&entry) {
                    entries.insert(0, entry);
                }
                let method = Some(self.shown.method);
                entries.into_iter().map(|entry| TileSubject { entry, model, method }).collect()
            }
        }
    }

    /// How a tile of the comparison is shown: its own way where it is not linked, and always turned, mirrored and inverted
    /// as its image is.
    pub fn tile_shown(&self, tile: usize) -> Shown {
        let mut shown = self.shown.clone();
        if let Some(own) = self.compare.own.get(&tile) {
            self.take_own(&mut shown, own);
        }
        if let Some(entry) = self.tile_entry(tile) {
            shown.set_orientation(self.orientation(entry));
        }
        shown
    }

    /// Takes what a tile does not share from its own way of being shown.
    fn take_own(&self, shown: &mut Shown, own: &Shown) {
        let links = self.compare.links;
        if !links.look {
            shown.look = own.look;
        }
        if !links.window {
            shown.tone = own.tone.clone();
        }
        if !links.opacity {
            shown.map.opacity = own.map.opacity;
            shown.map.threshold = own.map.threshold;
        }
        if !links.colour_range {
            shown.map.range = own.map.range;
            shown.values = own.values;
        }
    }
}
