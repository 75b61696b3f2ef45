//! The real program on a small seeded model and generated images: results, exit codes, and what it leaves behind.

#[path = "command_line/bad_input.rs"]
mod bad_input;
#[path = "command_line/bench.rs"]
mod bench;
#[path = "command_line/explain.rs"]
mod explain;
#[path = "command_line/predict.rs"]
mod predict;
