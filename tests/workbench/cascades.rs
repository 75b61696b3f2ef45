//! Cascades in the background, and what is written of them; no window.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use saliscope::cascade::animation::AnimationOptions;
use saliscope::cascade::{self, Order, Plan, Randomizer, State};
use saliscope::demo;
use saliscope::display::{CascadeDisplay, GrayDisplay};
use saliscope::job::{Ending, Jobs, Lane, Phase, Start};
use saliscope::phantom::PhantomSpec;
use saliscope::reading::{
    CascadeExport, CascadeFile, CascadeQuestion, CascadeRun, Cascades, CaseSource, ChosenRuntime, Explainer,
    ModelSource, OpenCase, OpenModel, Question, Standing, other_images,
};
use saliscope::saliency::{ImageInput, Method, Preset, Request};

use crate::window::PATIENCE;

fn subject() -> (Arc<OpenCase>, Arc<OpenModel>) {
    let spec = PhantomSpec { size_px: 320, ..demo::FIRST_CASE };
    let case = OpenCase::read(&CaseSource::Phantom(spec)).unwrap();
    let model = OpenModel::open(ModelSource::Demo(demo::FIRST_MODEL.to_owned())).unwrap();
    (Arc::new(case), Arc::new(model))
}

fn question(preset: Preset) -> CascadeQuestion {
    CascadeQuestion {
        question: Question::of(preset),
        order: Order::TopDown,
        randomizer: Randomizer { seed: 3, replicate: 1 },
    }
}

fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Maps by method and state, bit by bit, with their likeness.
fn content(run: &CascadeRun) -> BTreeMap<(Method, usize), (Vec<u32>, Option<f64>)> {
    let found = run.found();
    let entry = |row: &saliscope::cascade::Row| {
        let layer = found.stacks[&row.method].layers()[row.state].as_ref().unwrap();
        let bits = layer.values.iter().map(|value| value.to_bits()).collect();
        ((row.method, row.state), (bits, row.similarity.ssim_range_1))
    };
    found.rows.iter().map(entry).collect()
}

#[test]
fn a_cascade_that_was_stopped_goes_on_and_ends_as_if_it_had_not() {
    let (case, model) = subject();
    let question = question(Preset::Recommended);
    let methods = [Method::Grad, Method::Ig];
    let jobs = Arc::new(Jobs::new(|| {}));
    let whole = Cascades::new(Arc::clone(&jobs), ChosenRuntime::default());
    let run = whole.ask(&case, &model, &question, &methods);
    assert_eq!(run.states.len(), 14);
    until(|| !whole.is_busy(&run));

    let stopped = Cascades::new(Arc::clone(&jobs), ChosenRuntime::default());
    let other = stopped.ask(&case, &model, &question, &methods);
    until(|| other.found().states_of(Method::Grad) > 2);
    stopped.cancel(&other);
    until(|| !stopped.is_busy(&other));
    let kept = other.found().rows.len();
    assert!((3..28).contains(&kept), "finished states stay and unfinished ones are not made: {kept}");
    assert!(other.found().control.is_some() && other.found().failure.is_none());
    assert!(Arc::ptr_eq(&other, &stopped.ask(&case, &model, &question, &methods)), "one cascade a question");
    until(|| !stopped.is_busy(&other));
    assert!(content(&run) == content(&other), "the same bits, stopped or not");
    assert_eq!(content(&run).len(), 28);

    let again = stopped.ask(&case, &model, &question, &methods);
    assert!(!stopped.is_busy(&again), "nothing is computed twice");
}

/// What a cascade of several images finds for their originals, whose pairs are the baseline.
fn baselines_of(
    cases: &[&OpenCase],
    model: &OpenModel,
    question: &CascadeQuestion,
    methods: &[Method],
) -> Vec<[f64; 2]> {
    let input = |case: &&OpenCase| {
        let read = saliscope::model_input::StudyImage::new(&case.radiograph, &model.model).unwrap();
        ImageInput { id_seed: read.content_seed, values: read.input }
    };
    let asked = &question.question;
    let plan = Plan {
        states: vec![State::original()],
        randomizer: question.randomizer,
        request: Request {
            parameters: asked.parameters_for(model),
            class: asked.class_for(model),
            positive_class: model.model.card.positive_class,
            ..Request::new(cases.iter().map(input).collect(), methods.to_vec(), asked.preset)
        },
    };
    let runtime = ChosenRuntime::default().get().unwrap();
    let build = |weights: &saliscope::network::Weights| runtime.executor(&model.model.graph, weights);
    let found = cascade::run(&plan, &model.model.graph, &model.model.weights, &build, &(), &mut |_| Ok(())).unwrap();
    let mean = |baseline: &cascade::MethodBaseline| baseline.mean.unwrap();
    found.baselines.iter().map(mean).map(|mean| [mean.ssim_range_1, mean.ssim_range_2]).collect()
}

