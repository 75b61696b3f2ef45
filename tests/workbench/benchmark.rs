//! The benchmark's page, on a few phantoms.

use std::fmt::Write as _;
use std::path::Path;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::benchmark::Protocol;
use saliscope::benchmark::protocol::Test;
use saliscope::phantom::Finding;
use saliscope::phantom::export::Export;
use saliscope::saliency::{Method, Preset};
use saliscope::truth::Task;
use saliscope::workbench::{Action, BenchWish, Opening, View, Workbench};

use crate::window::{Window, says, tap, until_seen};

pub(crate) fn page(home: Option<&Path>) -> Window {
    let opening = Opening { home: home.map(Path::to_owned), ..Opening::default() };
    Harness::builder().with_size([1400.0, 1000.0]).build_eframe(|creation| {
        let mut workbench = Workbench::new(&creation.egui_ctx, None, opening);
        workbench.state.view = View::Benchmark;
        workbench.state.has_study_list = false;
        workbench
    })
}

/// Utility and repeatability of two methods on a few phantoms.
pub(crate) fn small() -> Protocol {
    let mut protocol = Protocol::demo(Preset::Recommended, Task::PNEUMOTHORAX);
    protocol.tests = vec![Test::Utility, Test::Repeatability];
    protocol.methods = vec![Method::Grad, Method::Gcam];
    protocol.controls.clear();
    protocol.average_mask = false;
    protocol.keep_maps = false;
    protocol.models.classifiers.truncate(2);
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    protocol.sample.utility = Some(4);
    protocol.sample.similarity = Some(4);
    protocol.sample.classification = Some(0);
    protocol
}

pub(crate) fn begin(window: &mut Window, folder: &Path) {
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(small())))));
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::StartIn(folder.to_owned()))));
}

#[test]
fn what_cannot_be_run_is_said_with_its_field() {
    let mut window = page(None);
    until_seen(&mut window, |window| says(window, "Start in a folder"));
    let is_enabled = |window: &Window| !window.get_by_label("Start in a folder…").accesskit_node().is_disabled();
    assert!(is_enabled(&window), "the demo can be run");
    let mut protocol = small();
    protocol.models.classifiers.truncate(1);
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(protocol)))));
    window.step();
    window.step();
    assert!(says(&window, "models.classifiers"), "the field is named");
    assert!(!is_enabled(&window));
    tap(&mut window, "Demo, pneumonia");
    assert!(is_enabled(&window));
    assert_eq!(window.state().state.bench.protocol.cohort.task, Some(Task::PNEUMONIA));
}

#[test]
fn a_run_fills_the_page_and_its_cards_are_kept() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut window = page(Some(home.path()));
    begin(&mut window, folder.path());
    until_seen(&mut window, |window| !window.state().state.bench.values.is_empty());
    until_seen(&mut window, |window| window.state().state.bench.judged.is_some());
    let bench = &window.state().state.bench;
    let values = &bench.values[&(Test::Utility, "GRAD".to_owned(), "trained".to_owned())];
    assert_eq!(values.len(), 4);
    let progress = bench.progress.unwrap();
    assert_eq!((progress.done, progress.failed), (progress.total, 0));
    let image = values[0].image.clone();
    window.step();
    assert!(says(&window, "Verdicts") && window.query_by_label("GRAD").is_some());
    let model = window.state().state.models.iter().find(|model| model.title == "pneumothorax_inception_v3_1");
    let sha256 = model.unwrap().sha256().to_owned();
    let is_shipped = |method: &str| window.state().state.bench.card(&sha256, method).unwrap().0.is_shipped;
    assert!(!is_shipped("GRAD"), "the user's own run stands before what the program ships");
    assert!(is_shipped("XRAI"), "this run did not test XRAI");

    tap(&mut window, "Write the report");
    until_seen(&mut window, |_| folder.path().join("report.html").is_file());
    let report = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("not for diagnosis") && !report.contains(&*folder.path().to_string_lossy()));
    assert!(folder.path().join("trust.json").is_file());

    let wish = BenchWish::Case { image: image.clone(), method: "GCAM".to_owned(), replicate: 2 };
    window.state_mut().apply(Action::Bench(Box::new(wish)));
    until_seen(&mut window, |window| window.state().state.view == View::Case);
    let state = &window.state().state;
    let shown = state.list.entry(state.list.current.unwrap()).unwrap();
    assert_eq!(shown.source.case().unwrap().id, image);
    assert_eq!(state.shown.method, Method::Gcam);
    until_seen(&mut window, |window| {
        window.state().state.model().is_some_and(|model| model.title == "pneumothorax_inception_v3_2")
    });
    drop(window);

    // Another session finds the cards.
    let mut later = page(Some(home.path()));
    until_seen(&mut later, |window| window.state().state.bench.card(&sha256, "GRAD").is_some());
}

