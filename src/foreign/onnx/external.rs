//! Values that lie beside the model, in a file of the same folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::bytes::{Bytes, Damage};
use super::super::error::{Error, Result};
use super::model::Model;
use crate::{files, limits};

/// The files with values, by name.
pub(super) type DataFiles = BTreeMap<String, Vec<u8>>;

/// Reads the files that the initializers of a model name, which must lie in `folder`.
///
/// # Errors
/// When a name leads anywhere else, or a file cannot be read.
pub(super) fn read(model: &Model<'_>, folder: Option<&Path>) -> Result<DataFiles> {
    let mut found = DataFiles::new();
    let mut left = limits::FOREIGN_WEIGHTS_BYTES;
    for tensor in model.initializers.iter().filter(|tensor| tensor.is_external) {
        let name = value(&tensor.external, "location").unwrap_or("");
        if found.contains_key(name) {
            continue;
        }
        let elsewhere = || {
            Error::Unsupported(format!(
                "its values lie in {name:?}, which is no plain name of a file beside it; save the model with its values \
                 in it (onnx.save(onnx.load(\"model.onnx\"), \"whole.onnx\"))"
            ))
        };
        // Separators of every system, whatever this one is.
        if name.is_empty() || name.contains(['/', '\\', ':', '\0']) || matches!(name, "." | "..") {
            return Err(elsewhere());
        }
        let Some(folder) = folder else { return Err(elsewhere()) };
        let path = folder.join(name);
        let missing = |problem: files::Error| {
            Error::Unsupported(format!(
                "its values should lie beside it in {name:?} ({problem}); copy both files together"
            ))
        };
        let metadata = path.symlink_metadata().map_err(|error| missing(error.into()))?;
        if !metadata.is_file() {
            return Err(elsewhere());
        }
        let bytes = files::read(&path, left).map_err(missing)?;
        left = left.saturating_sub(bytes.len() as u64);
        found.insert(name.to_owned(), bytes);
    }
    Ok(found)
}

/// Gives every tensor whose values lie in another file those bytes.
pub(super) fn attach<'a>(model: &mut Model<'a>, files: &'a DataFiles) -> std::result::Result<(), Damage> {
    for tensor in model.initializers.iter_mut().filter(|tensor| tensor.is_external) {
        let number = |key: &str| match value(&tensor.external, key) {
            None => Ok(None),
            Some(text) => {
                text.parse::<u64>().map(Some).map_err(|_| Damage(format!("{key} of {} is {text:?}", tensor.name)))
            }
        };
        let bytes = value(&tensor.external, "location").and_then(|name| files.get(name)).map_or(&[][..], Vec::as_slice);
        let offset = number("offset")?.unwrap_or(0);
        let length = match number("length")? {
            Some(length) => length,
            None => (bytes.len() as u64).saturating_sub(offset),
        };
        tensor.raw = Some(Bytes(bytes).slice(offset, length)?);
    }
    Ok(())
}

fn value<'a>(entries: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    entries.iter().find(|(found, _)| *found == key).map(|(_, value)| *value)
}
