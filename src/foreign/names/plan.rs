//! What every tensor of a listing becomes in a network that is known here.

use std::collections::BTreeMap;

use super::aside::{Aside, aside};
use super::dialect::{Found, Padding, choose};
use super::head::{self, Chain, Part};
use super::timm::TENSORFLOW_NORM_EPS;
use super::{Hints, Listing, Shapes, counted, likeness, some_names, verify};
use crate::foreign::error::{Error, Result};
use crate::network::{
    Architecture, Function, Graph, HEAD_NORM_EPS, Head, HeadLayer, ModelKind, Op, Output, Parameter, ParameterRole,
    Scaling, Variant,
};

/// A network out of a listing.
#[derive(Debug)]
pub(in super::super) struct Plan {
    /// Its architecture.
    pub(in super::super) architecture: Architecture,
    /// Which variant.
    pub(in super::super) variant: Variant,
    /// For every tensor of the network its name in the file.
    pub(in super::super) tensors: Vec<(Parameter, String)>,
    /// How convolutions pad as TensorFlow's `SAME` does; none where they pad as PyTorch does.
    pub(in super::super) same_padding: Option<SamePadding>,
    /// Whether a function of the head was assumed.
    pub(in super::super) head_assumed: bool,
    /// How outputs become probabilities, where the file tells.
    pub(in super::super) output: Option<Output>,
    /// How gray values become the input, by the rules of the program that made the network; a guess.
    pub(in super::super) usual_scaling: Option<Scaling>,
    /// Names of the outputs.
    pub(in super::super) classes: Option<Vec<String>>,
    /// Torchvision's flag, where the file tells it.
    pub(in super::super) transform_input: bool,
    /// What was left out or assumed, one sentence each.
    pub(in super::super) notes: Vec<String>,
}

/// Which image decides how many zeros a convolution adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum SamePadding {
    /// The one that it reads.
    OfInput,
    /// One of so many pixels a side, whatever it reads.
    Of(usize),
}

impl SamePadding {
    /// timm pads by the image that comes; `efficientnet_pytorch` and MONAI by that which each network was published for.
    fn of(found: &Found, architecture: Architecture) -> Result<Self> {
        const SIDES_PX: [usize; 8] = [224, 240, 260, 300, 380, 456, 528, 600];
        if found.dialect.padding == Padding::Either {
            return Ok(Self::OfInput);
        }
        let number = architecture.name().strip_prefix("efficientnet_b").and_then(|number| number.parse::<usize>().ok());
        match number.and_then(|number| SIDES_PX.get(number)) {
            Some(side_px) => Ok(Self::Of(*side_px)),
            None => Err(Error::Unsupported(format!(
                "the weights look like {}, but as {architecture}; export the network to ONNX (torch.onnx.export) and convert \
                 that file",
                found.dialect.words
            ))),
        }
    }
}

/// Tensors that are no part of the trunk.
#[derive(Debug, Default)]
struct Rest {
    /// Name in the file, and name without what precedes those of the network.
    head: Vec<(String, String)>,
    training: usize,
    auxiliary: usize,
    thresholds: bool,
    left_out: usize,
}

