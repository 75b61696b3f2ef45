//! Cases and models opened for reading, and maps computed for them in the background.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use saliscope::demo;
use saliscope::job::Jobs;
use saliscope::network::{DeviceChoice, ExecutorChoice, Runtime, RuntimeOptions, ThisMachine};
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::{CaseSource, ChosenRuntime, Explainer, ModelSource, OpenCase, OpenModel, Question, Standing};
use saliscope::saliency::{self, ClassChoice, Method, Preset, Request};
use saliscope::truth::Mask;

const PHANTOM: PhantomSpec = PhantomSpec { seed: 77, index: 3, size_px: 320, finding: Finding::Pneumothorax };

fn case() -> Arc<OpenCase> {
    Arc::new(OpenCase::read(&CaseSource::Phantom(PHANTOM)).unwrap())
}

/// Where these tests run networks.
fn runtime() -> Runtime {
    ChosenRuntime::default().get().unwrap()
}

fn model(name: &str) -> Arc<OpenModel> {
    Arc::new(OpenModel::open(ModelSource::Demo(name.to_owned())).unwrap())
}

fn wait(mut until: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !until() {
        assert!(begun.elapsed() < Duration::from_mins(5), "nothing came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Quick parameters: the same work in kind, less of it.
fn question() -> Question {
    let mut question = Question::of(Preset::Recommended);
    question.parameters.sg.samples = 3;
    question.parameters.ig.steps = 3;
    question.parameters.sig.noise.samples = 2;
    question.parameters.sig.path.steps = 3;
    question.parameters.xrai.ig_steps = 4;
    question
}

#[test]
fn background_maps_are_those_of_a_plain_request() {
    let jobs = Arc::new(Jobs::new(|| {}));
    let explainer = Explainer::new(Arc::clone(&jobs), ChosenRuntime::default());
    let (case, model, question) = (case(), model("pneumothorax_densenet_121_1"), question());
    assert!(explainer.ask(&case, &model, &question, &Method::STUDY, false).is_some());
    assert!(
        explainer.ask(&case, &model, &question, &Method::STUDY, false).is_none(),
        "what is on its way is not asked twice"
    );
    let standing = |method| explainer.standing(&question.key(&case, &model, method));
    wait(|| Method::STUDY.into_iter().all(|method| matches!(standing(method), Standing::Ready(_))));

    let read = saliscope::model_input::StudyImage::new(&case.radiograph, &model.model).unwrap();
    let input = saliency::ImageInput { id_seed: read.content_seed, values: read.input };
    let mut request = Request::new(vec![input], Method::STUDY.to_vec(), Preset::Recommended);
    request.parameters = question.parameters_for(&model);
    request.positive_class = Some(1);
    let plain = saliency::explain(model.executor(&runtime()).unwrap().as_ref(), &request, &()).unwrap();
    for map in &plain[0].maps {
        let Standing::Ready(answer) = standing(map.method) else { panic!("{} is gone", map.method) };
        assert_eq!(answer.map.raw, map.raw, "{}", map.method);
        assert_eq!(answer.map.display.values.as_slice(), &**answer.display.values());
        assert_eq!(answer.prediction.logits, plain[0].logits);
        let scores = answer.scores.expect("the phantom has a mask");
        assert!((0.0..=1.0).contains(&scores.auprc_trapezoid) && scores.prevalence > 0.0);
        let has_sign = matches!(map.method, Method::Grad | Method::Ig | Method::Gbp | Method::Xrai);
        assert_eq!(answer.signed.is_some(), has_sign, "{}", map.method);
        assert!(answer.map.intermediates.is_empty());
    }
    assert!(explainer.prediction(&case.content, model.identity()).is_some());
    assert!(explainer.cached_bytes() > 0);
}

#[test]
fn cancelling_keeps_what_is_finished_and_asking_again_makes_the_rest() {
    let jobs = Arc::new(Jobs::new(|| {}));
    let explainer = Explainer::new(Arc::clone(&jobs), ChosenRuntime::default());
    let (case, model) = (case(), model(demo::FIRST_MODEL));
    let question = Question::of(Preset::Arun2021);
    let job = explainer.ask(&case, &model, &question, &Method::STUDY, false).unwrap();
    let standing = |method| explainer.standing(&question.key(&case, &model, method));
    wait(|| matches!(standing(Method::Sg), Standing::Partial(_) | Standing::Ready(_)));
    explainer.cancel_job(job);
    wait(|| jobs.report(job).is_none_or(|report| !report.is_under_way()));
    assert!(matches!(standing(Method::Grad), Standing::Ready(_)));
    assert!(matches!(standing(Method::Gcam), Standing::Ready(_)));
    assert!(matches!(standing(Method::Sig), Standing::Absent), "SIG could not have been finished");
    let mut quick = question.clone();
    quick.parameters.sig.noise.samples = 1;
    quick.parameters.sig.path.steps = 2;
    let key = quick.key(&case, &model, Method::Sig);
    assert_ne!(key, question.key(&case, &model, Method::Sig));
    assert_eq!(
        quick.key(&case, &model, Method::Grad),
        question.key(&case, &model, Method::Grad),
        "GRAD reads no samples"
    );
    explainer.ask(&case, &model, &quick, &[Method::Sig], true);
    wait(|| matches!(explainer.standing(&key), Standing::Ready(_)));
}

/// A job that is cancelled comes to its end a moment later: until then its maps must not count as on their way.
#[test]
fn what_was_cancelled_can_be_asked_for_again_at_once() {
    let jobs = Arc::new(Jobs::new(|| {}));
    let explainer = Explainer::new(Arc::clone(&jobs), ChosenRuntime::default());
    let (case, model) = (case(), model(demo::FIRST_MODEL));
    let mut question = Question::of(Preset::Arun2021);
    // Long enough to be stopped half-way, short enough to be waited for.
    question.parameters.sg.samples = 60;
    let wanted = [Method::Grad, Method::Sg];
    let standing = |method| explainer.standing(&question.key(&case, &model, method));
    let mut job = explainer.ask(&case, &model, &question, &wanted, false).unwrap();
    for _ in 0..3 {
        wait(|| matches!(standing(Method::Sg), Standing::Partial(_)));
        explainer.cancel_job(job);
        assert!(matches!(standing(Method::Sg), Standing::Absent));
        job = explainer.ask(&case, &model, &question, &wanted, false).expect("nobody makes it any more");
    }
    wait(|| jobs.report(job).is_none_or(|report| !report.is_under_way()));
    assert!(wanted.into_iter().all(|method| matches!(standing(method), Standing::Ready(_))));
}

#[test]
fn a_job_that_never_ran_leaves_nothing_waiting() {
    let jobs = Arc::new(Jobs::new(|| {}));
    let explainer = Explainer::new(Arc::clone(&jobs), ChosenRuntime::default());
    let (case, model) = (case(), model(demo::FIRST_MODEL));
    let (first, second) = (Question::of(Preset::Arun2021), question());
    let running = explainer.ask(&case, &model, &first, &[Method::Sig], false).unwrap();
    let waiting = explainer.ask(&case, &model, &second, &[Method::Xrai], false).unwrap();
    let key = second.key(&case, &model, Method::Xrai);
    assert!(matches!(explainer.standing(&key), Standing::Waiting));
    explainer.cancel_job(waiting);
    assert!(matches!(explainer.standing(&key), Standing::Absent));
    explainer.cancel_job(running);
    wait(|| !jobs.is_busy());
}

#[test]
fn a_class_that_a_model_lacks_is_not_asked_about() {
    let model = model(demo::FIRST_MODEL);
    let mut question = Question::of(Preset::Recommended);
    assert_eq!(question.class_for(&model), ClassChoice::Positive);
    question.class = ClassChoice::Index(9);
    assert_eq!(question.class_for(&model), ClassChoice::Predicted);
}

#[test]
fn every_feature_map_can_be_read_and_that_of_another_network_is_not_asked_for() {
    let case = case();
    let models = [model("pneumothorax_densenet_121_1"), model("pneumothorax_inception_v3_1")];
    for (model, other) in [(&models[0], &models[1]), (&models[1], &models[0])] {
        let read = saliscope::model_input::StudyImage::new(&case.radiograph, &model.model).unwrap();
        let input = saliency::ImageInput { id_seed: read.content_seed, values: read.input };
        let usual = question().key(&case, model, Method::Gcam);
        for map in saliency::feature_maps(&model.model.graph) {
            let mut question = question();
            question.parameters.gcam.node = Some(map.node.clone());
            assert_ne!(question.key(&case, model, Method::Gcam), usual);
            assert_eq!(question.misfit(model, Method::Ggcam), None);
            let request = Request {
                parameters: question.parameters_for(model),
                positive_class: Some(1),
                ..Request::new(vec![input.clone()], vec![Method::Gcam], Preset::Recommended)
            };
            let found = saliency::explain(model.executor(&runtime()).unwrap().as_ref(), &request, &()).unwrap();
            let made = &found[0].maps[0];
            assert_eq!(made.provenance.tensor.as_deref(), Some(&*map.node));
            assert!(made.raw.iter().all(|value| value.is_finite()), "{map:?}");
            if other.model.graph.find(&map.node).is_err() {
                let elsewhere = question.key(&case, other, Method::Gcam);
                assert_eq!(elsewhere, self::question().key(&case, other, Method::Gcam), "{map:?}");
                assert!(question.misfit(other, Method::Gcam).is_some_and(|words| words.contains("no such node")));
            }
        }
    }
    let mut question = question();
    question.parameters.ig.baseline = saliency::Baseline::Channels(vec![0.0; 7]);
    assert!(question.misfit(&models[0], Method::Ig).is_some() && question.misfit(&models[0], Method::Sig).is_none());
    assert!(question.parameters_for(&models[0]) == self::question().parameters_for(&models[0]));
}

#[test]
fn dicom_cases_come_with_identity_spacing_and_the_same_content_as_their_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_saliscope"))
        .args(["phantom", "--count", "2", "--seed", "5", "--size", "256", "--out"])
        .arg(folder.path().join("set"))
        .output()
        .unwrap();
    assert!(program.status.success(), "{}", String::from_utf8_lossy(&program.stderr));
    let mut files: Vec<std::path::PathBuf> = walk(folder.path());
    files.sort();
    let dicom = files.iter().find(|path| path.extension().is_some_and(|end| end == "dcm")).expect("a DICOM phantom");
    let open = OpenCase::read(&CaseSource::File(dicom.clone())).unwrap();
    assert!(open.dicom.is_some() && open.frame.is_some());
    assert!(open.facts.identity.patient_id.is_some());
    assert_eq!(open.size_px(), [256, 256]);
    assert_eq!(open.content.len(), 64);
    let again = OpenCase::of_radiograph(open.radiograph.clone(), "again".to_owned()).unwrap();
    assert_eq!(again.content, open.content);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn the_same_image_with_other_marks_is_scored_by_them() {
    let (model, question) = (model("pneumothorax_densenet_121_1"), question());
    let jobs = Arc::new(Jobs::new(|| {}));
    let explainer = Explainer::new(Arc::clone(&jobs), ChosenRuntime::default());
    let mut scores = Vec::new();
    for shift in [0, 40] {
        let mut case = OpenCase::read(&CaseSource::Phantom(PHANTOM)).unwrap();
        let [width, height] = case.size_px();
        let mut marked = vec![false; width * height];
        (0..20).for_each(|row| marked[(100 + row + shift) * width..][60..90].fill(true));
        case.truth.mask = Some(Mask::new(height, width, marked));
        let case = Arc::new(case);
        explainer.ask(&case, &model, &question, &[Method::Gcam], false).unwrap();
        let key = question.key(&case, &model, Method::Gcam);
        wait(|| matches!(explainer.standing(&key), Standing::Ready(_)));
        let Standing::Ready(answer) = explainer.standing(&key) else { unreachable!() };
        scores.push(answer.scores.unwrap());
    }
    assert!((scores[0].average_precision - scores[1].average_precision).abs() > 1e-6, "the first marks were kept");
}

#[test]
fn what_is_asked_after_a_change_of_the_device_runs_there_and_kept_maps_stay() {
    let jobs = Arc::new(Jobs::new(|| {}));
    let of = |executor| RuntimeOptions { device: DeviceChoice::Cpu, executor, ..RuntimeOptions::default() };
    let runtime = ChosenRuntime::new(of(ExecutorChoice::Cpu), Arc::new(ThisMachine));
    assert!(runtime.started().is_none(), "nothing runs before it is needed");
    let explainer = Explainer::new(jobs, runtime.clone());
    let (case, model, question) = (case(), model("pneumothorax_densenet_121_1"), question());
    let made = |method| {
        explainer.ask(&case, &model, &question, &[method], false);
        let key = question.key(&case, &model, method);
        wait(|| matches!(explainer.standing(&key), Standing::Ready(_)));
        let Standing::Ready(answer) = explainer.standing(&key) else { panic!("{method} is gone") };
        answer.map.provenance.executor.clone()
    };
    assert!(made(Method::Grad).starts_with("cpu ("));
    assert!(!runtime.choose(of(ExecutorChoice::Cpu)), "the same choice starts nothing anew");
    assert!(runtime.choose(of(ExecutorChoice::Candle)));
    assert_eq!(made(Method::Gcam), "candle (cpu, f32)");
    assert_eq!(model.device().as_deref(), Some("candle (cpu, f32)"));
    assert!(made(Method::Grad).starts_with("cpu ("), "what was made before says where");
    assert_eq!(runtime.started().unwrap().unwrap().describe(), "processor, candle");
}
