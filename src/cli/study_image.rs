//! A radiograph as one model reads it.

use std::path::PathBuf;

use super::error::{Error, Result};
use crate::evaluation::{content_seed, model_input};
use crate::network::{Batch, Model};
use crate::radiograph::Radiograph;

/// One image at the model's size.
pub(super) struct StudyImage {
    /// What the model reads, `[1, c, h, w]`.
    pub(super) input: Batch,
    /// What a person sees: gray levels 0 to 255, `[h, w]`.
    pub(super) gray: Vec<f32>,
    /// Seed of the noise, from the content alone.
    pub(super) content_seed: u64,
    /// What was odd about the file.
    pub(super) warnings: Vec<String>,
}

impl StudyImage {
    /// Reads every image at the size that the model's card names.
    pub(super) fn open_all(paths: &[PathBuf], model: &Model) -> Result<Vec<Self>> {
        paths.iter().enumerate().map(|(index, path)| Self::of(index, &Radiograph::open(path)?, model)).collect()
    }

    /// One image at the size that the model's card names; `index` is for the error.
    pub(super) fn of(index: usize, radiograph: &Radiograph, model: &Model) -> Result<Self> {
        let [height, width] = model.card.input_size;
        let sized = radiograph.resized(height, width).map_err(|problem| Error::Image { index, problem })?;
        let gray = sized.gray_levels().into_owned();
        let input = model_input(&sized, model).map_err(|problem| Error::Image { index, problem })?;
        Ok(Self { input, gray, content_seed: content_seed(&sized), warnings: sized.warnings().to_vec() })
    }
}
