//! Losses, anchors and the choice of boxes against PyTorch and torchvision; fixture by `tests/reference/losses.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use common::executor_checks::relative_error;
use common::formula::unit_values;
use safetensors::{Dtype, SafeTensors};
use saliscope::detection::{Anchors, EdgeBox, Match, Selection, TrueBox, match_anchors, select};
use saliscope::network::Batch;
use saliscope::training::loss::{
    BoxLoss, ClassWeights, DetectionTargets, Error, Focal, SegmentationLoss, binary_cross_entropy, detection_loss,
    findings_cross_entropy, output_gradients, segmentation_loss, softmax_cross_entropy,
};
use saliscope::training::{Answer, temperature};

const CLASSES: usize = 2;
const SIZE: [usize; 2] = [64, 75];
const GRIDS: [[usize; 2]; 5] = [[8, 10], [4, 5], [2, 3], [1, 2], [1, 1]];
const LARGE_SIZE: [usize; 2] = [97, 130];
const LARGE_GRIDS: [[usize; 2]; 5] = [[13, 17], [7, 9], [4, 5], [2, 3], [1, 2]];

struct Fixture(Vec<u8>);

impl Fixture {
    fn open() -> Self {
        Self::named("losses")
    }

    fn named(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.safetensors"));
        Self(std::fs::read(path).unwrap())
    }

    fn values(&self, key: &str) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let view = tensors.tensor(key).unwrap();
        match view.dtype() {
            Dtype::F64 => view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect(),
            _ => view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word).into()).collect(),
        }
    }
}

fn formula(name: &str, count: usize, low: f64, high: f64) -> Vec<f64> {
    unit_values(name, count).into_iter().map(|u| low + (high - low) * u).collect()
}

fn var(values: &[f64], shape: &[usize]) -> Var {
    Var::from_tensor(&Tensor::from_slice(values, shape, &Device::Cpu).unwrap()).unwrap()
}

fn scalar(tensor: &Tensor) -> f64 {
    tensor.to_scalar().unwrap()
}

