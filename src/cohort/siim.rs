//! SIIM-ACR Pneumothorax Segmentation: images by id anywhere below the folder, masks as run-length codes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Found;
use super::by_stem::{ByStem, holds_masks};
use super::case::Case;
use super::error::{Error, Result};
use super::files::{self, stem};
use super::marks::place_runs;
use super::notes::{Exclusion, Notes, Reason, Warnings};
use super::rle::Runs;
use super::spec::CohortOptions;
use super::table::{Table, TableRole, tables_in};
use crate::limits;
use crate::truth::Task;
use crate::watch::Watch;

/// Names of the file in the order of preference; any other with its columns is taken when it is the only one.
const USUAL_NAMES: [&str; 2] = ["train-rle.csv", "stage_2_train.csv"];

/// What the rows say about one id.
#[derive(Default)]
struct Entry {
    first_line: u64,
    /// A row says that nothing is marked.
    negative: bool,
    /// A row cannot be read.
    damaged: bool,
    runs: Vec<Runs>,
}

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch, notes: &mut Notes) -> Result<Found> {
    files::check_folder(folder)?;
    let Notes { warnings, exclusions, skipped } = notes;
    let entries = read_masks(&find_table(folder, warnings)?, warnings)?;
    let listing = files::list(folder, holds_masks, watch)?;
    *skipped = listing.skipped;
    let mut images = ByStem::new(listing, entries.keys(), exclusions);
    let mut cases: Vec<(Case, Vec<Runs>, u64)> = Vec::new();
    for (id, entry) in entries {
        let line = entry.first_line;
        let Some(mut case) = images.take(&id, (TableRole::Masks, line), exclusions, warnings) else { continue };
        let exclude = |reason| Exclusion { reason, id: id.clone(), line: Some(line) };
        let is_marked = entry.damaged || !entry.runs.is_empty();
        if entry.damaged && !warnings.labels_suffice() {
            exclusions.push(exclude(Reason::DamagedMask));
        } else if entry.negative && is_marked {
            exclusions.push(exclude(Reason::Contradiction));
        } else {
            // A code that cannot be read is one all the same: the image has the finding.
            case.label = Some(is_marked);
            let runs = if entry.damaged { Vec::new() } else { entry.runs };
            cases.push((case, runs, line));
        }
    }
    images.leave_out_rest(exclusions);
    let cases = place_runs(cases, options.truth_size_px, exclusions, warnings)?;
    Ok(Found { cases, splits: None, findings: vec![Task::PNEUMOTHORAX], known: vec![Task::PNEUMOTHORAX.into()] })
}

fn find_table(folder: &Path, warnings: &Warnings) -> Result<PathBuf> {
    let mut found = Vec::new();
    let mut refused = None;
    for path in tables_in(folder) {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        // The competition's form for answers has the same columns and says -1 of every image.
        if name.contains("submission") {
            continue;
        }
        match Table::open(&path, TableRole::Masks, warnings) {
            Ok(table) if has_columns(&table) => found.push((name, path)),
            Ok(_) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let usual = USUAL_NAMES.iter().find_map(|usual| found.iter().find(|(name, _)| name == usual));
    let taken = match (usual, found.as_slice()) {
        (Some((_, path)), _) | (None, [(_, path)]) => path.clone(),
        (None, []) => {
            let none = || Error::NoTable {
                columns: "ImageId and EncodedPixels",
                usual: USUAL_NAMES[0],
                path: folder.to_owned(),
            };
            return Err(refused.unwrap_or_else(none));
        }
        (None, several) => {
            return Err(Error::Ambiguous {
                count: several.len(),
                role: TableRole::Masks,
                advice: "call the right one train-rle.csv",
                path: folder.to_owned(),
            });
        }
    };
    if found.len() > 1 {
        let name =
            USUAL_NAMES.iter().find(|usual| taken.file_name().is_some_and(|name| name.eq_ignore_ascii_case(usual)));
        warnings.note(format!(
            "{} files hold run-length codes; {} was taken",
            found.len(),
            name.unwrap_or(&"the first")
        ));
    }
    Ok(taken)
}

fn has_columns(table: &Table<'_>) -> bool {
    table.column(&["ImageId"]).is_some() && table.column(&["EncodedPixels"]).is_some()
}

fn read_masks(path: &Path, warnings: &Warnings) -> Result<BTreeMap<String, Entry>> {
    let mut table = Table::open(path, TableRole::Masks, warnings)?;
    let (id, code) = (table.require(&["ImageId"])?, table.require(&["EncodedPixels"])?);
    table.forbid_twins(&[(id, "ImageId"), (code, "EncodedPixels")])?;
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    while let Some(row) = table.next()? {
        let warn = |text: &str| row.warn(text);
        let name = row.field(id);
        if name.is_empty() {
            warn("no ImageId; the line is ignored");
            continue;
        }
        let fresh = || Entry { first_line: row.line, ..Entry::default() };
        let entry = entries.entry(stem(&name).to_owned()).or_insert_with(fresh);
        match Runs::parse(&row.field(code)) {
            Err(error) => {
                entry.damaged = true;
                row.warn_of_mark(&error.to_string());
            }
            Ok(runs) if runs.is_empty() => {
                if entry.negative {
                    warn("the same row again; it is used once");
                }
                entry.negative = true;
            }
            Ok(_) if entry.runs.len() >= limits::MARKS_OF_IMAGE => {
                entry.damaged = true;
                row.warn_of_mark("the image has more masks than any that is known");
            }
            Ok(runs) if entry.runs.contains(&runs) => warn("the same row again; it is used once"),
            Ok(runs) => entry.runs.push(runs),
        }
        if entry.negative && !entry.runs.is_empty() {
            warn("one row of the image says -1 and another marks a finding; the image is left out");
        }
    }
    Ok(entries)
}
