//! Damaged and lying files through the real program, whose memory the system limits to 1 GiB: whatever the file says,
//! the program ends by itself, with an answer or a sentence.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "hostile_files/lies.rs"]
mod lies;
#[path = "hostile_files/mutations.rs"]
mod mutations;
#[path = "hostile_files/program.rs"]
mod program;
