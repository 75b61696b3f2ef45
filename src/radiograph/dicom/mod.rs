//! Radiographs from DICOM files (PS3.3, PS3.5, PS3.10).
//!
//! A file is believed in nothing. A walk over its elements (`element`) checks every length before anything is read by
//! it, the attributes of the image are checked before a codec sees them, and the head of each codestream is compared
//! with them before it is decoded; decoding runs in a thread that may fail or be left behind (`guard`).

mod dataset;
mod element;
mod error;
mod file;
mod geometry;
mod header;
mod transfer_syntax;

pub use error::{Error, Result};
pub use geometry::{Spacing, SpacingKind};
pub use header::Header;
pub use transfer_syntax::TransferSyntax;
