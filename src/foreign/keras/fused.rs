//! Functions that a model spells out as sums and products with numbers, as MobileNetV3 does: `relu6(x + 3) * (1 / 6)` is the
//! hard sigmoid, and `x` times that the hard swish. Neither is a gate, which the ReLU6 inside alone would be.

use super::config::{Argument, Call, Model};
use super::function::Function;
use super::layer::Layer;
use crate::network::Nonlinearity;

/// Puts the functions in the places of their last operations; what came before gives what it gets.
pub(super) fn fuse(model: &mut Model<'_>, layers: &mut [Layer]) {
    let mut readers = vec![0_usize; layers.len()];
    for input in model.calls.iter().flat_map(Call::inputs) {
        readers[input] += 1;
    }
    readers[model.output] += 1;
    let single = |model: &Model<'_>, at: usize| {
        let mut inputs = model.calls[at].inputs();
        inputs.next().filter(|_| inputs.next().is_none())
    };
    for last in 0..layers.len() {
        if !is_affine(&layers[last], 1.0 / 6.0, 0.0) {
            continue;
        }
        let Some(clip) = single(model, last).filter(|at| readers[*at] == 1) else { continue };
        let Some(sum) = single(model, clip).filter(|at| readers[*at] == 1) else { continue };
        if layers[clip] == Layer::Function(Function::Of(Nonlinearity::RELU6)) && is_affine(&layers[sum], 1.0, 3.0) {
            layers[clip] = Layer::Identity;
            layers[sum] = Layer::Identity;
            layers[last] = Layer::Function(Function::Of(Nonlinearity::HARD_SIGMOID));
        }
    }
    for product in 0..layers.len() {
        let inputs: Vec<usize> = model.calls[product].inputs().collect();
        let (Layer::Multiply, &[a, b]) = (&layers[product], &inputs[..]) else { continue };
        for (factor, gate) in [(a, b), (b, a)] {
            let is_gate = layers[gate] == Layer::Function(Function::Of(Nonlinearity::HARD_SIGMOID));
            if is_gate && readers[gate] == 1 && origin(model, layers, gate) == factor {
                layers[gate] = Layer::Identity;
                layers[product] = Layer::Function(Function::Of(Nonlinearity::HardSwish));
                model.calls[product].arguments = vec![Argument::Call(factor)];
                break;
            }
        }
    }
}

/// What a function reads, behind layers that give what they get.
fn origin(model: &Model<'_>, layers: &[Layer], at: usize) -> usize {
    let mut at = at;
    while let Some(before) = model.calls[at].inputs().next() {
        at = before;
        if layers[at] != Layer::Identity {
            break;
        }
    }
    at
}

fn is_affine(layer: &Layer, factor: f64, summand: f64) -> bool {
    let near = |numbers: &[f64], number: f64| matches!(numbers, [found] if (found - number).abs() < 1e-6);
    matches!(layer, Layer::Affine { scale, offset } if near(scale, factor) && near(offset, summand))
}
