//! Results as files that others read: figures with their record, raw maps, DICOM.
//!
//! Everything is anonymous unless it was asked for otherwise: no name, identifier, date of birth, file name or path enters
//! a file. Every file says that it is for research and not for diagnosis, and appears complete or not at all.

mod class;
mod dicom;
mod dicom_map;
mod files;
mod maps;
mod model_files;
mod origin;
pub(crate) mod place;
mod record;
mod scores;
pub mod shown;
mod source;

use std::path::{Path, PathBuf};

pub use class::{ClassFound, probability_words};
pub use dicom::{DicomStudy, Owner, Segment};
pub use dicom_map::DicomMap;
pub use files::FileSet;
pub use maps::{KeptMap, KeptMaps, maps_npz};
pub(crate) use model_files::ModelFiles;
pub use origin::{Origin, bar, map_bar, map_tile, page_display, parameters_in_short};
pub use record::{
    DisplayRecord, FigureRecord, ImageRecord, KeptRecord, MapRecord, MapsRecord, ModelRecord, OrientationRecord,
    content_sha256,
};
pub(crate) use record::{is_of_figure as is_figure_record, refuse_foreign as refuse_foreign_record};
pub use scores::{hit_words, score_explanation, score_lines};
pub use source::SourceImage;

use crate::array_file;
use crate::display::PlaneError;
use crate::figure::template::{Page, SingleCase, Template};
use crate::figure::{self, ColumnWidth, Format, Painted};
use crate::files::words;
use crate::network;
use crate::radiograph;
use crate::radiograph::dicom::NotDecoded;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Result of an export.
pub type Result<T> = std::result::Result<T, Error>;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, the folder is missing, and the like.
    #[error("the file cannot be written ({}); what was there before is untouched: {}", words(source), path.display())]
    Write {
        /// The system's words.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file that is not ours where a record belongs.
    #[error(
        "the record of this export would replace a file that is no record of saliscope; choose another name for the export: {}",
        path.display()
    )]
    ForeignRecord {
        /// The file.
        path: PathBuf,
    },
    /// The figure cannot be drawn.
    #[error(transparent)]
    Figure(#[from] figure::Error),
    /// Arrays that cannot be written or read.
    #[error(transparent)]
    Arrays(#[from] array_file::Error),
    /// Statements about a model that contradict its weights.
    #[error(transparent)]
    Model(#[from] network::Error),
    /// A radiograph that cannot be read.
    #[error(transparent)]
    Radiograph(#[from] radiograph::Error),
    /// An identity whose letters are not certain.
    #[error(transparent)]
    Identity(#[from] NotDecoded),
    /// A radiograph that cannot be shown.
    #[error("the radiograph cannot be shown ({0})")]
    Plane(#[from] PlaneError),
    /// Maps that are not there, or not as they should be.
    #[error("the maps cannot be used: {0}")]
    Maps(String),
    /// The record cannot be written.
    #[error("the record of the figure cannot be written ({0})")]
    Record(#[from] serde_json::Error),
    /// The DICOM object cannot be encoded.
    #[error("the DICOM object cannot be encoded ({reason})")]
    Dicom {
        /// The encoder's words.
        reason: String,
    },
    /// A picture that DICOM has no room for.
    #[error("a picture of {width_px}x{height_px} pixels does not fit into DICOM: its sides have at most 65535")]
    DicomSize {
        /// Columns.
        width_px: usize,
        /// Rows.
        height_px: usize,
    },
}

impl Error {
    /// What is wrong, without the name of the file, which may be a patient's.
    pub fn without_path(&self) -> String {
        match self {
            Self::Write { source, .. } => {
                format!("the file cannot be written ({}); what was there before is untouched", words(source))
            }
            Self::Radiograph(error) => error.problem.to_string(),
            other => other.to_string(),
        }
    }

    /// The file it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Write { path, .. } => Some(path),
            Self::Radiograph(error) => Some(&error.path),
            _ => None,
        }
    }
}

/// The record of a figure at `target`: the same name with the ending `.record.json`, which no specification and no model's card
/// has.
pub fn record_path(target: &Path) -> PathBuf {
    target.with_extension("record.json")
}

/// Writes a figure, and its record beside it ([`record_path`]): both or neither. Files of these names are replaced at the end,
/// unless they are read-only or the second is no record of ours. A record under the name that versions up to 0.1.0 gave it, with
/// the ending `.json`, is of an earlier figure of this name, and gets the same content. Gives the names of figure and record.
///
/// # Errors
/// When the figure cannot be drawn or written; what was there before then stays.
pub fn figure(
    template: &Template,
    page: Page,
    format: Format,
    record: &FigureRecord,
    target: &Path,
) -> Result<[PathBuf; 2]> {
    let beside = record_path(target);
    refuse_foreign_record(&beside)?;
    let scene = template.scene(page)?;
    let content = page.encode(&scene, format)?;
    let mut files = FileSet::new();
    files.add(target, &content)?;
    files.add(&beside, &record.to_json()?)?;
    let earlier = target.with_extension("json");
    if is_figure_record(&earlier) && place::check(&earlier, place::Taken::Replaced).is_ok() {
        files.add(&earlier, &record.to_json()?)?;
    }
    files.publish()?;
    Ok([target.to_owned(), beside])
}

/// Refuses a name that [`figure`] could not write to, before any work is done for it.
///
/// # Errors
/// As there.
pub fn check_figure_names(target: &Path) -> Result<()> {
    let beside = record_path(target);
    for path in [target, &beside] {
        let free = place::check(path, place::Taken::Replaced);
        free.map_err(|source| Error::Write { source, path: path.to_owned() })?;
    }
    refuse_foreign_record(&beside)
}

/// A figure of one map as DICOM captures show it: painted so finely that the map has about the radiograph's own pixels.
///
/// # Errors
/// When the figure cannot be drawn.
pub fn capture_picture(figure: SingleCase) -> Result<Painted> {
    /// Inches that the picture of the map takes on a page of two columns.
    const TILE_INCHES: f64 = 3.45;
    let width_px = figure.radiograph.plane.width_px() as f64;
    let page = Page::new(ColumnWidth::WideDouble.mm(), (width_px / TILE_INCHES).clamp(150.0, 400.0).round() as u32)?;
    Ok(page.paint(&Template::SingleCase(figure).scene(page)?)?)
}

/// Writes one file, replacing another of its name at the end.
///
/// # Errors
/// When it cannot be written; what was there before then stays.
pub fn file(target: &Path, content: &[u8]) -> Result<()> {
    let mut files = FileSet::new();
    files.add(target, content)?;
    files.publish()
}
