//! What the header of a DICOM file says about size and patient; no pixel is read.

use std::fs::File;

use super::files::Header;
use crate::radiograph::{dicom, guard};

/// Reads everything before the pixels of an open file that begins with `start`.
pub(super) fn read(file: File, start: &[u8]) -> Header {
    if dicom::is_media_directory(start) {
        return Header::Dicomdir;
    }
    // The header of an untrusted file: a panic must not take the others down.
    let Ok(Ok(header)) = guard::caught(|| dicom::Header::of_file(file)) else { return Header::Damaged };
    match (header.rows, header.columns) {
        (Some(rows @ 1..), Some(columns @ 1..)) => Header::Image {
            size_px: Some([rows, columns].map(usize::from)),
            patient: header.patient_id.filter(|id| !id.is_empty()),
            dicom: true,
            is_phantom: header.is_phantom,
        },
        (None, None) => Header::Other,
        _ => Header::Damaged,
    }
}
