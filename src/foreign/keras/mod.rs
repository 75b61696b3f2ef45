//! Keras' HDF5 files: `save_weights` and whole models, flat or with the network nested as one layer, in the layout of
//! Keras 2 (also written by Keras 3 for `.h5`). Layers are recognized by the names keras-applications gives them.
//!
//! A dataset lies at `.../<layer>/<parameter>:0`. Kernels are `[rows, columns, in, out]`, dense ones `[in, out]`.

mod activation;
mod densenet_121;
mod inception_v3;

use std::collections::{BTreeMap, BTreeSet};

use super::Foreign;
use super::bytes::Damage;
use super::error::{Error, Result};
use super::hdf5::{Dataset, File};
use super::tensors::{Named, SINGLE_OUTPUT, assemble, counted};
use crate::network::{Architecture, Graph, Op, Variant};

/// Added to the variance in the DenseNet-121 of keras-applications.
const DENSENET_EPS: f64 = 1.001e-5;

/// A parameter: its place in the file and its path without the parameter's own name.
#[derive(Clone, Debug)]
struct Parameter<'a> {
    dataset: Dataset<'a>,
    kind: Kind,
}

/// How values are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `[rows, columns, in, out]`
    Kernel,
    /// `[in, out]`
    Dense,
    Vector,
}

/// Layers by path, and their parameters by name.
type Layers<'a> = BTreeMap<String, BTreeMap<String, Parameter<'a>>>;

/// Where the values of a tensor come from.
#[derive(Clone, Debug)]
enum Source<'a> {
    /// The file.
    Parameter(Parameter<'a>),
    /// So many values of 0, for a head without bias.
    Zeros(usize),
}

pub(super) fn read(bytes: &[u8]) -> Result<Foreign> {
    let file = File::new(bytes).map_err(of_hdf5)?;
    let layers = layers(file)?;
    let (architecture, named) = if let Some(named) = densenet_121::names(&layers)? {
        (Architecture::DenseNet121, named)
    } else if let Some(named) = inception_v3::names(&layers)? {
        (Architecture::InceptionV3, named)
    } else {
        return Err(unknown(&layers));
    };
    let mut notes = Vec::new();
    let tensors = tensors(architecture, &layers, named)?;
    let rules = |variant: &mut Variant| {
        variant.count_include_pad = architecture != Architecture::InceptionV3;
        if architecture == Architecture::DenseNet121 {
            variant.norm_eps = DENSENET_EPS;
        }
    };
    let (variant, weights) = assemble(architecture, tensors, rules, |_, source| source.read(file).map_err(of_hdf5))?;
    if variant.classes == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    // Files of weights alone hold no configuration.
    let output = file.text_attribute("model_config").map_err(of_hdf5)?.and_then(|config| activation::output(&config));
    Ok(Foreign { output, notes, ..Foreign::named(architecture, variant, weights, "Keras weights (HDF5)") })
}

fn of_hdf5(Damage(problem): Damage) -> Error {
    Error::Damaged { format: "HDF5", problem }
}

