//! What can go wrong in a benchmark, each as one sentence the user can act on.

use std::path::{Path, PathBuf};

use crate::files::words;
use crate::{cascade, cohort, evaluation, network, saliency};

/// Result of a step of a benchmark.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a benchmark.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A protocol that asks for something impossible.
    #[error("the protocol's `{field}` {problem}")]
    Protocol {
        /// The field, such as `sample.utility`.
        field: String,
        /// What is wrong and what would be right, as the rest of a sentence.
        problem: String,
    },
    /// A protocol file that cannot be read.
    #[error("the protocol cannot be read: {problem}: {}", path.display())]
    ProtocolFile {
        /// What is wrong with it.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// The run in a database was another one.
    #[error("this run was begun with another {field} (then {stored}, now {asked}): give it a folder of its own")]
    Mismatch {
        /// What differs.
        field: String,
        /// What the database says.
        stored: String,
        /// What was asked now.
        asked: String,
    },
    /// Another process works on the database.
    #[error("another process is working on this run: {}", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// No run is there.
    #[error("there is no benchmark here: {}", path.display())]
    NoRun {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// Something has the name of a database to be made, or of a file that belongs to one.
    #[error("something of this name exists already and stays as it is; give another name, or move it away: {}", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// Several databases could be meant.
    #[error("{count} databases are here: name one of them, or join shards with `saliscope benchmark merge`: {}", path.display())]
    Several {
        /// How many.
        count: usize,
        /// The folder.
        path: PathBuf,
    },
    /// A database of a later version.
    #[error("the database has layout {found}, and this program knows layouts up to {known}: use a newer program: {}", path.display())]
    Newer {
        /// Its layout.
        found: i64,
        /// The highest one that is read.
        known: i64,
        /// The database.
        path: PathBuf,
    },
    /// A file that is no database, or is not whole.
    #[error("the database is damaged ({problem}): restore it from a copy, or begin the run anew: {}", path.display())]
    Damaged {
        /// What is wrong.
        problem: String,
        /// The database.
        path: PathBuf,
    },
    /// Somebody took the database away while it was written.
    #[error("the database was moved or removed while the run worked; put it back, or begin the run anew: {}", path.display())]
    Vanished {
        /// Where it was.
        path: PathBuf,
    },
    /// No room.
    #[error("the disk is full; everything finished is kept, and the run goes on where it stopped once there is room: {}", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// `SQLite` would have to write where it cannot.
    #[error("the database or its folder cannot be opened for writing; copy the folder of the run to a place of your own and use the copy: {}", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Any other trouble with the database.
    #[error("the database cannot be used ({problem}): {}", path.display())]
    Database {
        /// `SQLite`'s words.
        problem: String,
        /// The database.
        path: PathBuf,
    },
    /// Any other trouble with a file.
    #[error("{action} failed ({}): {}", words(source), path.display())]
    File {
        /// What was done.
        action: &'static str,
        /// The system's words.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A part of a whole that cannot be.
    #[error("{0}")]
    Shard(String),
    /// Databases that cannot be joined.
    #[error("the databases cannot be joined: {problem}: {}", path.display())]
    Merge {
        /// Why not.
        problem: String,
        /// The one that does not fit.
        path: PathBuf,
    },
    /// The maps of another program.
    #[error("the external maps cannot be used: {problem}: {}", path.display())]
    External {
        /// What is wrong.
        problem: String,
        /// File or folder.
        path: PathBuf,
    },
    /// A model.
    #[error("the model {name} cannot be used: {problem}")]
    Model {
        /// Its place in the protocol, such as `models.classifiers[1]`.
        name: String,
        /// Why.
        problem: Box<network::Error>,
    },
    /// Radiographs that are not those of the run.
    #[error(
        "this is not the data set of the run: by ids, labels, splits, sizes, marks and lengths of files its fingerprint is {now} \
         and was {then}; name the one that the run read, with the same splits, or leave it out for a report without radiographs"
    )]
    OtherDataSet {
        /// The beginning of the fingerprint that the run noted.
        then: String,
        /// That of what was given.
        now: String,
    },
    /// The cohort.
    #[error(transparent)]
    Cohort(#[from] cohort::Error),
    /// A network while it ran.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// A map while it was made.
    #[error(transparent)]
    Cascade(Box<cascade::Error>),
    /// A judgement.
    #[error(transparent)]
    Evaluation(Box<evaluation::Error>),
    /// A background thread that could not be started.
    #[error("the thread could not be started ({0})")]
    Thread(std::io::Error),
    /// The caller said stop.
    #[error("stopped; everything finished is kept, and `saliscope benchmark resume` goes on from here")]
    Cancelled,
}

impl Error {
    /// Refuses a field of a protocol.
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Protocol { field: field.into(), problem: problem.into() }
    }

    /// Trouble that `SQLite` reports about the database at `path`.
    pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + Copy {
        move |error| {
            let path = path.to_owned();
            let problem = match &error {
                rusqlite::Error::SqliteFailure(code, _) if code.code == rusqlite::ErrorCode::SystemIoFailure => {
                    "the disk does not take or give its bytes; it may be full, or files may be no larger there"
                        .to_owned()
                }
                _ => error.to_string(),
            };
            match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull { path },
                Some(
                    rusqlite::ErrorCode::CannotOpen
                    | rusqlite::ErrorCode::ReadOnly
                    | rusqlite::ErrorCode::PermissionDenied,
                ) => Self::ReadOnly { path },
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    Self::Damaged { problem, path }
                }
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy { path },
                _ => Self::Database { problem, path },
            }
        }
    }

    /// The file or folder it is about, whose name may be a patient's.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::ProtocolFile { path, .. }
            | Self::Busy { path }
            | Self::NoRun { path }
            | Self::Exists { path }
            | Self::Several { path, .. }
            | Self::Newer { path, .. }
            | Self::Damaged { path, .. }
            | Self::Vanished { path }
            | Self::ReadOnly { path }
            | Self::DiskFull { path }
            | Self::Database { path, .. }
            | Self::File { path, .. }
            | Self::Merge { path, .. }
            | Self::External { path, .. } => Some(path),
            Self::Model { problem, .. } => problem.path(),
            Self::Cohort(error) => error.path(),
            Self::Network(error) => error.path(),
            _ => None,
        }
    }

    /// What happened, without a path, for rows of the database and for eyes that may not see identity.
    pub fn without_path(&self) -> String {
        match self {
            Self::Cohort(error) => error.without_path(),
            Self::Network(error) => error.without_path(),
            Self::Evaluation(error) => error.without_path(),
            Self::Model { name, problem } => format!("the model {name} cannot be used: {}", problem.without_path()),
            Self::External { problem, .. } => format!("the external map cannot be used: {problem}"),
            other => {
                let text = other.to_string();
                // Paths stand last in these sentences.
                let tail = other.path().map(|path| format!(": {}", path.display()));
                let words = tail.and_then(|tail| Some(text.strip_suffix(&tail)?.to_owned()));
                words.unwrap_or(text)
            }
        }
    }
}

