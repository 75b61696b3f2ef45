//! The likeness of maps as a table.

use std::fmt::Write as _;

use super::baseline::PairMean;
use super::run::{MethodBaseline, Row};
use super::similarity::Similarity;
use super::state::State;

/// `rows` as CSV with a head line, one line a map: position of the image, method, state, the four measures (empty where a
/// value is not defined) and whether the map could be normalized.
///
/// # Panics
/// When a row is of a state beyond `states`.
pub fn csv(rows: &[Row], states: &[State]) -> String {
    let mut text = "image,method,state,ssim_range_1,ssim_range_2,signed_ssim,spearman,outcome\n".to_owned();
    let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for row in rows {
        let Similarity { ssim_range_1, ssim_range_2, signed_ssim, spearman } = row.similarity;
        // Outcomes are written as in JSON; a unit variant is always a string there.
        let outcome = serde_json::to_value(row.outcome).ok();
        let outcome = outcome.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let values = [ssim_range_1, ssim_range_2, signed_ssim, spearman].map(cell).join(",");
        let state = quoted(&states[row.state].name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{},{state},{values},{outcome}", row.image, row.method);
    }
    text
}

/// What maps are compared with as CSV with a head line, one line a method and one for noise: means over pairs of different
/// images of the trained network, and over pairs of unrelated blurred noise.
pub fn baselines_csv(baselines: &[MethodBaseline], control: Option<PairMean>) -> String {
    let mut text = "baseline,ssim_range_1,ssim_range_2,pairs\n".to_owned();
    let lines = baselines.iter().map(|baseline| (baseline.method.name(), baseline.mean));
    for (name, mean) in lines.chain([("noise", control)]) {
        if let Some(PairMean { ssim_range_1, ssim_range_2, pairs }) = mean {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name},{ssim_range_1},{ssim_range_2},{pairs}");
        }
    }
    text
}

/// A cell of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
