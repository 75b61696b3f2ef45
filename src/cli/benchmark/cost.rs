//! `saliscope benchmark cost`: what a run will take, before it begins.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::run::{Opening, Terminal};
use super::status::span;
use crate::benchmark::{Cost, Protocol, Setup, Shard};
use crate::cli::arguments::Machine;
use crate::cli::console;
use crate::cli::error::Result;
use crate::cli::{print_json, runtime};

/// Says what a protocol will cost: images, units, passes and time on this machine.
///
/// Opens cohort and models as run does, computes no map and writes nothing. The time is an estimate from a few passes that
/// are timed; states of a cascade share work, so that a run is often quicker.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The protocol, TOML or JSON
    #[arg(long, value_name = "FILE")]
    protocol: PathBuf,
    /// One object of JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Serialize)]
struct Report<'a> {
    executor: String,
    warnings: &'a [String],
    #[serde(flatten)]
    cost: &'a Cost,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let machine = &arguments.machine;
    runtime::begin(&machine.options())?;
    let protocol = Protocol::open(&arguments.protocol)?;
    let terminal = Terminal::new(machine.quiet);
    let runtime = runtime::open(machine)?;
    let opened = Setup::open(&protocol, None, &Opening(&terminal));
    terminal.bar.finish_and_clear();
    let setup = opened?;
    let shard = Shard::default();
    let cost = Cost::of(&setup, shard)?.timed(&setup, shard, &runtime)?;
    if arguments.json {
        return print_json(&Report { executor: runtime.describe(), warnings: setup.warnings(), cost: &cost });
    }
    setup.warnings().iter().for_each(|warning| terminal.tell_warning(warning));
    let mut lines = vec![cost.words(span), format!("on {}", runtime.describe())];
    lines.push(format!("{:<12}{:<12}{:>9}{:>14}{:>14}", "kind", "method", "units", "passes each", "passes"));
    for work in &cost.work {
        let all = work.passes * work.units as f64;
        lines.push(format!(
            "{:<12}{:<12}{:>9}{:>14.2}{all:>14.0}",
            work.kind.name(),
            work.method,
            work.units,
            work.passes
        ));
    }
    lines.push(String::new());
    console::print(&lines.join("\n"))
}
