//! What the header of a DICOM file says about size and patient; no pixel is read.

use std::fs::File;

use super::files::Header;
use crate::radiograph::{dicom, guard};

/// SOP class of the table of contents of DICOM media.
const MEDIA_DIRECTORY: &[u8] = b"1.2.840.10008.1.3.10";

/// Reads everything before the pixels of an open file that begins with `start`.
pub(super) fn read(file: File, start: &[u8]) -> Header {
    if is_media_directory(start) {
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

/// Whether the meta group, which is at the start, names that class. Longer UIDs begin alike.
fn is_media_directory(start: &[u8]) -> bool {
    let mut windows = start.windows(MEDIA_DIRECTORY.len() + 1);
    windows.any(|window| {
        let (class, next) = window.split_at(MEDIA_DIRECTORY.len());
        class == MEDIA_DIRECTORY && !next.iter().any(|byte| byte.is_ascii_digit() || *byte == b'.')
    })
}
