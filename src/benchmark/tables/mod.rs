//! The tables of a benchmark, each once, written as HTML, CSV, Markdown and LaTeX.

mod cells;
mod study;
mod supplement;
mod table;

pub use study::{classifiers, randomization, similarity, utility, verdicts};
pub use supplement::{by_image, differences, every_metric, exclusions};
pub use table::{Cell, Column, Table, Tone};
pub(super) use table::{csv_cell, csv_number};

use super::protocol::Test;
use super::results::Results;
use super::verdict::Analysis;

/// The study's tables that a run can fill: verdicts, 2, 3 and 4.
pub fn of_the_study(results: &Results, analysis: &Analysis) -> Vec<Table> {
    let mut tables = vec![verdicts(analysis), classifiers(results)];
    for test in Test::ALL {
        let Some(metric) = analysis.primary(test) else { continue };
        tables.push(match test {
            Test::Utility => utility(metric, analysis),
            Test::Randomization => randomization(metric, analysis),
            Test::Repeatability | Test::Reproducibility => similarity(metric, analysis),
        });
    }
    tables.retain(|table| !table.is_empty());
    for table in &mut tables {
        add_origin(table, analysis);
    }
    tables
}

/// Puts what has to be known before anything is believed in front of a table's notes, and the preset behind them.
pub fn add_origin(table: &mut Table, analysis: &Analysis) {
    table.notes.push(format!("Preset {}.", analysis.preset));
    if let Some(caution) = analysis.caution {
        table.notes.insert(0, caution.to_owned());
    }
}
