//! Small pictures of the window as it was drawn when somebody last looked at it.
//!
//!     SALISCOPE_UPDATE_SNAPSHOTS=1 cargo test --release --test workbench snapshots
//!
//! writes them anew into `tests/workbench/snapshots`; look at them before you keep them. What a view does is tested by its
//! words; these tell of what has no words: order, colours, things over each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Color32, Context, Event, RawInput, Rect, pos2};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::CaseSource;
use saliscope::workbench::{Action, Command, Opening, SoftwarePainter, SoftwareScreen, Theme, View, Workbench};

/// Width and height of the pictures.
const SIZE: [usize; 2] = [760, 480];

/// How far a channel may be from the snapshot before its pixel counts: other processors round letters differently.
const TOLERANCE: u8 = 24;

/// Share of the pixels that may be farther away.
const FAR_SHARE: f64 = 0.002;

/// A window that is drawn by the processor.
struct Screen {
    context: Context,
    workbench: Workbench,
    pixels: SoftwareScreen,
    frames: u32,
}

impl Screen {
    /// Without any case or model.
    fn empty() -> Self {
        let context = Context::default();
        // A start without anything to open would open the demo.
        let nothing = Opening { paths: vec!["/nowhere".into()], ..Opening::default() };
        let mut workbench = Workbench::new(&context, None, nothing);
        workbench.services.software = Some(SoftwarePainter::new());
        let mut screen = Self { context, workbench, pixels: SoftwareScreen::new(), frames: 0 };
        screen.wait(|workbench| !workbench.state.models.is_empty());
        screen.workbench.state.models.clear();
        screen.settle();
        screen.workbench.services.jobs.forget_over();
        screen
    }

    /// With three phantoms, the first of which is shown.
    fn with_cases() -> Self {
        let mut screen = Self::empty();
        let group: Arc<str> = "phantom:7".into();
        let findings = [Finding::Pneumothorax, Finding::None, Finding::Pneumonia];
        let list = &mut screen.workbench.state.list;
        let ids: Vec<_> = (0..)
            .zip(findings)
            .map(|(index, finding)| {
                list.add(CaseSource::Phantom(PhantomSpec { seed: 7, index, size_px: 128, finding }), &group)
            })
            .collect();
        list.refresh();
        screen.workbench.apply(Action::Select(ids[0]));
        screen
    }

    /// Draws a frame and says whether anything looks different.
    fn frame(&mut self) -> bool {
        self.frames += 1;
        let size = SIZE.map(|length| length as f32);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_max(pos2(0.0, 0.0), size.into())),
            time: Some(f64::from(self.frames) * 0.1),
            // Nothing blinks in a window that has not the focus.
            events: vec![Event::PointerGone],
            focused: false,
            ..RawInput::default()
        };
        let workbench = &mut self.workbench;
        let mut output = self.context.run_ui(input, |ui| workbench.update(ui));
        let primitives = self.context.tessellate(output.shapes, output.pixels_per_point);
        let ground = Color32::BLACK;
        !self.pixels.draw(primitives, &mut output.textures_delta, output.pixels_per_point, SIZE, ground).is_empty()
    }

    fn wait(&mut self, condition: impl Fn(&Workbench) -> bool) {
        let begun = Instant::now();
        while !condition(&self.workbench) {
            assert!(begun.elapsed() < Duration::from_secs(90), "waited in vain");
            self.frame();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Draws until nothing changes any more.
    fn settle(&mut self) {
        let begun = Instant::now();
        let mut still = 0;
        while still < 25 {
            assert!(begun.elapsed() < Duration::from_secs(90), "the window never comes to rest");
            let is_still = !self.frame() && !self.workbench.services.jobs.is_busy();
            still = if is_still { still + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(8));
        }
    }

    fn assert_looks_like(&mut self, name: &str) {
        self.settle();
        let bytes: Vec<u8> =
            self.pixels.pixels().iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
        let [width, height] = SIZE.map(|length| length as u32);
        let found = image::RgbImage::from_raw(width, height, bytes).unwrap();
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workbench/snapshots").join(format!("{name}.png"));
        if std::env::var_os("SALISCOPE_UPDATE_SNAPSHOTS").is_some() {
            found.save(kept).unwrap();
            return;
        }
        let expected = image::open(kept).unwrap().to_rgb8();
        assert_eq!(expected.dimensions(), found.dimensions());
        let is_far = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| {
            (0..3).any(|channel| a.0[channel].abs_diff(b.0[channel]) > TOLERANCE)
        };
        let far = expected.pixels().zip(found.pixels()).filter(is_far).count();
        if far as f64 > FAR_SHARE * f64::from(width * height) {
            let place: PathBuf = std::env::temp_dir().join(format!("saliscope_{name}.png"));
            found.save(&place).unwrap();
            panic!("{far} pixels of {name} look different; see {}", place.display());
        }
    }
}

#[test]
fn a_window_without_anything() {
    Screen::empty().assert_looks_like("empty");
}

#[test]
fn a_case_without_a_model() {
    Screen::with_cases().assert_looks_like("case");
}

#[test]
fn a_case_in_a_light_window() {
    let mut screen = Screen::with_cases();
    screen.workbench.state.settings.theme = Theme::Light;
    screen.assert_looks_like("light");
}

#[test]
fn the_sheet_of_shortcuts_over_the_view() {
    let mut screen = Screen::with_cases();
    screen.workbench.apply(Action::Run(Command::Shortcuts));
    screen.assert_looks_like("shortcuts");
}

#[test]
fn the_form_of_a_benchmark() {
    let mut screen = Screen::empty();
    screen.workbench.apply(Action::SetView(View::Benchmark));
    screen.assert_looks_like("benchmark");
}
