//! Shows where a chest-radiograph classifier looked, and how far that picture can be trusted.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly"))]

pub mod array_file;
pub mod benchmark;
pub mod cascade;
pub mod cli;
pub mod cohort;
pub mod demo;
pub mod detection;
pub mod display;
pub mod drawing;
pub mod evaluation;
pub mod export;
pub mod figure;
pub mod files;
pub mod foreign;
pub mod job;
pub mod limits;
pub mod metrics;
pub mod model_input;
pub mod network;
pub mod phantom;
pub mod radiograph;
pub mod reading;
pub mod saliency;
pub mod statistics;
pub mod training;
pub mod truth;
pub mod watch;
pub mod workbench;
