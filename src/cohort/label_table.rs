//! What the columns of a table of labels are about, and what a row says of each finding.
//!
//! | column | what it is about |
//! |---|---|
//! | `label` with 0, 1, yes, no | the one finding that the user names, or that nobody names |
//! | `label` or `Finding Labels` with names, several with `\|` between them | each name |
//! | any other whose fields are 0, 1, -1, yes, no, true, false, U or blank | the finding that its header names |

use std::collections::BTreeMap;

use super::case::Label;
use super::error::{Error, Result};
use super::notes::Warnings;
use super::spec::CohortOptions;
use super::table::{Row, Table, is_missing};
use crate::limits;
use crate::truth::Task;

/// Headers of columns that hold names of findings.
const NAME_COLUMNS: [&str; 4] = ["Finding Labels", "Finding Label", "findings", "labels"];

/// Headers of columns about the patient or the file, whatever they hold, as `Table::column` compares them.
const NO_FINDING_COLUMNS: [&str; 24] = [
    "patient",
    "patient_id",
    "patientId",
    "split",
    "fold",
    "age",
    "patient age",
    "sex",
    "patient sex",
    "gender",
    "patient gender",
    "view",
    "view position",
    "Frontal/Lateral",
    "AP/PA",
    "follow-up #",
    "study",
    "series",
    "index",
    "rad_id",
    "reader",
    "width",
    "height",
    "set",
];

/// The column that says that no other finding is there, as in `CheXpert`.
const NO_FINDING: &str = "No Finding";

/// Names of findings that are shown in a sentence.
const NAMES_SHOWN: usize = 10;

/// What one field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Missing,
    Uncertain,
    /// 1, yes, true.
    Yes,
    /// 0, no, false.
    No,
    /// A word for some finding.
    Any,
    /// A word for no finding.
    Healthy,
    /// Another word.
    Word,
}

impl Field {
    fn of(text: &str) -> Self {
        if is_missing(text) {
            return Self::Missing;
        }
        // Numbers may have a decimal comma.
        let text = text.to_lowercase().replace(',', ".");
        match text.as_str() {
            "-1" | "-1.0" | "u" | "uncertain" | "unsure" | "unknown" | "equivocal" | "indeterminate" => Self::Uncertain,
            "1" | "1.0" | "true" | "yes" | "y" => Self::Yes,
            "0" | "0.0" | "false" | "no" | "n" => Self::No,
            "positive" | "finding" | "abnormal" | "present" => Self::Any,
            "negative" | "no finding" | "no_finding" | "normal" | "healthy" | "absent" => Self::Healthy,
            _ => Self::Word,
        }
    }
}

/// A column as far as its fields tell what it is.
#[derive(Debug, Default)]
struct Survey {
    /// A field says whether something is there, in a word that needs no name: 0, no.
    has_values: bool,
    has_healthy: bool,
    /// Names by what is equal in them, each as it was written first, with the number of fields that hold it.
    names: BTreeMap<String, (String, usize)>,
}

impl Survey {
    /// Takes a field; false for one that shows that the column is no label.
    fn take(&mut self, text: &str, may_name: bool) -> bool {
        match Field::of(text) {
            Field::Missing | Field::Uncertain => {}
            Field::Yes | Field::No | Field::Any => self.has_values |= Field::of(text) != Field::Any,
            Field::Healthy => self.has_healthy = true,
            Field::Word if !may_name => return false,
            Field::Word => {
                for name in names_in(text).filter(|name| Field::of(name) == Field::Word) {
                    let Ok(task) = Task::named(name) else { return false };
                    let known = self.names.entry(task.key()).or_insert_with(|| (task.name().to_owned(), 0));
                    known.1 += 1;
                }
            }
        }
        self.names.len() <= limits::FINDINGS
    }
}

/// The names in a field.
pub(super) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(['|', ';']).map(str::trim).filter(|name| !name.is_empty())
}

/// How a finding is read off a row.
#[derive(Debug)]
enum Reading {
    /// A column that is about it alone.
    Values { column: usize, title: String },
    /// A column of names, with all that are the finding's there.
    Names { column: usize, keys: Vec<String> },
    /// A column of names, where a word for no finding is the class.
    Healthy { column: usize },
}

