//! Verdicts, tables, figures, report and exports of a benchmark, on seeded results and beside R.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]

#[path = "benchmark_report/caution.rs"]
mod caution;
#[path = "benchmark_report/exports.rs"]
mod exports;
#[path = "benchmark_report/layout.rs"]
mod layout;
#[path = "benchmark_report/limits.rs"]
mod limits;
#[path = "benchmark_report/report.rs"]
mod report;
#[path = "benchmark_report/size.rs"]
mod size;
#[path = "benchmark_report/synthetic.rs"]
mod synthetic;
#[path = "benchmark_report/verdicts.rs"]
mod verdicts;
