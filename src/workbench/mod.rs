//! The window: a viewer for radiographs, their saliency maps, and what can be said about both.
//!
//! [`State`] is what the window knows, [`Services`] what works in the background. Views draw both and send [`Action`]s;
//! [`Workbench::apply`] alone carries them out. Only methods of [`Workbench`] change the state: beside `apply` those that
//! take what background work found, follow time, and bring back the last session. Everything a user can ask for is a [`Command`]. What is computed lies
//! below, in [`crate::reading`] and further down, and knows nothing of windows.

mod action;
mod app;
mod apply;
mod bench;
mod bench_work;
mod benchmark_view;
mod cascade_view;
mod case_view;
mod caution;
mod command;
mod compare_strip;
mod compare_view;
mod convert_form;
mod dialogs;
mod export_form;
mod export_preview;
mod exporting;
mod inspector;
mod jobs_bar;
mod keeper;
mod keys;
mod launch;
mod likenesses;
mod list;
mod look;
mod menu;
mod model_answers;
mod model_lines;
mod name_column;
mod notice;
mod opening;
mod orientation_words;
mod orientations;
mod parameters_view;
mod player;
mod possible;
mod private_field;
mod services;
mod session;
mod settings;
mod shelf;
mod shown;
mod software;
mod state;
mod steady;
mod study_list;
mod study_row;
mod theme;
mod thumbnails;
mod tile;
mod tile_header;
mod tile_marks;
mod tile_text;
mod trust;
mod undo;

pub use action::{Action, Actions};
pub use app::{Opening, Workbench};
pub use bench::{Bench, BenchWish, Place, Value, roles};
pub use bench_work::{Judged, News};
pub use command::{Category, Command};
pub use export_form::{ExportForm, ExportWhat, FigureFormat, FigureWidth};
pub use export_preview::ExportPreview;
pub use keys::{Chord, KeyMap, all_words, words};
pub use launch::{Failure, has_display, open};
pub use likenesses::{Likeness, Likenesses};
pub use list::{Entry, EntryId, LabelFilter, SortBy, StudyList};
pub use look::{Look, Stage};
pub use model_answers::ModelAnswers;
pub use opening::Opened;
pub use orientations::{Orientations, Step};
pub use player::Player;
pub use services::{Message, Post, Services};
pub use session::{Restoring, SavedCase, SavedCohort, SavedOrientation, SavedPlayer, Session};
pub use settings::{Drag, Mouse, MouseButton, Recent, Settings, Theme};
pub use shelf::{Shelf, Shelved};
pub use shown::{MapValues, Shown, ToneChoice};
pub use software::{PictureKey, SoftPicture, SoftwarePainter, SoftwareScreen, paint_window};
pub use state::{
    Assigning, Compare, CompareMode, Dialogs, Links, Measurement, PathField, PathPurpose, State, TileSubject, Tools,
    View,
};
pub use study_row::ROW_HEIGHT;
pub use thumbnails::{KEPT as THUMBNAILS_KEPT, Thumbnails};
pub use undo::Undo;
