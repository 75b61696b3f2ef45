//! Which files were opened, for tests that prove that a file is read once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Every path that was opened since somebody began to count; empty until then, so that programs keep no list.
static OPENED: OnceLock<Mutex<Vec<PathBuf>>> = OnceLock::new();

/// Begins to count, in this process and for good. For tests.
#[doc(hidden)]
pub fn count_opened() {
    OPENED.get_or_init(Mutex::default);
}

/// How often a file was opened by this path since [`count_opened`]. For tests.
#[doc(hidden)]
pub fn times_opened(path: &Path) -> usize {
    let Some(opened) = OPENED.get() else { return 0 };
    opened.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|own| *own == path).count()
}

pub(super) fn note(path: &Path) {
    if let Some(opened) = OPENED.get() {
        opened.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
    }
}
