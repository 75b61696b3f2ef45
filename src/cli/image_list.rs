//! `--images-from`: many images by their paths, from a list or from a table with a column of them.

use std::borrow::Cow;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::error::{Error, Result};
use crate::{files, limits};

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Columns of a table that hold paths, the one that says most first.
const COLUMNS: [&str; 4] = ["path", "image", "file", "filename"];

/// What parts the cells of a table.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A path as it stands in a list.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// From 1.
    line: u64,
    /// As it is written, in whatever bytes.
    text: Vec<u8>,
}

/// The paths that a list names, all of which exist.
///
/// A list is a path a line, or a table (CSV with commas, semicolons or tabs) whose first line names a column `path`, `image`,
/// `file` or `filename`. Blank lines and lines that begin with `#` are passed over. Relative paths begin at the folder of the
/// list, or where nothing is there, at the current folder.
///
/// # Errors
/// When the list cannot be read or names more than [`limits::LISTED_IMAGES`] paths, and when a line names nothing that exists or
/// two different files, with the number of the line.
pub(super) fn read(list: &Path) -> Result<Vec<PathBuf>> {
    let refuse = |problem: String| Error::File { what: "the list of images", problem, path: list.to_owned() };
    let is_standard_input = list.as_os_str() == STANDARD_INPUT;
    let bytes = if is_standard_input { read_standard_input() } else { read_file(list) }.map_err(refuse)?;
    let entries = entries(&plain_text(&bytes)).map_err(refuse)?;
    if entries.is_empty() {
        return Err(refuse("it names no image".to_owned()));
    }
    let folder = list.parent().filter(|_| !is_standard_input).unwrap_or(Path::new(""));
    let mut paths = Vec::with_capacity(entries.len());
    let mut missing = Vec::new();
    for entry in &entries {
        match found(entry, folder).map_err(refuse)? {
            Some(path) => paths.push(path),
            None => missing.push(entry),
        }
    }
    let Some(first) = missing.first() else { return Ok(paths) };
    let more = match missing.len() - 1 {
        0 => String::new(),
        1 => " (and so does 1 more line)".to_owned(),
        more => format!(" (and so do {more} more lines)"),
    };
    let text = String::from_utf8_lossy(&first.text);
    let table = if first.text.iter().any(|byte| DELIMITERS.contains(byte)) {
        "; the first line of a table has to name a column `path` or `image`"
    } else {
        ""
    };
    Err(refuse(format!("line {} names nothing that exists, {text:?}{more}{table}", first.line)))
}

fn read_file(list: &Path) -> std::result::Result<Vec<u8>, String> {
    files::read(list, limits::IMAGE_LIST_BYTES).map_err(|error| error.to_string())
}

fn read_standard_input() -> std::result::Result<Vec<u8>, String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(
            "standard input is a terminal; put a list into it, such as by `find FOLDER -name '*.dcm' |`".to_owned()
        );
    }
    let limit = limits::IMAGE_LIST_BYTES;
    let mut bytes = Vec::new();
    let read = input.lock().take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("standard input cannot be read ({})", files::words(&error)))?;
    if bytes.len() as u64 > limit {
        return Err(format!("standard input gives more than the {limit} bytes that a list may have"));
    }
    Ok(bytes)
}

/// The text without a byte order mark, UTF-16 as UTF-8, every line end one byte; other bytes stay as they are, since names of
/// files may be any.
fn plain_text(bytes: &[u8]) -> Vec<u8> {
    let wide = [UTF_16LE, UTF_16BE]
        .into_iter()
        .find(|coding| bytes.starts_with(if *coding == UTF_16LE { b"\xff\xfe" } else { b"\xfe\xff" }));
    let text = match wide {
        Some(coding) => Cow::Owned(coding.decode_with_bom_removal(bytes).0.into_owned().into_bytes()),
        None => Cow::Borrowed(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    };
    let mut plain = Vec::with_capacity(text.len());
    for (place, byte) in text.iter().enumerate() {
        match (byte, text.get(place + 1)) {
            // Counting lines, the reader of tables takes such a pair for the end of the line before.
            (b'\r', Some(b'\n')) => {}
            (b'\r', _) => plain.push(b'\n'),
            _ => plain.push(*byte),
        }
    }
    plain
}

fn entries(text: &[u8]) -> std::result::Result<Vec<Entry>, String> {
    let lines = text.split(|byte| *byte == b'\n').zip(1..);
    let mut told = lines.filter(|(line, _)| !line.trim_ascii().is_empty() && !line.starts_with(b"#")).peekable();
    let Some((first, number)) = told.peek().copied() else { return Ok(Vec::new()) };
    let found = match DELIMITERS.into_iter().find_map(|delimiter| Some((delimiter, column(first, delimiter)?))) {
        Some((delimiter, column)) => cells(text, number, delimiter, column)?,
        None => told.map(|(line, line_number)| Entry { line: line_number, text: line.to_vec() }).collect(),
    };
    if found.len() > limits::LISTED_IMAGES {
        return Err(format!("it names more than {} paths; part it", limits::LISTED_IMAGES));
    }
    Ok(found)
}

/// The column of paths that the first line of a table names.
fn column(first_line: &[u8], delimiter: u8) -> Option<usize> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(first_line);
    let mut record = csv::ByteRecord::new();
    // What is no table has no such column.
    reader.read_byte_record(&mut record).ok()?;
    let names: Vec<Vec<u8>> = record.iter().map(|cell| cell.trim_ascii().to_ascii_lowercase()).collect();
    COLUMNS.iter().find_map(|wanted| names.iter().position(|name| name == wanted.as_bytes()))
}

