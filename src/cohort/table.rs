//! CSV files that assume nothing: whoever wrote them used a spreadsheet, pandas or a text editor.
//!
//! Told apart by their columns, whose names are compared without case, blanks and punctuation (` EncodedPixels` is
//! `EncodedPixels`, `Image_ID` is `ImageId`). A byte order mark, any line end, quotes, a trailing delimiter, an index
//! column, and semicolons or tabs as delimiters are understood.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::ByteRecord;

use super::error::{Error, Result};
use crate::files::{self, Source};
use crate::limits;

const BUFFER_BYTES: usize = 1 << 15;

/// Bytes that tell coding and delimiter.
const START_BYTES: usize = 4096;

/// What a CSV file is for; said in messages instead of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableRole {
    /// Run-length codes by image.
    Masks,
    /// Labels by image.
    Labels,
    /// Classes by image.
    Classes,
    /// Boxes by image.
    Boxes,
    /// Splits by image.
    Splits,
}

impl std::fmt::Display for TableRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Masks => "masks CSV",
            Self::Labels => "labels CSV",
            Self::Classes => "classes CSV",
            Self::Boxes => "boxes CSV",
            Self::Splits => "splits CSV",
        })
    }
}

/// A CSV file open for reading, record by record.
pub(super) struct Table {
    role: TableRole,
    path: PathBuf,
    reader: csv::Reader<Plain<Box<dyn Read>>>,
    budget: Rc<Cell<usize>>,
    header: Vec<String>,
    record: ByteRecord,
    records: u64,
}

/// One record, without the header.
pub(super) struct Row<'a> {
    /// Line of the file on which it begins, from 1.
    pub(super) line: u64,
    table: &'a Table,
}

impl Table {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, role: TableRole) -> Result<Self> {
        let fail = |problem: String| Error::Table { role, place: String::new(), problem, path: path.to_owned() };
        let unreadable = |error: files::Error| fail(format!("the file cannot be read ({error})"));
        let mut file = Source::open(path, limits::TABLE_BYTES).map_err(unreadable)?;
        let start = file.head(START_BYTES).map_err(unreadable)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(fail("the file is UTF-16 text; save it as UTF-8".to_owned()));
        }
        let budget = Rc::new(Cell::new(limits::RECORD_BYTES + BUFFER_BYTES));
        let plain = Plain::new(Box::new(file.into_reader()) as Box<dyn Read>, Rc::clone(&budget));
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .delimiter(delimiter(&start))
            .from_reader(plain);
        let mut table = Self {
            role,
            path: path.to_owned(),
            reader,
            budget,
            header: Vec::new(),
            record: ByteRecord::new(),
            records: 0,
        };
        if !table.read()? {
            return Err(fail("the file is empty".to_owned()));
        }
        table.header = table.record.iter().map(normalized).collect();
        while table.header.last().is_some_and(String::is_empty) {
            table.header.pop();
        }
        Ok(table)
    }

    /// Position of the column with one of these names, in their order of preference.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| *column == normalized(name.as_bytes())))
    }

    /// As [`Table::column`], where the column must be there.
    pub(super) fn require(&self, names: &[&str]) -> Result<usize> {
        self.column(names).ok_or_else(|| self.refuse(None, None, format!("there is no column {}", names[0])))
    }

    /// Refuses a header that names one of these columns twice.
    pub(super) fn forbid_twins(&self, columns: &[(usize, &'static str)]) -> Result<()> {
        for (position, name) in columns {
            if self.header.iter().filter(|column| **column == self.header[*position]).count() > 1 {
                return Err(self.refuse(Some(1), Some(name), "the header names this column twice".to_owned()));
            }
        }
        Ok(())
    }

    /// The next record that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>> {
        if !self.read()? {
            return Ok(None);
        }
        self.records += 1;
        let line = self.line();
        if self.records > limits::RECORDS as u64 {
            return Err(self.refuse(Some(line), None, format!("more than {} records", limits::RECORDS)));
        }
        if let Some(extra) = self.record.iter().skip(self.header.len()).find(|field| !field.trim_ascii().is_empty()) {
            let shown = String::from_utf8_lossy(&extra[..extra.len().min(20)]).into_owned();
            let problem = format!(
                "the line has {} fields and the header {}; the first without a column begins with `{shown}`",
                self.record.len(),
                self.header.len()
            );
            return Err(self.refuse(Some(line), None, problem));
        }
        Ok(Some(Row { line, table: self }))
    }

    /// An error about this file.
    pub(super) fn refuse(&self, line: Option<u64>, column: Option<&str>, problem: String) -> Error {
        let line = line.map_or(String::new(), |line| format!(", line {line}"));
        let column = column.map_or(String::new(), |column| format!(", column {column}"));
        Error::Table { role: self.role, place: line + &column, problem, path: self.path.clone() }
    }

    fn read(&mut self) -> Result<bool> {
        self.budget.set(limits::RECORD_BYTES + BUFFER_BYTES);
        let mut record = std::mem::take(&mut self.record);
        let read = self.reader.read_byte_record(&mut record);
        self.record = record;
        read.map_err(|error| {
            let line = self.reader.position().line();
            self.refuse(Some(line), None, format!("the record cannot be read ({error})"))
        })
    }

    /// Line on which the present record begins. The reader stands behind it, after its line end; a record may hold
    /// line ends in quotes.
    fn line(&self) -> u64 {
        let inside = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64 - 1;
        self.reader.position().line().saturating_sub(1 + inside).max(1)
    }
}

