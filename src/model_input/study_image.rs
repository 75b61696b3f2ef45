//! A radiograph as one model reads it, and as a person sees it.

use super::{area, at_input_size, scaled};
use crate::network::{Batch, ImageFit, Model, ReadArea, Scaling, sha256_hex};
use crate::radiograph::{Problem, Radiograph, ValueScale};

/// One image at a model's size.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyImage {
    /// What the model reads, `[1, c, h, w]`.
    pub input: Batch,
    /// Where that lies on the radiograph.
    pub area: ReadArea,
    /// What a person sees: gray levels 0 to 255, `[h, w]`.
    pub gray: Vec<f32>,
    /// Seed of the noise, from the content alone.
    pub content_seed: u64,
    /// Whether it is a generated image, which is of no patient.
    pub is_phantom: bool,
    /// What was odd about the file.
    pub warnings: Vec<String>,
}

impl StudyImage {
    /// An image at the size that the model's card names.
    ///
    /// # Errors
    /// When it cannot be brought to that size.
    pub fn new(radiograph: &Radiograph, model: &Model) -> Result<Self, Problem> {
        let sized = at_input_size(radiograph, model.card.fit())?;
        let gray = sized.gray_levels().into_owned();
        let input = scaled(&sized, model);
        Ok(Self {
            input,
            area: area(radiograph, &model.card),
            gray,
            content_seed: seed_of(&sized),
            is_phantom: sized.is_phantom(),
            warnings: sized.warnings().to_vec(),
        })
    }
}

/// [`StudyImage::content_seed`] of an image for models that read images so.
///
/// # Errors
/// When the image cannot be brought to their size.
pub fn content_seed(radiograph: &Radiograph, fit: ImageFit) -> Result<u64, Problem> {
    Ok(seed_of(&*at_input_size(radiograph, fit)?))
}

fn seed_of(sized: &Radiograph) -> u64 {
    match sized.scale() {
        ValueScale::Symmetric => hashed(sized.pixels()),
        ValueScale::Gray => {
            let gray = sized.gray_levels();
            hashed(&gray.iter().map(|gray| Scaling::UnitToSymmetric.apply(*gray, 0)).collect::<Vec<f32>>())
        }
    }
}

/// The same for a PNG and an array that hold the same pixels, for every model of that input size.
fn hashed(symmetric: &[f32]) -> u64 {
    let bytes: Vec<u8> = symmetric.iter().flat_map(|value| value.to_le_bytes()).collect();
    let digest = sha256_hex(&bytes);
    digest.as_bytes()[..16]
        .iter()
        .fold(0, |seed, digit| (seed << 4) | u64::from((*digit as char).to_digit(16).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_follows_the_content() {
        // SHA-256 of four zero bytes begins with df3f619804a92fdb.
        assert_eq!(hashed(&[0.0]), 0xdf3f_6198_04a9_2fdb);
        assert_ne!(hashed(&[0.0, 1.0]), hashed(&[1.0, 0.0]));
    }
}
