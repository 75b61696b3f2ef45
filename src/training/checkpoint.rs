//! Everything a training needs to go on after a pause, in one safetensors file.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::log::Epoch;
use crate::files::{self, Readers};
use crate::limits;
use crate::network::{Moments, Tensor, Weights, read_safetensors};

/// State of a training between two epochs.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub steps: u64,
    /// Weights now.
    pub weights: Weights,
    /// The optimizer's memory.
    pub moments: Moments,
    /// Weights of the best epoch.
    pub best: Weights,
    /// Its number, from 1; 0 before the first.
    pub best_epoch: usize,
    /// Its score on the validation images.
    pub best_score: f64,
    /// Epochs done.
    pub log: Vec<Epoch>,
}

/// What stands beside the tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// What the training was told and on what it ran, field by field.
    told: serde_json::Map<String, serde_json::Value>,
    steps: u64,
    optimizer_steps: u64,
    best_epoch: usize,
    best_score: f64,
    log: Vec<Epoch>,
}

const NOTE: &str = "saliscope.training";

impl Checkpoint {
    pub(super) fn start(weights: Weights, moments: Moments) -> Self {
        let best = weights.clone();
        Self { steps: 0, weights, moments, best, best_epoch: 0, best_score: f64::NEG_INFINITY, log: Vec::new() }
    }

    /// Adds an epoch; a better score makes its weights the best.
    pub(super) fn record(&mut self, epoch: Epoch) {
        if epoch.validation_score > self.best_score {
            self.best = self.weights.clone();
            self.best_epoch = epoch.epoch;
            self.best_score = epoch.validation_score;
        }
        self.log.push(epoch);
    }

    /// Whether the last `patience` epochs brought nothing.
    pub(super) fn is_stale(&self, patience: usize) -> bool {
        patience > 0 && self.log.len() >= self.best_epoch + patience
    }

    /// Writes it whole or not at all. `told` is all that a resumed training must have been told as well.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, told: &serde_json::Map<String, serde_json::Value>, path: &Path) -> Result<()> {
        let failed = |problem: String| Error::Checkpoint { problem, path: path.to_owned() };
        let note = Note {
            told: told.clone(),
            steps: self.steps,
            optimizer_steps: self.moments.steps,
            best_epoch: self.best_epoch,
            // JSON has no infinity; before the first epoch nothing is saved.
            best_score: self.best_score,
            log: self.log.clone(),
        };
        let note = serde_json::to_string(&note).map_err(|error| failed(error.to_string()))?;
        let sets = self.sets();
        let views = sets.iter().flat_map(|(prefix, set)| {
            set.iter().map(move |(name, tensor)| {
                let bytes: &[u8] = bytemuck::cast_slice(&tensor.values);
                TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map(|view| (format!("{prefix}.{name}"), view))
            })
        });
        let views = views.collect::<std::result::Result<Vec<_>, _>>();
        let bytes = views
            .and_then(|views| safetensors::serialize(views, Some(HashMap::from([(NOTE.to_owned(), note)]))))
            .map_err(|error| failed(error.to_string()))?;
        files::write(path, &bytes, Readers::Usual).map_err(|error| failed(files::words(&error)))
    }

    /// Reads one of a training that was told the same.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or was told something else (the message names what).
    pub fn open(told: &serde_json::Map<String, serde_json::Value>, path: &Path) -> Result<Self> {
        let failed = |problem: String| Error::Checkpoint { problem, path: path.to_owned() };
        let bytes = read_safetensors(path, limits::CHECKPOINT_BYTES).map_err(|error| failed(error.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| failed(error.to_string()))?;
        let note = header.metadata().as_ref().and_then(|said| said.get(NOTE));
        let note = note.ok_or_else(|| failed("it is no checkpoint of a training".to_owned()))?;
        let note: Note = serde_json::from_str(note).map_err(|error| failed(error.to_string()))?;
        for (field, value) in told {
            let found = note.told.get(field).unwrap_or(&serde_json::Value::Null);
            if found != value {
                return Err(failed(format!("it was made with {field} {found}, now it is {value}")));
            }
        }
        if let Some((field, value)) = note.told.iter().find(|(field, _)| !told.contains_key(*field)) {
            return Err(failed(format!("it was made with {field} {value}, now it is none")));
        }
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| failed(error.to_string()))?;
        let mut sets = [const { Vec::new() }; 4];
        for (name, view) in tensors.iter() {
            let place = PREFIXES.iter().position(|prefix| name.split_once('.').is_some_and(|(own, _)| own == *prefix));
            let (Some(place), Some((_, own))) = (place, name.split_once('.')) else {
                return Err(failed(format!("it holds a tensor {name}, which no training writes")));
            };
            if view.dtype() != Dtype::F32 {
                return Err(failed(format!("its tensor {name} is not in single precision")));
            }
            let values = bytemuck::pod_collect_to_vec::<u8, f32>(view.data());
            sets[place].push((own.to_owned(), Tensor { shape: view.shape().to_vec(), values }));
        }
        let [weights, best, first, second] = sets.map(|set| {
            let mut weights = Weights::default();
            for (name, tensor) in set {
                weights.insert(name, tensor);
            }
            weights
        });
        let moments = Moments { steps: note.optimizer_steps, first, second };
        let (best_epoch, best_score) = (note.best_epoch, note.best_score);
        Ok(Self { steps: note.steps, weights, moments, best, best_epoch, best_score, log: note.log })
    }

    fn sets(&self) -> [(&'static str, &Weights); 4] {
        let [weights, best, first, second] = PREFIXES;
        [(weights, &self.weights), (best, &self.best), (first, &self.moments.first), (second, &self.moments.second)]
    }
}

const PREFIXES: [&str; 4] = ["weights", "best", "first", "second"];
