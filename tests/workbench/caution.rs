//! Networks that never saw a patient, beside images of patients: one click before they explain, and the sentence always.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::network::{Architecture, NEVER_SAW_PATIENTS, Precision, Variant, Weights};
use saliscope::phantom::export::Export;
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::{CaseSource, Standing};
use saliscope::saliency::Method;
use saliscope::workbench::{Action, BenchWish, Command, CompareMode, Opening, View, Workbench};

use super::benchmark::small;
use super::window::{Window, opened, press, says, until, until_seen, write_png};

const BUTTON: &str = "Explain anyway";

/// A window that shows files, with the demo's network to ask or with a model of the files.
pub(crate) fn showing(paths: Vec<PathBuf>, home: Option<&Path>) -> Window {
    let mut window = opened(Opening { paths, home: home.map(Path::to_owned), ..Opening::default() });
    until(&mut window, |workbench| {
        let case = workbench.state.list.current.and_then(|entry| workbench.services.shelf.case(entry));
        case.is_some() && !workbench.state.models.is_empty() && !workbench.services.jobs.is_busy()
    });
    window.state_mut().state.view = View::Case;
    window.run();
    window
}

fn patient(folder: &Path) -> Window {
    showing(vec![write_png(folder, "patient.png", 10)], None)
}

/// Weights of a narrow network, and a card with these fields.
fn write_model(folder: &Path, fields: &str) -> PathBuf {
    let variant = Variant { width: 1.0 / 16.0, ..Variant::default() };
    let path = folder.join("own.safetensors");
    let weights = Weights::initialize(&Architecture::InceptionV3.graph(&variant), 7);
    std::fs::write(&path, weights.to_safetensors(Precision::Single).unwrap()).unwrap();
    let card = format!(r#"{{"architecture": "inception_v3", "input_size": [96, 96], "positive_class": 1, {fields}}}"#);
    std::fs::write(folder.join("own.json"), card).unwrap();
    path
}

/// Everything that is written on the window, controls and texts.
fn words(window: &Window) -> Vec<String> {
    let text = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        [node.label(), node.value()].into_iter().flatten().collect::<Vec<_>>()
    };
    window.root().children_recursive().flat_map(text).collect()
}

fn standing(workbench: &Workbench, method: Method) -> Standing {
    let case = workbench.services.shelf.case(workbench.state.list.current.unwrap()).unwrap();
    let key = workbench.state.question.key(case, workbench.state.model().unwrap(), method);
    workbench.services.explainer.standing(&key)
}

fn is_ready(workbench: &Workbench) -> bool {
    matches!(standing(workbench, Method::Gcam), Standing::Ready(_))
}

/// Whether any network ran: its executor is made when it is first asked.
fn was_asked(window: &Window) -> bool {
    window.state().state.models.iter().any(|model| model.device().is_some())
}

/// Ends the work that is under way, so that nothing changes behind a test.
fn rest(window: &mut Window) {
    window.state().services.jobs.cancel_all();
    until(window, |workbench| !workbench.services.jobs.is_busy());
}

#[test]
fn nothing_is_computed_before_the_click_in_any_view_and_by_any_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = patient(folder.path());
    assert!(window.query_by_label(BUTTON).is_some() && says(&window, NEVER_SAW_PATIENTS));
    for mode in CompareMode::ALL {
        let state = &mut window.state_mut().state;
        (state.view, state.compare.mode) = (View::Compare, mode);
        window.run();
        assert!(says(&window, BUTTON) && says(&window, NEVER_SAW_PATIENTS), "{mode:?}");
    }
    window.state_mut().state.view = View::Cascade;
    window.run();
    assert!(window.query_by_label(BUTTON).is_some() && says(&window, NEVER_SAW_PATIENTS));
    window.state_mut().apply(Action::ComputeCascade);
    window.state_mut().apply(Action::Run(Command::ExplainAgain));
    window.state_mut().apply(Action::Run(Command::PredictAll));
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    window.state_mut().state.view = View::Case;
    window.run();
    assert!(!window.state().services.jobs.is_busy());
    assert!(!was_asked(&window), "no executor was even made");
    let names: Vec<String> = window.state().services.jobs.reports().into_iter().map(|report| report.name).collect();
    let explains = |name: &String| name.starts_with("Explain") || name.starts_with("Cascade");
    assert!(!names.iter().any(explains), "{names:?}");
    let entry = &window.state().state.list.entries()[0];
    assert!(entry.prediction.is_none() && entry.is_phantom == Some(false));
    assert!(says(&window, "1 of 1 cases are images of patients"), "the job says what it left out and what to press");
}

