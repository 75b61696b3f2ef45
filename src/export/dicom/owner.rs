//! Whose results they are: nobody's, or those of a DICOM file's patient.

use std::time::{SystemTime, UNIX_EPOCH};

use dicom_core::VR;
use dicom_dictionary_std::tags;
use sha2::{Digest, Sha256};

use super::element::{Builder, is_date, is_uid};
use crate::radiograph::dicom::DicomImage;

/// Stands for the day and the time where a real one would tell something about a patient.
const NO_DAY: &str = "19000101";
const NO_TIME: &str = "000000";

/// The patient and the study that exported objects belong to.
#[derive(Clone, Debug, Default)]
pub enum Owner {
    /// Nobody: no value of the source is taken over, and the study has an identifier of its own, made from the pixels
    /// alone.
    #[default]
    Nobody,
    /// The patient and the study of this file.
    PatientOf(DicomImage),
}

/// Identifiers of the objects of one radiograph.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The study, that of the source where the objects belong to its patient.
    pub(super) study: String,
    /// SHA-256 of the radiograph's pixels.
    content: String,
}

impl Names {
    /// The names for results on a radiograph with the pixels `content`, a hash.
    pub(super) fn new(owner: &Owner, content: &str) -> Self {
        let content = content.to_owned();
        let own = match owner {
            Owner::Nobody => None,
            Owner::PatientOf(image) => image.identity().study_instance_uid.filter(|uid| is_uid(uid)),
        };
        Self { study: own.unwrap_or_else(|| uid(&["study", &content])), content }
    }

    /// The identifier of a series, frame of reference and the like.
    pub(super) fn of(&self, what: &str) -> String {
        uid(&[what, &self.study, &self.content])
    }

    /// The identifier of an object with these pixels and words.
    pub(super) fn of_object(&self, what: &str, pixels: &[u8], words: &str) -> String {
        uid(&[what, &self.study, &self.content, words, &format!("{:x?}", Sha256::digest(pixels))])
    }
}

/// `2.25.` and a version 8 UUID from a hash of `parts`, as a decimal number (DICOM PS3.5 B.2, RFC 9562): the same export
/// has the same identifier.
fn uid(parts: &[&str]) -> String {
    let digest = Sha256::digest(format!("saliscope export {}", parts.join("\n")));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

impl Owner {
    /// The source's identifiers of series and instance, where it may be named.
    pub(super) fn source(&self) -> Option<SourceObject> {
        let Self::PatientOf(image) = self else { return None };
        let identity = image.identity();
        let valid = |uid: Option<String>| uid.filter(|uid| is_uid(uid));
        Some(SourceObject {
            class: valid(image.sop_class_uid())?,
            series: valid(identity.series_instance_uid)?,
            instance: valid(identity.sop_instance_uid)?,
        })
    }

    /// Patient, study, and the day of the export. What the source calls them is copied as it is: a name or a number that
    /// was cut or cleaned may be another patient's.
    pub(super) fn write(&self, object: Builder, names: &Names) -> Builder {
        let identity = match self {
            Self::Nobody => None,
            Self::PatientOf(image) => Some(image.identity()),
        };
        let (day, time) = if identity.is_some() { now() } else { (NO_DAY.to_owned(), NO_TIME.to_owned()) };
        let identity = identity.unwrap_or_default();
        let text = |value: Option<String>| value.unwrap_or_default();
        let date = |value: Option<String>| value.filter(|date| is_date(date)).unwrap_or_default();
        let sex = text(identity.patient_sex);
        let sex = if ["M", "F", "O"].contains(&sex.as_str()) { sex } else { String::new() };
        object
            .text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192")
            .name(tags::PATIENT_NAME, &text(identity.patient_name))
            .exact(tags::PATIENT_ID, VR::LO, &text(identity.patient_id))
            .text(tags::PATIENT_BIRTH_DATE, VR::DA, &date(identity.patient_birth_date))
            .text(tags::PATIENT_SEX, VR::CS, &sex)
            .text(tags::STUDY_INSTANCE_UID, VR::UI, &names.study)
            .text(tags::STUDY_DATE, VR::DA, &date(identity.study_date))
            .text(tags::STUDY_TIME, VR::TM, "")
            .text(tags::STUDY_ID, VR::SH, "")
            .exact(tags::ACCESSION_NUMBER, VR::SH, &text(identity.accession_number))
            .text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "")
            .text(tags::CONTENT_DATE, VR::DA, &day)
            .text(tags::CONTENT_TIME, VR::TM, &time)
    }
}

/// An object of the source's study.
pub(super) struct SourceObject {
    pub(super) class: String,
    pub(super) series: String,
    pub(super) instance: String,
}

/// Day and time of day, UTC.
fn now() -> (String, String) {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let [year, month, day] = civil((secs / 86_400).cast_signed());
    let of_day = secs % 86_400;
    (format!("{year:04}{month:02}{day:02}"), format!("{:02}{:02}{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60))
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar (Hinnant, "chrono-compatible
/// low-level date algorithms", `civil_from_days`).
fn civil(days: i64) -> [i64; 3] {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    [year_of_era + era * 400 + i64::from(month <= 2), month, day]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, date) in [
            (0, [1970, 1, 1]),
            (11_016, [2000, 2, 29]),
            (11_017, [2000, 3, 1]),
            (20_782, [2026, 11, 25]),
            (-1, [1969, 12, 31]),
        ] {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn identifiers_follow_the_content() {
        let names = Names::new(&Owner::Nobody, "abc");
        assert!(is_uid(&names.study) && is_uid(&names.of("series")));
        assert_ne!(names.of_object("capture", b"a", ""), names.of_object("capture", b"b", ""));
        assert_eq!(names.study, Names::new(&Owner::Nobody, "abc").study);
        assert_ne!(names.study, Names::new(&Owner::Nobody, "abd").study);
    }
}
