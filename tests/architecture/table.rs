//! The table of modules as it stands in the text, beside what the sources do.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Edges;

/// The words of a row whose module everybody may know.
const KNOWN_BY_ALL: &str = "known by all";

/// The words of a row whose module knows no other.
const NOTHING: &str = "nothing of ours";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its module.
    pub(crate) module: String,
    /// The modules it knows, those that are known by all left out, each with the words that stand in its cell.
    pub(crate) knows: BTreeMap<String, String>,
    /// Whether it is part of the ground floor, which everybody stands on.
    pub(crate) is_known_by_all: bool,
}

/// The rows of the first table whose head is "module | one subject | knows".
///
/// # Errors
/// When there is none, or a cell does not say what it has to, in words.
pub(crate) fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut lines = text.lines().skip_while(|line| cells(line) != ["module", "one subject", "knows"]);
    lines.next().ok_or("there is no table \"module | one subject | knows\"")?;
    let lines = lines.skip(1).take_while(|line| line.starts_with('|'));
    lines.map(|line| row(line).map_err(|problem| format!("{line}\n    {problem}"))).collect()
}

fn cells(line: &str) -> Vec<&str> {
    let inside = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inside.map_or_else(Vec::new, |inside| inside.split('|').map(str::trim).collect())
}

fn row(line: &str) -> Result<Row, String> {
    let [module, _, knows] = cells(line)[..] else { return Err("is not three cells".to_owned()) };
    let (module, _) = known(module)?;
    let (list, is_known_by_all) = match knows.strip_suffix(KNOWN_BY_ALL) {
        Some(list) => (list.trim_end().trim_end_matches(';'), true),
        None => (knows, false),
    };
    let knows = if list == NOTHING { Ok(BTreeMap::new()) } else { list.split(", ").map(known).collect() };
    Ok(Row { module, knows: knows?, is_known_by_all })
}

/// The module that stands in backticks; words in brackets behind it may say what of it is known.
fn known(cell: &str) -> Result<(String, String), String> {
    let problem = || format!("{cell:?}: write modules as `name` or `name` (what of it), with commas, or {NOTHING:?}");
    let (name, behind) = cell.strip_prefix('`').and_then(|rest| rest.split_once('`')).ok_or_else(problem)?;
    let is_module = !name.is_empty() && name.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_');
    let is_remark = behind.is_empty() || (behind.starts_with(" (") && behind.ends_with(')'));
    if is_module && is_remark { Ok((name.to_owned(), cell.to_owned())) } else { Err(problem()) }
}

/// Where the table and the sources differ, each with what is to be done.
pub(crate) fn problems(rows: &[Row], found: &Edges) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let module = &row.module;
        let Some(known) = found.get(module) else {
            problems.push(format!("- row of `{module}`: there is no such module: take the row out"));
            continue;
        };
        if place(rows, module) != Some(index) {
            problems.push(format!("- `{module}` has a second row: leave one"));
            continue;
        }
        let listed = listed(rows, known);
        if listed.iter().copied().collect::<BTreeSet<_>>() != row.knows.keys().map(String::as_str).collect() {
            let end = if row.is_known_by_all { format!("; {KNOWN_BY_ALL}") } else { String::new() };
            let cell = words(&listed, &row.knows);
            problems.push(format!("- row of `{module}`: change \"knows\" to\n    {cell}{end}"));
        }
        for other in known {
            match place(rows, other) {
                Some(other_index) if other_index > index => problems.push(format!(
                    "- `{module}` knows `{other}`, whose row stands below: move what it takes to where it belongs, or a row"
                )),
                None if !found.contains_key(other) => {
                    problems.push(format!("- `{module}` knows `{other}`, which has no row and is no module of src/"));
                }
                _ => {}
            }
        }
    }
    for (module, known) in found.iter().filter(|(module, _)| place(rows, module).is_none()) {
        let lowest = known.iter().filter_map(|known| place(rows, known)).max();
        let at = lowest.map_or_else(|| "at the top".to_owned(), |lowest| format!("below `{}`", rows[lowest].module));
        let cell = words(&listed(rows, known), &BTreeMap::new());
        problems.push(format!(
            "- add, {at}:\n    | `{module}` | ... | {cell} |\n  (a module of the ground floor ends its cell with \"; {KNOWN_BY_ALL}\")"
        ));
    }
    problems
}

fn place(rows: &[Row], module: &str) -> Option<usize> {
    rows.iter().position(|row| row.module == module)
}

/// Of the modules known those that a row has to list, in the order of the table. Those without a row are told apart.
fn listed<'a>(rows: &'a [Row], known: &BTreeSet<String>) -> Vec<&'a str> {
    let of_list = rows.iter().filter(|row| !row.is_known_by_all && known.contains(&row.module));
    of_list.map(|row| row.module.as_str()).collect()
}

/// A cell, with the words that it had.
fn words(modules: &[&str], known: &BTreeMap<String, String>) -> String {
    if modules.is_empty() {
        return NOTHING.to_owned();
    }
    let word = |module: &&str| known.get(*module).cloned().unwrap_or_else(|| format!("`{module}`"));
    modules.iter().map(word).collect::<Vec<_>>().join(", ")
}
