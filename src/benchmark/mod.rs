//! The study's four tests on any cohort and any models: protocol, runner, store, results.
//!
//! A [`Protocol`] says what is to be found out. It is expanded to units of work, each of which is computed from ids and
//! seeds alone and kept as one transaction of a database; [`Results`] is what the database holds.

pub mod export;
pub mod figures;
pub mod protocol;
pub mod report;
pub mod results;
pub mod tables;
pub mod verdict;

pub use protocol::Protocol;
pub use results::{Results, Score};
pub use verdict::{Analysis, TrustCard, TrustFile, TrustLine, trust_card};
