//! What is asked of the schedule: images, methods, class, noise.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::network::{Batch, ModelCard};
use crate::watch::Watch;

use super::error::{Error, Result};
use super::explanation::SaliencyMap;
use super::methods::Method;
use super::noise::Noise;
use super::parameters::{Parameters, Preset};
use super::xrai::SegmentCache;

/// Which logit is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassChoice {
    /// The class with the largest logit of the clean image; ties go to the lower index.
    Predicted,
    /// The model's positive class, [`Request::positive_class`].
    Positive,
    /// This class.
    Index(usize),
}

impl fmt::Display for ClassChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicted => f.pad("predicted"),
            Self::Positive => f.pad("positive"),
            Self::Index(class) => write!(f, "{class}"),
        }
    }
}

impl FromStr for ClassChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "predicted" => Ok(Self::Predicted),
            "positive" => Ok(Self::Positive),
            number => {
                number.parse().map(Self::Index).map_err(|_| Error::UnknownClassChoice { text: number.to_owned() })
            }
        }
    }
}

impl Serialize for ClassChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClassChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One image as the model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageInput {
    /// Seed of the image's noise. Derive it from the image's content, never from its position or name, so that the
    /// same image gets the same map in every request.
    pub id_seed: u64,
    /// Scaled pixels, `[1, c, h, w]`.
    pub values: Batch,
}

/// Everything [`explain`](super::explain) needs to know besides the network.
#[derive(Clone, Debug)]
pub struct Request {
    /// Images; they may differ in height and width.
    pub images: Vec<ImageInput>,
    /// Wanted methods; repeated ones count once, maps come in the study's order.
    pub methods: Vec<Method>,
    /// Parameters of the methods.
    pub parameters: Parameters,
    /// The preset the parameters came from, for provenance.
    pub preset: Preset,
    /// The logit to explain.
    pub class: ClassChoice,
    /// Index of the model's positive class, where known.
    pub positive_class: Option<usize>,
    /// Card of the model, which says how gray levels become its input; needed where a baseline is one.
    pub card: Option<Arc<ModelCard>>,
    /// Seed of the noise.
    pub seed: u64,
    /// Noise to use instead of seeded noise; sample k serves the k-th copy of every image.
    pub noise: Option<Arc<Noise>>,
    /// A class for each image, chosen before and explained instead of [`Request::class`], so that another state of the
    /// network is asked the same question.
    pub classes: Option<Vec<usize>>,
    /// Segments of XRAI made before; those that are missing are added.
    pub segments: Option<Arc<SegmentCache>>,
    /// Inputs a pass; the executor's preference when `None`.
    pub batch: Option<usize>,
    /// Whether signed maps, grids and segments are kept beside the maps.
    pub intermediates: bool,
}

impl Request {
    /// A request with the parameters and the class of `preset`, seed 0 and nothing special.
    pub fn new(images: Vec<ImageInput>, methods: Vec<Method>, preset: Preset) -> Self {
        Self {
            images,
            methods,
            parameters: Parameters::of(preset),
            preset,
            class: preset.class(),
            positive_class: None,
            card: None,
            seed: 0,
            noise: None,
            classes: None,
            segments: None,
            batch: None,
            intermediates: false,
        }
    }
}

/// Follows the maps of a running request. A part of [`Watch::progress`] is an evaluation: one input through the network and
/// back. All methods do nothing unless overridden; `()` follows nothing.
pub trait MapWatch: Watch {
    /// The raw map `[h, w]` of `image` as it looks after `k` of `n` parts; finished when `k == n`.
    fn partial(&self, partial: &PartialMap<'_>) {
        let _ = partial;
    }

    /// A map is finished; no other of its request need be.
    fn finished(&self, finished: &FinishedMap<'_>) {
        let _ = finished;
    }

    /// Whether unfinished maps are of interest; making them takes a few milliseconds a batch. Finished maps are reported
    /// in any case.
    fn wants_partial_maps(&self) -> bool {
        false
    }
}

impl MapWatch for () {}

/// A map that is still being refined.
#[derive(Clone, Copy, Debug)]
pub struct PartialMap<'a> {
    /// Position of the image in the request.
    pub image: usize,
    /// Its method; for XRAI the map shows the attribution before segments are merged, until `k == n`.
    pub method: Method,
    /// Raw map `[h, w]`, row-major.
    pub raw: &'a [f32],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Evaluations folded in so far.
    pub k: usize,
    /// Evaluations of the finished map.
    pub n: usize,
}

/// A map as it is finished, before the rest of its request is.
#[derive(Clone, Copy, Debug)]
pub struct FinishedMap<'a> {
    /// Position of the image in the request.
    pub image: usize,
    /// The map with its provenance.
    pub map: &'a SaliencyMap,
    /// Logits of the image.
    pub logits: &'a [f32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_read_back() {
        for choice in [ClassChoice::Predicted, ClassChoice::Positive, ClassChoice::Index(3)] {
            assert_eq!(choice.to_string().parse::<ClassChoice>().unwrap(), choice);
        }
        assert!("-1".parse::<ClassChoice>().is_err());
    }
}
