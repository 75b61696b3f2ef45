//! Random networks: single against double precision, and gradients against finite differences.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use candle_core::{DType, Device};
use common::executor_checks::near_double;
use common::formula;
use common::random_graph::{RandomNetwork, networks, plain_networks};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use saliscope::network::{Batch, CandleExecutor, CpuExecutor, CpuOptions, Isa, Pass, Target};

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
        // Multiples of 2^-12, moved by multiples of 2^-16 (2^-24 and smaller steps would be lost when added in f32).
        let grid = 4096.0_f32;
        let base: Vec<f32> = image.values().iter().map(|value| (value * grid).round() / grid).collect();
        let direction: Vec<f32> =
            formula::unit_values("direction", base.len()).iter().map(|u| (u * 16.0).floor() as f32 - 8.0).collect();
        let moved = |step: f32| {
            let values = base.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            Batch::new(image.shape(), values)
        };
        let class = network.graph.classes() - 1;
        let step = 1.0 / 65536.0;
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
        prop_assert!((along - difference).abs() <= 1e-9 * scale.max(1e-3), "{along} against {difference}");
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
    fn processor_kernels_stay_near_double_precision(network in plain_networks(false), winograd: bool) {
        let double = candle(&network, DType::F64);
        for isa in Isa::available() {
            let options = CpuOptions { threads: Some(2), isa: Some(isa), winograd, ..CpuOptions::default() };
            let weights = formula::weights(&network.graph);
            let single = CpuExecutor::new(network.graph.clone(), &weights, options).unwrap();
            prop_assert_eq!(near_double(&single, &double, network.height, network.width, 1e-5), Ok(()));
        }
    }
}
