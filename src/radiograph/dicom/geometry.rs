//! Distance between pixels, and which plane it is measured in.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::{DataSet, Usual};

/// Where a pixel spacing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacingKind {
    /// `PixelSpacing`: in the patient, or in the detector plane where nothing says that it was calibrated.
    Pixel,
    /// `PixelSpacing` with a calibration, or one that differs from that of the detector: in the patient.
    Calibrated,
    /// `ImagerPixelSpacing`: in the plane of the detector, larger than in the patient by the magnification.
    DetectorPlane,
    /// `NominalScannedPixelSpacing`: of a scanned film.
    ScannedFilm,
}

/// Distance between the centres of neighbouring pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spacing {
    /// Between rows, in mm, above 0.
    pub row_mm: f64,
    /// Between columns, in mm, above 0.
    pub column_mm: f64,
    /// Where it is measured.
    pub kind: SpacingKind,
}

impl Spacing {
    /// The spacing a data set gives; `groups` are items of functional groups, the most specific first (PS3.3 10.7,
    /// C.8.7.10, C.7.6.16.2.1). A warning where a spacing is given that cannot be.
    pub(super) fn of(data_set: &DataSet<'_>, groups: &[DataSet<'_>]) -> (Option<Self>, Option<String>) {
        let measures = groups.iter().find_map(|group| group.item(tags::PIXEL_MEASURES_SEQUENCE, 0));
        let mut refused = false;
        let mut pair = |data_set: &DataSet<'_>, tag: Tag| -> Option<[f64; 2]> {
            let values = data_set.numbers(tag, Usual::Text);
            match values[..] {
                [] => None,
                [row, column, ..] if row.is_finite() && column.is_finite() && row > 0.0 && column > 0.0 => {
                    Some([row, column])
                }
                _ => {
                    refused = true;
                    None
                }
            }
        };
        let imager = pair(data_set, tags::IMAGER_PIXEL_SPACING);
        let pixel = measures
            .as_ref()
            .and_then(|measures| pair(measures, tags::PIXEL_SPACING))
            .or_else(|| pair(data_set, tags::PIXEL_SPACING));
        let is_calibrated = data_set.value(tags::PIXEL_SPACING_CALIBRATION_TYPE).is_some()
            || imager.is_some_and(|imager| pixel.is_some_and(|pixel| differ(pixel, imager)));
        let scanned = pair(data_set, tags::NOMINAL_SCANNED_PIXEL_SPACING);
        let found = match (pixel, imager, scanned) {
            (Some(pixel), ..) if is_calibrated => Some((pixel, SpacingKind::Calibrated)),
            // Equal to the detector's: PS3.3 10.7.1.3 says that no correction was made.
            (Some(pixel), Some(_), _) => Some((pixel, SpacingKind::DetectorPlane)),
            (Some(pixel), None, _) => Some((pixel, SpacingKind::Pixel)),
            (None, Some(imager), _) => Some((imager, SpacingKind::DetectorPlane)),
            (None, None, Some(scanned)) => Some((scanned, SpacingKind::ScannedFilm)),
            (None, None, None) => None,
        };
        let warning = (refused && found.is_none())
            .then(|| "the pixel spacing is not above 0 and was left out: nothing can be measured".to_owned());
        (found.map(|([row_mm, column_mm], kind)| Self { row_mm, column_mm, kind }), warning)
    }
}

/// Whether two spacings are told apart by more than the rounding of their digits.
fn differ(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-4 * b)
}
