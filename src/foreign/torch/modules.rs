//! The tensors and layers of a module that was pickled whole, or of a TorchScript program: the names are those that
//! `state_dict()` gives.

use super::super::error::Result;
use super::super::names::Layer;
use super::pickle::{Id, Object, Pickle, Tensor};
use super::{MAX_NAME_BYTES, damaged};
use crate::limits;

/// The dictionaries of `torch.nn.Module` that hold tensors.
const TENSORS: [&str; 2] = ["_parameters", "_buffers"];

/// A module's tensors by name, and its layers by path.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) tensors: Vec<(String, Tensor)>,
    pub(super) layers: Vec<Layer>,
}

/// Whether an object is a module of PyTorch or of TorchScript.
pub(super) fn is_module(pickle: &Pickle, id: Id) -> bool {
    let Object::Instance(instance) = pickle.get(id) else { return false };
    let Some(state) = pickle.attributes(id) else { return false };
    is_script(&instance.class) || ["_parameters", "_modules"].iter().all(|name| pickle.value(state, name).is_some())
}

/// Classes of TorchScript are all in one namespace.
fn is_script(class: &str) -> bool {
    class.starts_with("__torch__.")
}

/// Walks through a module and all that are in it. Every path counts, so that modules that contain one another end at the
/// bounds.
pub(super) fn read(pickle: &Pickle, root: Id) -> Result<Module> {
    let mut module = Module::default();
    let mut waiting = vec![(String::new(), root)];
    let mut work = 0;
    while let Some((path, id)) = waiting.pop() {
        if module.layers.len() >= limits::PICKLE_MODULES {
            return Err(damaged("its module has too many parts"));
        }
        let (Object::Instance(instance), Some(state)) = (pickle.get(id), pickle.attributes(id)) else { continue };
        // A large dictionary may be the state of many modules.
        work += pickle.entries(state).count();
        if work > limits::PICKLE_OBJECTS {
            return Err(damaged("its module has too many attributes"));
        }
        let name_of = |name: &str| {
            let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if full.len() > MAX_NAME_BYTES { Err(damaged("its module is too deep")) } else { Ok(full) }
        };
        let mut parts = Vec::new();
        if is_script(&instance.class) {
            parts.extend(pickle.entries(state));
        } else {
            for dictionary in TENSORS.iter().chain(&["_modules"]) {
                parts.extend(pickle.value(state, dictionary).into_iter().flat_map(|id| pickle.entries(id)));
            }
        }
        let mut inner = Vec::new();
        for (name, part) in parts {
            match pickle.get(part) {
                Object::Tensor(tensor) => module.tensors.push((name_of(name)?, tensor.clone())),
                Object::Instance(_) => inner.push((name_of(name)?, part)),
                _ => {}
            }
        }
        module.layers.push(layer(pickle, path, &instance.class, id));
        waiting.extend(inner.into_iter().rev());
        if module.tensors.len() > limits::PICKLE_MODULES {
            return Err(damaged("its module has too many tensors"));
        }
    }
    Ok(module)
}

/// What one module says about itself.
fn layer(pickle: &Pickle, path: String, class: &str, id: Id) -> Layer {
    let number = |name: &str| match pickle.attribute(id, name) {
        Some(Object::Float(value)) => Some(*value),
        Some(Object::Int(value)) => Some(*value as f64),
        _ => None,
    };
    let flag = |name: &str| match pickle.attribute(id, name) {
        Some(Object::Bool(value)) => Some(*value),
        _ => None,
    };
    let texts = |name: &str| match pickle.attribute(id, name) {
        Some(Object::Sequence(items)) => items.iter().map(|item| text(pickle, *item)).collect(),
        _ => None,
    };
    let pair = |name: &str| match pickle.attribute(id, name) {
        Some(Object::Int(value)) => usize::try_from(*value).ok().map(|value| [value; 2]),
        Some(Object::Sequence(items)) => match items[..] {
            [rows, columns] => Some([size(pickle, rows)?, size(pickle, columns)?]),
            _ => None,
        },
        _ => None,
    };
    Layer {
        path,
        class: class.to_owned(),
        eps: number("eps"),
        slope: number("negative_slope"),
        approximates: matches!(pickle.attribute(id, "approximate"), Some(Object::Text(text)) if text == "tanh"),
        stride: pair("stride"),
        padding: pair("padding"),
        dilation: pair("dilation"),
        transform_input: flag("transform_input"),
        class_names: texts("pathologies").or_else(|| texts("targets")),
    }
}

fn text(pickle: &Pickle, id: Id) -> Option<String> {
    if let Object::Text(text) = pickle.get(id) { Some(text.clone()) } else { None }
}

fn size(pickle: &Pickle, id: Id) -> Option<usize> {
    if let Object::Int(size) = pickle.get(id) { usize::try_from(*size).ok() } else { None }
}
