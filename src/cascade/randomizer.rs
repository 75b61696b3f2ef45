//! Fresh weights for some blocks of a trained network.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::Result;
use super::state::State;
use crate::network::{Graph, Tensor, Weights, initial_values};

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
    /// normalization with its running statistics too), all others those of `trained`, sharing their memory.
    ///
    /// # Errors
    /// When `trained` does not fit `graph`.
    pub fn weights(&self, graph: &Graph, trained: &Weights, state: &State) -> Result<Weights> {
        trained.check(graph)?;
        let mut weights = trained.clone();
        for parameter in graph.parameters() {
            let block = &graph.blocks()[graph.node(parameter.node).block];
            if state.blocks.contains(block) {
                let values = initial_values(graph.architecture(), &parameter, self.block_seed(block));
                weights.insert(parameter.name, Tensor { shape: parameter.shape, values });
            }
        }
        Ok(weights)
    }
}