impl Row<'_> {
    /// The field of a column without the blanks around it; empty where the record is too short.
    pub(super) fn field(&self, column: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.table.record.get(column).unwrap_or_default().trim_ascii())
    }

    /// The field of a column that may not be there.
    pub(super) fn optional(&self, column: Option<usize>) -> std::borrow::Cow<'_, str> {
        column.map_or(std::borrow::Cow::Borrowed(""), |column| self.field(column))
    }

    /// An error about this record.
    pub(super) fn refuse(&self, column: &str, problem: impl Into<String>) -> Error {
        self.table.refuse(Some(self.line), Some(column), problem.into())
    }

    /// A number, or nothing where the field says so: empty, `NaN`, `NA`, `null`, `None`.
    pub(super) fn number(&self, column: usize, name: &str) -> Result<Option<f64>> {
        let field = self.field(column);
        if is_missing(&field) {
            return Ok(None);
        }
        match field.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.refuse(name, "this is no finite number")),
        }
    }
}

/// Whether a field stands for a missing value.
pub(super) fn is_missing(field: &str) -> bool {
    ["", "nan", "na", "n/a", "null", "none", "<na>"].iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// Delimited files in `folder` and one level below whose header can be read, in the order of their names.
pub(super) fn tables_in(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).min_depth(1).max_depth(2).follow_links(true).sort_by_file_name();
    let hidden = |entry: &walkdir::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    let is_csv = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let mut paths: Vec<PathBuf> = walk
        .into_iter()
        .filter_entry(|entry| !hidden(entry) || entry.depth() == 0)
        .filter_map(std::result::Result::ok)
        // A pipe under such a name is refused by whoever opens it, and not passed over.
        .filter(|entry| !entry.file_type().is_dir() && is_csv(entry.path()))
        .map(walkdir::DirEntry::into_path)
        .collect();
    // The folder's own before those below.
    paths.sort_by_key(|path| path.components().count());
    paths
}

/// A name without case, blanks and punctuation.
fn normalized(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The delimiter of a file that begins with `start`: a comma unless its first line has none.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',')
}

/// A text file with `\n` after every line, without a byte order mark, and with an end to its patience: more than the
/// budget between two records is an error instead of a full memory.
struct Plain<R> {
    inner: R,
    budget: Rc<Cell<usize>>,
    at_start: bool,
    /// The last byte given, before the end.
    last: u8,
    after_return: bool,
}

impl<R: Read> Plain<R> {
    fn new(inner: R, budget: Rc<Cell<usize>>) -> Self {
        Self { inner, budget, at_start: true, last: b'\n', after_return: false }
    }

