//! Long tables, one response a line, from CSV files that anybody's program wrote.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::error::{Error, Result};
use super::rows::{Choice, Combinations, Held, Pooling, Where};
use crate::{files, limits};

/// Which columns and rows of the table are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The response (score).
    pub response: String,
    /// The factor (method); several are combined, their levels joined by `:`.
    pub factors: Vec<String>,
    /// The group (image).
    pub group: String,
    /// Which rows are meant; all without any.
    pub wheres: Vec<Where>,
    /// Columns whose different values may be pooled.
    pub pooled: Vec<String>,
}

/// Rows left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    /// Why.
    pub reason: &'static str,
    /// The level they belong to, where it is known.
    pub level: Option<String>,
    /// How many.
    pub rows: usize,
}

/// The usable rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct LongTable {
    /// Group, level and response.
    pub rows: Vec<(String, String, f64)>,
    /// What was left out, by reason and level.
    pub dropped: Vec<Dropped>,
    /// Rows that were not asked for.
    pub not_meant: usize,
    /// By which columns and values rows were chosen.
    pub chosen: Vec<(String, Vec<String>)>,
    /// What a reader must know of the choice of rows, one sentence each.
    pub notes: Vec<String>,
}

impl LongTable {
    /// Reads a file. Commas, semicolons or tabs, any line end, quotes and a byte order mark are understood; lines before
    /// the header that begin with a hash and a space are comments; names of columns are compared as they are, then without case. Rows without a response (empty, `NA`, `NaN`, `null`,
    /// `None`, `.`), level or group (empty, `NA`, `NaN`) are left out and counted. Rows of different metrics, tests or units
    /// are refused; rows of different conditions, networks or states in one level are noted.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a column that is missing or named twice, a response that is no finite number: with
    /// line and column.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self> {
        Self::of_content(&Self::content(path)?, columns, path)
    }

    /// The bytes of a file of a table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn content(path: &Path) -> Result<Vec<u8>> {
        files::read(path, limits::TABLE_BYTES).map_err(|error| {
            let problem = format!("the file cannot be read ({error})");
            Error::Table { place: String::new(), problem, path: path.to_owned() }
        })
    }

    /// The table that a file at `path` holds, whose bytes these are.
    ///
    /// # Errors
    /// As [`LongTable::read`].
    pub fn of_content(bytes: &[u8], columns: &Columns, path: &Path) -> Result<Self> {
        Self::parse(bytes, columns).map_err(|Refusal { line, column, problem }| {
            let line = line.map_or(String::new(), |line| format!(", line {line}"));
            let column = column.map_or(String::new(), |column| format!(", column {column}"));
            Error::Table { place: line + &column, problem, path: path.to_owned() }
        })
    }

    fn parse(bytes: &[u8], columns: &Columns) -> std::result::Result<Self, Refusal> {
        let text = text_of(bytes)?;
        let comments = text.lines().take_while(|line| line.starts_with("# "));
        let (skipped_lines, skipped_bytes) =
            comments.fold((0, 0), |(lines, bytes), line| (lines + 1, bytes + line.len() + 1));
        let text = &text[skipped_bytes..];
        let mut reader = opened(text);
        let mut record = csv::StringRecord::new();
        let read = |reader: &mut csv::Reader<&[u8]>, record: &mut csv::StringRecord| {
            let more = reader.read_record(record).map_err(|error| Refusal::new(&error.to_string()))?;
            // The reader stands behind the record, which may hold line ends in quotes.
            let inside = record.as_slice().matches('\n').count() as u64;
            Ok((more, skipped_lines + reader.position().line().saturating_sub(1 + inside).max(1)))
        };
        if !read(&mut reader, &mut record)?.0 {
            return Err(Refusal::new("the file is empty"));
        }
        let header: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
        let response = find(&header, &columns.response)?;
        let factors =
            columns.factors.iter().map(|name| find(&header, name)).collect::<std::result::Result<Vec<_>, _>>()?;
        let group = find(&header, &columns.group)?;
        let wheres = columns.wheres.iter().map(|own| Ok((find(&header, &own.column)?, own)));
        let wheres = wheres.collect::<std::result::Result<Vec<_>, _>>()?;
        let choice = choice(text, &wheres, group)?;
        let is_used = |position: usize| position == response || position == group || factors.contains(&position);
        let mut pooling = Pooling::new(&header, is_used, &columns.pooled);
        let mut combinations = Combinations::default();
        let needed = factors.iter().copied().chain([response, group]).max().unwrap_or(0);
        let mut not_meant = 0;
        let mut rows = Vec::new();
        let mut dropped: BTreeMap<(&'static str, Option<String>), usize> = BTreeMap::new();
        loop {
            let (more, line) = read(&mut reader, &mut record)?;
            if !more {
                break;
            }
            let at = |column: Option<usize>, problem: String| Refusal {
                line: Some(line),
                column: column.map(|column| header[column].clone()),
                problem,
            };
            if rows.len() >= limits::RECORDS {
                return Err(at(None, format!("more than {} rows", limits::RECORDS)));
            }
            if record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            let has_more = record.iter().skip(header.len()).any(|field| !field.trim().is_empty());
            if has_more || needed >= record.len() {
                let problem = format!("the line has {} fields and the header {}", record.len(), header.len());
                return Err(at(Some(needed).filter(|_| !has_more), problem));
            }
            if !choice.has(&record) {
                not_meant += 1;
                continue;
            }
            let field = |column: usize| record.get(column).unwrap_or_default().trim();
            let level = factors
                .iter()
                .map(|column| Some(field(*column)).filter(|label| !is_no_label(label)))
                .collect::<Option<Vec<_>>>();
            let level = level.map(|labels| combinations.joined(&labels)).transpose();
            let level = level.map_err(|problem| at(None, problem))?;
            let mut drop =
                |reason: &'static str, level: Option<String>| *dropped.entry((reason, level)).or_default() += 1;
            let Some(level) = level else {
                drop("no level", None);
                continue;
            };
            if is_no_label(field(group)) {
                drop("no group", Some(level));
                continue;
            }
            if is_no_number(field(response)) {
                drop("no response", Some(level));
                continue;
            }
            match field(response).parse::<f64>() {
                Ok(value) if value.is_nan() => drop("no response", Some(level)),
                Ok(value) if value.is_finite() => {
                    pooling.add(&record, &level);
                    rows.push((field(group).to_owned(), level, value));
                }
                Ok(_) => return Err(at(Some(response), "the response is not finite".to_owned())),
                Err(_) => {
                    let problem = "the response is no number (with a point for decimals)".to_owned();
                    return Err(at(Some(response), problem));
                }
            }
        }
        let dropped = dropped.into_iter().map(|((reason, level), rows)| Dropped { reason, level, rows }).collect();
        let notes = choice.notes.iter().cloned().chain(pooling.finish(&header)?).collect();
        Ok(Self { rows, dropped, not_meant, chosen: choice.columns(&header), notes })
    }
}

