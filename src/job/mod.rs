//! Named background work: progress, time left, cancellation, and errors that can be read again later.
//!
//! A [`Jobs`] owns a few lanes; each lane does one job at a time on a thread of its own, in the order asked. What a job
//! finds goes to whoever started it, through the closure it is; `Jobs` only knows how far it is and how it ended.

mod queue;
mod report;
mod told;

pub use queue::{Jobs, Lane, Start};
pub use report::{Ending, JobId, JobReport, JobWatch, Phase};
pub use told::Told;
