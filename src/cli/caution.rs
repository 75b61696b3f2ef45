//! The one warning that `--quiet` does not silence: that a network says nothing about patients.

use super::console;
use super::study_image::StudyImage;
use crate::network::ModelCard;

/// What has to be said of a model and these images together.
pub(super) fn of_images(card: &ModelCard, images: &[StudyImage]) -> Option<&'static str> {
    images.iter().find_map(|image| card.caution(image.is_phantom))
}

/// Writes what has to be said (see [`crate::network::caution`]) to standard error, where something has to be. Commands
/// call it once a run.
pub(super) fn tell(caution: Option<&str>) {
    if let Some(caution) = caution {
        console::tell(format_args!("warning: {caution}"));
    }
}
