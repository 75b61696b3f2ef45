//! CSV files that assume nothing: whoever wrote them used a spreadsheet, pandas or a text editor.
//!
//! Told apart by their columns, whose names are compared without case, blanks and punctuation (` EncodedPixels` is
//! `EncodedPixels`, `Image_ID` is `ImageId`). A byte order mark, UTF-16, Windows-1252, any line end, quotes, a trailing
//! delimiter, an index column, semicolons or tabs as delimiters, a first line `sep=;`, and decimal commas are understood.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::ByteRecord;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::error::{Error, Result};
use super::notes::Warnings;
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
pub(super) struct Table<'a> {
    role: TableRole,
    path: PathBuf,
    reader: csv::Reader<Plain<Box<dyn Read>>>,
    delimiter: u8,
    budget: Rc<Cell<usize>>,
    header: Vec<String>,
    /// The header as it was written.
    titles: Vec<String>,
    header_line: u64,
    record: ByteRecord,
    records: u64,
    warnings: &'a Warnings,
}

/// One record, without the header.
pub(super) struct Row<'a> {
    /// Line of the file on which it begins, from 1.
    pub(super) line: u64,
    table: &'a Table<'a>,
}

impl<'a> Table<'a> {
    /// Opens a file and reads its header. What is odd about fields is told when they are read.
    pub(super) fn open(path: &Path, role: TableRole, warnings: &'a Warnings) -> Result<Self> {
        let fail = |problem: String| Error::Table { role, place: String::new(), problem, path: path.to_owned() };
        let unreadable = |error: files::Error| fail(format!("the file cannot be read ({error})"));
        let mut file = Source::open(path, limits::TABLE_BYTES).map_err(unreadable)?;
        let start = file.head(START_BYTES).map_err(unreadable)?;
        let wide = utf_16(&start);
        let start = wide.map_or(Cow::Borrowed(&start[..]), |coding| {
            Cow::Owned(coding.decode_with_bom_removal(&start).0.into_owned().into_bytes())
        });
        let first_line = first_line(&start);
        let stated = stated_delimiter(first_line);
        let delimiter = match stated {
            Statement::None => usual_delimiter(first_line),
            Statement::Delimiter(delimiter) => delimiter,
            Statement::Unclear => {
                let problem = "the first line begins with sep= and names no delimiter; write sep=; or remove the line";
                return Err(fail(problem.to_owned()));
            }
        };
        let budget = Rc::new(Cell::new(limits::RECORD_BYTES + BUFFER_BYTES));
        // Text in UTF-16 becomes UTF-8, all else stays as it is but for a byte order mark.
        let mut text = DecodeReaderBytesBuilder::new();
        text.encoding(wide).utf8_passthru(true).strip_bom(true);
        let plain = Plain::new(Box::new(text.build(file.into_reader())) as Box<dyn Read>, Rc::clone(&budget));
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .delimiter(delimiter)
            .from_reader(plain);
        let mut table = Self {
            role,
            path: path.to_owned(),
            reader,
            delimiter,
            budget,
            header: Vec::new(),
            titles: Vec::new(),
            header_line: 1,
            record: ByteRecord::new(),
            records: 0,
            warnings,
        };
        if stated != Statement::None {
            table.read()?;
        }
        if !table.read()? {
            return Err(fail("the file is empty".to_owned()));
        }
        table.header_line = table.line();
        table.header = table.record.iter().map(normalized).collect();
        while table.header.last().is_some_and(String::is_empty) {
            table.header.pop();
        }
        table.titles = table.record.iter().take(table.header.len()).map(title).collect();
        Ok(table)
    }

