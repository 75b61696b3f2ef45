//! A radiograph as its file gives it, for pictures and for DICOM.

use std::path::Path;
use std::sync::OnceLock;

use super::record::{ImageRecord, content_sha256};
use super::{DicomStudy, Owner, Result};
use crate::display::{GrayDisplay, MapDisplay, MapPlane, Plane, Viewport, region, render};
use crate::figure::template::{Picture, Scale};
use crate::radiograph::dicom::{DicomImage, Frame};
use crate::radiograph::{self, DicomFrame, ImageFile, ImagePlace, Radiograph};
use crate::truth::Mask;

/// A radiograph at its own size.
#[derive(Clone, Debug)]
pub struct SourceImage {
    /// What models read.
    pub radiograph: Radiograph,
    /// The file it came from, where that is DICOM.
    pub dicom: Option<DicomImage>,
    /// Its first frame, where that is DICOM and nothing was drawn of it yet.
    frame: Option<Frame>,
    /// What is drawn: a DICOM frame as its file wants it, else the radiograph. Made when it is wanted first.
    plane: OnceLock<Plane>,
}

impl SourceImage {
    /// Reads a file that [`Radiograph::open`] reads.
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
        match ImageFile::open_at(place)? {
            ImageFile::Other(radiograph) => Ok(Self::of_radiograph(radiograph)),
            ImageFile::Dicom(file) => {
                let at = |problem| radiograph::Error { problem, path: place.path() };
                let radiograph = file.radiograph().map_err(at)?;
                let DicomFrame { image, frame, .. } = *file;
                Ok(Self { radiograph, dicom: Some(image), frame: Some(frame), plane: OnceLock::new() })
            }
        }
    }

    /// A radiograph that came from no DICOM file.
    pub fn of_radiograph(radiograph: Radiograph) -> Self {
        Self { radiograph, dicom: None, frame: None, plane: OnceLock::new() }
    }

    /// One of which everything is known already; `plane` is how its file wants it.
    pub fn of_plane(radiograph: Radiograph, dicom: Option<DicomImage>, plane: Plane) -> Self {
        Self { radiograph, dicom, frame: None, plane: plane.into() }
    }

    /// Memory it takes, in bytes, near enough to keep a bound.
    pub fn bytes(&self) -> usize {
        let stored = self.frame.as_ref().map_or(0, |frame| size_of_val(&frame.stored.values[..]));
        size_of_val(self.radiograph.pixels()) + stored + self.dicom.as_ref().map_or(0, DicomImage::bytes)
    }

    /// Rows and columns.
    pub fn size_px(&self) -> [usize; 2] {
        [self.radiograph.height_px(), self.radiograph.width_px()]
    }

    /// The radiograph as its file wants it, with its distances.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn picture(&self) -> Result<Picture> {
        let plane = match (self.plane.get(), &self.frame) {
            (Some(plane), _) => plane.clone(),
            (None, Some(frame)) => Plane::from_frame(frame)?,
            (None, None) => Plane::from_radiograph(&self.radiograph)?,
        };
        Ok(Picture {
            pixel_aspect: self.dicom.as_ref().and_then(DicomImage::pixel_aspect).unwrap_or(1.0),
            scale: Scale::of(self.dicom.as_ref().and_then(|dicom| dicom.spacing(0))),
            ..Picture::new(self.plane.get_or_init(|| plane).clone())
        })
    }

    /// The radiograph by its content.
    pub fn record(&self) -> ImageRecord {
        let [height_px, width_px] = self.size_px();
        let content_sha256 = content_sha256([height_px, width_px], self.radiograph.pixels());
        ImageRecord { content_sha256, height_px, width_px }
    }

    /// Refuses a DICOM file whose patient cannot be named for certain in DICOM objects, so that this shows before the work.
    ///
    /// # Errors
    /// When the letters of a value are not decoded.
    pub fn require_identity_for_dicom(&self) -> Result<()> {
        Ok(self.dicom.as_ref().map_or(Ok(()), |dicom| dicom.identity().require_decoded_for_dicom())?)
    }

    /// Its study for DICOM objects, shown as `picture` is, but neither turned nor inverted: the patient's own where
    /// `identity` is wanted and the file has
    /// one, else nobody's.
    ///
    /// # Errors
    /// When it is too large for DICOM, or the identity cannot be decoded.
    pub fn study(&self, picture: &Picture, identity: bool) -> Result<DicomStudy> {
        let owner = match &self.dicom {
            Some(dicom) if identity => Owner::PatientOf(dicom.clone()),
            _ => Owner::Nobody,
        };
        let [height_px, width_px] = self.size_px();
        let whole = Viewport::fit([width_px as u32, height_px as u32], [width_px, height_px], 1.0);
        // A copy that a viewer shows has no room for the words: it is never inverted.
        let own = GrayDisplay { inverted: picture.plane.own().inverted, ..picture.gray.clone() };
        let shown = render(&picture.plane, &own, None, &whole);
        let gray = shown.as_raw().iter().step_by(3).copied().collect();
        let study = DicomStudy::new(owner, self.dicom.as_ref(), [height_px, width_px], gray)?;
        Ok(study.of_phantom(self.radiograph.is_phantom()))
    }

    /// The pixels where a map, stretched over the radiograph, has at least the value `least`.
    pub fn region(&self, map: &MapPlane, display: &MapDisplay, least: f32) -> Mask {
        let [height_px, width_px] = self.size_px();
        region(map, least, display.interpolation, [width_px, height_px])
    }
}
