//! `saliscope benchmark export`: everything a run found, in files that other programs read.

use std::path::PathBuf;

use clap::Args;

use super::pictures;
use crate::benchmark::export::{ExportOptions, files};
use crate::benchmark::{self, Store};
use crate::cli::caution;
use crate::cli::error::Result;
use crate::cli::output::Output;

/// Writes everything a run found in files that other programs read.
///
/// scores.csv and scores.parquet (every number, with the lines of R that fit the same models), tables as CSV, Markdown
/// and LaTeX, figures as SVG, PDF and PNG, analysis.json, trust.json, protocol.json, refit.R.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  saliscope benchmark export run --out results
  saliscope benchmark export run --out results --cohort siim:siim-acr     (radiographs of a run without thumbnails)

Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// Folder of the run, or its database
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder that receives the files: a new or empty one
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    pictures: pictures::Arguments,
    /// Keep the cases' ids, which may be patients'; without it they are case 0001 and so on
    #[arg(long)]
    identity: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut output = Output::prepare_empty(&arguments.out)?;
    let path = benchmark::find_database(&arguments.run)?;
    let results = Store::read(&path)?.results()?;
    caution::tell(results.provenance.caution());
    let pictures = arguments.pictures.open(&path, &results)?;
    for file in files(&results, pictures.pictures(), ExportOptions { open_ids: arguments.identity })? {
        output.write(&file.name, &file.bytes)?;
    }
    output.publish()?;
    pictures.tell_absences();
    Ok(())
}
