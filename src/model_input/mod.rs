//! A radiograph as a model reads it: resized and scaled as the model's card says, `[1, c, h, w]`.

mod study_image;

pub use study_image::StudyImage;

use crate::network::{Batch, Model, Scaling};
use crate::radiograph::{Problem, Radiograph, ValueScale};

/// What a radiograph becomes for a model, `[1, c, h, w]`: resized and scaled as its card says. Pixels that came scaled
/// from -1 to 1 go into models of that scale as they came.
///
/// # Errors
/// When it cannot be brought to the model's size.
pub fn model_input(radiograph: &Radiograph, model: &Model) -> Result<Batch, Problem> {
    let [height, width] = model.card.input_size;
    let sized = radiograph.resized(height, width)?;
    Ok(match (&model.card.scaling, sized.scale()) {
        (Scaling::UnitToSymmetric, ValueScale::Symmetric) if !model.card.transform_input => {
            Batch::new([1, model.card.channels, height, width], sized.pixels().repeat(model.card.channels))
        }
        _ => model.scale_input(&sized.gray_levels(), [height, width]),
    })
}
