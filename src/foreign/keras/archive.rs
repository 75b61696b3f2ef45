//! The archive that `model.save("model.keras")` writes: a zip file of `config.json`, `metadata.json` and the weights.

use std::path::Path;

use super::super::bytes::{Bytes, Damage};
use super::super::error::{Error, Result};
use super::super::torch::zip::directory;
use crate::limits;

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// What an archive holds.
pub(super) struct Archive {
    pub(super) config: String,
    /// Version of Keras.
    pub(super) version: Option<String>,
    /// A file of HDF5.
    pub(super) weights: Vec<u8>,
}

fn damaged(problem: String) -> Error {
    Error::Damaged { format: "Keras", problem }
}

/// Whether the name of an entry has this ending.
fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Whether a zip file is one of Keras.
pub(in super::super) fn is_keras(bytes: &[u8]) -> bool {
    directory(Bytes(bytes))
        .is_ok_and(|entries| entries.contains_key(CONFIG) && !entries.keys().any(|name| has_ending(name, "pkl")))
}

pub(super) fn read(bytes: &[u8]) -> Result<Archive> {
    let of_zip = |Damage(problem): Damage| damaged(problem);
    let entries = directory(Bytes(bytes)).map_err(of_zip)?;
    let entry = |name: &str, most: u64| -> Result<Option<Vec<u8>>> {
        let Some(entry) = entries.get(name) else { return Ok(None) };
        if entry.size_bytes > most {
            return Err(damaged(format!("{name} has {} bytes, at most {most} are read", entry.size_bytes)));
        }
        entry.content(Bytes(bytes)).map(Some).map_err(of_zip)
    };
    let text = |name: &str| -> Result<Option<String>> {
        let content = entry(name, limits::KERAS_CONFIG_BYTES as u64)?;
        content.map(|content| String::from_utf8(content).map_err(|_| damaged(format!("{name} is no text")))).transpose()
    };
    let missing = |name: &str| damaged(format!("it has no {name}"));
    let config = text(CONFIG)?.ok_or_else(|| missing(CONFIG))?;
    let metadata = text(METADATA)?.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    // The version is told by the spelling of the configuration, too.
    let version = metadata.and_then(|metadata| metadata["keras_version"].as_str().map(str::to_owned));
    if let Some(weights) = entry(WEIGHTS, limits::UNPACKED_BYTES)? {
        return Ok(Archive { config, version, weights });
    }
    if entries.keys().any(|name| name.starts_with("model.weights") || has_ending(name, "npz")) {
        return Err(Error::Unsupported(
            "this .keras file keeps its weights in several parts; load it in Keras and save it with model.save(\"model.keras\")"
                .to_owned(),
        ));
    }
    Err(missing(WEIGHTS))
}
