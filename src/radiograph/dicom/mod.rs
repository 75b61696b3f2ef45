//! DICOM radiographs.

#[allow(dead_code, unused_imports, reason = "the reader of DICOM files calls the codecs")]
mod codec;
