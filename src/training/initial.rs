//! The weights a training begins with.

use crate::network::{Graph, Tensor, Weights};

/// What was taken over from a file of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    /// Tensors taken over.
    pub taken: usize,
    /// Tensors of the network that the file does not have, or in another shape (another head): drawn from the seed.
    pub drawn: usize,
    /// Tensors of the file that the network has no use for.
    pub unused: usize,
}

/// Weights drawn from `seed`, with tensors of `file` in place of those that have their name and shape.
pub fn initial_weights(graph: &Graph, seed: u64, file: Option<&[(String, Tensor)]>) -> (Weights, Inherited) {
    let mut weights = Weights::initialize(graph, seed);
    let mut inherited = Inherited { drawn: weights.iter().count(), ..Inherited::default() };
    for (name, tensor) in file.unwrap_or_default() {
        if weights.get(name).is_ok_and(|own| own.shape == tensor.shape) {
            weights.insert(name.clone(), tensor.clone());
            inherited.taken += 1;
            inherited.drawn -= 1;
        } else {
            inherited.unused += 1;
        }
    }
    (weights, inherited)
}