/// Plans the network of a listing.
pub(in super::super) fn plan(listing: &Listing, hints: &Hints) -> Result<Plan> {
    let alone = of_network(listing, hints.said.network.as_deref());
    let listing = alone.as_ref().unwrap_or(listing);
    let Some(found) = choose(listing)? else { return Err(likeness::unknown(listing)) };
    likeness::refuse_volumes(listing)?;
    likeness::refuse_lookalikes(&found, hints)?;
    let (trunk, rest) = divide(listing, &found, hints)?;
    let shape = shapes_of(listing);
    let shapes: Shapes = trunk.iter().map(|(name, source)| (name.clone(), shape(source))).collect();
    let nearest = Architecture::nearest(&shapes).ok_or_else(|| likeness::unknown(listing))?;
    let architecture = nearest.architecture;
    let mut notes = Vec::new();
    let same_padding = likeness::same_padding(listing, &found, hints, &mut notes)?;
    let mut variant = nearest.variant.clone();
    if let Some(eps) = found.dialect.norm_eps.filter(|_| architecture.kind() == ModelKind::Classifier) {
        variant.norm_eps = if same_padding { TENSORFLOW_NORM_EPS } else { eps };
    }
    let mut made = Made { trunk, ..Made::default() };
    if architecture.kind() == ModelKind::Classifier {
        variant.head = None;
        made = with_head(listing, &found, hints, architecture, &mut variant, made.trunk, &rest)?;
    } else if let Some((name, _)) = rest.head.first() {
        return Err(superfluous(architecture, std::iter::once(name.as_str())));
    }
    if variant.classes == 0 {
        return Err(Error::Unsupported("the last layer of the weights gives no output; save them again".to_owned()));
    }
    let checked = verify::check(listing, &found, &architecture.graph(&variant), &made.trunk)?;
    if let Some(eps) = checked.norm_eps {
        variant.norm_eps = eps;
    }
    let tensors = fit(architecture, &architecture.graph(&variant), &made.trunk, &shape)?;
    notes.extend(rest.notes(&found));
    notes.extend(made.notes);
    notes.extend(checked.notes);
    let of_xrv = rest.thresholds || listing.layers.iter().any(|layer| layer.class.starts_with("torchxrayvision."));
    Ok(Plan {
        architecture,
        tensors,
        same_padding: same_padding.then(|| SamePadding::of(&found, architecture)).transpose()?,
        head_assumed: made.head_assumed,
        output: made.output.or(rest.thresholds.then_some(Output::Sigmoid)),
        usual_scaling: of_xrv.then_some(Scaling::Range([-1024.0, 1024.0])),
        classes: checked.classes.filter(|names| names.len() == variant.classes),
        transform_input: checked.transform_input,
        variant,
        notes,
    })
}

/// The tensors whose names begin with what was said, where there are such.
fn of_network(listing: &Listing, said: Option<&str>) -> Option<Listing> {
    let start = format!("{}.", said?.trim_end_matches('.'));
    let inside: Vec<_> = listing.tensors.iter().filter(|(name, _)| name.starts_with(&start)).cloned().collect();
    (!inside.is_empty()).then(|| Listing { tensors: inside, ..listing.clone() })
}

/// Finds the shape of a tensor by its name in the file.
fn shapes_of(listing: &Listing) -> impl Fn(&str) -> Vec<usize> {
    let shapes: Shapes = listing.tensors.iter().cloned().collect();
    move |name| shapes.get(name).cloned().unwrap_or_default()
}

/// The tensors of the trunk by torchvision's names, and all others.
fn divide(listing: &Listing, found: &Found, hints: &Hints) -> Result<(BTreeMap<String, String>, Rest)> {
    let inside = found.trunk(listing);
    let (mut trunk, mut rest) = (BTreeMap::new(), Rest::default());
    let is_left_out = |name: &str| {
        let named = |beginning: &String| {
            name.strip_prefix(beginning.as_str())
                .is_some_and(|more| more.is_empty() || more.starts_with('.') || beginning.ends_with('.'))
        };
        hints.said.leave_out.iter().any(named)
    };
    for (name, _) in &listing.tensors {
        if is_left_out(name) {
            rest.left_out += 1;
            continue;
        }
        let inner = name.strip_prefix(found.outer()).unwrap_or(name);
        match aside(inner) {
            Some(Aside::Counter) => {}
            Some(Aside::Thresholds) => rest.thresholds = true,
            Some(Aside::Auxiliary) => rest.auxiliary += 1,
            Some(Aside::Training) => rest.training += 1,
            None => {
                let behind = name.strip_prefix(found.prefix.as_str());
                match behind.and_then(|behind| (found.dialect.rename)(behind, &inside)) {
                    Some(today) => {
                        if trunk.insert(today, name.clone()).is_some() {
                            return Err(Error::Unsupported(format!(
                                "the weights look like {}, but {name:?} is one of two tensors for the same layer; export the \
                                 network to ONNX (torch.onnx.export) and convert that file",
                                found.dialect.words
                            )));
                        }
                    }
                    None => rest.head.push((name.clone(), inner.to_owned())),
                }
            }
        }
    }
    Ok((trunk, rest))
}

