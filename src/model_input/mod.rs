//! A radiograph as a model reads it: resized and scaled as the model's card says, `[1, c, h, w]`.

mod study_image;

use std::borrow::Cow;

pub use study_image::{StudyImage, content_seed};

use crate::network::{Batch, ImageFit, Model, ModelCard, ReadArea, Scaling};
use crate::radiograph::{Problem, Radiograph, ValueScale};

/// What a radiograph becomes for a model, `[1, c, h, w]`: resized and scaled as its card says. Pixels that came scaled
/// from -1 to 1 go into models of that scale as they came.
///
/// # Errors
/// When it cannot be brought to the model's size.
pub fn model_input(radiograph: &Radiograph, model: &Model) -> Result<Batch, Problem> {
    let sized = at_input_size(radiograph, model.card.fit())?;
    Ok(scaled(&sized, model))
}

/// Where what a model reads lies on a radiograph.
pub fn area(radiograph: &Radiograph, card: &ModelCard) -> ReadArea {
    card.resize.area([radiograph.height_px(), radiograph.width_px()], card.input_size)
}

/// The radiograph at the size that a model reads, by the rule and in the depth of its card.
fn at_input_size(radiograph: &Radiograph, fit: ImageFit) -> Result<Cow<'_, Radiograph>, Problem> {
    let area = fit.resize.area([radiograph.height_px(), radiograph.width_px()], fit.input_size);
    let [rows, columns] = area.whole_px;
    let whole = if fit.is_8_bit {
        Cow::Owned(radiograph.in_8_bits().resized(rows, columns)?.in_8_bits())
    } else {
        radiograph.resized(rows, columns)?
    };
    if area.is_whole() {
        return Ok(whole);
    }
    let [height, width] = area.window_px;
    let window = whole.with_pixels(height, width, area.window_of(whole.pixels(), whole.black()));
    if !area.leaves_out() {
        return Ok(Cow::Owned(window));
    }
    let [read, all] = [[0, 1].map(|axis| area.window_px[axis].min(area.whole_px[axis])), area.whole_px];
    Ok(Cow::Owned(window.with_warning(format!(
        "the model reads the middle {}x{} of {}x{} pixels (width x height): the border has no map",
        read[1], read[0], all[1], all[0]
    ))))
}

/// An image of the model's size as its input.
fn scaled(sized: &Radiograph, model: &Model) -> Batch {
    let [height, width] = model.card.input_size;
    match (&model.card.scaling, sized.scale()) {
        (Scaling::UnitToSymmetric, ValueScale::Symmetric) if !model.card.transform_input => {
            Batch::new([1, model.card.channels, height, width], sized.pixels().repeat(model.card.channels))
        }
        _ => model.scale_input(&sized.gray_levels(), [height, width]),
    }
}
