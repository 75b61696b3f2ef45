//! The pictures of `display` drawn by a graphics card, in the window and off-screen.
//!
//! The shaders in `shaders/` compute what [`crate::display::Compositor`] and [`crate::display::CascadeDisplay`] compute,
//! within 1/255 of each colour. Where a colour jumps (a border of an image or of a pixel without interpolation, a
//! threshold, a window of one step) a point that lies on the jump by less than 1/1000 image pixel may be on either side.
//!
//! No optional feature of a card is asked for: 16-bit values lie in `R16Uint`, maps in `R32Float`, and what is between
//! pixels is computed by hand. That runs on Vulkan and on GL, on drivers that compute on the processor as well.
//! Colours are written as they are, so the target's format must not be one that converts to sRGB by itself.
//!
//! Textures are kept by the identity of their content ([`crate::display::ContentId`]) and copied once; a view that is
//! panned, windowed or faded changes 176 bytes.

mod callback;
mod cascade_picture;
mod case_picture;
mod error;
mod offscreen;
mod pipelines;
mod renderer;
mod screen;
mod texture_cache;
mod uniforms;
mod upload;

pub use callback::{install, screen_px, view_size_px};
pub use cascade_picture::CascadePicture;
pub use case_picture::{CasePicture, MapLayer};
pub use error::{Error, Result};
pub use offscreen::Offscreen;
pub use screen::{ScreenCopy, ScreenPixels};
