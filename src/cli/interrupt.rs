//! Ctrl-C and termination as a flag that work looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::console;
use super::error::{Error, Result};
use crate::watch::Watch;

/// Set once the user or the system asked the process to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Self {
        let interrupt = Self::default();
        let flag = Arc::clone(&interrupt.0);
        // Without a handler the process just ends on Ctrl-C, which is no reason to refuse work.
        let _ = ctrlc::set_handler(move || {
            if !flag.swap(true, Ordering::SeqCst) {
                console::tell("stopping");
            }
        });
        interrupt
    }

    /// Fails once it is time to stop.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Has a file that would be larger than it may be give an error like a full disk does, in place of the end of the process. For
/// all threads that are started afterwards.
pub(super) fn outlive_large_files() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        // Where that fails, the process just ends as it would have.
        let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    }
}

impl Watch for Interrupt {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
