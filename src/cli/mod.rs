//! The command line: one file a command.
//!
//! Only results go to standard output; progress, warnings and errors go to standard error. Exit codes: 0 done, 1 the
//! work failed, 2 the command line cannot be understood.

mod animated;
mod arguments;
mod benchmark;
mod cascade;
mod cascade_report;
mod caution;
mod cohort;
mod completions;
mod console;
mod convert;
mod demo;
mod error;
mod evaluate;
mod evaluate_files;
mod explain;
mod explain_files;
mod figure;
mod image_list;
mod images;
mod inspect;
mod interrupt;
mod man;
mod model;
mod output;
mod output_file;
mod parameters;
mod phantom;
mod predict;
mod progress;
mod report;
mod request;
mod runtime;
mod source;
mod stats;
mod stats_text;
mod study_image;
mod train;
mod version;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::files::Leftovers;
use console::print_json;
pub use error::{Error, Result};

/// Shows where a chest-radiograph classifier looked.
#[derive(Debug, Parser)]
#[command(name = "saliscope", version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    window: window::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Benchmark(benchmark::Arguments),
    Cascade(Box<cascade::Arguments>),
    Cohort(cohort::Arguments),
    Completions(completions::Arguments),
    Convert(Box<convert::Arguments>),
    Evaluate(Box<evaluate::Arguments>),
    Explain(Box<explain::Arguments>),
    Figure(Box<figure::Arguments>),
    Inspect(inspect::Arguments),
    Man(man::Arguments),
    Phantom(phantom::Arguments),
    Predict(predict::Arguments),
    Stats(Box<stats::Arguments>),
    Train(Box<train::Arguments>),
}

const EXAMPLES: &str = "\
Examples:
  saliscope
  saliscope chest.dcm folder/ cd.zip model.safetensors
  saliscope explain --model model.safetensors --image chest.png --out result
  saliscope predict --model model.safetensors --csv folder/
  saliscope figure figure.json --out figure.pdf
  saliscope cascade --model model.safetensors --image a.png b.png \\
      --out cascade
  saliscope inspect chest.dcm
  saliscope cohort siim:siim-acr --splits pneumothorax_splits.csv
  saliscope phantom --out phantoms --count 300 --seed 1
  saliscope convert checkpoint.pth model.safetensors
  saliscope evaluate --model model.safetensors --cohort siim:siim-acr
  saliscope benchmark run --demo --out demo-run
  saliscope stats --data scores.csv --response auprc --factor method \\
      --group image --out stats.json
  saliscope completions bash
  saliscope man --out man1

Exit codes: 0 done, 1 the work failed, 2 the command line cannot be understood.
Research use - not for diagnosis.";

/// Runs the program with the arguments of the process. `commit` is what `--version` says of the sources, empty where nobody
/// knows.
pub fn main(commit: &str) -> ExitCode {
    interrupt::outlive_large_files();
    run_built_from(commit, std::env::args_os())
}

/// Runs the program with `arguments`, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_built_from("", arguments)
}

fn run_built_from(commit: &str, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let program = Arguments::command().long_version(version::long(commit));
    let matches = program.clone().try_get_matches_from(arguments);
    let arguments = match matches.and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches)) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            let plain = refusal.to_string();
            if console::visible(&plain) == plain {
                // Help asked for goes to standard output, a refusal to standard error; nobody is left to tell if that fails.
                let _ = refusal.print();
            } else {
                console::tell_lines(&plain);
            }
            return ExitCode::from(refusal.exit_code() as u8);
        }
    };
    let Some(command) = arguments.command else { return ended(window::run(arguments.window)) };
    // Also those that ask for nothing of it leave nothing behind.
    let _ = interrupt::Interrupt::listen();
    let done = match command {
        Command::Benchmark(arguments) => benchmark::run(&arguments),
        Command::Cascade(arguments) => cascade::run(&arguments),
        Command::Cohort(arguments) => cohort::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, program),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Figure(arguments) => figure::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, program),
        Command::Phantom(arguments) => phantom::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
    };
    ended(done)
}

/// The exit code of a command, its error told.
fn ended(done: Result<()>) -> ExitCode {
    for words in Leftovers::take().words() {
        console::tell(format_args!("note: {words}"));
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Warnings tell why nothing was usable.
            for warning in error.findings().into_iter().flat_map(|findings| &findings.warnings) {
                console::tell(format_args!("warning: {warning}"));
            }
            console::tell(format_args!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes warnings to standard error, each once.
fn print_warnings(image: usize, images: usize, warnings: &[String]) {
    for warning in warnings {
        // An image is told by its position: its name may be a patient's.
        let of = if images > 1 { format!(" (image {image})") } else { String::new() };
        console::tell(format_args!("warning{of}: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
