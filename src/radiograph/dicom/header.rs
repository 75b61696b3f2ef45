//! The few attributes an index of many files needs, read without the pixels.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::element::{Walk, is_pixel_data};
use super::error::{Error, Result};
use super::file::Preface;
use super::geometry::Spacing;
use crate::radiograph::phantom_mark::dicom_is_phantom;
use crate::{files, limits};

/// Bytes read at first, which hold the header of nearly every radiograph.
const FIRST_BYTES: u64 = 32 << 10;
/// What an index of files needs. Holds identifying values: none of it belongs into an output unless asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `SOPInstanceUID`, the name of the image.
    pub sop_instance_uid: Option<String>,
    /// `StudyInstanceUID`.
    pub study_instance_uid: Option<String>,
    /// `SeriesInstanceUID`.
    pub series_instance_uid: Option<String>,
    /// `PatientID`.
    pub patient_id: Option<String>,
    /// Rows, in pixels; nothing in a file without pixels.
    pub rows: Option<u16>,
    /// Columns, in pixels.
    pub columns: Option<u16>,
    /// `PhotometricInterpretation`, such as `MONOCHROME2`.
    pub photometric: Option<String>,
    /// UID of the transfer syntax.
    pub transfer_syntax: String,
    /// `ViewPosition`, such as `PA`.
    pub view_position: Option<String>,
    /// `SeriesDescription`.
    pub series_description: Option<String>,
    /// Modality, such as `CR`.
    pub modality: Option<String>,
    /// Distance between pixels.
    pub spacing: Option<Spacing>,
    /// Whether the file says that it is a generated image, which is of no patient.
    pub is_phantom: bool,
}

impl Header {
    /// Reads the file up to its pixel data, and no more than 8 MiB whatever it declares.
    ///
    /// # Errors
    /// When the file cannot be read, is no DICOM file, or its header is damaged or larger than that.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of_file(files::open(path)?)
    }

    /// The same of a regular file that is open, from its beginning.
    ///
    /// # Errors
    /// As [`Header::open`].
    pub fn of_file(mut file: File) -> Result<Self> {
        file.rewind()?;
        Self::of_reader(file)
    }

    /// The same of whatever gives the bytes of a file from its beginning.
    ///
    /// # Errors
    /// As [`Header::open`].
    pub fn of_reader(mut file: impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut wanted = FIRST_BYTES;
        loop {
            let missing = wanted - bytes.len() as u64;
            let is_whole = (&mut file).take(missing).read_to_end(&mut bytes)? < missing as usize;
            match Self::read(&bytes, is_whole) {
                Ok(Some(header)) => return Ok(header),
                Ok(None) if wanted < limits::DICOM_HEADER_BYTES => {
                    wanted = (wanted * 16).min(limits::DICOM_HEADER_BYTES);
                }
                Ok(None) => return Err(Error::Limit { what: "a header of more than 8 MiB" }),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the beginning of a file; nothing when it ends before the pixel data and there is more.
    fn read(bytes: &[u8], is_whole: bool) -> Result<Option<Self>> {
        let preface = match Preface::read(bytes) {
            Err(Error::Truncated { .. } | Error::Damaged { .. }) if !is_whole => return Ok(None),
            other => other?,
        };
        // A deflated data set that was cut is inflated as far as it goes.
        let unpacked = match preface.unpack(bytes.to_vec(), limits::DICOM_HEADER_BYTES) {
            Err(Error::Inflate(_)) if !is_whole => return Ok(None),
            other => other?,
        };
        let is_whole = is_whole && !unpacked.inflated_cut;
        let encoding = unpacked.syntax.encoding;
        let mut walk = Walk::new(&unpacked.bytes, unpacked.range.clone(), encoding);
        let mut elements = Vec::new();
        loop {
            // The pixel data need not be there in full, nor its fragments be walked over.
            if walk.peek().is_some_and(is_pixel_data) {
                break;
            }
            match walk.next() {
                Ok(Some(element)) => elements.push(element),
                Ok(None) if is_whole => break,
                Ok(None) => return Ok(None),
                Err(Error::Truncated { .. } | Error::Damaged { .. }) if !is_whole => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let data_set = DataSet { bytes: &unpacked.bytes, encoding, elements: elements.into(), warnings: Vec::new() };
        let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0);
        Ok(Some(Self {
            sop_instance_uid: data_set.text(tags::SOP_INSTANCE_UID),
            study_instance_uid: data_set.text(tags::STUDY_INSTANCE_UID),
            series_instance_uid: data_set.text(tags::SERIES_INSTANCE_UID),
            patient_id: data_set.text(tags::PATIENT_ID),
            rows: data_set.unsigned(tags::ROWS),
            columns: data_set.unsigned(tags::COLUMNS),
            photometric: data_set.text(tags::PHOTOMETRIC_INTERPRETATION),
            transfer_syntax: unpacked.syntax.uid().to_owned(),
            view_position: data_set.text(tags::VIEW_POSITION),
            series_description: data_set.text(tags::SERIES_DESCRIPTION),
            modality: data_set.text(tags::MODALITY),
            spacing: Spacing::of(&data_set, shared.as_slice(), &mut Vec::new()),
            is_phantom: dicom_is_phantom(&data_set),
        }))
    }
}
