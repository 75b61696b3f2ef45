//! The upper bound of every number that comes from a file or an option, with its unit and its reason.
//!
//! A number from outside decides how much memory is taken, how often something is done or how large a picture gets. Whoever
//! reads one compares it with its bound here before anything hangs on it, and says the bound where it refuses. What a file
//! format itself says cannot be larger (the segments of a run-length code, the bits of a sample) stays with its reader.

mod arrays;
mod file_sizes;
mod foreign;
mod images;
mod networks;
mod range;
mod tables;
mod work;

pub use arrays::*;
pub use file_sizes::*;
pub use foreign::*;
pub use images::*;
pub use networks::*;
pub use range::{Real, Whole};
pub use tables::*;
pub use work::*;
