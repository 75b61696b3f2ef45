//! Which rows of a table are meant, and what must not be pooled in a level without a word.

use std::collections::{BTreeSet, HashMap};

use super::long_table::Refusal;

/// Columns that tell what was measured: numbers of different ones have nothing in common.
const MEASURES: [&str; 4] = ["metric", "test", "unit", "units"];

/// Columns that tell of what it was measured: pooled, they are one level.
const SUBJECTS: [&str; 6] = ["condition", "state", "models", "model", "network", "replicate"];

/// Different values that are told.
const TOLD: usize = 20;

/// Different values of a column that are remembered.
const REMEMBERED: usize = 10_000;

/// `COLUMN=VALUE`: rows whose column has the value. Several of one column are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    /// The column.
    pub column: String,
    /// What it holds.
    pub value: String,
}

impl std::str::FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || "COLUMN=VALUE is needed, such as metric=auprc; quote a name with = in it: '\"a=b\"=c'".to_owned();
        let (column, rest) = part(text, '=').ok_or_else(problem)?;
        let (value, rest) =
            part(rest.and_then(|rest| rest.strip_prefix('=')).ok_or_else(problem)?, '\0').ok_or_else(problem)?;
        if column.is_empty() || rest.is_some() {
            return Err(problem());
        }
        Ok(Self { column, value })
    }
}

/// Parts between commas, as in a line of CSV: one in quotes may hold commas, and a quote in it is doubled.
///
/// # Errors
/// A quote that does not end, or ends before its part does.
pub fn quoted_list(text: &str) -> Result<Vec<String>, String> {
    let problem = "a quote ends neither before a comma nor at the end; in quotes, a quote is doubled";
    let mut parts = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (own, after) = part(text, ',').ok_or(problem)?;
        parts.push(own);
        rest = after.map(|after| after.strip_prefix(',').unwrap_or(after));
    }
    Ok(parts)
}

/// What stands before `end`, without quotes around it, and the rest from `end` on; nothing where quotes do not match.
fn part(text: &str, end: char) -> Option<(String, Option<&str>)> {
    let trimmed = text.trim_start();
    let Some(quoted) = trimmed.strip_prefix('"') else {
        return Some(match text.find(end) {
            Some(at) => (text[..at].trim().to_owned(), Some(&text[at..])),
            None => (text.trim().to_owned(), None),
        });
    };
    let mut own = String::new();
    let mut rest = quoted;
    loop {
        let at = rest.find('"')?;
        own.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                own.push('"');
                rest = after;
            }
            None => break,
        }
    }
    let rest = rest.trim_start();
    match rest {
        "" => Some((own, None)),
        rest if rest.starts_with(end) => Some((own, Some(rest))),
        _ => None,
    }
}

/// Which values each column that a row is chosen by may have, by the position of the column.
#[derive(Debug, Default)]
pub(super) struct Choice {
    columns: Vec<(usize, Vec<String>)>,
    /// Columns whose values may be names of patients.
    private: Vec<usize>,
    /// Values that were written short, one sentence each.
    pub(super) notes: Vec<String>,
}

