//! Units of work: what is computed, failed and kept one by one.

use serde::{Deserialize, Serialize};

/// What a unit makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The map of a method for an image on a network in a state.
    Map,
    /// The likeness of the maps of two images on one network: the randomization baseline.
    ImagePair,
    /// The likeness of the maps of one image on two networks, or, where a second image is named, of the first image on the
    /// first network and the second image on the second one.
    ModelPair,
    /// The map of a network that localizes.
    Localizer,
    /// A map that does not depend on any network: a control, the average mask, an external map.
    Fixed,
    /// The likeness of two maps of unrelated noise.
    NoisePair,
    /// What a classifier says about an image.
    Prediction,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Map, Self::ImagePair, Self::ModelPair, Self::Localizer, Self::Fixed, Self::NoisePair, Self::Prediction];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::ImagePair => "image_pair",
            Self::ModelPair => "model_pair",
            Self::Localizer => "localizer",
            Self::Fixed => "fixed",
            Self::NoisePair => "noise_pair",
            Self::Prediction => "prediction",
        }
    }

    /// Whether a network is asked, and not only compared or drawn.
    pub(super) fn asks_network(self) -> bool {
        matches!(self, Self::Map | Self::Localizer | Self::Prediction)
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One unit of work. Fields that do not matter for its kind are empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// What it makes.
    pub kind: Kind,
    /// Id of the case, which may be a patient's, or `noise 01` and so on.
    pub image: String,
    /// Id of the second case of a pair of images.
    pub other_image: String,
    /// Name of the network.
    pub model: String,
    /// Name of the second network of a pair of networks.
    pub other_model: String,
    /// Name of the network's state.
    pub state: String,
    /// Name of the method.
    pub method: String,
}

impl Unit {
    /// A map.
    pub fn map(image: &str, model: &str, state: &str, method: &str) -> Self {
        Self { model: model.to_owned(), state: state.to_owned(), ..Self::plain(Kind::Map, image, method) }
    }

    /// A pair of images.
    pub fn image_pair(image: &str, other_image: &str, model: &str, method: &str) -> Self {
        let plain = Self::plain(Kind::ImagePair, image, method);
        Self { other_image: other_image.to_owned(), model: model.to_owned(), ..plain }
    }

    /// A pair of networks.
    pub fn model_pair(image: &str, model: &str, other_model: &str, method: &str) -> Self {
        let plain = Self::plain(Kind::ModelPair, image, method);
        Self { model: model.to_owned(), other_model: other_model.to_owned(), ..plain }
    }

    /// A pair of networks, each with an image of its own: what two networks' maps have in common without the image.
    pub fn crossed_pair(image: &str, other_image: &str, model: &str, other_model: &str, method: &str) -> Self {
        Self { other_image: other_image.to_owned(), ..Self::model_pair(image, model, other_model, method) }
    }

    /// The map of a network that localizes.
    pub fn localizer(image: &str, model: &str, method: &str) -> Self {
        Self { model: model.to_owned(), ..Self::plain(Kind::Localizer, image, method) }
    }

    /// A map that does not depend on any network.
    pub fn fixed(image: &str, method: &str) -> Self {
        Self::plain(Kind::Fixed, image, method)
    }

    /// A pair of noise maps, numbered from 1.
    pub fn noise_pair(number: usize) -> Self {
        Self::plain(Kind::NoisePair, &format!("noise {number:02}"), "BLURRED")
    }

    /// What a classifier says.
    pub fn prediction(image: &str, model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::plain(Kind::Prediction, image, "") }
    }

    fn plain(kind: Kind, image: &str, method: &str) -> Self {
        Self {
            kind,
            image: image.to_owned(),
            other_image: String::new(),
            model: String::new(),
            other_model: String::new(),
            state: String::new(),
            method: method.to_owned(),
        }
    }

    /// What it is, without the image, such as `XRAI on inception_v3_1 (Original)`.
    pub fn describe(&self) -> String {
        let Self { model, other_model, state, method, .. } = self;
        match self.kind {
            Kind::Map => format!("{method} on {model} ({state})"),
            Kind::ImagePair => format!("{method} on {model}, compared with another image"),
            Kind::ModelPair if !self.other_image.is_empty() => {
                format!("{method} on {model} compared with {other_model} on another image")
            }
            Kind::ModelPair => format!("{method} on {model} compared with {other_model}"),
            Kind::Localizer => format!("{method} ({model})"),
            Kind::Fixed => method.clone(),
            Kind::NoisePair => "pair of noise maps".to_owned(),
            Kind::Prediction => format!("prediction of {model}"),
        }
    }
}
