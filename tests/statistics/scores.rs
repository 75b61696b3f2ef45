//! Tables and R's results for them.

use std::path::PathBuf;

use saliscope::metrics::Bootstrap;
use saliscope::statistics::{AnalysisPlan, Columns, LongTable, Observations};
use serde_json::Value;

/// A row: group, level, response.
pub(crate) type Row = (String, String, f64);

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/statistics").join(name)
}

pub(crate) fn results(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(&format!("{name}.json"))).unwrap()).unwrap()
}

/// A table whose factor consists of these columns.
pub(crate) fn table(name: &str, factors: &[&str]) -> Vec<Row> {
    let columns = Columns {
        response: "value".to_owned(),
        factors: factors.iter().map(|factor| (*factor).to_owned()).collect(),
        group: "image".to_owned(),
        ..Columns::default()
    };
    LongTable::read(&fixture(&format!("{name}.csv")), &columns).unwrap().rows
}

pub(crate) fn borrowed(rows: &[Row]) -> Vec<(&str, &str, f64)> {
    rows.iter().map(|(group, level, value)| (group.as_str(), level.as_str(), *value)).collect()
}

pub(crate) fn observations(rows: &[Row]) -> Observations {
    Observations::new(&borrowed(rows)).unwrap()
}

/// A plan with few resamples.
pub(crate) fn plan() -> AnalysisPlan {
    AnalysisPlan { bootstrap: Bootstrap { resamples: 50, seed: 0 }, ..AnalysisPlan::default() }
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::INFINITY)
}

/// Fails unless both are equal to `tolerance`, of 1 or of the expected value, whichever is larger.
#[track_caller]
pub(crate) fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let allowed = tolerance * expected.abs().max(1.0);
    assert!((found - expected).abs() <= allowed, "{what}: {found} instead of {expected}");
}

/// Fails unless both are equal to `tolerance`, relative to the expected value.
#[track_caller]
pub(crate) fn relative(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found / expected - 1.0).abs() <= tolerance, "{what}: {found} instead of {expected}");
}

/// The smallest generator of numbers between -1 and 1 that needs no crate.
pub(crate) fn noise(index: usize, seed: u64) -> f64 {
    let mut state = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        state ^= state >> 31;
        state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    ((state >> 11) as f64 / (1_u64 << 52) as f64) - 1.0
}
