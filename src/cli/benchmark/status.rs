//! `saliscope benchmark status`: how far a run is.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::benchmark::{self, Status, Store};
use crate::cli::console;
use crate::cli::error::Result;
use crate::cli::print_json;

/// Failures told by reason; further ones are only counted.
const REASONS: usize = 10;

/// Says how far a run is, how fast, and what failed; also while it is running.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the run, or a database
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// One line of JSON for each database instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let paths = match benchmark::find_database(&arguments.path) {
        Err(benchmark::Error::Several { .. }) => shards(&arguments.path),
        found => vec![found?],
    };
    for path in &paths {
        let status = Store::read(path)?.status()?;
        if arguments.json {
            print_json(&status)?;
        } else {
            let text = text(&status);
            console::print(&text)?;
        }
    }
    Ok(())
}

/// The databases of a folder in the order of their names.
fn shards(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "sqlite")).collect();
    found.sort();
    found
}

fn text(status: &Status) -> String {
    let Status { run_id, preset, cohort, done, failed, total, .. } = status;
    let mut text = String::new();
    let part = match (status.shards, status.parts.len()) {
        (..=1, _) => String::new(),
        (shards, 1) => format!(", part {}/{shards} of 0/{shards} to {}/{shards}", status.shard, shards - 1),
        (shards, joined) if joined == shards => format!(", all {shards} parts joined"),
        (shards, joined) => format!(", {joined} of {shards} parts joined"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "run {run_id} ({preset}, {cohort}{part})");
    let percent = 100.0 * *done as f64 / (*total).max(1) as f64;
    let _ = writeln!(text, "{done} of {total} units done ({percent:.1} %), {failed} failed");
    if let Some(rate) = status.units_per_sec {
        let left = match status.secs_left {
            Some(left) => format!("about {} left", span(left)),
            None => "time left not known before the first maps".to_owned(),
        };
        let _ = writeln!(text, "{} of work, {rate:.2} units a second so far, {left}", span(status.work_secs));
    }
    let _ = writeln!(text, "{} numbers and {} maps kept", status.scores, status.maps);
    for reason in status.failures.iter().take(REASONS) {
        let _ = writeln!(text, "failed: {} units: {}", reason.units, reason.reason);
    }
    if status.failures.len() > REASONS {
        let _ = writeln!(text, "and {} more reasons", status.failures.len() - REASONS);
    }
    if *failed > 0 {
        let _ = writeln!(text, "`saliscope benchmark resume --retry-failed` tries these again");
    }
    text
}

/// A time a person can read.
pub(super) fn span(secs: f64) -> String {
    let secs = secs.round() as u64;
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes} min {secs} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
