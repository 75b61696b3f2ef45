//! What the window remembers from one session to the next.

use std::fs;
use std::path::Path;

use saliscope::cascade::{Order, Randomizer};
use saliscope::display::{CascadeMode, Normalization};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::{CascadeFile, CaseSource, ModelSource};
use saliscope::saliency::Method;
use saliscope::workbench::{Action, Command, CompareMode, LabelFilter, Opening, Player, SortBy, View};

use super::window::{Window, empty_at, opened, says, until, write_png};

fn at(home: &Path) -> Window {
    opened(Opening { home: Some(home.to_owned()), ..Opening::default() })
}

fn close(window: &mut Window) {
    eframe::App::on_exit(window.state_mut());
}

/// A player of which nothing is as it begins.
fn chosen_player() -> Player {
    let mut player = Player::default();
    player.methods = vec![Method::Ig, Method::Xrai];
    player.order = Order::BottomUp;
    player.randomizer = Randomizer { seed: 12, replicate: 3 };
    player.speed = 2.0;
    (player.loops, player.fades) = (false, false);
    player.normalization = Normalization::LockedToOriginal;
    player.mode = CascadeMode::Difference;
    player.files = vec![CascadeFile::WebP, CascadeFile::Table];
    player
}

/// A window with two files, a phantom, a cohort of five less one, and two models; then closed.
fn first_session(home: &Path, data: &Path) {
    let mut window = empty_at(Some(home));
    let paths = vec![write_png(data, "a.png", 10), write_png(data, "b.png", 90)];
    window.state_mut().apply(Action::OpenPaths(paths));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 2);
    let spec = PhantomSpec { seed: 4, index: 2, size_px: 128, finding: Finding::Pneumonia };
    window.state_mut().state.list.add(CaseSource::Phantom(spec), &"phantom:4".into());
    window.state_mut().apply(Action::OpenCohort("phantom:9:5".to_owned()));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 8);
    let ids: Vec<_> = window.state().state.list.entries().iter().map(|entry| entry.id).collect();
    window.state_mut().apply(Action::Remove(ids[4]));
    for name in &saliscope::demo::CLASSIFIERS[..2] {
        window.state_mut().apply(Action::OpenModel(ModelSource::Demo((*name).to_owned())));
        until(&mut window, |workbench| workbench.state.models.iter().any(|model| model.title == *name));
    }
    window.state_mut().apply(Action::AskModel(0));
    window.state_mut().apply(Action::Select(ids[6]));
    window.state_mut().apply(Action::ToggleCompared(ids[1]));
    window.state_mut().apply(Action::ToggleCompared(ids[7]));
    window.state_mut().apply(Action::SetCompareMode(CompareMode::Models));
    window.state_mut().apply(Action::ShowMethod(Method::Xrai));
    window.state_mut().apply(Action::Run(Command::Invert));
    window.state_mut().apply(Action::Run(Command::ToggleInspector));
    let (search, filter, sort) = (String::new(), LabelFilter::All, SortBy::Title);
    window.state_mut().apply(Action::FilterList { search, filter, split: None, sort });
    window.state_mut().apply(Action::SetPlayer(Box::new(chosen_player())));
    let mut settings = window.state().state.settings.clone();
    settings.ui_scale = 1.1;
    window.state_mut().apply(Action::SetSettings(Box::new(settings)));
    close(&mut window);
}

#[test]
fn a_session_comes_back_as_it_was() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    first_session(home.path(), data.path());
    let mut window = at(home.path());
    until(&mut window, |workbench| workbench.state.list.entries().len() == 7 && workbench.state.models.len() == 2);
    let state = &window.state().state;
    let title = |id| state.list.entry(id).unwrap().title.to_string();
    let titles: Vec<String> = state.list.entries().iter().map(|entry| entry.title.to_string()).collect();
    assert_eq!(titles[..3], ["a.png", "b.png", "Phantom 2"]);
    assert_eq!(state.model().unwrap().title, saliscope::demo::CLASSIFIERS[0]);
    let CaseSource::Cohort { index, .. } = state.list.entry(state.list.current.unwrap()).unwrap().source else {
        panic!("a case of the cohort was shown")
    };
    assert_eq!(index, 3);
    assert_eq!(title(state.compare.entries[0]), "b.png");
    assert_eq!(state.compare.entries.len(), 2);
    assert_eq!((state.compare.mode, state.list.sort), (CompareMode::Models, SortBy::Title));
    assert_eq!((state.shown.method, state.shown.is_inverted, state.has_inspector), (Method::Xrai, true, false));
    assert!((state.settings.ui_scale - 1.1).abs() < 1e-6);
    assert_eq!(state.player, chosen_player());
    let text = fs::read_to_string(home.path().join("session.json")).unwrap();
    assert!(text.contains("phantom:9:5") && text.contains("a.png"), "{text}");
}

