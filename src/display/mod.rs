//! How a radiograph and a map over it become colours: the formulas that the window, exported figures and tests share.
//!
//! [`Plane`] holds the gray values, [`MapPlane`] a map; [`GrayDisplay`] and [`MapDisplay`] say how they are shown, and
//! [`Viewport`] where. [`Compositor`] computes the colour of any point: it is the twin of the shaders in `shaders/`
//! (`gray.wgsl` with `gray.rs`, `map.wgsl` with `map.rs`, `case.wgsl` and `cascade.wgsl` with `compositor.rs` and
//! `cascade.rs`), which are tested to give the same colours within 1/255. Keep them in step.
//!
//! Coordinates. Image space has its origin at the upper left corner of the upper left pixel of the radiograph, x to the
//! right and y down, in pixels of the radiograph, so that pixel `(column, row)` has its centre at
//! `(column + 0.5, row + 0.5)`. Maps are stretched over the image exactly: the pixel `(i, j)` of a map of w columns has
//! its centre at `((i + 0.5) * W / w, (j + 0.5) * H / h)`. Screen space is that of the view, in physical pixels from its
//! upper left corner.

mod cascade;
mod colour_map;
mod colour_tables;
mod compositor;
mod content;
mod contour;
mod field;
mod gray;
mod lens;
mod map;
mod orientation;
mod outline;
mod plane;
mod preset;
mod pyramid;
mod region;
mod sampling;
mod viewport;

pub(crate) use cascade::scale_of;
pub use cascade::{CascadeDisplay, CascadeMode, CascadeStack, Layer, LayerMix, Normalization};
pub use colour_map::ColourMap;
pub(crate) use compositor::shown_level;
pub use compositor::{Compositor, composite, render};
pub use content::ContentId;
pub use contour::contours;
pub use field::Fields;
pub(crate) use gray::{Curve, ReadyTone};
pub use gray::{GrayDisplay, Interpolation, Tone};
pub use lens::Lens;
pub(crate) use map::present;
pub use map::{MapDisplay, MapPlane, Opacity};
pub use orientation::Orientation;
pub use outline::outline;
pub use plane::{Plane, PlaneError};
pub use preset::WindowPreset;
pub use pyramid::Level;
pub use region::region;
pub use viewport::Viewport;

/// Red, green and blue, 0 to 255, as written to an sRGB screen.
pub type Rgb = [u8; 3];

/// What is shown beside the image.
pub const BACKGROUND: Rgb = [0, 0, 0];
