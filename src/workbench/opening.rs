//! Opening paths by what they hold: images, folders and data sets, models.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::PathPurpose;
use crate::cohort::{Cohort, CohortOptions, CohortSpec, SpecError, first_warnings};
use crate::job::{Ending, JobWatch, Told};
use crate::reading::{CaseSource, ModelSource, OpenCase, OpenModel};
use crate::watch::Watch;

/// Files that are read at once when they are opened together; more are read when they are looked at.
const READ_AT_ONCE: usize = 24;

/// What a path held.
pub enum Opened {
    /// An image that was read.
    Case(PathBuf, Arc<OpenCase>),
    /// An image that will be read when it is looked at.
    Unread(PathBuf),
    /// A data set or a folder of images.
    Cohort(Arc<Cohort>),
    /// A model.
    Model(Arc<OpenModel>),
}

/// Opens all paths; each success is told at once, failures are told together at the end.
pub(super) fn open(paths: &[PathBuf], watch: &JobWatch, tell: impl Fn(Opened)) -> Ending {
    let mut problems = Vec::new();
    // Of what was opened last, where it is a data set.
    let mut note = None;
    for (done, path) in paths.iter().enumerate() {
        if watch.is_cancelled() {
            return Ending::Cancelled;
        }
        let opened = if path.is_dir() {
            open_folder(path, watch).map(Opened::Cohort).map_err(|words| Told::of(words, None))
        } else if is_model(path) {
            let model = OpenModel::open(ModelSource::File(path.clone()));
            model.map(|model| Opened::Model(Arc::new(model))).map_err(|error| Told::of(error.without_path(), None))
        } else if paths.len() > READ_AT_ONCE {
            Ok(Opened::Unread(path.clone()))
        } else {
            let read = OpenCase::read(&CaseSource::File(path.clone()));
            read.map(|case| Opened::Case(path.clone(), Arc::new(case)))
                .map_err(|error| Told::of(error.without_path(), None))
        };
        match opened {
            Ok(opened) => {
                if let Opened::Cohort(cohort) = &opened {
                    note = Some(cohort_note(cohort));
                }
                tell(opened);
            }
            // The name is enough for those who may see it: the folder is what they opened.
            Err(told) => problems.push(told.named(name_of(path))),
        }
        watch.progress(done + 1, paths.len());
    }
    match problems.as_slice() {
        [] => Ending::Done(note),
        [one] => watch.failed(one.clone()),
        [first, ..] => {
            let words = format!("{} of {} could not be opened; {}", problems.len(), paths.len(), first.words);
            watch.failed(Told { words, place: first.place.clone() })
        }
    }
}

/// The cohort that a folder is: one of the public sets by its CSV files, else a plain folder of images.
pub(super) fn open_folder(path: &Path, watch: &JobWatch) -> Result<Arc<Cohort>, String> {
    let has = |name: &str| path.join(name).is_file();
    let spec = if has("train-rle.csv") {
        CohortSpec::Siim(path.to_owned())
    } else if has("stage_2_train_labels.csv") {
        CohortSpec::Rsna(path.to_owned())
    } else {
        CohortSpec::Folder(path.to_owned())
    };
    let cohort = Cohort::open(&spec, &CohortOptions::default(), watch);
    cohort.map(Arc::new).map_err(|error| error.without_path())
}

/// The cohort that a text names; how the job ends where there is none.
pub(super) fn open_cohort(text: &str, watch: &JobWatch) -> Result<Cohort, Ending> {
    let spec: CohortSpec = text.trim().parse().map_err(|error: SpecError| Ending::Failed(format!("{error}")))?;
    Cohort::open(&spec, &CohortOptions::default(), watch).map_err(|error| {
        if watch.is_cancelled() {
            return Ending::Cancelled;
        }
        watch.failed(Told::of(error.without_path(), error.path()))
    })
}

/// What there is to say about a cohort that was opened.
pub(super) fn cohort_note(cohort: &Cohort) -> String {
    let cases = cohort.cases().len();
    let left_out = match cohort.exclusions().len() {
        0 => String::new(),
        left_out => format!("; {left_out} were left out, `saliscope cohort` says why"),
    };
    format!("{cases} cases{left_out}{}", first_warnings(cohort.warnings()))
}

fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"))
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| "the path".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The system's dialog; `None` where it was cancelled or there is none.
pub(super) fn ask(purpose: PathPurpose) -> Option<Vec<PathBuf>> {
    let dialog = rfd::AsyncFileDialog::new();
    let paths = |handles: Vec<rfd::FileHandle>| handles.into_iter().map(|handle| handle.path().to_owned()).collect();
    match purpose {
        PathPurpose::Images => {
            // DICOM files may have any name, so no filter is forced on anybody.
            let dialog = dialog.set_title("Open images").add_filter("All files", &["*"]);
            pollster::block_on(dialog.pick_files()).map(paths)
        }
        PathPurpose::Folder | PathPurpose::Cohort => {
            let dialog = dialog.set_title("Open a folder of images or a data set");
            pollster::block_on(dialog.pick_folder()).map(|handle| paths(vec![handle]))
        }
        PathPurpose::BenchmarkFolder | PathPurpose::BenchmarkOpen => {
            let dialog = dialog.set_title("Choose the folder of the benchmark");
            pollster::block_on(dialog.pick_folder()).map(|handle| paths(vec![handle]))
        }
        PathPurpose::CascadeExport => {
            let dialog = dialog.set_title("Choose a folder for the cascade");
            pollster::block_on(dialog.pick_folder()).map(|handle| paths(vec![handle]))
        }
        PathPurpose::Model => {
            let dialog = dialog.set_title("Open a model").add_filter("Weights", &["safetensors"]);
            pollster::block_on(dialog.pick_files()).map(paths)
        }
    }
}

/// The system's dialog for the place of an export; `None` where it was cancelled or there is none.
pub(super) fn ask_target(proposed: Option<&Path>) -> Option<PathBuf> {
    let mut dialog = rfd::AsyncFileDialog::new().set_title("Export");
    if let Some(folder) = proposed.and_then(Path::parent) {
        dialog = dialog.set_directory(folder);
    }
    if let Some(name) = proposed.and_then(Path::file_name) {
        dialog = dialog.set_file_name(name.to_string_lossy());
    }
    pollster::block_on(dialog.save_file()).map(|handle| handle.path().to_owned())
}
