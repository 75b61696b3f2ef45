//! The networks against PyTorch; fixtures by `tests/reference/networks.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use candle_core::{DType, Device};
use common::executor_checks::{check_against_reference, check_independence, relative_error};
use common::fixture::fixtures;
use saliscope::network::{
    Architecture, Batch, CandleExecutor, CpuExecutor, CpuOptions, Error, Executor, Isa, Pass, Target, Variant,
};

#[test]
fn candle_in_double_precision_equals_pytorch() {
    for fixture in fixtures() {
        let executor = CandleExecutor::new(fixture.graph.clone(), &fixture.weights, Device::Cpu, DType::F64).unwrap();
        for (key, node) in fixture.nodes {
            let output = executor.run_f64(&fixture.pass(node)).unwrap();
            let (value, gradient) = output.activation.unwrap();
            for (key, found) in [
                ("logits".to_owned(), output.logits),
                ("gradient".to_owned(), output.gradient.unwrap()),
                ("guided_gradient".to_owned(), output.guided_gradient.unwrap()),
                (format!("{key}_value"), value),
                (format!("{key}_gradient"), gradient),
            ] {
                let error = relative_error(&found, fixture.expected(&key));
                assert!(error < 1e-12, "{}, {key}: error {error:.2e}", fixture.name);
            }
        }
    }
}

#[test]
fn candle_in_single_precision_is_as_near_as_pytorch() {
    for fixture in fixtures() {
        let executor = CandleExecutor::new(fixture.graph.clone(), &fixture.weights, Device::Cpu, DType::F32).unwrap();
        check_against_reference(&executor, &fixture, 2e-6);
    }
}

#[test]
fn candle_gives_an_image_the_same_values_in_any_batch() {
    for fixture in fixtures() {
        let executor = CandleExecutor::new(fixture.graph.clone(), &fixture.weights, Device::Cpu, DType::F32).unwrap();
        check_independence(&executor, 80, 75);
    }
}

/// Every way the processor's executor can run on this machine.
fn cpu_options() -> Vec<CpuOptions> {
    let mut all = Vec::new();
    for isa in Isa::available() {
        for winograd in [true, false] {
            all.push(CpuOptions { threads: Some(2), isa: Some(isa), winograd, ..CpuOptions::default() });
        }
    }
    all
}

#[test]
fn processor_kernels_are_as_near_as_pytorch() {
    for fixture in fixtures() {
        for options in cpu_options() {
            let executor = CpuExecutor::new(fixture.graph.clone(), &fixture.weights, options).unwrap();
            check_against_reference(&executor, &fixture, 4e-6);
        }
    }
}

#[test]
fn processor_kernels_give_an_image_the_same_values_in_any_batch_and_on_any_threads() {
    for fixture in fixtures() {
        for options in cpu_options() {
            let executor = CpuExecutor::new(fixture.graph.clone(), &fixture.weights, options).unwrap();
            check_independence(&executor, 80, 75);
            let one = CpuOptions { threads: Some(1), ..options };
            let alone = CpuExecutor::new(fixture.graph.clone(), &fixture.weights, one).unwrap();
            let (_, node) = fixture.nodes[0];
            let pass = fixture.pass(node);
            assert_eq!(alone.run(&pass).unwrap(), executor.run(&pass).unwrap(), "{options:?}");
        }
    }
}

/// Constant areas are full of ties below max pools; broken ties would send gradients elsewhere.
#[test]
fn processor_kernels_keep_the_ties_of_constant_images() {
    let graph = Architecture::InceptionV3.graph(&Variant { width: 0.125, ..Variant::default() });
    let weights = common::formula::weights(&graph);
    let double = CandleExecutor::new(graph.clone(), &weights, Device::Cpu, DType::F64).unwrap();
    // Large enough for a constant middle at every reduction but the last.
    let (height, width) = (200, 190);
    let noisy = common::formula::image("image", 3, height, width);
    let constant = vec![-1.0; noisy.image_len()];
    let mut bordered = noisy.values().to_vec();
    for plane in bordered.chunks_exact_mut(height * width) {
        plane[..40 * width].fill(-1.0);
    }
    let values = [noisy.values(), &constant, &bordered, noisy.values()].concat();
    let batch = Batch::new([4, 3, height, width], values);
    for options in cpu_options() {
        let executor = CpuExecutor::new(graph.clone(), &weights, options).unwrap();
        let pass = Pass { target: Target::Class(1), gradient: true, ..Pass::logits(&batch) };
        let together = executor.run(&pass).unwrap();
        for index in 0..batch.len() {
            let image = batch.select(&[index]);
            let pass = Pass { input: &image, ..pass };
            let alone = executor.run(&pass).unwrap();
            let found = together.gradient.as_ref().unwrap().image(index);
            assert_eq!(found, alone.gradient.unwrap().values(), "image {index} depends on its batch");
            let error = relative_error(found, &double.run_f64(&pass).unwrap().gradient.unwrap());
            assert!(error < 2e-2, "{options:?}, image {index}: error {error:.2e}");
        }
    }
}

#[test]
fn passes_that_cannot_run_are_refused() {
    let fixture = fixtures().remove(0);
    let weights = &fixture.weights;
    let executor = CandleExecutor::new(fixture.graph.clone(), weights, Device::Cpu, DType::F32).unwrap();
    let class = Pass { target: Target::Class(2), ..Pass::logits(&fixture.image) };
    assert!(matches!(executor.run(&class), Err(Error::UnknownClass { class: 2, classes: 2 })));
    let gray = common::formula::image("image", 1, 80, 80);
    assert!(matches!(executor.run(&Pass::logits(&gray)), Err(Error::InputShape { expected: 3, .. })));
    let tiny = common::formula::image("image", 3, 74, 80);
    assert!(matches!(executor.run(&Pass::logits(&tiny)), Err(Error::InputTooSmall { min_px: 75, .. })));

    let half = CandleExecutor::new(fixture.graph.clone(), weights, Device::Cpu, DType::F16);
    assert_eq!(half.unwrap_err().to_string(), "the candle executor computes in f32 or f64, not in f16");
    let other = common::fixture::fixtures().remove(2);
    let wrong = CandleExecutor::new(fixture.graph.clone(), &other.weights, Device::Cpu, DType::F32);
    assert!(matches!(wrong, Err(Error::WeightsMismatch { .. })));
}