/// The cells of a column below the line `head_line` that names it.
fn cells(text: &[u8], head_line: u64, delimiter: u8, column: usize) -> std::result::Result<Vec<Entry>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .delimiter(delimiter)
        .from_reader(text);
    let mut entries = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, |position| line_of(text, position));
        if line <= head_line {
            continue;
        }
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        match record.get(column).filter(|cell| !cell.trim_ascii().is_empty()) {
            Some(cell) => entries.push(Entry { line, text: cell.to_vec() }),
            None => return Err(format!("line {line} has no path in its column {}", column + 1)),
        }
    }
    Ok(entries)
}

/// The line on which a record begins. What the reader passed over before it (empty lines, comments) counts as part of it.
fn line_of(text: &[u8], position: &csv::Position) -> u64 {
    let begin = usize::try_from(position.byte()).map_or(text.len(), |byte| byte.min(text.len()));
    let is_passed_over = |line: &&[u8]| line.is_empty() || line.starts_with(b"#");
    let before = text[begin..].split(|byte| *byte == b'\n').take_while(is_passed_over).count();
    position.line() + before as u64
}

/// What an entry names: letter by letter, else without blanks around it, else without quotes around that.
fn found(entry: &Entry, folder: &Path) -> std::result::Result<Option<PathBuf>, String> {
    let trimmed = entry.text.trim_ascii();
    let unquoted = trimmed.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(trimmed);
    for text in [&entry.text[..], trimmed, unquoted] {
        let path = path_of(text).ok_or_else(|| format!("line {} is no text in UTF-8", entry.line))?;
        let (beside, here) = (folder.join(&path), path);
        match (beside.exists(), here.exists()) {
            (true, true) if !is_same(&beside, &here) => {
                return Err(format!(
                    "line {} names one file from the folder of the list and another from the current folder; write its \
                     whole path",
                    entry.line
                ));
            }
            (true, _) => return Ok(Some(beside)),
            (false, true) => return Ok(Some(here)),
            (false, false) => {}
        }
    }
    Ok(None)
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "names of files are text elsewhere")]
fn path_of(text: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(text)))
}

#[cfg(not(unix))]
fn path_of(text: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(text).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &[u8]) -> Vec<(u64, String)> {
        let entries = entries(&plain_text(text)).unwrap();
        entries.into_iter().map(|entry| (entry.line, String::from_utf8(entry.text).unwrap())).collect()
    }

    fn of(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
        lines.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn a_list_is_a_path_a_line() {
        let text = b"\xef\xbb\xbf# of today\r\na.png\r\n\r\n  \nb, second.png\nimage 3.png";
        assert_eq!(listed(text), of(&[(2, "a.png"), (5, "b, second.png"), (6, "image 3.png")]));
        assert_eq!(listed(b"a.png\rb.png\r"), of(&[(1, "a.png"), (2, "b.png")]));
        assert_eq!(listed(b""), of(&[]));
        assert_eq!(listed(b"# nothing\n\n"), of(&[]));
    }

    #[test]
    fn a_table_has_a_column_of_paths() {
        let table = b"# note\nindex,Image,label\n0,\"a, b.png\",1\n\n# note\n1,c.png,0\n,,\n2,\"d\"\"e.png\"\n";
        assert_eq!(listed(table), of(&[(3, "a, b.png"), (6, "c.png"), (8, "d\"e.png")]));
        assert_eq!(listed(b"label;path;image\n1;x/a.png;a\n"), of(&[(2, "x/a.png")]), "a path says more than a name");
        assert_eq!(listed(b"image\tlabel\r\na.png\t1\r\n"), of(&[(2, "a.png")]));
        assert_eq!(listed(b"image\na.png\n"), of(&[(2, "a.png")]));
        let wide: Vec<u8> =
            "\u{feff}image,label\r\n\u{e4}.png,1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(listed(&wide), of(&[(2, "\u{e4}.png")]));
        assert_eq!(entries(b"image,label\n,1\n").unwrap_err(), "line 2 has no path in its column 1");
    }

    #[test]
    fn there_is_a_bound() {
        let text = "a.png\n".repeat(limits::LISTED_IMAGES + 1);
        assert!(entries(text.as_bytes()).unwrap_err().contains("more than 100000 paths"));
        assert_eq!(entries(&text.as_bytes()[6..]).unwrap().len(), limits::LISTED_IMAGES);
    }
}
