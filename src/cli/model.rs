//! The model that the command line names: a file, or a network that is part of the program.

use std::path::Path;

use super::arguments::OutputChoice;
use super::console;
use super::error::{Error, Result};
use crate::demo;
use crate::network::{Architecture, Model, ModelKind};

/// What stands before the name of a network that is part of the program.
const DEMO: &str = "demo:";

/// Opens `demo:NAME` or a file of weights, of which the outputs become probabilities as `output` says, else as the card.
pub(super) fn open(path: &Path, arch: Option<Architecture>, output: Option<OutputChoice>) -> Result<Model> {
    let mut model = open_as_it_is(path, arch)?;
    if let Some(output) = output {
        let refuse = |error| Error::Usage(format!("--output: {error}"));
        model.card = model.card.with_output(output.into()).map_err(refuse)?;
    }
    Ok(model)
}

/// Refuses a classifier of which nobody said how its outputs become probabilities.
pub(super) fn require_output(model: &Model) -> Result<()> {
    match model.card.known_output() {
        Err(_) if model.card.kind == ModelKind::Classifier => Err(Error::Usage(format!(
            "the model has {} outputs, and nothing says how they become probabilities: give --output sigmoid (each label by \
             itself) or --output softmax (exactly one of them), or write `output` into its model card",
            model.card.logits
        ))),
        _ => Ok(()),
    }
}

/// Says on standard error what was assumed when the model was opened.
pub(super) fn print_notes(model: &Model, quiet: bool) {
    if quiet {
        return;
    }
    for note in model.notes() {
        console::tell(format_args!("note: {note}"));
    }
}

fn open_as_it_is(model: &Path, arch: Option<Architecture>) -> Result<Model> {
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