impl From<cascade::Error> for Error {
    fn from(error: cascade::Error) -> Self {
        Self::Cascade(Box::new(error))
    }
}

impl From<evaluation::Error> for Error {
    fn from(error: evaluation::Error) -> Self {
        Self::Evaluation(Box::new(error))
    }
}

impl From<saliency::Error> for Error {
    fn from(error: saliency::Error) -> Self {
        Self::Cascade(Box::new(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_path_an_error_names_no_file() {
        let path = || PathBuf::from("/data/DOE_JANE/run");
        let problem = || "it is no such thing".to_owned();
        let io = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let errors = [
            Error::ProtocolFile { problem: problem(), path: path() },
            Error::Busy { path: path() },
            Error::NoRun { path: path() },
            Error::Exists { path: path() },
            Error::Several { count: 2, path: path() },
            Error::Newer { found: 3, known: 1, path: path() },
            Error::Damaged { problem: problem(), path: path() },
            Error::Vanished { path: path() },
            Error::ReadOnly { path: path() },
            Error::DiskFull { path: path() },
            Error::Database { problem: problem(), path: path() },
            Error::File { action: "reading", source: io(), path: path() },
            Error::Merge { problem: problem(), path: path() },
            Error::External { problem: problem(), path: path() },
            Error::Cohort(cohort::Error::Folder { problem: problem(), path: path() }),
            Error::Network(network::Error::File {
                problem: Box::new(network::Error::Io { action: "reading the weights", problem: io().into() }),
                path: path(),
            }),
        ];
        for error in errors {
            assert!(error.to_string().contains("DOE_JANE"), "{error}");
            let words = error.without_path();
            assert!(!words.contains("DOE_JANE") && words.len() > 8, "{words}");
            assert_eq!(error.path(), Some(path().as_path()), "{words}");
        }
        let error = Error::sqlite(&path())(rusqlite::Connection::open("/nowhere/DOE_JANE/run").unwrap_err());
        assert!(!error.without_path().contains("DOE_JANE"), "{error}");
    }
}
