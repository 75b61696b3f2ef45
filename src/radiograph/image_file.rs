//! An image file, read and decoded once for everything that is made of it.

use std::borrow::Cow;
use std::path::Path;

use super::dicom::{DicomImage, Frame};
use super::error::{Error, Problem, Result};
use super::{Format, ImagePlace, Radiograph, guard, misnamed, numpy, phantom_mark, raster, read_place, unknown_format};

/// What an image file holds.
#[derive(Clone, Debug)]
pub enum ImageFile {
    /// A DICOM image with its first frame.
    Dicom(Box<DicomFrame>),
    /// A PNG, JPEG, TIFF or NPY image.
    Other(Radiograph),
}

/// A DICOM image with its first frame decoded.
#[derive(Clone, Debug)]
pub struct DicomFrame {
    /// The image.
    pub image: DicomImage,
    /// Its frame 0.
    pub frame: Frame,
    /// What was odd about the file's name.
    warnings: Vec<String>,
}

impl DicomFrame {
    /// The frame as a radiograph for a model.
    ///
    /// # Errors
    /// When its colours cannot be reduced to gray.
    pub fn radiograph(&self) -> std::result::Result<Radiograph, Problem> {
        let mut radiograph = Radiograph::of_frame(&self.image, 0, &self.frame)?;
        radiograph.warnings.splice(0..0, self.warnings.iter().cloned());
        Ok(radiograph)
    }
}

impl ImageFile {
    /// Reads and decodes a file that [`Radiograph::open`] reads.
    ///
    /// # Errors
    /// As there.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_at(&path.into())
    }

    /// The same of a file that may lie in a zip archive.
    ///
    /// # Errors
    /// As there.
    pub fn open_at(place: &ImagePlace) -> Result<Self> {
        let at = |problem: Problem| Error { problem, path: place.path() };
        let bytes = read_place(place).map_err(at)?;
        let misnamed = Format::of_content(&bytes).and_then(|format| misnamed(&place.path(), format));
        Self::from_content(bytes.into(), misnamed.into_iter().collect()).map_err(at)
    }

    /// Decodes the content of a file; `warnings` are told before its own.
    pub(super) fn from_content(bytes: Cow<'_, [u8]>, warnings: Vec<String>) -> std::result::Result<Self, Problem> {
        let format = Format::of_content(&bytes).ok_or_else(|| unknown_format(&bytes))?;
        if format == Format::Dicom {
            let image = DicomImage::from_bytes(bytes.into_owned())?;
            let frame = image.frame(0)?;
            return Ok(Self::Dicom(Box::new(DicomFrame { image, frame, warnings })));
        }
        let bytes = bytes.into_owned();
        let decode = move || {
            let radiograph = match format {
                Format::Npy => numpy::decode(&bytes),
                _ => raster::decode(&bytes, format),
            }?;
            let is_phantom = format == Format::Png && phantom_mark::png_is_phantom(&bytes);
            Ok::<_, Problem>(Radiograph { is_phantom, ..radiograph })
        };
        let decoded = guard::run(guard::TIME_LIMIT, decode);
        let mut radiograph = decoded.map_err(|failure| Problem::of_failure(failure, format))??;
        radiograph.warnings.splice(0..0, warnings);
        Ok(Self::Other(radiograph))
    }

    /// What models read.
    ///
    /// # Errors
    /// When the colours of a DICOM frame cannot be reduced to gray.
    pub fn into_radiograph(self) -> std::result::Result<Radiograph, Problem> {
        match self {
            Self::Dicom(dicom) => dicom.radiograph(),
            Self::Other(radiograph) => Ok(radiograph),
        }
    }
}
