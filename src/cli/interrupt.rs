//! Ctrl-C and termination as a flag that work looks at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::console;
use super::error::{Error, Result};
use crate::files;
use crate::watch::Watch;

/// How long work may take to hear that it is to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The one of this process.
static STOP: OnceLock<Interrupt> = OnceLock::new();

/// Set once the user or the system asked the process to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Work that does not end by itself soon after, or is asked twice, is ended: what is not finished goes,
    /// what is finished stays.
    pub(super) fn listen() -> Self {
        let listening = || {
            let interrupt = Self::default();
            let flag = Arc::clone(&interrupt.0);
            // Without a handler the process just ends on Ctrl-C, which is no reason to refuse work.
            let _ = ctrlc::set_handler(move || {
                let is_first = !flag.swap(true, Ordering::SeqCst);
                if is_first {
                    console::tell("stopping");
                }
                let grace = if is_first { GRACE } else { Duration::ZERO };
                let thread = std::thread::Builder::new().name("end".to_owned());
                // Where no thread can be had, the work hears it later.
                let _ = thread.spawn(move || {
                    std::thread::sleep(grace);
                    console::tell("error: interrupted; what was finished before is kept, and nothing else was written");
                    files::give_up(1)
                });
            });
            interrupt
        };
        STOP.get_or_init(listening).clone()
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
