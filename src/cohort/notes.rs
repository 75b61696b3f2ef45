//! What was left out of a cohort and why, and what was odd about its files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::error::Error;
use super::files::Skipped;
use super::table::TableRole;

/// Lines that a warning names; further ones are only counted.
const LINES_NAMED: usize = 8;

/// Kinds of warnings that are told apart: a file that is wrong on every line should not fill the screen.
const KINDS: usize = 50;

/// Why an image or a row is no case of the cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A row without an image file.
    NoFile,
    /// An image without a row: unlabelled, which is not negative.
    Unlabelled,
    /// RSNA's `No Lung Opacity / Not Normal`.
    ThirdClass,
    /// Rows that contradict each other.
    Contradiction,
    /// A run-length code that cannot be read.
    DamagedMask,
    /// A mask of another size than its image.
    MaskBeyondImage,
    /// A box that lies wholly outside its image.
    BoxOutside,
    /// A file that is damaged, or no image at all in spite of its name.
    Unreadable,
    /// A second file of the same id.
    SecondFile,
    /// A label that says that nobody is sure, such as -1.
    Uncertain,
    /// A box whose numbers are none, or without a size.
    BadBox,
}

impl Reason {
    /// What it means, for a table of counts.
    pub fn description(self) -> &'static str {
        match self {
            Self::NoFile => "row without an image file",
            Self::Unlabelled => "image without a label (not negative)",
            Self::ThirdClass => "class No Lung Opacity / Not Normal",
            Self::Contradiction => "rows contradict each other",
            Self::DamagedMask => "run-length code or mask cannot be read",
            Self::MaskBeyondImage => "mask of another size than its image",
            Self::BoxOutside => "box outside the image",
            Self::Unreadable => "image file cannot be read",
            Self::SecondFile => "second file of the same id",
            Self::Uncertain => "uncertain label",
            Self::BadBox => "box whose numbers are no box",
        }
    }
}

/// One image or row that is no case of the cohort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Why.
    pub reason: Reason,
    /// What would have been its id; may be a patient's.
    pub id: String,
    /// The line of the CSV file that says so, where one does.
    pub line: Option<u64>,
}

/// One kind of oddity, with the lines on which it was met. Names no file and no id.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// The file, where it was one.
    pub table: Option<TableRole>,
    /// What was odd and what was made of it.
    pub text: String,
    /// The first lines, at most eight.
    pub lines: Vec<u64>,
    /// How often it was met.
    pub count: usize,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = self.table {
            write!(f, "{table}")?;
            for (index, line) in self.lines.iter().enumerate() {
                let word = match (index, self.lines.len()) {
                    (0, 1) => ", line",
                    (0, _) => ", lines",
                    _ => ",",
                };
                write!(f, "{word} {line}")?;
            }
            if self.count > self.lines.len() && !self.lines.is_empty() {
                write!(f, " and {} more", self.count - self.lines.len())?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.text)?;
        if self.lines.is_empty() && self.count > 1 {
            write!(f, " ({} times)", self.count)?;
        }
        Ok(())
    }
}

/// What was left out of a cohort that could not be opened, and what was odd about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was odd, each kind once. Names no file and no id.
    pub warnings: Vec<Warning>,
    /// Images and rows that are no cases, by reason.
    pub exclusions: Vec<Exclusion>,
    /// Files that are no images.
    pub skipped: Skipped,
}

/// What readers of a cohort have to tell beside its cases.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) warnings: Warnings,
    pub(super) exclusions: Vec<Exclusion>,
    pub(super) skipped: Skipped,
}

impl Notes {
    pub(super) fn new(labels_suffice: bool) -> Self {
        Self { warnings: Warnings { labels_suffice, ..Warnings::default() }, ..Self::default() }
    }

    pub(super) fn into_findings(self) -> Findings {
        let Self { warnings, mut exclusions, skipped } = self;
        exclusions.sort_by(|a, b| (a.reason, a.line, &a.id).cmp(&(b.reason, b.line, &b.id)));
        Findings { warnings: warnings.into_list(), exclusions, skipped }
    }

    /// A problem with what was found before it came up, where that is anything.
    pub(super) fn explain(self, problem: Error) -> Error {
        let findings = self.into_findings();
        match problem {
            Error::Interrupted => problem,
            problem if findings.warnings.is_empty() && findings.exclusions.is_empty() => problem,
            problem => Error::Explained { problem: Box::new(problem), findings: Box::new(findings) },
        }
    }
}

/// Warnings that are told within a sentence.
const WARNINGS_TOLD: usize = 3;

/// The first of some warnings as the rest of a sentence, with the number of those that it does not tell.
pub fn first_warnings(warnings: &[Warning]) -> String {
    let mut told = vec![String::new()];
    told.extend(warnings.iter().take(WARNINGS_TOLD).map(Warning::to_string));
    if let Some(more @ 1..) = warnings.len().checked_sub(WARNINGS_TOLD) {
        told.push(format!("`saliscope cohort` tells {more} more"));
    }
    told.join("; ")
}

