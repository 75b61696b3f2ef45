//! Session and settings that the window of version 0.1.0 wrote (`tests/fixtures/earlier`).

use std::fs;
use std::path::Path;

use saliscope::network::{DeviceChoice, ExecutorChoice};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::CaseSource;
use saliscope::saliency::{Method, Preset};
use saliscope::workbench::{Drag, Opening, SortBy, Theme, ToneChoice, View, Workbench};

use super::window::{Window, says, until, write_png};

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier").join(name)).unwrap()
}

/// A window that opened what is kept in `home`; then it shows a page that asks for no map.
fn opened(home: &Path) -> Window {
    let opening = Opening { home: Some(home.to_owned()), ..Opening::default() };
    egui_kittest::Harness::builder().with_size([1280.0, 800.0]).with_max_steps(500).build_eframe(|creation| {
        let mut workbench = Workbench::new(&creation.egui_ctx, None, opening);
        assert_eq!(workbench.state.view, View::Compare, "as it was left");
        workbench.state.view = View::Benchmark;
        workbench
    })
}

#[test]
fn a_session_and_settings_of_an_earlier_version_come_back() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let session = fixture("session.json").replace("/srv/radiographs", data.path().to_str().unwrap());
    fs::write(home.path().join("session.json"), session).unwrap();
    fs::write(home.path().join("settings.json"), fixture("settings.json")).unwrap();
    let files = [write_png(data.path(), "chest.png", 10), write_png(data.path(), "other.png", 90)];
    let mut window = opened(home.path());
    {
        let state = &window.state().state;
        assert!(state.has_study_list && !state.has_inspector);
        assert_eq!((state.question.preset, state.question.seed), (Preset::Recommended, 0));
        assert_eq!(state.list.sort, SortBy::Opened);
        let shown = &state.shown;
        assert!(shown.is_inverted && shown.look.is_flipped && shown.has_contour && !shown.has_identity);
        assert_eq!((shown.look.quarter_turns, shown.method), (1, Method::Gbp));
        assert!(matches!(shown.tone, ToneChoice::Preset(_)), "{:?}", shown.tone);
        let settings = &state.settings;
        assert_eq!(
            (settings.theme, settings.mouse.left, settings.mouse.middle),
            (Theme::Light, Drag::Pan, Drag::Window)
        );
        assert_eq!((settings.mouse.right, settings.recent.len()), (Drag::Zoom, 3));
        assert_eq!((settings.device, settings.executor), (DeviceChoice::Auto, ExecutorChoice::Auto), "as it ran then");
    }
    // Two files, 24 phantoms of the demo and a cohort of five.
    until(&mut window, |workbench| workbench.state.list.entries().len() == 31 && workbench.state.models.len() == 4);
    let state = &window.state().state;
    let sources: Vec<&CaseSource> = state.list.entries().iter().map(|entry| &entry.source).collect();
    assert!(matches!(sources[0], CaseSource::File(path) if *path == files[0]));
    let phantom = PhantomSpec { seed: 2026, index: 1, size_px: 320, finding: Finding::Pneumothorax };
    assert!(matches!(sources[2], CaseSource::Phantom(spec) if *spec == phantom));
    assert!(matches!(sources[30], CaseSource::Cohort { index: 4, .. }));
    let current = state.list.entry(state.list.current.unwrap()).unwrap();
    assert!(matches!(&current.source, CaseSource::File(path) if *path == files[0]), "the file that was shown");
    let titles: Vec<&str> = state.models.iter().map(|model| model.title.as_str()).collect();
    let expected = [
        "pneumothorax_inception_v3_1",
        "pneumothorax_inception_v3_2",
        "pneumothorax_densenet_121_1",
        "pneumonia_inception_v3_1",
    ];
    assert_eq!(titles, expected);
    assert_eq!(state.model().unwrap().title, expected[0]);
    assert!(!says(&window, "was not used") && !says(&window, "left out"));
    let names: Vec<String> =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("unread")), "{names:?}");
}
