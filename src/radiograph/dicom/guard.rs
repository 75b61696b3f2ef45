//! Work on untrusted bytes in a thread of its own: a panic becomes an error, and work without end is left behind.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::error::{Error, Result};

/// Longest time for one piece of work, in s. The largest frame that is read takes a fraction of it.
pub(super) const LIMIT_SECS: u64 = 18;

/// Enough for the decoders, which keep tables on the stack.
const STACK_BYTES: usize = 8 << 20;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` in a thread and waits for it. A thread that takes longer than `limit` runs on without anybody waiting,
/// since no thread can be stopped from outside; what it holds is bounded by the checks before decoding.
pub(super) fn run<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    silence_guarded_panics();
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("dicom decoder".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        IS_GUARDED.set(true);
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Panicked));
        // Nobody listens once the time is over.
        let _ = sender.send(done);
    })?;
    match receiver.recv_timeout(limit) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => Err(Error::TimedOut { secs: limit.as_secs() }),
        Err(RecvTimeoutError::Disconnected) => Err(Error::Panicked),
    }
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
        let done = run(Duration::from_secs(10), move || Ok([1, 2, 3][index]));
        assert!(matches!(done, Err(Error::Panicked)));
    }

    #[test]
    fn work_without_end_is_left_behind() {
        let (sender, receiver) = channel::<()>();
        let done = run(Duration::from_millis(20), move || Ok(receiver.recv().is_ok()));
        assert!(matches!(done, Err(Error::TimedOut { .. })));
        drop(sender);
    }

    #[test]
    fn what_is_done_in_time_comes_back() {
        assert_eq!(run(Duration::from_secs(10), || Ok(7)).unwrap(), 7);
    }
}