impl Rest {
    fn notes(&self, found: &Found) -> Vec<String> {
        let mut notes = Vec::new();
        if self.auxiliary > 0 {
            notes.push(format!("{} of the auxiliary head left out", counted(self.auxiliary, "tensor")));
        }
        if self.training > 0 {
            notes.push(format!("{} of the training (losses, metrics) left out", counted(self.training, "tensor")));
        }
        if self.left_out > 0 {
            notes.push(format!("{} left out as --leave-out says", counted(self.left_out, "tensor")));
        }
        if self.thresholds {
            notes.push(
                "TorchXRayVision passes its outputs through a sigmoid and then through op_norm, which scales them by the \
                 thresholds in op_threshs: here the logits in front of both are explained, and probabilities are those of \
                 the sigmoid alone"
                    .to_owned(),
            );
        }
        if found.dialect.words.contains('\'') && !found.dialect.words.contains("torchvision's names") {
            notes.push(format!(
                "the tensors have the names of {}; they were brought to torchvision's",
                found.dialect.words
            ));
        }
        notes
    }
}

/// A trunk with its head.
#[derive(Debug, Default)]
struct Made {
    /// Names in the file by torchvision's.
    trunk: BTreeMap<String, String>,
    head_assumed: bool,
    output: Option<Output>,
    notes: Vec<String>,
}

/// Adds the head: torchvision's own where all its tensors are there, else one made of what is there.
fn with_head(
    listing: &Listing,
    found: &Found,
    hints: &Hints,
    architecture: Architecture,
    variant: &mut Variant,
    mut trunk: BTreeMap<String, String>,
    rest: &Rest,
) -> Result<Made> {
    let shape = shapes_of(listing);
    let base = format!("{}.", architecture.head().unwrap_or_default());
    let last = architecture.last_layer();
    let published = architecture.graph(variant);
    let own: Vec<Parameter> = published.parameters().into_iter().filter(|own| own.name.starts_with(&base)).collect();
    // What the dialect takes for the head, and what is left.
    let named: Vec<String> = trunk.keys().filter(|name| name.starts_with(&base)).cloned().collect();
    let mut candidates: Vec<(String, String)> =
        named.iter().filter_map(|name| trunk.remove(name).map(|source| (source, name.clone()))).collect();
    candidates.extend(rest.head.iter().cloned());
    let mut made = Made { trunk, ..Made::default() };
    refuse_other_trunk(architecture, &published, &made.trunk, &base, &shape)?;
    let is_own = candidates.len() == own.len()
        && own.iter().all(|own| {
            let found = candidates.iter().find(|(_, name)| *name == own.name);
            found.is_some_and(|(source, _)| own.name.starts_with(&format!("{last}.")) || reshaped(&shape(source), own))
        });
    let kernel = format!("{last}.weight");
    if is_own && let Some((source, _)) = candidates.iter().find(|(_, name)| *name == kernel) {
        variant.classes = shape(source).first().copied().unwrap_or(0);
        made.trunk.extend(candidates.into_iter().map(|(source, name)| (name, source)));
        if let Some(layer) = verify::behind(listing, found.outer(), last) {
            made.output = head::output(std::slice::from_ref(layer))?;
        }
        if found.is_wrapped() {
            made.notes.push(pooling_note(architecture));
        }
        return Ok(made);
    }
    if same_names(&candidates, &own)
        && let Some((head, numbers)) = like_published(&published, &base, &candidates, &shape)
    {
        variant.classes = candidates.iter().find(|(_, name)| *name == kernel).map_or(0, |(source, _)| shape(source)[0]);
        made.head_assumed = found.dialect.norm_eps.is_none() && listing.layers.is_empty();
        for (source, name) in candidates {
            let (layer, parameter) = name.rsplit_once('.').unwrap_or((&name, ""));
            let number = numbers.iter().position(|own| own == layer).unwrap_or_default();
            made.trunk.insert(format!("{base}{number}.{parameter}"), source);
        }
        variant.head = Some(head);
        return Ok(made);
    }
    let channels = published.node(published.features()).channels;
    let layer_norm = published.nodes().iter().rev().find_map(|node| match node.op {
        Op::LayerNorm { eps } => Some(eps),
        _ => None,
    });
    let parts = head::parts(listing, &candidates, layer_norm.unwrap_or(HEAD_NORM_EPS))?;
    let said = hints.said.head_activation;
    let Chain { head, parts, classes, assumed, output } = head::chain(parts, channels, listing, said)?;
    variant.classes = classes;
    let has_own_hidden = own.iter().any(|own| !own.name.starts_with(&format!("{last}.")));
    let alone = head.hidden.is_empty() && !has_own_hidden;
    for (number, Part { tensors, .. }) in &parts {
        let layer = if alone { last.to_owned() } else { format!("{base}{number}") };
        let named = tensors.iter().map(|(parameter, source)| (format!("{layer}.{parameter}"), source.clone()));
        made.trunk.extend(named);
    }
    (made.head_assumed, made.output) = (assumed, output);
    if assumed {
        made.notes.push(
            "the file does not say which functions stand between the layers of the head; a ReLU was assumed \
             (--head-activation says another)"
                .to_owned(),
        );
    }
    if found.is_wrapped() || !rest.head.iter().all(|(_, name)| name.starts_with(&base)) {
        made.notes.push(pooling_note(architecture));
    }
    if head != Head::default() || has_own_hidden {
        variant.head = Some(head);
    }
    Ok(made)
}

