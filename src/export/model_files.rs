//! A model of another program as a model of ours: weights and card, both or neither.

use std::path::Path;

use super::place::Taken;
use super::{FileSet, Result};
use crate::foreign::{Foreign, Statements};
use crate::network::{ModelCard, Precision, sha256_hex};

/// Writes the weights of `foreign` as safetensors to `weights` and the card that `statements` make beside them, with the
/// ending `.json`.
///
/// # Errors
/// When statements contradict the weights, or a file cannot be written; then neither is.
pub(crate) fn write_model(
    foreign: &Foreign,
    statements: &Statements,
    weights: &Path,
    taken: Taken,
) -> Result<ModelCard> {
    let tensors = foreign.weights.to_safetensors(Precision::Single)?;
    let card = statements.card(foreign, &sha256_hex(&tensors))?;
    let mut files = FileSet::over(taken);
    files.add(weights, &tensors)?;
    files.add(&weights.with_extension("json"), &card.to_json()?)?;
    files.publish()?;
    Ok(card)
}
