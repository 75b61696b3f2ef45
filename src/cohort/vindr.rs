//! `VinDr-CXR`, as `PhysioNet` and Kaggle give it: DICOM files by id, boxes with the reader who drew each, three readers an
//! image; the images for testing have the consensus of five.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::by_stem::{ByStem, holds_masks};
use super::case::{Case, Label};
use super::error::{Error, Result};
use super::files::{self, stem};
use super::label_table::named;
use super::marks::{BadBox, BoxColumns, LinedBox, place_boxes};
use super::notes::{Exclusion, Notes, Reason, Warnings};
use super::readers::{MOST_PIECES, agreed};
use super::spec::{CohortOptions, Readers};
use super::split::{Split, draw_validation};
use super::table::{Table, TableRole};
use super::tasks::chosen;
use super::{Found, SplitSource, find_table};
use crate::limits;
use crate::truth::Task;
use crate::watch::Watch;

/// Annotations of the images for training, in the order of preference.
const TRAIN_NAMES: [&str; 2] = ["annotations_train.csv", "train.csv"];

const TEST_NAMES: [&str; 1] = ["annotations_test.csv"];

/// What one reader said of an image.
#[derive(Default)]
struct Reading {
    /// Of each finding, whether it is there; nothing where the reader's rows do not tell.
    found: Vec<Option<bool>>,
    boxes: Vec<LinedBox>,
}

/// What all rows say of an image.
struct Entry {
    line: u64,
    is_test: bool,
    /// By reader; a consensus has no name.
    readings: BTreeMap<String, Reading>,
    /// `[rows, columns]` of the image that was marked.
    drawn_on_px: Option<[usize; 2]>,
    is_bad: bool,
    contradicted: bool,
}

/// The tables of a set.
struct Tables {
    /// Boxes with the names of what they are around, and whether the images are for testing.
    annotations: Vec<(PathBuf, bool)>,
    /// A column a finding.
    labels: Vec<(PathBuf, bool)>,
    sizes: Option<PathBuf>,
}

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch, notes: &mut Notes) -> Result<Found> {
    files::check_folder(folder)?;
    let Notes { warnings, exclusions, skipped } = notes;
    let tables = find_tables(folder, warnings)?;
    let known = findings(&tables)?;
    let tasks = chosen(options, &known, "the annotations are of several findings")?;
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for (path, is_test) in &tables.annotations {
        read_annotations(path, *is_test, &tasks, &mut entries, warnings)?;
    }
    for (path, is_test) in &tables.labels {
        read_labels(path, *is_test, &tasks, &mut entries, warnings)?;
    }
    if let Some(path) = &tables.sizes {
        read_sizes(path, &mut entries, warnings)?;
    }
    check_reader(&options.readers, &entries)?;
    let listing = files::list(folder, holds_masks, watch)?;
    *skipped = listing.skipped;
    let mut images = ByStem::new(listing, entries.keys(), exclusions);
    let mut cases: Vec<(Case, Vec<LinedBox>)> = Vec::new();
    let mut disagreed = 0;
    for (id, entry) in entries {
        let at = (TableRole::Boxes, entry.line);
        let Some(mut case) = images.take(&id, at, exclusions, warnings) else { continue };
        match judge(&entry, tasks.len(), &options.readers, warnings) {
            Err(reason) => exclusions.push(Exclusion { reason, id, line: Some(entry.line) }),
            Ok((labels, boxes)) => {
                let is_there = labels.contains(&Label::Positive);
                case.label = Some(is_there);
                case.labels = labels;
                case.split = Some(if entry.is_test { Split::Test } else { Split::Train });
                case.drawn_on_px = entry.drawn_on_px;
                let is_marked = entry.readings.values().any(|reading| !reading.boxes.is_empty());
                disagreed += usize::from(is_there && boxes.is_empty() && is_marked);
                cases.push((case, if is_there { boxes } else { Vec::new() }));
            }
        }
    }
    images.leave_out_rest(exclusions);
    tell(&tasks, options, &cases, disagreed, warnings);
    let mut cases = place_boxes(cases, options.truth_size_px, TableRole::Boxes, exclusions, warnings)?;
    let has_test = cases.iter().any(|case| case.split == Some(Split::Test));
    if !has_test {
        for case in &mut cases {
            case.split = None;
        }
    } else if options.splits.is_none() {
        draw_validation(&mut cases, options.seed, options.fractions);
    }
    let splits = (has_test && options.splits.is_none()).then_some(SplitSource::Lists { seed: options.seed });
    Ok(Found { cases, splits, findings: tasks, known })
}

