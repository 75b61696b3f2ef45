//! The database of a run: what was asked, every finished unit with its numbers, every failure with its reason.
//!
//! | table | a row is |
//! |---|---|
//! | `meta` | one fact about the run, as JSON |
//! | `session` | one sitting of the runner |
//! | `pace` | how long units of one kind and method took in a sitting; of kind `begun`, what was not finished |
//! | `unit` | one finished or failed unit of work |
//! | `score` | one number |
//! | `prediction` | what a classifier says about an image, as log-odds of the finding |
//! | `map` | one kept map: 16-bit floating point numbers, little-endian, `[h, w]`, compressed by zstd |
//! | `thumbnail` | a radiograph in small, and what experts marked on it, both compressed by zstd |
//!
//! Two runs of one protocol may differ in `session`, `pace` and `thumbnail` alone. A unit and its numbers are one
//! transaction. Rows have names for keys and no numbers of their own, so the order in which they came leaves no trace.

mod access;
mod files;
mod look;
mod map;
mod merge;
mod read;
#[cfg(test)]
mod tests;
mod thumbnail;
mod write;

pub use access::{Meta, PlannedUnits, Store};
pub use map::KeptMap;
pub use merge::{Merged, merge, merge_again};
pub use read::{ReasonUnits, Status};
pub use thumbnail::{Marks, Thumbnail};
pub(super) use write::{Finished, Prediction, SittingNote};

/// The layout that this program writes, in `PRAGMA user_version`.
pub const LAYOUT: i64 = 1;

/// `PRAGMA application_id` of our databases: `sali`.
const APPLICATION: i64 = 0x7361_6c69;

const SCHEMA: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session(
    id INTEGER PRIMARY KEY, started_unix_secs INTEGER NOT NULL, ended_unix_secs INTEGER NOT NULL,
    work_secs REAL NOT NULL, units INTEGER NOT NULL, executor TEXT NOT NULL);
CREATE TABLE unit(
    kind TEXT NOT NULL, image TEXT NOT NULL, other_image TEXT NOT NULL, model TEXT NOT NULL, other_model TEXT NOT NULL,
    state TEXT NOT NULL, method TEXT NOT NULL, failure TEXT,
    PRIMARY KEY(kind, image, other_image, model, other_model, state, method)) WITHOUT ROWID;
CREATE TABLE score(
    test TEXT NOT NULL, image TEXT NOT NULL, method TEXT NOT NULL, condition TEXT NOT NULL, models TEXT NOT NULL,
    replicate INTEGER NOT NULL, metric TEXT NOT NULL, value REAL, note TEXT,
    PRIMARY KEY(test, image, method, condition, models, metric)) WITHOUT ROWID;
CREATE TABLE prediction(
    model TEXT NOT NULL, image TEXT NOT NULL, positive INTEGER NOT NULL, log_odds REAL NOT NULL,
    PRIMARY KEY(model, image)) WITHOUT ROWID;
CREATE TABLE map(
    image TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL, method TEXT NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL, class INTEGER, outcome TEXT NOT NULL, pixels BLOB NOT NULL,
    PRIMARY KEY(image, model, state, method));
";

/// Came later than the other tables: databases from before get it when they are opened to go on.
const PACE: &str = "
CREATE TABLE IF NOT EXISTS pace(
    session INTEGER NOT NULL, kind TEXT NOT NULL, method TEXT NOT NULL, units REAL NOT NULL, secs REAL NOT NULL,
    PRIMARY KEY(session, kind, method)) WITHOUT ROWID;
";

/// Kind of the row of `pace` that holds the time for units that are not finished.
const BEGUN: &str = "begun";

/// The tables whose rows follow from the protocol alone, with their columns.
const CONTENT: [(&str, &str); 4] = [
    ("unit", "kind, image, other_image, model, other_model, state, method, failure"),
    ("score", "test, image, method, condition, models, replicate, metric, value, note"),
    ("prediction", "model, image, positive, log_odds"),
    ("map", "image, model, state, method, height, width, class, outcome, pixels"),
];
