//! Models judged on generated cohorts: against figures computed by hand, in any batch, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]

use std::fmt::Write;
use std::path::Path;

use saliscope::cohort::{Cohort, CohortOptions, CohortSpec, Split};
use saliscope::detection::{Anchors, EdgeBox, Match, TrueBox, encode, match_anchors};
use saliscope::evaluation::{
    CaseOutcome, CaseTruth, Error, Evaluation, Judge, Options, Scores, case_truth, evaluate, validation_score,
};
use saliscope::metrics::{Bootstrap, roc_auc};
use saliscope::model_input::model_input;
use saliscope::network::{
    Architecture, Batch, CpuExecutor, CpuOptions, DeviceChoice, Executor, ExecutorChoice, Forward, Model, Pass,
    Runtime, RuntimeOptions, Variant, Weights,
};
use saliscope::truth::{Mask, Task};
use saliscope::watch::Watch;

const SIDE: usize = 128;

struct Silent;

impl Watch for Silent {
    fn progress(&self, done: usize, total: usize) {
        assert!(done <= total);
    }
}

fn cohort(count: usize, task: Task) -> Cohort {
    let options = CohortOptions { task: Some(task), phantom_size_px: SIDE, ..CohortOptions::default() };
    Cohort::open(&CohortSpec::Phantom { seed: 11, count }, &options, &()).unwrap()
}

/// Seeded weights of a narrow network, with a card, opened.
fn model(folder: &Path, arch: Architecture, card: &str) -> Model {
    let graph = arch.graph(&Variant { width: 0.0625, ..arch.usual_variant() });
    let path = folder.join(format!("{arch}.safetensors"));
    Weights::initialize(&graph, 7).save(&path).unwrap();
    let json = format!(r#"{{"architecture": "{arch}", "input_size": [{SIDE}, {SIDE}]{card}}}"#);
    std::fs::write(path.with_extension("json"), json).unwrap();
    Model::open(&path, None).unwrap()
}

fn options(split: Split, batch: usize) -> Options {
    let bootstrap = Bootstrap { resamples: 100, seed: 1 };
    Options { split, batch: Some(batch), bootstrap, ..Options::default() }
}

/// What runs a model on the processor.
fn on_processor(model: &Model, executor: ExecutorChoice) -> Forward {
    let options = RuntimeOptions { device: DeviceChoice::Cpu, executor, threads: Some(2), ..RuntimeOptions::default() };
    Runtime::open(&options).unwrap().forward(model).unwrap()
}

fn kernels(model: &Model) -> Forward {
    on_processor(model, ExecutorChoice::Auto)
}

fn judged(model: &Model, network: &mut Forward, cohort: &Cohort, options: &Options) -> Evaluation {
    evaluate(model, network, cohort, options, &Silent).unwrap()
}

#[test]
fn a_classifier_is_judged_as_by_hand_and_in_any_batch() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), Architecture::DenseNet121, "");
    let cohort = cohort(60, Task::PNEUMOTHORAX);
    let executor = CpuExecutor::new(model.graph.clone(), &model.weights, CpuOptions::default()).unwrap();
    let (mut scores, mut truth) = (Vec::new(), Vec::new());
    for case in cohort.in_split(Split::Train) {
        let input = model_input(&cohort.radiograph(case).unwrap(), &model).unwrap();
        let logits = executor.run(&Pass::logits(&input)).unwrap().logits;
        scores.push(f64::from(logits[1]) - f64::from(logits[0]));
        truth.push(case.label.unwrap());
    }
    let mut network = kernels(&model);
    let found = judged(&model, &mut network, &cohort, &Options { youden: true, ..options(Split::Train, 5) });
    assert_eq!((found.cases, found.positives), (truth.len(), truth.iter().filter(|truth| **truth).count()));
    assert_eq!((found.unlabelled, found.unusable.len(), found.resamples), (0, 0, 100));
    let Scores::Classifier(figures) = &found.scores else { panic!("a classifier was judged as something else") };
    let auc = figures.auc.unwrap();
    assert_eq!(auc.value, roc_auc(&scores, &truth).unwrap());
    assert!(auc.low <= auc.value && auc.value <= auc.high && auc.low < auc.high);
    let half = &figures.thresholds[0];
    let called = scores.iter().filter(|score| **score >= 0.0).count();
    assert_eq!(half.threshold, 0.5);
    assert_eq!(half.counts.true_positives + half.counts.false_positives, called);
    assert_eq!(figures.thresholds.len(), 2);

    let alone = judged(&model, &mut network, &cohort, &Options { youden: true, ..options(Split::Train, 1) });
    assert_eq!(alone, found, "the batch size changed a figure");
    let other = Options { bootstrap: Bootstrap { resamples: 100, seed: 2 }, ..options(Split::Train, 5) };
    assert_ne!(judged(&model, &mut network, &cohort, &other).scores, alone.scores, "the seed is used");
}

