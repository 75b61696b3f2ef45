//! Opening paths by what they hold: images, folders and data sets, models.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::PathPurpose;
use crate::cohort::{self, Cohort, CohortOptions, CohortSpec, SpecError, first_warnings};
use crate::foreign::{self, Asked, Foreign};
use crate::job::{Ending, JobWatch, Told};
use crate::radiograph::ImageCollection;
use crate::reading::{CaseSource, ModelSource, OpenCase, OpenModel};
use crate::truth::Task;
use crate::watch::{Part, Watch};

/// Files that are read at once when they are opened together; more are read when they are looked at.
const READ_AT_ONCE: usize = 24;

/// What a path held.
pub enum Opened {
    /// An image, which was read or will be when it is looked at.
    Case(CaseSource, Option<Arc<OpenCase>>),
    /// A file, a DICOMDIR or a zip archive, the images of which were told before.
    Path(PathBuf),
    /// A data set or a folder of images.
    Cohort(Arc<Cohort>),
    /// A model.
    Model(Arc<OpenModel>),
    /// A model of another program, by its file: the user says what the file does not.
    Foreign(PathBuf, Arc<Foreign>),
}

/// Opens all paths; each success is told at once, failures are told together at the end.
pub(super) fn open(paths: &[PathBuf], watch: &JobWatch, tell: impl Fn(Opened)) -> Ending {
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for (done, path) in paths.iter().enumerate() {
        if watch.is_cancelled() {
            return Ending::Cancelled;
        }
        let opened = if path.is_dir() {
            open_folder(path, watch).map(|cohort| {
                notes.push(cohort_note(&cohort));
                tell(Opened::Cohort(cohort));
            })
        } else if is_foreign(path) {
            open_foreign(path).map(&tell)
        } else if is_model(path) {
            let model = OpenModel::open(ModelSource::File(path.clone()));
            model.map(|model| tell(Opened::Model(Arc::new(model)))).map_err(|error| error.without_path())
        } else {
            let part = Part { watch, index: done, parts: paths.len() };
            open_images(path, paths.len(), &part, &tell).map(|more| notes.extend(more))
        };
        // The name is enough for those who may see it: the folder is what they opened.
        problems.extend(opened.err().map(|words| Told::of(words, None).named(name_of(path))));
        watch.progress(done + 1, paths.len());
    }
    match problems.as_slice() {
        [] => Ending::Done((!notes.is_empty()).then(|| notes.join("; "))),
        [one] => watch.failed(one.clone()),
        [first, ..] => {
            let words = format!("{} of {} could not be opened; {}", problems.len(), paths.len(), first.words);
            watch.failed(Told { words, place: first.place.clone() })
        }
    }
}

/// Opens a file, or the images that a DICOMDIR or a zip archive means; gives what was passed over. Images that cannot be read
/// say so in the list, unless it is the only one.
fn open_images(path: &Path, paths: usize, watch: &dyn Watch, tell: &impl Fn(Opened)) -> Result<Vec<String>, String> {
    let ImageCollection { places, notes } =
        ImageCollection::at(path, watch).map_err(|error| error.problem.to_string())?;
    let is_one = places.len() == 1;
    let is_read_at_once = places.len().saturating_mul(paths) <= READ_AT_ONCE;
    for place in places {
        if watch.is_cancelled() {
            break;
        }
        let source = CaseSource::from(place);
        let read = match is_read_at_once.then(|| OpenCase::read(&source)) {
            Some(Err(error)) if is_one => return Err(error.without_path()),
            read => read.and_then(Result::ok).map(Arc::new), // What fails here fails again where it is shown, and says why.
        };
        tell(Opened::Case(source, read));
    }
    tell(Opened::Path(path.to_owned()));
    Ok(notes)
}