#[test]
fn files_that_are_gone_are_left_out_with_a_note() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    first_session(home.path(), data.path());
    fs::remove_file(data.path().join("a.png")).unwrap();
    let mut window = at(home.path());
    until(&mut window, |workbench| workbench.state.list.entries().len() == 6 && workbench.state.models.len() == 2);
    assert!(says(&window, "a file is gone and was left out"));
    assert!(!says(&window, "a.png"));
}

#[test]
fn damaged_and_newer_sessions_stop_nobody() {
    let data = tempfile::tempdir().unwrap();
    let sound = {
        let home = tempfile::tempdir().unwrap();
        first_session(home.path(), data.path());
        fs::read_to_string(home.path().join("session.json")).unwrap()
    };
    let damaged = [
        (sound[..sound.len() / 2].to_owned(), "{\"version\":1,\"content\":{\"ui_scale\":\"big\"}}", 0),
        (String::new(), "", 0),
        ("{\"version\": 99, \"content\": {}}".to_owned(), "{\"version\": 99, \"content\": {}}", 0),
        // One case that means nothing: the others come back.
        (sound.replace("\"cases\":[", "\"cases\":[{\"file\":7},"), "{\"version\": null}", 7),
    ];
    for (text, settings, cases_back) in damaged {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("session.json"), &text).unwrap();
        fs::write(home.path().join("settings.json"), settings).unwrap();
        let mut window = at(home.path());
        if cases_back > 0 {
            until(&mut window, |workbench| workbench.state.list.entries().len() == cases_back);
        } else {
            window.run();
            let list = &window.state().state.list;
            assert!(list.entries().iter().all(|entry| &*entry.group == "phantom:2026"), "the demo is shown");
        }
        let reports = window.state().services.jobs.reports();
        assert!(reports.iter().any(|report| report.name == "Open the last session"), "{text:.60}");
        assert!(reports.iter().any(|report| report.name == "Read the settings"), "{text:.60}");
        assert_eq!(fs::read_to_string(home.path().join("session.unread.json")).unwrap(), text);
        close(&mut window);
        let again = at(home.path());
        let reports = again.state().services.jobs.reports();
        assert!(!reports.iter().any(|report| report.name == "Read the settings"), "written anew");
    }
}

#[test]
fn numbers_that_lie_are_replaced() {
    let data = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    first_session(home.path(), data.path());
    let path = home.path().join("session.json");
    let text = fs::read_to_string(&path).unwrap();
    let lies = [
        ("\"zoom\":1.0", "\"zoom\":0.0"),
        ("\"size_px\":128", "\"size_px\":99999999"),
        ("\"steps\":10", "\"steps\":1"),
    ];
    let lying = lies.iter().fold(text, |text, (truth, lie)| {
        assert!(text.contains(truth), "{truth}");
        text.replace(truth, lie)
    });
    fs::write(&path, lying).unwrap();
    let mut window = at(home.path());
    until(&mut window, |workbench| workbench.state.list.entries().len() == 6);
    let state = &window.state().state;
    assert!((state.shown.look.zoom - 1.0).abs() < 1e-9);
    assert!(state.question.parameters.check(&Method::ALL).is_ok());
}

#[test]
fn a_player_that_nobody_knows_is_left_out_and_the_rest_comes_back() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    first_session(home.path(), data.path());
    let path = home.path().join("session.json");
    let sound: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let usual = Player::default();
    let some_lies = {
        let mut file = sound.clone();
        let player = &mut file["content"]["player"];
        player["order"] = "sideways".into();
        player["speed"] = (-3.0).into();
        player["seed"] = "many".into();
        player["methods"].as_array_mut().unwrap().push("LIME".into());
        let mut expected = chosen_player();
        (expected.order, expected.speed, expected.randomizer.seed) = (usual.order, usual.speed, usual.randomizer.seed);
        (file, expected)
    };
    let nonsense = {
        let mut file = sound.clone();
        file["content"]["player"] = 7.into();
        (file, usual.clone())
    };
    let of_an_older_program = {
        let mut file = sound.clone();
        file["content"].as_object_mut().unwrap().remove("player");
        (file, usual)
    };
    for (file, expected) in [some_lies, nonsense, of_an_older_program] {
        fs::write(&path, file.to_string()).unwrap();
        let mut window = at(home.path());
        until(&mut window, |workbench| workbench.state.list.entries().len() == 7 && workbench.state.models.len() == 2);
        let state = &window.state().state;
        assert_eq!(state.player, expected);
        assert_eq!((state.shown.method, state.compare.mode), (Method::Xrai, CompareMode::Models), "the rest is there");
    }
}

#[test]
fn a_change_is_saved_without_closing() {
    let home = tempfile::tempdir().unwrap();
    let mut window = empty_at(Some(home.path()));
    window.state_mut().apply(Action::OpenCohort("phantom:11:3".to_owned()));
    let saved = |home: &Path| fs::read_to_string(home.join("session.json")).unwrap_or_default();
    let path = home.path().to_owned();
    until(&mut window, move |_| saved(&path).contains("phantom:11:3"));
    assert_eq!(window.state().state.view, View::Benchmark);
}
