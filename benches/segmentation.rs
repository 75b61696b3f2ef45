//! XRAI's segmentation and merge on a procedural radiograph of 320x320x3.

use std::f32::consts::TAU;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use saliscope::saliency::xrai::{self, MergeRule, Parameters};

const SIZE: usize = 320;

/// A value from 0 to 1 that looks random and depends on the pixel alone.
fn noise(pixel: usize) -> f32 {
    let mixed = (pixel as u32).wrapping_mul(0x9E37_79B9) ^ 0x5BD1_E995;
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x2C1B_3C6D);
    (mixed ^ mixed >> 12) as f32 / u32::MAX as f32
}

/// Two dark lungs with ribs beside a bright mediastinum, and grain.
fn radiograph(pixel: usize) -> f32 {
    let (y, x) = ((pixel / SIZE) as f32 / SIZE as f32, (pixel % SIZE) as f32 / SIZE as f32);
    let lung = |centre: f32| 1.0 / (1.0 + (40.0 * ((x - centre).hypot((y - 0.45) / 1.6) - 0.22)).exp());
    let ribs = 0.1 * (TAU * 9.0 * y + 5.0 * x).sin();
    0.8 * (-(x - 0.52).powi(2) / 0.02).exp() - (0.5 - ribs) * (lung(0.29) + lung(0.72)) + 0.04 * noise(pixel)
}

fn segmentation(criterion: &mut Criterion) {
    let image: Vec<f32> = (0..SIZE * SIZE).map(radiograph).collect::<Vec<_>>().repeat(3);
    let coloured: Vec<f32> = (0..3 * SIZE * SIZE).map(|index| image[index] + 0.1 * noise(index)).collect();
    let attribution: Vec<f32> = (0..SIZE * SIZE)
        .map(|pixel| (pixel as f32 / 4000.0).sin() * ((pixel % SIZE) as f32 / 30.0).cos() + noise(pixel))
        .collect();
    let full = Parameters::default();
    let fast = Parameters { merge: MergeRule::Fast, ..Parameters::default() };
    let shape = [3, SIZE, SIZE];
    let Ok(segmentation) = xrai::segment(&image, shape, &full) else { return };

    let mut group = criterion.benchmark_group("xrai 320x320x3");
    group.bench_function("segment, equal channels", |bencher| {
        bencher.iter(|| xrai::segment(black_box(&image), shape, &full));
    });
    group.bench_function("segment, different channels", |bencher| {
        bencher.iter(|| xrai::segment(black_box(&coloured), shape, &full));
    });
    group.bench_function("merge, full", |bencher| {
        bencher.iter(|| xrai::merge(black_box(&attribution), &segmentation, &full));
    });
    group.bench_function("merge, fast", |bencher| {
        bencher.iter(|| xrai::merge(black_box(&attribution), &segmentation, &fast));
    });
    group.finish();
}

criterion_group!(benches, segmentation);
criterion_main!(benches);
