//! Training on phantoms: what is learnt, that pauses change nothing, and what the command refuses.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "training/command.rs"]
mod command;
#[path = "training/course.rs"]
mod course;
#[path = "training/findings.rs"]
mod findings;
#[path = "training/images.rs"]
mod images;
