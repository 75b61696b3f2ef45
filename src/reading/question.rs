//! What is asked of a model about a case, and the name of the answer.

use serde::{Deserialize, Serialize};

use super::case::OpenCase;
use super::model::OpenModel;
use crate::cohort::TruthRule;
use crate::saliency::methods::Reads;
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

    /// The parameters for one model: under the recommended preset paths begin at its own black, and what belongs to
    /// another network gives way to the preset's value.
    pub fn parameters_for(&self, model: &OpenModel) -> Parameters {
        let mut parameters = self.parameters.clone();
        let usual = Parameters::of(self.preset);
        if self.lacks_node(model) {
            parameters.gcam.clone_from(&usual.gcam);
        }
        let parameters = parameters.for_channels(model.model.card.channels, &usual);
        parameters.at_own_black(self.preset, &model.model.card)
    }

    /// What of the parameters of `method` belongs to another network, in a sentence.
    pub fn misfit(&self, model: &OpenModel, method: Method) -> Option<&'static str> {
        if method.spec().reads(Reads::Activation) && self.lacks_node(model) {
            return Some("This model has no such node: its last feature map is read");
        }
        let channels = model.model.card.channels;
        let is_other = !self.parameters.used_by(method).baselines().into_iter().all(|baseline| baseline.fits(channels));
        is_other.then_some(if method.spec().reads(Reads::Path) {
            "This model reads another number of channels: paths begin as the preset says"
        } else {
            "This model reads another number of channels: the image is covered as the preset says"
        })
    }

    fn lacks_node(&self, model: &OpenModel) -> bool {
        let node = self.parameters.gcam.node.as_deref();
        node.is_some_and(|node| model.model.graph.find(node).is_err())
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
        let parameters = self.parameters_for(model).used_by(method);
        let noise = parameters.noise().map(|_| self.seed);
        let parameters = serde_json::to_string(&parameters).unwrap_or_default();
        MapKey {
            content: case.content.clone(),
            marks: case.marks_digest(),
            model: model.identity().to_owned(),
            method,
            class: self.class_for(model),
            preset: self.preset,
            parameters: format!("{parameters} {}", self.parameters.clip_percentile),
            noise,
        }
    }
}

/// Everything that a map and its scores depend on; equal keys are equal maps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapKey {
    /// Content of the case.
    pub content: String,
    /// Hash of what experts marked, for the scores.
    marks: [u8; 32],
    /// Names the model: [`OpenModel::identity`].
    pub model: String,
    /// The method.
    pub method: Method,
    class: ClassChoice,
    preset: Preset,
    parameters: String,
    noise: Option<u64>,
}
