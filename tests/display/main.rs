//! How radiographs and maps become colours, on the processor.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]

mod colours;
mod dicom_gray;
mod lines;
mod maps;
mod planes;
mod viewports;
