//! What is asked of a model about a case, and the name of the answer.

use serde::{Deserialize, Serialize};

use super::case::OpenCase;
use super::model::OpenModel;
use crate::cohort::TruthRule;
use crate::saliency::{ClassChoice, Method, Parameters, Preset};

/// Which class is explained, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Where the parameters came from.
    pub preset: Preset,
    /// The logit explained.
    pub class: ClassChoice,
    /// Every parameter of every method.
    pub parameters: Parameters,
    /// Seed of the noise.
    pub seed: u64,
}

impl Question {
    /// What a preset asks.
    pub fn of(preset: Preset) -> Self {
        Self { preset, class: preset.class(), parameters: Parameters::of(preset), seed: 0 }
    }

    /// The class asked about where a model has no positive class: the predicted one instead.
    pub fn class_for(&self, model: &OpenModel) -> ClassChoice {
        match self.class {
            ClassChoice::Positive if model.model.card.positive_class.is_none() => ClassChoice::Predicted,
            ClassChoice::Index(class) if class >= model.model.graph.classes() => ClassChoice::Predicted,
            choice => choice,
        }
    }

    /// The parameters for the input of one model: under the recommended preset paths begin at its own black.
    pub fn parameters_for(&self, model: &OpenModel) -> Parameters {
        self.parameters.clone().at_own_black(self.preset, &model.model.card)
    }

    /// How experts' marks are brought to the size of its maps.
    pub fn truth_rule(&self) -> TruthRule {
        match self.preset {
            Preset::Arun2021 => TruthRule::Study,
            Preset::Recommended => TruthRule::AreaExact,
        }
    }

    /// Names the map of `method` by everything that it depends on.
    pub fn key(&self, case: &OpenCase, model: &OpenModel, method: Method) -> MapKey {
        let parameters = serde_json::to_string(&self.parameters_for(model).used_by(method)).unwrap_or_default();
        let noise = matches!(method, Method::Sg | Method::Sig).then_some(self.seed);
        MapKey {
            content: case.content.clone(),
            model: model.model.sha256.clone(),
            method,
            class: self.class_for(model),
            preset: self.preset,
            parameters: format!("{parameters} {}", self.parameters.clip_percentile),
            noise,
        }
    }
}

/// Everything that a map depends on; equal keys are equal maps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapKey {
    /// Content of the case.
    pub content: String,
    /// SHA-256 of the weights.
    pub model: String,
    /// The method.
    pub method: Method,
    class: ClassChoice,
    preset: Preset,
    parameters: String,
    noise: Option<u64>,
}
