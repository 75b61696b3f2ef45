//! Parameters of a preset for one model, and values laid over them.

use serde::Deserialize as _;
use serde_json::Value;

use super::error::{Error, Result};
use super::methods::Method;
use super::parameters::{Baseline, ParameterGroup, Parameters, Preset};
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

    /// Each parameter that one of `methods` reads.
    pub fn places_of(&self, methods: &[Method]) -> Vec<Place> {
        let mut changed = self.clone();
        for method in methods {
            for group in method.spec().groups(&mut changed) {
                touch(group);
            }
        }
        let of = |parameters: &Self| match parameters.places() {
            Ok(Value::Object(groups)) => groups,
            // Numbers and words can be written.
            Ok(_) | Err(_) => serde_json::Map::new(),
        };
        let (usual, changed) = (of(self), of(&changed));
        let mut places = Vec::new();
        for (group, value) in usual {
            // What no group holds is read by every method.
            if !value.is_object() || changed.get(&group) != Some(&value) {
                add_places(&mut places, group, value);
            }
        }
        places
    }

    /// Takes out of a patch for parameters of `preset` what changes nothing.
    pub fn drop_usual(preset: Preset, patch: &mut serde_json::Map<String, Value>) {
        if let Ok(usual) = Self::of(preset).places() {
            drop_equal(patch, &usual, "", preset);
        }
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

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its place, such as `sg.samples`.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it is as usual, some presets take another value for some models.
    pub is_of_model: bool,
}

/// Parameters in whose place the recommended preset puts the model's own black.
const OF_MODEL: [&str; 2] = ["ig.baseline", "sig.path.baseline"];

fn add_places(places: &mut Vec<Place>, name: String, value: Value) {
    match value {
        Value::Object(inner) if Baseline::deserialize(&Value::Object(inner.clone())).is_err() => {
            for (key, value) in inner {
                add_places(places, format!("{name}.{key}"), value);
            }
        }
        value => places.push(Place { is_of_model: OF_MODEL.contains(&name.as_str()), name, value }),
    }
}

/// Makes a group of parameters another one.
fn touch(group: ParameterGroup<'_>) {
    match group {
        ParameterGroup::Noise(noise) => noise.samples += 1,
        ParameterGroup::Path(path) => path.steps += 1,
        ParameterGroup::Node(node) => node.node = Some(String::new()),
        ParameterGroup::Segments(xrai) => xrai.ig_steps += 1,
        ParameterGroup::Occlusion(occlusion) => occlusion.patch_px += 1,
    }
}

fn drop_equal(patch: &mut serde_json::Map<String, Value>, usual: &Value, place: &str, preset: Preset) {
    patch.retain(|key, value| {
        let name = format!("{place}{key}");
        let Some(usual) = usual.get(key) else { return true };
        if preset == Preset::Recommended && OF_MODEL.contains(&name.as_str()) {
            return true;
        }
        match value {
            Value::Object(inner) if usual.is_object() && Baseline::deserialize(usual).is_err() => {
                drop_equal(inner, usual, &format!("{name}."), preset);
                !inner.is_empty()
            }
            // 99 and 99.0 are one percentile.
            Value::Number(number) if usual.is_number() => number.as_f64() != usual.as_f64(),
            value => value != usual,
        }
    });
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
