//! A display of its own, and the hands and eyes of whoever sits before it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;

/// Longest wait for something that is bound to happen; only a broken window lets anybody wait so long.
const PATIENCE: Duration = Duration::from_mins(5);

/// Width and height of the window, which fills its screen.
pub(crate) const SCREEN_PX: [u32; 2] = [1360, 860];

/// Whether everything is installed that a display needs.
pub(crate) fn is_possible() -> bool {
    let has = |program: &str, argument: &str| {
        Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    has("Xvfb", "-help") && has("xdotool", "version") && has("import", "-version")
}

/// A screen without a monitor.
pub(crate) struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts the server on a number that is free.
    pub(crate) fn start() -> Self {
        let screen = format!("{}x{}x24", SCREEN_PX[0], SCREEN_PX[1]);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "the server found no free display");
        Self { server, name: format!(":{}", number.trim()) }
    }

    /// A program on this display.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command
    }

    fn hand(&self, arguments: &[&str]) -> bool {
        self.command("xdotool").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// Waits for the window and gives it the keyboard.
    pub(crate) fn enter_window(&self) {
        until("the window", || self.hand(&["search", "--onlyvisible", "--name", "^saliscope$"]));
        until("the keyboard", || {
            self.hand(&["search", "--onlyvisible", "--name", "^saliscope$", "windowfocus", "--sync"])
        });
    }

    /// Presses keys together, such as `ctrl+e`.
    pub(crate) fn press(&self, keys: &str) {
        assert!(self.hand(&["key", "--clearmodifiers", keys]), "{keys}");
    }

    /// Types a text into the field that has the keyboard, instead of what is in it.
    pub(crate) fn type_anew(&self, text: &str) {
        self.press("ctrl+a");
        rest();
        assert!(self.hand(&["type", "--delay", "20", text]), "{text}");
        rest();
    }

    /// Drags with the left button, in steps that are frames of their own.
    pub(crate) fn drag(&self, from: [u32; 2], to: [u32; 2]) {
        self.point(from);
        self.hand(&["mousedown", "1"]);
        rest();
        for part in 1..=4 {
            self.point([0, 1].map(|axis| (from[axis] * (4 - part) + to[axis] * part) / 4));
        }
        self.hand(&["mouseup", "1"]);
        rest();
    }

    /// Clicks twice with the left button.
    pub(crate) fn double_click(&self, at: [u32; 2]) {
        self.point(at);
        assert!(self.hand(&["click", "--repeat", "2", "--delay", "80", "1"]));
        rest();
        rest();
    }

    fn point(&self, [x, y]: [u32; 2]) {
        assert!(self.hand(&["mousemove", &x.to_string(), &y.to_string()]));
        rest();
    }

    /// What is on the screen.
    pub(crate) fn look(&self) -> RgbImage {
        let shot = self.command("import").args(["-silent", "-window", "root", "png:-"]).output().unwrap();
        assert!(shot.status.success(), "{}", String::from_utf8_lossy(&shot.stderr));
        image::load_from_memory(&shot.stdout).unwrap().to_rgb8()
    }

    /// Waits until the screen shows something.
    pub(crate) fn until_seen(&self, what: &str, shows: impl Fn(&RgbImage) -> bool) {
        until(what, || shows(&self.look()));
    }

    /// Keeps the screen for whoever reads a failure.
    pub(crate) fn keep(&self, path: &Path) {
        let _ = self.look().save(path);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The pause between two movements of a hand: events of one frame are one event.
fn rest() {
    std::thread::sleep(Duration::from_millis(300));
}

/// Waits until something holds.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Share of pixels whose colours differ visibly.
pub(crate) fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let differs = |(a, b): (&image::Rgb<u8>, &image::Rgb<u8>)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 6);
    let count = a.pixels().zip(b.pixels()).filter(|pair| differs(*pair)).count();
    count as f64 / (f64::from(a.width()) * f64::from(a.height()))
}
