//! A module that was saved whole says more than its tensors: steps and borders, functions, pools. All of it is compared with
//! the network it was taken for.

use std::collections::{BTreeMap, HashMap};

use super::dialect::{Found, Padding};
use super::{Layer, Listing, some_names};
use crate::foreign::error::{Error, Result};
use crate::network::{Graph, Op};

/// Functions by class, with the name that a network here has for them.
const FUNCTIONS: [(&str, &str); 22] = [
    ("ReLU", "ReLU"),
    ("ReLU6", "ReLU6"),
    ("SiLU", "SiLU"),
    ("Swish", "SiLU"),
    ("SwishMe", "SiLU"),
    ("MemoryEfficientSwish", "SiLU"),
    ("Sigmoid", "sigmoid"),
    ("Hardswish", "hard swish"),
    ("HardSwish", "hard swish"),
    ("Hardsigmoid", "hard sigmoid"),
    ("HardSigmoid", "hard sigmoid"),
    ("GELU", "GELU"),
    ("LeakyReLU", "leaky ReLU"),
    ("Tanh", "tanh"),
    ("ELU", "ELU"),
    ("PReLU", "PReLU"),
    ("RReLU", "RReLU"),
    ("SELU", "SELU"),
    ("CELU", "CELU"),
    ("Mish", "Mish"),
    ("Softplus", "softplus"),
    ("Hardtanh", "Hardtanh"),
];

/// What a module said.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// What its batch normalizations add to variances, where that is not what was taken.
    pub(super) norm_eps: Option<f64>,
    /// Torchvision's flag of InceptionV3 and GoogLeNet.
    pub(super) transform_input: bool,
    /// Names of the outputs.
    pub(super) classes: Option<Vec<String>>,
    pub(super) notes: Vec<String>,
}

/// Compares the layers of a module with `graph`; `tensors` are names in the file by those of the graph.
pub(super) fn check(
    listing: &Listing,
    found: &Found,
    graph: &Graph,
    tensors: &BTreeMap<String, String>,
) -> Result<Checked> {
    let mut checked = Checked::default();
    if listing.layers.is_empty() {
        return Ok(checked);
    }
    let layers: HashMap<&str, &Layer> = listing.layers.iter().map(|layer| (layer.path.as_str(), layer)).collect();
    let mut eps = Vec::new();
    for node in graph.nodes() {
        let source = ["weight", "bias"].iter().find_map(|parameter| tensors.get(&format!("{}.{parameter}", node.name)));
        let path = match source.and_then(|source| source.rsplit_once('.')) {
            Some((path, _)) => path.to_owned(),
            None => format!("{}{}", found.outer(), node.name),
        };
        let Some(layer) = layers.get(path.as_str()) else { continue };
        if let Op::BatchNorm(norm) = node.op {
            eps.extend(layer.eps.map(|found| (found, norm.eps)));
        }
        check_layer(layer, &node.op, found.dialect.padding)?;
    }
    let differs = |(found, taken): &(f64, f64)| (found - taken).abs() > taken * 1e-6;
    if let Some((first, _)) = eps.iter().copied().find(differs) {
        // Of a head whose eps was read off the same layers nothing differs.
        if eps.iter().any(|(found, _)| (found - first).abs() > first.abs() * 1e-6) {
            return Err(unlike("its batch normalizations add different numbers to variances"));
        }
        checked.norm_eps = Some(first);
    }
    check_functions(listing, found, graph)?;
    checked.transform_input = listing.layers.iter().any(|layer| layer.transform_input == Some(true));
    let names = listing.layers.iter().find_map(|layer| layer.class_names.clone());
    checked.classes = names.map(|names| {
        let named = |(number, name): (usize, String)| if name.is_empty() { format!("output {number}") } else { name };
        names.into_iter().enumerate().map(named).collect()
    });
    if let Some(layer) = listing.layers.iter().find(|layer| layer.kind() == "Normalize") {
        checked.notes.push(format!(
            "the module holds the layer {} of the class Normalize: if it scales the input, state its mean and deviation with \
             --mean and --std",
            layer.path
        ));
    }
    Ok(checked)
}

