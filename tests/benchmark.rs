//! A small benchmark on phantoms: the same rows however it is run, stopped, split and joined, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "benchmark/bad_input.rs"]
mod bad_input;
#[path = "benchmark/beyond_study.rs"]
mod beyond_study;
#[path = "benchmark/common.rs"]
mod common;
#[path = "benchmark/external_maps.rs"]
mod external_maps;
#[path = "benchmark/kill.rs"]
mod kill;
#[path = "benchmark/other_families.rs"]
mod other_families;
#[path = "benchmark/same_rows.rs"]
mod same_rows;
#[path = "benchmark/tasks.rs"]
mod tasks;
#[path = "benchmark/window.rs"]
mod window;
