//! Random networks: single against double precision, and gradients against finite differences.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use candle_core::{DType, Device};
use common::executor_checks::{check_independence, near_double, relative_error};
use common::formula;
use common::random_graph::{RandomNetwork, networks};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use saliscope::network::{
    Batch, BatchNorm, Border, CandleExecutor, Conv2d, CpuExecutor, CpuOptions, Executor, Family, Graph, GraphBuilder,
    Isa, Nonlinearity, Pass, Pool, Target, Wanted,
};

fn candle(network: &RandomNetwork, dtype: DType) -> CandleExecutor {
    CandleExecutor::new(network.graph.clone(), &formula::weights(&network.graph), Device::Cpu, dtype).unwrap()
}

fn image(network: &RandomNetwork) -> Batch {
    formula::image("image", network.graph.input_channels(), network.height, network.width)
}

proptest! {
    // The same networks in every run: what a change breaks is the change's fault.
    #![proptest_config(ProptestConfig {
        cases: 200,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The directional derivative along a random direction equals the central difference, where nothing bends.
    #[test]
    fn gradients_of_smooth_networks_equal_finite_differences(network in networks(true)) {
        let executor = candle(&network, DType::F64);
        let image = image(&network);
        // Multiples of 2^-12, moved by multiples of 2^-14 (2^-24 and smaller steps would be lost when added in f32).
        let grid = 4096.0_f32;
        let base: Vec<f32> = image.values().iter().map(|value| (value * grid).round() / grid).collect();
        let direction: Vec<f32> =
            formula::unit_values("direction", base.len()).iter().map(|u| (u * 16.0).floor() as f32 - 8.0).collect();
        let moved = |step: f32| {
            let values = base.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            Batch::new(image.shape(), values)
        };
        let class = network.graph.classes() - 1;
        let step = 1.0 / 16384.0;
        // The last logit speaks for the last class, also where it is the only one.
        let logit = |input: &Batch| *executor.run_f64(&Pass::logits(input)).unwrap().logits.last().unwrap();
        let central = |step: f32| (logit(&moved(step)) - logit(&moved(-step))) / f64::from(2.0 * step);
        // The error of a central difference begins with the square of the step, which two steps together lack.
        let difference = (4.0 * central(step) - central(2.0 * step)) / 3.0;

        let start = moved(0.0);
        let target = Target::Class(class);
        let features = network.graph.features();
        let guided_gradient = network.graph.unguided().is_none();
        let pass = Pass { input: &start, target, gradient: true, guided_gradient, activation: Some(features) };
        let output = executor.run_f64(&pass).unwrap();
        let gradient = output.gradient.unwrap();
        let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
        let scale = gradient.iter().map(|g| g.abs()).sum::<f64>() * 8.0;
        // What is left of the difference of two logits has their rounding.
        let bound = 1e-9 * scale.max(1e-3) + 1e-11 * logit(&start).abs();
        prop_assert!((along - difference).abs() <= bound, "{along} against {difference}, {bound:e}");
        // Without a ReLU there is nothing to guide.
        prop_assert_eq!(output.guided_gradient, guided_gradient.then_some(gradient));
    }

    /// Single precision stays near double precision.
    #[test]
    fn single_precision_stays_near_double_precision(network in networks(false)) {
        let (single, double) = (candle(&network, DType::F32), candle(&network, DType::F64));
        prop_assert_eq!(near_double(&single, &double, network.height, network.width, 1e-5), Ok(()));
    }

    /// The same for the processor's kernels, in every instruction set, with and without Winograd's filtering.
    #[test]
    fn processor_kernels_stay_near_double_precision(network in networks(false), winograd: bool) {
        let double = candle(&network, DType::F64);
        for isa in Isa::available() {
            let options = CpuOptions { threads: Some(2), isa: Some(isa), winograd, ..CpuOptions::default() };
            let single = processor(&network.graph, options);
            prop_assert_eq!(near_double(&single, &double, network.height, network.width, 1e-5), Ok(()), "{}", isa);
        }
    }

    /// Members of a family, each with another tensor changed from the logits down, give the bits of executors by themselves.
    #[test]
    fn families_on_the_processor_share_without_a_trace(
        network in networks(false),
        tensors in prop::collection::vec(any::<prop::sample::Index>(), 3),
    ) {
        let graph = &network.graph;
        let options = CpuOptions { threads: Some(2), ..CpuOptions::default() };
        let mut weights = formula::weights(graph);
        let parameters = graph.parameters();
        let mut changed: Vec<usize> = tensors.iter().map(|index| index.index(parameters.len())).collect();
        changed.sort_unstable();
        let mut members = Vec::new();
        for index in changed.into_iter().rev() {
            let name = &parameters[index].name;
            let mut tensor = weights.get(name).unwrap().clone();
            tensor.values.iter_mut().for_each(|value| *value = *value * 0.75 + 0.05);
            weights.insert(name.clone(), tensor);
            members.push(weights.clone());
        }
        let mut family = Family::new(Box::new(processor(graph, options)));
        prop_assert!(family.join(&members).unwrap());
        let input = formula::images(2, graph.input_channels(), network.height, network.width);
        let guided_gradient = graph.unguided().is_none();
        let target = Target::Class(graph.classes() - 1);
        let wanted = Wanted { target, gradient: true, guided_gradient, activation: Some(graph.features()) };
        for _ in 0..2 {
            let mut found = Vec::new();
            let each = family.each(&input, |_, turn| turn.run(wanted).map(|output| found.push(output)));
            each.unwrap();
            prop_assert_eq!(&found[0], &processor(graph, options).run(&wanted.of(&input)).unwrap());
            for (weights, found) in members.iter().zip(&found[1..]) {
                let alone = CpuExecutor::new(graph.clone(), weights, options).unwrap();
                prop_assert_eq!(found, &alone.run(&wanted.of(&input)).unwrap());
            }
        }
    }

    /// Neither the batch nor the number of threads changes a bit.
    #[test]
    fn processor_kernels_give_the_same_bits_in_any_company(network in networks(false), portable: bool) {
        let isa = if portable { Isa::Portable } else { Isa::available()[0] };
        let options = |threads| CpuOptions { threads: Some(threads), isa: Some(isa), ..CpuOptions::default() };
        let executor = processor(&network.graph, options(2));
        check_independence(&executor, network.height, network.width);
        let input = image(&network);
        let features = Some(network.graph.features());
        let target = Target::Class(network.graph.classes() - 1);
        let pass = Pass { target, gradient: true, activation: features, ..Pass::logits(&input) };
        prop_assert_eq!(processor(&network.graph, options(1)).run(&pass).unwrap(), executor.run(&pass).unwrap());
    }
}