impl Choice {
    /// Finds every value among those that the columns hold, which `held` gives for a position: as it is, else without regard to
    /// case, else as the one that begins so. Values of the `private` column may be names of patients: they are given whole and
    /// told nowhere.
    pub(super) fn new(
        wheres: &[(usize, &Where)],
        held: &HashMap<usize, Held>,
        private: usize,
    ) -> Result<Self, Refusal> {
        let mut choice = Self { private: vec![private], ..Self::default() };
        for (position, own) in wheres {
            let values = &held[position].values;
            let is_private = *position == private;
            let value = if values.contains(&own.value) || held[position].is_cut {
                own.value.clone()
            } else {
                let short = own.value.to_lowercase();
                let whole = |value: &&String| value.to_lowercase() == short && !is_private;
                let same: Vec<&String> = values.iter().filter(whole).collect();
                let begin = || values.iter().filter(|value| value.to_lowercase().starts_with(&short)).collect();
                let may_be_short = same.is_empty() && !short.is_empty() && !is_private;
                let found: Vec<&String> = if may_be_short { begin() } else { same };
                let [value] = found[..] else {
                    let told = if is_private || values.len() > TOLD {
                        String::new()
                    } else {
                        format!("; it holds {}", list(values.iter()))
                    };
                    let problem = match found.len() {
                        0 if is_private => "no row has the value that was asked for".to_owned(),
                        0 => format!("no row has the value {}{told}", own.value),
                        count => format!("{count} values begin with {}{told}: give one of them whole", own.value),
                    };
                    return Err(Refusal { line: None, column: Some(own.column.clone()), problem });
                };
                choice.notes.push(format!("{}={} was taken as {value}", own.column, own.value));
                value.clone()
            };
            match choice.columns.iter_mut().find(|(column, _)| column == position) {
                Some((_, values)) => values.push(value),
                None => choice.columns.push((*position, vec![value])),
            }
        }
        Ok(choice)
    }

    /// Whether a row is meant.
    pub(super) fn has(&self, record: &csv::StringRecord) -> bool {
        let field = |column: usize| record.get(column).unwrap_or_default().trim();
        self.columns.iter().all(|(column, values)| values.iter().any(|value| value == field(*column)))
    }

    /// Names and values of the columns, in the order in which they were named first.
    pub(super) fn columns(&self, header: &[String]) -> Vec<(String, Vec<String>)> {
        let told = |(column, values): &(usize, Vec<String>)| {
            let values = if self.private.contains(column) {
                vec!["(not written)".to_owned(); values.len()]
            } else {
                values.clone()
            };
            (header[*column].clone(), values)
        };
        self.columns.iter().map(told).collect()
    }
}

/// Labels of levels that are combinations, told apart where they would be called the same.
#[derive(Debug, Default)]
pub(super) struct Combinations(HashMap<String, Vec<String>>);

impl Combinations {
    /// The labels of several factors with colons between; or the problem where others gave the same.
    pub(super) fn joined(&mut self, labels: &[&str]) -> Result<String, String> {
        let joined = labels.join(":");
        if labels.len() < 2 {
            return Ok(joined);
        }
        match self.0.get(&joined) {
            Some(other) if other != labels => {
                Err(format!("two combinations of the factors would both be called {joined}; rename one"))
            }
            Some(_) => Ok(joined),
            None => {
                self.0.insert(joined.clone(), labels.iter().map(|own| (*own).to_owned()).collect());
                Ok(joined)
            }
        }
    }
}

/// Different values of a column.
#[derive(Debug, Default)]
pub(super) struct Held {
    values: BTreeSet<String>,
    /// Whether there are more than are remembered.
    is_cut: bool,
}

impl Held {
    pub(super) fn add(&mut self, value: &str) {
        if self.values.contains(value) {
            return;
        }
        if self.values.len() < REMEMBERED {
            self.values.insert(value.to_owned());
        } else {
            self.is_cut = true;
        }
    }
}

/// Looks for rows of different kinds in what is analysed as one.
#[derive(Debug)]
pub(super) struct Pooling {
    measures: Vec<(usize, BTreeSet<String>)>,
    /// The values of each level.
    subjects: Vec<(usize, HashMap<String, String>, BTreeSet<String>)>,
}

impl Pooling {
    /// Watches the columns of a header that are neither used otherwise nor meant to be pooled.
    pub(super) fn new(header: &[String], is_used: impl Fn(usize) -> bool, pooled: &[String]) -> Self {
        let is_of = |names: &[&str], own: &str| names.iter().any(|name| own.eq_ignore_ascii_case(name));
        let is_meant = |own: &str| pooled.iter().any(|name| own.eq_ignore_ascii_case(name.trim()));
        let watched = |names: &[&str]| {
            let free = |(position, own): &(usize, &String)| is_of(names, own) && !is_used(*position) && !is_meant(own);
            header.iter().enumerate().filter(free).map(|(position, _)| position).collect::<Vec<usize>>()
        };
        Self {
            measures: watched(&MEASURES).into_iter().map(|position| (position, BTreeSet::new())).collect(),
            subjects: watched(&SUBJECTS)
                .into_iter()
                .map(|position| (position, HashMap::new(), BTreeSet::new()))
                .collect(),
        }
    }

