//! One column of one group of rows: the different values once, then the place of each row's value among them.

use std::collections::HashMap;

use super::compact::Struct;
use super::{TooLong, Values, hybrid};

/// `Encoding` of `parquet.thrift`.
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const RLE_DICTIONARY: i32 = 8;

/// `PageType` of `parquet.thrift`.
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// Where a column of one group of rows lies in the file.
pub(super) struct Chunk {
    name: String,
    physical_type: i32,
    rows: usize,
    dictionary_at: Option<usize>,
    data_at: usize,
    bytes: usize,
}

impl Chunk {
    /// `ColumnChunk` of `parquet.thrift`.
    pub(super) fn description(&self) -> Struct {
        let encodings: &[i32] =
            if self.dictionary_at.is_some() { &[PLAIN, RLE, RLE_DICTIONARY] } else { &[PLAIN, RLE] };
        let mut column = Struct::new();
        column
            .i32(1, self.physical_type)
            .i32s(2, encodings)
            .texts(3, &[&self.name])
            .i32(4, 0) // not compressed
            .i64(5, self.rows)
            .i64(6, self.bytes)
            .i64(7, self.bytes)
            .i64(9, self.data_at);
        if let Some(at) = self.dictionary_at {
            column.i64(11, at);
        }
        let mut chunk = Struct::new();
        chunk.i64(2, self.dictionary_at.unwrap_or(self.data_at)).nested(3, column);
        chunk
    }
}

/// Writes a column behind `file`.
pub(super) fn write(name: &str, values: &Values, file: &mut Vec<u8>) -> Result<Chunk, TooLong> {
    let begins = file.len();
    let mut page = Vec::new();
    let (encoding, dictionary_at) = match values {
        Values::Texts(texts) => {
            let present: Vec<&str> = texts.iter().map(String::as_str).collect();
            (RLE_DICTIONARY, Some(write_texts(&present, &mut page, file)?))
        }
        Values::OptionalTexts(texts) => {
            write_presence(texts, &mut page)?;
            let present: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
            (RLE_DICTIONARY, Some(write_texts(&present, &mut page, file)?))
        }
        Values::Integers(numbers) => {
            let at = write_dictionary(numbers, |number, bytes| bytes.extend(number.to_le_bytes()), &mut page, file)?;
            (RLE_DICTIONARY, Some(at))
        }
        Values::OptionalNumbers(numbers) => {
            write_presence(numbers, &mut page)?;
            page.extend(numbers.iter().flatten().flat_map(|number| number.to_le_bytes()));
            (PLAIN, None)
        }
    };
    let data_at = file.len();
    let mut header = Struct::new();
    header.i32(1, length(values.len())?).i32(2, encoding).i32(3, RLE).i32(4, RLE);
    write_page(DATA_PAGE, 5, header, &page, file)?;
    Ok(Chunk {
        name: name.to_owned(),
        physical_type: values.physical_type(),
        rows: values.len(),
        dictionary_at,
        data_at,
        bytes: file.len() - begins,
    })
}

fn write_texts(present: &[&str], page: &mut Vec<u8>, file: &mut Vec<u8>) -> Result<usize, TooLong> {
    // Lengths of texts are checked with the page they are in.
    let plain = |text: &&str, bytes: &mut Vec<u8>| {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    write_dictionary(present, plain, page, file)
}

/// Writes the different values behind `file`, the place of each value behind `page`, and says where the former lie.
fn write_dictionary<T: Copy + Eq + std::hash::Hash>(
    values: &[T],
    plain: impl Fn(&T, &mut Vec<u8>),
    page: &mut Vec<u8>,
    file: &mut Vec<u8>,
) -> Result<usize, TooLong> {
    let mut places: HashMap<T, u32> = HashMap::new();
    let (mut dictionary, mut count) = (Vec::new(), 0);
    let indices: Vec<u32> = values
        .iter()
        .map(|value| {
            *places.entry(*value).or_insert_with(|| {
                plain(value, &mut dictionary);
                count += 1;
                count - 1
            })
        })
        .collect();
    let at = file.len();
    let mut header = Struct::new();
    header.i32(1, length(places.len())?).i32(2, PLAIN);
    write_page(DICTIONARY_PAGE, 7, header, &dictionary, file)?;
    let width = hybrid::bit_width(places.len());
    page.extend(width.to_le_bytes().first());
    hybrid::write(&indices, width, page);
    Ok(at)
}

/// Which rows have a value: levels of definition, 1 or 0, behind their length.
fn write_presence<T>(values: &[Option<T>], page: &mut Vec<u8>) -> Result<(), TooLong> {
    let levels: Vec<u32> = values.iter().map(|value| u32::from(value.is_some())).collect();
    let mut bytes = Vec::new();
    hybrid::write(&levels, 1, &mut bytes);
    page.extend(length(bytes.len())?.to_le_bytes());
    page.extend(bytes);
    Ok(())
}

/// `PageHeader` of `parquet.thrift`, then the page.
fn write_page(kind: i32, number: u8, header: Struct, page: &[u8], file: &mut Vec<u8>) -> Result<(), TooLong> {
    let bytes = length(page.len())?;
    let mut whole = Struct::new();
    whole.i32(1, kind).i32(2, bytes).i32(3, bytes).nested(number, header);
    whole.end_into(file);
    file.extend(page);
    Ok(())
}

/// A length as the format keeps it.
pub(super) fn length(bytes: usize) -> Result<i32, TooLong> {
    i32::try_from(bytes).map_err(|_| TooLong { bytes })
}
