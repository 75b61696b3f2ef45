//! RSNA Pneumonia Detection Challenge: images by patient id anywhere below the folder, boxes, and three classes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Found;
use super::by_stem::{ByStem, holds_masks};
use super::case::Case;
use super::error::{Error, Result};
use super::files::{self, stem};
use super::marks::{BadBox, BoxColumns, LinedBox, place_boxes};
use super::notes::{Exclusion, Notes, Reason, Warnings};
use super::spec::{CohortOptions, ThirdClass};
use super::table::{Table, TableRole, is_missing, tables_in};
use crate::limits;
use crate::truth::Task;
use crate::watch::Watch;

const LABELS_NAME: &str = "stage_2_train_labels.csv";
const CLASSES_NAME: &str = "stage_2_detailed_class_info.csv";

/// What the rows of the labels say about one id.
struct Entry {
    first_line: u64,
    target: bool,
    boxes: Vec<LinedBox>,
    /// A line whose target differs from the first.
    contradicted: bool,
    /// A line with a box that is none.
    bad_box: Option<u64>,
}

/// The three classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Normal,
    Opacity,
    Third,
}

impl Class {
    fn of_name(name: &str) -> Option<Self> {
        let known =
            [("Normal", Self::Normal), ("Lung Opacity", Self::Opacity), ("No Lung Opacity / Not Normal", Self::Third)];
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        known
            .into_iter()
            .find(|(class, _)| squeezed(class).eq_ignore_ascii_case(&squeezed(name)))
            .map(|(_, class)| class)
    }
}

/// What the classes say about one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// There is no such file.
    NoFile,
    /// The file has no row for it.
    NoRow,
    /// Rows contradict each other.
    Contradicted,
    Class(Class),
}

type Classes = BTreeMap<String, Told>;

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch, notes: &mut Notes) -> Result<Found> {
    files::check_folder(folder)?;
    let Notes { warnings, exclusions, skipped } = notes;
    let (labels, classes) = find_tables(folder, warnings)?;
    let entries = read_labels(&labels, warnings)?;
    let classes = match (classes, options.third_class) {
        (Some(path), _) => Some(read_classes(&path, warnings)?),
        (None, ThirdClass::Include) => None,
        (None, ThirdClass::Exclude) => {
            return Err(Error::NoTable {
                columns: "patientId and class, which tells the normal images from the third class (needed unless that is included),",
                usual: CLASSES_NAME,
                path: folder.to_owned(),
            });
        }
    };
    let listing = files::list(folder, holds_masks, watch)?;
    *skipped = listing.skipped;
    let mut images = ByStem::new(listing, entries.keys(), exclusions);
    let mut cases: Vec<(Case, Vec<LinedBox>)> = Vec::new();
    for (id, entry) in entries {
        let Some(mut case) = images.take(&id, (TableRole::Labels, entry.first_line), exclusions, warnings) else {
            continue;
        };
        let class = classes.as_ref().map_or(Told::NoFile, |classes| classes.get(&id).copied().unwrap_or(Told::NoRow));
        if let Some(line) = entry.bad_box.filter(|_| !warnings.labels_suffice()) {
            exclusions.push(Exclusion { reason: Reason::BadBox, id, line: Some(line) });
            continue;
        }
        match judge(&entry, class, options.third_class, warnings) {
            Err(reason) => exclusions.push(Exclusion { reason, id, line: Some(entry.first_line) }),
            Ok(third_class) => {
                case.label = Some(entry.target);
                case.third_class = third_class;
                // A file is named by the set's own number of a patient; other headers may not say it.
                case.patient = Some(id);
                let boxes = if entry.bad_box.is_some() { Vec::new() } else { entry.boxes };
                cases.push((case, boxes));
            }
        }
    }
    images.leave_out_rest(exclusions);
    let cases = place_boxes(cases, options.truth_size_px, TableRole::Labels, exclusions, warnings)?;
    Ok(Found { cases, splits: None, findings: vec![Task::PNEUMONIA], known: vec![Task::PNEUMONIA.into()] })
}

/// Whether the case is of the third class, or why it is none of the cohort.
fn judge(
    entry: &Entry,
    class: Told,
    third_class: ThirdClass,
    warnings: &Warnings,
) -> std::result::Result<bool, Reason> {
    let warn = |text: &str| warnings.at(TableRole::Labels, entry.first_line, text);
    if entry.contradicted {
        return Err(Reason::Contradiction);
    }
    match class {
        Told::NoFile => Ok(false),
        Told::NoRow => {
            warn("the classes CSV has no row for this image; it is left out");
            Err(Reason::Unlabelled)
        }
        Told::Contradicted => Err(Reason::Contradiction),
        Told::Class(class) if (class == Class::Opacity) != entry.target => {
            warn("Target and class contradict each other; the image is left out");
            Err(Reason::Contradiction)
        }
        Told::Class(Class::Third) if third_class == ThirdClass::Exclude => Err(Reason::ThirdClass),
        Told::Class(class) => Ok(class == Class::Third),
    }
}

