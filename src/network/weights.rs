//! The parameter tensors of a network in host memory, checked against its graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Error, Result};
use super::graph::Graph;
use super::mismatch::{Mismatch, Misshapen};

/// One parameter in host memory, row-major `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

impl AsRef<[f32]> for Tensor {
    fn as_ref(&self) -> &[f32] {
        &self.values
    }
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

    /// The memory of the tensor called `name`, to be held.
    ///
    /// # Errors
    /// Names the tensor when there is none.
    pub(crate) fn owned(&self, name: &str) -> Result<Arc<Tensor>> {
        self.tensors.get(name).cloned().ok_or_else(|| Error::MissingTensor { name: name.to_owned() })
    }

    /// Puts a tensor in without copying it, replacing the one of that name.
    pub(crate) fn insert_shared(&mut self, name: String, tensor: Arc<Tensor>) {
        self.tensors.insert(name, tensor);
    }

    /// Compares with what `graph` needs.
    ///
    /// # Errors
    /// One error that lists every missing, superfluous and misshapen tensor.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let parameters = graph.parameters();
        let mut mismatch = Mismatch::default();
        let mut known = 0;
        for parameter in &parameters {
            match self.tensors.get(&parameter.name) {
                None => mismatch.missing.push(parameter.name.clone()),
                Some(tensor) => {
                    known += 1;
                    if tensor.shape != parameter.shape {
                        mismatch.misshapen.push(Misshapen {
                            name: parameter.name.clone(),
                            found: tensor.shape.clone(),
                            expected: parameter.shape.clone(),
                        });
                    }
                }
            }
        }
        if known < self.tensors.len() {
            let needed: std::collections::BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
            mismatch.superfluous =
                self.tensors.keys().filter(|name| !needed.contains(name.as_str())).cloned().collect();
        }
        if mismatch.is_empty() {
            return Ok(());
        }
        mismatch.find_lookalike(graph.architecture(), self.tensors.keys().map(String::as_str));
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
