//! What kind of picture a file holds: how it is meant to be looked at, which way it lies, and whether it is a radiograph
//! at all.
//!
//! Only terms that the standard or many programs define are repeated; other words may be a patient's.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::DataSet;
use super::layout::Photometric;

/// What the standard's SOP classes begin with.
const STANDARD_UID: &str = "1.2.840.10008.";

/// Digital X-ray, mammography and intra-oral images for processing (PS3.4 B.5).
const FOR_PROCESSING: [&str; 3] =
    ["1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.840.10008.5.1.4.1.1.1.3.1"];

/// Secondary captures, of one frame and of several.
const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Terms of `ImageType` that are repeated.
const IMAGE_TYPES: [&str; 12] = [
    "ORIGINAL",
    "DERIVED",
    "PRIMARY",
    "SECONDARY",
    "SCREEN SAVE",
    "SCREEN_SAVE",
    "REPORT",
    "DOSE_INFO",
    "DOSE REPORT",
    "SCANNED DOCUMENT",
    "LOCALIZER",
    "AXIAL",
];

/// Those of them that say that the picture is no radiograph.
const PAGES: [&str; 6] = ["SCREEN SAVE", "SCREEN_SAVE", "REPORT", "DOSE_INFO", "DOSE REPORT", "SCANNED DOCUMENT"];

/// Right, left, unpaired and both.
const SIDES: [&str; 4] = ["R", "L", "U", "B"];

/// What a file says about the kind of its picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PictureKind {
    /// `SOPClassUID`, where it is one of the standard.
    pub sop_class_uid: Option<String>,
    /// `ImageType`; a term that nobody defined is `(other)`.
    pub image_type: Vec<&'static str>,
    /// `ConversionType` of a secondary capture, such as `WSD`.
    pub conversion_type: Option<&'static str>,
    /// `PresentationIntentType`: for presentation or for processing.
    pub presentation_intent_type: Option<&'static str>,
    /// `PresentationLUTShape`: what comes behind the windows.
    pub presentation_lut_shape: Option<&'static str>,
    /// `BurnedInAnnotation`: letters in the pixels that identify the patient.
    pub burned_in_annotation: Option<bool>,
    /// `ImageLaterality`, else `Laterality`: `R`, `L`, `U` (unpaired) or `B` (both).
    pub laterality: Option<&'static str>,
    /// `PatientOrientation`: where rows and columns run to, such as `L` and `F`.
    pub patient_orientation: Option<[String; 2]>,
}

impl PictureKind {
    pub(super) fn of(data_set: &DataSet<'_>) -> Self {
        let term = |tag: Tag, terms: &[&'static str]| {
            let text = data_set.text(tag)?;
            terms.iter().copied().find(|term| term.eq_ignore_ascii_case(&text))
        };
        Self {
            sop_class_uid: data_set.text(tags::SOP_CLASS_UID).filter(|uid| {
                uid.starts_with(STANDARD_UID) && uid.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
            }),
            image_type: image_type(data_set),
            conversion_type: term(tags::CONVERSION_TYPE, &["DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"]),
            presentation_intent_type: term(tags::PRESENTATION_INTENT_TYPE, &["FOR PRESENTATION", "FOR PROCESSING"]),
            presentation_lut_shape: term(tags::PRESENTATION_LUT_SHAPE, &["IDENTITY", "INVERSE", "LIN OD"]),
            burned_in_annotation: term(tags::BURNED_IN_ANNOTATION, &["YES", "NO"]).map(|said| said == "YES"),
            laterality: term(tags::IMAGE_LATERALITY, &SIDES).or_else(|| term(tags::LATERALITY, &SIDES)),
            patient_orientation: orientation(data_set),
        }
    }

    /// Whether the picture is raw detector signal, not meant to be looked at.
    pub fn is_for_processing(&self) -> bool {
        self.presentation_intent_type == Some("FOR PROCESSING")
            || self.sop_class_uid.as_deref().is_some_and(|uid| FOR_PROCESSING.contains(&uid))
    }