    /// Takes notice of a row that is used.
    pub(super) fn add(&mut self, record: &csv::StringRecord, level: &str) {
        let field = |column: usize| record.get(column).unwrap_or_default().trim();
        for (column, values) in &mut self.measures {
            if values.len() < TOLD && !values.contains(field(*column)) {
                values.insert(field(*column).to_owned());
            }
        }
        for (column, first, different) in &mut self.subjects {
            let value = field(*column);
            match first.get(level) {
                Some(first) if first == value || different.len() >= TOLD => {}
                Some(first) => different.extend([first.clone(), value.to_owned()]),
                None => {
                    first.insert(level.to_owned(), value.to_owned());
                }
            }
        }
    }

    /// What is pooled, one sentence each.
    ///
    /// # Errors
    /// Rows of different measures.
    pub(super) fn finish(self, header: &[String]) -> Result<Vec<String>, Refusal> {
        if let Some((column, values)) = self.measures.iter().find(|(_, values)| values.len() > 1) {
            let name = &header[*column];
            let problem = format!(
                "rows of different {name} ({}) would be pooled: choose one with --where {name}=VALUE, or say with --pool \
                 {name} that this is meant",
                list(values.iter())
            );
            return Err(Refusal { line: None, column: Some(name.clone()), problem });
        }
        let subjects = self.subjects.iter().filter(|(_, _, different)| !different.is_empty());
        let note = |(column, _, different): &(usize, _, BTreeSet<String>)| {
            let name = &header[*column];
            format!(
                "some levels pool rows of different {name} ({}): choose one with --where {name}=VALUE, tell them apart with \
                 --factor {name}, or say with --pool {name} that this is meant",
                list(different.iter())
            )
        };
        Ok(subjects.map(note).collect())
    }
}

/// Values in a sentence; more than are told are cut.
fn list<'a>(values: impl Iterator<Item = &'a String>) -> String {
    let values: Vec<&str> = values.map(|value| if value.is_empty() { "nothing" } else { value.as_str() }).collect();
    match values.len() {
        count if count > TOLD => format!("{}, ...", values[..TOLD].join(", ")),
        _ => values.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_what_parts() {
        let list = |text: &str| quoted_list(text).unwrap();
        assert_eq!(list("A, B"), ["A", "B"]);
        assert_eq!(list("\"B,y\",A"), ["B,y", "A"]);
        assert_eq!(list("\"\"\"q\"\" µ/α\" , B:x"), ["\"q\" µ/α", "B:x"]);
        assert_eq!(list("5\" tube,A"), ["5\" tube", "A"], "a quote inside is a character");
        assert_eq!(list("A,"), ["A", ""]);
        assert!(quoted_list("\"B,y").is_err() && quoted_list("\"B\"y,A").is_err());
    }

    #[test]
    fn columns_and_values_stand_around_the_first_sign() {
        let own = |text: &str| text.parse::<Where>().map(|own| (own.column, own.value));
        let pair = |column: &str, value: &str| Ok((column.to_owned(), value.to_owned()));
        assert_eq!(own("metric=auprc"), pair("metric", "auprc"));
        assert_eq!(own(" metric = a=b "), pair("metric", "a=b"));
        assert_eq!(own("\"a=b\"=\"c\""), pair("a=b", "c"));
        assert_eq!(own("note="), pair("note", ""));
        for text in ["metric", "=x", "\"a=b=c", "a=\"b\"c"] {
            assert!(own(text).is_err(), "{text}");
        }
    }
}
