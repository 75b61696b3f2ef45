//! While identity is hidden, no text of the window names a file, a folder or a patient.

use std::fs;
use std::path::{Path, PathBuf};

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::reading::{CaseSource, ModelSource};
use saliscope::workbench::{
    Action, BenchWish, Command, CompareMode, ExportWhat, Opening, PathField, PathPurpose, View,
};

use super::painted::everything_said;
use super::window::{Window, empty, is_idle, opened, until, write_png};

/// A name that is in every path.
const NAME: &str = "MEYER_ANNA";

/// What the latest frame says with the name in it.
fn leaks(window: &Window) -> Vec<String> {
    everything_said(window).into_iter().filter(|text| text.contains(NAME)).collect()
}

/// Files and folders, sound and broken, all named after the patient.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix(NAME).tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("MEYER_ANNA.dcm"), b"no image at all").unwrap();
        fs::write(at("MEYER_ANNA empty.png"), b"").unwrap();
        fs::write(at("MEYER_ANNA model.safetensors"), b"no model at all").unwrap();
        fs::create_dir(at("MEYER_ANNA cohort")).unwrap();
        fs::write(at("MEYER_ANNA cohort/train-rle.csv"), "ImageId,Nothing\nMEYER_ANNA,1\n").unwrap();
        fs::create_dir(at("MEYER_ANNA nothing")).unwrap();
        fs::write(at("MEYER_ANNA benchmark.sqlite"), b"no database at all").unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder in which nothing can be made, whoever asks: it is a file.
    fn closed(&self) -> PathBuf {
        self.at("MEYER_ANNA.dcm").join("MEYER_ANNA below a file")
    }
}

fn settle(window: &mut Window) {
    until(window, |workbench| !workbench.services.jobs.is_busy());
}

/// Asks for everything that can go wrong with a file.
fn provoke(window: &mut Window, files: &Files) {
    let benchmark = |wish| Action::Bench(Box::new(wish));
    let actions = vec![
        Action::OpenPaths(vec![files.at("MEYER_ANNA.dcm")]),
        Action::OpenPaths(vec![files.at("MEYER_ANNA empty.png"), files.at("MEYER_ANNA not there.png")]),
        Action::OpenPaths(vec![files.at("MEYER_ANNA model.safetensors")]),
        Action::OpenPaths(vec![files.at("MEYER_ANNA cohort"), files.at("MEYER_ANNA nothing")]),
        Action::OpenCohort(format!("siim:{}", files.at("MEYER_ANNA cohort").display())),
        Action::OpenCohort(format!("rsna:{}", files.at("MEYER_ANNA gone").display())),
        Action::OpenCohort(format!("folder:{}", files.closed().display())),
        Action::OpenModel(ModelSource::File(files.at("MEYER_ANNA model.safetensors"))),
        Action::OpenModel(ModelSource::File(files.at("MEYER_ANNA gone.safetensors"))),
        Action::WriteCascade(files.closed()),
        benchmark(BenchWish::Open(files.at("MEYER_ANNA nothing"))),
        benchmark(BenchWish::Open(files.at("MEYER_ANNA benchmark.sqlite"))),
        benchmark(BenchWish::Open(files.at("MEYER_ANNA gone"))),
        benchmark(BenchWish::StartIn(files.closed())),
    ];
    for action in actions {
        window.state_mut().apply(action);
        settle(window);
    }
    // Rows of a file that is read and of one that cannot be.
    let sound = write_png(files.folder.path(), "MEYER_ANNA chest.png", 60);
    window.state_mut().apply(Action::OpenPaths(vec![sound]));
    settle(window);
    let broken = window.state_mut().state.list.add(CaseSource::File(files.at("MEYER_ANNA.dcm")), &"".into());
    window.state_mut().state.list.refresh();
    window.state_mut().apply(Action::Select(broken));
    settle(window);
}

