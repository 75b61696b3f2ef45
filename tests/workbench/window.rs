//! Windows for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::CaseSource;
use saliscope::workbench::{Opening, View, Workbench};

/// A window under test.
pub(crate) type Window = Harness<'static, Workbench>;

/// Longest wait for background work; only a broken test waits so long. All eight maps of the demo, the longest, took 25 s
/// on two cores with five programs for each.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A window that opens `opening` and shows the benchmark's page.
pub(crate) fn opened(opening: Opening) -> Window {
    Harness::builder().with_size([1280.0, 800.0]).with_max_steps(500).build_eframe(|creation| {
        let mut workbench = Workbench::new(&creation.egui_ctx, None, opening);
        workbench.state.view = View::Benchmark;
        workbench
    })
}

/// A window without any case or model.
pub(crate) fn empty() -> Window {
    empty_at(None)
}

/// The same, which keeps its settings in `home`.
pub(crate) fn empty_at(home: Option<&Path>) -> Window {
    // A start without anything to open would open the demo.
    let nothing = Opening { paths: vec!["/nowhere".into()], home: home.map(Path::to_owned), ..Opening::default() };
    let mut window = opened(nothing);
    until(&mut window, |workbench| !workbench.services.jobs.is_busy() && !workbench.state.models.is_empty());
    window.state_mut().state.models.clear();
    window.state().services.jobs.forget_over();
    window.run();
    window
}

/// A window with `count` phantoms, every other one with a pneumothorax, and no model.
pub(crate) fn with_phantoms(count: u64) -> Window {
    let mut window = empty();
    let list = &mut window.state_mut().state.list;
    for index in 0..count {
        let finding = if index % 2 == 0 { Finding::None } else { Finding::Pneumothorax };
        let spec = PhantomSpec { seed: 7, index, size_px: 128, finding };
        list.add(CaseSource::Phantom(spec), &Arc::from("phantom:7"));
    }
    list.refresh();
    window.run();
    window
}

/// Draws until `condition` holds, and then until nothing moves any more.
pub(crate) fn until(window: &mut Window, condition: impl Fn(&Workbench) -> bool) {
    until_seen(window, |window| condition(window.state()));
    window.run();
}

/// Draws until `condition` holds and no further, for windows in which something keeps moving.
pub(crate) fn until_seen(window: &mut Window, condition: impl Fn(&Window) -> bool) {
    let begun = Instant::now();
    loop {
        window.step();
        if condition(window) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Presses the control called `label`, whether it can be seen or has to be scrolled to.
pub(crate) fn press(window: &mut Window, label: &str) {
    window.get_by_label(label).click_accesskit();
    window.run();
}

/// Presses the control called `label` and draws twice, for windows in which something keeps moving.
pub(crate) fn tap(window: &mut Window, label: &str) {
    window.get_by_label(label).click_accesskit();
    window.step();
    window.step();
}

/// Types into the field called `label`.
pub(crate) fn type_into(window: &mut Window, label: &str, text: &str) {
    window.get_by_label(label).focus();
    window.run();
    window.get_by_label(label).type_text(text);
    window.run();
}

/// Whether the demo's models are open and no work is under way.
pub(crate) fn is_idle(window: &Window) -> bool {
    let workbench = window.state();
    !workbench.services.jobs.is_busy() && workbench.state.models.len() == saliscope::demo::CLASSIFIERS.len()
}

/// Whether some control or text contains `text`.
pub(crate) fn says(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some() || window.query_all_by_value(text).next().is_some()
}

/// Whether the control called `label` can be used.
pub(crate) fn is_enabled(window: &Window, label: &str) -> bool {
    !window.get_by_label(label).accesskit_node().is_disabled()
}

/// A file that a test drops.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// Drops files onto the window.
pub(crate) fn drop_files(window: &mut Window, paths: impl IntoIterator<Item = PathBuf>) {
    for path in paths {
        window.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    }
    window.step();
}

/// Writes a gray PNG, and says where.
pub(crate) fn write_png(folder: &Path, name: &str, gray: u8) -> PathBuf {
    let path = folder.join(name);
    let ramp = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([gray.wrapping_add((x + y) as u8)]));
    ramp.save(&path).unwrap();
    path
}
