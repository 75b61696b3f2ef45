//! Files of weights alone: `save_weights` of Keras 2 and 3. They hold no configuration: the network is recognized by the
//! names that keras.applications gives its layers or, in files of Keras 3 that lack them, by how many layers of each class
//! there are.
//!
//! A dataset lies at `.../<layer>/<parameter>:0`, or at `layers/<class>_<number>/vars/<number>`. Kernels are
//! `[rows, columns, in, out]`, dense ones `[in, out]`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Foreign;
use super::super::error::{Error, Result};
use super::super::hdf5::Dataset;
use super::super::tensors::{Named, SINGLE_OUTPUT, assemble, counted};
use super::applications::{self, Network};
use super::store::{Store, ends};
use super::tensor::Tensor;
use super::{densenet_121, inception_v3};
use crate::network::{Architecture, Graph, Op, Variant};

/// Added to the variance in the DenseNet-121 of keras-applications.
const DENSENET_EPS: f64 = 1.001e-5;

/// A parameter: its place in the file and its path without the parameter's own name.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'a> {
    dataset: Dataset<'a>,
    pub(super) kind: Kind,
}

/// How values are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[rows, columns, in, out]`
    Kernel,
    /// `[in, out]`
    Dense,
    Vector,
}

/// Layers by path, and their parameters by name.
pub(super) type Layers<'a> = BTreeMap<String, BTreeMap<String, Parameter<'a>>>;

/// Reads the weights; `asked` are the rows and columns of the images, which such a file does not tell.
pub(super) fn read(store: &Store<'_>, asked: Option<[usize; 2]>) -> Result<Foreign> {
    let layers = layers(store)?;
    if !store.is_numbered() {
        let named = match densenet_121::names(&layers)? {
            Some(named) => Some((Architecture::DenseNet121, named)),
            None => inception_v3::names(&layers).map(|named| (Architecture::InceptionV3, named)),
        };
        if let Some((architecture, named)) = named {
            return known(architecture, &layers, named, store);
        }
    }
    let found = applications::ALL.iter().find_map(|(name, network)| {
        let network = network(asked.unwrap_or([super::ANY_SIDE_PX; 2]));
        let nested = fits(&network, store, &layers)?;
        Some((*name, network, nested))
    });
    let Some((name, network, nested)) = found else { return Err(unknown(&layers)) };
    let (dense, parameters) = head(&layers)?;
    let config = network.with_head(nested, last_name(dense), parameters.contains_key("bias"));
    let store = store.anywhere();
    let mut foreign = super::described(&config, super::Described::weights_alone(&store, asked))?;
    foreign.notes.insert(
        0,
        format!(
            "recognized as {name} of keras.applications by its layers; weights alone do not tell what else a model does: \
             global average pooling in front of its dense layer was assumed"
        ),
    );
    Ok(foreign)
}

/// Whether the layers of a file are those of a network and a head; then, whether the network is a layer of the model.
fn fits(network: &Network, store: &Store<'_>, layers: &Layers<'_>) -> Option<bool> {
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for (class, _) in network.weighted() {
        *wanted.entry(class).or_default() += 1;
    }
    if store.is_numbered() {
        let classes = [
            ("Conv2D", "conv2d"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("BatchNormalization", "batch_normalization"),
        ];
        let is_in = |model: &str| {
            let count = |class: &str| wanted.get(class).copied().unwrap_or_default();
            classes.iter().all(|(class, folder)| store.count(model, folder) == count(class))
        };
        return ["layers/", "layers/functional/layers/"].into_iter().position(is_in).map(|place| place == 1);
    }
    let found = |name: &str| {
        let other = name.replacen('_', "/", 1);
        layers.keys().any(|path| ends(path, name) || ends(path, &other))
    };
    let is_dense = |parameters: &BTreeMap<String, Parameter<'_>>| {
        parameters.get("kernel").is_some_and(|kernel| kernel.kind == Kind::Dense)
    };
    let others = layers.values().filter(|parameters| !is_dense(parameters)).count();
    let all = network.weighted().count() == others && network.weighted().all(|(_, name)| found(name));
    all.then_some(false)
}

