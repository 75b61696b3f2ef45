//! Results as DICOM: a capture that every viewer shows, and a segmentation for those that lay it over the radiograph.
//!
//! The segmentation refers to the radiograph it belongs to: the source itself where the results go to its patient's study,
//! else a copy without identity, which is written beside it.

mod element;
mod objects;
mod owner;

use dicom_dictionary_std::uids;
use dicom_object::FileMetaTableBuilder;
use element::Builder;
pub use owner::Owner;
use owner::{Names, SourceObject};

use super::{Error, Result};
use crate::figure::Painted;
use crate::network::sha256_hex;
use crate::radiograph::dicom::{DicomImage, Spacing, SpacingKind};
use crate::truth::Mask;

/// A radiograph whose results become DICOM objects of one study.
#[derive(Clone, Debug)]
pub struct DicomStudy {
    owner: Owner,
    names: Names,
    rows: u16,
    columns: u16,
    /// Gray levels as they are shown, `[rows, columns]`.
    gray: Vec<u8>,
    /// Distance between pixels where it is that in the patient, `[row, column]` in mm.
    spacing_mm: Option<[f64; 2]>,
    burned_in: Option<bool>,
    lossy: bool,
    /// Whether the radiograph is a generated image: all that is made from it carries the mark.
    is_phantom: bool,
}

/// What a segmentation shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// A few words, such as `GCAM, values from 0.5`.
    pub label: String,
    /// Method, class, model, preset and parameters.
    pub description: String,
    /// Name of the method.
    pub algorithm: String,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
}

impl DicomStudy {
    /// A radiograph with gray levels `[height_px, width_px]` as they are shown. `source` is the file it came from, where
    /// that is DICOM; whether its patient is named is for `owner` to say.
    ///
    /// # Errors
    /// When a side has more than 65535 pixels, or the owner's identity cannot be decoded.
    ///
    /// # Panics
    /// When there are not `height_px * width_px` gray levels.
    pub fn new(
        owner: Owner,
        source: Option<&DicomImage>,
        [height_px, width_px]: [usize; 2],
        gray: Vec<u8>,
    ) -> Result<Self> {
        assert_eq!(gray.len(), height_px * width_px, "a radiograph holds height x width gray levels");
        if let Owner::PatientOf(image) = &owner {
            image.identity().require_decoded_for_dicom()?;
        }
        let side = |side: usize| u16::try_from(side).map_err(|_| Error::DicomSize { width_px, height_px });
        let content = sha256_hex(&[&(width_px as u64).to_le_bytes()[..], &gray].concat());
        Ok(Self {
            names: Names::new(&owner, &content),
            owner,
            rows: side(height_px)?,
            columns: side(width_px)?,
            gray,
            spacing_mm: source.and_then(|source| in_patient(source.spacing(0)?)),
            burned_in: source.and_then(DicomImage::burned_in_annotation),
            lossy: source.and_then(DicomImage::was_compressed_with_loss).unwrap_or(false),
            is_phantom: false,
        })
    }

    /// The same of a generated image, where `is_phantom` says so: copies and results keep its mark.
    #[must_use]
    pub fn of_phantom(self, is_phantom: bool) -> Self {
        Self { is_phantom, ..self }
    }

    /// A copy of the radiograph as it is shown, without identity, which segmentations without a source refer to;
    /// nothing where they refer to the source itself.
    ///
    /// # Errors
    /// When the object cannot be encoded.
    pub fn radiograph(&self) -> Result<Option<Vec<u8>>> {
        match self.owner.source() {
            Some(_) => Ok(None),
            None => objects::radiograph(self).map(Some),
        }
    }

    /// A picture as Secondary Capture. Letters that tell what it is and that it is not for diagnosis belong into the
    /// picture; `description` repeats them for those who read attributes.
    ///
    /// # Errors
    /// When a side has more than 65535 pixels or the object cannot be encoded.
    pub fn capture(&self, picture: &Painted, description: &str) -> Result<Vec<u8>> {
        objects::capture(self, picture, description)
    }

    /// Pixels of the radiograph as a binary segmentation.
    ///
    /// # Errors
    /// When the object cannot be encoded.
    ///
    /// # Panics
    /// When the mask has another size than the radiograph.
    pub fn segmentation(&self, mask: &Mask, segment: &Segment) -> Result<Vec<u8>> {
        objects::segmentation(self, mask, segment)
    }

    /// What a segmentation refers to.
    fn reference(&self) -> SourceObject {
        self.owner.source().unwrap_or_else(|| SourceObject {
            class: uids::SECONDARY_CAPTURE_IMAGE_STORAGE.to_owned(),
            series: self.names.of("radiograph series"),
            instance: self.names.of("radiograph"),
        })
    }
}

/// A spacing that may be written as such: one of the detector's plane is not one in the patient.
fn in_patient(spacing: Spacing) -> Option<[f64; 2]> {
    matches!(spacing.kind, SpacingKind::Pixel | SpacingKind::Calibrated).then_some([spacing.row_mm, spacing.column_mm])
}

/// The file of an object.
fn encoded(object: Builder, class: &str, instance: &str) -> Result<Vec<u8>> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid(instance);
    let file = object.into_object().with_meta(meta).map_err(|error| Error::Dicom { reason: error.to_string() })?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|error| Error::Dicom { reason: error.to_string() })?;
    Ok(bytes)
}
