//! Radiographs from DICOM files (PS3.3, PS3.5, PS3.10).
//!
//! A file is believed in nothing. A walk over its elements (`element`) checks every length before anything is read by
//! it, the attributes of the image are checked before a codec sees them, and the head of each codestream is compared
//! with them before it is decoded; decoding runs in a thread that may fail or be left behind (`radiograph::guard`).

mod as_radiograph;
mod character_set;
mod codec;
pub(in crate::radiograph) mod dataset;
mod decimal;
pub(in crate::radiograph) mod element;
mod error;
mod file;
mod frame;
mod frames;
mod geometry;
mod header;
mod identity;
mod image;
mod iso_2022;
mod kind;
mod layout;
mod lookup;
mod media_directory;
mod modality;
mod native_coding;
mod overlay;
mod signature;
mod stored;
mod transfer_syntax;
mod value_bits;
mod voi;

pub use error::{Error, Result};
pub(in crate::radiograph) use file::{has_mark, looks_like_dicom};
pub use frame::Frame;
pub use geometry::{Spacing, SpacingKind};
pub use header::Header;
pub use identity::{Identity, NotDecoded, Undecoded};
pub use image::{DicomImage, frames_decoded};
pub use kind::PictureKind;
pub use layout::{Photometric, PixelLayout};
pub use lookup::LookupTable;
pub(crate) use media_directory::is_media_directory;
pub(in crate::radiograph) use media_directory::{DirectoryRecord, directory_records};
pub use modality::{Modality, Rescale};
pub use overlay::{BitPlane, Overlay};
pub use stored::Stored;
pub use transfer_syntax::TransferSyntax;
pub use voi::{Percentiles, VoiChoice, Window, WindowFunction};