/// The text of a file, its lines ended by a line feed.
fn text_of(bytes: &[u8]) -> std::result::Result<String, Refusal> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Refusal::new("the file is UTF-16 text; save it as UTF-8"));
    }
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Which rows are meant, by the values that their columns hold.
fn choice(text: &str, wheres: &[(usize, &Where)], group: usize) -> std::result::Result<Choice, Refusal> {
    if wheres.is_empty() {
        return Ok(Choice::default());
    }
    let mut held: HashMap<usize, Held> = wheres.iter().map(|(position, _)| (*position, Held::default())).collect();
    // The first record is the header.
    for record in opened(text).records().skip(1) {
        let record = record.map_err(|error| Refusal::new(&error.to_string()))?;
        for (position, held) in &mut held {
            held.add(record.get(*position).unwrap_or_default().trim());
        }
    }
    Choice::new(wheres, &held, group)
}

fn opened(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes())
}

/// Why a table is refused.
pub(super) struct Refusal {
    pub(super) line: Option<u64>,
    pub(super) column: Option<String>,
    pub(super) problem: String,
}

impl Refusal {
    fn new(problem: &str) -> Self {
        Self { line: None, column: None, problem: problem.to_owned() }
    }
}

/// Position of a column: by its name, else without regard to case where that is one.
fn find(header: &[String], name: &str) -> std::result::Result<usize, Refusal> {
    let name = name.trim();
    let matching = |same: &dyn Fn(&String) -> bool| -> Vec<usize> {
        header.iter().enumerate().filter(|(_, own)| same(own)).map(|(position, _)| position).collect()
    };
    let mut found = matching(&|own| own == name);
    if found.is_empty() {
        found = matching(&|own| own.eq_ignore_ascii_case(name));
    }
    let refuse = |problem: String| Refusal { line: Some(1), column: Some(name.to_owned()), problem };
    match found[..] {
        [position] => Ok(position),
        [] => Err(refuse(format!("there is no such column; the header names {}", header.join(", ")))),
        _ => Err(refuse("the header names this column more than once".to_owned())),
    }
}