/// What everything says while the walk goes through views, dialogs, menus and tooltips.
fn walk(window: &mut Window, files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |window: &mut Window, place: &str| {
        window.step();
        window.step();
        found.extend(leaks(window).into_iter().map(|text| format!("{place}: {text}")));
    };
    let listed = window.state().state.list.listed().to_vec();
    for id in listed {
        window.state_mut().apply(Action::Select(id));
        settle(window);
        for view in [View::Case, View::Compare, View::Cascade, View::Benchmark] {
            window.state_mut().apply(Action::SetView(view));
            look(window, &format!("{view:?}"));
            for mode in CompareMode::ALL.into_iter().filter(|_| view == View::Compare) {
                window.state_mut().apply(Action::SetCompareMode(mode));
                look(window, &format!("{mode:?}"));
            }
        }
    }
    for command in
        [Command::ExportFigure, Command::ExportMaps, Command::ExportDicom, Command::Settings, Command::Palette]
    {
        window.state_mut().apply(Action::Run(command));
        look(window, &format!("{command:?}"));
        window.state_mut().apply(Action::SetDialogs(Box::default()));
    }
    // A form that was filled in before.
    window.state_mut().apply(Action::Run(Command::ExportFigure));
    let form = &mut window.state_mut().state.dialogs.export_form;
    form.what = ExportWhat::Screen;
    form.target = files.at("MEYER_ANNA figure.png").to_string_lossy().into_owned();
    fs::write(files.at("MEYER_ANNA figure.png"), "old").unwrap();
    look(window, "the target of an export");
    window.state_mut().apply(Action::SetDialogs(Box::default()));
    for purpose in [PathPurpose::Images, PathPurpose::Cohort, PathPurpose::Model] {
        let mut dialogs = window.state().state.dialogs.clone();
        dialogs.path = Some(PathField { purpose, text: String::new() });
        window.state_mut().apply(Action::SetDialogs(Box::new(dialogs)));
        look(window, "a path that is asked for");
        window.state_mut().apply(Action::SetDialogs(Box::default()));
    }
    let mut protocol = window.state().state.bench.protocol.clone();
    protocol.cohort.source = format!("folder:{}", files.at("MEYER_ANNA cohort").display());
    protocol.models.classifiers = vec![files.at("MEYER_ANNA model.safetensors").to_string_lossy().into_owned()];
    protocol.models.localizers.clone_from(&protocol.models.classifiers);
    protocol.models.other_architecture = protocol.models.classifiers.first().cloned();
    window.state_mut().apply(Action::SetView(View::Benchmark));
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Close)));
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(protocol)))));
    look(window, "the form of a benchmark");
    for menu in ["File menu", "Models menu"] {
        window.get_by_label(menu).click_accesskit();
        look(window, menu);
        for inner in ["Open recent", "Recent models"] {
            if let Some(button) = window.query_by_label_contains(inner) {
                let at = button.rect().center();
                button.click_accesskit();
                window.hover_at(at);
                look(window, inner);
            }
        }
        window.key_press(egui::Key::Escape);
        window.key_press(egui::Key::Escape);
        window.step();
    }
    let mut dialogs = window.state().state.dialogs.clone();
    dialogs.jobs = true;
    window.state_mut().apply(Action::SetDialogs(Box::new(dialogs)));
    look(window, "the list of jobs");
    window.state_mut().apply(Action::SetDialogs(Box::default()));
    let mut dialogs = window.state().state.dialogs.clone();
    dialogs.closing = true;
    window.state_mut().apply(Action::SetDialogs(Box::new(dialogs)));
    look(window, "closing");
    window.state_mut().apply(Action::SetDialogs(Box::default()));
    // Tooltips come to a pointer that rests.
    for view in [View::Case, View::Compare] {
        window.state_mut().apply(Action::SetView(view));
        window.step();
        let places: Vec<egui::Pos2> = window
            .root()
            .children_recursive()
            .filter(|node| node.accesskit_node().bounding_box().is_some())
            .map(|node| node.rect())
            .filter(|rect| rect.is_finite() && rect.width() < 1200.0)
            .map(|rect| rect.center())
            .collect();
        for place in places {
            window.hover_at(place);
            for _ in 0..8 {
                window.step();
            }
            look(window, "a tooltip");
        }
        window.remove_cursor();
    }
    found
}

#[test]
fn nothing_that_goes_wrong_names_anybody_while_identity_is_hidden() {
    let files = Files::new();
    let mut window = empty();
    window.state_mut().state.shown.has_identity = false;
    provoke(&mut window, &files);
    let failures = window.state().services.jobs.reports().len();
    assert!(failures >= 10, "{failures} jobs were told of");
    let found = walk(&mut window, &files);
    assert!(found.is_empty(), "{} texts: {:#?}", found.len(), &found[..found.len().min(12)]);

    // The same walk finds the name where it may be seen.
    window.state_mut().state.shown.has_identity = true;
    let found = walk(&mut window, &files);
    for place in
        ["Case", "the list of jobs", "the target of an export", "the form of a benchmark", "a tooltip", "Open recent"]
    {
        assert!(found.iter().any(|text| text.starts_with(place)), "{place}: {found:#?}");
    }
    let jobs: Vec<&String> = found.iter().filter(|text| text.starts_with("the list of jobs")).collect();
    assert!(jobs.len() >= 8, "{jobs:#?}");
}

#[test]
fn an_export_that_cannot_be_written_names_its_folder_only_to_those_who_may_see_it() {
    let files = Files::new();
    let mut window = opened(Opening::default());
    super::window::until_seen(&mut window, is_idle);
    window.state_mut().state.view = View::Case;
    until(&mut window, |workbench| workbench.services.explainer.cached_bytes() > 0);
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    window.state_mut().state.shown.has_identity = false;
    for (command, name) in
        [(Command::ExportFigure, "a.png"), (Command::ExportMaps, "a.npz"), (Command::ExportDicom, "a.dcm")]
    {
        for folder in [files.closed(), files.at("MEYER_ANNA gone")] {
            window.state_mut().apply(Action::Run(command));
            let form = &mut window.state_mut().state.dialogs.export_form;
            form.target = folder.join(name).to_string_lossy().into_owned();
            window.run();
            super::window::press(&mut window, "Write the files");
            until(&mut window, |workbench| !workbench.services.jobs.is_busy());
            assert!(window.state().state.dialogs.export, "{command:?} could be written");
            assert_eq!(leaks(&window), Vec::<String>::new(), "{command:?}");
            window.state_mut().state.shown.has_identity = true;
            window.run();
            assert!(leaks(&window).iter().any(|text| text.contains("cannot be written")), "{command:?}");
            window.state_mut().state.shown.has_identity = false;
            window.state_mut().apply(Action::SetDialogs(Box::default()));
            window.run();
        }
    }
    // A finished one says what it wrote to those who may see it.
    let target = files.at("MEYER_ANNA.svg");
    write(&mut window, &target);
    assert_eq!(leaks(&window), Vec::<String>::new());
    window.state_mut().state.shown.has_identity = true;
    window.run();
    assert!(!leaks(&window).is_empty());
}

fn write(window: &mut Window, target: &Path) {
    window.state_mut().apply(Action::Run(Command::ExportFigure));
    window.state_mut().state.dialogs.export_form.target = target.to_string_lossy().into_owned();
    window.state_mut().state.dialogs.export_form.follow_target();
    window.run();
    super::window::press(window, "Write the files");
    until(window, |workbench| !workbench.state.dialogs.export);
    window.state().services.jobs.reports();
    window.run();
}
