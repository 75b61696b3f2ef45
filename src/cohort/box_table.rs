//! The table of boxes of a plain folder: whose boxes they are, and of which finding.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{Error, Result};
use super::folder::{Draft, ID_COLUMNS, Names, Sought, Told};
use super::label_table;
use super::marks::{BadBox, BoxColumns, LinedBox};
use super::notes::{Exclusion, Warnings};
use super::spec::CohortOptions;
use super::table::{Table, TableRole};
use crate::limits;
use crate::truth::Task;

/// Columns of a table of boxes that name the finding of each.
const FINDING_COLUMNS: [&str; 7] = ["finding", "label", "class_name", "class", "task", "Finding Label", "name"];

/// The column that names the finding of each box, where boxes are told apart by it. Where no labels do, it names the findings
/// of the cohort.
pub(super) fn named_boxes(
    path: &Path,
    options: &CohortOptions,
    told: &mut Told,
    warnings: &Warnings,
) -> Result<Option<usize>> {
    // Whoever reads the table for its content tells what is odd about it.
    let unheard = Warnings::default();
    let mut table = Table::open(path, TableRole::Boxes, &unheard)?;
    let Some(column) = table.column(&FINDING_COLUMNS) else { return Ok(None) };
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    while let Some(row) = table.next()? {
        if let Some(task) = label_table::named(&row.field(column)) {
            found.entry(task.key()).or_insert_with(|| task.name().to_owned());
        }
        if found.len() > limits::FINDINGS {
            let problem = format!("more than {} different words stand here, which are no findings", limits::FINDINGS);
            return Err(row.refuse(FINDING_COLUMNS[0], problem));
        }
    }
    let names: Vec<String> = found.into_values().collect();
    let is_there = |task: &Task| names.iter().any(|name| task.is_meant_by(name));
    let take_all = |task: &Task| {
        warnings.note(format!("the boxes are called {} and were taken as those of {task}", names[0]));
        Ok(None)
    };
    let unnamed = "the boxes are of several findings".to_owned();
    let (task, is_told) = match (told.tasks.first(), &options.task) {
        (Some(None), _) => {
            if names.len() > 1 {
                warnings
                    .note(format!("{unnamed} and the labels name none: all are used; --task NAME takes those of one"));
            }
            return Ok(None);
        }
        (Some(Some(task)), _) => (Some(task.clone()), true),
        (None, task) => (task.clone(), false),
    };
    match (task, names.as_slice()) {
        (_, []) => return Ok(None),
        (None, [only]) => told.tasks = vec![Task::named(only).ok()],
        (None, _) => return Err(Error::Tasks { problem: unnamed, known: names }),
        (Some(task), _) if is_there(&task) => told.tasks = vec![Some(task)],
        (Some(task), [only]) if !told.known.iter().any(|known| known == only) => return take_all(&task),
        (Some(_), _) if is_told => {}
        (Some(task), _) => {
            let problem = format!("no finding of the boxes is called {task}");
            return Err(Error::Tasks { problem, known: names });
        }
    }
    if told.known.is_empty() {
        told.known = names;
    }
    Ok(Some(column))
}

/// Reads boxes; those of `task` alone, where it is given and the rows name findings.
pub(super) fn read_boxes(
    path: &Path,
    task: Option<&Task>,
    names: &Names,
    drafts: &mut [Draft],
    exclusions: &mut Vec<Exclusion>,
    warnings: &Warnings,
) -> Result<()> {
    const ROLE: TableRole = TableRole::Boxes;
    let mut table = Table::open(path, ROLE, warnings)?;
    let image = table.require(&ID_COLUMNS)?;
    table.forbid_twins(&[(image, "image")])?;
    let columns = BoxColumns::of(&table)?;
    let finding = table.column(&FINDING_COLUMNS);
    let sought = Sought::in_table(path, ROLE, image, names, drafts)?;
    let mut others = 0_usize;
    while let Some(row) = table.next()? {
        let Some(index) = sought.find(&row, exclusions)? else { continue };
        let draft = &mut drafts[index];
        if let Some(task) = task {
            let name = row.optional(finding);
            if label_table::named(&name).is_none() {
                draft.without_box = true;
                continue;
            }
            if !task.is_meant_by(&name) {
                // Whoever marked another finding looked at the image.
                draft.has_other_box = true;
                others += 1;
                continue;
            }
        }
        match columns.read(&row) {
            Err(bad) => {
                bad.warn(&row);
                draft.bad_box = draft.bad_box.or(Some(row.line));
            }
            Ok(None) => draft.without_box = true,
            Ok(Some(_)) if draft.boxes.len() >= limits::MARKS_OF_IMAGE => {
                BadBox::TOO_MANY.warn(&row);
                draft.bad_box = draft.bad_box.or(Some(row.line));
            }
            Ok(Some(finding)) if draft.boxes.iter().any(|lined| lined.finding == finding) => {
                row.warn("the same row again; it is used once");
            }
            Ok(Some(finding)) => draft.boxes.push(LinedBox { line: row.line, finding }),
        }
    }
    if let Some(task) = task
        && others > 0
    {
        warnings.note(format!("boxes of other findings than {task}, not used: {others}"));
    }
    Ok(())
}
