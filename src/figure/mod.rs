//! Pictures for people: a scene of text, lines and pixels, written as SVG and PDF and painted as PNG.
//!
//! No file name, path or identifier of a patient enters a picture by itself; files hold the picture, its size and nothing
//! else.

mod cascade;
mod caution;
mod colour;
mod format;
mod paint;
mod pdf;
mod scene;
pub mod template;
mod text;
mod unit_plot;

pub use cascade::{CaptionedTile, CascadeCurve, CascadeCurves, CascadeTile, CascadeTiles};
pub use caution::CautionBox;
pub use colour::{Rgb, inferno};
pub use format::{ColumnWidth, Format};
pub(crate) use paint::font_faces;
pub use paint::{Painted, paint, paint_sized, text_width_px};
pub use scene::{Anchor, NoticeStrip, Scene, TextStyle, Weight};
pub use text::wrapped;
pub use unit_plot::{PlotBars, PlotLine, PlotMark, UnitPlot};

use crate::limits;

/// The strip below every picture.
pub const NOT_FOR_DIAGNOSIS: &str = "Research use - not for diagnosis";

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
    /// The same, in another encoder's words.
    #[error("the figure could not be encoded as PNG ({0})")]
    EncodePng(#[from] png::EncodingError),
    /// The PDF could not be written.
    #[error("the figure could not be written as PDF ({reason})")]
    Pdf {
        /// The writer's words.
        reason: String,
    },
    /// A width that no figure has.
    #[error("a figure cannot be {width_mm} mm wide: choose {} to {} mm", limits::FIGURE_WIDTH_MM.least, limits::FIGURE_WIDTH_MM.most)]
    Width {
        /// The width asked for.
        width_mm: f64,
    },
    /// A fineness that no figure has.
    #[error("a figure cannot have {dpi} dots an inch: choose {} to {}", limits::FIGURE_DPI.least, limits::FIGURE_DPI.most)]
    Dpi {
        /// The fineness asked for.
        dpi: u32,
    },
    /// A word that names no width.
    #[error("{name:?} is no width of a figure: choose single, wide_single, one_and_a_half, double or wide_double")]
    UnknownWidth {
        /// The word.
        name: String,
    },
}
