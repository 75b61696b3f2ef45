//! ChestX-ray14 of the NIH: PNG files by name anywhere below the folder, names of findings for all, boxes for a few.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::by_stem::{ByStem, holds_masks};
use super::case::{Case, Label};
use super::error::{Error, Result};
use super::files::{self, stem};
use super::label_table::{named, names_in};
use super::marks::{BadBox, BoxColumns, LinedBox, place_boxes};
use super::notes::{Exclusion, Notes, Reason, Warnings};
use super::spec::CohortOptions;
use super::split::{Split, draw_validation};
use super::table::{Table, TableRole, texts_in};
use super::tasks::chosen;
use super::{Found, SplitSource, find_table};
use crate::limits;
use crate::truth::Task;
use crate::watch::Watch;

/// Names of the labels in the order of preference.
const LABELS_NAMES: [&str; 2] = ["Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"];

const BOXES_NAMES: [&str; 1] = ["BBox_List_2017.csv"];

/// Lists of the official splits.
const LISTS: [(&str, Split); 2] = [("train_val_list.txt", Split::Train), ("test_list.txt", Split::Test)];

/// `[rows, columns]` of the original images, on which the boxes were drawn.
const DRAWN_ON_PX: [usize; 2] = [1024, 1024];

/// What a row of the labels says about an image.
struct Entry {
    line: u64,
    labels: Vec<Label>,
    patient: Option<String>,
    /// Another row says something else.
    contradicted: bool,
}

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch, notes: &mut Notes) -> Result<Found> {
    files::check_folder(folder)?;
    let Notes { warnings, exclusions, skipped } = notes;
    let has = |table: &Table<'_>, names: &[&str]| names.iter().all(|name| table.column(&[name]).is_some());
    let is_labels = |table: &Table<'_>| has(table, &["Image Index", "Finding Labels"]);
    let is_boxes = |table: &Table<'_>| has(table, &["Image Index", "Finding Label", "y"]);
    let labels = find_table(folder, TableRole::Labels, &LABELS_NAMES, &is_labels, warnings)?;
    let labels = labels.ok_or_else(|| Error::NoTable {
        columns: "Image Index and Finding Labels",
        usual: LABELS_NAMES[0],
        path: folder.to_owned(),
    })?;
    let known = findings(&labels)?;
    let tasks = chosen(options, &known, "the labels are about several findings")?;
    let entries = read_labels(&labels, &tasks, warnings)?;
    let boxes = find_table(folder, TableRole::Boxes, &BOXES_NAMES, &is_boxes, warnings)?;
    let mut boxes = match (boxes, tasks.as_slice()) {
        (Some(path), [task]) => read_boxes(&path, task, warnings)?,
        _ => HashMap::new(),
    };
    let listing = files::list(folder, holds_masks, watch)?;
    *skipped = listing.skipped;
    let mut images = ByStem::new(listing, entries.keys(), exclusions);
    let mut cases: Vec<(Case, Vec<LinedBox>)> = Vec::new();
    for (id, entry) in entries {
        let at = (TableRole::Labels, entry.line);
        let Some(mut case) = images.take(&id, at, exclusions, warnings) else { continue };
        let marks = boxes.remove(&id).unwrap_or_default();
        let is_there = entry.labels.contains(&Label::Positive);
        let reason = if entry.contradicted {
            Some(Reason::Contradiction)
        } else if marks.is_bad && !warnings.labels_suffice() {
            Some(Reason::BadBox)
        } else if !marks.boxes.is_empty() && !is_there {
            warnings.note("an image has a box and is labelled without the finding; it is left out");
            Some(Reason::Contradiction)
        } else if entry.labels.iter().all(|label| label.known().is_none()) {
            Some(Reason::Unlabelled)
        } else {
            None
        };
        if let Some(reason) = reason {
            exclusions.push(Exclusion { reason, id, line: Some(entry.line) });
            continue;
        }
        case.label = Some(is_there);
        case.labels = entry.labels;
        case.patient = entry.patient;
        cases.push((case, if marks.is_bad { Vec::new() } else { marks.boxes }));
    }
    images.leave_out_rest(exclusions);
    let drawn_on_px = options.truth_size_px.unwrap_or(DRAWN_ON_PX);
    let mut cases = place_boxes(cases, Some(drawn_on_px), TableRole::Boxes, exclusions, warnings)?;
    tell_of_size(&cases, options, warnings);
    let is_unmarked = |case: &&Case| case.label == Some(true) && !case.has_mark();
    let unmarked = cases.iter().filter(is_unmarked).count();
    if unmarked > 0 && unmarked < cases.len() && cases.iter().any(Case::has_mark) {
        warnings.note(format!("images with the finding without a box, whose place is not known: {unmarked}"));
    }
    let is_listed = options.splits.is_none() && read_lists(folder, &mut cases, options, warnings)?;
    let splits = is_listed.then_some(SplitSource::Lists { seed: options.seed });
    Ok(Found { cases, splits, findings: tasks, known })
}

/// Says which size boxes were taken to mean.
fn tell_of_size(cases: &[Case], options: &CohortOptions, warnings: &Warnings) {
    let is_copy = |case: &&Case| case.has_boxes() && case.drawn_on_px.is_some();
    let copies = cases.iter().filter(is_copy).count();
    if copies > 0 && options.truth_size_px.is_none() {
        let [rows, columns] = DRAWN_ON_PX;
        warnings.note(format!(
            "images with boxes that are no {columns}x{rows} pixels, taken as resized copies of the original ones, on which the \
             boxes were drawn: {copies}"
        ));
    }
}

