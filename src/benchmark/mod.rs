//! The study's four tests on any cohort and any models: protocol, runner, store, results.
//!
//! A [`Protocol`] says what is to be found out. It is expanded to units of work, each of which is computed from ids and
//! seeds alone and kept as one transaction of a database; [`Results`] is what the database holds.

pub mod protocol;
pub mod results;

pub use protocol::Protocol;
pub use results::{Results, Score};
