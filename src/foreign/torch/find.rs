//! The networks in a file: dictionaries of tensors and whole modules, each with the place it was found at.

use std::collections::HashSet;

use super::super::error::{Error, Result};
use super::super::names::{Layer, Listing};
use super::pickle::{Instance, Object, Pickle, Tensor};
use super::{MAX_NAME_BYTES, damaged, modules};
use crate::limits;

/// Where checkpoints keep averaged weights, which their programs use where there are any.
const AVERAGED: [&str; 6] =
    ["state_dict_ema", "model_state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema"];
/// Where they keep the weights, the likeliest first.
const PLACES: [&str; 10] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
    "params",
    "module",
    "net_state_dict",
];
/// Names by which checkpoints tell the architecture.
const ARCHITECTURE: [&str; 6] = ["arch", "architecture", "model_name", "model_type", "backbone", "encoder_name"];
/// Dictionaries in dictionaries are looked into so deep.
const MAX_DEPTH: usize = 4;

/// Something in a file that holds tensors by name.
#[derive(Debug)]
pub(super) struct Network {
    /// Keys on the way to it, joined by dots; empty where the file is nothing else.
    pub(super) place: String,
    /// Its tensors by name.
    pub(super) tensors: Vec<(String, Tensor)>,
    /// Its layers, where it is a whole module.
    pub(super) layers: Vec<Layer>,
}

impl Network {
    /// Whether its weights are averages over the steps of a training.
    pub(super) fn is_averaged(&self) -> bool {
        AVERAGED.contains(&self.place.rsplit('.').next().unwrap_or_default())
    }

    /// How likely it is that this is what the file is about; the smallest is the likeliest.
    pub(super) fn rank(&self) -> usize {
        let last = self.place.rsplit('.').next().unwrap_or_default();
        if last.is_empty() {
            return 0;
        }
        if self.is_averaged() {
            return 1;
        }
        PLACES.iter().position(|place| *place == last).map_or(usize::MAX, |place| place + 2)
    }

    /// Names and shapes.
    pub(super) fn listing(&self) -> Listing {
        Listing {
            tensors: self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect(),
            layers: self.layers.clone(),
            ordered: true,
        }
    }
}

/// Everything that a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) networks: Vec<Network>,
    /// What it says its architecture is called.
    pub(super) architecture: Option<String>,
    /// Class of an object that is not looked into.
    pub(super) unknown: Option<String>,
    /// Whether weights are quantized.
    pub(super) quantized: bool,
}

/// Looks through dictionaries, modules and the attributes of other objects.
pub(super) fn contents(pickle: &Pickle) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut seen = HashSet::from([pickle.root()]);
    let mut waiting = vec![(String::new(), pickle.root(), 0)];
    let mut tensor_count = 0;
    while let Some((place, id, depth)) = waiting.pop() {
        if contents.networks.len() > limits::PICKLE_NETWORKS || tensor_count > limits::PICKLE_TENSORS {
            return Err(damaged("it has too many tensors"));
        }
        if modules::is_module(pickle, id) {
            let modules::Module { tensors, layers } = modules::read(pickle, id)?;
            tensor_count += tensors.len();
            contents.networks.push(Network { place, tensors, layers });
            continue;
        }
        if place.is_empty()
            && let Object::Instance(Instance { class, .. }) = pickle.get(id)
        {
            contents.unknown = Some(class.to_string());
        }
        let mut tensors = Vec::new();
        let attributes = pickle.attributes(id).into_iter().flat_map(|state| pickle.entries(state));
        let mut inner = Vec::new();
        for (name, value) in pickle.entries(id).chain(attributes) {
            if name.len() > MAX_NAME_BYTES {
                return Err(damaged(format!("a tensor has a name of {} bytes", name.len())));
            }
            match pickle.get(value) {
                Object::Tensor(tensor) if tensors.len() <= limits::PICKLE_TENSORS => {
                    tensors.push((name.to_owned(), tensor.clone()));
                }
                Object::Text(text) if ARCHITECTURE.contains(&name) && text.len() <= MAX_NAME_BYTES => {
                    contents.architecture.get_or_insert_with(|| text.clone());
                }
                Object::Instance(Instance { class, .. }) if class.contains("_rebuild_qtensor") => {
                    contents.quantized = true;
                }
                Object::Dict(_) | Object::Instance(_) if depth < MAX_DEPTH && seen.insert(value) => {
                    let inside = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
                    inner.push((inside, value, depth + 1));
                }
                _ => {}
            }
        }
        // In the order of the file.
        waiting.extend(inner.into_iter().rev());
        if !tensors.is_empty() {
            tensor_count += tensors.len();
            contents.networks.push(Network { place, tensors, layers: Vec::new() });
        }
    }
    Ok(contents)
}

/// Refuses a file in which no network is known, naming what it holds.
pub(super) fn nothing_known(contents: &Contents, is_script: bool) -> Error {
    let tensors: usize = contents.networks.iter().map(|network| network.tensors.len()).sum();
    let problem = match &contents.unknown {
        _ if is_script && tensors == 0 => {
            "the file is a TorchScript program whose weights are constants of its code (a frozen \
             program); save the weights of the model it was made from (torch.save(model.state_dict(), new_file))"
                .to_owned()
        }
        _ if contents.quantized => {
            "the weights are quantized; save the state dict of the model before it was quantized".to_owned()
        }
        Some(class) => format!(
            "the file holds an object of the class {class}, in which no network was found; load it in PyTorch and save the \
             weights alone (torch.save(model.state_dict(), new_file))"
        ),
        None => "the file holds no tensors by name; save the state dict of a network".to_owned(),
    };
    Error::Unsupported(problem)
}
