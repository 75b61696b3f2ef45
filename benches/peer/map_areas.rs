//! Times the three areas of one map of 320x320 against a mask and prints the median in milliseconds and the values;
//! `map_areas.py` runs it beside scikit-learn.

use std::hint::black_box;
use std::time::Instant;

use saliscope::metrics::map_areas;

const SIDE: usize = 320;
const ROUNDS: usize = 101;

fn unit(pixel: u64, seed: u64) -> f32 {
    let mut mixed = (pixel + seed * 7919).wrapping_mul(2_654_435_761) & 0xffff_ffff;
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(2_246_822_519) & 0xffff_ffff;
    (mixed >> 8) as f32 / (1 << 24) as f32
}

fn main() {
    let scores: Vec<f32> = (0..(SIDE * SIDE) as u64).map(|pixel| unit(pixel, 1)).collect();
    let marked = |pixel: usize| (100..160).contains(&(pixel / SIDE)) && (80..150).contains(&(pixel % SIDE));
    let truth: Vec<bool> = (0..SIDE * SIDE).map(|pixel| marked(pixel) != (unit(pixel as u64, 2) < 0.01)).collect();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let _ = black_box(map_areas(black_box(&scores), black_box(&truth)));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let Ok(areas) = map_areas(&scores, &truth) else { return };
    #[allow(clippy::print_stdout, reason = "the result is for the script")]
    {
        let (ms, auc) = (times[ROUNDS / 2], areas.roc_auc.unwrap_or(f64::NAN));
        println!(
            r#"{{"ms": {ms}, "auprc": {}, "average_precision": {}, "roc_auc": {auc}}}"#,
            areas.trapezoid, areas.average_precision
        );
    }
}
