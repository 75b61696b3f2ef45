//! A phantom as Secondary Capture, with the attributes that the two public sets have: no window, no rescale.
//!
//! Unlike theirs the pixels are not compressed: they equal the PNG's.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::super::Phantom;
use super::identity::{Identity, Set};
use crate::radiograph::phantom_mark::{MARK, MARK_OWNER, MARK_OWNER_TAG, MARK_TAG};

/// The file's bytes, explicit VR little endian.
pub(super) fn encode(phantom: &Phantom, identity: &Identity, set: Set) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let [study, series, image] = identity.uids(set);
    let patient = phantom.patient;
    let side = PrimitiveValue::from(phantom.size_px as u16);
    let age = format!("{:03}Y", patient.age_years);
    let series_description = format!("view: {}", patient.view.code());
    let spacing = format!("{:.6}", phantom.pixel_spacing_mm);
    let spacing = format!("{spacing}\\{spacing}");
    let text = |tag, vr, value: &str| DataElement::new(tag, vr, PrimitiveValue::from(value));
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let mut pixels = phantom.gray.clone();
    if pixels.len() % 2 == 1 {
        // Values have an even length.
        pixels.push(0);
    }
    let object = InMemDicomObject::from_element_iter([
        text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY"),
        text(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE),
        text(tags::SOP_INSTANCE_UID, VR::UI, &image),
        text(tags::STUDY_DATE, VR::DA, "19010101"),
        text(tags::STUDY_TIME, VR::TM, "000000.00"),
        text(tags::ACCESSION_NUMBER, VR::SH, ""),
        text(tags::MODALITY, VR::CS, "CR"),
        text(tags::CONVERSION_TYPE, VR::CS, "WSD"),
        text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, ""),
        text(tags::SERIES_DESCRIPTION, VR::LO, &series_description),
        text(tags::DERIVATION_DESCRIPTION, VR::ST, MARK),
        text(MARK_OWNER_TAG, VR::LO, MARK_OWNER),
        text(MARK_TAG, VR::LO, MARK),
        text(tags::PATIENT_NAME, VR::PN, &identity.patient),
        text(tags::PATIENT_ID, VR::LO, &identity.patient),
        text(tags::PATIENT_BIRTH_DATE, VR::DA, ""),
        text(tags::PATIENT_SEX, VR::CS, patient.sex.code()),
        text(tags::PATIENT_AGE, VR::AS, &age),
        text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
        text(tags::VIEW_POSITION, VR::CS, patient.view.code()),
        text(tags::STUDY_INSTANCE_UID, VR::UI, &study),
        text(tags::SERIES_INSTANCE_UID, VR::UI, &series),
        text(tags::STUDY_ID, VR::SH, ""),
        text(tags::SERIES_NUMBER, VR::IS, "1"),
        text(tags::INSTANCE_NUMBER, VR::IS, "1"),
        text(tags::PATIENT_ORIENTATION, VR::CS, ""),
        number(tags::SAMPLES_PER_PIXEL, 1),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        DataElement::new(tags::ROWS, VR::US, side.clone()),
        DataElement::new(tags::COLUMNS, VR::US, side),
        text(tags::PIXEL_SPACING, VR::DS, &spacing),
        number(tags::BITS_ALLOCATED, 8),
        number(tags::BITS_STORED, 8),
        number(tags::HIGH_BIT, 7),
        number(tags::PIXEL_REPRESENTATION, 0),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)),
    ]);
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(image);
    let mut bytes = Vec::new();
    object.with_meta(meta)?.write_all(&mut bytes)?;
    Ok(bytes)
}