fn find_tables(folder: &Path, warnings: &Warnings) -> Result<(PathBuf, Option<PathBuf>)> {
    let (mut labels, mut classes, mut refused) = (Vec::new(), Vec::new(), None);
    for path in tables_in(folder) {
        match Table::open(&path, TableRole::Labels, warnings) {
            Ok(table) => {
                let has = |name: &str| table.column(&[name]).is_some();
                if has("patientId") && has("Target") && has("x") {
                    labels.push(path);
                } else if has("patientId") && has("class") {
                    classes.push(path);
                }
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let choose = |mut found: Vec<PathBuf>, usual: &str, role, advice| {
        let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.eq_ignore_ascii_case(usual));
        match (found.iter().position(named), found.len()) {
            (Some(position), _) => Ok(Some(found.swap_remove(position))),
            (None, 0 | 1) => Ok(found.pop()),
            (None, count) => Err(Error::Ambiguous { count, role, advice, path: folder.to_owned() }),
        }
    };
    let labels = choose(labels, LABELS_NAME, TableRole::Labels, "call the right one stage_2_train_labels.csv")?;
    let classes =
        choose(classes, CLASSES_NAME, TableRole::Classes, "call the right one stage_2_detailed_class_info.csv")?;
    match labels {
        Some(labels) => Ok((labels, classes)),
        None => Err(refused.unwrap_or_else(|| Error::NoTable {
            columns: "patientId, x, y, width, height and Target",
            usual: LABELS_NAME,
            path: folder.to_owned(),
        })),
    }
}

fn read_labels(path: &Path, warnings: &Warnings) -> Result<BTreeMap<String, Entry>> {
    let mut table = Table::open(path, TableRole::Labels, warnings)?;
    let (id, target) = (table.require(&["patientId"])?, table.require(&["Target"])?);
    table.forbid_twins(&[(id, "patientId"), (target, "Target")])?;
    let boxes = BoxColumns::of(&table)?;
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    while let Some(row) = table.next()? {
        let name = row.field(id);
        if name.is_empty() {
            warnings.at(TableRole::Labels, row.line, "no patientId; the line is ignored");
            continue;
        }
        let is_positive = match row.number(target) {
            Ok(Some(0.0)) => false,
            Ok(Some(1.0)) => true,
            _ => return Err(row.refuse("Target", "this is neither 0 nor 1")),
        };
        let (finding, is_bad) = match boxes.read(&row) {
            Ok(finding) => (finding, false),
            Err(bad) => {
                bad.warn(&row);
                (None, true)
            }
        };
        match (is_positive, finding) {
            (true, None) if !is_bad => return Err(row.refuse("x", "Target is 1 and there is no box")),
            (false, Some(_)) => return Err(row.refuse("Target", "Target is 0 and there is a box")),
            _ => {}
        }
        let fresh = || Entry {
            first_line: row.line,
            target: is_positive,
            boxes: Vec::new(),
            contradicted: false,
            bad_box: None,
        };
        let id = stem(&name).to_owned();
        let known = entries.contains_key(&id);
        let entry = entries.entry(id).or_insert_with(fresh);
        if entry.target != is_positive {
            entry.contradicted = true;
            let text = "the image has Target 0 on one line and 1 on another; it is left out";
            warnings.at(TableRole::Labels, row.line, text);
        }
        let is_one_too_many = finding.is_some() && entry.boxes.len() >= limits::MARKS_OF_IMAGE;
        if is_one_too_many {
            BadBox::TOO_MANY.warn(&row);
        }
        if is_bad || is_one_too_many {
            entry.bad_box = entry.bad_box.or(Some(row.line));
            continue;
        }
        match finding {
            Some(finding) if entry.boxes.iter().any(|lined| lined.finding == finding) => {
                warnings.at(TableRole::Labels, row.line, "the same row again; it is used once");
            }
            Some(finding) => entry.boxes.push(LinedBox { line: row.line, finding }),
            None if known && !entry.target => {
                warnings.at(TableRole::Labels, row.line, "the same row again; it is used once");
            }
            None => {}
        }
    }
    Ok(entries)
}

fn read_classes(path: &Path, warnings: &Warnings) -> Result<Classes> {
    let mut table = Table::open(path, TableRole::Classes, warnings)?;
    let (id, class) = (table.require(&["patientId"])?, table.require(&["class"])?);
    table.forbid_twins(&[(id, "patientId"), (class, "class")])?;
    let mut classes = Classes::new();
    while let Some(row) = table.next()? {
        let (name, field) = (row.field(id), row.field(class));
        if name.is_empty() || is_missing(&field) {
            warnings.at(TableRole::Classes, row.line, "no patientId or no class; the line is ignored");
            continue;
        }
        let Some(class) = Class::of_name(&field) else {
            let classes = "Normal, Lung Opacity nor No Lung Opacity / Not Normal";
            return Err(row.refuse("class", format!("this is neither {classes}")));
        };
        // One row a box is the file's habit; only rows that differ are odd.
        let known = classes.entry(stem(&name).to_owned()).or_insert(Told::Class(class));
        if *known != Told::Class(class) {
            *known = Told::Contradicted;
            let text = "the image has different classes on different lines; it is left out";
            warnings.at(TableRole::Classes, row.line, text);
        }
    }
    Ok(classes)
}
