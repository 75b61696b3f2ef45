//! Work on untrusted bytes in a thread of its own: a panic becomes an error, and work without end is left behind.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Longest time for one piece of work. The largest image that is read takes a fraction of it.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(18);

/// Enough for the decoders, which keep tables on the stack.
const STACK_BYTES: usize = 8 << 20;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Why work gave nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It panicked.
    Panicked,
    /// It was not done in time.
    TimedOut {
        /// The limit.
        secs: u64,
    },
    /// No thread could be started.
    Thread(std::io::Error),
}

/// Runs `work` in a thread and waits for it. A thread that takes longer than `limit` runs on without anybody waiting,
/// since no thread can be stopped from outside; what it holds is bounded by the checks before decoding.
///
/// # Errors
/// When the work panics or takes too long.
pub(super) fn run<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("decoder".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        // Nobody listens once the time is over.
        let _ = sender.send(caught(work));
    });
    thread.map_err(Failure::Thread)?;
    match receiver.recv_timeout(limit) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => Err(Failure::TimedOut { secs: limit.as_secs() }),
        Err(RecvTimeoutError::Disconnected) => Err(Failure::Panicked),
    }
}

/// Runs `work`, which ends by itself, in this thread; a panic is a failure and says nothing on standard error.
///
/// # Errors
/// When the work panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    silence_guarded_panics();
    let before = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    done.map_err(|_| Failure::Panicked)
}

/// A panic of a decoder is reported as an error; its message on standard error would only disturb.
fn silence_guarded_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                previous(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let index = std::hint::black_box(3);
        let done = run(Duration::from_secs(10), move || [1, 2, 3][index]);
        assert!(matches!(done, Err(Failure::Panicked)));
        assert!(matches!(caught(|| [1, 2, 3][index]), Err(Failure::Panicked)));
    }

    #[test]
    fn work_without_end_is_left_behind() {
        let (sender, receiver) = channel::<()>();
        let done = run(Duration::from_millis(20), move || receiver.recv().is_ok());
        assert!(matches!(done, Err(Failure::TimedOut { .. })));
        drop(sender);
    }

    #[test]
    fn what_is_done_in_time_comes_back() {
        assert_eq!(run(Duration::from_secs(10), || 7).unwrap(), 7);
    }
}
