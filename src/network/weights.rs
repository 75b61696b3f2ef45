//! The parameter tensors of a network in host memory, checked against its graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Error, Result};
use super::graph::Graph;
use super::mismatch::Mismatch;

/// One parameter in host memory, row-major `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

/// A shape without the extents of 1 at its end.
pub(super) fn trimmed(shape: &[usize]) -> &[usize] {
    let end = shape.iter().rposition(|extent| *extent != 1).map_or(0, |last| last + 1);
    &shape[..end]
}

/// Named parameters of one network; holds exactly the tensors of [`super::Graph::parameters`].
///
/// Clones share the tensors' memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Arc<Tensor>>,
}

impl Weights {
    /// The tensor called `name`.
    ///
    /// # Errors
    /// Names the tensor when there is none.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).map(Arc::as_ref).ok_or_else(|| Error::MissingTensor { name: name.to_owned() })
    }

    /// All tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name, tensor.as_ref()))
    }

    /// Puts a tensor in, replacing the one of that name.
    pub fn insert(&mut self, name: String, tensor: Tensor) {
        self.tensors.insert(name, Arc::new(tensor));
    }

    /// The memory of the tensor called `name`, which clones share.
    pub(crate) fn shared(&self, name: &str) -> Option<&Arc<Tensor>> {
        self.tensors.get(name)
    }

    /// Puts a tensor in without copying it, replacing the one of that name.
    pub(crate) fn insert_shared(&mut self, name: String, tensor: Arc<Tensor>) {
        self.tensors.insert(name, tensor);
    }

    /// Gives tensors that differ from what `graph` needs by extents of 1 at their end the shapes that it needs: a layer over
    /// channels is a matrix in some files and a 1x1 convolution in others.
    pub(crate) fn settle(&mut self, graph: &Graph) {
        for parameter in graph.parameters() {
            let Some(tensor) = self.tensors.get_mut(&parameter.name) else { continue };
            if tensor.shape != parameter.shape && trimmed(&tensor.shape) == trimmed(&parameter.shape) {
                Arc::make_mut(tensor).shape = parameter.shape;
            }
        }
    }

    /// Compares with what `graph` needs.
    ///
    /// # Errors
    /// One error that lists every missing, superfluous and misshapen tensor.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let shapes = self.tensors.iter().map(|(name, tensor)| (name.clone(), &tensor.shape[..])).collect();
        let mut mismatch = Mismatch::between(&shapes, graph);
        if mismatch.is_empty() {
            return Ok(());
        }
        mismatch.find_lookalike(graph.architecture(), &shapes);
        Err(Error::WeightsMismatch { architecture: graph.architecture().to_owned(), mismatch: Box::new(mismatch) })
    }

    /// Looks at every value.
    ///
    /// # Errors
    /// Names the first tensor with a value that is NaN or infinite.
    pub fn check_finite(&self) -> Result<()> {
        match self.iter().find(|(_, tensor)| !tensor.values.iter().all(|value| value.is_finite())) {
            Some((name, _)) => Err(Error::NonFiniteWeights { name: name.clone() }),
            None => Ok(()),
        }
    }
}