    /// What is to be told about it.
    pub(super) fn warnings(&self, data_set: &DataSet<'_>, photometric: Photometric) -> Vec<String> {
        let mut told = Vec::new();
        if self.is_for_processing() {
            told.push(
                "the image is FOR PROCESSING: raw detector signal, not a picture to be read; take the one FOR \
                 PRESENTATION"
                    .to_owned(),
            );
        }
        let inverse = match photometric {
            Photometric::Monochrome1 => Some("IDENTITY"),
            Photometric::Monochrome2 => Some("INVERSE"),
            _ => None,
        };
        if let Some(shape) = self.presentation_lut_shape.filter(|shape| Some(*shape) == inverse) {
            told.push(format!(
                "PresentationLUTShape {shape} contradicts {}, which decided what is black: look whether the picture is \
                 a negative",
                photometric.name()
            ));
        }
        if self.burned_in_annotation == Some(true) {
            told.push("BurnedInAnnotation says that letters in the pixels identify the patient".to_owned());
        }
        let has_words = |tag| data_set.text(tag).is_some_and(|text| !text.is_empty());
        if self.laterality.is_none() && [tags::IMAGE_LATERALITY, tags::LATERALITY].into_iter().any(has_words) {
            told.push("the laterality is none of the terms that DICOM defines and was left out".to_owned());
        }
        let said = |tag| data_set.text(tag).filter(|text| text == "R" || text == "L");
        if let (Some(image), Some(series)) = (said(tags::IMAGE_LATERALITY), said(tags::LATERALITY))
            && image != series
        {
            told.push(format!("ImageLaterality says {image} and Laterality {series}"));
        }
        let modality = data_set.text(tags::MODALITY);
        // Slices lie in other planes.
        if matches!(modality.as_deref(), Some("CR" | "DX" | "RG")) {
            told.extend(self.lies_otherwise());
        }
        told.extend(self.page(modality.as_deref()));
        told
    }

    /// How the picture lies where it is not upright, seen from the front.
    fn lies_otherwise(&self) -> Option<String> {
        let [row, column] = self.patient_orientation.as_ref()?;
        let what = if !column.starts_with('F') {
            "turned or upside down"
        } else if row.starts_with('R') {
            "mirrored, or seen from behind"
        } else {
            return None;
        };
        Some(format!(
            "PatientOrientation is {row}\\{column}: the picture lies {what}; it is shown and read as it is stored"
        ))
    }

    /// Why the picture may be a page or a screen.
    fn page(&self, modality: Option<&str>) -> Option<String> {
        let page = self.image_type.iter().find(|term| PAGES.contains(term));
        let is_capture = self.sop_class_uid.as_deref().is_some_and(|uid| {
            uid.strip_prefix(SECONDARY_CAPTURE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let why = match (modality, page, self.conversion_type) {
            (Some("DOC"), ..) => "its modality is DOC, a document".to_owned(),
            (Some("SR"), ..) => "its modality is SR, a report".to_owned(),
            (Some("OT"), ..) if is_capture => "it is a secondary capture of modality OT".to_owned(),
            (_, Some(page), _) => format!("its ImageType is {page}"),
            (.., Some("SD")) => "it is a scanned document".to_owned(),
            _ => return None,
        };
        Some(format!("the picture may be a page or a screen and no radiograph: {why}"))
    }
}

fn image_type(data_set: &DataSet<'_>) -> Vec<&'static str> {
    let known = |text: String| IMAGE_TYPES.into_iter().find(|term| *term == text).unwrap_or("(other)");
    data_set.texts(tags::IMAGE_TYPE).into_iter().filter(|text| !text.is_empty()).map(known).collect()
}

/// Up to three letters each (PS3.3 C.7.6.1.1.1).
fn orientation(data_set: &DataSet<'_>) -> Option<[String; 2]> {
    let texts = data_set.texts(tags::PATIENT_ORIENTATION);
    let are_letters = |text: &String| {
        (1..=3).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'A' | b'P' | b'R' | b'L' | b'H' | b'F'))
    };
    <[String; 2]>::try_from(texts).ok().filter(|[row, column]| are_letters(row) && are_letters(column))
}
