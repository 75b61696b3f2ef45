//! Parameters of a preset for one model, and values laid over them.

use serde::Deserialize as _;
use serde_json::Value;

use super::error::{Error, Result};
use super::parameters::{Baseline, Parameters, Preset};
use crate::network::{ModelCard, Scaling};

impl Parameters {
    /// The defaults of a preset for the input of one model. The study's baseline is -1 whatever the scale of the input;
    /// the recommended one is the model's own black, the scaled value of gray 0.
    pub fn for_model(preset: Preset, card: &ModelCard) -> Self {
        Self::of(preset).at_own_black(preset, card)
    }

    /// The same parameters, but where `preset` recommends it, paths that begin at -1 begin at the model's own black.
    #[must_use]
    pub fn at_own_black(mut self, preset: Preset, card: &ModelCard) -> Self {
        // Black is -1 where the input spans -1 to 1.
        let is_symmetric = card.scaling == Scaling::UnitToSymmetric && !card.transform_input;
        if preset == Preset::Recommended && !is_symmetric {
            let black = Baseline::Channels((0..card.channels).map(|c| card.scale(0.0, c)).collect());
            for baseline in [&mut self.ig.baseline, &mut self.sig.path.baseline] {
                if *baseline == Baseline::Value(-1.0) {
                    *baseline = black.clone();
                }
            }
        }
        self
    }

    /// These parameters with the values of JSON objects such as `{"sg": {"samples": 10}}` in their places, one after the
    /// other. A baseline is replaced as a whole.
    ///
    /// # Errors
    /// When an object names no parameter, a group takes the place of a value or the reverse, or a value has another kind.
    pub fn overridden(&self, patches: impl IntoIterator<Item = Value>) -> Result<Self> {
        let refuse = |error: serde_json::Error| Error::Overrides(format!("the parameters do not fit: {error}"));
        let mut values = self.places().map_err(refuse)?;
        for patch in patches {
            lay_over(&mut values, patch, "")?;
        }
        serde_json::from_value(values).map_err(refuse)
    }
}

fn lay_over(values: &mut Value, patch: Value, place: &str) -> Result<()> {
    match (values, patch) {
        (Value::Object(values), Value::Object(patch)) => {
            for (key, patch) in patch {
                let known = values.keys().cloned().collect::<Vec<_>>().join(", ");
                let inner = values
                    .get_mut(&key)
                    .ok_or_else(|| Error::Overrides(format!("there is no parameter {place}{key}, only {known}")))?;
                if Baseline::deserialize(&*inner).is_ok() {
                    // Its kinds exclude each other: it is replaced as a whole.
                    *inner = patch;
                } else {
                    lay_over(inner, patch, &format!("{place}{key}."))?;
                }
            }
            Ok(())
        }
        (Value::Object(values), _) => {
            let known = values.keys().cloned().collect::<Vec<_>>().join(", ");
            let place = if place.is_empty() { "the parameters" } else { place.trim_end_matches('.') };
            Err(Error::Overrides(format!("{place} is a group of parameters: {known}")))
        }
        (value, patch) => {
            *value = patch;
            Ok(())
        }
    }
}