    /// Position of the column with one of these names, in their order of preference.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| *column == normalized(name.as_bytes())))
    }

    /// Whether the file's name says that it is of the images for testing.
    pub(super) fn is_for_testing(&self) -> bool {
        self.path.file_stem().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("test"))
    }

    /// The names of all columns, as they were written.
    pub(super) fn titles(&self) -> &[String] {
        &self.titles
    }

    /// As [`Table::column`], where the column must be there.
    pub(super) fn require(&self, names: &[&str]) -> Result<usize> {
        self.column(names).ok_or_else(|| self.refuse(None, None, format!("there is no column {}", names[0])))
    }

    /// Refuses a header that names one of these columns twice.
    pub(super) fn forbid_twins(&self, columns: &[(usize, &'static str)]) -> Result<()> {
        for (position, name) in columns {
            if self.header.iter().filter(|column| **column == self.header[*position]).count() > 1 {
                return Err(self.refuse(
                    Some(self.header_line),
                    Some(name),
                    "the header names this column twice".to_owned(),
                ));
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
            // What is read may hold anything, a terminal's commands among it.
            let shown: String = shown.chars().filter(|letter| !letter.is_control()).collect();
            let comma = if self.delimiter == b',' { " (a decimal comma needs quotes around its number)" } else { "" };
            let problem = format!(
                "the line has {} fields and the header {}{comma}; the first without a column begins with `{shown}`",
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
    pub(super) fn field(&self, column: usize) -> Cow<'_, str> {
        let bytes = self.table.record.get(column).unwrap_or_default().trim_ascii();
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text.into();
        }
        self.warn("letters that are no UTF-8 were read as Windows-1252, the code of western Europe");
        western(bytes)
    }

    /// Tells something odd about this record.
    pub(super) fn warn(&self, text: &str) {
        self.table.warnings.at(self.table.role, self.line, text);
    }

    /// Something odd about a mark on this line, and what becomes of its image.
    pub(super) fn warn_of_mark(&self, text: &str) {
        self.warn(&format!("{text}; {}", self.table.warnings.fate()));
    }

    /// The field of a column that may not be there.
    pub(super) fn optional(&self, column: Option<usize>) -> Cow<'_, str> {
        column.map_or(Cow::Borrowed(""), |column| self.field(column))
    }

    /// An error about this record.
    pub(super) fn refuse(&self, column: &str, problem: impl Into<String>) -> Error {
        self.table.refuse(Some(self.line), Some(column), problem.into())
    }

    /// A number, or nothing where the field says so: empty, `NaN`, `NA`, `null`, `None`; else what is wrong with it.
    pub(super) fn number(&self, column: usize) -> std::result::Result<Option<f64>, &'static str> {
        let field = self.field(column);
        if is_missing(&field) {
            return Ok(None);
        }
        let no_number = Err("this is no finite number");
        let number = match field.split_once(',') {
            None => field.parse::<f64>(),
            // 1,024 between commas may be English for 1024 as well.
            Some((whole, fraction)) if self.table.delimiter == b',' && fraction.len() == 3 && whole.len() <= 4 => {
                return Err("a comma in a number has two meanings; write a point, or no thousands");
            }
            Some((whole, fraction)) if !fraction.contains([',', '.']) && !whole.contains('.') => {
                self.warn("a decimal comma was read as a point");
                format!("{whole}.{fraction}").parse::<f64>()
            }
            Some(_) => return no_number,
        };
        match number {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => no_number,
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

/// The name of a column for messages.
fn title(name: &[u8]) -> String {
    let name = std::str::from_utf8(name).map_or_else(|_| western(name), Cow::Borrowed);
    name.chars().filter(|letter| !letter.is_control()).collect::<String>().trim().to_owned()
}

/// The text file of this name, whatever its case, in `folder` or one level below.
pub(super) fn texts_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).min_depth(1).max_depth(2).follow_links(true).sort_by_file_name();
    let mut paths: Vec<PathBuf> = walk
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter(|entry| !entry.file_type().is_dir() && entry.file_name().eq_ignore_ascii_case(name))
        .map(walkdir::DirEntry::into_path)
        .collect();
    paths.sort_by_key(|path| path.components().count());
    paths.into_iter().next()
}

/// A name without case, blanks and punctuation.
fn normalized(name: &[u8]) -> String {
    let name = std::str::from_utf8(name).map_or_else(|_| western(name), Cow::Borrowed);
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Text in the code of western Europe, which has a letter for nearly every byte.
fn western(bytes: &[u8]) -> Cow<'_, str> {
    WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// The coding of a text that begins with `start`, where it is UTF-16: by its byte order mark, or by the zeros between the
/// letters of a header.
fn utf_16(start: &[u8]) -> Option<&'static Encoding> {
    match *start {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [first, 0, second, 0, ..] if first != 0 && second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if first != 0 && second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// The first line of a text that is not empty, as far as it is there, without a byte order mark.
fn first_line(start: &[u8]) -> &[u8] {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    start.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default()
}

/// What a first line says about the delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statement {
    /// Nothing: it is a header.
    None,
    /// It is `sep=` with a delimiter.
    Delimiter(u8),
    /// It is `sep=` with something else.
    Unclear,
}

/// The delimiter that a line `sep=;` states, as Excel writes and reads it.
fn stated_delimiter(line: &[u8]) -> Statement {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let Some((name, rest)) = line.split_at_checked(4) else { return Statement::None };
    if !name.eq_ignore_ascii_case(b"sep=") {
        return Statement::None;
    }
    let rest = rest.strip_suffix(b"\"").unwrap_or(rest);
    // Programs that pad every line with delimiters pad this one.
    let is_one = |delimiter: &u8| {
        delimiter.is_ascii()
            && !delimiter.is_ascii_alphanumeric()
            && *delimiter != b'"'
            && rest.iter().all(|byte| byte == delimiter)
    };
    rest.first().copied().filter(is_one).map_or(Statement::Unclear, Statement::Delimiter)
}

/// The delimiter of a file with this header: a comma unless it has none.
fn usual_delimiter(line: &[u8]) -> u8 {
    [b',', b';', b'\t'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',')
}

/// A text file with `\n` after every line, and with an end to its patience: more than the budget between two records is an
/// error instead of a full memory.
struct Plain<R> {
    inner: R,
    budget: Rc<Cell<usize>>,
    /// The last byte given, before the end.
    last: u8,
    after_return: bool,
}

impl<R: Read> Plain<R> {
    fn new(inner: R, budget: Rc<Cell<usize>>) -> Self {
        Self { inner, budget, last: b'\n', after_return: false }
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.inner.read(buffer)?;
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
        let warnings = Warnings::default();
        let mut table = Table::open(&path, TableRole::Masks, &warnings)?;
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
    fn a_stated_delimiter_is_no_header() {
        let expected: Found = vec![(3, "a,b".to_owned(), "-1".to_owned()), (5, "c".to_owned(), "1 2".to_owned())];
        for (line, delimiter) in [
            ("sep=;", ";"),
            ("SEP=;", ";"),
            ("\"sep=;\"", ";"),
            ("sep=\t", "\t"),
            ("sep=|", "|"),
            ("sep=;;;", ";"),
            ("sep=^", "^"),
        ] {
            let table =
                format!("{line}\r\nImageId#EncodedPixels#\r\na,b#-1#\r\n\r\nc#1 2#\r\n").replace('#', delimiter);
            for content in [table.clone(), format!("\u{feff}{table}")] {
                assert_eq!(read(content.as_bytes()).unwrap(), expected, "{content:?}");
            }
        }
        let twice = read(b"sep=,\nImageId,EncodedPixels,ImageId\n").map(|_| ());
        assert!(twice.is_ok(), "twins are for others to refuse");
    }

    #[test]
    fn every_coding_gives_the_same_rows() {
        let table = "ImageId;EncodedPixels\r\nM\u{fc}ller \u{20ac};-1\r\nb;1 2\r\n";
        let expected: Found =
            vec![(2, "M\u{fc}ller \u{20ac}".to_owned(), "-1".to_owned()), (3, "b".to_owned(), "1 2".to_owned())];
        let wide = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            format!("{mark}{table}").encode_utf16().flat_map(bytes).collect()
        };
        for content in [
            table.as_bytes().to_vec(),
            format!("\u{feff}{table}").into_bytes(),
            wide("\u{feff}", u16::to_le_bytes),
            wide("\u{feff}", u16::to_be_bytes),
            wide("", u16::to_le_bytes),
            wide("", u16::to_be_bytes),
            table.chars().map(|letter| if letter == '\u{20ac}' { 0x80 } else { letter as u8 }).collect(),
        ] {
            assert_eq!(read(&content).unwrap(), expected, "{content:?}");
        }
        // Longer than a buffer, so that letters lie across its end.
        let rows: Vec<String> = (0..5000).map(|row| format!("\u{fc}\u{1d11e}{row};1 2\n")).collect();
        let long = format!("\u{feff}ImageId;EncodedPixels\n{}", rows.concat());
        let wide: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide).unwrap(), read(long.as_bytes()).unwrap());
    }

    #[test]
    fn a_decimal_comma_is_a_point_where_it_can_be_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let number = |content: &str| {
            std::fs::write(&path, content).unwrap();
            let warnings = Warnings::default();
            let mut table = Table::open(&path, TableRole::Boxes, &warnings).unwrap();
            let number = table.next().unwrap().unwrap().number(0);
            drop(table);
            (number.ok(), warnings.into_list().len())
        };
        for (content, expected) in [
            ("x;y\n10,5;1\n", (Some(Some(10.5)), 1)),
            ("x;y\n-1,024;1\n", (Some(Some(-1.024)), 1)),
            ("x,y\n\"10,5\",1\n", (Some(Some(10.5)), 1)),
            ("x,y\n\"1,024\",1\n", (None, 0)),
            ("x;y\n1.024,5;1\n", (None, 0)),
            ("x;y\n1,024,5;1\n", (None, 0)),
            ("x;y\n1,2.5;1\n", (None, 0)),
            ("x;y\n1.5;1\n", (Some(Some(1.5)), 0)),
            ("x;y\n;1\n", (Some(None), 0)),
            ("x;y\ninf;1\n", (None, 0)),
        ] {
            assert_eq!(number(content), expected, "{content:?}");
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
        assert!(message(b"\xff\xfeI\0m\0").contains("no column ImageId"));
        assert!(message(b"sep=\nImageId,EncodedPixels\n").contains("sep="));
        assert!(message(b"sep=;x\nImageId,EncodedPixels\n").contains("sep="));
        assert!(message(b"sep=;\n").contains("empty"));
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
