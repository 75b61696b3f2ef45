//! Gradients by weights and steps of the optimizer against PyTorch; fixtures by `tests/reference/training.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::path::Path;

use candle_core::Device;
use common::formula;
use safetensors::SafeTensors;
use saliscope::network::{
    AdamW, Architecture, Batch, CandleTrainer, CpuOptions, CpuTrainer, Isa, Mode, Trainable, Variant, Weights,
};

const STEPS: usize = 3;
const OPTIMIZER: AdamW =
    AdamW { learning_rate: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-2, weight_decay: 0.05, clip_norm: None };

/// Length, and three products with fixed numbers over the length.
fn probe(name: &str, values: &[f64]) -> Vec<f64> {
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let units = formula::unit_values(&format!("{name} probe"), 3 * values.len());
    let product = |units: &[f64]| units.iter().zip(values).map(|(unit, value)| (2.0 * unit - 1.0) * value).sum::<f64>();
    let scale = length.max(1e-300) * (values.len() as f64).sqrt();
    let products = units.chunks(values.len()).map(|units| product(units) / scale);
    std::iter::once(length).chain(products).collect()
}

struct Reference {
    architecture: Architecture,
    bytes: Vec<u8>,
    width: f64,
    size: [usize; 2],
}

impl Reference {
    fn read(architecture: Architecture) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/training_{architecture}.safetensors"));
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let said = header.metadata().clone().unwrap();
        let (height, width) = said["size"].split_once('x').unwrap();
        let size = [height.parse().unwrap(), width.parse().unwrap()];
        Self { architecture, width: said["width"].parse().unwrap(), size, bytes }
    }

    fn values(&self, key: &str) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(key).unwrap();
        view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
    }

    fn graph(&self) -> saliscope::network::Graph {
        self.architecture.graph(&Variant { width: self.width, ..Variant::default() })
    }

    /// The largest error of lengths and products over all tensors: in parts of the tensor's length, or of all tensors'
    /// where the changes since `origin` are compared, some of which are rounding alone.
    fn error(&self, prefix: &str, found: &Weights, origin: Option<&Weights>) -> f64 {
        let expected = |name: &str| self.values(&format!("{prefix} {name}"));
        let whole = found.iter().map(|(name, _)| expected(name)[0].powi(2)).sum::<f64>().sqrt();
        let mut largest = 0.0_f64;
        for (name, tensor) in found.iter() {
            let start = origin.map(|weights| &weights.get(name).unwrap().values);
            let start = |index: usize| start.map_or(0.0, |values| f64::from(values[index]));
            let values: Vec<f64> =
                tensor.values.iter().enumerate().map(|(i, value)| f64::from(*value) - start(i)).collect();
            let (found, expected) = (probe(name, &values), expected(name));
            let share = if origin.is_some() { expected[0] / whole } else { 1.0 };
            largest = largest.max((found[0] / expected[0] - 1.0).abs() * share);
            for (found, expected) in found[1..].iter().zip(&expected[1..]) {
                largest = largest.max((found - expected).abs() * share);
            }
        }
        largest
    }
}

fn coefficients(classes: usize) -> Batch {
    let values = formula::unit_values("coefficients", 4 * classes).into_iter().map(|u| (2.0 * u - 1.0) as f32);
    Batch::new([4, classes, 1, 1], values.collect())
}

fn check(trainer: &mut dyn Trainable, reference: &Reference) {
    let origin = trainer.weights().unwrap();
    let images = formula::images(4, 3, reference.size[0], reference.size[1]);
    for step in 0..STEPS {
        let outputs = trainer.forward(&images, Mode::Train).unwrap();
        trainer.backward(&[coefficients(2)]).unwrap();
        if step == 0 {
            for (found, expected) in outputs[0].values().iter().zip(reference.values("logits")) {
                assert!((f64::from(*found) - expected).abs() < 1e-4, "logit {found} instead of {expected}");
            }
            let error = reference.error("gradient", &trainer.gradients().unwrap(), None);
            assert!(error < 1e-3, "{} gradients: error {error:.2e}", reference.architecture);
        }
        trainer.update(&OPTIMIZER).unwrap();
    }
    let error = reference.error("change", &trainer.weights().unwrap(), Some(&origin));
    assert!(error < 5e-3, "{} steps: error {error:.2e}", reference.architecture);
}

#[test]
fn the_processor_trains_as_pytorch_does() {
    for architecture in [Architecture::InceptionV3, Architecture::DenseNet121] {
        let reference = Reference::read(architecture);
        for isa in Isa::available() {
            let graph = reference.graph();
            let weights = formula::weights(&graph);
            let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
            check(&mut CpuTrainer::new(graph, &weights, options).unwrap(), &reference);
        }
    }
}

#[test]
fn candle_trains_as_pytorch_does() {
    for architecture in [Architecture::InceptionV3, Architecture::DenseNet121] {
        let reference = Reference::read(architecture);
        let graph = reference.graph();
        let weights = formula::weights(&graph);
        check(&mut CandleTrainer::new(graph, &weights, Device::Cpu).unwrap(), &reference);
    }
}
