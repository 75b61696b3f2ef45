//! Drawing without a graphics card.
//!
//! A driver that runs shaders on the processor needs a tenth of a microsecond and more for each pixel that it shades, and
//! shades every pixel of the window in every frame. Where such a driver is all there is, this module draws instead:
//! pictures by their twins in `display` ([`SoftwarePainter`]), and the whole window by triangles of its own
//! ([`SoftwareScreen`]), both only where something changed. The driver is left with copying the result to the screen.

mod changes;
mod pictures;
mod raster;
mod screen;
mod spans;
mod textures;

use rayon::{ThreadPool, ThreadPoolBuilder};

pub use pictures::{PictureKey, SoftPicture, SoftwarePainter};
pub use screen::{SoftwareScreen, paint_window};

/// Threads of their own for drawing: those for networks are busy for longer than a frame may take.
fn threads() -> Option<ThreadPool> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(8));
    ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("paint {index}")).build().ok()
}