/// The weights of an architecture here, whose layers have names.
fn known(
    architecture: Architecture,
    layers: &Layers<'_>,
    named: BTreeMap<String, String>,
    store: &Store<'_>,
) -> Result<Foreign> {
    let tensors = tensors(architecture, layers, named)?;
    let rules = |variant: &mut Variant| {
        variant.count_include_pad = architecture != Architecture::InceptionV3;
        if architecture == Architecture::DenseNet121 {
            variant.norm_eps = DENSENET_EPS;
        }
    };
    let (variant, weights) = assemble(architecture, tensors, rules, |_, tensor| tensor.read(store.file()))?;
    let mut foreign = Foreign::named(architecture, variant, weights, super::HDF5_FILE);
    if foreign.variant.classes == 1 {
        foreign.notes.push(SINGLE_OUTPUT.to_owned());
    }
    Ok(foreign)
}

/// Every layer with parameters that networks have.
fn layers<'a>(store: &Store<'a>) -> Result<Layers<'a>> {
    let mut layers = Layers::new();
    for (layer, name, dataset) in store.all()? {
        let known = ["kernel", "depthwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"];
        if !known.contains(&name.as_str()) {
            continue;
        }
        let kind = match dataset.shape.len() {
            1 => Kind::Vector,
            2 => Kind::Dense,
            4 => Kind::Kernel,
            _ => continue,
        };
        layers.entry(layer).or_default().insert(name, Parameter { dataset, kind });
    }
    Ok(layers)
}

/// The last name of a path.
pub(super) fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn unknown(layers: &Layers<'_>) -> Error {
    let names: Vec<&str> = layers.keys().map(|path| last_name(path)).take(5).collect();
    let found = if names.is_empty() { "it has no layers with weights".to_owned() } else { names.join(", ") + ", ..." };
    let known: Vec<&str> = applications::ALL.iter().map(|(name, _)| *name).collect();
    Error::Unsupported(format!(
        "the file holds weights alone, and {} that are not those of {} of keras.applications ({found}); save the whole model \
         (model.save(\"model.keras\"))",
        counted(layers.len(), "layer"),
        known.join(", ")
    ))
}

/// The one dense layer after the pooled features.
fn head<'l, 'a>(layers: &'l Layers<'a>) -> Result<(&'l String, &'l BTreeMap<String, Parameter<'a>>)> {
    let dense = layers.iter().filter(|(_, parameters)| parameters.get("kernel").is_some_and(|k| k.kind == Kind::Dense));
    let dense: Vec<_> = dense.collect();
    match dense.as_slice() {
        [(path, parameters)] => Ok((path, parameters)),
        [] => Err(Error::Unsupported(
            "the network has no head (include_top=False); a dense layer after global average pooling is needed"
                .to_owned(),
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|(path, _)| last_name(path)).collect();
            Err(Error::Unsupported(format!(
                "the head has {} dense layers ({}), and weights alone do not tell what is between them: save the whole model \
                 (model.save(\"model.keras\"))",
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
) -> Result<Named<Tensor<'a>>> {
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
            let tensor = content.tensor();
            tensors.insert(format!("{name}.{suffix}"), (tensor.shape.clone(), tensor));
        }
    }
    let (_, head) = head(layers)?;
    let name = architecture.last_layer();
    let kernel = &head["kernel"];
    let [_, outputs] = kernel.dataset.shape[..] else { unreachable!("a dense kernel has two axes") };
    let bias = head.get("bias").map_or_else(|| Tensor::constant(0.0, outputs), Parameter::tensor);
    for (suffix, tensor) in [("weight", kernel.tensor()), ("bias", bias)] {
        tensors.insert(format!("{name}.{suffix}"), (tensor.shape.clone(), tensor));
    }
    Ok(tensors)
}

impl<'a> Parameter<'a> {
    fn tensor(&self) -> Tensor<'a> {
        let dataset = self.dataset.clone();
        match self.kind {
            Kind::Kernel => Tensor::kernel(dataset),
            Kind::Dense => Tensor::dense(dataset, false),
            Kind::Vector => Tensor::vector(dataset),
        }
    }
}

/// Names of the convolutions or normalizations of the network as keras-applications builds it.
pub(super) fn node_names(architecture: Architecture, wanted: impl Fn(&Op) -> bool) -> Vec<String> {
    let graph: Graph = architecture.graph(&Variant::default());
    graph.nodes().iter().filter(|node| wanted(&node.op)).map(|node| node.name.clone()).collect()
}
