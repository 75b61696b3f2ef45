//! Judging maps against scikit-learn and scikit-image; fixture by `tests/reference/localization.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::float_cmp, reason = "whole numbers compare exactly")]

use std::path::Path;

use saliscope::metrics::{above, iou, map_areas, otsu_threshold, sobel};
use serde_json::Value;

/// The fixture's formula: numbers in [0, 1), exact in single precision.
fn unit(count: usize, seed: u64) -> Vec<f64> {
    let value = |pixel: u64| {
        let mut mixed = (pixel + seed * 7919).wrapping_mul(2_654_435_761) & 0xffff_ffff;
        mixed ^= mixed >> 15;
        mixed = mixed.wrapping_mul(2_246_822_519) & 0xffff_ffff;
        (mixed >> 8) as f64 / f64::from(1 << 24)
    };
    (0..count as u64).map(value).collect()
}

fn case(name: &str, height: usize, width: usize, seed: u64, levels: f64) -> (Vec<f32>, Vec<bool>) {
    let count = height * width;
    let (noise, flips) = (unit(count, seed), unit(count, seed + 50));
    let one = |pixel: usize| {
        let (row, column) = (pixel / width, pixel % width);
        let inside = row.abs_diff(height / 3) < height / 8 && column.abs_diff(width / 2) < width / 6;
        let mut score = if inside { 0.5 + noise[pixel] / 2.0 } else { noise[pixel] };
        if levels > 0.0 {
            score = (score * levels).floor() / 8.0;
        }
        if name == "sparse" && noise[pixel] < 0.9 {
            score = 0.0;
        }
        if name == "signed" {
            score -= 0.5;
        }
        (score as f32, inside != (flips[pixel] < 0.01))
    };
    (0..count).map(one).unzip()
}

#[test]
fn maps_are_judged_as_scikit_learn_and_scikit_image_judge_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/localization.json");
    let expected: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = [
        ("fine", 40, 50, 1, 0.0),
        ("large", 320, 320, 2, 0.0),
        ("tied", 64, 64, 3, 9.0),
        ("two", 20, 30, 4, 2.0),
        ("sparse", 100, 80, 5, 0.0),
        ("signed", 60, 60, 6, 0.0),
    ];
    assert_eq!(expected.as_object().unwrap().len(), cases.len());
    for (name, height, width, seed, levels) in cases {
        let (scores, truth) = case(name, height, width, seed, levels);
        let of = |key: &str| expected[name][key].as_f64().unwrap();
        let near = |found: f64, key: &str| {
            assert!((found - of(key)).abs() < 1e-12, "{name}, {key}: {found} instead of {}", of(key));
        };
        assert_eq!(truth.iter().filter(|marked| **marked).count() as f64, of("marked"), "{name}: another truth");
        let areas = map_areas(&scores, &truth).unwrap();
        near(areas.trapezoid, "auprc_trapezoid");
        near(areas.average_precision, "average_precision");
        near(areas.roc_auc.unwrap(), "roc_auc");
        let threshold = otsu_threshold(&scores).unwrap();
        near(threshold, "otsu");
        near(iou(&above(&scores, threshold), &truth), "iou_otsu");
        let edges = sobel(&scores, [height, width]);
        for (index, pixel) in (0..height * width).step_by(height * width / 97).enumerate() {
            let edge = expected[name]["edges"][index].as_f64().unwrap();
            assert!((f64::from(edges[pixel]) - edge).abs() < 1e-7, "{name}: edge at {pixel}");
        }
        let sum: f64 = edges.iter().map(|edge| f64::from(*edge)).sum();
        assert!((sum / of("edges_sum") - 1.0).abs() < 1e-7, "{name}: {sum}");
    }
}