#[test]
fn other_images_give_the_baseline_of_a_cascade_of_them_all() {
    let (case, model) = subject();
    let question = question(Preset::Arun2021);
    let methods = [Method::Grad, Method::Gcam];
    let jobs = Arc::new(Jobs::new(|| {}));
    let (cascades, explainer) = (
        Cascades::new(Arc::clone(&jobs), ChosenRuntime::default()),
        Explainer::new(Arc::clone(&jobs), ChosenRuntime::default()),
    );
    let run = cascades.ask(&case, &model, &question, &methods);
    let phantom = |index| CaseSource::Phantom(PhantomSpec { index, size_px: 320, ..demo::FIRST_CASE });
    // The case once more and a file that is gone are no other images.
    let gone = CaseSource::File("/nowhere/gone.png".into());
    let listed = [phantom(70), phantom(demo::FIRST_CASE.index), gone, phantom(71)];
    let others = other_images(listed.iter(), question.randomizer.seed);
    cascades.compare(&run, &explainer, others.clone(), &methods);
    assert!(cascades.is_busy(&run) && cascades.is_compared_with(&run, &others));
    until(|| !cascades.is_busy(&run));
    let found = run.found();
    assert_eq!((found.other_images, &found.baseline_failure), (4, &None));
    let read: Vec<OpenCase> = [70, 71].map(|index| OpenCase::read(&phantom(index)).unwrap()).into();
    let expected = baselines_of(&[&case, &read[0], &read[1]], &model, &question, &methods);
    for (method, expected) in methods.iter().zip(expected) {
        let baseline = found.baselines[method];
        assert_eq!((baseline.images, baseline.mean.pairs), (3, 3), "{method}");
        let told = [baseline.mean.ssim_range_1, baseline.mean.ssim_range_2];
        assert!(told.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{method}: {told:?} {expected:?}");
        let key = question.question.key(&read[1], &model, *method);
        assert!(matches!(explainer.standing(&key), Standing::Ready(_)), "{method} is kept by content");
    }

    // What is written has the same numbers.
    let folder = tempfile::tempdir().unwrap();
    let export = CascadeExport {
        run: Arc::clone(&run),
        found: found.clone(),
        methods: methods.to_vec(),
        files: vec![CascadeFile::Table, CascadeFile::Curves],
        gray: GrayDisplay { inverted: true, ..GrayDisplay::default() },
        options: AnimationOptions::default(),
        caution: None,
    };
    let parent = folder.path().to_owned();
    let start = Start { name: "write".to_owned(), lane: Lane::Write, urgent: false, listed: true };
    let job = jobs.start(start, move |watch| match export.write(&parent, watch) {
        Ok(_) => Ending::Done(None),
        Err(error) => Ending::Failed(error.to_string()),
    });
    until(|| jobs.report(job).is_some_and(|report| !report.is_under_way()));
    let written = folder.path().join("saliscope-cascade");
    let table = std::fs::read_to_string(written.join("baselines.csv")).unwrap();
    let mean = found.baselines[&Method::Grad].mean;
    assert!(table.contains(&format!("GRAD,{},{},3\n", mean.ssim_range_1, mean.ssim_range_2)), "{table}");
    assert!(table.contains("\nnoise,") && table.lines().count() == 4, "{table}");
    let figure = std::fs::read_to_string(written.join("figure_3a.svg")).unwrap();
    assert!(figure.contains("different images, trained network"), "the dashed line has a legend");
    let record = std::fs::read_to_string(written.join("cascade.json")).unwrap();
    assert!(record.contains("maps of different images, 3 pairs of them,"), "{record}");
    assert!(record.contains("\"radiograph_shown\": \"Inverted\""), "the animation would be so: {record}");

    // What was stopped is neither there nor a failure, and without other images nothing is left.
    cascades.compare(&run, &explainer, others, &[Method::Sig]);
    cascades.cancel(&run);
    until(|| !cascades.is_busy(&run));
    let stopped = run.found();
    assert!(!stopped.baselines.contains_key(&Method::Sig) && stopped.baseline_failure.is_none());
    assert_eq!(stopped.baselines.len(), 2, "finished ones stay");
    cascades.compare(&run, &explainer, Vec::new(), &methods);
    assert!(run.found().baselines.is_empty() && run.found().other_images == 0 && !cascades.is_busy(&run));
}

#[test]
fn raw_maps_in_their_range_are_the_display_maps() {
    let (case, model) = subject();
    let jobs = Arc::new(Jobs::new(|| {}));
    let cascades = Cascades::new(Arc::clone(&jobs), ChosenRuntime::default());
    let methods = [Method::Grad, Method::Gcam, Method::Gbp, Method::Ggcam];
    let question = question(Preset::Arun2021);
    let run = cascades.ask(&case, &model, &question, &methods);
    until(|| !cascades.is_busy(&run));
    assert_eq!(run.states.len(), 12, "the study leaves the lowest blocks");
    let found = run.found();
    let explained = saliscope::reading::Explainer::new(jobs, ChosenRuntime::default());
    explained.ask(&case, &model, &question.question, &methods, true);
    for method in methods {
        let key = question.question.key(&case, &model, method);
        until(|| matches!(explained.standing(&key), saliscope::reading::Standing::Ready(_)));
        let saliscope::reading::Standing::Ready(answer) = explained.standing(&key) else { panic!("{method}") };
        let layer = found.stacks[&method].layers()[0].as_ref().unwrap();
        let [low, high] = layer.range;
        for (raw, display) in layer.values.iter().zip(&answer.map.display.values) {
            let shown = ((raw.abs() - low) / (high - low)).clamp(0.0, 1.0);
            assert!((shown - display).abs() < 1e-5, "{method}: {shown} {display}");
        }
    }
}

#[test]
fn what_is_written_reads_back_and_names_nobody() {
    let (case, model) = subject();
    let jobs = Arc::new(Jobs::new(|| {}));
    let cascades = Cascades::new(Arc::clone(&jobs), ChosenRuntime::default());
    let run = cascades.ask(&case, &model, &question(Preset::Recommended), &[Method::Grad]);
    until(|| !cascades.is_busy(&run));
    let folder = tempfile::tempdir().unwrap();
    let write = |files: Vec<CascadeFile>, methods: Vec<Method>| {
        let export = CascadeExport {
            run: Arc::clone(&run),
            found: run.found(),
            methods,
            files,
            gray: GrayDisplay::default(),
            options: AnimationOptions { tile_px: 64, fade_secs: 0.0, ..AnimationOptions::default() },
            caution: None,
        };
        let parent = folder.path().to_owned();
        let start = Start { name: "write".to_owned(), lane: Lane::Write, urgent: false, listed: true };
        let job = jobs.start(start, move |watch| match export.write(&parent, watch) {
            Ok(path) => Ending::Done(Some(path.file_name().unwrap().to_string_lossy().into_owned())),
            Err(error) => Ending::Failed(error.to_string()),
        });
        until(|| jobs.report(job).is_some_and(|report| !report.is_under_way()));
        jobs.report(job).unwrap().phase
    };
    // SIG was never computed and is left out.
    let all = write(CascadeFile::ALL.to_vec(), vec![Method::Grad, Method::Sig]);
    assert_eq!(all, Phase::Over(Ending::Done(Some("saliscope-cascade".to_owned()))));
    let again = write(vec![CascadeFile::Table], vec![Method::Grad]);
    assert_eq!(again, Phase::Over(Ending::Done(Some("saliscope-cascade-2".to_owned()))), "nothing is overwritten");
    let nothing = write(vec![CascadeFile::Table], vec![Method::Sig]);
    assert!(
        matches!(&nothing, Phase::Over(Ending::Failed(reason)) if reason.contains("run to its end")),
        "{nothing:?}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a failure leaves nothing");

    let written = folder.path().join("saliscope-cascade");
    let table = std::fs::read_to_string(written.join("cascade.csv")).unwrap();
    assert_eq!(table.lines().count(), 15);
    assert!(table.lines().nth(1).unwrap().starts_with("0,GRAD,Original,"), "{table}");
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(written.join("cascade.json")).unwrap()).unwrap();
    assert_eq!(record["notice"], "Research use - not for diagnosis");
    assert_eq!(record["model_sha256"], model.sha256());
    assert_eq!(record["methods"].as_array().unwrap().len(), 1);
    assert!(record["methods"][0]["verdict"]["sentence"].as_str().unwrap().contains("One image only"));
    let frames = std::fs::read_dir(written.join("frames")).unwrap().count();
    assert_eq!(frames, 14, "without fading there is a frame a state");
    for name in ["animation.gif", "animation.apng", "animation.webp", "figure_3a.svg", "figure_3b.png"] {
        assert!(written.join(name).metadata().unwrap().len() > 1000, "{name}");
    }
    let figure = std::fs::read_to_string(written.join("figure_3b.svg")).unwrap();
    assert!(figure.contains("not for diagnosis") && !figure.contains(&*folder.path().to_string_lossy()));
    assert!(!figure.contains(&case.title), "the case is not named");
}

#[test]
fn a_fade_lies_between_its_states() {
    let (case, model) = subject();
    let jobs = Arc::new(Jobs::new(|| {}));
    let cascades = Cascades::new(jobs, ChosenRuntime::default());
    let run = cascades.ask(&case, &model, &question(Preset::Recommended), &[Method::Grad]);
    until(|| run.found().states_of(Method::Grad) >= 2);
    let found = run.found();
    cascades.cancel(&run);
    let stack = &found.stacks[&Method::Grad];
    let at = |position: f32| CascadeDisplay { position, ..CascadeDisplay::default() }.layers(stack).unwrap();
    assert_eq!((at(0.25).lower, at(0.25).upper, at(0.25).fraction), (0, 1, 0.25));
}
