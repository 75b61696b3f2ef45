//! Fresh weights for some blocks of a trained network.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::Result;
use super::state::State;
use crate::network::{Graph, Parameter, Tensor, Weights, initial_values};

/// Draws the weights of randomized blocks.
///
/// A block's new weights depend on seed, replicate and its name, and on nothing else: they are the same in every state
/// and every order that randomizes it, so that any state can be made again by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Randomizer {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the replicate; each draws other weights.
    pub replicate: u64,
}

impl Randomizer {
    /// Seed of one block: the first 8 bytes, little-endian, of the SHA-256 of `saliscope cascade`, seed and replicate
    /// (8 bytes each, little-endian) and the block's name.
    pub fn block_seed(&self, block: &str) -> u64 {
        let mut hash = Sha256::new();
        hash.update(b"saliscope cascade");
        hash.update(self.seed.to_le_bytes());
        hash.update(self.replicate.to_le_bytes());
        hash.update(block.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
    }

    /// The weights of `graph` in `state`: randomized blocks as the architecture's own initializer leaves them (batch
    /// normalization with its running statistics too; constants of the network stay), all others those of `trained`, sharing their memory.
    ///
    /// # Errors
    /// When `trained` does not fit `graph`.
    pub fn weights(&self, graph: &Graph, trained: &Weights, state: &State) -> Result<Weights> {
        Ok(self.weights_of(graph, trained, std::slice::from_ref(state))?.remove(0))
    }

    /// The same for several states, in their order: every tensor is drawn once and shared by the states that hold it.
    ///
    /// # Errors
    /// When `trained` does not fit `graph`.
    pub fn weights_of(&self, graph: &Graph, trained: &Weights, states: &[State]) -> Result<Vec<Weights>> {
        trained.check(graph)?;
        let block_of = |parameter: &Parameter| &graph.blocks()[graph.node(parameter.node).block];
        let wanted: HashSet<&String> = states.iter().flat_map(|state| &state.blocks).collect();
        let mut parameters = graph.parameters();
        parameters.retain(|parameter| wanted.contains(block_of(parameter)) && !parameter.role.is_constant());
        // Every tensor has a stream of its own, so that threads can share the work.
        let draw = |parameter: &Parameter| {
            let values = initial_values(graph.architecture(), parameter, self.block_seed(block_of(parameter)));
            Arc::new(Tensor { shape: parameter.shape.clone(), values })
        };
        let drawn: Vec<Arc<Tensor>> = parameters.par_iter().map(draw).collect();
        let weights = |state: &State| {
            let mut weights = trained.clone();
            for (parameter, tensor) in parameters.iter().zip(&drawn) {
                if state.blocks.contains(block_of(parameter)) {
                    weights.insert_shared(parameter.name.clone(), Arc::clone(tensor));
                }
            }
            weights
        };
        Ok(states.iter().map(weights).collect())
    }
}
