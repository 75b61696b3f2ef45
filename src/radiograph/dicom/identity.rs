//! Whose radiograph it is. Nothing prints this unless it is asked for by name.

use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::DataSet;

/// What identifies the patient and the examination.
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
}

impl Identity {
    pub(super) fn of(data_set: &DataSet<'_>) -> Self {
        Self {
            patient_name: data_set.text(tags::PATIENT_NAME),
            patient_id: data_set.text(tags::PATIENT_ID),
            patient_birth_date: data_set.text(tags::PATIENT_BIRTH_DATE),
            patient_sex: data_set.text(tags::PATIENT_SEX),
            patient_age: data_set.text(tags::PATIENT_AGE),
            accession_number: data_set.text(tags::ACCESSION_NUMBER),
            study_date: data_set.text(tags::STUDY_DATE),
            institution_name: data_set.text(tags::INSTITUTION_NAME),
            study_instance_uid: data_set.text(tags::STUDY_INSTANCE_UID),
            series_instance_uid: data_set.text(tags::SERIES_INSTANCE_UID),
            sop_instance_uid: data_set.text(tags::SOP_INSTANCE_UID),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity (withheld)")
    }
}
