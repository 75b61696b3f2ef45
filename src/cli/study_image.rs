//! The images of the command line as one model reads them.

use std::path::PathBuf;

use super::error::{Error, Result};
use crate::network::Model;
use crate::radiograph::Radiograph;

pub(super) use crate::model_input::StudyImage;

impl StudyImage {
    /// Reads every image at the size that the model's card names.
    pub(super) fn open_all(paths: &[PathBuf], model: &Model) -> Result<Vec<Self>> {
        paths.iter().enumerate().map(|(index, path)| Self::of(index, &Radiograph::open(path)?, model)).collect()
    }

    /// One image at the size that the model's card names; `index` is for the error.
    pub(super) fn of(index: usize, radiograph: &Radiograph, model: &Model) -> Result<Self> {
        Self::new(radiograph, model).map_err(|problem| Error::Image { index, problem })
    }
}