fn gradient(loss: &Tensor, by: &Var) -> Vec<f64> {
    loss.backward().unwrap().get(by).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Values and shapes of a detector's outputs for two images, in the order of its graph.
fn head_outputs() -> Vec<(Vec<f64>, [usize; 4])> {
    let mut outputs = Vec::new();
    for (name, channels, low, high) in [("logits", 9 * CLASSES, -6.0, 2.0), ("offsets", 36, -1.0, 1.0)] {
        for (level, [rows, columns]) in GRIDS.into_iter().enumerate() {
            let shape = [2, channels, rows, columns];
            outputs.push((formula(&format!("{name}{level}"), shape.iter().product(), low, high), shape));
        }
    }
    let (logits, shape) = &mut outputs[0];
    for image in logits.chunks_exact_mut(shape[1..].iter().product()) {
        image[..3].copy_from_slice(&[0.0, 100.0, -100.0]);
    }
    outputs
}

fn truths() -> Vec<Vec<TrueBox>> {
    let truth = |left_px, top_px, right_px, bottom_px, class| TrueBox {
        bounds: EdgeBox { left_px, top_px, right_px, bottom_px },
        class,
    };
    let boxes = vec![
        truth(3.5, 8.25, 30.0, 41.0, 0),
        truth(20.0, 15.0, 60.5, 55.0, 1),
        truth(70.0, 1.0, 73.0, 12.0, 0),
        truth(5.0, 9.0, 31.0, 40.0, 1),
    ];
    vec![boxes, Vec::new()]
}

#[test]
fn anchors_are_torchvisions() {
    let fixture = Fixture::open();
    for (key, anchors) in
        [("anchors", Anchors::new(SIZE, &GRIDS, 12.0)), ("anchors_large", Anchors::new(LARGE_SIZE, &LARGE_GRIDS, 32.0))]
    {
        let found: Vec<f64> = anchors
            .iter()
            .flat_map(|anchor| [anchor.left_px, anchor.top_px, anchor.right_px, anchor.bottom_px].map(f64::from))
            .collect();
        assert_eq!(found, fixture.values(key));
        assert_eq!(found.len(), 4 * anchors.len());
    }
}

#[test]
fn a_box_is_learned_by_the_anchors_nearest_to_it() {
    let anchors = Anchors::new(SIZE, &GRIDS, 12.0);
    let truths = truths();
    let matches = match_anchors(&anchors, &truths[0]);
    for index in 0..3 {
        assert!(matches.contains(&Match::Box(index)), "box {index}");
    }
    // The last nearly coincides with the first, which every anchor near it overlaps more.
    assert!(!matches.contains(&Match::Box(3)));
    let small = anchors.iter().map(|anchor| anchor.iou(&truths[0][2].bounds)).fold(0.0, f32::max);
    assert!(small < 0.4, "the third box is learned only for being unmatched otherwise");
    assert!(matches.contains(&Match::Ignored));
    assert!(match_anchors(&anchors, &[]).iter().all(|found| *found == Match::Background));
    let outside = EdgeBox { left_px: -900.0, top_px: -900.0, right_px: -890.0, bottom_px: -890.0 };
    let outside = [TrueBox { bounds: outside, class: 0 }];
    assert!(match_anchors(&anchors, &outside).iter().all(|found| *found == Match::Background));
}

#[test]
fn detection_loss_and_gradients_are_torchvisions() {
    let fixture = Fixture::open();
    let anchors = Anchors::new(SIZE, &GRIDS, 12.0);
    let targets =
        DetectionTargets::new(&anchors, &truths(), CLASSES, Focal::default(), (&Device::Cpu, DType::F64)).unwrap();
    let vars: Vec<Var> = head_outputs().iter().map(|(values, shape)| var(values, shape)).collect();
    let outputs: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    for (key, box_loss) in [("l1", BoxLoss::L1), ("smooth_l1", BoxLoss::SmoothL1 { beta: 1.0 })] {
        let loss = detection_loss(&outputs, &targets, box_loss).unwrap();
        let expected = fixture.values(&format!("{key}_losses"));
        for (found, expected) in [&loss.classification, &loss.boxes].into_iter().zip(expected) {
            let error = (scalar(found) / expected - 1.0).abs();
            assert!(error < 1e-6, "{key}: error {error:.1e}"); // torchvision encodes boxes in single precision
        }
        let total = loss.total().unwrap();
        for (index, var) in vars.iter().enumerate().skip(if key == "l1" { 0 } else { 5 }) {
            let expected = fixture.values(&format!("{key}_gradient{index}"));
            let found = gradient(&total, var);
            if expected.iter().all(|slope| *slope == 0.0) {
                assert_eq!(found, expected);
            } else {
                let error = relative_error(&found, &expected);
                assert!(error < 1e-6, "{key}, output {index}: error {error:.1e}");
            }
        }
    }
    let error = detection_loss(&outputs[..9], &targets, BoxLoss::L1).unwrap_err().to_string();
    assert_eq!(error, "detection loss needs 10 outputs, got shape [9]");
    let swapped: Vec<Tensor> = outputs.iter().rev().cloned().collect();
    assert!(matches!(detection_loss(&swapped, &targets, BoxLoss::L1), Err(Error::Shape { .. })));
    let few = DetectionTargets::new(&anchors, &truths(), 1, Focal::default(), (&Device::Cpu, DType::F32));
    assert!(matches!(few, Err(Error::Class { class: 1, classes: 1, .. })));
}

#[test]
fn boxes_are_selected_as_torchvision_does() {
    let fixture = Fixture::open();
    let anchors = Anchors::new(SIZE, &GRIDS, 12.0);
    let outputs: Vec<Batch> = head_outputs()
        .into_iter()
        .map(|(values, shape)| Batch::new(shape, values.into_iter().map(|value| value as f32).collect()))
        .collect();
    let selection = Selection { per_level: 120, per_image: 40, ..Selection::default() };
    for image in 0..2 {
        let found = select(&outputs, image, &anchors, CLASSES, &selection);
        let expected = fixture.values(&format!("detections{image}"));
        assert_eq!(found.len() * 6, expected.len());
        for (found, expected) in found.iter().zip(expected.chunks_exact(6)) {
            let bounds = found.bounds;
            let edges = [bounds.left_px, bounds.top_px, bounds.right_px, bounds.bottom_px];
            for (found, expected) in edges.into_iter().zip(expected) {
                assert!((f64::from(found) - expected).abs() < 1e-4, "{found} instead of {expected}");
            }
            assert!((f64::from(found.score) - expected[4]).abs() < 1e-6);
            assert_eq!(found.class, expected[5] as usize);
        }
    }
    // Outputs that are no numbers select nothing rather than anything.
    let broken: Vec<Batch> =
        outputs.iter().map(|output| Batch::new(output.shape(), vec![f32::NAN; output.values().len()])).collect();
    assert!(select(&broken, 0, &anchors, CLASSES, &Selection::default()).is_empty());
}

#[test]
fn classification_losses_are_pytorchs() {
    let fixture = Fixture::open();
    let targets = [1, 0, 1, 1, 0, 0];
    let weights = ClassWeights::new(vec![0.5, 2.0]).unwrap();
    let mut logits = formula("logits", 12, -4.0, 4.0);
    logits[..4].copy_from_slice(&[300.0, -300.0, 0.0, 0.0]);
    let mut single = formula("single", 6, -4.0, 4.0);
    single[..2].copy_from_slice(&[-300.0, 0.0]);
    let (logits, single) = (var(&logits, &[6, 2]), var(&single, &[6, 1]));
    for (key, by, loss) in [
        ("softmax", &logits, softmax_cross_entropy(&logits, &targets, &weights).unwrap()),
        ("binary", &single, binary_cross_entropy(&single, &targets, &weights).unwrap()),
    ] {
        let error = (scalar(&loss) / fixture.values(key)[0] - 1.0).abs();
        assert!(error < 1e-14, "{key}: error {error:.1e}");
        let error = relative_error(&gradient(&loss, by), &fixture.values(&format!("{key}_gradient")));
        assert!(error < 1e-14, "gradient of {key}: error {error:.1e}");
    }
    assert!(matches!(softmax_cross_entropy(&logits, &[0; 5], &weights), Err(Error::Shape { .. })));
    assert!(matches!(softmax_cross_entropy(&logits, &[2; 6], &weights), Err(Error::Class { class: 2, .. })));
    assert!(matches!(binary_cross_entropy(&single, &[2; 6], &weights), Err(Error::Class { class: 2, .. })));
    for bad in [vec![], vec![1.0, 0.0], vec![f32::NAN, 1.0], vec![1.0, f32::INFINITY]] {
        assert!(matches!(ClassWeights::new(bad), Err(Error::Weights { .. })));
    }
}

const IMAGES: usize = 40;
const FINDINGS: usize = 3;

/// Labels of images, of which some are not known, as the script of the fixture has them.
fn labels() -> Vec<Vec<Option<bool>>> {
    let known = |u: &f64| (*u >= 0.25).then_some(*u > 0.7);
    let mut labels: Vec<Vec<Option<bool>>> = formula("labels", IMAGES * FINDINGS, 0.0, 1.0)
        .chunks(FINDINGS)
        .map(|row| row.iter().map(known).collect())
        .collect();
    labels[3] = vec![None; FINDINGS];
    labels
}

/// The class of each image.
fn classes(count: usize) -> Vec<usize> {
    formula("classes", IMAGES, 0.0, 1.0).into_iter().map(|u| (u * count as f64) as usize).collect()
}

#[test]
fn losses_of_several_findings_and_classes_are_pytorchs() {
    let fixture = Fixture::named("findings");
    let labels = labels();
    let labels: Vec<&[Option<bool>]> = labels.iter().map(Vec::as_slice).collect();
    let weights = [[0.5, 2.0], [1.5, 0.25], [1.0, 3.0]].map(|pair| ClassWeights::new(pair.to_vec()).unwrap());
    let mut logits = formula("finding logits", IMAGES * FINDINGS, -4.0, 4.0);
    logits[..3].copy_from_slice(&[300.0, -300.0, 0.0]);
    let logits = var(&logits, &[IMAGES, FINDINGS]);
    let mut scores = formula("class logits", IMAGES * 4, -4.0, 4.0);
    scores[..4].copy_from_slice(&[300.0, -300.0, 0.0, 1.0]);
    let scores = var(&scores, &[IMAGES, 4]);
    let of_classes = ClassWeights::new(vec![0.5, 2.0, 1.0, 0.75]).unwrap();
    for (key, by, loss) in [
        ("findings", &logits, findings_cross_entropy(&logits, &labels, &weights).unwrap()),
        ("classes", &scores, softmax_cross_entropy(&scores, &classes(4), &of_classes).unwrap()),
    ] {
        let error = (scalar(&loss) / fixture.values(key)[0] - 1.0).abs();
        assert!(error < 1e-14, "{key}: error {error:.1e}");
        let error = relative_error(&gradient(&loss, by), &fixture.values(&format!("{key}_gradient")));
        assert!(error < 1e-14, "gradient of {key}: error {error:.1e}");
    }
    // What nobody labelled teaches nothing, and breaks nothing.
    let unknown = vec![&[None; FINDINGS][..]; IMAGES];
    let loss = findings_cross_entropy(&logits, &unknown, &weights).unwrap();
    assert!(scalar(&loss) == 0.0 && gradient(&loss, &logits).iter().all(|value| *value == 0.0));
    // One finding whose labels are all known is the loss of one finding.
    let one: Vec<Vec<Option<bool>>> = classes(2).iter().map(|class| vec![Some(*class == 1)]).collect();
    let one: Vec<&[Option<bool>]> = one.iter().map(Vec::as_slice).collect();
    let single = var(&formula("single", IMAGES, -4.0, 4.0), &[IMAGES, 1]);
    let loss = findings_cross_entropy(&single, &one, &weights[..1]).unwrap();
    let alone = binary_cross_entropy(&single, &classes(2), &weights[0]).unwrap();
    assert_eq!(scalar(&loss).to_bits(), scalar(&alone).to_bits());
    assert!(matches!(findings_cross_entropy(&logits, &labels[1..], &weights), Err(Error::Shape { .. })));
    assert!(matches!(findings_cross_entropy(&logits, &one, &weights), Err(Error::Shape { .. })));
}

#[test]
fn temperatures_are_pytorchs() {
    let fixture = Fixture::named("findings");
    let labels = labels();
    let logits: Vec<f32> = formula("answer logits", IMAGES * FINDINGS, -6.0, 6.0)
        .iter()
        .zip(labels.iter().flatten())
        .map(|(logit, label)| (logit + if *label == Some(true) { 5.0 } else { -5.0 }) as f32)
        .collect();
    let findings: Vec<Answer> = logits
        .chunks(FINDINGS)
        .zip(&labels)
        .map(|(logits, labels)| Answer::Labels { logits: logits.to_vec(), labels: labels.clone() })
        .collect();
    let mut scores = formula("answer scores", IMAGES * 4, -9.0, 9.0);
    for (row, class) in scores.chunks_mut(4).zip(classes(4)) {
        row[class] += 6.0;
    }
    let classes: Vec<Answer> = scores
        .chunks(4)
        .zip(classes(4))
        .map(|(logits, class)| Answer::Class { logits: logits.iter().map(|value| *value as f32).collect(), class })
        .collect();
    for (key, answers) in [("temperature_findings", findings), ("temperature_classes", classes)] {
        let (found, expected) = (temperature(&answers).unwrap(), fixture.values(key)[0]);
        assert!((found / expected - 1.0).abs() < 1e-6, "{key}: {found} instead of {expected}");
    }
}

#[test]
fn balanced_weights_make_classes_equal() {
    let weights = ClassWeights::balanced(&[30, 10]);
    assert_eq!(weights.values(), [2.0 / 3.0, 2.0]);
    assert_eq!(ClassWeights::balanced(&[4, 0]).values(), [1.0, 1.0]);
}

#[test]
fn segmentation_loss_is_pytorchs() {
    let fixture = Fixture::open();
    let shape = [3, 2, 5, 7];
    let count = shape.iter().product();
    let mut logits = formula("maps", count, -5.0, 5.0);
    logits[..3].copy_from_slice(&[0.0, 200.0, -200.0]);
    let mut masks: Vec<f64> =
        formula("masks", count, 0.0, 1.0).into_iter().map(|u| f64::from(u8::from(u > 0.7))).collect();
    masks[count / 3..2 * count / 3].fill(0.0);
    let (logits, masks) = (var(&logits, &shape), Tensor::from_vec(masks, &shape, &Device::Cpu).unwrap());
    let weights = SegmentationLoss { cross_entropy: 0.75, dice: 0.5, smooth_px: 1.5 };
    let loss = segmentation_loss(&logits, &masks, &weights).unwrap();
    let error = (scalar(&loss) / fixture.values("segmentation")[0] - 1.0).abs();
    assert!(error < 1e-14, "error {error:.1e}");
    let error = relative_error(&gradient(&loss, &logits), &fixture.values("segmentation_gradient"));
    assert!(error < 1e-14, "gradient: error {error:.1e}");
    let wrong = segmentation_loss(&logits, &masks.narrow(0, 0, 2).unwrap(), &weights);
    assert!(matches!(wrong, Err(Error::Shape { .. })));
}

#[test]
fn gradients_come_back_as_batches() {
    let outputs = [Batch::new([1, 2, 1, 2], vec![1.0, -2.0, 3.0, 0.5]), Batch::zeros([1, 1, 1, 3])];
    let masks = Tensor::new(&[[[[0.0_f32, 1.0]], [[1.0, 0.0]]]], &Device::Cpu).unwrap();
    let weights = SegmentationLoss { dice: 0.0, ..SegmentationLoss::default() };
    let (value, gradients) =
        output_gradients(&outputs, |outputs| segmentation_loss(&outputs[0], &masks, &weights)).unwrap();
    let terms = [(1.0_f64, 0.0), (-2.0, 1.0), (3.0, 1.0), (0.5, 0.0)];
    let expected: f64 = terms.iter().map(|(x, t)| x.exp().ln_1p() - x * t).sum::<f64>() / 4.0;
    assert!((value - expected).abs() < 1e-6);
    for (slope, (x, t)) in gradients[0].values().iter().zip(terms) {
        assert!((f64::from(*slope) - (1.0 / (1.0 + (-x).exp()) - t) / 4.0).abs() < 1e-7);
    }
    assert_eq!(gradients[1], outputs[1], "zeros where the loss does not read");
}