/// Most letters of a shape.
const SHAPE_LETTERS: usize = 40;

/// What an id looks like, without saying it: `a` for a letter, `9` for a digit, all else as it is. Zeros at the beginning of
/// a number stay, because they are what numbers lose.
pub(super) fn shape(id: &str) -> String {
    let mut shape = String::new();
    let mut is_in_number = false;
    for letter in id.chars().take(SHAPE_LETTERS) {
        let shown = match letter {
            '0' if !is_in_number => '0',
            '0'..='9' => '9',
            letter if letter.is_uppercase() => 'A',
            letter if letter.is_alphanumeric() => 'a',
            // Marks upon letters, among others; signs that a terminal obeys are none of an id.
            letter if !letter.is_ascii_graphic() && letter != ' ' => '?',
            letter => letter,
        };
        is_in_number = shown == '9';
        shape.push(shown);
    }
    if id.chars().nth(SHAPE_LETTERS).is_some() {
        shape.push_str("...");
    }
    shape
}

/// Gathers warnings, each kind once. Whoever reads a table tells oddities while others hold rows of it, so that it is
/// shared; nobody keeps a borrow.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kinds: RefCell<Kinds>,
    /// As [`super::CohortOptions::labels_suffice`]: what becomes of an image whose mark cannot be used, and is said of it.
    labels_suffice: bool,
}

type Kinds = BTreeMap<(Option<TableRole>, String), Met>;

/// Where and how often one kind was met.
#[derive(Debug, Default)]
struct Met {
    /// The first lines.
    lines: Vec<u64>,
    /// The last line, which may hold several of the kind.
    last: Option<u64>,
    count: usize,
}

impl Warnings {
    /// Something odd on one line of a file, however often there.
    pub(super) fn at(&self, table: TableRole, line: u64, text: &str) {
        let mut kinds = self.kinds.borrow_mut();
        let mut key = (Some(table), text.to_owned());
        if kinds.len() >= KINDS && !kinds.contains_key(&key) {
            "other oddities".clone_into(&mut key.1);
        }
        let met = kinds.entry(key).or_default();
        if met.last.replace(line) == Some(line) {
            return;
        }
        met.count += 1;
        if met.lines.len() < LINES_NAMED {
            met.lines.push(line);
        }
    }

    /// Something odd that is on no line.
    pub(super) fn note(&self, text: impl Into<String>) {
        self.kinds.borrow_mut().entry((None, text.into())).or_default().count += 1;
    }

    /// Takes those of another.
    pub(super) fn append(&self, other: Self) {
        self.kinds.borrow_mut().append(&mut other.kinds.into_inner());
    }

    pub(super) fn into_list(self) -> Vec<Warning> {
        let one = |((table, text), Met { lines, count, .. })| Warning { table, text, lines, count };
        self.kinds.into_inner().into_iter().map(one).collect()
    }

    /// Whether an image whose mark cannot be used stays, by its label.
    pub(super) fn labels_suffice(&self) -> bool {
        self.labels_suffice
    }

    /// What becomes of an image whose mark cannot be used, as the end of a sentence.
    pub(super) fn fate(&self) -> &'static str {
        if self.labels_suffice { "the image is used by its label alone" } else { "the image is left out" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_up_to_a_limit() {
        let warnings = Warnings::default();
        for line in 1..=1000 {
            warnings.at(TableRole::Masks, line, &format!("kind {}", line % 100));
        }
        let list = warnings.into_list();
        assert_eq!(list.len(), KINDS + 1);
        assert_eq!(list.iter().map(|warning| warning.count).sum::<usize>(), 1000);
    }

    #[test]
    fn a_shape_says_nothing_but_the_form() {
        for (id, expected) in [
            ("M\u{fc}ller_\u{e9}0.png", "Aaaaaa_a0.aaa"),
            ("00001", "00009"),
            ("100203", "999999"),
            ("1.2.840", "9.9.999"),
            ("IMG 7\u{1b}[2J", "AAA 9?[9A"),
        ] {
            assert_eq!(shape(id), expected);
        }
        assert_eq!(shape(&"x".repeat(50)).len(), SHAPE_LETTERS + 3);
    }

    #[test]
    fn lines_are_named_up_to_a_limit() {
        let warnings = Warnings::default();
        for line in 2..=13 {
            warnings.at(TableRole::Masks, line, "odd");
        }
        warnings.at(TableRole::Boxes, 5, "cut");
        warnings.note("plain");
        warnings.note("often");
        warnings.note("often");
        let texts: Vec<String> = warnings.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "often (2 times)",
                "plain",
                "masks CSV, lines 2, 3, 4, 5, 6, 7, 8, 9 and 4 more: odd",
                "boxes CSV, line 5: cut"
            ]
        );
    }
}
