//! Whose radiograph it is. Nothing prints this unless it is asked for by name.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde::Serialize;

use super::character_set::{CharacterSet, marked};
use super::dataset::DataSet;

/// What identifies the patient and the examination.
///
/// A value whose letters are not certain begins with `(not decoded)` and shows the bytes that are no ASCII as numbers;
/// [`Identity::undecoded`] names it, and nothing may export it.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// `PatientName`.
    pub patient_name: Option<String>,
    /// `PatientID`.
    pub patient_id: Option<String>,
    /// `PatientBirthDate`, as written.
    pub patient_birth_date: Option<String>,
    /// `PatientSex`.
    pub patient_sex: Option<String>,
    /// `PatientAge`, as written.
    pub patient_age: Option<String>,
    /// `AccessionNumber`.
    pub accession_number: Option<String>,
    /// `StudyDate`, as written.
    pub study_date: Option<String>,
    /// `InstitutionName`.
    pub institution_name: Option<String>,
    /// `StudyInstanceUID`.
    pub study_instance_uid: Option<String>,
    /// `SeriesInstanceUID`.
    pub series_instance_uid: Option<String>,
    /// `SOPInstanceUID`.
    pub sop_instance_uid: Option<String>,
    /// What could not be decoded; nothing where all could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecoded: Option<Undecoded>,
    /// What was assumed about the character set, where letters beyond ASCII hang on it and the file names it wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Values whose letters are not certain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecoded {
    /// The character set that the file declares.
    pub character_set: String,
    /// Keywords of the attributes, such as `PatientName`.
    pub attributes: Vec<&'static str>,
}

/// Why an identity is not exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the identity is not exported because {attribute} cannot be decoded for certain (character set of the file: \
     {character_set}); export without identity, or correct SpecificCharacterSet in the file first"
)]
pub struct NotDecoded {
    /// Keyword of the attribute.
    pub attribute: &'static str,
    /// The character set that the file declares.
    pub character_set: String,
}

/// What [`Identity::institution_name`] and [`Identity::patient_age`] are read from: shown, and copied into no DICOM object.
const NEVER_IN_DICOM: [&str; 2] = ["InstitutionName", "PatientAge"];

impl Identity {
    pub(super) fn of(data_set: &DataSet<'_>) -> Self {
        let mut reader =
            Reader { data_set, set: CharacterSet::of(data_set), undecoded: Vec::new(), hangs_on_set: false };
        let identity = Self {
            patient_name: reader.name(tags::PATIENT_NAME, "PatientName"),
            patient_id: reader.text(tags::PATIENT_ID, "PatientID"),
            patient_birth_date: reader.code(tags::PATIENT_BIRTH_DATE, "PatientBirthDate"),
            patient_sex: reader.code(tags::PATIENT_SEX, "PatientSex"),
            patient_age: reader.code(tags::PATIENT_AGE, "PatientAge"),
            accession_number: reader.text(tags::ACCESSION_NUMBER, "AccessionNumber"),
            study_date: reader.code(tags::STUDY_DATE, "StudyDate"),
            institution_name: reader.text(tags::INSTITUTION_NAME, "InstitutionName"),
            study_instance_uid: reader.code(tags::STUDY_INSTANCE_UID, "StudyInstanceUID"),
            series_instance_uid: reader.code(tags::SERIES_INSTANCE_UID, "SeriesInstanceUID"),
            sop_instance_uid: reader.code(tags::SOP_INSTANCE_UID, "SOPInstanceUID"),
            undecoded: None,
            warning: None,
        };
        let Reader { set, undecoded: attributes, hangs_on_set, .. } = reader;
        let undecoded = (!attributes.is_empty()).then(|| Undecoded { character_set: set.name(), attributes });
        Self { undecoded, warning: set.warning().filter(|_| hangs_on_set), ..identity }
    }

    /// Refuses an identity of which any value could not be decoded.
    ///
    /// # Errors
    /// Names the first such value and the character set.
    pub fn require_decoded(&self) -> Result<(), NotDecoded> {
        self.refuse(&[])
    }

    /// The same for what is copied into DICOM objects, which is less.
    ///
    /// # Errors
    /// As [`Identity::require_decoded`].
    pub fn require_decoded_for_dicom(&self) -> Result<(), NotDecoded> {
        self.refuse(&NEVER_IN_DICOM)
    }

    fn refuse(&self, spared: &[&str]) -> Result<(), NotDecoded> {
        let Some(Undecoded { character_set, attributes }) = &self.undecoded else { return Ok(()) };
        match attributes.iter().find(|attribute| !spared.contains(attribute)) {
            Some(attribute) => Err(NotDecoded { attribute, character_set: character_set.clone() }),
            None => Ok(()),
        }
    }
}

/// Reads values and notes which cannot be decoded.
struct Reader<'a, 'b> {
    data_set: &'a DataSet<'b>,
    set: CharacterSet,
    undecoded: Vec<&'static str>,
    /// Whether a value means something else in another character set.
    hangs_on_set: bool,
}

impl Reader<'_, '_> {
    /// A value whose letters are of the file's character set.
    fn text(&mut self, tag: Tag, keyword: &'static str) -> Option<String> {
        self.decoded(tag, keyword, false)
    }

    /// The same of a person's name.
    fn name(&mut self, tag: Tag, keyword: &'static str) -> Option<String> {
        self.decoded(tag, keyword, true)
    }

    fn decoded(&mut self, tag: Tag, keyword: &'static str, is_name: bool) -> Option<String> {
        let bytes = self.data_set.text_bytes(tag)?;
        let decoded = self.set.decode(bytes, is_name);
        self.hangs_on_set |= !is_printable_ascii(bytes);
        Some(self.or_marked(decoded, bytes, keyword))
    }

    /// A date, a code or an identifier, which are ASCII whatever the character set is (PS3.5 6.1.2.2).
    fn code(&mut self, tag: Tag, keyword: &'static str) -> Option<String> {
        let bytes = self.data_set.text_bytes(tag)?;
        let decoded = std::str::from_utf8(bytes).ok().filter(|_| is_printable_ascii(bytes)).map(str::to_owned);
        Some(self.or_marked(decoded, bytes, keyword))
    }

    fn or_marked(&mut self, decoded: Option<String>, bytes: &[u8], keyword: &'static str) -> String {
        decoded.unwrap_or_else(|| {
            self.undecoded.push(keyword);
            marked(bytes)
        })
    }
}

fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity (withheld)")
    }
}