/// What the columns of a table of labels are about.
#[derive(Debug)]
pub(super) struct LabelColumns {
    /// The findings that [`LabelColumns::read`] tells, in its order; one without a name where nobody named it.
    pub(super) tasks: Vec<Option<Task>>,
    /// All findings that the table names, as it writes them.
    pub(super) known: Vec<String>,
    readings: Vec<Reading>,
    no_finding: Option<usize>,
    /// Only one name is in the column of names, so that a word for some finding means it.
    is_only_name: bool,
}

/// What a row says.
pub(super) struct Said {
    /// Of each finding.
    pub(super) labels: Vec<Label>,
    /// Names of findings were read, none of which is one of these.
    pub(super) is_other: bool,
    /// The row names findings, so that other rows of the image may name more.
    pub(super) is_of_names: bool,
}

impl LabelColumns {
    /// Looks at all fields of `table`, which is read to its end, and finds the columns of the findings that the options ask
    /// for. Nothing where no column is a label.
    ///
    /// # Errors
    /// When several findings could be meant, or what is asked for is not there.
    pub(super) fn of(
        mut table: Table<'_>,
        taken: &[usize],
        options: &CohortOptions,
        warnings: &Warnings,
    ) -> Result<Option<Self>> {
        let label = table.column(&["label"]).filter(|column| !taken.contains(column));
        let named = table.column(&NAME_COLUMNS).filter(|column| !taken.contains(column));
        let titles = table.titles().to_vec();
        let others: Vec<usize> = NO_FINDING_COLUMNS.iter().filter_map(|name| table.column(&[name])).collect();
        let is_open = |column: usize| {
            let title = &titles[column];
            Some(column) == label || Some(column) == named || (Task::named(title).is_ok() && !others.contains(&column))
        };
        let open = (0..titles.len()).filter(|column| !taken.contains(column) && is_open(*column));
        let mut surveys: BTreeMap<usize, Survey> = open.map(|column| (column, Survey::default())).collect();
        while let Some(row) = table.next()? {
            surveys.retain(|column, survey| {
                let may_name = Some(*column) == label || Some(*column) == named;
                survey.take(&row.field(*column), may_name) || may_name
            });
        }
        surveys.retain(|column, survey| {
            survey.has_values || survey.has_healthy || Some(*column) == label || Some(*column) == named
        });
        if let Some((column, _)) = surveys.iter().find(|(_, survey)| survey.names.len() > limits::FINDINGS) {
            let problem = format!("more than {} different words stand here, which are no findings", limits::FINDINGS);
            return Err(table.refuse(None, Some(&titles[*column]), problem));
        }
        Self::chosen(&surveys, &titles, taken, [label, named], options, warnings)
    }