fn same_names(candidates: &[(String, String)], own: &[Parameter]) -> bool {
    candidates.len() == own.len() && own.iter().all(|own| candidates.iter().any(|(_, name)| *name == own.name))
}

/// The published head with as many features as the file's tensors have, and the names of its layers in their order; none where
/// the published one has no hidden layers.
fn like_published(
    published: &Graph,
    base: &str,
    candidates: &[(String, String)],
    shape: &impl Fn(&str) -> Vec<usize>,
) -> Option<(Head, Vec<String>)> {
    let layers = published.nodes().iter().filter(|node| node.name.starts_with(base));
    let mut head = Head::default();
    let mut names = Vec::new();
    for node in layers {
        names.push(node.name.clone());
        head.hidden.push(match node.op {
            Op::Linear { extent, bias, .. } => {
                if head.hidden.iter().all(|layer| !matches!(layer, HeadLayer::Linear { .. })) {
                    head.pooled = extent[0];
                }
                let kernel = format!("{}.weight", node.name);
                let (source, _) = candidates.iter().find(|(_, name)| *name == kernel)?;
                HeadLayer::Linear { features: *shape(source).first()?, bias }
            }
            Op::LayerNorm { eps } => HeadLayer::LayerNorm { eps },
            Op::BatchNorm(norm) => HeadLayer::BatchNorm { eps: norm.eps },
            Op::Relu => HeadLayer::Function(Function::Relu),
            Op::Nonlinearity(function) => HeadLayer::Function(Function::Other(function)),
            _ => return None,
        });
    }
    let Some(HeadLayer::Linear { bias, .. }) = head.hidden.pop() else { return None };
    head.bias = bias;
    (!head.hidden.is_empty()).then_some((head, names))
}

fn pooling_note(architecture: Architecture) -> String {
    format!(
        "the file does not say what stands between the features and the head; assumed: the functions of torchvision's \
         {architecture}, and the average over the image"
    )
}