#[test]
fn after_the_click_it_explains_in_numbers_and_the_sentence_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = patient(folder.path());
    press(&mut window, BUTTON);
    until(&mut window, is_ready);
    rest(&mut window);
    assert!(window.query_by_label(BUTTON).is_none());
    let list = "patient.png, no label, pneumothorax 0.";
    assert!(words(&window).iter().any(|text| text.starts_with(list) && text.ends_with(NEVER_SAW_PATIENTS)));
    let exactly = words(&window).iter().filter(|text| *text == NEVER_SAW_PATIENTS).count();
    assert!(exactly >= 2, "over the picture and in the inspector: {exactly}");
    for view in [View::Case, View::Compare] {
        window.state_mut().state.view = view;
        window.state_mut().state.compare.mode = CompareMode::Models;
        window.run();
        rest(&mut window);
        let said: Vec<String> = words(&window).into_iter().filter(|text| text.contains("likely")).collect();
        assert!(said.is_empty(), "{view:?}: {said:?}");
        assert!(words(&window).iter().any(|text| text == NEVER_SAW_PATIENTS));
    }
    // One click holds for every such image of the session, and for the palette's command nothing is left to do.
    let other = write_png(folder.path(), "other.png", 90);
    window.state_mut().state.view = View::Case;
    window.state_mut().apply(Action::OpenPaths(vec![other]));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 2);
    until(&mut window, |workbench| workbench.state.list.current == Some(workbench.state.list.entries()[1].id));
    until(&mut window, is_ready);
    assert!(Command::ExplainAnyway.obstacle(&window.state().state).is_some());
}

#[test]
fn the_click_ends_with_the_session() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = write_png(folder.path(), "patient.png", 10);
    let mut window = showing(vec![path.clone()], Some(home.path()));
    window.state_mut().apply(Action::Run(Command::ExplainAnyway));
    window.step();
    rest(&mut window);
    eframe::App::on_exit(window.state_mut());
    drop(window);
    let later = showing(vec![path], Some(home.path()));
    assert!(later.query_by_label(BUTTON).is_some() && !was_asked(&later));
}

#[test]
fn phantoms_are_explained_as_ever_and_nothing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    // Phantoms from files carry their mark, as PNG and as DICOM.
    let export = Export::new(3, 2, 128, None);
    let files = export.phantom(1).unwrap().files;
    let kept = files.iter().filter(|file| file.path.starts_with("siim") || file.path.starts_with("png/images"));
    let paths: Vec<PathBuf> = kept
        .map(|file| {
            let path = folder.path().join(file.path.file_name().unwrap());
            std::fs::write(&path, &file.bytes).unwrap();
            path
        })
        .collect();
    assert_eq!(paths.len(), 2);
    for path in paths {
        let mut window = showing(vec![path], None);
        until(&mut window, is_ready);
        rest(&mut window);
        assert!(!says(&window, NEVER_SAW_PATIENTS) && window.query_by_label(BUTTON).is_none());
        assert!(says(&window, "likely,"), "words for phantoms as before");
    }
}

#[test]
fn a_silent_card_is_asked_about_once_and_nothing_else_changes() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fields = r#""scaling": "unit_to_symmetric", "classes": ["clear", "finding"]"#;
    let paths = vec![write_png(folder.path(), "patient.png", 10), write_model(folder.path(), fields)];
    let mut window = showing(paths.clone(), Some(home.path()));
    until(&mut window, is_ready);
    rest(&mut window);
    let line = "The model's card does not say whether it was trained on patients.";
    assert!(says(&window, line) && !says(&window, NEVER_SAW_PATIENTS) && window.query_by_label(BUTTON).is_none());
    assert!(says(&window, "likely,") && !says(&window, "Assumed scaling"));
    press(&mut window, "Trained on: patients");
    assert!(!says(&window, line) && !says(&window, NEVER_SAW_PATIENTS) && is_ready(window.state()));
    eframe::App::on_exit(window.state_mut());
    drop(window);

    // Another session does not ask again, until the answers are forgotten.
    let mut window = showing(paths, Some(home.path()));
    assert!(!says(&window, line));
    let mut settings = window.state().state.settings.clone();
    settings.answers = saliscope::workbench::ModelAnswers::default();
    window.state_mut().apply(Action::SetSettings(Box::new(settings)));
    until(&mut window, is_ready);
    rest(&mut window);
    assert!(says(&window, line));
    press(&mut window, "Trained on: generated images");
    assert!(!says(&window, line) && says(&window, NEVER_SAW_PATIENTS) && window.query_by_label(BUTTON).is_some());
    assert!(!words(&window).iter().any(|text| text.contains("likely")), "what it said before is not shown any more");
    press(&mut window, BUTTON);
    assert!(window.query_by_label(BUTTON).is_none() && says(&window, NEVER_SAW_PATIENTS));
    rest(&mut window);
}

