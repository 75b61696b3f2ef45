//! What a Keras model says about its outputs: the activation behind its last layer.

use serde_json::Value;

use crate::network::Output;

/// Models in models are looked into so deep; Keras' own are two deep.
const MAX_DEPTH: usize = 8;

/// How the outputs of the model that `model_config` describes become probabilities; none where it does not say.
///
/// Layers come in the order in which they were made, so that the last one with an activation of outputs decides.
pub(super) fn output(model_config: &str) -> Option<Output> {
    // A configuration that is no JSON says nothing; the weights are checked on their own.
    let config: Value = serde_json::from_str(model_config).ok()?;
    let mut found = None;
    look(&config, MAX_DEPTH, &mut found);
    found
}

fn look(layer: &Value, depth: usize, found: &mut Option<Output>) {
    let config = &layer["config"];
    match layer["class_name"].as_str() {
        // Raw logits until a later layer says otherwise.
        Some("Dense") => *found = named(&config["activation"]),
        Some("Activation") => *found = named(&config["activation"]).or(*found),
        Some("Softmax") => *found = Some(Output::Softmax),
        _ => {}
    }
    // Sequential models of early versions list their layers without a name around them.
    let layers = config["layers"].as_array().or_else(|| config.as_array());
    for layer in layers.into_iter().flatten().filter(|_| depth > 0) {
        look(layer, depth - 1, found);
    }
}

/// An activation by its name, or as the function that Keras writes in its place.
fn named(activation: &Value) -> Option<Output> {
    match activation.as_str().or_else(|| activation["config"].as_str())? {
        "softmax" => Some(Output::Softmax),
        "sigmoid" => Some(Output::Sigmoid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(layers: &str) -> Option<Output> {
        output(&format!(r#"{{"class_name": "Functional", "config": {{"layers": [{layers}]}}}}"#))
    }

    #[test]
    fn the_last_activation_decides() {
        let dense =
            |activation: &str| format!(r#"{{"class_name": "Dense", "config": {{"activation": {activation}}}}}"#);
        let relu = r#"{"class_name": "Activation", "config": {"activation": "relu"}}"#;
        assert_eq!(of(&dense(r#""sigmoid""#)), Some(Output::Sigmoid));
        assert_eq!(of(&dense(r#"{"class_name": "function", "config": "softmax"}"#)), Some(Output::Softmax));
        assert_eq!(of(&format!("{relu}, {}", dense(r#""linear""#))), None);
        let behind = r#"{"class_name": "Activation", "config": {"activation": "sigmoid"}}"#;
        assert_eq!(of(&format!("{}, {behind}", dense(r#""linear""#))), Some(Output::Sigmoid));
        assert_eq!(of(&format!("{}, {}", dense("null"), r#"{"class_name": "Softmax"}"#)), Some(Output::Softmax));
        let nested = format!(r#"{{"class_name": "Sequential", "config": {{"layers": [{}]}}}}"#, dense(r#""sigmoid""#));
        assert_eq!(of(&nested), Some(Output::Sigmoid));
        assert_eq!(output("no JSON"), None);
    }
}
