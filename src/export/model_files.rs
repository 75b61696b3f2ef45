//! A model of another program as a model of ours: weights and card, both or neither.

use std::path::Path;

use super::place::Taken;
use super::{FileSet, Result};
use crate::foreign::{Foreign, Statements};
use crate::network::{ModelCard, Precision, sha256_hex};

/// What is written of a converted model.
pub(crate) struct ModelFiles {
    /// Its card.
    pub(crate) card: ModelCard,
    weights: Vec<u8>,
}

impl ModelFiles {
    /// The files of `foreign`, of which `statements` are made.
    ///
    /// # Errors
    /// When statements contradict the weights.
    pub(crate) fn new(foreign: &Foreign, statements: &Statements) -> Result<Self> {
        let weights = foreign.weights.to_safetensors(Precision::Single)?;
        Ok(Self { card: statements.card(foreign, &sha256_hex(&weights))?, weights })
    }

    /// Writes the weights as safetensors to `path`, and the card beside them with the ending `.json`.
    ///
    /// # Errors
    /// When a file cannot be written; then neither is.
    pub(crate) fn publish(&self, path: &Path, taken: Taken) -> Result<()> {
        let mut json = self.card.to_json()?;
        json.push(b'\n');
        let mut files = FileSet::over(taken);
        files.add(path, &self.weights)?;
        files.add(&path.with_extension("json"), &json)?;
        files.publish()
    }
}