fn processor(graph: &Graph, options: CpuOptions) -> CpuExecutor {
    CpuExecutor::new(graph.clone(), &formula::weights(graph), options).unwrap()
}

/// Layers of several vectors of channels, which random networks have not: groups narrower and wider than a vector and across
/// its bounds, kernels of single channels, and a max pool whose window has more than 256 pixels.
#[test]
fn processor_kernels_of_wide_layers_stay_near_double_precision() {
    let conv = |out: usize, kernel: usize, stride: usize, groups: usize| {
        Conv2d::new(out, [kernel; 2]).stride([stride; 2]).padding([kernel / 2; 2]).groups(groups)
    };
    let dilated = Conv2d { dilation: [2, 3], ..conv(40, 5, 1, 40) };
    for (channels, conv) in [
        (64, conv(64, 3, 1, 32)),
        (128, conv(128, 3, 2, 32)),
        (96, conv(64, 3, 1, 2)),
        (96, conv(160, 3, 2, 4)),
        (72, conv(96, 1, 1, 3)),
        (48, conv(96, 3, 1, 48)),
        (56, conv(56, 3, 1, 56)),
        (40, conv(40, 5, 2, 40)),
        (33, conv(33, 7, 1, 33)),
        (40, dilated),
    ] {
        let (mut builder, image) = GraphBuilder::new(3, "stem");
        let wide = builder.conv("wide", image, Conv2d::new(channels, [3, 3]).padding([1, 1]));
        let wide = builder.relu("wide.relu", wide);
        let wide = builder.conv("conv", wide, conv);
        let wide = builder.batch_norm("conv.bn", wide, BatchNorm { eps: 1e-3, scale: true });
        let wide = builder.nonlinearity("conv.silu", wide, Nonlinearity::Silu);
        let pooled = builder.max_pool("pool", wide, Pool::square(3, 2, 1));
        let features = builder.global_avg_pool("mean", pooled);
        builder.linear("fc", features, 3);
        let graph = builder.finish("wide", wide, 1);
        near_in_every_way(&graph, [27, 30], &format!("{channels} channels, {conv:?}"));
    }
    let (mut builder, image) = GraphBuilder::new(3, "stem");
    let wide = builder.conv("wide", image, Conv2d::new(40, [3, 3]).padding([1, 1]));
    let pool = Pool { kernel: [21, 17], stride: [2, 3], padding: Border::equal([3, 1]), ceil_mode: true };
    let pooled = builder.max_pool("pool", wide, pool);
    builder.flatten_linear("fc", pooled, pool.output([27, 30]).unwrap(), 3, true);
    near_in_every_way(&builder.finish("window", wide, 1), [27, 30], "a wide window");
}

