//! Names of nodes: module paths, as far as an exporter keeps them.

use std::collections::{HashMap, HashSet};

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
    let kept =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' });
    let name: String = kept.collect();
    let start = name.len().saturating_sub(NAME_BYTES);
    name[start..].trim_matches('.').to_owned()
}

/// Names that were given already.
#[derive(Debug)]
pub(super) struct Names {
    given: HashSet<String>,
    /// How often each was wanted.
    wanted: HashMap<String, usize>,
}

impl Names {
    /// None but the image's.
    pub(super) fn new() -> Self {
        Self { given: HashSet::from(["input".to_owned()]), wanted: HashMap::new() }
    }

    /// `wanted`, with a number where it is taken.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let number = self.wanted.entry(wanted.to_owned()).or_default();
        loop {
            *number += 1;
            let name = if *number == 1 { wanted.to_owned() } else { format!("{wanted}_{number}") };
            if self.given.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_paths_of_both_exporters_of_pytorch() {
        let node = |name, metadata| Node { name, metadata, ..Node::default() };
        assert_eq!(module_path(&node("/layer1/layer1.0/relu_1/Relu", Vec::new()), None), "layer1.0.relu_1");
        let scopes = ("pkg.torch.onnx.name_scopes", "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_3']");
        assert_eq!(module_path(&node("node_relu_3", vec![scopes]), None), "layer1.0.relu.relu_3");
        assert_eq!(module_path(&node("", Vec::new()), Some("layer1.0.conv1.weight")), "layer1.0.conv1");
        assert_eq!(module_path(&node("/conv1/Conv", Vec::new()), Some("onnx::Conv_193")), "conv1");
        assert_eq!(module_path(&node("functional_1/stem/convolution", Vec::new()), None), "functional_1.stem");
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::new();
        let given = ["a", "a_2", "a", "a", "input"].map(|wanted| names.give(wanted));
        assert_eq!(given, ["a", "a_2", "a_3", "a_4", "input_2"]);
    }
}
