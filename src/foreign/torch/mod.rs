//! PyTorch's state dicts: alone, or inside a checkpoint under `state_dict`, `model` and the like, with the prefixes that
//! wrappers put before the names (`module.`, `model.`).

mod archive;
mod pickle;
mod zip;

use std::collections::{BTreeSet, HashSet};

use super::Foreign;
use super::error::{Error, Result};
use super::tensors::{Named, SINGLE_OUTPUT, assemble, counted};
use crate::network::{Architecture, canonical_name};
use archive::Archive;
use pickle::{Id, Object, Pickle, Tensor};
/// How `torch.save` began its files before version 1.6.
pub(super) const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Where checkpoints keep the weights, the likeliest first.
const PLACES: [&str; 6] = ["state_dict", "model_state_dict", "model", "net", "network", "weights"];
/// Dictionaries in dictionaries are looked into so deep.
const MAX_DEPTH: usize = 3;

/// Longest name of a tensor.
const MAX_NAME_BYTES: usize = 512;

pub(super) fn read(bytes: &[u8]) -> Result<Foreign> {
    let archive = Archive::new(bytes)?;
    let pickle = Pickle::parse(&archive.pickle()?)?;
    let found = find(&pickle)?;
    let architecture = found.architecture;
    let mut notes = Vec::new();
    let mut tensors = tensors(&pickle, &found, &mut notes)?;
    rename_head(architecture, &mut tensors);
    let read = |name: &str, tensor: &Tensor| archive.values(name, tensor);
    let (variant, weights) = assemble(architecture, tensors, |_| {}, read)?;
    if architecture.head().is_some() && variant.classes == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    // State dicts hold no activation.
    Ok(Foreign { notes, ..Foreign::named(architecture, variant, weights, "a PyTorch state dict") })
}

/// A state dict in a file.
struct Found {
    dict: Id,
    architecture: Architecture,
    /// What stands before every name.
    prefix: String,
}

/// Looks for the state dict of a network that is known.
fn find(pickle: &Pickle) -> Result<Found> {
    let mut found: Vec<(Option<&str>, Found)> = Vec::new();
    let mut instance = None;
    let mut tensors = 0;
    let mut seen = HashSet::from([pickle.root()]);
    let mut waiting = vec![(None, pickle.root(), 0)];
    while let Some((key, id, depth)) = waiting.pop() {
        match pickle.get(id) {
            Object::Instance(class) if key.is_none_or(|key| PLACES.contains(&key)) => instance = Some(class),
            Object::Dict(_) => {
                for (name, value) in pickle.entries(id) {
                    if matches!(pickle.get(value), Object::Tensor(_)) {
                        tensors += 1;
                    } else if depth < MAX_DEPTH && seen.insert(value) {
                        waiting.push((Some(name), value, depth + 1));
                    }
                }
                found.extend(recognize(pickle, id)?.map(|found| (key, found)));
            }
            _ => {}
        }
    }
    // The place that is likeliest; the only one, wherever it is.
    let rank = |key: Option<&str>| match key {
        None => Some(0),
        Some(key) => PLACES.iter().position(|place| *place == key).map(|place| place + 1),
    };
    found.sort_by_key(|(key, _)| rank(*key).unwrap_or(usize::MAX));
    if found.len() > 1 && rank(found[0].0).is_none() {
        return Err(Error::Unsupported("the file holds several networks; save the state dict of one alone".to_owned()));
    }
    if let Some((_, found)) = found.into_iter().next() {
        return Ok(found);
    }
    Err(Error::Unsupported(match instance {
        Some(class) => format!(
            "the file holds a whole pickled object ({class}), not a state dict; load it in PyTorch and save its weights \
             alone (torch.save(model.state_dict(), new_file))"
        ),
        None if tensors == 0 => "the file holds no tensors by name; save the state dict of a network".to_owned(),
        None => format!(
            "of its {} none is named like the first layer of {}",
            counted(tensors, "tensor"),
            Architecture::known()
        ),
    }))
}