fn is_no_number(field: &str) -> bool {
    ["", "na", "n/a", "<na>", "nan", "null", "none", "."].iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// Fewer words than for numbers: a method may be called none.
fn is_no_label(field: &str) -> bool {
    ["", "NA", "<NA>", "nan", "NaN"].contains(&field)
}

/// A comma unless the header has none.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|delimiter| header.as_bytes().contains(delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns {
            response: "value".to_owned(),
            factors: vec!["method".to_owned()],
            group: "image".to_owned(),
            ..Columns::default()
        }
    }

    fn parse(text: &str) -> std::result::Result<LongTable, String> {
        LongTable::parse(text.as_bytes(), &columns())
            .map_err(|refusal| format!("{:?} {:?} {}", refusal.line, refusal.column, refusal.problem))
    }

    #[test]
    fn every_dialect_gives_the_same_rows() {
        let plain = "image,method,value\n1,A,0.5\n\n1,\"B\",-2e-1\n";
        let expected = parse(plain).unwrap();
        assert_eq!(expected.rows, [("1".to_owned(), "A".to_owned(), 0.5), ("1".to_owned(), "B".to_owned(), -0.2)]);
        for text in [
            format!("\u{feff}{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            plain.replace(',', ";"),
            plain.replace(',', "\t"),
            plain.trim_end().to_owned(),
            plain.replace("value", " Value "),
            format!("# made by somebody, 2026\n# and nobody else\n{plain}"),
            plain.replace("image,method,value", "\"image\",\"method\",\"value\""),
        ] {
            assert_eq!(parse(&text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn missing_values_are_counted_by_reason_and_level() {
        let table = parse("value,method,image\n1,A,1\nNaN,A,2\n,A,3\nnull,B,1\n2,NA,1\n2,none,1\n3,B,\n").unwrap();
        assert_eq!(table.rows.len(), 2);
        let counted: Vec<(&str, Option<&str>, usize)> =
            table.dropped.iter().map(|dropped| (dropped.reason, dropped.level.as_deref(), dropped.rows)).collect();
        let expected = [
            ("no group", Some("B"), 1),
            ("no level", None, 1),
            ("no response", Some("A"), 2),
            ("no response", Some("B"), 1),
        ];
        assert_eq!(counted, expected);
    }

    #[test]
    fn errors_name_line_and_column() {
        let refused = |text: &str| parse(text).unwrap_err();
        assert!(refused("").contains("empty"));
        assert!(refused("image,method\n1,A\n").contains("Some(\"value\") there is no such column"));
        assert!(refused("image,method,value,value\n").contains("more than once"));
        for bad in ["abc", "0;5", "1.2.3"] {
            let message = refused(&format!("image,method,value\n1,A,1\n\n\"1\n2\",A,{bad}\n"));
            assert!(message.starts_with("Some(4) Some(\"value\")"), "{message}");
            let message = refused(&format!("# one\n# two\nimage,method,value\n1,A,{bad}\n"));
            assert!(message.starts_with("Some(4) Some(\"value\")"), "{message}");
        }
        assert!(
            refused("image,method,value\n1,A,inf").starts_with("Some(2) Some(\"value\") the response is not finite")
        );
        assert!(refused("image,method,value\n1,A,1,7\n").contains("Some(2) None the line has 4 fields"));
        assert!(refused("image,method,value\n1,A\n").contains("Some(2) Some(\"value\") the line has 2 fields"));
    }

    #[test]
    fn several_factors_are_joined() {
        let columns = Columns { factors: vec!["method".to_owned(), "w".to_owned()], ..columns() };
        let table = LongTable::parse(b"image,method,w,value\n1,A,x,1\n1,A,,2\n", &columns).ok().unwrap();
        assert_eq!(table.rows, [("1".to_owned(), "A:x".to_owned(), 1.0)]);
        let meet = LongTable::parse(b"image,method,w,value\n1,A:x,y,1\n1,A,x:y,2\n", &columns).err().unwrap();
        assert!(meet.problem.contains("both be called A:x:y") && meet.line == Some(3), "{}", meet.problem);
    }

    fn asked(text: &str, wheres: &[&str], change: impl FnOnce(&mut Columns)) -> std::result::Result<LongTable, String> {
        let mut columns = columns();
        columns.wheres = wheres.iter().map(|own| own.parse().unwrap()).collect();
        change(&mut columns);
        LongTable::parse(text.as_bytes(), &columns).map_err(|refusal| refusal.problem)
    }

    const SCORES: &str = "# notice\ntest,image,method,condition,metric,value\nutility,1,A,trained,auprc_trapezoid,1\n\
        utility,1,A,random,auprc_trapezoid,2\nutility,1,A,trained,roc_auc,3\nrandomization,1,A,5,ssim_range_1,4\n\
        randomization,1,A,5,ssim_range_2,5\n";

    #[test]
    fn rows_are_those_that_every_column_allows() {
        let values =
            |wheres: &[&str]| asked(SCORES, wheres, |_| {}).map(|table| table.rows.iter().map(|row| row.2).collect());
        let utility = ["test=utility", "metric=auprc_trapezoid"];
        assert_eq!(values(&utility), Ok(vec![1.0, 2.0]));
        let table = asked(SCORES, &["test=utility", "metric=auprc", "condition=trained"], |_| {}).unwrap();
        assert_eq!((table.rows.len(), table.not_meant, table.rows[0].2), (1, 4, 1.0));
        assert_eq!(table.notes, ["metric=auprc was taken as auprc_trapezoid"]);
        let both: Vec<&str> = ["condition=trained", "condition=random"].into_iter().chain(utility).collect();
        assert_eq!(values(&both), Ok(vec![1.0, 2.0]), "values of one column are alternatives");
        let refused = |wheres: &[&str]| asked(SCORES, wheres, |_| {}).unwrap_err();
        assert!(refused(&["metric=dice"]).contains("no row has the value dice; it holds auprc_trapezoid, roc_auc"));
        assert!(refused(&["metric=ssim"]).contains("2 values begin with ssim"));
        assert!(refused(&["metrics=ssim"]).contains("there is no such column"));
        assert!(!refused(&["image=Doe"]).contains("it holds"), "groups may be patients");
        let one = asked(SCORES, &["image=1", "test=utility", "metric=roc"], |_| {}).unwrap();
        assert_eq!(one.chosen[0], ("image".to_owned(), vec!["(not written)".to_owned()]));
    }

    #[test]
    fn what_was_measured_differently_is_not_pooled_without_a_word() {
        let refused = asked(SCORES, &[], |_| {}).unwrap_err();
        assert!(refused.contains("different test (randomization, utility)") && refused.contains("--where test=VALUE"));
        let refused = asked(SCORES, &["test=utility"], |_| {}).unwrap_err();
        assert!(refused.contains("different metric (auprc_trapezoid, roc_auc)"), "{refused}");
        let all = asked(SCORES, &[], |columns| columns.pooled = vec!["test".to_owned(), "Metric".to_owned()]).unwrap();
        assert_eq!((all.rows.len(), all.notes.len()), (5, 1));
        assert!(all.notes[0].contains("different condition (5, random, trained)"), "{:?}", all.notes);
        let told_apart = |columns: &mut Columns| columns.factors.extend(["metric".to_owned(), "test".to_owned()]);
        assert_eq!(asked(SCORES, &["condition=trained", "condition=5"], told_apart).unwrap().notes, [""; 0]);
    }
}
