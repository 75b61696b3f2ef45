//! One flat table as a Parquet file: the little of the format that a table of texts and numbers needs.
//!
//! Row groups of columns, each a dictionary and one page of places in it, nothing compressed, the description at the end of
//! the file. Sources: the Apache Parquet format 2.12, `README.md`, `Encodings.md` and `parquet.thrift`.

mod column;
mod compact;
mod hybrid;

use column::Chunk;
use compact::Struct;

/// Four bytes that stand at both ends of a file.
const MAGIC: &[u8; 4] = b"PAR1";

/// Rows of one group of a file.
const GROUP_ROWS: usize = 1 << 17;

/// Version of the format: pages of the first kind.
const VERSION: i32 = 1;

/// A page or a description is longer than the 2 GiB that the format can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a column of {GROUP_ROWS} rows takes {bytes} bytes, more than the 2 GiB of a Parquet page; use scores.csv")]
pub struct TooLong {
    /// Its bytes.
    bytes: usize,
}

/// Values of a column, one a row.
pub(super) enum Values {
    /// UTF-8 texts.
    Texts(Vec<String>),
    /// UTF-8 texts, some missing.
    OptionalTexts(Vec<Option<String>>),
    /// 32-bit integers.
    Integers(Vec<i32>),
    /// 64-bit floating point numbers, some missing.
    OptionalNumbers(Vec<Option<f64>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Texts(values) => values.len(),
            Self::OptionalTexts(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::OptionalNumbers(values) => values.len(),
        }
    }

    /// `Type` of `parquet.thrift`.
    fn physical_type(&self) -> i32 {
        match self {
            Self::Integers(_) => 1,
            Self::OptionalNumbers(_) => 5,
            Self::Texts(_) | Self::OptionalTexts(_) => 6,
        }
    }

    fn is_optional(&self) -> bool {
        matches!(self, Self::OptionalTexts(_) | Self::OptionalNumbers(_))
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Texts(_) | Self::OptionalTexts(_))
    }
}

/// A file of `rows` in columns of these names; `columns` gives the values of a range of rows, the same kinds for any range,
/// and `metadata` are pairs of key and value.
///
/// # Errors
/// When the values of one column and one group of rows take 2 GiB.
pub(super) fn file(
    names: &[&str],
    rows: usize,
    columns: impl Fn(std::ops::Range<usize>) -> Vec<Values>,
    metadata: &[(&str, String)],
) -> Result<Vec<u8>, TooLong> {
    let mut bytes = MAGIC.to_vec();
    let mut groups = Vec::new();
    for first in (0..rows).step_by(GROUP_ROWS) {
        let range = first..(first + GROUP_ROWS).min(rows);
        let begins = bytes.len();
        let mut chunks = Vec::new();
        for (name, values) in names.iter().zip(columns(range.clone())) {
            chunks.push(column::write(name, &values, &mut bytes)?);
        }
        groups.push((chunks, bytes.len() - begins, range.len()));
    }
    let begins = bytes.len();
    description(names, &columns(0..0), rows, &groups, metadata).end_into(&mut bytes);
    let len = column::length(bytes.len() - begins)?;
    bytes.extend(len.to_le_bytes());
    bytes.extend(MAGIC);
    Ok(bytes)
}

/// `FileMetaData` of `parquet.thrift`.
fn description(
    names: &[&str],
    kinds: &[Values],
    rows: usize,
    groups: &[(Vec<Chunk>, usize, usize)],
    metadata: &[(&str, String)],
) -> Struct {
    let mut root = Struct::new();
    root.text(4, "scores").i32(5, i32::try_from(names.len()).unwrap_or(i32::MAX));
    let elements = names.iter().zip(kinds).map(|(name, kind)| {
        let mut element = Struct::new();
        element.i32(1, kind.physical_type()).i32(3, i32::from(kind.is_optional())).text(4, name);
        if kind.is_text() {
            // ConvertedType UTF8, for old readers, and the logical type STRING, for new ones.
            let mut string = Struct::new();
            string.nested(1, Struct::new());
            element.i32(6, 0).nested(10, string);
        }
        element
    });
    let groups = groups.iter().map(|(chunks, bytes, rows)| {
        let mut group = Struct::new();
        group.structs(1, chunks.iter().map(Chunk::description)).i64(2, *bytes).i64(3, *rows);
        group
    });
    let pairs = metadata.iter().map(|(key, value)| {
        let mut pair = Struct::new();
        pair.text(1, key).text(2, value);
        pair
    });
    let mut file = Struct::new();
    file.i32(1, VERSION)
        .structs(2, std::iter::once(root).chain(elements))
        .i64(3, rows)
        .structs(4, groups)
        .structs(5, pairs)
        .text(6, concat!("saliscope ", env!("CARGO_PKG_VERSION")));
    file
}
