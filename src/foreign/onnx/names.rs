//! Names of nodes: module paths, as far as an exporter keeps them.

use std::collections::HashSet;

use super::model::Node;

/// Longest name, in bytes.
const NAME_BYTES: usize = 120;

/// The module path of a node and its own name at the end, joined by points; empty where the file does not tell it. `weight` is
/// the name of the stored tensor with its weights.
pub(super) fn module_path(node: &Node<'_>, weight: Option<&str>) -> String {
    if let Some(module) = weight.and_then(|name| name.strip_suffix(".weight")).filter(|name| !name.contains("::")) {
        return clean(module);
    }
    let noted = |key: &str| node.metadata.iter().find(|(found, _)| *found == key).map(|(_, value)| *value);
    // PyTorch's newer exporter: ['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_3'], of which the last is the operation.
    if let Some(scopes) = noted("pkg.torch.onnx.name_scopes") {
        let scopes: Vec<&str> = scopes.split('\'').skip(1).step_by(2).collect();
        if let [.., module, operation] = scopes[..] {
            return clean(&[module, operation].join("."));
        }
    }
    if let Some(scopes) = noted("namespace") {
        let scopes: Vec<&str> = scopes.split('/').map(|scope| scope.split(':').next().unwrap_or("").trim()).collect();
        if let [.., module, operation] = scopes[..] {
            return clean(&[module, operation].join("."));
        }
    }
    // PyTorch's older one: /layer1/layer1.0/relu_1/Relu, where every name may repeat those in front of it.
    let mut path: Vec<&str> = Vec::new();
    for part in node.name.split('/').filter(|part| !part.is_empty()) {
        let repeats = path.last().and_then(|last| part.strip_prefix(last)).is_some_and(|rest| rest.starts_with('.'));
        if repeats {
            path.pop();
        }
        path.push(part);
    }
    if path.len() > 1 {
        path.pop();
    }
    clean(&path.join("."))
}

/// Letters that names of tensors have, and no more of them than anybody reads.
fn clean(name: &str) -> String {
    let kept = name.chars().map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' });
    let name: String = kept.collect();
    let start = name.len().saturating_sub(NAME_BYTES);
    name[start..].trim_matches('.').to_owned()
}

/// Names that were given already.
#[derive(Debug)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// None but the image's.
    pub(super) fn new() -> Self {
        Self(HashSet::from(["input".to_owned()]))
    }

    /// `wanted`, with a number where it is taken.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}_{number}");
        }
        name
    }
}
