//! A network opened for asking.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Error, Result};
use crate::demo;
use crate::network::{self, Executor, Model, ModelCard, Output, Runtime};

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A network that is part of the program, by its name.
    Demo(String),
    /// A file of weights.
    File(PathBuf),
}

impl ModelSource {
    /// What a list calls it: the demo model's name or the file's stem.
    pub fn title(&self) -> String {
        match self {
            Self::Demo(name) => name.clone(),
            Self::File(path) => {
                path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
            }
        }
    }
}

/// A classifier in memory; its executor is made when it is first asked something.
pub struct OpenModel {
    /// Where it came from.
    pub source: ModelSource,
    /// What a list calls it.
    pub title: String,
    /// Card, graph, weights.
    pub model: Model,
    identity: String,
    /// The latest, and where it runs.
    executor: Mutex<Option<(Runtime, Arc<dyn Executor>)>>,
}

/// What a model says of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// One a class, or a single one.
    pub logits: Vec<f32>,
    /// One a class, 0 to 1; none where nobody said how the model's logits become probabilities.
    pub probabilities: Option<Vec<f64>>,
    /// How they were made.
    output: Option<Output>,
}

impl Prediction {
    /// Of these logits of a model.
    pub fn of(logits: &[f32], card: &ModelCard) -> Self {
        Self { logits: logits.to_vec(), probabilities: card.probabilities(logits), output: card.output }
    }

    /// The class that the logits most speak for.
    pub fn class(&self) -> usize {
        network::predicted_class(&self.logits)
    }

    /// Whether the model says that this class is there; none where nobody said how its logits become probabilities.
    pub fn finds(&self, class: usize) -> Option<bool> {
        match self.output? {
            Output::Softmax => Some(self.class() == class),
            Output::Sigmoid => Some(self.probability(class)? >= 0.5),
        }
    }

    /// Probability of a class, 0 to 1, where it is known.
    pub fn probability(&self, class: usize) -> Option<f64> {
        self.probabilities.as_ref()?.get(class).copied()
    }
}

impl OpenModel {
    /// Reads a model.
    ///
    /// # Errors
    /// When it cannot be read or is no classifier.
    pub fn open(source: ModelSource) -> Result<Self> {
        let model = match &source {
            ModelSource::Demo(name) => {
                demo::model(name).ok_or_else(|| Error::UnknownDemo { name: name.clone() })?.open()?
            }
            ModelSource::File(path) => Model::open(path, None)?,
        };
        model.require_classifier()?;
        // The same weights with another scaling or another graph are another model.
        let mut content = model.card.to_json()?;
        content.extend_from_slice(model.sha256.as_bytes());
        let identity = network::sha256_hex(&content);
        Ok(Self { title: source.title(), source, model, identity, executor: Mutex::default() })
    }

    /// Names the weights.
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// Names the weights and what the card says of them: equal ones give equal maps.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// What runs it on `runtime`; made anew where it ran elsewhere before.
    ///
    /// # Errors
    /// When the weights do not fit or the device fails.
    pub fn executor(&self, runtime: &Runtime) -> Result<Arc<dyn Executor>> {
        let latest = || self.executor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((place, executor)) = &*latest()
            && place.is_same_place(runtime)
        {
            return Ok(Arc::clone(executor));
        }
        let made: Arc<dyn Executor> = runtime.executor(&self.model.graph, &self.model.weights)?.into();
        *latest() = Some((runtime.clone(), Arc::clone(&made)));
        Ok(made)
    }

    /// What ran it last, in words such as `cpu (avx512, 2 threads)`, once it was asked something.
    pub fn device(&self) -> Option<String> {
        let latest = self.executor.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().map(|(_, executor)| executor.describe())
    }

    /// The class whose probability lists show: the card's positive class, or the predicted one where it names none.
    pub fn listed_class(&self, prediction: &Prediction) -> usize {
        self.model.card.positive_class.unwrap_or_else(|| prediction.class())
    }

    /// The name of a class, or its number where the card names none.
    pub fn class_name(&self, class: usize) -> String {
        self.model.card.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}