/// The cohort that a folder is: one of the public sets by its CSV files, else a plain folder of images.
pub(super) fn open_folder(path: &Path, watch: &JobWatch) -> Result<Arc<Cohort>, String> {
    let has = |name: &str| path.join(name).is_file();
    let spec = if has("train-rle.csv") {
        CohortSpec::Siim(path.to_owned())
    } else if has("stage_2_train_labels.csv") {
        CohortSpec::Rsna(path.to_owned())
    } else if has("BBox_List_2017.csv") || has("Data_Entry_2017_v2020.csv") || has("Data_Entry_2017.csv") {
        CohortSpec::Nih(path.to_owned())
    } else if has("annotations/annotations_train.csv") || has("annotations_train.csv") {
        CohortSpec::Vindr(path.to_owned())
    } else {
        CohortSpec::Folder(path.to_owned())
    };
    open_of_one_finding(&spec, CohortOptions::default(), watch).map(Arc::new).map_err(|error| error.without_path())
}

/// Opens a cohort; one whose labels are about several findings by the first of them, where none was named.
fn open_of_one_finding(spec: &CohortSpec, mut options: CohortOptions, watch: &JobWatch) -> cohort::Result<Cohort> {
    let opened = Cohort::open(spec, &options, watch);
    let first = opened.as_ref().err().and_then(cohort::Error::findings_to_choose).and_then(<[String]>::first);
    match first.and_then(|name| Task::named(name).ok()).filter(|_| options.task.is_none()) {
        Some(task) => {
            options.task = Some(task);
            Cohort::open(spec, &options, watch)
        }
        None => opened,
    }
}

/// Between a cohort and its finding in a text.
const TASK_MARK: &str = " --task ";

/// A cohort as a text: with its finding, where the set names several.
pub(super) fn cohort_text(cohort: &Cohort) -> String {
    let spec = cohort.spec().to_string();
    let usual = matches!(cohort.spec(), CohortSpec::Phantom { .. }).then_some(&Task::PNEUMOTHORAX);
    match cohort.task().filter(|task| cohort.known_findings().len() > 1 && Some(*task) != usual) {
        Some(task) => format!("{spec}{TASK_MARK}{task}"),
        None => spec,
    }
}

/// The cohort that a text names, behind it --task and the finding where it is about several; how the job ends where there is
/// none.
pub(super) fn open_cohort(text: &str, watch: &JobWatch) -> Result<Cohort, Ending> {
    let (spec, task) = text.rsplit_once(TASK_MARK).map_or((text, None), |(spec, task)| (spec, Some(task)));
    let spec: CohortSpec = spec.trim().parse().map_err(|error: SpecError| Ending::Failed(format!("{error}")))?;
    let task = task.map(Task::named).transpose().map_err(|error| Ending::Failed(format!("{error}")))?;
    open_of_one_finding(&spec, CohortOptions { task, ..CohortOptions::default() }, watch).map_err(|error| {
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
    let several = match (cohort.task(), cohort.known_findings()) {
        (Some(task), known @ [_, _, ..]) if cohort.spec().folder().is_some() => {
            format!(" by {task} (of {}; open it with{TASK_MARK}NAME for another)", known.join(", "))
        }
        _ => String::new(),
    };
    format!("{cases} cases{several}{left_out}{}", first_warnings(cohort.warnings()))
}

/// Reads a model of another program.
pub(super) fn open_foreign(path: &Path) -> Result<Opened, String> {
    Ok(Opened::Foreign(path.to_owned(), read_foreign(path, None)?))
}

/// The same for images of `input_size`, where that is known.
pub(super) fn read_foreign(path: &Path, input_size: Option<[usize; 2]>) -> Result<Arc<Foreign>, String> {
    let asked = Asked { input_size, ..Asked::default() };
    foreign::open(path, &asked).map(Arc::new).map_err(|error| error.without_path())
}

/// Whether it is a model of another program. Archives are told by their names: most hold images.
fn is_foreign(path: &Path) -> bool {
    let is_model = path.extension().is_some_and(|extension| {
        ["pth", "pt", "ckpt", "tar", "bin", "h5", "hdf5", "keras", "onnx"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    });
    is_model && foreign::is_foreign(path)
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
            let dialog = dialog
                .set_title("Open a model")
                .add_filter("Weights", &["safetensors", "pth", "pt", "ckpt", "h5", "keras", "onnx"])
                .add_filter("All files", &["*"]);
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
