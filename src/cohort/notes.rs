//! What was left out of a cohort and why, and what was odd about its files.

use std::collections::BTreeMap;
use std::fmt;

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

/// Gathers warnings, each kind once.
#[derive(Debug, Default)]
pub(super) struct Warnings(BTreeMap<(Option<TableRole>, String), (Vec<u64>, usize)>);

impl Warnings {
    /// Something odd on one line of a file.
    pub(super) fn at(&mut self, table: TableRole, line: u64, text: &str) {
        let mut key = (Some(table), text.to_owned());
        if self.0.len() >= KINDS && !self.0.contains_key(&key) {
            "other oddities".clone_into(&mut key.1);
        }
        let (lines, count) = self.0.entry(key).or_default();
        *count += 1;
        if lines.len() < LINES_NAMED {
            lines.push(line);
        }
    }

    /// Something odd that is on no line.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.0.entry((None, text.into())).or_default().1 += 1;
    }

    /// Takes those of another.
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(super) fn into_list(self) -> Vec<Warning> {
        let one = |((table, text), (lines, count))| Warning { table, text, lines, count };
        self.0.into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_up_to_a_limit() {
        let mut warnings = Warnings::default();
        for line in 1..=1000 {
            warnings.at(TableRole::Masks, line, &format!("kind {}", line % 100));
        }
        let list = warnings.into_list();
        assert_eq!(list.len(), KINDS + 1);
        assert_eq!(list.iter().map(|warning| warning.count).sum::<usize>(), 1000);
    }

    #[test]
    fn lines_are_named_up_to_a_limit() {
        let mut warnings = Warnings::default();
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
