//! Distance between pixels, and which plane it is measured in.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::DataSet;
use super::decimal::{Count, Wanted};

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
    /// C.8.7.10, C.7.6.16.2.1). A warning where a spacing is given that had to be understood or cannot be.
    pub(super) fn of(data_set: &DataSet<'_>, groups: &[DataSet<'_>], warnings: &mut Vec<String>) -> Option<Self> {
        let measures = groups.iter().find_map(|group| group.item(tags::PIXEL_MEASURES_SEQUENCE, 0));
        let mut pair = |data_set: &DataSet<'_>, tag: Tag, what: &'static str| -> Option<[f64; 2]> {
            let wanted = Wanted { what, count: Count::Two, fits: is_spacing };
            let already = warnings.len();
            match data_set.decimals(tag, &wanted, warnings)[..] {
                [] => None,
                [one] if is_spacing(one) => {
                    warnings.push(format!("{what} has one value instead of two, which was taken for both"));
                    Some([one, one])
                }
                [row, column, ref more @ ..] if is_spacing(row) && is_spacing(column) => {
                    if !more.is_empty() {
                        warnings.push(format!("{what} has more than two values; the first two were taken"));
                    }
                    Some([row, column])
                }
                // What is no number was told where it was read.
                ref values if warnings.len() == already || !values.iter().any(|value| value.is_nan()) => {
                    let why =
                        if values.iter().any(|value| !value.is_finite()) { "is no number" } else { "is not above 0" };
                    warnings.push(format!("{what} {why} and was left out"));
                    None
                }
                _ => None,
            }
        };
        let imager = pair(data_set, tags::IMAGER_PIXEL_SPACING, "the imager pixel spacing");
        let pixel = measures
            .as_ref()
            .and_then(|measures| pair(measures, tags::PIXEL_SPACING, "the pixel spacing"))
            .or_else(|| pair(data_set, tags::PIXEL_SPACING, "the pixel spacing"));
        let is_calibrated = data_set.value(tags::PIXEL_SPACING_CALIBRATION_TYPE).is_some()
            || imager.is_some_and(|imager| pixel.is_some_and(|pixel| differ(pixel, imager)));
        let scanned = pair(data_set, tags::NOMINAL_SCANNED_PIXEL_SPACING, "the spacing of the scanned film");
        let found = match (pixel, imager, scanned) {
            (Some(pixel), ..) if is_calibrated => Some((pixel, SpacingKind::Calibrated)),
            // Equal to the detector's: PS3.3 10.7.1.3 says that no correction was made.
            (Some(pixel), Some(_), _) => Some((pixel, SpacingKind::DetectorPlane)),
            (Some(pixel), None, _) => Some((pixel, SpacingKind::Pixel)),
            (None, Some(imager), _) => Some((imager, SpacingKind::DetectorPlane)),
            (None, None, Some(scanned)) => Some((scanned, SpacingKind::ScannedFilm)),
            (None, None, None) => None,
        };
        found.map(|([row_mm, column_mm], kind)| Self { row_mm, column_mm, kind })
    }
}

/// Height of a pixel over its width by `PixelAspectRatio` (PS3.3 C.7.6.3.1.7).
pub(super) fn aspect_ratio(data_set: &DataSet<'_>, warnings: &mut Vec<String>) -> Option<f64> {
    const RATIO: Wanted = Wanted { what: "the pixel aspect ratio", count: Count::Two, fits: |part| part > 0.0 };
    match data_set.decimals(tags::PIXEL_ASPECT_RATIO, &RATIO, warnings)[..] {
        [] => None,
        [vertical, horizontal] if vertical > 0.0 && horizontal > 0.0 && (vertical / horizontal).is_finite() => {
            Some(vertical / horizontal)
        }
        ref values => {
            if !values.iter().any(|value| value.is_nan()) {
                warnings.push("the pixel aspect ratio has not two values above 0 and was left out".to_owned());
            }
            None
        }
    }
}

/// Whether pixels can lie that many mm apart: more than nothing and less than a metre.
fn is_spacing(mm: f64) -> bool {
    mm > 0.0 && mm < 1000.0
}

/// Whether two spacings are told apart by more than the rounding of their digits.
fn differ(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-4 * b)
}