#[test]
fn a_run_is_held_stopped_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = page(None);
    begin(&mut window, folder.path());
    until_seen(&mut window, |window| window.query_by_label("Pause").is_some());
    tap(&mut window, "Pause");
    assert!(window.state().state.bench.is_paused() && window.query_by_label("Go on").is_some());
    tap(&mut window, "Stop");
    until_seen(&mut window, |window| window.state().state.bench.job.is_none());
    // Where it was stopped before it was begun there is nothing to go on with.
    if window.state().state.bench.database.is_none() {
        begin(&mut window, folder.path());
    } else {
        until_seen(&mut window, |window| window.query_by_label("Continue").is_some());
        tap(&mut window, "Continue");
    }
    until_seen(&mut window, |window| {
        let bench = &window.state().state.bench;
        bench.job.is_none()
            && bench.judged.as_ref().is_some_and(|judged| judged.analysis.units[0] == judged.analysis.units[1])
    });
    tap(&mut window, "New benchmark");
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Open(folder.path().to_owned()))));
    until_seen(&mut window, |window| window.state().state.bench.judged.is_some());
    assert_eq!(window.state().state.bench.protocol.methods, [Method::Grad, Method::Gcam]);

    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Open(folder.path().join("nothing")))));
    until_seen(&mut window, |window| window.state().state.bench.judging.is_none());
    window.step();
    assert!(window.query_by_label("Start in a folder…").is_some(), "a wrong path leads back to the choices");
}

#[test]
fn small_copies_of_radiographs_are_kept_unless_the_form_says_otherwise() {
    for are_kept in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut window = page(None);
        let protocol = Protocol { keep_maps: true, ..small() };
        window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(protocol)))));
        until_seen(&mut window, |window| window.query_by_label("keep small copies").is_some());
        if !are_kept {
            tap(&mut window, "keep small copies");
        }
        window.state_mut().apply(Action::Bench(Box::new(BenchWish::StartIn(folder.path().to_owned()))));
        until_seen(&mut window, |window| window.state().state.bench.judged.is_some());
        let store = saliscope::benchmark::open(folder.path()).unwrap();
        assert_eq!(store.thumbnails().unwrap(), if are_kept { 4 } else { 0 });
        until_seen(&mut window, |window| says(window, "mean dashed"));
    }
}

#[test]
fn what_is_open_becomes_the_protocol_and_is_weighed() {
    let data = tempfile::tempdir().unwrap();
    let export = Export::new(5, 12, 160, None);
    let mut table = "image,Pneumothorax,Hernia,split\n".to_owned();
    for index in 0..12 {
        let phantom = export.phantom(index).unwrap();
        let image = phantom.files.iter().find(|file| file.path.starts_with("png/images")).unwrap();
        std::fs::write(data.path().join(format!("{index}.png")), &image.bytes).unwrap();
        let is_sick = phantom.finding() == Finding::Pneumothorax;
        writeln!(table, "{index},{},{},test", u8::from(is_sick), u8::from(index == 0)).unwrap();
    }
    std::fs::write(data.path().join("labels.csv"), table).unwrap();
    let source = format!("folder:{}", data.path().display());
    let mut window = page(None);
    let has_models = |window: &Window| window.state().state.models.len() >= 3;
    until_seen(&mut window, has_models);
    window.state_mut().apply(Action::OpenCohort(format!("{source} --task pneumothorax")));
    let cohort = |window: &Window| {
        let list = &window.state().state.list;
        list.entries().iter().find(|entry| entry.source.case().is_some()).map(|entry| entry.id)
    };
    until_seen(&mut window, |window| cohort(window).is_some());
    let first = cohort(&window).unwrap();
    window.state_mut().state.list.current = Some(first);
    window.state_mut().state.view = View::Benchmark;
    window.step();
    tap(&mut window, "The cohort and models that are open");
    until_seen(&mut window, |window| window.state().state.bench.protocol.cohort.source == source);
    let protocol = window.state().state.bench.protocol.clone();
    assert!(protocol.cohort.task.as_ref().is_some_and(|task| task.is_called("Pneumothorax")));
    assert!(!protocol.tests.contains(&Test::Utility) && protocol.tests.contains(&Test::Repeatability));
    assert!(protocol.models.classifiers.iter().all(|name| name.starts_with("demo:pneumothorax_inception_v3")));
    window.step();
    assert!(says(&window, "utility is left out: the cohort has labels alone"));

    let mut cheap = Protocol { methods: vec![Method::Grad], tests: vec![Test::Repeatability], ..protocol };
    cheap.models.localizers.clear();
    cheap.sample.classification = Some(2);
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(cheap.clone())))));
    window.step();
    tap(&mut window, "What it costs");
    until_seen(&mut window, |window| window.state().state.bench.cost_words().is_some());
    window.step();
    assert!(says(&window, "units of work, about") && says(&window, "an estimate from a few timed passes"));
    // Of another protocol nothing is known.
    cheap.sample.classification = Some(3);
    window.state_mut().apply(Action::Bench(Box::new(BenchWish::Ask(Box::new(cheap)))));
    assert_eq!(window.state().state.bench.cost_words(), None);
}

#[test]
fn a_folder_of_several_findings_opens_by_the_first_and_says_so() {
    let data = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        image::GrayImage::from_fn(32, 32, |x, y| image::Luma([(x * y) as u8]))
            .save(data.path().join(format!("{name}.png")))
            .unwrap();
    }
    std::fs::write(data.path().join("labels.csv"), "image,Edema,Mass\na,1,0\nb,0,1\n").unwrap();
    let source = format!("folder:{}", data.path().display());
    let labels = |text: &str| {
        let mut window = page(None);
        window.state_mut().apply(Action::OpenCohort(text.to_owned()));
        let of_cohort = |window: &Window| -> Vec<Option<bool>> {
            let list = &window.state().state.list;
            list.entries().iter().filter(|entry| entry.source.case().is_some()).map(|entry| entry.label).collect()
        };
        until_seen(&mut window, |window| of_cohort(window).len() == 2);
        of_cohort(&window)
    };
    assert_eq!(labels(&source), [Some(true), Some(false)]);
    assert_eq!(labels(&format!("{source} --task mass")), [Some(false), Some(true)]);
}