    fn chosen(
        surveys: &BTreeMap<usize, Survey>,
        titles: &[String],
        taken: &[usize],
        [label, named]: [Option<usize>; 2],
        options: &CohortOptions,
        warnings: &Warnings,
    ) -> Result<Option<Self>> {
        let survey = |column: usize| surveys.get(&column);
        let is_of_names = |column: usize| survey(column).is_some_and(|s| !s.names.is_empty() && !s.has_values);
        let names_column = [label, named].into_iter().flatten().find(|column| is_of_names(*column));
        let plain = label.filter(|column| Some(*column) != names_column && survey(*column).is_some());
        let no_finding = Task::named(NO_FINDING).ok();
        let is_no_finding = |column: &usize| no_finding.as_ref().is_some_and(|task| task.is_called(&titles[*column]));
        let columns: Vec<usize> = surveys
            .keys()
            .copied()
            .filter(|column| Some(*column) != label && Some(*column) != names_column && !titles[*column].is_empty())
            .filter(|column| Some(*column) != named || survey(*column).is_some_and(|s| s.names.is_empty()))
            .collect();
        let names: Vec<&(String, usize)> =
            names_column.and_then(survey).map(|survey| survey.names.values().collect()).unwrap_or_default();
        let listed = columns.iter().filter(|column| !is_no_finding(column)).map(|column| titles[*column].clone());
        let known: Vec<String> = names.iter().map(|(name, _)| name.clone()).chain(listed).collect();
        let find = |task: &Task| -> Result<Option<Reading>> {
            let several = |count| Error::Tasks {
                problem: format!("{count} columns of the labels are called {task} but for blanks, case and signs"),
                known: known.clone(),
            };
            let of_column = task.find(columns.iter().map(|column| titles[*column].as_str())).map_err(several)?;
            // A column of that name whose fields are no labels is refused where they are read.
            let of_title = || task.find(titles.iter().map(String::as_str)).ok().flatten();
            let is_name = |column: &usize| !taken.contains(column) && Some(*column) != names_column;
            if let Some(column) = of_column.map(|position| columns[position]).or_else(of_title).filter(is_name) {
                return Ok(Some(Reading::Values { column, title: titles[column].clone() }));
            }
            let Some(column) = names_column else { return Ok(None) };
            let of_name = names.iter().find(|(name, _)| task.is_called(name));
            let of_name = of_name.or_else(|| names.iter().find(|(name, _)| task.is_meant_by(name)));
            if of_name.is_none() && options.findings.len() > 1 && is_healthy(task) {
                return Ok(Some(Reading::Healthy { column }));
            }
            Ok(of_name
                .and_then(|(name, _)| Task::named(name).ok())
                .map(|name| Reading::Names { column, keys: vec![name.key()] }))
        };
        let unknown = |task: &Task| Error::Tasks {
            problem: format!("no finding of the labels is called {task}"),
            known: known.clone(),
        };
        let (mut tasks, mut readings) = (Vec::new(), Vec::new());
        let of_label = |column: usize| Reading::Values { column, title: titles[column].clone() };
        match (options.findings.as_slice(), &options.task) {
            ([], None) => match (plain, known.as_slice()) {
                (Some(column), _) => {
                    tasks.push(None);
                    readings.push(of_label(column));
                }
                (None, []) => {
                    warnings.note("no column of labels.csv is a label: 0, 1, yes, no, or names of findings");
                    return Ok(None);
                }
                (None, [only]) => {
                    let task = Task::named(only).map_err(|problem| Error::Options(problem.to_string()))?;
                    if names_column.is_none() {
                        warnings.note(format!("the labels are those of the column {only}"));
                    }
                    readings.extend(find(&task)?);
                    tasks.push(Some(task));
                }
                (None, _) => {
                    let problem = "the labels are about several findings".to_owned();
                    return Err(Error::Tasks { problem, known });
                }
            },
            ([], Some(task)) => {
                let reading = find(task)?.or_else(|| plain.map(of_label));
                match reading {
                    Some(reading) => readings.push(reading),
                    None if known.is_empty() => {
                        warnings.note(format!("no column of labels.csv is a label of {task}"));
                        return Ok(None);
                    }
                    None => return Err(unknown(task)),
                }
                tasks.push(Some(task.clone()));
            }
            (findings, _) => {
                for task in findings {
                    readings.push(find(task)?.ok_or_else(|| unknown(task))?);
                    tasks.push(Some(task.clone()));
                }
            }
        }
        tell_of_others(&tasks, &readings, &names, warnings);
        let has_blank_meaning = readings.iter().any(|reading| matches!(reading, Reading::Values { .. }));
        let no_finding = columns.iter().copied().find(is_no_finding).filter(|_| has_blank_meaning);
        Ok(Some(Self { tasks, is_only_name: names.len() == 1, known, readings, no_finding }))
    }

    /// What a row says of each finding.
    ///
    /// # Errors
    /// When a field is no label.
    pub(super) fn read(&self, row: &Row<'_>) -> Result<Said> {
        let is_healthy = self.no_finding.is_some_and(|column| Field::of(&row.field(column)) == Field::Yes);
        let mut said = Said { labels: Vec::with_capacity(self.readings.len()), is_other: false, is_of_names: false };
        for (reading, task) in self.readings.iter().zip(&self.tasks) {
            let label = match reading {
                Reading::Values { column, title } => {
                    let label = Self::value(row, *column, title, task.as_ref())?;
                    if label == Label::Missing && is_healthy {
                        row.warn("a blank field of an image with No Finding was taken as without the finding");
                        Label::Negative
                    } else {
                        label
                    }
                }
                Reading::Names { column, keys } => self.name(row, *column, keys, &mut said)?,
                Reading::Healthy { column } => healthy(&row.field(*column)),
            };
            said.labels.push(label);
        }
        said.is_other &= !said.labels.contains(&Label::Positive);
        Ok(said)
    }