/// All findings that the labels name, as they write them.
fn findings(path: &Path) -> Result<Vec<String>> {
    // Whoever reads the table for its content tells what is odd about it.
    let unheard = Warnings::default();
    let mut table = Table::open(path, TableRole::Labels, &unheard)?;
    let column = table.require(&["Finding Labels"])?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    while let Some(row) = table.next()? {
        for task in names_in(&row.field(column)).filter_map(named) {
            found.entry(task.key()).or_insert_with(|| task.name().to_owned());
        }
        if found.len() > limits::FINDINGS {
            let problem = format!("more than {} different words stand here, which are no findings", limits::FINDINGS);
            return Err(row.refuse("Finding Labels", problem));
        }
    }
    Ok(found.into_values().collect())
}

fn read_labels(path: &Path, tasks: &[Task], warnings: &Warnings) -> Result<BTreeMap<String, Entry>> {
    let mut table = Table::open(path, TableRole::Labels, warnings)?;
    let (id, names) = (table.require(&["Image Index"])?, table.require(&["Finding Labels"])?);
    let patient = table.column(&["Patient ID"]);
    table.forbid_twins(&[(id, "Image Index"), (names, "Finding Labels")])?;
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    while let Some(row) = table.next()? {
        let name = row.field(id);
        if name.is_empty() {
            row.warn("no Image Index; the line is ignored");
            continue;
        }
        let text = row.field(names);
        let said: Vec<&str> = names_in(&text).collect();
        let found: Vec<Task> = said.iter().filter_map(|name| named(name)).collect();
        if found.len() < said.len() && !found.is_empty() {
            return Err(row.refuse("Finding Labels", "this names a finding and says that there is none"));
        }
        let label = |task: &Task| match said.as_slice() {
            [] => Label::Missing,
            _ => Label::of(Some(found.iter().any(|found| task.is_called(found.name())))),
        };
        let labels: Vec<Label> = tasks.iter().map(label).collect();
        let patient = Some(row.optional(patient)).filter(|patient| !patient.is_empty()).map(|id| format!("nih {id}"));
        match entries.entry(stem(&name).to_owned()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Entry { line: row.line, labels, patient, contradicted: false });
            }
            std::collections::btree_map::Entry::Occupied(mut known) if known.get().labels != labels => {
                known.get_mut().contradicted = true;
                row.warn("the image has different labels on different lines; it is left out");
            }
            std::collections::btree_map::Entry::Occupied(_) => row.warn("the same image again; it is used once"),
        }
    }
    Ok(entries)
}

/// The boxes of one image.
#[derive(Default)]
struct Marks {
    boxes: Vec<LinedBox>,
    is_bad: bool,
}

fn read_boxes(path: &Path, task: &Task, warnings: &Warnings) -> Result<HashMap<String, Marks>> {
    let mut table = Table::open(path, TableRole::Boxes, warnings)?;
    let (id, finding) = (table.require(&["Image Index"])?, table.require(&["Finding Label"])?);
    table.forbid_twins(&[(id, "Image Index"), (finding, "Finding Label")])?;
    let columns = BoxColumns::of(&table)?;
    let mut found: HashMap<String, Marks> = HashMap::new();
    while let Some(row) = table.next()? {
        if !task.is_called(&row.field(finding)) {
            continue;
        }
        let marks = found.entry(stem(&row.field(id)).to_owned()).or_default();
        match columns.read(&row) {
            Err(bad) => {
                bad.warn(&row);
                marks.is_bad = true;
            }
            Ok(None) => row.warn("no box; the line is ignored"),
            Ok(Some(_)) if marks.boxes.len() >= limits::MARKS_OF_IMAGE => {
                BadBox::TOO_MANY.warn(&row);
                marks.is_bad = true;
            }
            Ok(Some(finding)) if marks.boxes.iter().any(|lined| lined.finding == finding) => {
                row.warn("the same row again; it is used once");
            }
            Ok(Some(finding)) => marks.boxes.push(LinedBox { line: row.line, finding }),
        }
    }
    Ok(found)
}

/// Gives cases the splits of the official lists, validation drawn from the images that are not for testing. Whether there are
/// such lists.
fn read_lists(folder: &Path, cases: &mut [Case], options: &CohortOptions, warnings: &Warnings) -> Result<bool> {
    let mut splits: HashMap<String, Split> = HashMap::new();
    let mut has_training = false;
    for (name, split) in LISTS {
        let Some(path) = texts_in(folder, name) else { continue };
        let fail = |problem: String| Error::Table {
            role: TableRole::Splits,
            place: String::new(),
            problem,
            path: path.clone(),
        };
        has_training |= split == Split::Train;
        let text = crate::files::read_text(&path, limits::TABLE_BYTES);
        let text = text.map_err(|error| fail(format!("the list cannot be read ({error})")))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if splits.insert(stem(line).to_owned(), split).is_some_and(|before| before != split) {
                return Err(fail("an image is in both lists, for training and for testing".to_owned()));
            }
        }
    }
    if splits.is_empty() {
        return Ok(false);
    }
    for case in cases.iter_mut() {
        let rest = (!has_training).then_some(Split::Train);
        case.split = splits.get(&case.id).copied().or(rest);
    }
    let left = cases.iter().filter(|case| case.split.is_none()).count();
    if left > 0 {
        warnings.note(format!("images that are in neither list of the splits, and so in no split: {left}"));
    }
    draw_validation(cases, options.seed, options.fractions);
    Ok(true)
}
