//! What the window itself costs, without drawing: frames while nine tiles of 2048x2048 are panned, the longest the window's
//! thread is away while maps are computed, and memory after many cases.
//!
//!     cargo bench --bench window                # frames
//!     cargo bench --bench window -- memory 1000 # cases opened one after another

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2, vec2};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::CaseSource;
use saliscope::workbench::{Action, Opening, View, Workbench};

type Failure = Box<dyn std::error::Error>;

/// Side of the large radiograph.
const SIDE: u32 = 2048;

/// Frames that are measured.
const FRAMES: usize = 200;

/// A window without a screen.
struct Window {
    context: Context,
    workbench: Workbench,
    begun: Instant,
    events: Vec<Event>,
}

impl Window {
    fn new(opening: Opening) -> Self {
        let context = Context::default();
        let workbench = Workbench::new(&context, None, opening);
        Self { context, workbench, begun: Instant::now(), events: Vec::new() }
    }

    /// Draws a frame and says how long that took.
    fn frame(&mut self) -> Duration {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1360.0, 860.0))),
            time: Some(self.begun.elapsed().as_secs_f64()),
            events: std::mem::take(&mut self.events),
            focused: true,
            ..RawInput::default()
        };
        let begun = Instant::now();
        let workbench = &mut self.workbench;
        let mut output = self.context.run_ui(input, |ui| workbench.update(ui));
        let taken = begun.elapsed();
        output.textures_delta.clear();
        taken
    }

    fn until(&mut self, condition: impl Fn(&Workbench) -> bool) {
        while !condition(&self.workbench) {
            self.frame();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn tell(what: &str, frames: &[Duration]) {
    let mut millis: Vec<f64> = frames.iter().map(|frame| frame.as_secs_f64() * 1000.0).collect();
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share).round() as usize];
    eprintln!(
        "{what}: {} frames; median {:.2} ms, 99 of 100 {:.2} ms, longest {:.2} ms",
        frames.len(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
}

/// A radiograph as large as detectors give them.
fn write_large(path: &Path) -> Result<(), Failure> {
    let gray = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_fn(SIDE, SIDE, |x, y| {
        let wave = (f64::from(x) / 90.0).sin() * (f64::from(y) / 130.0).cos();
        image::Luma([(32_768.0 + 20_000.0 * wave) as u16 + (x * 7 % 13) as u16 * 100])
    });
    Ok(gray.save(path)?)
}

fn frames() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.png");
    write_large(&path)?;
    let mut window = Window::new(Opening { paths: vec![path], ..Opening::default() });
    let mut working = Vec::new();
    let mut next = Instant::now();
    loop {
        working.push(window.frame());
        let services = &window.workbench.services;
        let is_shown = window.workbench.state.list.current.is_some_and(|entry| services.shelf.case(entry).is_some());
        if is_shown && !services.jobs.is_busy() {
            break;
        }
        next = (next + Duration::from_millis(16)).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    tell("while a case is opened and its eight maps are computed", &working);
    window.workbench.apply(Action::SetView(View::Compare));
    for _ in 0..20 {
        window.frame();
    }
    window.until(|workbench| !workbench.services.jobs.is_busy());
    let mut at = pos2(480.0, 300.0);
    let button = |pos: Pos2, pressed: bool| Event::PointerButton {
        pos,
        button: PointerButton::Middle,
        pressed,
        modifiers: Modifiers::default(),
    };
    window.events = vec![Event::PointerMoved(at), button(at, true)];
    window.frame();
    let before = window.workbench.state.shown.clone();
    let mut panning = Vec::new();
    for index in 0..FRAMES {
        at += if index % 100 < 50 { vec2(1.0, 0.5) } else { vec2(-1.0, -0.5) };
        window.events = vec![Event::PointerMoved(at)];
        panning.push(window.frame());
        if index == 50 && window.workbench.state.shown == before {
            return Err("the tiles were not panned".into());
        }
    }
    tell("nine tiles of 2048x2048 panned", &panning);
    Ok(())
}

/// Bytes that the process holds, and the most it ever held, in megabytes.
fn memory_mb() -> Result<[u64; 2], Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    let [now, most] = ["VmRSS", "VmHWM"].map(value);
    Ok([now.ok_or("no VmRSS")? / 1024, most.ok_or("no VmHWM")? / 1024])
}

fn memory(count: u64) -> Result<(), Failure> {
    let mut window = Window::new(Opening { cohorts: vec!["phantom:5:2".to_owned()], ..Opening::default() });
    window.until(|workbench| workbench.state.list.current.is_some());
    let list = &mut window.workbench.state.list;
    let group: Arc<str> = "many".into();
    let ids: Vec<_> = (0..count)
        .map(|index| {
            // As large as what detectors give, or small, by turns.
            let size_px = if index % 10 == 0 { 1024 } else { 320 };
            let finding = if index % 2 == 0 { Finding::Pneumothorax } else { Finding::None };
            list.add(CaseSource::Phantom(PhantomSpec { seed: 3, index, size_px, finding }), &group)
        })
        .collect();
    list.refresh();
    let begun = Instant::now();
    for (index, id) in (1..).zip(ids) {
        window.workbench.apply(Action::Select(id));
        let opened = Instant::now();
        window.until(|workbench| {
            // Maps come as they come; for all those of every 25th case is waited.
            let is_open = workbench.services.shelf.case(id).is_some();
            let waited = opened.elapsed() > Duration::from_millis(150);
            is_open && if index % 25 == 0 { !workbench.services.jobs.is_busy() } else { waited }
        });
        if index % 100 == 0 || [1, 10, 50].contains(&index) {
            let [now, most] = memory_mb()?;
            let secs = begun.elapsed().as_secs_f64();
            eprintln!("{index} cases: {now} MB, at most {most} MB, after {secs:.0} s");
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("memory") => memory(arguments.get(1).map_or(Ok(1000), |count| count.parse())?),
        _ => frames(),
    }
}
