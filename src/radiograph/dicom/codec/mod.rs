//! Pixel codecs of DICOM's encapsulated frames, from the bytes of one frame to its samples.

mod error;
pub(crate) mod jpeg_ls;
pub(crate) mod rle;

pub(crate) use error::Error;
