//! What a model is, in a JSON file beside its weights.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, MAX_WIDTH, Variant};
use super::error::{Error, Result};
use super::weights_file::write_whole;

/// Side of the images of the study, in pixels.
const STUDY_INPUT_PX: usize = 320;

/// How gray values in 0..=255 become the network's input; every step in `f32`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// `x / 255`, `- 0.5`, `* 2`: from -1 to 1, the same in every channel.
    UnitToSymmetric,
    /// `x / 255`, then minus the mean and over the standard deviation of ImageNet's three channels.
    Imagenet,
}

const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

impl Scaling {
    /// The scaling of the study's networks; Keras and torchvision train theirs with the same.
    pub fn of_study(architecture: Architecture) -> Self {
        match architecture {
            Architecture::InceptionV3 => Self::UnitToSymmetric,
            Architecture::DenseNet121 => Self::Imagenet,
        }
    }

    /// Scales one gray value for one channel. Channels beyond ImageNet's three do not occur: [`ModelCard`] refuses them.
    pub fn apply(self, gray: f32, channel: usize) -> f32 {
        let unit = gray / 255.0;
        match self {
            Self::UnitToSymmetric => (unit - 0.5) * 2.0,
            Self::Imagenet => (unit - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel],
        }
    }
}

/// What a model is and how it wants its images. Written as `model.json`, or under the name of the weights with the
/// ending `.json`, in the folder of the weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelCard {
    /// Architecture.
    pub architecture: Architecture,
    /// Multiplier on every layer's channels; 1.0 is the published network.
    pub width: f64,
    /// Images it was made for, `[height, width]` in pixels.
    pub input_size: [usize; 2],
    /// Channels of the image.
    pub channels: usize,
    /// How gray values become its input.
    pub scaling: Scaling,
    /// Names of the classes, one a logit.
    pub classes: Vec<String>,
    /// The class that means a finding; none where that is not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<usize>,
    /// What it was trained on, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// What the weights were converted from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// InceptionV3: average pools count the zeros of their border (torchvision) or not (Keras).
    pub count_include_pad: bool,
    /// InceptionV3: batch normalization has a learned factor (torchvision) or none (Keras).
    pub norm_scale: bool,
    /// DenseNet-121: added to the variance of batch normalization.
    pub norm_eps: f64,
    /// SHA-256 of the file of weights, in lower-case hexadecimal.
    pub sha256: String,
}

/// The card as people write it: all but the architecture may be left out, fields of later versions are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct CardFile {
    pub(super) architecture: Architecture,
    width: Option<f64>,
    input_size: Option<[usize; 2]>,
    channels: Option<usize>,
    scaling: Option<Scaling>,
    classes: Option<Vec<String>>,
    positive_class: Option<usize>,
    trained_on: Option<String>,
    origin: Option<String>,
    count_include_pad: Option<bool>,
    norm_scale: Option<bool>,
    norm_eps: Option<f64>,
    sha256: Option<String>,
}

impl CardFile {
    /// A card that says nothing but the architecture.
    pub(super) fn bare(architecture: Architecture) -> Self {
        Self {
            architecture,
            width: None,
            input_size: None,
            channels: None,
            scaling: None,
            classes: None,
            positive_class: None,
            trained_on: None,
            origin: None,
            count_include_pad: None,
            norm_scale: None,
            norm_eps: None,
            sha256: None,
        }
    }

    /// The card that belongs to `weights`: `<stem>.json` or `model.json` in its folder, with its path.
    pub(super) fn beside(weights: &Path) -> Result<Option<(Self, PathBuf)>> {
        for path in [weights.with_extension("json"), weights.with_file_name("model.json")] {
            match std::fs::read(&path) {
                Ok(json) => {
                    let card = Self::parse(&json).map_err(|error| error.in_file(&path))?;
                    return Ok(Some((card, path)));
                }
                Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
                Err(problem) => return Err(Error::Io { action: "reading the model card", problem }.in_file(&path)),
            }
        }
        Ok(None)
    }

    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(Error::CardSyntax)
    }

    /// Fills what the card leaves out: sizes from `inferred`, which the weights told, the rest by the study's rules
    /// (320x320 pixels, InceptionV3 scaled to -1..1, DenseNet-121 by ImageNet; class 1 of 2 is positive).
    pub(super) fn complete(self, inferred: &Variant, sha256: &str) -> Result<ModelCard> {
        let classes = self.classes.unwrap_or_else(|| (0..inferred.classes).map(|i| format!("class {i}")).collect());
        let positive_by_rule = match classes.len() {
            1 => Some(0),
            2 => Some(1),
            _ => None,
        };
        let card = ModelCard {
            architecture: self.architecture,
            width: self.width.unwrap_or(inferred.width),
            input_size: self.input_size.unwrap_or([STUDY_INPUT_PX; 2]),
            channels: self.channels.unwrap_or(inferred.input_channels),
            scaling: self.scaling.unwrap_or(Scaling::of_study(self.architecture)),
            positive_class: self.positive_class.or(positive_by_rule),
            classes,
            trained_on: self.trained_on,
            origin: self.origin,
            count_include_pad: self.count_include_pad.unwrap_or(inferred.count_include_pad),
            norm_scale: self.norm_scale.unwrap_or(inferred.norm_scale),
            norm_eps: self.norm_eps.unwrap_or(inferred.norm_eps),
            sha256: self.sha256.unwrap_or_else(|| sha256.to_owned()).to_lowercase(),
        };
        card.check(inferred, sha256)?;
        Ok(card)
    }
}

