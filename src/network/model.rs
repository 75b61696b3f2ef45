//! A model as it lies on disk: a card, a graph and weights that fit each other.

use std::path::Path;

use super::architecture::{Architecture, Variant};
use super::error::{Error, Result};
use super::executor::{Batch, check_classifier};
use super::graph::{Graph, ModelKind};
use super::model_card::{CardFile, ModelCard};
use super::weights::{Tensor, Weights};
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
    /// Whether the file holds two logits, 0 and z, of which the first is a constant: what earlier versions made of a single
    /// logit. It is opened as the single logit z.
    pub had_constant_logit: bool,
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
            let found = asked.or_else(|| Architecture::detect(&shapes));
            let unknown = || Error::NoArchitecture { known: Architecture::known() }.in_file(weights);
            (CardFile::bare(found.ok_or_else(unknown)?), None)
        };
        let place = card_path.as_deref().unwrap_or(weights);
        let architecture = card.architecture;
        if let Some(asked) = asked.filter(|asked| *asked != architecture) {
            let (card, asked) = (architecture.to_string(), asked.to_string());
            return Err(Error::OtherArchitecture { card, asked }.in_file(place));
        }
        let inferred = card.inferred(&shapes);
        // Weights of another architecture contradict any card; say so rather than blame a field of it.
        if architecture != Architecture::Imported && Architecture::detect(&shapes) != Some(architecture) {
            file.weights(&architecture.graph(&inferred))?;
        }
        Self::complete(card, inferred, &file).map_err(|error| match error {
            // The weights name their file themselves.
            Error::File { .. } => error,
            other => other.in_file(place),
        })
    }

    /// Reads a card and safetensors that are in memory.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn from_bytes(card: &[u8], weights: &[u8]) -> Result<Self> {
        let file = WeightsFile::from_bytes(weights.to_vec());
        let card = CardFile::parse(card)?;
        let inferred = card.inferred(&file.shapes()?);
        Self::complete(card, inferred, &file)
    }

    /// Card, graph and weights together; `inferred` is what the shapes tell.
    fn complete(card: CardFile, mut inferred: Variant, file: &WeightsFile) -> Result<Self> {
        let architecture = card.architecture;
        let pair =
            (architecture != Architecture::Imported && inferred.classes == 2).then(|| architecture.graph(&inferred));
        let pair = match pair {
            Some(pair) if has_constant_logit(&pair, file)? => Some(pair),
            _ => None,
        };
        let had_constant_logit = pair.is_some();
        if had_constant_logit {
            inferred.classes = 1;
        }
        let card = card.complete(&inferred, file.sha256())?;
        let graph = card.graph()?;
        let weights = match pair {
            Some(pair) => second_logit(&pair, file.weights(&pair)?)?,
            None => file.weights(&graph)?,
        };
        Ok(Self { card, graph, weights, sha256: file.sha256().to_owned(), had_constant_logit })
    }

    /// What was assumed or changed when it was opened, one sentence each, for whoever asked for it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.card.scaling_assumed {
            notes.push(self.card.assumed_scaling_note());
        }
        if self.card.head_assumed {
            notes.push(self.card.assumed_head_note());
        }
        notes.extend(self.constant_logit_note().map(str::to_owned));
        notes.extend(self.card.folded_norm_note().map(str::to_owned));
        notes.extend(self.card.temperature_note());
        let differs = self.card.checked.as_ref().filter(|checked| !checked.agrees());
        notes.extend(differs.map(|checked| format!("the model {}", checked.words())));
        notes
    }

    /// That the file holds two logits of which the first is a constant, where it does.
    pub fn constant_logit_note(&self) -> Option<&'static str> {
        self.had_constant_logit.then_some(
            "The head has two outputs of which the first is always 0, as earlier versions wrote a single logit z: it is \
             read as that logit, z for the finding and -z against it.",
        )
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
        let channel = |channel| gray.iter().map(move |value| self.card.scale(*value, channel));
        Batch::new([1, self.card.channels, height, width], (0..self.card.channels).flat_map(channel).collect())
    }
}

/// Whether the last layer of a classifier with two logits gives the constant 0 as the first one.
fn has_constant_logit(graph: &Graph, file: &WeightsFile) -> Result<bool> {
    if graph.kind() != ModelKind::Classifier {
        return Ok(false);
    }
    let [weight, bias] = last_layer(graph);
    let Some((weight, bias)) = file.tensor(&weight)?.zip(file.tensor(&bias)?) else {
        return Ok(false);
    };
    let (first, second) = weight.values.split_at(weight.values.len() / 2);
    let is_zero = |values: &[f32]| values.iter().all(|value| *value == 0.0);
    // A head of zeros alone says nothing about either class.
    Ok(is_zero(first) && bias.values.first() == Some(&0.0) && !is_zero(second))
}

/// The weights with the second output of the head alone.
fn second_logit(graph: &Graph, mut weights: Weights) -> Result<Weights> {
    for name in last_layer(graph) {
        let tensor = weights.get(&name)?;
        let mut shape = tensor.shape.clone();
        shape[0] = 1;
        let values = tensor.values[tensor.values.len() / 2..].to_vec();
        weights.insert(name, Tensor { shape, values });
    }
    Ok(weights)
}

/// Names of the tensors that give the logits.
fn last_layer(graph: &Graph) -> [String; 2] {
    ["weight", "bias"].map(|parameter| graph.parameter_name(graph.logits(), parameter))
}
