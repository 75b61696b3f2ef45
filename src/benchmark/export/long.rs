//! Every score as one row, as CSV and as Parquet.

use std::fmt::Write as _;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::results::{Results, Score};
use super::super::tables::{csv_cell, csv_number};
use super::Pseudonyms;

/// Rows of one group of a Parquet file.
const GROUP_ROWS: usize = 1 << 17;

const SCHEMA: &str = "message scores {
    required binary test (UTF8);
    required binary image (UTF8);
    required binary method (UTF8);
    required binary condition (UTF8);
    required binary models (UTF8);
    required int32 replicate;
    required binary metric (UTF8);
    optional double value;
    optional binary note (UTF8);
}";

/// Comma-separated values with `header` as comment lines.
pub(super) fn csv(results: &Results, names: &Pseudonyms, header: &[String]) -> String {
    let mut text = String::with_capacity(results.scores.len() * 96);
    for line in header.iter().flat_map(|line| line.lines()) {
        // A line end of any kind would end the comment.
        let line: String = line.chars().map(|own| if own.is_control() { ' ' } else { own }).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# {line}");
    }
    text.push_str("test,image,method,condition,models,replicate,metric,value,note\n");
    for score in &results.scores {
        let Score { test, image, method, condition, models, replicate, metric, value, note } = score;
        let cells = [&names.label(image), method, condition, models].map(|cell| csv_cell(cell)).join(",");
        let value = value.map(csv_number).unwrap_or_default();
        let note = note.as_deref().map(|note| csv_cell(&names.text(note))).unwrap_or_default();
        let _ = writeln!(text, "{test},{cells},{replicate},{},{value},{note}", csv_cell(metric));
    }
    text
}

/// A Parquet file with `header` as its key-value metadata.
pub(super) fn parquet(
    results: &Results,
    names: &Pseudonyms,
    header: &[(&str, String)],
) -> Result<Vec<u8>, ParquetError> {
    let metadata = header.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_created_by(format!("saliscope {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::UNCOMPRESSED)
        .set_key_value_metadata(Some(metadata))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    for scores in results.scores.chunks(GROUP_ROWS) {
        let text = |of: &dyn Fn(&Score) -> String| -> Vec<ByteArray> {
            scores.iter().map(|score| ByteArray::from(of(score).into_bytes())).collect()
        };
        let mut group = writer.next_row_group()?;
        let mut position = 0;
        while let Some(mut column) = group.next_column()? {
            let texts = match position {
                0 => Some(text(&|score| score.test.name().to_owned())),
                1 => Some(text(&|score| names.label(&score.image))),
                2 => Some(text(&|score| score.method.clone())),
                3 => Some(text(&|score| score.condition.clone())),
                4 => Some(text(&|score| score.models.clone())),
                6 => Some(text(&|score| score.metric.clone())),
                _ => None,
            };
            match (position, texts) {
                (_, Some(texts)) => {
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
                }
                (5, None) => {
                    let replicates: Vec<i32> =
                        scores.iter().map(|score| i32::try_from(score.replicate).unwrap_or(i32::MAX)).collect();
                    column.typed::<Int32Type>().write_batch(&replicates, None, None)?;
                }
                (7, None) => {
                    let values: Vec<f64> = scores.iter().filter_map(|score| score.value).collect();
                    let defined: Vec<i16> = scores.iter().map(|score| i16::from(score.value.is_some())).collect();
                    column.typed::<DoubleType>().write_batch(&values, Some(&defined), None)?;
                }
                _ => {
                    let notes: Vec<ByteArray> = scores
                        .iter()
                        .filter_map(|score| score.note.as_deref())
                        .map(|note| ByteArray::from(names.text(note).into_bytes()))
                        .collect();
                    let defined: Vec<i16> = scores.iter().map(|score| i16::from(score.note.is_some())).collect();
                    column.typed::<ByteArrayType>().write_batch(&notes, Some(&defined), None)?;
                }
            }
            column.close()?;
            position += 1;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}
