//! What can go wrong in a command, and the exit code it gives.

use std::path::PathBuf;

use crate::{
    array_file, benchmark, cascade, cohort, evaluation, export, figure, foreign, network, phantom, radiograph,
    saliency, statistics, training, workbench,
};

/// Result of a command.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of a command, as one sentence the user can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Arguments that contradict each other or name nothing that exists.
    #[error("{0}")]
    Usage(String),
    /// An image.
    #[error(transparent)]
    Radiograph(#[from] radiograph::Error),
    /// A data set.
    #[error(transparent)]
    Cohort(#[from] cohort::Error),
    /// The judging of a model.
    #[error(transparent)]
    Evaluation(evaluation::Error),
    /// An image that cannot be brought to the model's size.
    #[error("image {index}: {problem}")]
    Image {
        /// Its position on the command line.
        index: usize,
        /// What is wrong.
        problem: radiograph::Problem,
    },
    /// The model or the executor.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// Weights of another program.
    #[error(transparent)]
    Foreign(#[from] foreign::Error),
    /// The methods.
    #[error(transparent)]
    Saliency(#[from] saliency::Error),
    /// A cascade.
    #[error(transparent)]
    Cascade(cascade::Error),
    /// A benchmark.
    #[error(transparent)]
    Benchmark(Box<benchmark::Error>),
    /// What a benchmark found as files.
    #[error(transparent)]
    BenchmarkExport(#[from] benchmark::export::Error),
    /// Phantoms.
    #[error(transparent)]
    Phantom(#[from] phantom::export::Error),
    /// The panel.
    #[error(transparent)]
    Figure(#[from] figure::Error),
    /// The window.
    #[error(transparent)]
    Window(workbench::Failure),
    /// A result as a file.
    #[error(transparent)]
    Export(#[from] export::Error),
    /// Where networks are to run.
    #[error(transparent)]
    Start(#[from] network::StartError),
    /// The threads could not be started.
    #[error("the threads could not be started ({0})")]
    Threads(String),
    /// A file given beside model and images.
    #[error("{what} cannot be used: {problem}: {}", path.display())]
    File {
        /// Which file it is.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// Arrays that could not be written.
    #[error("{problem}: {}", path.display())]
    Arrays {
        /// What is wrong.
        problem: array_file::Error,
        /// The file.
        path: PathBuf,
    },
    /// The output folder.
    #[error("the output {operation} ({source}): {}", path.display())]
    Output {
        /// What failed, as the rest of a sentence.
        operation: &'static str,
        /// The system's words.
        source: std::io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// Files that could not be inspected, each with a line of its own on standard output.
    #[error("{unread} of {files} files could not be read; their lines say why")]
    Unread {
        /// How many.
        unread: usize,
        /// Out of how many.
        files: usize,
    },
    /// Standard output was closed or full.
    #[error("the result could not be printed ({0})")]
    Stdout(std::io::Error),
    /// The analysis of a table.
    #[error(transparent)]
    Statistics(#[from] statistics::Error),
    /// A training.
    #[error(transparent)]
    Training(#[from] training::Error),
    /// Ctrl-C while a network was trained.
    #[error("interrupted; --resume goes on from the end of the last whole epoch")]
    TrainingStopped,
    /// Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl From<benchmark::Error> for Error {
    fn from(error: benchmark::Error) -> Self {
        Self::Benchmark(Box::new(error))
    }
}

impl Error {
    /// What was left out of a data set and what was odd about it before it could not be opened.
    pub(super) fn findings(&self) -> Option<&cohort::Findings> {
        match self {
            Self::Cohort(problem) => problem.findings(),
            Self::Benchmark(problem) => match &**problem {
                benchmark::Error::Cohort(problem) => problem.findings(),
                _ => None,
            },
            _ => None,
        }
    }

    /// 2 when the command line is at fault, 1 when the work failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Benchmark(error) => match **error {
                benchmark::Error::Protocol { .. }
                | benchmark::Error::ProtocolFile { .. }
                | benchmark::Error::Shard(_) => 2,
                _ => 1,
            },
            Self::Start(error) if error.is_contradiction() => 2,
            Self::Usage(_)
            | Self::Training(training::Error::Settings { .. })
            | Self::Statistics(
                statistics::Error::Setting(_)
                | statistics::Error::NoSuchLevel { .. }
                | statistics::Error::TwiceNamed(_),
            ) => 2,
            _ => 1,
        }
    }
}
