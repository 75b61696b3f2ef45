//! All that is not read of a model, at once.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::error::{Error, Result};
use super::super::tensors::counted;
use super::config::{Call, Model};
use super::layer::{Layer, Setting};

/// So many layers of a kind are named.
const NAMED: usize = 3;

/// What every layer does.
///
/// # Errors
/// One error that lists all layers that are not read, by class, with their names.
pub(super) fn layers(config: &Value, model: &Model<'_>, setting: Setting) -> Result<Vec<Layer>> {
    let mut layers = Vec::with_capacity(model.calls.len());
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in &model.calls {
        match Layer::of(call, setting) {
            Ok(layer) => layers.push(layer),
            Err(fault) => {
                let kind =
                    if fault.is_empty() { call.class.to_owned() } else { format!("{} with {fault}", call.class) };
                refused.entry(kind).or_default().push(call.path.join("/"));
            }
        }
    }
    if refused.is_empty() {
        return Ok(layers);
    }
    let mut classes: Vec<(String, Vec<String>)> = refused.into_iter().collect();
    classes.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    let listed: Vec<String> = classes
        .iter()
        .map(|(kind, names)| {
            let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            let more = if names.len() > NAMED { ", ..." } else { "" };
            format!("{} x {kind} ({}{more})", names.len(), shown.join(", "))
        })
        .collect();
    let remedy = if classes.iter().any(|(kind, _)| kind == "Lambda") {
        "a Lambda layer is Python code, which is never run: write it as layers of Keras, or export the model to ONNX"
    } else {
        "replace them by others, or export the model to ONNX"
    };
    Err(Error::Unsupported(format!(
        "{} holds {} that {} not read: {}; {remedy}",
        what(config, model),
        counted(model.calls.len() - layers.len(), "layer"),
        if model.calls.len() - layers.len() == 1 { "is" } else { "are" },
        listed.join(", ")
    )))
}

/// The model in a few words: its name, where that was chosen, else what it is nearest to.
fn what(config: &Value, model: &Model<'_>) -> String {
    let attention = |call: &Call<'_>| call.class.contains("Attention");
    if model.calls.iter().any(attention) {
        return "the model is a transformer (it has layers of attention), of which feature maps are not defined; it"
            .to_owned();
    }
    // The name of a model inside is that of the network it began as.
    let inner = model.calls.iter().find_map(|call| (call.path.len() > 1).then(|| call.path[0]));
    let own = config["config"]["name"].as_str();
    let automatic = |name: &&str| {
        ["model", "functional", "sequential"].iter().any(|begin| {
            name.strip_prefix(begin)
                .is_some_and(|rest| rest.trim_start_matches('_').bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    match inner.into_iter().chain(own).find(|name| !automatic(name)) {
        Some(name) => format!("the model ({name:?})"),
        None => "the model".to_owned(),
    }
}
