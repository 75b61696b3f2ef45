//! Exports of what a window shows: open cases with the maps that answered questions about them.

mod dicom;
mod figure;
mod maps;
mod tile;

pub use dicom::ShownDicom;
pub use figure::{Arrangement, ShownFigure};
pub use maps::ShownMaps;
pub use tile::{ShownMap, ShownTile};

use std::path::{Path, PathBuf};

use super::Result;
use crate::figure::Format;
use crate::figure::template::Page;

/// Something shown that becomes files.
#[derive(Clone)]
pub enum ShownExport {
    /// A figure with its record.
    Figure(Box<ShownFigure>, Page, Format),
    /// Raw maps with their record.
    Maps(ShownMaps),
    /// DICOM objects.
    Dicom(Box<ShownDicom>),
}

impl ShownExport {
    /// Writes everything or nothing; files of the same names are replaced at the end. Gives the files.
    ///
    /// # Errors
    /// When something cannot be drawn, encoded or written; what was there before then stays.
    pub fn write(&self, target: &Path) -> Result<Vec<PathBuf>> {
        match self {
            Self::Figure(figure, page, format) => figure.write(*page, *format, target),
            Self::Maps(maps) => maps.write(target),
            Self::Dicom(dicom) => dicom.write(target),
        }
    }
}
