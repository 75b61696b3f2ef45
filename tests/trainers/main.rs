//! Both trainers beside each other, and what each must do by itself.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../common/mod.rs"]
mod common;

mod agreement;
mod exact;
mod manners;

use candle_core::Device;
use common::formula;
use saliscope::network::{Batch, CandleTrainer, CpuOptions, CpuTrainer, Graph, Trainable, Weights};

fn candle(graph: &Graph, weights: &Weights) -> CandleTrainer {
    CandleTrainer::new(graph.clone(), weights, Device::Cpu).unwrap()
}

fn processor(graph: &Graph, weights: &Weights, threads: usize) -> CpuTrainer {
    let options = CpuOptions { threads: Some(threads), ..CpuOptions::default() };
    CpuTrainer::new(graph.clone(), weights, options).unwrap()
}

/// One of each kind.
fn both(graph: &Graph, weights: &Weights) -> [Box<dyn Trainable>; 2] {
    [Box::new(processor(graph, weights, 2)), Box::new(candle(graph, weights))]
}

/// A gradient in [-1, 1) for every output.
fn output_gradients(outputs: &[Batch]) -> Vec<Batch> {
    let gradient = |(index, output): (usize, &Batch)| {
        let values = formula::unit_values(&format!("output {index}"), output.values().len());
        Batch::new(output.shape(), values.into_iter().map(|u| (2.0 * u - 1.0) as f32).collect())
    };
    outputs.iter().enumerate().map(gradient).collect()
}
