//! The case that the program shows without a file.

use super::explain_files::Shown;
use crate::demo;
use crate::export::SourceImage;
use crate::phantom;
use crate::radiograph::{Radiograph, ValueScale};

/// The demo's first case with its truth.
pub(super) fn first_case() -> Shown {
    let phantom = phantom::generate(&demo::FIRST_CASE);
    let gray = phantom.gray.into_iter().map(f32::from).collect();
    let radiograph = Radiograph::new(phantom.size_px, phantom.size_px, gray, ValueScale::Gray).of_phantom();
    Shown { image: SourceImage::of_radiograph(radiograph), truth: phantom.mask }
}