/// Says how several readers became one truth.
fn tell(
    tasks: &[Task],
    options: &CohortOptions,
    cases: &[(Case, Vec<LinedBox>)],
    disagreed: usize,
    warnings: &Warnings,
) {
    let how = match &options.readers {
        Readers::Union => "any reader's finding and boxes count (--readers union)".to_owned(),
        Readers::Majority => {
            "what more than half of an image's readers found and marked counts (--readers majority)".to_owned()
        }
        Readers::One(name) => {
            format!("the findings and boxes of reader {name} count, and a consensus where there is one")
        }
    };
    warnings.note(how);
    if disagreed > 0 {
        warnings.note(format!(
            "images with the finding by most readers, of which no pixel is marked by most of them; they count as unmarked: {disagreed}"
        ));
    }
    let unmarked = cases.iter().filter(|(case, boxes)| case.label == Some(true) && boxes.is_empty()).count();
    if let [task] = tasks
        && unmarked > disagreed
        && cases.iter().any(|(_, boxes)| !boxes.is_empty())
    {
        warnings.note(format!("images with {task} without a box, whose place is not known: {}", unmarked - disagreed));
    }
}

fn find_tables(folder: &Path, warnings: &Warnings) -> Result<Tables> {
    let has = |table: &Table<'_>, names: &[&str]| names.iter().all(|name| table.column(&[name]).is_some());
    let is_annotation = |table: &Table<'_>| has(table, &["image_id", "class_name", "x_min", "y_max"]);
    let is_labels = |table: &Table<'_>| has(table, &["image_id", "No finding"]) && !is_annotation(table);
    let is_sizes = |table: &Table<'_>| has(table, &["image_id", "dim0", "dim1"]) && !is_annotation(table);
    let find = |names: &[&'static str], is_test: bool, is_one: &dyn Fn(&Table<'_>) -> bool| {
        let is_of_split = |table: &Table<'_>| table.is_for_testing() == is_test && is_one(table);
        find_table(folder, TableRole::Boxes, names, &is_of_split, warnings)
    };
    let mut tables = Tables { annotations: Vec::new(), labels: Vec::new(), sizes: None };
    for (names, labels, is_test) in
        [(&TRAIN_NAMES[..], "image_labels_train.csv", false), (&TEST_NAMES[..], "image_labels_test.csv", true)]
    {
        tables.annotations.extend(find(names, is_test, &is_annotation)?.map(|path| (path, is_test)));
        tables.labels.extend(find(&[labels], is_test, &is_labels)?.map(|path| (path, is_test)));
    }
    tables.sizes = find(&["train_meta.csv"], false, &is_sizes)?;
    if tables.annotations.is_empty() && tables.labels.is_empty() {
        return Err(Error::NoTable {
            columns: "image_id, class_name, x_min, y_min, x_max and y_max",
            usual: TRAIN_NAMES[0],
            path: folder.to_owned(),
        });
    }
    Ok(tables)
}

/// All findings that the tables name.
fn findings(tables: &Tables) -> Result<Vec<String>> {
    // Whoever reads the tables for their content tells what is odd about them.
    let unheard = Warnings::default();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |task: Task| {
        let name = task.name().to_owned();
        found.entry(task.key()).or_insert(name);
        found.len() <= limits::FINDINGS
    };
    for (path, _) in &tables.annotations {
        let mut table = Table::open(path, TableRole::Boxes, &unheard)?;
        let class = table.require(&["class_name"])?;
        while let Some(row) = table.next()? {
            if named(&row.field(class)).is_some_and(|task| !add(task)) {
                let problem =
                    format!("more than {} different words stand here, which are no findings", limits::FINDINGS);
                return Err(row.refuse("class_name", problem));
            }
        }
    }
    for (path, _) in &tables.labels {
        let table = Table::open(path, TableRole::Labels, &unheard)?;
        for title in label_titles(&table) {
            add(title.1);
        }
    }
    Ok(found.into_values().collect())
}

/// Columns of a table of labels with the finding that each is about.
fn label_titles(table: &Table<'_>) -> Vec<(usize, Task)> {
    let others = ["image_id", "rad_id", "width", "height"].map(|name| table.column(&[name]));
    let titles = table.titles().iter().enumerate().filter(|(column, _)| !others.contains(&Some(*column)));
    titles.filter_map(|(column, title)| Some((column, named(title)?))).collect()
}

