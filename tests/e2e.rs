//! The real window on a display of its own, driven by mouse and keyboard from opening a file to written exports.
//!
//! Needs Xvfb, xdotool, `import` of `ImageMagick` and a driver such as Mesa's; .ci/run installs them. Without them it is
//! skipped, but not where the environment variable CI is `true`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

#[path = "e2e/display.rs"]
mod display;
#[path = "e2e/story.rs"]
mod story;