#[test]
fn each_of_several_findings_is_judged_as_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let arch = Architecture::DenseNet121;
    let graph = arch.graph(&Variant { width: 0.0625, classes: 3, ..arch.usual_variant() });
    let path = folder.path().join("findings.safetensors");
    Weights::initialize(&graph, 7).save(&path).unwrap();
    let card = |more: &str| {
        let names = r#""classes": ["Pneumonia", "nodule", "pneumothorax"]"#;
        let json = format!(r#"{{"architecture": "{arch}", "input_size": [{SIDE}, {SIDE}], {names}{more}}}"#);
        std::fs::write(path.with_extension("json"), json).unwrap();
        Model::open(&path, None).unwrap()
    };
    let findings = vec![Task::PNEUMOTHORAX, Task::PNEUMONIA];
    let options_of = |findings| CohortOptions { findings, phantom_size_px: SIDE, ..CohortOptions::default() };
    let spec = CohortSpec::Phantom { seed: 11, count: 60 };
    let cohort = Cohort::open(&spec, &options_of(findings), &()).unwrap();
    let model = card(r#", "output": "sigmoid", "temperature": 4.0"#);
    let executor = CpuExecutor::new(model.graph.clone(), &model.weights, CpuOptions::default()).unwrap();
    let mut by_hand = [(); 2].map(|()| (Vec::new(), Vec::new()));
    for case in cohort.in_split(Split::Train) {
        let input = model_input(&cohort.radiograph(case).unwrap(), &model).unwrap();
        let logits = executor.run(&Pass::logits(&input)).unwrap().logits;
        for ((scores, truth), (label, class)) in by_hand.iter_mut().zip(case.labels.iter().zip([2, 0])) {
            scores.push(f64::from(logits[class]));
            truth.push(label.known().unwrap());
        }
    }
    let asked = Options { youden: true, ..options(Split::Train, 5) };
    let found = judged(&model, &mut kernels(&model), &cohort, &asked);
    let Scores::Findings(figures) = &found.scores else { panic!("judged as something else") };
    let areas: Vec<f64> = by_hand.iter().map(|(scores, truth)| roc_auc(scores, truth).unwrap()).collect();
    for ((one, area), class) in figures.findings.iter().zip(&areas).zip([2, 0]) {
        assert_eq!((one.class, one.scores.auc.unwrap().value), (class, *area));
        assert_eq!((one.cases, one.scores.thresholds.len()), (found.cases, 2));
    }
    let mean = figures.mean_auc.unwrap();
    assert_eq!((mean.value, figures.in_mean), (f64::midpoint(areas[0], areas[1]), 2));
    assert!(mean.low <= mean.value && mean.value <= mean.high);
    // A temperature moves the probability of a threshold, and no call at it.
    let plain = card(r#", "output": "sigmoid""#);
    let bare = judged(&plain, &mut kernels(&plain), &cohort, &asked);
    let Scores::Findings(bare) = &bare.scores else { panic!("judged as something else") };
    for (one, other) in figures.findings.iter().zip(&bare.findings) {
        let (own, bare) = (&one.scores.thresholds[1], &other.scores.thresholds[1]);
        let log_odds = |probability: f64| (probability / (1.0 - probability)).ln();
        assert!((log_odds(own.threshold) * 4.0 - log_odds(bare.threshold)).abs() < 1e-9);
        assert_eq!(own.counts, bare.counts);
    }
    // What the model does not know is named.
    let mut renamed = card(r#", "output": "sigmoid""#);
    renamed.card.classes[2] = "mass".to_owned();
    let error = evaluate(&renamed, &mut kernels(&renamed), &cohort, &asked, &Silent).unwrap_err().to_string();
    assert!(error.contains("no class of the model is called pneumothorax; it has Pneumonia, nodule, mass"), "{error}");
}

#[test]
fn networks_that_localize_are_judged_alike_by_both_executors() {
    let folder = tempfile::tempdir().unwrap();
    for (arch, task) in [(Architecture::UNet, Task::PNEUMOTHORAX), (Architecture::RetinaNet, Task::PNEUMONIA)] {
        let model = model(folder.path(), arch, "");
        let cohort = cohort(20, task);
        let found = judged(&model, &mut kernels(&model), &cohort, &options(Split::Train, 3));
        assert_eq!(judged(&model, &mut kernels(&model), &cohort, &options(Split::Train, 1)), found);
        let mut candle = on_processor(&model, ExecutorChoice::Candle);
        let other = judged(&model, &mut candle, &cohort, &options(Split::Train, 2));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3, "{a} and {b}");
        match (&found.scores, &other.scores) {
            (Scores::Segmentation(a), Scores::Segmentation(b)) => {
                near(a.dice_of_positives.unwrap().mean.value, b.dice_of_positives.unwrap().mean.value);
                near(a.pixel_auprc.unwrap().mean.value, b.pixel_auprc.unwrap().mean.value);
                assert_eq!(a.dice_of_all.unwrap().cases, found.cases);
                assert_eq!(a.dice_of_positives.unwrap().cases, found.positives);
            }
            (Scores::Detection(a), Scores::Detection(b)) => {
                near(a.map.unwrap().value, b.map.unwrap().value);
                near(a.pixel_auprc.unwrap().mean.value, b.pixel_auprc.unwrap().mean.value);
            }
            other => panic!("judged as {other:?}"),
        }
    }
}

/// Outputs that say exactly what is true.
#[test]
fn a_perfect_network_scores_perfectly() {
    let folder = tempfile::tempdir().unwrap();
    let mut pixels = vec![false; SIDE * SIDE];
    pixels[70 * SIDE..75 * SIDE].fill(true);
    let mask = Mask::new(SIDE, SIDE, pixels.clone());
    let truth = |boxes| CaseTruth { positive: true, mask: Some(mask.clone()), boxes };

    let u_net = model(folder.path(), Architecture::UNet, "");
    let judge = Judge::new(&u_net.card, &u_net.graph).unwrap();
    let logits = pixels.iter().map(|set| if *set { 3.0 } else { -3.0 }).collect();
    let outcome = judge.outcome(&[Batch::new([1, 1, SIDE, SIDE], logits)], 0, &truth(Vec::new())).unwrap();
    let CaseOutcome::Segmented { dice, pixels: Some(areas), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((*dice, areas.trapezoid, areas.average_precision), (1.0, 1.0, 1.0));
    assert_eq!(validation_score(&[outcome]), Ok(1.0));

    let retina = model(folder.path(), Architecture::RetinaNet, r#", "detector": {"anchor_base_px": 8}"#);
    let judge = Judge::new(&retina.card, &retina.graph).unwrap();
    let bounds = EdgeBox { left_px: 0.0, top_px: 70.0, right_px: SIDE as f32, bottom_px: 75.0 };
    let extents = retina.graph.extents(SIDE, SIDE).unwrap();
    let grids: Vec<[usize; 2]> = retina.graph.outputs()[..5].iter().map(|id| extents[id.index()]).collect();
    let anchors = Anchors::new([SIDE; 2], &grids, 8.0);
    let matches = match_anchors(&anchors, &[TrueBox { bounds, class: 0 }]);
    let mut outputs: Vec<Batch> = [9, 36]
        .into_iter()
        .flat_map(|channels| grids.iter().map(move |[h, w]| Batch::zeros([1, channels, *h, *w])))
        .collect();
    let mut first = 0;
    for (level, [rows, columns]) in grids.iter().enumerate() {
        outputs[level].values_mut().fill(-20.0);
        for (position, anchor) in anchors.levels()[level].iter().enumerate() {
            if let Match::Box(_) = matches[first + position] {
                let (pixel, number) = (position / 9, position % 9);
                outputs[level].values_mut()[number * rows * columns + pixel] = 5.0;
                for (coordinate, offset) in encode(&bounds, anchor).into_iter().enumerate() {
                    outputs[5 + level].values_mut()[(number * 4 + coordinate) * rows * columns + pixel] = offset;
                }
            }
        }
        first += anchors.levels()[level].len();
    }
    let outcome = judge.outcome(&outputs, 0, &truth(vec![bounds])).unwrap();
    let CaseOutcome::Detected { matches, pixels: Some(areas), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(matches.detections.len(), 1, "equal boxes suppress each other");
    assert_eq!((areas.trapezoid, areas.average_precision), (1.0, 1.0));
    assert_eq!(validation_score(&[outcome]), Ok(1.0));
    let missed = judge.outcome(&outputs, 0, &truth(vec![EdgeBox { bottom_px: 100.0, ..bounds }])).unwrap();
    assert_eq!(validation_score(&[missed]), Ok(0.0));

    outputs[7].values_mut()[0] = f32::NAN;
    assert!(matches!(judge.outcome(&outputs, 0, &truth(vec![bounds])), Err(Error::NotANumber)));
    assert!(validation_score(&[]).is_err());
}

#[test]
fn boxes_and_masks_are_brought_to_the_models_input() {
    let folder = tempfile::tempdir().unwrap();
    let cohort = cohort(20, Task::PNEUMONIA);
    let retina = model(folder.path(), Architecture::RetinaNet, "");
    let mut small = retina.card.clone();
    small.input_size = [SIDE / 2, SIDE / 4];
    for case in cohort.cases() {
        let own = case_truth(&cohort, case, &retina.card).unwrap();
        let reduced = case_truth(&cohort, case, &small).unwrap();
        assert_eq!(own.boxes.len(), reduced.boxes.len());
        assert_eq!(own.positive, !own.boxes.is_empty());
        for (own, reduced) in own.boxes.iter().zip(&reduced.boxes) {
            assert!((own.right_px / 4.0 - reduced.right_px).abs() < 1e-4);
            assert!((own.top_px / 2.0 - reduced.top_px).abs() < 1e-4);
        }
        assert_eq!(reduced.mask.unwrap().height_px(), SIDE / 2);
    }
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let retina = model(folder.path(), Architecture::RetinaNet, "");
    let masks = cohort(20, Task::PNEUMOTHORAX);
    let refused = |model: &Model, network: &mut Forward, cohort: &Cohort, options: &Options| {
        evaluate(model, network, cohort, options, &Silent).unwrap_err()
    };
    let error = refused(&retina, &mut kernels(&retina), &masks, &options(Split::Train, 2));
    assert!(matches!(error, Error::NoBoxes), "{error}");

    let mut dense = model(folder.path(), Architecture::DenseNet121, "");
    let tiny = cohort(1, Task::PNEUMOTHORAX);
    let split = Split::ALL.into_iter().find(|split| tiny.in_split(*split).count() == 0).unwrap();
    let error = refused(&dense, &mut kernels(&dense), &tiny, &options(split, 2));
    assert_eq!(error.to_string(), format!("the {split} split has no labelled case that can be read"));
    dense.card.positive_class = None;
    let error = refused(&dense, &mut kernels(&dense), &masks, &options(Split::Train, 2));
    assert!(matches!(error, Error::NoPositiveClass), "{error}");
}

#[test]
fn images_that_cannot_be_read_are_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let dense = model(folder.path(), Architecture::DenseNet121, "");
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let mut labels = "image,label,split\n".to_owned();
    for index in 0..6_u8 {
        let name = images.join(format!("image{index}.png"));
        let pixels: Vec<u8> = (0..64 * 64).map(|pixel: usize| (pixel % 64) as u8 * 3 + index * 9).collect();
        image::save_buffer(&name, &pixels, 64, 64, image::ExtendedColorType::L8).unwrap();
        writeln!(labels, "image{index},{},test", index % 2).unwrap();
    }
    // A whole header, and not much more.
    let cut = images.join("image3.png");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(images.join("labels.csv"), labels).unwrap();
    let spec = CohortSpec::Folder(images);
    let cohort = Cohort::open(&spec, &CohortOptions::default(), &()).unwrap();
    let found = judged(&dense, &mut kernels(&dense), &cohort, &options(Split::Test, 2));
    assert_eq!((found.cases, found.positives), (5, 2));
    let [left_out] = &found.unusable[..] else { panic!("{:?}", found.unusable) };
    assert_eq!(left_out.cases, 1);
    assert!(!left_out.reason.contains("image3"), "a file is named: {}", left_out.reason);
}
