//! The weights a training begins with.

use std::collections::BTreeMap;

use crate::network::{Graph, Tensor, Weights};

/// Below this share of a network's tensors, whoever names first weights should be warned.
const USUAL_SHARE: f64 = 0.9;

/// Tensors that a sentence names.
const NAMED: usize = 6;

/// What was taken over from a file of weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    /// Tensors taken over.
    pub taken: usize,
    /// Tensors of the network that the file has in another shape (another head), or not at all, each with the reason:
    /// drawn from the seed.
    pub drawn: Vec<(String, NotTaken)>,
    /// Tensors of the file that the network has no use for.
    pub unused: Vec<String>,
}

/// Why a tensor of a network was not taken from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The file has none of that name.
    Missing,
    /// The file has it in another shape.
    OtherShape {
        /// That of the file.
        file: Vec<usize>,
        /// That of the network.
        network: Vec<usize>,
    },
}

impl Inherited {
    /// Tensors of the network.
    pub fn count(&self) -> usize {
        self.taken + self.drawn.len()
    }

    /// Whether so few tensors were taken over that the file is hardly the one that was meant.
    pub fn is_little(&self) -> bool {
        (self.taken as f64) < USUAL_SHARE * self.count() as f64
    }

    /// How many tensors were taken over, and which not and why.
    pub fn words(&self) -> String {
        let named = |names: Vec<String>| {
            let more = names.len().saturating_sub(NAMED);
            let shown = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            if more > 0 { format!("{shown} and {more} more") } else { shown }
        };
        let drawn = self.drawn.iter().map(|(name, reason)| match reason {
            NotTaken::Missing => format!("{name} (not in the file)"),
            NotTaken::OtherShape { file, network } => format!("{name} ({file:?} in the file, {network:?} here)"),
        });
        let mut words = vec![format!("{} of {} tensors taken over", self.taken, self.count())];
        if !self.drawn.is_empty() {
            words.push(format!("{} drawn from the seed: {}", self.drawn.len(), named(drawn.collect())));
        }
        if !self.unused.is_empty() {
            words.push(format!("{} of the file not used: {}", self.unused.len(), named(self.unused.clone())));
        }
        words.join("; ")
    }
}

/// Weights drawn from `seed`, with tensors of `file` in place of those that have their name and shape.
pub fn initial_weights(graph: &Graph, seed: u64, file: Option<&[(String, Tensor)]>) -> (Weights, Inherited) {
    let mut weights = Weights::initialize(graph, seed);
    let mut drawn: BTreeMap<String, NotTaken> =
        weights.iter().map(|(name, _)| (name.clone(), NotTaken::Missing)).collect();
    let mut inherited = Inherited::default();
    for (name, tensor) in file.unwrap_or_default() {
        let network = weights.get(name).ok().map(|own| own.shape.clone());
        match network {
            Some(network) if network == tensor.shape => {
                weights.insert(name.clone(), tensor.clone());
                inherited.taken += 1;
                drawn.remove(name);
            }
            Some(network) => {
                drawn.insert(name.clone(), NotTaken::OtherShape { file: tensor.shape.clone(), network });
            }
            None => inherited.unused.push(name.clone()),
        }
    }
    inherited.drawn = drawn.into_iter().collect();
    (weights, inherited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Architecture, Variant};

    #[test]
    fn what_is_taken_over_and_what_is_not_is_told() {
        let variant = |classes: usize| Variant { width: 0.0625, classes, ..Architecture::ResNet18.usual_variant() };
        let graph = |classes| Architecture::ResNet18.graph(&variant(classes));
        let given = Weights::initialize(&graph(1000), 3);
        let mut file: Vec<(String, Tensor)> =
            given.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let (weights, whole) = initial_weights(&graph(2), 1, Some(&file));
        assert!(!whole.is_little());
        assert_eq!(whole.taken, whole.count() - 2);
        let words = whole.words();
        assert!(words.contains("fc.bias ([1000] in the file, [2] here)"), "{words}");
        assert_eq!(weights.get("conv1.weight").unwrap(), given.get("conv1.weight").unwrap());

        file.retain(|(name, _)| !name.starts_with("layer1.0."));
        file.push(("stem.odd".to_owned(), Tensor { shape: vec![1], values: vec![0.0] }));
        let (_, most) = initial_weights(&graph(2), 1, Some(&file));
        assert!(most.is_little(), "{} of {}", most.taken, most.count());
        let words = most.words();
        assert!(words.contains("layer1.0.bn1.bias (not in the file)") && words.contains("and 6 more"), "{words}");
        assert!(words.ends_with("; 1 of the file not used: stem.odd"), "{words}");
        assert_eq!(initial_weights(&graph(2), 1, None).1.taken, 0);
    }
}
