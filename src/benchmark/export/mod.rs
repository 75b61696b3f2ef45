//! Everything a run found, in files that other programs read.

mod long;
mod maps;
mod parquet;
mod pseudonyms;
mod r_lines;

pub use maps::{MapStates, MapsWritten, write_maps};
pub use parquet::TooLong;
pub use pseudonyms::Pseudonyms;
pub use r_lines::r_lines;

use std::path::PathBuf;

use super::figures::{self, Pictures};
use super::results::Results;
use super::tables::{self, Table};
use super::verdict::{Analysis, Index, TrustFile, between_presets};
use crate::figure::{self, Format, NOT_FOR_DIAGNOSIS};
use crate::files::words;
use crate::{array_file, limits};

/// Pixels of a scene in a millimetre of paper: 96 an inch.
const SCENE_PX_PER_MM: f64 = 96.0 / 25.4;

/// Pixels of a PNG in an inch.
const PNG_DPI: u32 = 300;

/// What the columns and the arrays of an export mean.
const COLUMNS: &str = include_str!("columns.md");

/// What every column means, behind what has to be known before any number is believed.
fn columns(caution: Option<&str>) -> String {
    caution.map_or_else(String::new, |caution| format!("{caution}\n\n")) + COLUMNS
}

/// Result of an export.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a report or export could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A figure.
    #[error(transparent)]
    Figure(#[from] figure::Error),
    /// The Parquet file.
    #[error("the scores could not be written as Parquet ({0})")]
    Parquet(#[from] TooLong),
    /// JSON.
    #[error("the results could not be written as JSON ({0})")]
    Json(#[from] serde_json::Error),
    /// The database.
    #[error(transparent)]
    Run(#[from] super::Error),
    /// An archive of maps.
    #[error("the maps could not be written ({0})")]
    Arrays(#[from] array_file::Error),
    /// A file of maps.
    #[error("the maps could not be written ({})", words(.0))]
    Write(#[from] std::io::Error),
    /// A run without maps.
    #[error("the run kept no maps: begin one with `keep_maps = true`, or export without --maps")]
    NoMaps,
    /// An image whose id cannot name its maps.
    #[error("an image's id is no name of a file, so that its maps cannot be called by it: export without --identity")]
    NoFileName,
    /// The caller said stop.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// A run without any score.
    #[error("the run holds no score yet; continue it with `saliscope benchmark resume`")]
    NoScores,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Name below the folder of the export.
    pub name: PathBuf,
    /// Content.
    pub bytes: Vec<u8>,
}

/// What is left out of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Whether cases keep their ids, which may be patients'.
    pub open_ids: bool,
}

/// What every file says about the run.
fn header(results: &Results, analysis: &Analysis) -> Vec<(&'static str, String)> {
    let provenance = &results.provenance;
    let seeds = &results.protocol.seeds;
    let mut header = vec![
        ("notice", NOT_FOR_DIAGNOSIS.to_owned()),
        ("saliscope", provenance.program_version.clone()),
        ("run_id", provenance.run_id.clone()),
        ("units", format!("{} of {} done", provenance.units_done, provenance.units_total)),
        ("preset", results.protocol.preset.to_string()),
        (
            "cohort",
            format!(
                "{}, {}, fingerprint {}",
                provenance.cohort.name, provenance.cohort.task, provenance.cohort.fingerprint
            ),
        ),
        (
            "models",
            provenance
                .models
                .iter()
                .map(|model| format!("{} {}", model.name, model.sha256))
                .collect::<Vec<_>>()
                .join("; "),
        ),
        ("alpha", analysis.alpha.to_string()),
        ("margin", analysis.margin.to_string()),
        ("similarity_threshold", analysis.similarity_threshold.to_string()),
        (
            "seeds",
            format!(
                "noise {}, weights {}, sample {}, controls {}, bootstrap {}",
                seeds.noise, seeds.weights, seeds.sample, seeds.controls, seeds.bootstrap
            ),
        ),
        ("r", r_lines(analysis).join("\n")),
    ];
    if !provenance.missing_parts.is_empty() {
        let here = provenance.parts.saturating_sub(provenance.missing_parts.len());
        header.push(("parts", format!("{here} of {}; units of the others are not counted", provenance.parts)));
    }
    if let Some(caution) = analysis.caution {
        header.insert(1, ("caution", caution.to_owned()));
    }
    header
}

/// The header as lines of comment.
fn header_lines(results: &Results, analysis: &Analysis) -> Vec<String> {
    let lines = header(results, analysis).into_iter().flat_map(|(key, value)| match key {
        "r" => std::iter::once("the same fits in R:".to_owned()).chain(value.lines().map(str::to_owned)).collect(),
        _ => vec![format!("{key}: {value}")],
    });
    lines.collect()
}

/// All scores as comma-separated values, the lines of R that refit them in its comments.
pub fn scores_csv(results: &Results, analysis: &Analysis, names: &Pseudonyms) -> String {
    long::csv(results, names, &header_lines(results, analysis))
}

/// All scores as a Parquet file, the lines of R that refit them in its metadata under `r`.
///
/// # Errors
/// When the file cannot be encoded.
pub fn scores_parquet(results: &Results, analysis: &Analysis, names: &Pseudonyms) -> Result<Vec<u8>> {
    Ok(long::parquet(results, names, &header(results, analysis))?)
}

/// Every table: the study's, then those beside them.
pub fn all_tables(results: &Results, analysis: &Analysis, names: &Pseudonyms) -> Vec<Table> {
    let mut tables = tables::of_the_study(results, analysis);
    let beside = [
        tables::differences(&between_presets(analysis)),
        tables::every_metric(analysis),
        tables::by_image(analysis),
        tables::exclusions(results, |text| names.text(text)),
    ];
    tables.extend(beside.into_iter().filter(|table| !table.is_empty()).map(|mut table| {
        tables::add_origin(&mut table, analysis);
        table
    }));
    tables
}

/// Every file of an export: scores, tables, figures, analysis, trust cards, protocol. The same run gives the same bytes.
///
/// # Errors
/// A run without scores; a figure or file that cannot be encoded.
pub fn files(results: &Results, pictures: &dyn Pictures, options: ExportOptions) -> Result<Vec<ExportedFile>> {
    if results.scores.is_empty() {
        return Err(Error::NoScores);
    }
    let index = Index::new(results);
    let analysis = Analysis::with_index(results, &index);
    let names = Pseudonyms::new(results, options.open_ids);
    let mut files = vec![
        file("scores.csv", scores_csv(results, &analysis, &names).into_bytes()),
        file("scores.parquet", scores_parquet(results, &analysis, &names)?),
        file("analysis.json", json(&WithNotice { notice: NOT_FOR_DIAGNOSIS, analysis: &analysis })?),
        file("trust.json", json(&TrustFile::of(&analysis))?),
        file("protocol.json", json(&public_protocol(results))?),
        file("columns.md", columns(analysis.caution).into_bytes()),
        file("refit.R", (r_lines(&analysis).join("\n") + "\n").into_bytes()),
    ];
    for table in all_tables(results, &analysis, &names) {
        files.push(file(&format!("tables/{}.csv", table.id), table.to_csv().into_bytes()));
        files.push(file(&format!("tables/{}.md", table.id), table.to_markdown().into_bytes()));
        files.push(file(&format!("tables/{}.tex", table.id), table.to_latex().into_bytes()));
    }
    let mut figures: Vec<(String, figure::Scene)> = figures::of_the_study(results, &analysis, &index)?
        .into_iter()
        .map(|figure| (figure.id.to_owned(), figure.scene))
        .collect();
    let label = |image: &str| names.label(image);
    let grids = [
        ("figure2_maps", figures::case_grid(results, &analysis, &index, pictures, label)),
        ("figure3_maps", figures::state_grid(results, &analysis, &index, pictures, label)),
        ("figure4_maps", figures::network_grid(results, &analysis, &index, pictures, label)),
    ];
    for (id, grid) in grids {
        if let Some(grid) = grid.filter(|grid| !grid.rows.is_empty()) {
            figures.push((id.to_owned(), grid.scene()?));
        }
    }
    for (id, scene) in figures {
        let width_mm =
            (scene.size_px()[0] / SCENE_PX_PER_MM).clamp(limits::FIGURE_WIDTH_MM.least, limits::FIGURE_WIDTH_MM.most);
        for format in [Format::Svg, Format::Pdf, Format::Png { dpi: PNG_DPI }] {
            let name = format!("figures/{id}.{}", format.extension());
            files.push(file(&name, format.encode(&scene, width_mm)?));
        }
    }
    Ok(files)
}

#[derive(serde::Serialize)]
struct WithNotice<'a> {
    notice: &'static str,
    #[serde(flatten)]
    analysis: &'a Analysis,
}

/// The protocol without folders and file names, which may be patients'.
pub(super) fn public_protocol(results: &Results) -> super::Protocol {
    let mut protocol = results.protocol.clone();
    // Phantoms and the program's own models lie in no file.
    if !protocol.cohort.source.starts_with("phantom:") {
        protocol.cohort.source.clone_from(&results.provenance.cohort.name);
    }
    protocol.cohort.splits = protocol.cohort.splits.map(|_| PathBuf::from("(given)"));
    let public = |name: &mut String, role: &str| {
        if !name.starts_with("demo:") {
            role.clone_into(name);
        }
    };
    let roles = |role: &'static str| results.provenance.models.iter().filter(move |model| model.role == role);
    for (own, model) in protocol.models.classifiers.iter_mut().zip(roles("classifier")) {
        public(own, &model.name);
    }
    if let (Some(own), Some(model)) = (&mut protocol.models.other_architecture, roles("other_architecture").next()) {
        public(own, &model.name);
    }
    for (own, model) in protocol.models.localizers.iter_mut().zip(roles("localizer")) {
        public(own, &model.name);
    }
    // What is left has no counterpart in the run.
    let models = &mut protocol.models;
    for own in models.classifiers.iter_mut().chain(&mut models.localizers).chain(&mut models.other_architecture) {
        if own.contains(['/', '\\']) {
            "(given)".clone_into(own);
        }
    }
    protocol
}

fn file(name: &str, bytes: Vec<u8>) -> ExportedFile {
    ExportedFile { name: PathBuf::from(name), bytes }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