    /// Reads at most `buffer.len()` bytes, at least 3 where the file has them and it is the start.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = self.inner.read(buffer)?;
        if self.at_start {
            while (1..3).contains(&length) {
                match self.inner.read(&mut buffer[length..])? {
                    0 => break,
                    more => length += more,
                }
            }
            self.at_start = false;
            if buffer[..length].starts_with(b"\xef\xbb\xbf") {
                buffer.copy_within(3..length, 0);
                length -= 3;
                if length == 0 {
                    return self.inner.read(buffer);
                }
            }
        }
        Ok(length)
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.fill(buffer)?;
            if length == 0 {
                if self.last == b'\n' || buffer.is_empty() {
                    return Ok(0);
                }
                buffer[0] = b'\n';
                self.last = b'\n';
                return Ok(1);
            }
            let left = self.budget.get().checked_sub(length).ok_or_else(|| {
                let limit = limits::RECORD_BYTES >> 20;
                io::Error::other(format!("a record is longer than {limit} MiB, or a quote is never closed"))
            })?;
            self.budget.set(left);
            let mut kept = 0;
            for index in 0..length {
                let byte = buffer[index];
                let second_of_pair = self.after_return && byte == b'\n';
                self.after_return = byte == b'\r';
                if !second_of_pair {
                    buffer[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            if kept > 0 {
                self.last = buffer[kept - 1];
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Vec<(u64, String, String)>;

    fn read(content: &[u8]) -> Result<Found> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, content).unwrap();
        let mut table = Table::open(&path, TableRole::Masks)?;
        let (id, pixels) = (table.require(&["ImageId"])?, table.require(&["EncodedPixels"])?);
        let mut found = Vec::new();
        while let Some(row) = table.next()? {
            found.push((row.line, row.field(id).into_owned(), row.field(pixels).into_owned()));
        }
        Ok(found)
    }

    #[test]
    fn every_dialect_gives_the_same_rows_and_lines() {
        let expected = [(2, "a", "-1"), (3, "b", "1 2"), (5, "c", "3 4")];
        let expected: Found = expected.map(|(line, id, pixels)| (line, id.to_owned(), pixels.to_owned())).to_vec();
        let plain = "ImageId, EncodedPixels\na, -1\nb,1 2\n\nc,3 4\n";
        for content in [
            plain.to_owned(),
            plain.trim_end().to_owned(),
            format!("\u{feff}{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            plain.replace(", ", ","),
            plain.replace(',', ";"),
            plain.replace(',', "\t"),
            "image_id,encodedpixels,\na,-1,\nb,1 2,\n\nc,3 4,\n".to_owned(),
            "\"ImageId\",\" EncodedPixels\"\n\"a\",\" -1\"\n\"b\",\"1 2\"\n\n\"c\",\"3 4\"\n".to_owned(),
            "\u{feff}\"ImageId\",\"EncodedPixels\"\r\n\"a\",-1\r\nb,1 2\r\n\r\nc,3 4".to_owned(),
            ",ImageId,EncodedPixels\n0,a,-1\n1,b,1 2\n\n2,c,3 4\n".to_owned(),
            "Unnamed: 0,EncodedPixels,Note,ImageId\n0,-1,,a\n1,1 2,\"x,y\",b\n\n2,3 4,z,c\n".to_owned(),
        ] {
            assert_eq!(read(content.as_bytes()).unwrap(), expected, "{content:?}");
        }
    }

    #[test]
    fn lines_in_quotes_are_counted() {
        let found = read(b"ImageId,EncodedPixels,note\na,-1,\"x\r\ny\"\nb,-1,\n").unwrap();
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let message = |content: &[u8]| read(content).unwrap_err().to_string();
        assert!(message(b"").contains("empty"));
        assert!(message(b"\xff\xfeI\0m\0").contains("UTF-16"));
        assert!(message(b"ImageId,Pixels\n").contains("no column EncodedPixels"));
        assert!(message(b"ImageId,EncodedPixels\n1,a,-1\n").contains("line 2"), "an index column without a header");
    }

    #[test]
    fn an_endless_record_ends_in_an_error() {
        let mut content = b"ImageId,EncodedPixels\na,-1\nb,".to_vec();
        content.resize(4 << 20, b'1');
        assert!(read(&content).unwrap_err().to_string().contains("longer than 1 MiB"));
        let mut content = b"ImageId,EncodedPixels\na,\"-1\n".to_vec();
        content.extend(b"b,-1\n".repeat(1 << 19));
        assert!(read(&content).unwrap_err().to_string().contains("quote"));
        assert!(read(&vec![b','; 4 << 20]).is_err());
    }
}
