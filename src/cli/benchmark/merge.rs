//! `saliscope benchmark merge`: the parts of a run as one.

use std::path::PathBuf;

use clap::Args;

use crate::benchmark;
use crate::cli::console;
use crate::cli::error::Result;
use crate::cli::print_json;

/// Joins the databases of a run's parts into one, and checks that they belong together and nothing is missing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The database to make
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// The parts
    #[arg(value_name = "SHARD", required = true, num_args = 1..)]
    shards: Vec<PathBuf>,
    /// Replace OUT where it was joined from some of these parts, such as before the others were done
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let merge = if arguments.force { benchmark::merge_again } else { benchmark::merge };
    let merged = merge(&arguments.out, &arguments.shards)?;
    if !merged.missing_parts.is_empty() {
        let parts: Vec<String> =
            merged.missing_parts.iter().map(|part| format!("{part}/{}", merged.status.shards)).collect();
        console::tell(format_args!("warning: these parts are missing: {}", parts.join(", ")));
    }
    if merged.missing_units > 0 {
        console::tell(format_args!("warning: {} units are not done yet", merged.missing_units));
    }
    print_json(&merged)
}
