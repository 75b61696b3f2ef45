//! Activations of Keras.

use serde_json::Value;

use crate::network::Nonlinearity;

/// A function of the values of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    /// The values as they are.
    Linear,
    Relu,
    /// Another function of each value.
    Of(Nonlinearity),
    /// Probabilities of a choice: only behind the logits.
    Softmax,
    /// Their logarithms.
    LogSoftmax,
}

impl Function {
    /// Whether its result is never negative and its derivative is 0 where the result is, so that a border of zeros in a max
    /// pool changes neither value nor gradient.
    pub(super) fn is_rectifier(self) -> bool {
        match self {
            Self::Relu => true,
            Self::Of(function) => function.is_gate(),
            Self::Linear | Self::Softmax | Self::LogSoftmax => false,
        }
    }
}

/// What is wrong with a layer, in a few words.
pub(super) type Fault = String;

/// An activation by its name, or as the function or layer that Keras writes in its place. `major` is the version of Keras,
/// 2 or 3: their hard sigmoids differ.
pub(super) fn named(activation: &Value, major: u64) -> Result<Function, Fault> {
    if activation.is_null() {
        return Ok(Function::Linear);
    }
    if let Some(class) = activation["class_name"].as_str().filter(|class| *class != "function") {
        return layer(class, &activation["config"], major).unwrap_or_else(|| Err(format!("activation {class:?}")));
    }
    let name = activation.as_str().or_else(|| activation["config"].as_str());
    let name = name.ok_or_else(|| "an activation without a name".to_owned())?;
    Ok(match name {
        "linear" => Function::Linear,
        "relu" => Function::Relu,
        "relu6" => Function::Of(Nonlinearity::RELU6),
        "sigmoid" => Function::Of(Nonlinearity::Sigmoid),
        "softmax" => Function::Softmax,
        "log_softmax" => Function::LogSoftmax,
        "swish" | "silu" => Function::Of(Nonlinearity::Silu),
        "hard_sigmoid" => Function::Of(hard_sigmoid(major)),
        "hard_swish" | "hard_silu" => Function::Of(Nonlinearity::HardSwish),
        "gelu" => Function::Of(Nonlinearity::Gelu),
        "tanh" => Function::Of(Nonlinearity::Tanh),
        "elu" => Function::Of(Nonlinearity::Elu { alpha: 1.0 }),
        // Its slope is 0.2 in both versions.
        "leaky_relu" => Function::Of(Nonlinearity::LeakyRelu { slope: 0.2 }),
        other => return Err(format!("activation {other:?}")),
    })
}

/// Keras 2: `0.2 x + 0.5`, Keras 3: `x / 6 + 0.5`, both held between 0 and 1.
fn hard_sigmoid(major: u64) -> Nonlinearity {
    if major < 3 { Nonlinearity::HardSigmoid { slope: 0.2, offset: 0.5 } } else { Nonlinearity::HARD_SIGMOID }
}

/// The function of a layer that is nothing else; none for other classes.
pub(super) fn layer(class: &str, config: &Value, major: u64) -> Option<Result<Function, Fault>> {
    let number = |keys: &[&str], usual: f64| {
        let found = keys.iter().map(|key| &config[*key]).find(|value| !value.is_null());
        // Arrays of one number are written as objects.
        let number = found.map(|value| if value.is_object() { &value["config"]["value"] } else { value });
        number.map_or(Ok(usual), |value| value.as_f64().ok_or_else(|| "a setting that is no number".to_owned()))
    };
    Some(match class {
        "Activation" => named(&config["activation"], major),
        "Softmax" => match config["axis"].as_i64() {
            None | Some(-1 | 1) => Ok(Function::Softmax),
            Some(axis) => Err(format!("axis {axis}")),
        },
        "ReLU" => {
            relu(number(&["max_value"], f64::INFINITY), number(&["negative_slope"], 0.0), number(&["threshold"], 0.0))
        }
        "LeakyReLU" => number(&["negative_slope", "alpha"], 0.3)
            .map(|slope| Function::Of(Nonlinearity::LeakyRelu { slope: slope as f32 })),
        "ELU" => number(&["alpha"], 1.0).map(|alpha| Function::Of(Nonlinearity::Elu { alpha: alpha as f32 })),
        _ => return None,
    })
}

fn relu(most: Result<f64, Fault>, slope: Result<f64, Fault>, threshold: Result<f64, Fault>) -> Result<Function, Fault> {
    match (most?, slope?, threshold?) {
        (most, 0.0, 0.0) if most == f64::INFINITY => Ok(Function::Relu),
        (most, 0.0, 0.0) if most > 0.0 => Ok(Function::Of(Nonlinearity::Clip { low: 0.0, high: most as f32 })),
        (most, slope, 0.0) if most == f64::INFINITY => {
            Ok(Function::Of(Nonlinearity::LeakyRelu { slope: slope as f32 }))
        }
        (most, slope, threshold) => {
            Err(format!("max_value {most}, negative_slope {slope} and threshold {threshold} together"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hard_sigmoid_is_that_of_the_version() {
        let of = |major| named(&json!("hard_sigmoid"), major);
        assert_eq!(of(2), Ok(Function::Of(Nonlinearity::HardSigmoid { slope: 0.2, offset: 0.5 })));
        assert_eq!(of(3), Ok(Function::Of(Nonlinearity::HARD_SIGMOID)));
    }

    #[test]
    fn activations_are_read_in_every_spelling() {
        let relu6 =
            json!({"class_name": "ReLU", "config": {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}});
        assert_eq!(named(&relu6, 3), Ok(Function::Of(Nonlinearity::RELU6)));
        let function =
            json!({"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"});
        assert_eq!(named(&function, 3), Ok(Function::Relu));
        assert_eq!(named(&Value::Null, 2), Ok(Function::Linear));
        assert!(named(&json!("my_activation"), 3).is_err());
        let leaky = |config: Value| layer("LeakyReLU", &config, 3).unwrap().unwrap();
        let slope = |slope| Function::Of(Nonlinearity::LeakyRelu { slope });
        assert_eq!(leaky(json!({"alpha": 0.1})), slope(0.1));
        assert_eq!(leaky(json!({"negative_slope": 0.25})), slope(0.25));
        assert_eq!(
            leaky(json!({"alpha": {"class_name": "__numpy__", "config": {"value": 0.5, "dtype": "float32"}}})),
            slope(0.5)
        );
        assert!(layer("ReLU", &json!({"threshold": 1.0}), 3).unwrap().is_err());
    }
}
