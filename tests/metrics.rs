//! Metrics against scikit-learn and pycocotools; fixtures by `tests/reference/metrics.py` and `calibration.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]

mod common;

use std::path::Path;

use common::formula::unit_values;
use safetensors::{Dtype, SafeTensors};
use saliscope::detection::{Detection, EdgeBox};
use saliscope::metrics::{
    COCO_THRESHOLDS, DetectionCurve, Error, ImageMatches, Interpolation, OperatingCurve, average_precision,
    brier_score, calibration_bins, calibration_in_the_large, calibration_line, dice, expected_calibration_error,
    operating_point, precision_recall, roc_auc, youden_threshold,
};

fn fixture(key: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor(key).unwrap();
    match view.dtype() {
        Dtype::F64 => view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect(),
        _ => view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word).into()).collect(),
    }
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-12, "{what}: {found} instead of {expected}");
}

#[test]
fn calibration_and_thresholds_are_scikit_learns() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/calibration.json");
    let fixture: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for name in ["right", "too_sure", "few_levels", "borders", "few"] {
        let expected = &fixture[name];
        let numbers = |key: &str| serde_json::from_value::<Vec<f64>>(expected[key].clone()).unwrap();
        let all_near = |found: &[f64], key: &str| {
            assert_eq!(found.len(), numbers(key).len(), "{name} {key}");
            found
                .iter()
                .zip(numbers(key))
                .for_each(|(found, expected)| near(*found, expected, &format!("{name} {key}")));
        };
        let log_odds = numbers("log_odds");
        let truth: Vec<bool> = serde_json::from_value(expected["truth"].clone()).unwrap();
        // Those of NumPy: on the border of a bin the last digit of an exponential decides.
        let probabilities = numbers("probabilities");
        let is = |found: f64, key: &str| near(found, expected[key].as_f64().unwrap(), &format!("{name} {key}"));
        is(brier_score(&probabilities, &truth).unwrap(), "brier_score");
        is(expected_calibration_error(&probabilities, &truth).unwrap(), "expected_calibration_error");
        is(calibration_in_the_large(&log_odds, &truth).unwrap(), "in_the_large");
        all_near(&calibration_line(&log_odds, &truth).unwrap(), "line");
        let bins = calibration_bins(&probabilities, &truth).unwrap();
        all_near(&bins.iter().map(|bin| bin.cases as f64).collect::<Vec<_>>(), "cases");
        all_near(&bins.iter().filter_map(|bin| bin.observed).collect::<Vec<_>>(), "observed");
        all_near(&bins.iter().filter_map(|bin| bin.mean_probability).collect::<Vec<_>>(), "mean_probability");

        let curve = OperatingCurve::new(&log_odds, &truth).unwrap();
        let part = |points: &[[f64; 2]], axis: usize| points.iter().map(|point| point[axis]).collect::<Vec<_>>();
        let characteristic = curve.receiver_operating_characteristic();
        all_near(&part(&characteristic, 0), "false_positive_rate");
        all_near(&part(&characteristic, 1), "sensitivity");
        all_near(&curve.thresholds[1..], "thresholds");
        all_near(&part(&curve.precision_recall(), 0), "recall");
        all_near(&part(&curve.precision_recall(), 1), "precision");
        let shares = serde_json::from_value::<Vec<f64>>(fixture["shares"].clone()).unwrap();
        for (index, share) in shares.into_iter().enumerate() {
            near(curve.threshold_for_sensitivity(share), numbers("by_sensitivity")[index], name);
            let found = curve.threshold_for_specificity(share);
            assert_eq!(found.ok(), expected["by_specificity"][index].as_f64(), "{name} {share}");
        }
    }
}

#[test]
fn curves_are_scikit_learns() {
    for (name, count, levels) in [("fine", 300, 0.0), ("tied", 300, 7.0), ("two", 41, 2.0), ("constant", 50, 1.0)] {
        let mut scores = unit_values(&format!("scores {name}"), count);
        if levels > 0.0 {
            for score in &mut scores {
                *score = (*score * levels).floor();
            }
        }
        let highest = scores.iter().copied().fold(0.0, f64::max).max(1.0);
        let highest = if levels > 0.0 { highest } else { 1.0 };
        let noise = unit_values(&format!("truth {name}"), count);
        let truth: Vec<bool> =
            noise.iter().zip(&scores).map(|(noise, score)| 0.6 * noise + 0.4 * (score / highest) > 0.55).collect();
        let expected = fixture(name);
        assert_eq!(truth.iter().filter(|truth| **truth).count(), expected[6] as usize, "{name}: another truth");

        near(roc_auc(&scores, &truth).unwrap(), expected[0], name);
        let curve = precision_recall(&scores, &truth).unwrap();
        near(curve.trapezoid_area(), expected[1], name);
        near(curve.average_precision(), expected[2], name);
        let threshold = youden_threshold(&scores, &truth).unwrap();
        near(threshold, expected[3], name);
        let point = operating_point(&scores, &truth, threshold).unwrap();
        near(point.sensitivity().unwrap(), expected[4], name);
        near(point.specificity().unwrap(), expected[5], name);
        if name == "constant" {
            near(curve.trapezoid_area(), f64::midpoint(1.0, curve.prevalence), name);
            near(curve.average_precision(), curve.prevalence, name);
        }
        // Order does not matter, nor does the sign of zero.
        let reversed: Vec<f64> = scores.iter().rev().map(|score| if *score == 0.0 { -0.0 } else { *score }).collect();
        let truth_reversed: Vec<bool> = truth.iter().rev().copied().collect();
        near(roc_auc(&reversed, &truth_reversed).unwrap(), expected[0], name);
        let mixed: Vec<f64> =
            scores.iter().enumerate().map(|(i, s)| if i % 2 == 0 && *s == 0.0 { -0.0 } else { *s }).collect();
        near(roc_auc(&mixed, &truth).unwrap(), expected[0], name);
    }
}