/// The entry of an image and what the reader of a row says there.
fn reading<'a>(
    entries: &'a mut BTreeMap<String, Entry>,
    id: &str,
    reader: &str,
    (line, is_test, tasks): (u64, bool, usize),
) -> (&'a mut Reading, &'a mut bool, &'a mut bool, &'a mut Option<[usize; 2]>) {
    let fresh =
        || Entry { line, is_test, readings: BTreeMap::new(), drawn_on_px: None, is_bad: false, contradicted: false };
    let entry = entries.entry(stem(id).to_owned()).or_insert_with(fresh);
    // The same image for training and for testing.
    entry.contradicted |= entry.is_test != is_test;
    let reading = entry.readings.entry(reader.to_owned()).or_default();
    reading.found.resize(tasks, None);
    (reading, &mut entry.is_bad, &mut entry.contradicted, &mut entry.drawn_on_px)
}

fn read_annotations(
    path: &Path,
    is_test: bool,
    tasks: &[Task],
    entries: &mut BTreeMap<String, Entry>,
    warnings: &Warnings,
) -> Result<()> {
    let mut table = Table::open(path, TableRole::Boxes, warnings)?;
    let (id, class) = (table.require(&["image_id"])?, table.require(&["class_name"])?);
    let reader = table.column(&["rad_id"]);
    table.forbid_twins(&[(id, "image_id"), (class, "class_name")])?;
    let columns = BoxColumns::of(&table)?;
    let size = [table.column(&["height"]), table.column(&["width"])];
    while let Some(row) = table.next()? {
        let name = row.field(id);
        if name.is_empty() {
            row.warn("no image_id; the line is ignored");
            continue;
        }
        let reader = row.optional(reader);
        let at = (row.line, is_test, tasks.len());
        let (reading, is_bad, _, drawn_on_px) = reading(entries, &name, &reader, at);
        let class = row.field(class);
        // Whoever wrote a row has looked for every finding.
        reading.found.iter_mut().filter(|found| found.is_none()).for_each(|found| *found = Some(false));
        if let [Some(height), Some(width)] = size
            && let (Ok(Some(height)), Ok(Some(width))) = (row.number(height), row.number(width))
            && let Some(size_px) = whole_size(height, width)
        {
            *drawn_on_px = Some(size_px);
        }
        let Some(task) = tasks.iter().position(|task| task.is_called(&class)) else { continue };
        reading.found[task] = Some(true);
        if tasks.len() > 1 {
            continue;
        }
        match columns.read(&row) {
            Err(bad) => {
                bad.warn(&row);
                *is_bad = true;
            }
            Ok(None) => {}
            Ok(Some(_)) if reading.boxes.len() >= limits::MARKS_OF_IMAGE => {
                BadBox::TOO_MANY.warn(&row);
                *is_bad = true;
            }
            Ok(Some(finding)) if reading.boxes.iter().any(|lined| lined.finding == finding) => {
                row.warn("the same row again; it is used once");
            }
            Ok(Some(finding)) => reading.boxes.push(LinedBox { line: row.line, finding }),
        }
    }
    Ok(())
}

fn read_labels(
    path: &Path,
    is_test: bool,
    tasks: &[Task],
    entries: &mut BTreeMap<String, Entry>,
    warnings: &Warnings,
) -> Result<()> {
    let mut table = Table::open(path, TableRole::Labels, warnings)?;
    let id = table.require(&["image_id"])?;
    let reader = table.column(&["rad_id"]);
    table.forbid_twins(&[(id, "image_id")])?;
    let titles = label_titles(&table);
    let column = |task: &Task| Some(titles.iter().find(|(_, title)| title.is_called(task.name()))?.0);
    let columns: Vec<Option<usize>> = tasks.iter().map(column).collect();
    while let Some(row) = table.next()? {
        let name = row.field(id);
        if name.is_empty() {
            row.warn("no image_id; the line is ignored");
            continue;
        }
        let reader = row.optional(reader);
        let at = (row.line, is_test, tasks.len());
        let (reading, _, contradicted, _) = reading(entries, &name, &reader, at);
        for ((found, column), task) in reading.found.iter_mut().zip(&columns).zip(tasks) {
            let Some(column) = column else { continue };
            let is_there = match row.number(*column) {
                Ok(None) => continue,
                Ok(Some(0.0)) => false,
                Ok(Some(1.0)) => true,
                _ => return Err(row.refuse(task.name(), "this is neither 0 nor 1")),
            };
            // Findings of the whole image have no boxes, so that rows of boxes say nothing of them.
            if *found == Some(true) && !is_there {
                *contradicted = true;
                row.warn("a reader has a box of the finding and says that it is not there; the image is left out");
            }
            *found = Some(is_there || *found == Some(true));
        }
    }
    Ok(())
}

