//! The study's four tests on any cohort and any models: protocol, runner, store, results.
//!
//! A [`Protocol`] says what is to be found out. [`Setup::open`] opens what it names and refuses the impossible; [`run`]
//! expands it to [`Unit`]s of work, each of which follows from ids and seeds alone, and keeps every finished unit as one
//! transaction of a [`Store`]. [`Results`] is what the database holds. [`Background`] does the same on a thread of its own.

mod background;
mod controls;
mod cost;
mod error;
mod executors;
pub mod export;
mod external;
pub mod figures;
mod fitting;
mod identity;
mod kept_pictures;
mod pace;
mod plan;
mod preset;
mod progress;
pub mod protocol;
mod protocol_file;
mod protocol_text;
pub mod report;
pub mod results;
mod run;
mod setup;
mod store;
mod subject;
pub mod tables;
mod unit;
pub mod verdict;
mod watch;
mod work;

pub use background::{Background, Event};
pub use controls::GAUSSIAN_SIGMA_FRACTION;
pub use cost::Cost;
pub use error::{Error, Result};
pub use executors::Executors;
pub use external::ExternalMaps;
pub use kept_pictures::KeptPictures;
pub use plan::{AVERAGE, Shard};
pub use preset::{DEMO_SIMILARITY, STUDY_SAMPLE};
pub use protocol::Protocol;
pub use results::{Results, Score};
pub use run::{Options, Summary, database_path, find_database, open, run};
pub use setup::{ALL_BLOCKS, BLOCK, Setup};
pub use store::{KeptMap, LAYOUT, Merged, Meta, PlannedUnits, ReasonUnits, Status, Store, merge};
pub use subject::{Role, Subject, Subjects};
pub use unit::{Kind, Unit};
pub use verdict::{Analysis, TrustCard, TrustError, TrustFile, TrustLine, trust_card};
pub use watch::{Progress, RunWatch, UnitReport};
