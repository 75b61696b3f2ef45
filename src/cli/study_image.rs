//! The images of the command line as one model reads them.

use super::error::{Error, Result};
use crate::network::Model;
use crate::radiograph::{ImagePlace, Radiograph};

pub(super) use crate::model_input::StudyImage;

impl StudyImage {
    /// Reads every image at the size that the model's card names.
    pub(super) fn open_all(places: &[ImagePlace], model: &Model) -> Result<Vec<Self>> {
        let open = |(index, place): (usize, &ImagePlace)| Self::of(index, &Radiograph::open_at(place)?, model);
        places.iter().enumerate().map(open).collect()
    }

    /// One image at the size that the model's card names; `index` is for the error.
    pub(super) fn of(index: usize, radiograph: &Radiograph, model: &Model) -> Result<Self> {
        Self::new(radiograph, model).map_err(|problem| Error::Image { index, problem })
    }
}