fn read_sizes(path: &Path, entries: &mut BTreeMap<String, Entry>, warnings: &Warnings) -> Result<()> {
    let mut table = Table::open(path, TableRole::Boxes, warnings)?;
    let (id, rows, columns) = (table.require(&["image_id"])?, table.require(&["dim0"])?, table.require(&["dim1"])?);
    while let Some(row) = table.next()? {
        let Some(entry) = entries.get_mut(stem(&row.field(id))) else { continue };
        let size = |column| row.number(column).ok().flatten();
        match size(rows).zip(size(columns)).and_then(|(rows, columns)| whole_size(rows, columns)) {
            Some(size_px) => entry.drawn_on_px = Some(size_px),
            None => row.warn("dim0 and dim1 are no size of an image; that of the file is taken"),
        }
    }
    Ok(())
}

/// `[rows, columns]` where both are whole and within bounds.
fn whole_size(rows: f64, columns: f64) -> Option<[usize; 2]> {
    let side = |side: f64| {
        let is_side = side.fract() == 0.0 && (1.0..=f64::from(limits::SIDE_PX)).contains(&side);
        is_side.then_some(side as usize)
    };
    Some([side(rows)?, side(columns)?])
}

/// Refuses a reader whom nobody knows.
fn check_reader(readers: &Readers, entries: &BTreeMap<String, Entry>) -> Result<()> {
    let Readers::One(name) = readers else { return Ok(()) };
    let known: BTreeSet<&String> =
        entries.values().flat_map(|entry| entry.readings.keys()).filter(|name| !name.is_empty()).collect();
    if known.contains(name) {
        return Ok(());
    }
    let names = known.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(Error::Options(format!("--readers: no image was read by {name}; there are {names}")))
}

/// Labels and boxes of an image, or why it is none of the cohort.
fn judge(
    entry: &Entry,
    tasks: usize,
    readers: &Readers,
    warnings: &Warnings,
) -> std::result::Result<(Vec<Label>, Vec<LinedBox>), Reason> {
    if entry.contradicted {
        return Err(Reason::Contradiction);
    }
    if entry.is_bad && !warnings.labels_suffice() {
        return Err(Reason::BadBox);
    }
    let counts = |name: &String| match readers {
        Readers::One(wanted) => name == wanted || name.is_empty(),
        Readers::Union | Readers::Majority => true,
    };
    let heard: Vec<&Reading> =
        entry.readings.iter().filter(|(name, _)| counts(name)).map(|(_, reading)| reading).collect();
    let label = |task: usize| {
        let said: Vec<bool> = heard.iter().filter_map(|reading| reading.found[task]).collect();
        let found = said.iter().filter(|found| **found).count();
        let is_there = match readers {
            Readers::Majority => 2 * found > said.len(),
            Readers::Union | Readers::One(_) => found > 0,
        };
        Label::of((!said.is_empty()).then_some(is_there))
    };
    let labels: Vec<Label> = (0..tasks).map(label).collect();
    if labels.iter().all(|label| label.known().is_none()) {
        return Err(Reason::Unlabelled);
    }
    let marks: Vec<&[LinedBox]> = heard.iter().map(|reading| reading.boxes.as_slice()).collect();
    let boxes = match readers {
        Readers::Majority => agreed(&marks, marks.len() / 2 + 1),
        Readers::Union | Readers::One(_) => {
            let mut boxes: Vec<LinedBox> = Vec::new();
            for mark in marks.into_iter().flatten() {
                if !boxes.iter().any(|known| known.finding == mark.finding) {
                    boxes.push(*mark);
                }
            }
            Some(boxes)
        }
    };
    let Some(boxes) = boxes else {
        let fate = warnings.fate();
        warnings.note(format!("the boxes of an image's readers cross in more than {MOST_PIECES} pieces; {fate}"));
        return if warnings.labels_suffice() { Ok((labels, Vec::new())) } else { Err(Reason::BadBox) };
    };
    Ok((labels, if entry.is_bad { Vec::new() } else { boxes }))
}
