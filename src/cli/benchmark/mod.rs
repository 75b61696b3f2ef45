//! `saliscope benchmark`: the study's four tests, from the protocol to the results.

mod cost;
mod export;
mod init;
mod merge;
mod pictures;
mod report;
mod run;
mod status;

use clap::{Args, Subcommand, ValueEnum};

use super::error::Result;
use crate::truth::Task;

/// Runs the study's four tests on any cohort and any models: utility, randomization, repeatability, reproducibility.
///
/// A protocol file says what is asked; init writes one, cost says what it takes. run works through it, keeps every finished unit in a database,
/// and goes on where it was after whatever stopped it. Parts of a run on several machines are joined by merge.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  See it work, on generated radiographs with the networks that are part of the program:
    saliscope benchmark run --demo --out demo-run
    saliscope benchmark report demo-run --out report.html
  The study's protocol on one's own files:
    # then fill in cohort and models
    saliscope benchmark init --preset arun2021 --out protocol.toml
    saliscope benchmark cost --protocol protocol.toml
    saliscope benchmark run --protocol protocol.toml --out run
    saliscope benchmark status run
  On a cluster, one database a task (assets/jobs holds job files for Slurm and Kubernetes):
    saliscope benchmark run --protocol protocol.toml --out run --shard 3/16
    saliscope benchmark merge run/benchmark.sqlite run/shard-*.sqlite

Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Box<init::Arguments>),
    Cost(Box<cost::Arguments>),
    Run(Box<run::Arguments>),
    Resume(Box<run::ResumeArguments>),
    Status(status::Arguments),
    Merge(merge::Arguments),
    Report(report::Arguments),
    Export(export::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments),
        Command::Cost(arguments) => cost::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Resume(arguments) => run::resume(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::Merge(arguments) => merge::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Export(arguments) => export::run(arguments),
    }
}

/// `--task`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TaskChoice {
    /// Air in the pleural space; marks are masks
    #[default]
    Pneumothorax,
    /// Lung opacity suspicious for pneumonia; marks are boxes
    Pneumonia,
}

impl TaskChoice {
    fn task(self) -> Task {
        match self {
            Self::Pneumothorax => Task::PNEUMOTHORAX,
            Self::Pneumonia => Task::PNEUMONIA,
        }
    }
}
