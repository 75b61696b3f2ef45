//! Pictures for people: a scene of text, lines and pixels, written as SVG and painted as PNG.
//!
//! No file name, path or identifier of a patient enters a picture; a PNG holds pixels and nothing else.

mod caption;
mod cascade;
mod colour;
mod paint;
mod panel;
mod scene;

pub use caption::caption;
pub use cascade::{CaptionedTile, CascadeCurve, CascadeCurves, CascadeTile, CascadeTiles};
pub use colour::{Rgb, inferno};
pub use paint::{Painted, paint, text_width_px};
pub use panel::{NOT_FOR_DIAGNOSIS, Panel, Tile};
pub use scene::{Anchor, Scene, TextStyle, Weight};

/// Result of drawing.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scene is no valid SVG.
    #[error("the figure could not be laid out ({reason})")]
    Layout {
        /// The SVG reader's words.
        reason: String,
    },
    /// The picture is too large to be painted.
    #[error("a figure of {width_px}x{height_px} pixels cannot be painted")]
    Size {
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
    /// The PNG could not be encoded.
    #[error("the figure could not be encoded as PNG ({0})")]
    Encode(#[from] image::ImageError),
}
