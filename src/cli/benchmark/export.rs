//! `saliscope benchmark export`: everything a run found, in files that other programs read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::pictures;
use crate::benchmark::export::{self, ExportOptions, MapStates, MapsWritten, Pseudonyms, files, write_maps};
use crate::benchmark::{self, Store};
use crate::cli::error::{Error, Result};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::Output;
use crate::cli::{caution, console};

/// Writes everything a run found in files that other programs read.
///
/// scores.csv and scores.parquet (every number, with the lines of R that fit the same models), tables as CSV, Markdown
/// and LaTeX, figures as SVG, PDF and PNG, analysis.json, trust.json, protocol.json, refit.R, and columns.md, which says what
/// every column means.
///
/// With --maps also the maps that the run kept, for NumPy: maps/NETWORK/IMAGE.npz with one float32 array [h, w] a method, 0 to
/// 1 as shown, and maps/index.csv with a row a map. Images are called as in scores.csv.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope benchmark export run --out results
  Radiographs and marks of a run without thumbnails:
    saliscope benchmark export run --out results --cohort siim:siim-acr
  saliscope benchmark export run --out results --maps
  Maps of randomized networks as well, in maps/NETWORK/STATE/IMAGE.npz:
    saliscope benchmark export run --out results --maps=all
  Maps that `saliscope benchmark run --maps results/maps/inception_v3_1` scores again:
    saliscope benchmark export run --out results --maps --identity

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
    /// Write the kept maps, too: those of trained networks, or all
    #[arg(
        long, value_name = "WHICH", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "trained"
    )]
    maps: Option<MapChoice>,
}

/// `--maps`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MapChoice {
    /// Of networks as they were trained, of localizers, and the average mask
    Trained,
    /// Of randomized networks as well
    All,
}

impl From<MapChoice> for MapStates {
    fn from(choice: MapChoice) -> Self {
        match choice {
            MapChoice::Trained => Self::Trained,
            MapChoice::All => Self::All,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut output = Output::prepare_empty(&arguments.out)?;
    let path = benchmark::find_database(&arguments.run)?;
    let store = Store::read(&path)?;
    let results = store.results()?;
    caution::tell(results.provenance.caution());
    let pictures = arguments.pictures.open(&path, &results)?;
    for file in files(&results, pictures.pictures(), ExportOptions { open_ids: arguments.identity })? {
        output.write(&file.name, &file.bytes)?;
    }
    if let Some(choice) = arguments.maps {
        let names = Pseudonyms::new(&results, arguments.identity);
        let mut create = |path: &Path| output.create(path).map_err(|error| std::io::Error::other(error.to_string()));
        let written = write_maps(&store, &names, choice.into(), &mut create, &Interrupt::listen());
        tell(written.map_err(|error| match error {
            export::Error::Interrupted => Error::Interrupted,
            other => other.into(),
        })?);
    }
    output.publish()?;
    pictures.tell_absences();
    Ok(())
}

/// Says what was left out.
fn tell(written: MapsWritten) {
    let MapsWritten { of_random_networks, of_unnamed_images, .. } = written;
    if of_random_networks > 0 {
        console::tell(format_args!(
            "note: {of_random_networks} maps of randomized networks are left out; --maps=all writes them"
        ));
    }
    if of_unnamed_images > 0 {
        console::tell(format_args!(
            "warning: {of_unnamed_images} maps are left out, because nothing is known of their images yet: finish the run"
        ));
    }
}