/// Which network the tensors of a dictionary belong to, and what precedes their names.
fn recognize(pickle: &Pickle, dict: Id) -> Result<Option<Found>> {
    let named: Vec<(&str, &Tensor)> = pickle
        .entries(dict)
        .filter_map(|(name, value)| match pickle.get(value) {
            Object::Tensor(tensor) => Some((name, tensor)),
            _ => None,
        })
        .collect();
    let prefix = |name: &str, kernel: &str| {
        let prefix = name.strip_suffix(kernel)?;
        (prefix.is_empty() || prefix.ends_with('.')).then(|| prefix.to_owned())
    };
    let kernels: BTreeSet<&str> = Architecture::ALL.map(Architecture::first_kernel).into();
    let prefixes: BTreeSet<String> =
        named.iter().flat_map(|(name, _)| kernels.iter().filter_map(|kernel| prefix(name, kernel))).collect();
    let mut found: Option<Found> = None;
    for prefix in prefixes {
        let today = |(name, tensor): &(&str, &Tensor)| {
            Some((canonical_name(name.strip_prefix(&prefix)?)?.into_owned(), tensor.shape.clone()))
        };
        let shapes = named.iter().filter_map(today).collect();
        let Some(architecture) = Architecture::detect(&shapes) else { continue };
        if let Some(other) = &found {
            return Err(Error::Unsupported(format!(
                "the state dict holds several networks ({:?} and {prefix:?} precede their names); save one alone",
                other.prefix
            )));
        }
        found = Some(Found { dict, architecture, prefix });
    }
    Ok(found)
}

/// The tensors of a state dict by the names that the network has for them.
fn tensors(pickle: &Pickle, found: &Found, notes: &mut Vec<String>) -> Result<Named<Tensor>> {
    let mut tensors = Named::new();
    let (mut unused, mut outside) = (0, 0);
    for (name, value) in pickle.entries(found.dict) {
        let Object::Tensor(tensor) = pickle.get(value) else { continue };
        if name.len() > MAX_NAME_BYTES {
            let problem = format!("a tensor has a name of {} bytes", name.len());
            return Err(Error::Damaged { format: "PyTorch", problem });
        }
        let Some(name) = name.strip_prefix(&found.prefix) else {
            outside += 1;
            continue;
        };
        let Some(today) = canonical_name(name) else {
            unused += usize::from(!name.ends_with("num_batches_tracked"));
            continue;
        };
        if tensors.insert(today.into_owned(), (tensor.shape.clone(), tensor.clone())).is_some() {
            return Err(Error::Damaged { format: "PyTorch", problem: format!("tensor {name:?} is there twice") });
        }
    }
    if unused > 0 {
        notes.push(format!("{} of the auxiliary head left out", counted(unused, "tensor")));
    }
    if outside > 0 {
        notes.push(format!("{} outside the network left out", counted(outside, "tensor")));
    }
    Ok(tensors)
}

/// A head that is a sequence with one linear layer, `classifier.0` or `fc.1`, gets the name of the layer alone.
fn rename_head(architecture: Architecture, tensors: &mut Named<Tensor>) {
    let Some(head) = architecture.head() else { return };
    if tensors.contains_key(&format!("{head}.weight")) {
        return;
    }
    let inside = |name: &str| -> Option<String> {
        let (layer, parameter) = name.strip_prefix(head)?.strip_prefix('.')?.split_once('.')?;
        let numbered = layer.bytes().all(|byte| byte.is_ascii_digit());
        (numbered && matches!(parameter, "weight" | "bias")).then(|| layer.to_owned())
    };
    let layers: HashSet<String> = tensors.keys().filter_map(|name| inside(name)).collect();
    let mut layers = layers.into_iter();
    let (Some(layer), None) = (layers.next(), layers.next()) else { return };
    for parameter in ["weight", "bias"] {
        if let Some(tensor) = tensors.remove(&format!("{head}.{layer}.{parameter}")) {
            tensors.insert(format!("{head}.{parameter}"), tensor);
        }
    }
}
