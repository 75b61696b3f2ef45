//! A frame of a DICOM image as a radiograph for a model.

use super::error::Result;
use super::frame::Frame;
use super::image::DicomImage;
use crate::radiograph::{Radiograph, ValueScale};

impl Radiograph {
    /// Frame `index` of a DICOM image, counted from 0, as gray levels 0 to 255.
    ///
    /// The levels are those of [`super::Frame::gray_levels`]: modality LUT, then the file's own VOI lookup table or
    /// window, MONOCHROME1 inverted; 8-bit values without any of these exactly as stored; more bits without a window
    /// between the percentiles 0.5 and 99.5, with a warning. Tables, windows and a rescale that would show different values as
    /// one level are left out, with a warning. Overlays are not drawn and pixels that are not square are
    /// not stretched; the latter is a warning.
    ///
    /// # Errors
    /// When there is no such frame, it is damaged, its compression is not supported or its colours cannot be reduced
    /// to gray.
    pub fn from_dicom(image: &DicomImage, index: usize) -> Result<Self> {
        Self::of_frame(image, index, &image.frame(index)?)
    }

    /// The same of a frame that is decoded already.
    pub(in crate::radiograph) fn of_frame(image: &DicomImage, index: usize, frame: &Frame) -> Result<Self> {
        let (pixels, told) = frame.gray_levels()?;
        let layout = image.layout();
        let mut warnings: Vec<String> = image.warnings().iter().chain(&frame.warnings).cloned().chain(told).collect();
        if layout.frames > 1 {
            warnings.push(format!("the file has {} frames; frame {index} (counted from 0) was used", layout.frames));
        }
        if let Some(aspect) = image.pixel_aspect() {
            warnings.push(format!("the pixels are not square (height / width {aspect:.3}) and were left as they are"));
        }
        let mut radiograph = Self::new(layout.rows, layout.columns, pixels, ValueScale::Gray);
        radiograph.is_phantom = image.is_phantom();
        radiograph.warnings = warnings;
        Ok(radiograph)
    }
}
