//! Every score as one row, as CSV and as Parquet.

use std::fmt::Write as _;
use std::ops::Range;

use super::super::results::{Results, Score};
use super::super::tables::{csv_cell, csv_number};
use super::Pseudonyms;
use super::parquet::{self, TooLong, Values};

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

/// Columns of the Parquet file.
const COLUMNS: [&str; 9] = ["test", "image", "method", "condition", "models", "replicate", "metric", "value", "note"];

/// A Parquet file with `header` as its key-value metadata.
pub(super) fn parquet(results: &Results, names: &Pseudonyms, header: &[(&str, String)]) -> Result<Vec<u8>, TooLong> {
    let columns = |range: Range<usize>| {
        let scores = &results.scores[range];
        let texts = |of: &dyn Fn(&Score) -> String| Values::Texts(scores.iter().map(of).collect());
        vec![
            texts(&|score| score.test.name().to_owned()),
            texts(&|score| names.label(&score.image)),
            texts(&|score| score.method.clone()),
            texts(&|score| score.condition.clone()),
            texts(&|score| score.models.clone()),
            Values::Integers(scores.iter().map(|score| i32::try_from(score.replicate).unwrap_or(i32::MAX)).collect()),
            texts(&|score| score.metric.clone()),
            Values::OptionalNumbers(scores.iter().map(|score| score.value).collect()),
            Values::OptionalTexts(scores.iter().map(|score| Some(names.text(score.note.as_deref()?))).collect()),
        ]
    };
    parquet::file(&COLUMNS, results.scores.len(), columns, header)
}