impl ModelCard {
    /// The variant of the architecture it describes.
    pub fn variant(&self) -> Variant {
        Variant {
            input_channels: self.channels,
            classes: self.classes.len(),
            width: self.width,
            count_include_pad: self.count_include_pad,
            norm_scale: self.norm_scale,
            norm_eps: self.norm_eps,
        }
    }

    /// Writes it as JSON under a temporary name and moves it into place.
    ///
    /// # Errors
    /// When it cannot be written; the path comes last.
    pub fn save(&self, path: &Path) -> Result<()> {
        serde_json::to_vec_pretty(self)
            .map_err(Error::CardSyntax)
            .and_then(|json| write_whole(path, &json))
            .map_err(|error| error.in_file(path))
    }

    /// Checks every field against the others, and against what the file of weights says.
    ///
    /// # Errors
    /// Names the first field that contradicts.
    pub fn check(&self, inferred: &Variant, sha256: &str) -> Result<()> {
        let refuse = |field, problem: String| Err(Error::Card { field, problem });
        let min_px = self.architecture.min_input_px();
        if self.sha256 != sha256 {
            return refuse("sha256", format!("is {}, but these weights have {sha256}", self.sha256));
        }
        if !(self.width > 0.0 && self.width <= MAX_WIDTH) {
            return refuse("width", format!("is {}, not a number above 0 and up to {MAX_WIDTH}", self.width));
        }
        let graph = |width| self.architecture.graph(&Variant { width, ..*inferred });
        if graph(self.width) != graph(inferred.width) {
            return refuse("width", format!("is {}, but the weights have width {}", self.width, inferred.width));
        }
        if self.input_size.iter().any(|side| *side < min_px) {
            let [height, width] = self.input_size;
            return refuse("input_size", format!("is {height}x{width}, smaller than {min_px}x{min_px}"));
        }
        if self.channels != inferred.input_channels {
            return refuse(
                "channels",
                format!("is {}, but the weights read {}", self.channels, inferred.input_channels),
            );
        }
        if self.scaling == Scaling::Imagenet && self.channels != IMAGENET_MEAN.len() {
            return refuse(
                "scaling",
                format!("is imagenet, which has 3 channels, but the model reads {}", self.channels),
            );
        }
        if self.classes.len() != inferred.classes {
            let (named, logits) = (self.classes.len(), inferred.classes);
            return refuse("classes", format!("has {named} names, but the weights give {logits} logits"));
        }
        if let Some(class) = self.positive_class.filter(|class| *class >= self.classes.len()) {
            return refuse("positive_class", format!("is {class}, but there are only {} classes", self.classes.len()));
        }
        if !(self.norm_eps.is_finite() && self.norm_eps >= 0.0) {
            return refuse("norm_eps", format!("is {}, not a number from 0 up", self.norm_eps));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CardFile, Scaling, Variant};

    fn complete(json: &str) -> Result<super::ModelCard, String> {
        CardFile::parse(json.as_bytes())
            .and_then(|card| card.complete(&Variant::default(), "ab12"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_card_leaves_out_follows_the_study() {
        let card = complete(r#"{"architecture": "inception_v3", "a_field_of_tomorrow": [1]}"#).unwrap();
        assert_eq!((card.input_size, card.channels, card.width), ([320, 320], 3, 1.0));
        assert_eq!((card.scaling, card.positive_class), (Scaling::UnitToSymmetric, Some(1)));
        assert_eq!(card.sha256, "ab12");
        let card = complete(r#"{"architecture": "densenet_121"}"#).unwrap();
        assert_eq!(card.scaling, Scaling::Imagenet);
    }

    #[test]
    fn a_card_survives_being_written_and_read() {
        let json = r#"{"architecture": "densenet_121", "classes": ["clear", "finding"], "trained_on": "phantoms"}"#;
        let card = complete(json).unwrap();
        assert_eq!(complete(&serde_json::to_string(&card).unwrap()).unwrap(), card);
    }

    #[test]
    fn errors_name_the_field() {
        for (fields, expected) in [
            (r#""sha256": "CD""#, "field `sha256` of the model card is cd, but these weights have ab12"),
            (r#""width": -1"#, "field `width` of the model card is -1, not a number above 0 and up to 16"),
            (r#""width": 0.5"#, "field `width` of the model card is 0.5, but the weights have width 1"),
            (r#""input_size": [320, 60]"#, "field `input_size` of the model card is 320x60, smaller than 75x75"),
            (r#""channels": 1"#, "field `channels` of the model card is 1, but the weights read 3"),
            (r#""classes": ["a"]"#, "field `classes` of the model card has 1 names, but the weights give 2 logits"),
            (r#""positive_class": 2"#, "field `positive_class` of the model card is 2, but there are only 2 classes"),
        ] {
            let json = format!(r#"{{"architecture": "inception_v3", {fields}}}"#);
            assert_eq!(complete(&json).unwrap_err(), expected);
        }
        assert!(complete("{}").unwrap_err().contains("architecture"));
        let wrong_type = complete(r#"{"architecture": "inception_v3", "scaling": "log"}"#).unwrap_err();
        assert!(wrong_type.contains("unit_to_symmetric"), "{wrong_type}");
    }

    #[test]
    fn scaling_follows_the_order_of_the_study() {
        let gray = 77.0_f32;
        let mut x = gray;
        x /= 255.0;
        x -= 0.5;
        x *= 2.0;
        assert_eq!(Scaling::UnitToSymmetric.apply(gray, 2).to_bits(), x.to_bits());
        assert_eq!(Scaling::Imagenet.apply(0.0, 1).to_bits(), (-0.456_f32 / 0.224).to_bits());
    }
}