fn near_in_every_way(graph: &Graph, [height, width]: [usize; 2], what: &str) {
    let weights = formula::weights(graph);
    let double = CandleExecutor::new(graph.clone(), &weights, Device::Cpu, DType::F64).unwrap();
    for isa in Isa::available() {
        let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
        let executor = processor(graph, options);
        assert_eq!(near_double(&executor, &double, height, width, 1e-5), Ok(()), "{what}, {isa}");
        check_independence(&executor, height, width);
    }
}

/// Constant areas are full of ties below a max pool, whatever convolutions made them.
#[test]
fn processor_kernels_of_every_kind_keep_ties() {
    let (mut builder, image) = GraphBuilder::new(3, "stem");
    let conv = |groups: usize| Conv2d::new(24, [3, 3]).padding([1, 1]).groups(groups);
    let stem = builder.conv("stem", image, conv(1));
    let stem = builder.nonlinearity("stem.silu", stem, Nonlinearity::Silu);
    let branch = builder.conv("depthwise", stem, conv(24));
    let branch = builder.nonlinearity("depthwise.clip", branch, Nonlinearity::RELU6);
    let branch = builder.conv("grouped", branch, conv(3));
    let sum = builder.add("sum", stem, branch);
    let sum = builder.layer_norm("norm", sum, 1e-5);
    let sum = builder.nonlinearity("norm.gelu", sum, Nonlinearity::Gelu);
    let mean = Pool { kernel: [2, 3], stride: [1, 1], padding: Border::equal([1, 1]), ceil_mode: false };
    let mean = builder.avg_pool("mean", sum, mean, false);
    let pooled = builder.max_pool("max", mean, Pool::square(3, 2, 1));
    let features = builder.conv("last", pooled, conv(1));
    let mean = builder.global_avg_pool("pool", features);
    builder.linear("fc", mean, 2);
    let graph = builder.finish("ties", features, 1);
    let (height, width) = (40, 37);
    let noisy = formula::image("image", 3, height, width);
    let mut bordered = noisy.values().to_vec();
    for plane in bordered.chunks_exact_mut(height * width) {
        plane[..22 * width].fill(-1.0);
    }
    let images = [vec![0.5; noisy.image_len()], bordered];
    let double = CandleExecutor::new(graph.clone(), &formula::weights(&graph), Device::Cpu, DType::F64).unwrap();
    for isa in Isa::available() {
        let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
        let executor = processor(&graph, options);
        for (index, values) in images.iter().enumerate() {
            let input = Batch::new([1, 3, height, width], values.clone());
            let pass = Pass { target: Target::Class(1), gradient: true, ..Pass::logits(&input) };
            let found = executor.run(&pass).unwrap().gradient.unwrap();
            let error = relative_error(found.values(), &double.run_f64(&pass).unwrap().gradient.unwrap());
            assert!(error < 1e-4, "{isa}, image {index}: error {error:.2e}");
        }
    }
}
