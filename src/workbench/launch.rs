//! Opening the real window, and saying what is missing where that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};

use super::app::{Opening, Workbench};
use crate::demo;
use crate::reading::{CaseSource, OpenCase};

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is nothing to draw on.
    #[error("no display was found ({0})")]
    NoDisplay(String),
    /// There is a display, but no driver that can draw on it.
    #[error(
        "no graphics driver was found ({0}); install one, on Debian and Ubuntu `apt-get install mesa-vulkan-drivers`, \
         which needs no graphics card"
    )]
    NoDriver(String),
    /// A library of the window system is missing.
    #[error(
        "a library of the window system is missing ({0}); on Debian and Ubuntu `apt-get install libxcursor1 libxi6 \
         libxkbcommon-x11-0`"
    )]
    NoLibrary(String),
    /// Anything else.
    #[error("the window failed ({0})")]
    Other(String),
}

/// Whether the environment names a display.
pub fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(any(target_os = "linux", target_os = "freebsd"))
        || ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(is_set)
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// When there is no display, no driver, or a library is missing; nothing was shown then.
pub fn open(opening: Opening) -> Result<(), Failure> {
    let viewport = eframe::egui::ViewportBuilder::default()
        .with_title("saliscope")
        .with_app_id("saliscope")
        .with_inner_size([1360.0, 860.0])
        .with_min_inner_size([640.0, 420.0])
        .with_drag_and_drop(true);
    // Dithering costs every pixel of every frame where shaders are run by software, and shows in gradients only.
    let options = eframe::NativeOptions { viewport, dithering: false, ..Default::default() };
    let opening = Opening { first_case: prepared(&opening), ..opening };
    let run = || {
        eframe::run_native(
            "saliscope",
            options,
            Box::new(|creation| {
                let render = creation.wgpu_render_state.as_ref();
                Ok(Box::new(Workbench::new(&creation.egui_ctx, render, opening)))
            }),
        )
    };
    // A missing libxkbcommon-x11 is a panic of the window library.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(told(&error)),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let words = words.unwrap_or_else(|| "an internal error".to_owned());
            Err(if words.contains("could not be loaded") { Failure::NoLibrary(words) } else { Failure::Other(words) })
        }
    }
}

/// The first case of the demo, made while the window system works, where the demo may be what opens.
fn prepared(opening: &Opening) -> Option<Receiver<OpenCase>> {
    if !opening.paths.is_empty() || !opening.cohorts.is_empty() {
        return None;
    }
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::Builder::new().name("first case".to_owned());
    let made = move || {
        if let Ok(case) = OpenCase::read(&CaseSource::Phantom(demo::FIRST_CASE)) {
            // Nobody waits where another session opens.
            let _ = sender.send(case);
        }
    };
    thread.spawn(made).ok().map(|_| receiver)
}

fn told(error: &eframe::Error) -> Failure {
    let words = error.to_string();
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    match error {
        eframe::Error::Wgpu(_) => Failure::NoDriver(words),
        _ if has(&["shared libraries", "could not be loaded"]) => Failure::NoLibrary(words),
        _ if has(&["DISPLAY", "X server", "compositor", "Wayland"]) => Failure::NoDisplay(words),
        _ => Failure::Other(words),
    }
}