/// Every layer with parameters that networks have. What belongs to an optimizer is passed over.
fn layers(file: File<'_>) -> Result<Layers<'_>> {
    let datasets = file.datasets().map_err(of_hdf5)?;
    let whole_model = datasets.keys().any(|path| path.starts_with("model_weights/"));
    let mut layers = Layers::new();
    for (path, address) in datasets {
        let path = if whole_model {
            let Some(path) = path.strip_prefix("model_weights/") else { continue };
            path.to_owned()
        } else {
            path
        };
        if path.starts_with("optimizer_weights/") {
            continue;
        }
        let Some((layer, name)) = path.rsplit_once('/') else { continue };
        if layer.ends_with("/vars") {
            return Err(Error::Unsupported(
                "this is a .weights.h5 file of Keras 3, which does not name its layers; load it in Keras and save the \
                 model as .h5 (model.save(\"model.h5\"))"
                    .to_owned(),
            ));
        }
        let name = name.split_once(':').map_or(name, |(name, _)| name).to_owned();
        if !["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"].contains(&name.as_str()) {
            continue;
        }
        let dataset = file.dataset(address).map_err(of_hdf5)?;
        let kind = match dataset.shape.len() {
            1 => Kind::Vector,
            2 => Kind::Dense,
            4 => Kind::Kernel,
            _ => continue,
        };
        layers.entry(layer.to_owned()).or_default().insert(name, Parameter { dataset, kind });
    }
    Ok(layers)
}

/// The last name of a path.
fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unknown(layers: &Layers<'_>) -> Error {
    let names: Vec<&str> = layers.keys().map(|path| last_name(path)).take(5).collect();
    let found = if names.is_empty() { "it has no layers with weights".to_owned() } else { names.join(", ") + ", ..." };
    Error::Unsupported(format!(
        "the layers are not named like InceptionV3 or DenseNet121 of keras-applications ({found})"
    ))
}

/// The one dense layer after the pooled features.
fn head<'l, 'a>(layers: &'l Layers<'a>) -> Result<&'l BTreeMap<String, Parameter<'a>>> {
    let dense = layers.iter().filter(|(_, parameters)| parameters.get("kernel").is_some_and(|k| k.kind == Kind::Dense));
    let dense: Vec<_> = dense.collect();
    match dense.as_slice() {
        [(_, parameters)] => Ok(parameters),
        [] => Err(Error::Unsupported(
            "the network has no head (include_top=False); a dense layer after global average pooling is needed"
                .to_owned(),
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|(path, _)| last_name(path)).collect();
            Err(Error::Unsupported(format!(
                "the head has {} dense layers ({}); only one after global average pooling is read",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

/// Shapes and sources of all tensors; `named` are the paths of the layers by the names of convolutions and
/// normalizations.
fn tensors<'a>(
    architecture: Architecture,
    layers: &Layers<'a>,
    named: BTreeMap<String, String>,
) -> Result<Named<Source<'a>>> {
    let is_head = |parameters: &BTreeMap<String, Parameter<'_>>| {
        parameters.get("kernel").is_some_and(|kernel| kernel.kind == Kind::Dense)
    };
    let known: BTreeSet<&String> = named.values().collect();
    let others = layers.iter().filter(|(path, parameters)| !known.contains(path) && !is_head(parameters));
    let others: Vec<&str> = others.map(|(path, _)| last_name(path)).collect();
    if let [first, ..] = others.as_slice() {
        let problem = format!("{} more than the network has ({first}, ...)", counted(others.len(), "layer"));
        return Err(Error::OtherNetwork { architecture, problem });
    }
    let mut tensors = Named::new();
    for (name, path) in named {
        for (parameter, content) in &layers[&path] {
            let suffix = match (content.kind, parameter.as_str()) {
                (Kind::Kernel, "kernel") | (Kind::Vector, "gamma") => "weight",
                (Kind::Vector, "beta" | "bias") => "bias",
                (Kind::Vector, "moving_mean") => "running_mean",
                (Kind::Vector, "moving_variance") => "running_var",
                _ => {
                    let problem = format!("{parameter} of {} has another shape", last_name(&path));
                    return Err(Error::OtherNetwork { architecture, problem });
                }
            };
            let source = Source::Parameter(content.clone());
            tensors.insert(format!("{name}.{suffix}"), (content.shape(), source));
        }
    }
    let head = head(layers)?;
    let Some(name) = architecture.head() else { unreachable!("layers of classifiers alone are recognized") };
    let kernel = &head["kernel"];
    let [outputs, _] = kernel.shape()[..] else { unreachable!("a dense kernel has two axes") };
    tensors.insert(format!("{name}.weight"), (kernel.shape(), Source::Parameter(kernel.clone())));
    let bias = match head.get("bias") {
        Some(bias) => (bias.shape(), Source::Parameter(bias.clone())),
        None => (vec![outputs], Source::Zeros(outputs)),
    };
    tensors.insert(format!("{name}.bias"), bias);
    Ok(tensors)
}

impl Parameter<'_> {
    /// The shape in torchvision's order of axes.
    fn shape(&self) -> Vec<usize> {
        match (self.kind, self.dataset.shape.as_slice()) {
            (Kind::Kernel, [rows, columns, inputs, outputs]) => vec![*outputs, *inputs, *rows, *columns],
            (_, shape) => shape.iter().rev().copied().collect(),
        }
    }
}

impl Source<'_> {
    fn read(&self, file: File<'_>) -> std::result::Result<Vec<f32>, Damage> {
        let parameter = match self {
            Self::Parameter(parameter) => parameter,
            Self::Zeros(count) => return Ok(vec![0.0; *count]),
        };
        let read = file.read(&parameter.dataset)?;
        Ok(match (parameter.kind, parameter.dataset.shape.as_slice()) {
            (Kind::Vector, _) => read,
            // In memory both kernels are [everything else, out], of which the inputs come last.
            (_, [positions @ .., inputs, outputs]) => {
                let positions: usize = positions.iter().product();
                let mut values = Vec::with_capacity(read.len());
                for output in 0..*outputs {
                    for input in 0..*inputs {
                        let at = |position: usize| read[(position * inputs + input) * outputs + output];
                        values.extend((0..positions).map(at));
                    }
                }
                values
            }
            _ => read,
        })
    }
}

/// Names of the convolutions or normalizations of the network as keras-applications builds it.
fn node_names(architecture: Architecture, wanted: impl Fn(&Op) -> bool) -> Vec<String> {
    let graph: Graph = architecture.graph(&Variant::default());
    graph.nodes().iter().filter(|node| wanted(&node.op)).map(|node| node.name.clone()).collect()
}
