//! The model that the command line names: a file, or a network that is part of the program.

use std::path::Path;

use super::error::{Error, Result};
use crate::demo;
use crate::network::{Architecture, Model};

/// What stands before the name of a network that is part of the program.
const DEMO: &str = "demo:";

/// Opens `demo:NAME` or a file of weights.
pub(super) fn open(model: &Path, arch: Option<Architecture>) -> Result<Model> {
    let Some(name) = model.to_str().and_then(|text| text.strip_prefix(DEMO)) else {
        return Ok(Model::open(model, arch)?);
    };
    let Some(demo) = demo::model(name) else {
        return Err(Error::Usage(format!("--model: there is no demo model {name:?}, only {}", demo::names())));
    };
    let model = demo.open()?;
    match arch {
        Some(arch) if arch != model.card.architecture => {
            Err(Error::Usage(format!("--arch: the demo model is {}, not {arch}", model.card.architecture)))
        }
        _ => Ok(model),
    }
}

/// The name of a model for reports: that of a demo model, or of the file without its folder and ending.
pub(super) fn name(model: &Path) -> String {
    match model.to_str().and_then(|text| text.strip_prefix(DEMO)) {
        Some(name) => name.to_owned(),
        None => super::report::model_name(model),
    }
}
