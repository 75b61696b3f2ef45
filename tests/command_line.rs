//! The real program on a small seeded model and generated images: results, exit codes, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "numbers are read back as they were printed")]

#[path = "command_line/absurd_numbers.rs"]
mod absurd_numbers;
#[path = "command_line/archives.rs"]
mod archives;
#[path = "command_line/bad_input.rs"]
mod bad_input;
#[path = "command_line/bench.rs"]
mod bench;
#[path = "command_line/cascade.rs"]
mod cascade;
#[path = "command_line/caution.rs"]
mod caution;
#[path = "command_line/collections.rs"]
mod collections;
#[path = "command_line/console.rs"]
mod console;
#[path = "command_line/demo.rs"]
mod demo;
#[cfg(unix)]
#[path = "command_line/documented.rs"]
mod documented;
#[cfg(unix)]
#[path = "command_line/ended.rs"]
mod ended;
#[path = "command_line/evaluate.rs"]
mod evaluate;
#[path = "command_line/explain.rs"]
mod explain;
#[path = "command_line/export_maps.rs"]
mod export_maps;
#[path = "command_line/families.rs"]
mod families;
#[path = "command_line/figure.rs"]
mod figure;
#[path = "command_line/identity.rs"]
mod identity;
#[path = "command_line/image_lists.rs"]
mod image_lists;
#[path = "command_line/inputs.rs"]
mod inputs;
#[path = "command_line/inspect.rs"]
mod inspect;
#[path = "command_line/markers.rs"]
mod markers;
#[path = "command_line/misnamed.rs"]
mod misnamed;
#[cfg(unix)]
#[path = "command_line/no_files.rs"]
mod no_files;
#[path = "command_line/outputs.rs"]
mod outputs;
#[path = "command_line/phantom.rs"]
mod phantom;
#[path = "command_line/predict.rs"]
mod predict;
#[path = "command_line/presets.rs"]
mod presets;
#[path = "command_line/protocol.rs"]
mod protocol;
#[path = "command_line/read_area.rs"]
mod read_area;
#[path = "command_line/scaling.rs"]
mod scaling;
#[path = "command_line/shell.rs"]
mod shell;
#[path = "command_line/targets.rs"]
mod targets;
#[path = "command_line/window.rs"]
mod window;
