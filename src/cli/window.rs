//! `saliscope [PATH...]`: the window; without a display the demo, computed and written down.

use std::path::PathBuf;

use clap::Args;

use super::console;
use super::error::{Error, Result};
use crate::cohort::CohortSpec;
use crate::workbench::{self, Failure, Opening};

/// What the window opens with.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Images, folders, cohorts (such as siim:DIR) and models to open; the last session or the demo without any
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder for settings and session, instead of the user's own
    #[arg(long, value_name = "DIR", env = "SALISCOPE_HOME")]
    home: Option<PathBuf>,
    /// Opens the demo whatever was open last, and keeps nothing
    #[arg(long, conflicts_with = "home")]
    fresh: bool,
}

/// Opens the window.
pub(super) fn run(arguments: Arguments) -> Result<()> {
    let own = || directories::ProjectDirs::from("", "", "saliscope").map(|folders| folders.config_dir().to_owned());
    let home = if arguments.fresh { None } else { arguments.home.or_else(own) };
    let (cohorts, paths): (Vec<PathBuf>, Vec<PathBuf>) = arguments.paths.into_iter().partition(|path| is_cohort(path));
    if let Some(absent) = paths.iter().find(|path| !path.exists()) {
        // Also what a mistyped command is taken for.
        return Err(Error::Usage(format!(
            "there is no command, file, folder or data set called {}; `saliscope --help` lists the commands",
            absent.display()
        )));
    }
    let cohorts: Vec<String> = cohorts.into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let is_bare = paths.is_empty() && cohorts.is_empty();
    let opening = Opening { paths, cohorts, home, ..Opening::default() };
    if !workbench::has_display() {
        return without_display(is_bare, "neither DISPLAY nor WAYLAND_DISPLAY is set");
    }
    match workbench::open(opening) {
        Ok(()) => Ok(()),
        Err(Failure::NoDisplay(reason)) => without_display(is_bare, &reason),
        Err(failure) => Err(Error::Window(failure)),
    }
}

fn without_display(is_bare: bool, reason: &str) -> Result<()> {
    if is_bare {
        return super::demo::run(reason);
    }
    console::tell(format_args!("`saliscope explain` and the other commands need no display"));
    Err(Error::Window(Failure::NoDisplay(reason.to_owned())))
}

/// Whether a word names a cohort and no file.
fn is_cohort(path: &std::path::Path) -> bool {
    !path.exists() && path.to_str().is_some_and(|text| text.parse::<CohortSpec>().is_ok())
}