#[test]
fn an_assumed_scaling_is_said_until_somebody_says_that_it_is_right() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fields = r#""classes": ["clear", "finding"], "trained_on_patients": true"#;
    let paths = vec![write_png(folder.path(), "patient.png", 10), write_model(folder.path(), fields)];
    let mut window = showing(paths.clone(), Some(home.path()));
    rest(&mut window);
    assert!(says(&window, "Assumed scaling:") && says(&window, "Nobody stated it."));
    press(&mut window, "The assumed scaling is right");
    assert!(!says(&window, "Assumed scaling:"));
    eframe::App::on_exit(window.state_mut());
    drop(window);
    let mut later = showing(paths, Some(home.path()));
    rest(&mut later);
    assert!(!says(&later, "Assumed scaling:"));
}

#[test]
fn exports_of_the_window_say_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = patient(folder.path());
    press(&mut window, BUTTON);
    until(&mut window, is_ready);
    rest(&mut window);
    let mut write = |command: Command, name: &str| {
        window.state_mut().apply(Action::Run(command));
        let form = &mut window.state_mut().state.dialogs.export_form;
        form.target = folder.path().join(name).to_string_lossy().into_owned();
        form.follow_target();
        window.run();
        press(&mut window, "Write the files");
        until(&mut window, |workbench| !workbench.state.dialogs.export);
    };
    write(Command::ExportFigure, "figure.svg");
    write(Command::ExportMaps, "maps.npz");
    write(Command::ExportDicom, "map.dcm");
    let holds = |name: &str| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        bytes.windows(NEVER_SAW_PATIENTS.len()).any(|part| part == NEVER_SAW_PATIENTS.as_bytes())
    };
    for name in ["figure.svg", "figure.record.json", "maps.json", "map_capture.dcm"] {
        assert!(holds(name), "{name}");
    }
}

#[test]
fn images_that_may_be_of_patients_are_not_compared_with_a_phantom() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = patient(folder.path());
    let spec = PhantomSpec { seed: 4, index: 1, size_px: 128, finding: Finding::Pneumothorax };
    let phantom = window.state_mut().state.list.add(CaseSource::Phantom(spec), &"phantom:4".into());
    window.state_mut().state.player.methods = vec![Method::Grad];
    window.state_mut().state.view = View::Cascade;
    window.state_mut().apply(Action::Select(phantom));
    until_seen(&mut window, |window| says(window, "it needs other images in the study list"));
    assert!(window.state().services.jobs.is_busy(), "the phantom's own cascade is computed");
    rest(&mut window);
    window.state_mut().apply(Action::Run(Command::ExplainAnyway));
    until_seen(&mut window, |window| !says(window, "it needs other images in the study list"));
    rest(&mut window);
}

#[test]
fn the_windows_benchmark_of_patients_waits_for_the_click() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Phantoms that lost their mark stand for patients.
    let export = Export::new(3, 40, 128, Some(Finding::Pneumothorax));
    let phantoms: Vec<_> = (0..40).map(|index| export.phantom(index).unwrap()).collect();
    let files = phantoms.iter().flat_map(|phantom| phantom.files.clone()).chain(export.tables(&phantoms));
    for file in files.filter(|file| file.path.starts_with("png")) {
        let path = data.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.bytes).unwrap();
        if path.extension().is_some_and(|ending| ending == "png") {
            image::load_from_memory(&file.bytes).unwrap().save(&path).unwrap();
        }
    }
    let mut protocol = small();
    protocol.cohort.source = format!("folder:{}", data.join("png").display());
    protocol.cohort.split = saliscope::cohort::Split::Train;
    (protocol.sample.utility, protocol.sample.similarity) = (Some(2), Some(2));
    let run = folder.path().join("run");
    let mut window = super::benchmark::page(None);
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(protocol)))));
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::StartIn(run.clone()))));
    until_seen(&mut window, |window| {
        let bench = &window.state().state.bench;
        bench.is_held_back() && bench.job.is_none()
    });
    window.step();
    assert!(window.query_by_label(BUTTON).is_some() && says(&window, NEVER_SAW_PATIENTS));
    assert!(!run.exists(), "nothing was computed");
    super::window::tap(&mut window, BUTTON);
    until_seen(&mut window, |window| window.state().state.bench.judged.is_some());
    window.step();
    assert!(says(&window, NEVER_SAW_PATIENTS) && window.query_by_label(BUTTON).is_none());
    assert_eq!(window.state().state.bench.judged.as_ref().unwrap().trust.caution.as_deref(), Some(NEVER_SAW_PATIENTS));
}

#[test]
fn the_demos_start_says_nothing_of_it() {
    let mut window = opened(Opening::default());
    window.state_mut().state.view = View::Case;
    until(&mut window, |workbench| workbench.state.models.len() == 4 && workbench.stage.is_some());
    until(&mut window, is_ready);
    rest(&mut window);
    assert!(!says(&window, NEVER_SAW_PATIENTS) && window.query_by_label(BUTTON).is_none());
    assert!(!says(&window, "does not say whether") && !says(&window, "Assumed scaling"));
    assert!(says(&window, "likely,"));
}