    fn value(row: &Row<'_>, column: usize, title: &str, task: Option<&Task>) -> Result<Label> {
        let text = row.field(column);
        let is_word = || match task {
            Some(task) => task.is_meant_by(&text),
            // Words that earlier versions took for some finding.
            None => [Task::PNEUMOTHORAX, Task::PNEUMONIA].iter().any(|task| task.is_meant_by(&text)),
        };
        match Field::of(&text) {
            Field::Missing => Ok(Label::Missing),
            Field::Uncertain => Ok(Label::Uncertain),
            Field::Yes | Field::Any => Ok(Label::Positive),
            Field::No | Field::Healthy => Ok(Label::Negative),
            Field::Word if is_word() => Ok(Label::Positive),
            Field::Word => Err(row.refuse(
                title,
                "this is no label: 0, 1, false, true, no, yes, negative, positive, or the name of the finding (-1 and U are \
                 uncertain and left out)",
            )),
        }
    }

    fn name(&self, row: &Row<'_>, column: usize, keys: &[String], said: &mut Said) -> Result<Label> {
        let text = row.field(column);
        said.is_of_names = true;
        let (mut is_there, mut is_healthy, mut is_uncertain, mut is_other) = (false, false, false, false);
        // Words for all or nothing may hold blanks and stand alone.
        let whole = Field::of(&text);
        let fields: Vec<&str> = if whole == Field::Word { names_in(&text).collect() } else { vec![&text] };
        for name in fields {
            match Field::of(name) {
                Field::Missing => {}
                Field::Uncertain => is_uncertain = true,
                Field::Healthy => is_healthy = true,
                Field::Any if self.is_only_name => is_there = true,
                Field::Word if Task::named(name).is_ok_and(|name| keys.contains(&name.key())) => is_there = true,
                Field::Word => is_other = true,
                Field::Any | Field::Yes | Field::No => {
                    let problem = "this does not say which finding it means, and other rows name several";
                    return Err(row.refuse("label", problem));
                }
            }
        }
        if is_healthy && (is_there || is_other) {
            return Err(row.refuse("label", "this names a finding and says that there is none"));
        }
        said.is_other |= is_other;
        Ok(match (is_there, is_healthy || is_other, is_uncertain) {
            (true, _, _) => Label::Positive,
            (false, true, _) => Label::Negative,
            (false, false, true) => Label::Uncertain,
            (false, false, false) => Label::Missing,
        })
    }
}

/// Whether a class of several is that of images without any finding.
pub(crate) fn is_healthy(task: &Task) -> bool {
    Field::of(task.name()) == Field::Healthy
}

/// Whether a field of names says that there is no finding.
fn healthy(text: &str) -> Label {
    match Field::of(text) {
        Field::Missing => Label::Missing,
        Field::Uncertain => Label::Uncertain,
        Field::Healthy => Label::Positive,
        _ => Label::Negative,
    }
}

/// The finding that a field names; nothing where it says yes, no, nothing.
pub(super) fn named(text: &str) -> Option<Task> {
    Task::named(text).ok().filter(|_| Field::of(text) == Field::Word)
}

/// Says that rows of other names count as rows without the finding.
fn tell_of_others(tasks: &[Option<Task>], readings: &[Reading], names: &[&(String, usize)], warnings: &Warnings) {
    let [Some(task)] = tasks else { return };
    let [Reading::Names { keys, .. }] = readings else { return };
    let is_other = |name: &str| Task::named(name).is_ok_and(|name| !keys.contains(&name.key()));
    let others: Vec<String> =
        names.iter().filter(|(name, _)| is_other(name)).map(|(name, count)| format!("{name} {count}")).collect();
    if others.is_empty() {
        return;
    }
    let more = others.len().saturating_sub(NAMES_SHOWN);
    let shown = others.into_iter().take(NAMES_SHOWN).collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    warnings.note(format!(
        "the labels name other findings, whose images count as without {task} unless they have it as well: {shown}{more}"
    ));
}
