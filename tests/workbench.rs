//! The window, driven by the names that its controls have for assistive programs.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "workbench/benchmark.rs"]
mod benchmark;
#[path = "workbench/cascades.rs"]
mod cascades;
#[path = "workbench/player.rs"]
mod player;
