//! Times the structural similarity of two seeded maps of 320x320 at both data ranges of the study, and prints the median
//! in milliseconds and the values; `similarity.py` runs it beside scikit-image.

use std::hint::black_box;
use std::time::Instant;

use saliscope::metrics::{structural_similarities, structural_similarity};

const SIDE: usize = 320;
const ROUNDS: usize = 201;

fn map(seed: u32) -> Vec<f32> {
    let value = |pixel: usize| {
        let mixed = (pixel as u32 + seed * 7919).wrapping_mul(2_654_435_761);
        (mixed >> 8) as f32 / (1 << 24) as f32
    };
    (0..SIDE * SIDE).map(value).collect()
}

fn median_ms(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn main() {
    let (a, b) = (map(1), map(2));
    let size = [SIDE, SIDE];
    let one = median_ms(|| {
        let _ = black_box(structural_similarity(black_box(&a), black_box(&b), size, 1.0));
    });
    let both = median_ms(|| {
        let _ = black_box(structural_similarities(black_box(&a), black_box(&b), size, [1.0, 2.0]));
    });
    let value = structural_similarity(&a, &b, size, 1.0).unwrap_or(f64::NAN);
    #[allow(clippy::print_stdout, reason = "the result is for the script")]
    {
        println!(r#"{{"one_range_ms": {one}, "two_ranges_ms": {both}, "value": {value}}}"#);
    }
}