fn unlike(problem: &str) -> Error {
    Error::Unsupported(format!(
        "the module is not the network that its tensors look like: {problem}; export it to ONNX (torch.onnx.export) and \
         convert that file"
    ))
}

fn check_layer(layer: &Layer, op: &Op, padding: Padding) -> Result<()> {
    let refuse = |what: &str| Err(unlike(&format!("{what} of the layer {} is another", layer.path)));
    let is = |found: Option<[usize; 2]>, expected: [usize; 2]| found.is_none_or(|found| found == expected);
    let is_one_of = |kinds: &[&str]| {
        if kinds.contains(&layer.kind()) {
            return Ok(());
        }
        Err(unlike(&format!("the layer {} is of the class {}", layer.path, layer.kind())))
    };
    match op {
        Op::Conv2d(conv) => {
            if !is(layer.stride, conv.stride) {
                return refuse("the step");
            }
            if !is(layer.dilation, conv.dilation) {
                return refuse("the dilation");
            }
            let border = conv.padding.equal_sides();
            if padding == Padding::Equal && border.is_some_and(|border| !is(layer.padding, border)) {
                return refuse("the border");
            }
            Ok(())
        }
        Op::LayerNorm { eps } => {
            if layer.eps.is_some_and(|found| (found - eps).abs() > eps * 1e-6) {
                return refuse("the number added to variances");
            }
            Ok(())
        }
        Op::MaxPool(pool) => {
            is_one_of(&["MaxPool2d"])?;
            if !is(layer.stride, pool.stride) {
                return refuse("the step");
            }
            let border = pool.padding.equal_sides();
            if border.is_some_and(|border| !is(layer.padding, border)) { refuse("the border") } else { Ok(()) }
        }
        Op::AvgPool { .. } => is_one_of(&["AvgPool2d"]),
        // Of the first versions of torchvision, for images of 224 pixels.
        Op::GlobalAvgPool => is_one_of(&["AdaptiveAvgPool2d", "AvgPool2d"]),
        Op::AdaptiveAvgPool { .. } => is_one_of(&["AdaptiveAvgPool2d"]),
        _ => Ok(()),
    }
}

/// Refuses a trunk with functions that the network does not have.
fn check_functions(listing: &Listing, found: &Found, graph: &Graph) -> Result<()> {
    let has = |name: &str| {
        graph.nodes().iter().any(|node| match &node.op {
            Op::Relu => name == "ReLU",
            Op::Nonlinearity(function) => function.name() == name,
            _ => false,
        })
    };
    let other = |layer: &&Layer| {
        let inside = layer.path.starts_with(&found.prefix) && !is_of_head(&layer.path[found.prefix.len()..]);
        let function = FUNCTIONS.iter().find(|(class, _)| *class == layer.kind());
        inside && function.is_some_and(|(_, name)| !has(name))
    };
    let others: Vec<&Layer> = listing.layers.iter().filter(other).collect();
    if others.is_empty() {
        return Ok(());
    }
    let names = some_names(others.iter().map(|layer| layer.path.as_str()));
    Err(unlike(&format!("it has functions of the class {} ({names})", others[0].kind())))
}

/// Whether a path behind the prefix of a trunk is that of a head beside its layers.
fn is_of_head(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or(path);
    matches!(first, "classifier" | "fc" | "head" | "last_linear" | "sigmoid" | "softmax" | "class_layers" | "_fc")
}

/// The layer of a `Sequential` behind the one called `layer` in torchvision's network, where there is one.
pub(super) fn behind<'a>(listing: &'a Listing, outer: &str, layer: &str) -> Option<&'a Layer> {
    let (parent, number) = layer.rsplit_once('.')?;
    let next = number.parse::<usize>().ok()? + 1;
    let path = format!("{outer}{parent}.{next}");
    listing.layers.iter().find(|layer| layer.path == path)
}
