//! The window, driven by the names that its controls have for assistive programs. Nothing is painted unless a test says
//! so; most windows show the benchmark's page, which asks for no map, so that no network works behind a test.

#![allow(clippy::float_cmp, reason = "what was set comes back as it was")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "workbench/benchmark.rs"]
mod benchmark;
#[path = "workbench/cascades.rs"]
mod cascades;
#[path = "workbench/case.rs"]
mod case;
#[path = "workbench/caution.rs"]
mod caution;
#[path = "workbench/collections.rs"]
mod collections;
#[path = "workbench/compare.rs"]
mod compare;
#[path = "workbench/device.rs"]
mod device;
#[path = "workbench/dialogs.rs"]
mod dialogs;
#[path = "workbench/earlier.rs"]
mod earlier;
#[path = "workbench/export.rs"]
mod export;
#[path = "workbench/foreign.rs"]
mod foreign;
#[path = "workbench/identity.rs"]
mod identity;
#[path = "workbench/jobs.rs"]
mod jobs;
#[path = "workbench/kinds.rs"]
mod kinds;
#[path = "workbench/lists.rs"]
mod lists;
#[path = "workbench/menus.rs"]
mod menus;
#[path = "workbench/notice.rs"]
mod notice;
#[path = "workbench/orientation.rs"]
mod orientation;
#[path = "workbench/painted.rs"]
mod painted;
#[path = "workbench/parameters.rs"]
mod parameters;
#[path = "workbench/player.rs"]
mod player;
#[path = "workbench/private.rs"]
mod private;
#[path = "workbench/session.rs"]
mod session;
#[path = "workbench/snapshots.rs"]
mod snapshots;
#[path = "workbench/window.rs"]
mod window;
