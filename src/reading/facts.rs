//! What is written in the corners of a picture.

use crate::radiograph::dicom::{DicomImage, Identity, PictureKind, Spacing, SpacingKind};

/// What a file says about its image, for the eyes of whoever looks at it.
#[derive(Clone, Default)]
pub struct Facts {
    /// Whose it is; shown unless hidden, never exported unasked.
    pub identity: Identity,
    /// Such as `DX`.
    pub modality: Option<String>,
    /// Such as `PA`.
    pub view_position: Option<String>,
    /// What kind of picture it is.
    pub kind: PictureKind,
    /// Whether the pixels went through lossy compression.
    pub is_lossy: bool,
    /// Distance between pixels.
    pub spacing: Option<Spacing>,
    /// Height of a pixel over its width.
    pub pixel_aspect: f64,
}

impl Facts {
    /// Of an image that says nothing.
    pub fn none() -> Self {
        Self { pixel_aspect: 1.0, ..Self::default() }
    }

    /// What a DICOM file says.
    pub fn of(dicom: &DicomImage) -> Self {
        Self {
            identity: dicom.identity(),
            modality: dicom.modality(),
            view_position: dicom.view_position(),
            kind: dicom.kind(),
            is_lossy: dicom.is_lossy(),
            spacing: dicom.spacing(0),
            pixel_aspect: dicom.pixel_aspect().unwrap_or(1.0),
        }
    }

    /// Millimetres from column to column and what they are to be called; without one, lengths are pixels.
    ///
    /// A distance in the detector plane is not one in the patient, so it is never called plain mm.
    pub fn scale_mm(&self) -> Option<(f64, &'static str)> {
        let spacing = self.spacing?;
        let unit = match spacing.kind {
            SpacingKind::Calibrated => "mm",
            SpacingKind::Pixel | SpacingKind::DetectorPlane => "mm (detector)",
            SpacingKind::ScannedFilm => "mm (film)",
        };
        Some((spacing.column_mm, unit))
    }
}
