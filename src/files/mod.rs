//! Files on the disk: regular ones, read up to a bound; written whole or not at all.
//!
//! Everything that reads a file of somebody else's goes through here. A pipe, a socket or a device may wait for ever or have
//! no end, a file may be larger than memory, and either may become so while it is read.

mod error;
mod opened;
mod read;
mod staging;
mod write;

pub use error::{Error, Result};
pub(crate) use error::{reason, words};
pub use opened::{count_opened, times_opened};
pub use read::{Source, head, open, read, read_text};
pub use staging::Leftovers;
pub(crate) use staging::{Staging, give_up, is_empty, nameless_in, publishing, staging_in, sweep};
pub(crate) use write::{Readers, Staged, folder_of, stage, write};
