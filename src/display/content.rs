//! Which content is meant, so that nothing is copied to a graphics card twice.

use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a content in memory, of this run of the program only: clones share it, equal contents need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(u64);

impl ContentId {
    /// One that nothing else has.
    pub(super) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
