//! The table of contents of DICOM media (PS3.3 F, PS3.10 8).

use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::element::items_into;
use super::error::{Error, Result};
use super::file::Preface;
use crate::limits;
use crate::radiograph::guard;

/// SOP class of a DICOMDIR.
pub(super) const SOP_CLASS: &str = "1.2.840.10008.1.3.10";

/// What a record says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::radiograph) enum DirectoryRecord {
    /// An image, by the parts of its path below the folder of the DICOMDIR; none where the record names no file.
    Image(Vec<String>),
    /// A file that is no image, such as a report.
    OtherFile,
    /// It cannot be read.
    Damaged,
}

/// Whether a file that begins with `head` is a DICOMDIR: its meta group, which is at the start, names that class. Longer UIDs
/// begin alike.
pub(crate) fn is_media_directory(head: &[u8]) -> bool {
    let class = SOP_CLASS.as_bytes();
    let mut windows = head.windows(class.len() + 1);
    windows.any(|window| {
        let (found, next) = window.split_at(class.len());
        found == class && !next.iter().any(|byte| byte.is_ascii_digit() || *byte == b'.')
    })
}

/// The records of a DICOMDIR that are about files, in their order. Offsets from record to record are not believed, nor needed.
pub(in crate::radiograph) fn directory_records(bytes: Vec<u8>) -> Result<Vec<DirectoryRecord>> {
    guard::run(guard::TIME_LIMIT, move || read(bytes))?
}

fn read(bytes: Vec<u8>) -> Result<Vec<DirectoryRecord>> {
    let unpacked = Preface::read(&bytes)?.unpack(bytes, limits::MEDIA_DIRECTORY_BYTES)?;
    let encoding = unpacked.syntax.encoding;
    let data_set = DataSet::read(&unpacked.bytes, unpacked.range, encoding)?;
    let Some(sequence) = data_set.element(tags::DIRECTORY_RECORD_SEQUENCE) else {
        return Err(Error::Missing { name: "DirectoryRecordSequence" });
    };
    let items = sequence.items;
    let mut records = Vec::new();
    let damaged = match items_into(&mut records, &unpacked.bytes, sequence) {
        Ok(()) => None,
        Err(Error::Truncated { .. } | Error::Damaged { .. }) if !records.is_empty() => Some(DirectoryRecord::Damaged),
        Err(error) => return Err(error),
    };
    let record = |range| match DataSet::read(&unpacked.bytes, range, items) {
        Ok(record) => of_item(&record),
        Err(_) => Some(DirectoryRecord::Damaged),
    };
    Ok(records.into_iter().filter_map(record).chain(damaged).collect())
}

/// Nothing where the record is about a patient, a study or a series, or is no longer in use.
fn of_item(record: &DataSet<'_>) -> Option<DirectoryRecord> {
    const NO_LONGER_IN_USE: u16 = 0;
    if record.unsigned(tags::RECORD_IN_USE_FLAG) == Some(NO_LONGER_IN_USE) {
        return None;
    }
    let parts = record.texts(tags::REFERENCED_FILE_ID);
    if record.text(tags::DIRECTORY_RECORD_TYPE).as_deref() == Some("IMAGE") {
        return Some(DirectoryRecord::Image(parts));
    }
    (!parts.is_empty()).then_some(DirectoryRecord::OtherFile)
}
