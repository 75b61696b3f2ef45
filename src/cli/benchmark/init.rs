//! `saliscope benchmark init`: a protocol to fill in.

use std::path::PathBuf;

use clap::Args;

use super::TaskChoice;
use crate::benchmark::Protocol;
use crate::cli::console;
use crate::cli::error::{Error, Result};
use crate::export::FileSet;
use crate::export::place::Taken;
use crate::saliency::Preset;

/// Writes a protocol with all its fields and what they are for.
///
/// A name that ends in .json gives JSON, without comments; any other TOML.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// recommended: without what misleads; arun2021: what the study did, quirks included
    #[arg(long, value_name = "PRESET", default_value_t)]
    preset: Preset,
    /// The demo run's protocol: generated radiographs, networks that are part of the program
    #[arg(long)]
    demo: bool,
    /// The finding of the demo
    #[arg(long, value_name = "TASK", value_enum, default_value_t)]
    task: TaskChoice,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { preset, demo, task, out } = arguments;
    let protocol = if *demo { Protocol::demo(*preset, task.task()) } else { Protocol::of(*preset) };
    let failed = |operation: &'static str| {
        let path = out.clone();
        move |source: std::io::Error| Error::Output { operation, source, path }
    };
    let text = if out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        serde_json::to_string_pretty(&protocol).map(|text| text + "\n").map_err(std::io::Error::from)
    } else {
        protocol.to_commented_toml().map_err(std::io::Error::other)
    };
    let text = text.map_err(failed("file cannot be made"))?;
    let mut files = FileSet::over(Taken::Stays);
    files.add(out, text.as_bytes())?;
    files.publish()?;
    console::tell(format_args!("a protocol of preset {preset}"));
    Ok(())
}
