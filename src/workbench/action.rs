//! What views ask for. Views draw and send, and change nothing themselves.

use std::path::PathBuf;

use super::bench::BenchWish;
use super::command::Command;
use super::convert_form::ConvertForm;
use super::list::{EntryId, LabelFilter, SortBy};
use super::player::Player;
use super::settings::Settings;
use super::shown::Shown;
use super::state::{CompareMode, Dialogs, Links, Measurement, PathPurpose, View};
use crate::cohort::Split;
use crate::job::JobId;
use crate::reading::{ModelSource, Question};
use crate::saliency::Method;

/// A wish of a view.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a frame has a handful of wishes")]
pub enum Action {
    /// Runs a command.
    Run(Command),
    /// Opens files and folders, whatever they hold; what a path names is told by its content.
    OpenPaths(Vec<PathBuf>),
    /// Opens a cohort by its text, such as `phantom:7:50`.
    OpenCohort(String),
    /// Opens a model.
    OpenModel(ModelSource),
    /// Writes a model of another program as one of ours and opens it.
    Convert(Box<ConvertForm>),
    /// Closes the model at a position.
    CloseModel(usize),
    /// Shows a case.
    Select(EntryId),
    /// Takes a case off the list.
    Remove(EntryId),
    /// Adds a case to the comparison of images, or takes it out.
    ToggleCompared(EntryId),
    /// Changes search, filter, split and order of the list.
    FilterList {
        /// Text in names.
        search: String,
        /// Kind.
        filter: LabelFilter,
        /// Split.
        split: Option<Split>,
        /// Order.
        sort: SortBy,
    },
    /// Notes that the cursor is in the search field.
    SearchFocused,
    /// Asks the model at a position.
    AskModel(usize),
    /// Shows the map of a method.
    ShowMethod(Method),
    /// Changes what is asked.
    Ask(Question),
    /// Changes how the case is shown; can be undone.
    Show(Box<Shown>),
    /// Changes how one tile of the comparison is shown, and with it what tiles share.
    ShowTile(usize, Box<Shown>),
    /// Changes the middle of the window.
    SetView(View),
    /// Changes what is compared.
    SetCompareMode(CompareMode),
    /// Changes what tiles share.
    SetLinks(Links),
    /// Chooses a tile of the pair whose likeness is told, or lets it go.
    ChooseTile(usize),
    /// Lets a tile fill the view, or all be seen again.
    Maximise(Option<usize>),
    /// Opens or closes windows over the view.
    SetDialogs(Box<Dialogs>),
    /// Asks for a path, by the system's dialog where there is one.
    AskPath(PathPurpose),
    /// Writes what the export dialog asks for.
    Export,
    /// Asks for the place of an export, by the system's dialog where there is one.
    AskTarget,
    /// Sets the image point under the pointer.
    SetCursor(Option<[f64; 2]>),
    /// Sets or removes the distance.
    SetMeasurement(Option<Measurement>),
    /// Hides the map while held.
    SetPeeking(bool),
    /// Asks something of the benchmark.
    Bench(Box<BenchWish>),
    /// Changes the cascade player.
    SetPlayer(Box<Player>),
    /// Goes to a place between the states of the cascade.
    Scrub(f32),
    /// Computes the states of the cascade that are missing.
    ComputeCascade,
    /// Writes the chosen files of the cascade into a new folder inside this one.
    WriteCascade(PathBuf),
    /// Stops the cascade; finished states stay.
    CancelCascade,
    /// Changes the settings.
    SetSettings(Box<Settings>),
    /// Keeps whether the model with these weights (SHA-256) was trained on images of patients.
    SayTrainedOnPatients(String, bool),
    /// Keeps that the scaling assumed for the model with these weights (SHA-256) is right.
    SayScalingIsRight(String),
    /// Stops a job.
    CancelJob(JobId),
    /// Forgets the jobs that are over.
    ForgetJobs,
    /// Closes the window although work is under way.
    CloseNow,
}

impl Action {
    /// Whether it changes what the next session begins with.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(
            self,
            Self::SetCursor(_)
                | Self::SetPeeking(_)
                | Self::SetMeasurement(_)
                | Self::SetDialogs(_)
                | Self::SearchFocused
                | Self::AskPath(_)
                | Self::CancelJob(_)
                | Self::ForgetJobs
                | Self::CloseNow
        )
    }
}

/// Wishes of one frame, in their order.
#[derive(Debug, Default)]
pub struct Actions {
    list: Vec<Action>,
}

impl Actions {
    /// Adds a wish.
    pub fn send(&mut self, action: Action) {
        self.list.push(action);
    }

    /// Adds the wish to run a command.
    pub fn run(&mut self, command: Command) {
        self.send(Action::Run(command));
    }

    /// Takes all wishes.
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.list)
    }
}
