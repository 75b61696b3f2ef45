//! Figures and their files, from made-up planes and maps: the same pixels as the window's, text that can be read, files
//! that hold what they should and nothing about anybody.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod dicom;
mod files;
mod layout;
mod material;
mod pixels;
