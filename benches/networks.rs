//! Passes of the processor's executor at full width, 320x320x3, one image and eight.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use saliscope::network::{
    Architecture, Batch, CpuExecutor, CpuOptions, Executor, Graph, Isa, Pass, Target, Variant, Weights,
};

fn images(count: usize) -> Batch {
    let waves = (0..count * 3 * 320 * 320).map(|index| (index as f32 * 0.013).sin()).collect();
    Batch::new([count, 3, 320, 320], waves)
}

fn passes(criterion: &mut Criterion) {
    let graphs: [(&str, Graph); 2] = [
        ("inception_v3", Architecture::InceptionV3.graph(&Variant::default())),
        ("densenet_121", Architecture::DenseNet121.graph(&Variant::default())),
    ];
    for (name, graph) in graphs {
        let weights = Weights::initialize(&graph, 0);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for isa in Isa::available() {
            let options = CpuOptions { isa: Some(isa), ..CpuOptions::default() };
            let Ok(executor) = CpuExecutor::new(graph.clone(), &weights, options) else { continue };
            for count in [1, 8] {
                // The portable kernels serve other machines; one figure of them is enough.
                if isa == Isa::Portable && count > 1 {
                    continue;
                }
                let input = images(count);
                let forward = Pass::logits(&input);
                let gradient = Pass { target: Target::Class(0), gradient: true, ..forward };
                group.bench_function(format!("{isa}, forward, batch {count}"), |bencher| {
                    bencher.iter(|| executor.run(black_box(&forward)));
                });
                group.bench_function(format!("{isa}, gradient, batch {count}"), |bencher| {
                    bencher.iter(|| executor.run(black_box(&gradient)));
                });
            }
        }
        group.finish();
    }
}

/// Single layers, each with the multiply-adds that decide its share of a network.
fn layers(criterion: &mut Criterion) {
    use saliscope::network::{Conv2d, GraphBuilder};
    let mut group = criterion.benchmark_group("layers, forward and gradient, batch 4");
    group.sample_size(20);
    for (name, channels, out_channels, kernel, stride, size) in [
        ("1x1 768 to 192 at 18", 768, 192, [1, 1], 1, 18),
        ("3x3 96 to 96 at 37", 96, 96, [3, 3], 1, 37),
        ("5x5 48 to 64 at 37", 48, 64, [5, 5], 1, 37),
        ("1x7 160 to 160 at 18", 160, 160, [1, 7], 1, 18),
        ("7x1 160 to 160 at 18", 160, 160, [7, 1], 1, 18),
        ("3x3/2 288 to 384 at 37", 288, 384, [3, 3], 2, 37),
    ] {
        let (mut builder, image) = GraphBuilder::new(channels, "stem");
        let padding = kernel.map(|taps: usize| taps / 2);
        let conv = Conv2d::new(out_channels, kernel).stride([stride; 2]).padding(padding);
        let features = builder.conv("conv", image, conv);
        let pooled = builder.global_avg_pool("pool", features);
        builder.linear("fc", pooled, 2);
        let graph = builder.finish("layer", features, 1);
        let weights = Weights::initialize(&graph, 0);
        let Ok(executor) = CpuExecutor::new(graph, &weights, CpuOptions::default()) else { continue };
        let values = (0..4 * channels * size * size).map(|index| (index as f32 * 0.013).sin()).collect();
        let input = Batch::new([4, channels, size, size], values);
        let pass = Pass { target: Target::Class(0), gradient: true, ..Pass::logits(&input) };
        group.bench_function(name, |bencher| bencher.iter(|| executor.run(black_box(&pass))));
    }
    group.finish();
}

criterion_group!(benches, passes, layers);
criterion_main!(benches);