/// Refuses a trunk that is not that of the network it is nearest to.
fn refuse_other_trunk(
    architecture: Architecture,
    published: &Graph,
    trunk: &BTreeMap<String, String>,
    base: &str,
    shape: &impl Fn(&str) -> Vec<usize>,
) -> Result<()> {
    let needed: Vec<Parameter> =
        published.parameters().into_iter().filter(|parameter| !parameter.name.starts_with(base)).collect();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for parameter in &needed {
        match trunk.get(&parameter.name) {
            None => missing.push(parameter.name.as_str()),
            Some(source) if !reshaped(&shape(source), parameter) => misshapen.push(source.as_str()),
            Some(_) => {}
        }
    }
    let names: std::collections::BTreeSet<&str> = needed.iter().map(|parameter| parameter.name.as_str()).collect();
    let more: Vec<&str> =
        trunk.iter().filter(|(name, _)| !names.contains(name.as_str())).map(|(_, source)| source.as_str()).collect();
    let mut problems = Vec::new();
    for (kind, names) in [("missing", missing), ("of another shape", misshapen), ("superfluous", more)] {
        if !names.is_empty() {
            problems.push(format!("{} {kind} ({})", names.len(), some_names(names)));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::Unsupported(format!(
        "the weights look nearest to {architecture}, but are not its: {}; export the network to ONNX (torch.onnx.export) and \
         convert that file",
        problems.join(", ")
    )))
}

fn superfluous<'a>(architecture: Architecture, names: impl Iterator<Item = &'a str>) -> Error {
    Error::Unsupported(format!(
        "the weights are of {architecture}, but hold tensors that it does not have ({}); if its outputs do not depend on them, \
         leave them out with --leave-out NAMES",
        some_names(names)
    ))
}

/// Whether a tensor of `shape` holds what `parameter` does, in the same order: extents of 1 do not matter, and a fully
/// connected layer may be a kernel that covers the whole image.
fn reshaped(shape: &[usize], parameter: &Parameter) -> bool {
    let trimmed = |shape: &[usize]| shape.iter().copied().filter(|side| *side != 1).collect::<Vec<usize>>();
    let count = |shape: &[usize]| shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
    if shape.len() > 4 || count(shape) != count(&parameter.shape) {
        return false;
    }
    let flattened =
        parameter.role == ParameterRole::LinearWeight && shape.len() == 4 && shape.first() == parameter.shape.first();
    shape == parameter.shape || trimmed(shape) == trimmed(&parameter.shape) || flattened
}

/// For every tensor of the network its name in the file.
fn fit(
    architecture: Architecture,
    graph: &Graph,
    found: &BTreeMap<String, String>,
    shape: &impl Fn(&str) -> Vec<usize>,
) -> Result<Vec<(Parameter, String)>> {
    let mut tensors = Vec::new();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for parameter in graph.parameters() {
        match found.get(&parameter.name) {
            None => missing.push(parameter.name),
            Some(source) if !reshaped(&shape(source), &parameter) => misshapen.push(source.clone()),
            Some(source) => tensors.push((parameter, source.clone())),
        }
    }
    let used: std::collections::BTreeSet<&str> = tensors.iter().map(|(_, source)| source.as_str()).collect();
    let more: Vec<&String> =
        found.values().filter(|source| !used.contains(source.as_str()) && !misshapen.contains(source)).collect();
    if missing.is_empty() && misshapen.is_empty() && more.is_empty() {
        return Ok(tensors);
    }
    let mut problems = Vec::new();
    for (kind, names) in [
        ("missing", missing.iter().collect::<Vec<_>>()),
        ("of another shape", misshapen.iter().collect()),
        ("superfluous", more),
    ] {
        if !names.is_empty() {
            problems.push(format!("{} {kind} ({})", names.len(), some_names(names.into_iter().map(String::as_str))));
        }
    }
    Err(Error::OtherNetwork { architecture, problem: problems.join(", ") })
}
