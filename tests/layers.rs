//! InceptionV3 and DenseNet-121 written a second time, with the layers of candle-nn and nothing of the project's graph:
//! an oracle for executors that shares neither description nor kernels with them. Two losses beside candle-nn's.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;
mod layers {
    pub(crate) mod densenet_121;
    pub(crate) mod inception_v3;
    pub(crate) mod tensors;
}

use candle_core::{DType, Device, Tensor};
use common::executor_checks::relative_error;
use common::fixture::{Fixture, fixtures};
use common::formula;
use layers::tensors::Tensors;
use layers::{densenet_121, inception_v3};
use saliscope::network::{
    Architecture, Batch, CandleExecutor, CpuExecutor, CpuOptions, Executor, Graph, Pass, Variant, Weights,
};
use saliscope::training::loss::{ClassWeights, binary_cross_entropy, softmax_cross_entropy};

/// Logits of the network that the graph's name names, by candle-nn in double precision.
fn oracle(graph: &Graph, weights: &Weights, image: &Batch, variant: &Variant) -> Vec<f64> {
    let tensors = Tensors::new(weights);
    let values: Vec<f64> = image.values().iter().map(|value| f64::from(*value)).collect();
    let x = Tensor::from_vec(values, &image.shape()[..], &Device::Cpu).unwrap();
    let logits = match graph.architecture() {
        "inception_v3" => inception_v3::logits(&tensors, &x, variant.count_include_pad),
        "densenet_121" => densenet_121::logits(&tensors, &x, 1e-5),
        other => panic!("no {other} is written here"),
    };
    logits.unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Whether the fixture's network averages over padding; DenseNet-121 has no such pool.
fn variant_of(fixture: &Fixture) -> Variant {
    Variant { count_include_pad: !fixture.name.ends_with("keras"), ..Variant::default() }
}

#[test]
fn small_networks_give_pytorch_s_logits() {
    for fixture in fixtures() {
        let found = oracle(&fixture.graph, &fixture.weights, &fixture.image, &variant_of(&fixture));
        let error = relative_error(&found, fixture.expected("logits"));
        assert!(error < 1e-12, "{}: {error:.2e}", fixture.name);
    }
}

#[test]
fn executors_give_its_logits_for_networks_of_full_width() {
    for (architecture, size_px) in [(Architecture::InceptionV3, 107), (Architecture::DenseNet121, 75)] {
        let variant = Variant::default();
        let graph = architecture.graph(&variant);
        let weights = formula::weights(&graph);
        let image = formula::image("another image", 3, size_px, size_px + 12);
        let expected = oracle(&graph, &weights, &image, &variant);
        let double = CandleExecutor::new(graph.clone(), &weights, Device::Cpu, DType::F64).unwrap();
        let found = double.run_f64(&Pass::logits(&image)).unwrap().logits;
        let error = relative_error(&found, &expected);
        assert!(error < 1e-12, "{architecture}, candle: {error:.2e}");
        let processor = CpuExecutor::new(graph.clone(), &weights, CpuOptions::default()).unwrap();
        let found: Vec<f64> =
            processor.run(&Pass::logits(&image)).unwrap().logits.iter().map(|logit| f64::from(*logit)).collect();
        let error = relative_error(&found, &expected);
        assert!(error < 1e-5, "{architecture}, kernels: {error:.2e}");
    }
}

#[test]
fn a_changed_weight_changes_the_oracle() {
    let fixture = fixtures().remove(0);
    let variant = variant_of(&fixture);
    let before = oracle(&fixture.graph, &fixture.weights, &fixture.image, &variant);
    for parameter in fixture.graph.parameters() {
        let mut weights = fixture.weights.clone();
        let mut tensor = weights.get(&parameter.name).unwrap().clone();
        tensor.values.iter_mut().for_each(|value| *value = *value * 1.25 + 0.1);
        weights.insert(parameter.name.clone(), tensor);
        let after = oracle(&fixture.graph, &weights, &fixture.image, &variant);
        assert_ne!(before, after, "{} is not read", parameter.name);
    }
}

#[test]
fn losses_of_middling_logits_are_candle_nn_s() {
    let logits: Vec<f64> = formula::unit_values("logits", 40).into_iter().map(|value| 12.0 * value - 6.0).collect();
    let targets: Vec<usize> = (0..20).map(|row| row * row % 2).collect();
    let classes = Tensor::from_vec(targets.iter().map(|class| *class as u32).collect(), 20, &Device::Cpu).unwrap();
    let pairs = Tensor::from_vec(logits.clone(), (20, 2), &Device::Cpu).unwrap();
    let of = |loss: Tensor| loss.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
    let found = of(softmax_cross_entropy(&pairs, &targets, &ClassWeights::equal(2)).unwrap());
    let expected = of(candle_nn::loss::cross_entropy(&pairs, &classes).unwrap());
    assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");

    let single = Tensor::from_vec(logits[..20].to_vec(), (20, 1), &Device::Cpu).unwrap();
    let labels = classes.to_dtype(DType::F64).unwrap().reshape((20, 1)).unwrap();
    let found = of(binary_cross_entropy(&single, &targets, &ClassWeights::equal(2)).unwrap());
    let expected = of(candle_nn::loss::binary_cross_entropy_with_logit(&single, &labels).unwrap());
    assert!((found - expected).abs() < 1e-9 * expected, "{found} {expected}");
}

/// Why losses of our own are used: candle-nn takes the logarithm of a sigmoid, which is 0 for a logit of -800.
#[test]
fn losses_of_far_logits_stay_finite_where_candle_nn_s_do_not() {
    let logit = Tensor::from_vec(vec![-800.0_f64], (1, 1), &Device::Cpu).unwrap();
    let found = binary_cross_entropy(&logit, &[1], &ClassWeights::equal(2)).unwrap().to_scalar::<f64>().unwrap();
    assert!((found - 800.0).abs() < 1e-9, "{found}");
    let label = Tensor::from_vec(vec![1.0_f64], (1, 1), &Device::Cpu).unwrap();
    let theirs = candle_nn::loss::binary_cross_entropy_with_logit(&logit, &label).unwrap().to_scalar::<f64>().unwrap();
    assert!(!theirs.is_finite(), "{theirs}: candle-nn's loss may be used now");
}
