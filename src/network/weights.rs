//! The parameter tensors of a network in host memory, checked against its graph.

use std::collections::BTreeMap;

use super::error::{Error, Result};

/// One parameter in host memory, row-major `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

/// Named parameters of one network; holds exactly the tensors of [`super::Graph::parameters`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// The tensor called `name`.
    ///
    /// # Errors
    /// Names the tensor when there is none.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| Error::MissingTensor { name: name.to_owned() })
    }

    /// All tensors by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.tensors.iter()
    }

    /// Puts a tensor in, replacing the one of that name.
    pub fn insert(&mut self, name: String, tensor: Tensor) {
        self.tensors.insert(name, tensor);
    }
}
