//! Structural similarity and rank correlation beside scikit-image and `SciPy` (`tests/reference/similarity.py`).

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the networks")]
#[path = "common/formula.rs"]
mod formula;

use std::path::Path;

use formula::unit_values;
use safetensors::SafeTensors;
use saliscope::metrics::{Error, spearman, structural_similarities, structural_similarity};

const SIZES: [[usize; 2]; 5] = [[7, 7], [7, 20], [12, 12], [33, 50], [320, 320]];
const KINDS: [&str; 7] = ["noise", "spots", "blocks", "mask", "signed", "blank", "flat"];

/// Two maps of one kind; keep in step with the script.
fn maps(kind: &str, [height, width]: [usize; 2]) -> [Vec<f32>; 2] {
    ["a", "b"].map(|which| {
        let first = which == "a";
        let tilt = if first { 0.25 } else { -0.5 };
        let noise = unit_values(&format!("{kind} {which}"), height * width);
        let value = |(pixel, noise): (usize, &f64)| {
            let (row, column) = ((pixel / width) as f64, (pixel % width) as f64);
            let wave = (((row + tilt * column).rem_euclid(16.0) - 4.0) / 8.0).clamp(0.0, 1.0);
            let value = match kind {
                "spots" => wave * (0.75 + 0.25 * noise),
                "blocks" => (wave * 4.0).floor() / 4.0,
                "mask" => f64::from(u8::from(*noise < 0.005)),
                "signed" => 2.0 * noise * wave - wave,
                "blank" if first => 0.0,
                "noise" | "blank" => *noise,
                _ if first => 0.5,
                _ => 0.75,
            };
            value as f32
        };
        noise.iter().enumerate().map(value).collect()
    })
}

fn expected(key: &str) -> [f64; 3] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/similarity.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let words = tensors.tensor(key).unwrap().data().as_chunks::<8>().0.to_vec();
    <[f64; 3]>::try_from(words.into_iter().map(f64::from_le_bytes).collect::<Vec<_>>()).unwrap()
}

#[test]
fn similarity_and_correlation_are_those_of_scikit_image_and_scipy() {
    for size in SIZES {
        for kind in KINDS {
            let key = format!("{kind} {}x{}", size[0], size[1]);
            let [one, two, rank] = expected(&key);
            let [a, b] = maps(kind, size);
            let found = structural_similarities(&a, &b, size, [1.0, 2.0]).unwrap();
            assert!((found[0] - one).abs() < 1e-12 && (found[1] - two).abs() < 1e-12, "{key}: {found:?}, {one} {two}");
            let [wide_a, wide_b] = [&a, &b].map(|map| map.iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
            assert_eq!(structural_similarity(&wide_a, &wide_b, size, 2.0).unwrap().to_bits(), found[1].to_bits());
            match spearman(&a, &b) {
                Ok(found) => assert!((found - rank).abs() < 1e-12, "{key}: {found} instead of {rank}"),
                Err(error) => assert!(error == Error::NoVariation && rank.is_nan(), "{key}: {error}"),
            }
        }
    }
}
