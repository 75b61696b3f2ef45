//! From the arguments to the place where networks run.

use super::arguments::Machine;
use super::console;
use super::error::{Error, Result};
use crate::network::{Runtime, RuntimeOptions};

/// Refuses choices that exclude each other, and starts the threads of this process. Every command that runs networks calls
/// it once, before anything else: threads that something started are there to stay.
pub(super) fn begin(options: &RuntimeOptions) -> Result<()> {
    options.check()?;
    start_threads(options.threads)
}

/// Starts what `machine` asks for.
pub(super) fn open(machine: &Machine) -> Result<Runtime> {
    start(&machine.options(), machine.quiet)
}

/// Starts what `options` ask for, and says on standard error what could not be had.
pub(super) fn start(options: &RuntimeOptions, quiet: bool) -> Result<Runtime> {
    let runtime = Runtime::open(options)?;
    if let Some(warning) = runtime.warning().filter(|_| !quiet) {
        console::tell(format_args!("warning: {warning}"));
    }
    Ok(runtime)
}

/// Work outside of networks runs on this many threads; one for each core where nobody says.
fn start_threads(threads: Option<usize>) -> Result<()> {
    threads.map_or(Ok(()), |threads| {
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        built.map_err(|error| Error::Threads(error.to_string()))
    })
}
