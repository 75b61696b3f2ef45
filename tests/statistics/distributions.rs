//! The studentized range on R's grid. R's own error is larger at few degrees of freedom (1.3e-4 at 2, 7e-7 at 5), and
//! above 25,000 it switches to infinity.

use saliscope::statistics::{studentized_range_critical, studentized_range_upper};
use serde_json::Value;

use super::scores::{close, number, relative, results};

fn df(entry: &Value) -> f64 {
    number(&entry["df"])
}

#[test]
fn upper_tails_are_those_of_r() {
    let grid = results("studentized_range");
    let mut compared = 0;
    for entry in grid["ptukey"].as_array().unwrap() {
        let tolerance = match df(entry) {
            df if df < 5.0 => continue,
            df if df < 10.0 => 2e-6,
            df if df > 25_000.0 && df.is_finite() => 1e-4,
            _ => 1e-7,
        };
        let (q, means) = (number(&entry["q"]), entry["k"].as_u64().unwrap() as usize);
        let found = studentized_range_upper(q, means, df(entry));
        close(found, number(&entry["p_upper"]), tolerance, &format!("q {q}, {means} means, df {}", df(entry)));
        compared += 1;
    }
    assert!(compared > 1000);
}

#[test]
fn critical_values_are_those_of_r() {
    for entry in results("studentized_range")["qtukey"].as_array().unwrap() {
        if df(entry) < 30.0 {
            continue;
        }
        let (p, means) = (number(&entry["p"]), entry["k"].as_u64().unwrap() as usize);
        let found = studentized_range_critical(1.0 - p, means, df(entry));
        relative(found, number(&entry["q"]), 1e-6, &format!("p {p}, {means} means, df {}", df(entry)));
    }
}
