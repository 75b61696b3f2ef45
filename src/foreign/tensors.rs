//! From named tensors of a file to weights that fit a graph.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use crate::limits;
use crate::network::{Architecture, Tensor, Variant, Weights};

/// Tensors of a file by torchvision's names: the shape each will have, and how to find its values.
pub(super) type Named<T> = BTreeMap<String, (Vec<usize>, T)>;

/// Compares the shapes with the network, and then reads the values.
pub(super) fn assemble<T>(
    architecture: Architecture,
    tensors: Named<T>,
    rules: impl FnOnce(&mut Variant),
    read: impl Fn(&str, &T) -> Result<Vec<f32>>,
) -> Result<(Variant, Weights)> {
    let shapes = tensors.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect();
    let mut variant = architecture.infer(&shapes);
    rules(&mut variant);
    let mut weights = Weights::default();
    for (name, shape) in shapes {
        weights.insert(name, Tensor { shape, values: Vec::new() });
    }
    let graph = architecture.graph(&variant);
    weights.settle(&graph);
    weights.check(&graph)?;
    let counts =
        tensors.values().map(|(shape, _)| shape.iter().fold(1_usize, |count, side| count.saturating_mul(*side)));
    if counts.fold(0, usize::saturating_add) > limits::FOREIGN_VALUES {
        return Err(Error::Unsupported("the weights take more than 2 GiB".to_owned()));
    }
    for (name, (shape, place)) in tensors {
        let values = read(&name, &place)?;
        weights.insert(name, Tensor { shape, values });
    }
    weights.settle(&graph);
    weights.check_finite()?;
    Ok((variant, weights))
}

/// `count` and the noun it counts.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// What is said of a head with one output.
pub(super) const SINGLE_OUTPUT: &str =
    "the head has a single output z: it speaks for the finding, class 1, and -z against it";