#[test]
fn perfect_inverted_and_infinite_scores() {
    let truth = [true, false, true, false];
    for (scores, auc) in [([3.0_f32, 1.0, 4.0, 2.0], 1.0), ([1.0, 3.0, 2.0, 4.0], 0.0)] {
        assert_eq!(roc_auc(&scores, &truth).unwrap(), auc);
    }
    let endless = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, 0.0];
    assert_eq!(roc_auc(&endless, &truth).unwrap(), 1.0);
    assert_eq!(precision_recall(&endless, &truth).unwrap().average_precision(), 1.0);
}

#[test]
fn what_is_not_defined_is_an_error() {
    let scores = [0.1, 0.2];
    assert_eq!(roc_auc(&scores, &[true, true]), Err(Error::OneClass { missing: "negative" }));
    assert_eq!(roc_auc(&scores, &[false, false]), Err(Error::OneClass { missing: "positive" }));
    assert_eq!(precision_recall(&scores, &[false, false]), Err(Error::OneClass { missing: "positive" }));
    assert_eq!(precision_recall(&scores, &[true, true]).unwrap().trapezoid_area(), 1.0);
    assert_eq!(youden_threshold(&scores, &[true, true]), Err(Error::OneClass { missing: "negative" }));
    assert_eq!(roc_auc(&scores, &[true]), Err(Error::Lengths { scores: 2, truth: 1 }));
    assert_eq!(roc_auc(&[0.1, f64::NAN], &[true, false]), Err(Error::NotANumber));
    assert_eq!(operating_point(&[f32::NAN], &[true], 0.5), Err(Error::NotANumber));
    let nobody: [f64; 0] = [];
    assert!(roc_auc(&nobody, &[]).is_err() && precision_recall(&nobody, &[]).is_err());
    let point = operating_point(&scores, &[true, true], 0.15).unwrap();
    assert_eq!((point.sensitivity(), point.specificity()), (Some(0.5), None));
}

#[test]
fn dice_counts_pixels() {
    assert_eq!(dice(&[true, true, false, false], &[false, true, true, false]), 0.5);
    assert_eq!(dice(&[false; 3], &[false; 3]), 1.0);
    assert_eq!(dice(&[true; 3], &[false; 3]), 0.0);
}

/// With `distinct`, no two scores are equal.
fn images(distinct: bool) -> Vec<ImageMatches> {
    let edges = |row: &[f64]| EdgeBox {
        left_px: row[1] as f32,
        top_px: row[2] as f32,
        right_px: row[3] as f32,
        bottom_px: row[4] as f32,
    };
    let (truths, detections) = (fixture("boxes"), fixture("detections"));
    (0..25)
        .map(|image| {
            let here = |row: &&[f64]| row[0] as usize == image;
            let truths: Vec<EdgeBox> = truths.chunks_exact(5).filter(here).map(edges).collect();
            let found: Vec<Detection> = detections
                .chunks_exact(6)
                .filter(here)
                .enumerate()
                .map(|(number, row)| {
                    let less = if distinct { 1e-5 * (20 * image + number) as f64 } else { 0.0 };
                    Detection { bounds: edges(row), class: 0, score: (row[5] - less) as f32 }
                })
                .collect();
            ImageMatches::new(&found, &truths)
        })
        .collect()
}

#[test]
fn average_precision_of_boxes_is_cocos() {
    let images = images(false);
    let expected = fixture("coco");
    for (threshold, expected) in expected.iter().enumerate() {
        let found = average_precision(&images, threshold, Interpolation::Points101).unwrap();
        near(found, *expected, &format!("overlap {}", COCO_THRESHOLDS[threshold]));
    }
    let all: Vec<usize> = (0..images.len()).collect();
    let curve = DetectionCurve::new(&images);
    near(curve.mean_average_precision(&all).unwrap(), expected.iter().sum::<f64>() / 10.0, "mean");
    near(average_precision(&images, 0, Interpolation::AllPoints).unwrap(), fixture("ap50_all_points")[0], "all points");
}

#[test]
fn a_resample_of_images_is_as_good_as_the_images_themselves() {
    let images = images(true);
    let drawn = [3, 3, 3, 8, 0, 12, 12, 20];
    let copies: Vec<ImageMatches> = {
        let mut sorted = drawn;
        sorted.sort_unstable();
        sorted.iter().map(|index| images[*index].clone()).collect()
    };
    let curve = DetectionCurve::new(&images);
    for interpolation in [Interpolation::Points101, Interpolation::AllPoints] {
        let found = curve.average_precision(&drawn, 2, interpolation);
        let expected = average_precision(&copies, 2, interpolation);
        near(found.unwrap(), expected.unwrap(), "resample");
    }
    let empty: Vec<usize> = (0..images.len()).filter(|index| images[*index].truths == 0).collect();
    assert!(!empty.is_empty());
    assert_eq!(curve.average_precision(&empty, 0, Interpolation::AllPoints), None);
}
