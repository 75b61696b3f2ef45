//! A model as it lies on disk: a card, a graph and weights that fit each other.

use std::path::Path;

use super::architecture::Architecture;
use super::error::{Error, Result};
use super::executor::{Batch, check_classifier};
use super::graph::Graph;
use super::model_card::{CardFile, ModelCard};
use super::weights::Weights;
use super::weights_file::WeightsFile;

/// A model ready for an executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it is; fields the card left out are filled.
    pub card: ModelCard,
    /// Its network.
    pub graph: Graph,
    /// Its weights.
    pub weights: Weights,
    /// SHA-256 of the file of weights, in lower-case hexadecimal.
    pub sha256: String,
}

impl Model {
    /// Reads weights in safetensors and the card beside them (`<stem>.json` or `model.json`). Without a card the
    /// architecture is `asked`, or else told by the tensor names; channels, classes and width are told by the shapes.
    ///
    /// # Errors
    /// When a file cannot be read, the card contradicts itself, the weights or `asked`, or the weights do not fit the
    /// network; the path comes last.
    pub fn open(weights: &Path, asked: Option<Architecture>) -> Result<Self> {
        let file = WeightsFile::open(weights)?;
        let shapes = file.shapes()?;
        let (card, card_path) = if let Some((card, path)) = CardFile::beside(weights)? {
            (card, Some(path))
        } else {
            let found = asked.or_else(|| Architecture::detect(shapes.keys().map(String::as_str)));
            let unknown = || Error::NoArchitecture { known: Architecture::known() }.in_file(weights);
            (CardFile::bare(found.ok_or_else(unknown)?), None)
        };
        let place = card_path.as_deref().unwrap_or(weights);
        let architecture = card.architecture;
        if let Some(asked) = asked.filter(|asked| *asked != architecture) {
            let (card, asked) = (architecture.to_string(), asked.to_string());
            return Err(Error::OtherArchitecture { card, asked }.in_file(place));
        }
        let inferred = architecture.infer(&shapes);
        // Weights of another architecture contradict any card; say so rather than blame a field of it.
        if Architecture::detect(shapes.keys().map(String::as_str)) != Some(architecture) {
            file.weights(&architecture.graph(&inferred))?;
        }
        let card = card.complete(&inferred, file.sha256()).map_err(|error| error.in_file(place))?;
        let graph = architecture.graph(&card.variant());
        let weights = file.weights(&graph)?;
        Ok(Self { card, graph, weights, sha256: file.sha256().to_owned() })
    }

    /// Reads a card and safetensors that are in memory.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn from_bytes(card: &[u8], weights: &[u8]) -> Result<Self> {
        let file = WeightsFile::from_bytes(weights.to_vec());
        let card = CardFile::parse(card)?;
        let inferred = card.architecture.infer(&file.shapes()?);
        let card = card.complete(&inferred, file.sha256())?;
        let graph = card.architecture.graph(&card.variant());
        let weights = file.weights(&graph)?;
        Ok(Self { card, graph, weights, sha256: file.sha256().to_owned() })
    }

    /// Refuses models that localize, for work that needs logits of the whole image.
    ///
    /// # Errors
    /// When it is no classifier.
    pub fn require_classifier(&self) -> Result<()> {
        check_classifier(&self.graph)
    }

    /// Scales a gray image, `size` = `[height, width]`, row-major, values in 0..=255, as the card says. The gray value
    /// goes to every channel.
    ///
    /// # Panics
    /// When there are not height x width values.
    pub fn scale_input(&self, gray: &[f32], size: [usize; 2]) -> Batch {
        let [height, width] = size;
        assert_eq!(gray.len(), height * width, "a gray image holds height x width values");
        let channel = |channel| gray.iter().map(move |value| self.card.scaling.apply(*value, channel));
        Batch::new([1, self.card.channels, height, width], (0..self.card.channels).flat_map(channel).collect())
    }
}
