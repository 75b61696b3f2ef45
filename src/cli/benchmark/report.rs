//! `saliscope benchmark report`: one HTML file that tells what a run found.

use std::path::PathBuf;

use clap::Args;

use super::pictures;
use crate::benchmark::report::{ReportOptions, report};
use crate::benchmark::{self, Store, TrustFile};
use crate::cli::caution;
use crate::cli::console;
use crate::cli::error::{Error, Result};
use crate::cli::output_file;

/// Writes what a run found as one HTML file: verdicts, tables, figures, every case; finished or not.
///
/// Radiographs and marks are small ones, from the thumbnails that the run kept or from the data set; what cannot be shown
/// says why. The file asks no network for anything. Beside the database, trust.json keeps what was found for each network and
/// method, for the window to show.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope benchmark report run --out report.html
  saliscope benchmark report run-arun2021 --compare run-recommended \\
      --out report.html
  # radiographs of a run without thumbnails
  saliscope benchmark report run --cohort siim:siim-acr --out report.html

Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// Folder of the run, or its database
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the report goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Another run, such as that of the other preset: verdicts that differ are called out
    #[arg(long, value_name = "RUN")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    pictures: pictures::Arguments,
    /// Show the cases' ids, which may be patients'; without it they are case 0001 and so on
    #[arg(long)]
    identity: bool,
    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    output_file::refuse_taken(&arguments.out, arguments.force)?;
    let path = benchmark::find_database(&arguments.run)?;
    let compared = arguments.compare.as_deref().map(benchmark::find_database).transpose()?;
    if [Some(&path), compared.as_ref()].into_iter().flatten().any(|read| output_file::same_file(read, &arguments.out)) {
        let words = "--out would replace the database of the run; give the report another name";
        return Err(Error::Usage(words.to_owned()));
    }
    arguments.pictures.refuse_replacing(&arguments.out)?;
    let results = Store::read(&path)?.results()?;
    let other = compared.map(|path| Store::read(&path)?.results()).transpose()?;
    let pictures = arguments.pictures.open(&path, &results)?;
    caution::tell(results.provenance.caution());
    let options = ReportOptions { open_ids: arguments.identity, no_images: arguments.pictures.no_images };
    let made = report(&results, other.as_ref(), pictures.pictures(), options)?;
    pictures.tell_absences();
    output_file::place(output_file::stage(&arguments.out, made.html.as_bytes())?, &arguments.out, arguments.force)?;
    // The report is there; a folder that cannot be written must not take it away.
    if let Err(error) = TrustFile::of(&made.analysis).write(&TrustFile::beside(&path)) {
        console::tell(format_args!("warning: {error}"));
    }
    Ok(())
}
