//! What the header of a DICOM file says about size and patient; no pixel is read.

use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::OpenFileOptions;

use super::files::Header;

/// Reads everything before the pixels.
pub(super) fn read(path: &Path) -> Header {
    let open = || OpenFileOptions::new().read_until(tags::PIXEL_DATA).open_file(path).ok();
    let Ok(Some(object)) = std::panic::catch_unwind(open) else { return Header::Damaged };
    if object.meta().media_storage_sop_class_uid().trim_end_matches('\0') == "1.2.840.10008.1.3.10" {
        return Header::Dicomdir;
    }
    let side = |tag| object.element_opt(tag).ok().flatten()?.to_int::<usize>().ok();
    let (Some(rows), Some(columns)) = (side(tags::ROWS), side(tags::COLUMNS)) else { return Header::Damaged };
    let patient = object.element_opt(tags::PATIENT_ID).ok().flatten().and_then(|element| element.to_str().ok());
    let patient = patient.map(|id| id.trim_matches([' ', '\0']).to_owned()).filter(|id| !id.is_empty());
    Header::Image { size_px: Some([rows, columns]), patient, dicom: true }
}
