//! A head out of the tensors that are no part of the trunk: layers that follow one another, each reading what the one before
//! wrote.

use super::{HeadActivation, Layer, Listing, some_names};
use crate::foreign::error::{Error, Result};
use crate::network::{Function, HEAD_NORM_EPS, Head, HeadLayer, Nonlinearity, Output};

/// Most layers with tensors.
const MAX_PARTS: usize = 16;

/// A layer with tensors.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Path of its module in the file.
    path: String,
    kind: Kind,
    /// Parameter and name in the file of each tensor.
    pub(super) tensors: Vec<(String, String)>,
    /// What is added to its variance.
    eps: f64,
}

impl Part {
    /// Values that it gives to the next.
    fn writes(&self) -> usize {
        match self.kind {
            Kind::Linear { writes, .. } => writes,
            Kind::BatchNorm(size) | Kind::LayerNorm(size) => size,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear { reads: usize, writes: usize, bias: bool },
    BatchNorm(usize),
    LayerNorm(usize),
}

/// A head that was made out of a file's tensors.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) head: Head,
    /// For every layer with tensors its number in the head, counted with functions, and its tensors.
    pub(super) parts: Vec<(usize, Part)>,
    /// Outputs.
    pub(super) classes: usize,
    /// Whether a function between its layers was assumed.
    pub(super) assumed: bool,
    /// What stands behind the last layer, where the file tells.
    pub(super) output: Option<Output>,
}

/// Tensors of one module: parameter and name in the file.
struct Group {
    /// Path of the module without what precedes those of the network, by which modules are sorted.
    order: String,
    tensors: Vec<(String, String)>,
}

/// Puts the tensors `rest` (name, name without what precedes the network's) together by module, in the order of the file,
/// or by their numbers where that has none.
pub(super) fn parts(listing: &Listing, rest: &[(String, String)], norm_eps: f64) -> Result<Vec<Part>> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, inner) in rest {
        let parameter = inner.rsplit('.').next().unwrap_or(inner).to_owned();
        // Two modules of one name may lie inside and outside the network.
        let known =
            groups.iter_mut().find(|group| group.tensors.iter().all(|(_, other)| parent(other) == parent(name)));
        if let Some(group) = known {
            group.tensors.push((parameter, name.clone()));
            continue;
        }
        if groups.len() == MAX_PARTS {
            return Err(odd(rest.iter().map(|(name, _)| name.as_str())));
        }
        groups.push(Group { order: parent(inner).to_owned(), tensors: vec![(parameter, name.clone())] });
    }
    let shape = |name: &str| listing.tensors.iter().find(|(other, _)| other == name).map(|(_, shape)| &shape[..]);
    let mut parts = Vec::new();
    if !listing.ordered {
        groups.sort_by(|a, b| natural(&a.order).cmp(&natural(&b.order)));
    }
    for Group { tensors, .. } in groups {
        let first = tensors.first().map_or("", |(_, name)| name);
        let path = parent(first).to_owned();
        let of = |parameter: &str| tensors.iter().find(|(own, _)| own == parameter).and_then(|(_, name)| shape(name));
        let kind = match (of("weight"), of("bias"), of("running_mean"), of("running_var"), tensors.len()) {
            (Some([writes, reads]), None, None, None, 1) => {
                Kind::Linear { reads: *reads, writes: *writes, bias: false }
            }
            (Some([writes, reads]), Some([bias]), None, None, 2) if bias == writes => {
                Kind::Linear { reads: *reads, writes: *writes, bias: true }
            }
            (Some([size]), Some(_), Some(_), Some(_), 4) => Kind::BatchNorm(*size),
            (Some([size]), Some([bias]), None, None, 2) if bias == size => Kind::LayerNorm(*size),
            _ => return Err(odd(tensors.iter().map(|(_, name)| name.as_str()))),
        };
        let eps = tensors.first().and_then(|(_, name)| layer_of(&listing.layers, name)).and_then(|layer| layer.eps);
        let eps = eps.unwrap_or(if matches!(kind, Kind::LayerNorm(_)) { norm_eps } else { HEAD_NORM_EPS });
        parts.push(Part { path, kind, tensors, eps });
    }
    Ok(parts)
}

/// The path of the module that holds what `path` names; empty at the top.
fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The layer that owns a tensor.
pub(super) fn layer_of<'a>(layers: &'a [Layer], tensor: &str) -> Option<&'a Layer> {
    let (path, _) = tensor.rsplit_once('.')?;
    layers.iter().find(|layer| layer.path == path)
}

/// Parts of a path, numbers by their size.
fn natural(path: &str) -> Vec<(usize, &str)> {
    path.split('.').map(|part| part.parse().map_or((usize::MAX, part), |number| (number, ""))).collect()
}

fn odd<'a>(names: impl Iterator<Item = &'a str>) -> Error {
    Error::Unsupported(format!(
        "the weights hold tensors that are no part of a network known here ({}); if its outputs do not depend on them, leave \
         them out with --leave-out NAMES",
        some_names(names)
    ))
}

/// Makes a head of `parts` behind a trunk that writes `channels`.
pub(super) fn chain(
    parts: Vec<Part>,
    channels: usize,
    listing: &Listing,
    said: Option<HeadActivation>,
) -> Result<Chain> {
    let parts = ordered(parts, channels, listing.ordered)?;
    let mut head = Head { hidden: Vec::new(), ..Head::default() };
    let mut placed: Vec<(usize, Part)> = Vec::new();
    let mut assumed = false;
    let (mut classes, mut output, mut is_first) = (0, None, true);
    let count = parts.len();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == count;
        placed.push((head.hidden.len(), part.clone()));
        match part.kind {
            Kind::Linear { reads, writes, bias } => {
                if std::mem::take(&mut is_first) {
                    head.pooled = pooled(reads, channels, &part.path)?;
                }
                if is_last {
                    (classes, head.bias) = (writes, bias);
                } else {
                    head.hidden.push(HeadLayer::Linear { features: writes, bias });
                }
            }
            Kind::BatchNorm(_) => head.hidden.push(HeadLayer::BatchNorm { eps: part.eps }),
            Kind::LayerNorm(_) => head.hidden.push(HeadLayer::LayerNorm { eps: part.eps }),
        }
        let next = parts.get(index + 1);
        let told = told(&listing.layers, part, next);
        match (next, told) {
            (None, Some(functions)) => output = self::output(&functions)?,
            (None, None) => {}
            (Some(_), Some(functions)) => {
                for function in functions {
                    head.hidden.push(HeadLayer::Function(self::function(&function)?));
                }
            }
            (Some(next), None) => {
                if let Some(function) = assumption(&parts[..=index], next, parts.get(index + 2), said)? {
                    assumed |= said.is_none();
                    head.hidden.push(HeadLayer::Function(function));
                }
            }
        }
    }
    Ok(Chain { head, parts: placed, classes, assumed, output })
}

/// Checks that each part reads what the one before wrote, and that the last gives the outputs.
/// `is_certain` says whether the parts come in the order in which the network defines them.
fn ordered(mut left: Vec<Part>, channels: usize, is_certain: bool) -> Result<Vec<Part>> {
    let names = |parts: &[Part]| some_names(parts.iter().map(|part| part.path.as_str()));
    let all = names(&left);
    let refuse = |problem: &str| {
        Err(Error::Unsupported(format!(
            "the layers behind the features ({all}) {problem}; if some of them do not matter, leave them out with --leave-out \
             NAMES"
        )))
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut width = None;
    while !left.is_empty() {
        let fits = |part: &Part, width: Option<usize>| match (part.kind, width) {
            (Kind::Linear { reads, .. }, None) => reads > 0 && reads % channels == 0,
            (Kind::Linear { reads, .. }, Some(width)) => reads == width,
            (Kind::BatchNorm(size) | Kind::LayerNorm(size), None) => size == channels || size == 2 * channels,
            (Kind::BatchNorm(size) | Kind::LayerNorm(size), Some(width)) => size == width,
        };
        // Names may stand in the order of letters: what nothing else could follow comes last.
        let goes_on = |index: usize| {
            let mut others = left.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, part)| part);
            left.len() == 1 || others.any(|other| fits(other, Some(left[index].writes())))
        };
        let fitting: Vec<usize> = (0..left.len()).filter(|index| fits(&left[*index], width)).collect();
        let Some(next) = fitting.iter().copied().find(|index| goes_on(*index)).or(fitting.first().copied()) else {
            return refuse(&format!("do not read what stands before them: {}", width.unwrap_or(channels)));
        };
        let part = left.remove(next);
        let writes = |other: &Part| matches!(other.kind, Kind::Linear { writes, .. } if writes == channels);
        if !is_certain
            && width.is_none()
            && !matches!(part.kind, Kind::Linear { .. })
            && numbered(&part.path).is_none()
            && left.iter().any(writes)
        {
            return refuse(
                "could follow one another in several orders; save them in PyTorch's format, which keeps the order",
            );
        }
        if let Kind::BatchNorm(size) | Kind::LayerNorm(size) = part.kind
            && width.is_none()
            && size == 2 * channels
        {
            return Err(joined_pools(&part.path));
        }
        // Two layers that read the same are two heads.
        let rival = |other: &Part| {
            matches!(
                (other.kind, part.kind),
                (Kind::Linear { reads: a, .. }, Kind::Linear { reads: b, writes, .. }) if a == b && a != writes
            )
        };
        if let Some(other) = left.iter().find(|other| rival(other)) {
            let (first, second) = (&part.path, &other.path);
            return refuse(&format!("are several heads: {first} and {second} read the same"));
        }
        width = Some(part.writes());
        parts.push(part);
    }
    match parts.last().map(|part| part.kind) {
        Some(Kind::Linear { .. }) => Ok(parts),
        Some(_) => refuse("end with a normalization"),
        None => Err(Error::Unsupported(
            "the weights end with the features: the layer that gives the outputs is missing; save the state dict of the \
             whole network"
                .to_owned(),
        )),
    }
}

fn joined_pools(path: &str) -> Error {
    Error::Unsupported(format!(
        "the head ({path}) reads twice the features of the network, as fastai's heads do, which join their maximum and their \
         average: such a head is not read; export the network to ONNX (torch.onnx.export) and convert that file"
    ))
}

/// Rows and columns that the features are pooled to for a layer that reads `reads` of them.
fn pooled(reads: usize, channels: usize, path: &str) -> Result<usize> {
    let values = reads / channels;
    match values.isqrt() {
        side if side * side == values => Ok(side),
        _ if values == 2 => Err(joined_pools(path)),
        _ => Err(Error::Unsupported(format!(
            "the layer {path} reads {values} values of each of the {channels} features, which are no square; export the \
             network to ONNX (torch.onnx.export) and convert that file"
        ))),
    }
}

/// Number of a part in the `Sequential` that it lies in, and the path of that.
fn numbered(path: &str) -> Option<(&str, usize)> {
    let (parent, number) = path.rsplit_once('.').unwrap_or(("", path));
    number.parse().ok().map(|number| (parent, number))
}

/// Classes of the layers without tensors between two parts of one `Sequential`, or behind the last; none where the file is
/// no whole module, or the two lie elsewhere.
fn told(layers: &[Layer], part: &Part, next: Option<&Part>) -> Option<Vec<Layer>> {
    if layers.is_empty() {
        return None;
    }
    let Some((parent, number)) = numbered(&part.path) else {
        // A lone layer, with nothing behind it in the network that torchvision makes.
        return next.is_none().then(Vec::new);
    };
    let end = match next {
        None => usize::MAX,
        Some(next) => match numbered(&next.path) {
            Some((other, end)) if other == parent && end > number => end,
            _ => return None,
        },
    };
    let mut between: Vec<(usize, Layer)> = Vec::new();
    for layer in layers {
        let Some((own, place)) = numbered(&layer.path) else { continue };
        if own == parent && place > number && place < end {
            between.push((place, layer.clone()));
        }
    }
    between.sort_by_key(|(place, _)| *place);
    Some(between.into_iter().map(|(_, layer)| layer).filter(|layer| !is_silent(layer)).collect())
}

/// Whether a layer does nothing when a network is used.
fn is_silent(layer: &Layer) -> bool {
    matches!(
        layer.kind(),
        "Dropout" | "Dropout1d" | "Dropout2d" | "AlphaDropout" | "FeatureAlphaDropout" | "Identity" | "Flatten"
    )
}

/// The function of a layer by its class.
fn function(layer: &Layer) -> Result<Function> {
    let other = match layer.kind() {
        "ReLU" => return Ok(Function::Relu),
        "ReLU6" => Nonlinearity::RELU6,
        "SiLU" | "Swish" | "MemoryEfficientSwish" => Nonlinearity::Silu,
        "Sigmoid" => Nonlinearity::Sigmoid,
        "Hardswish" => Nonlinearity::HardSwish,
        "Hardsigmoid" => Nonlinearity::HARD_SIGMOID,
        "GELU" if layer.approximates => Nonlinearity::GeluTanh,
        "GELU" => Nonlinearity::Gelu,
        "Tanh" => Nonlinearity::Tanh,
        "LeakyReLU" => match layer.slope {
            Some(slope) => Nonlinearity::LeakyRelu { slope: slope as f32 },
            None => return Err(unknown_function(layer)),
        },
        _ => return Err(unknown_function(layer)),
    };
    Ok(Function::Other(other))
}

fn unknown_function(layer: &Layer) -> Error {
    Error::Unsupported(format!(
        "the head has a layer of the class {} ({}), which is not known; export the network to ONNX (torch.onnx.export) and \
         convert that file",
        layer.kind(),
        layer.path
    ))
}

/// How outputs become probabilities, by the layers behind the last one.
pub(super) fn output(layers: &[Layer]) -> Result<Option<Output>> {
    match layers {
        [] => Ok(None),
        [layer] => match layer.kind() {
            "Sigmoid" | "LogSigmoid" => Ok(Some(Output::Sigmoid)),
            "Softmax" | "LogSoftmax" => Ok(Some(Output::Softmax)),
            _ => Err(unknown_function(layer)),
        },
        [_, layer, ..] => Err(unknown_function(layer)),
    }
}

/// The function that is taken to stand between the last of `before` and `next`, of which the file says nothing: one ReLU
/// between two fully connected layers, where a normalization between them leaves room for it.
fn assumption(
    before: &[Part],
    next: &Part,
    after: Option<&Part>,
    said: Option<HeadActivation>,
) -> Result<Option<Function>> {
    let Some(part) = before.last() else { return Ok(None) };
    let function = match said {
        None => Function::Relu,
        Some(HeadActivation::Function(function)) => function,
        Some(HeadActivation::Nothing) => return Ok(None),
    };
    let gap = |a: &Part, b: &Part| match (numbered(&a.path), numbered(&b.path)) {
        (Some((parent, first)), Some((other, second))) if parent == other => Some(second.saturating_sub(first + 1)),
        _ => None,
    };
    let is_linear = |part: &Part| matches!(part.kind, Kind::Linear { .. });
    if said.is_none()
        && is_linear(part)
        && is_linear(next)
        && gap(part, next).is_none()
        && parent(&part.path) != parent(&next.path)
    {
        return Err(Error::Unsupported(format!(
            "the file does not say which function stands between the layers {} and {} of the head; say it with \
             --head-activation (relu, none, ...)",
            part.path, next.path
        )));
    }
    let room = match (is_linear(part), is_linear(next)) {
        (true, true) => gap(part, next) != Some(0),
        // A normalization follows: its ReLU stands behind it, unless there is no room there or room before it.
        (true, false) => match (gap(part, next), after.and_then(|after| gap(next, after))) {
            (Some(first), Some(second)) => first > 0 && (second == 0 || first >= second),
            _ => false,
        },
        (false, true) => {
            let Some(linear) = before.iter().rev().nth(1).filter(|part| is_linear(part)) else { return Ok(None) };
            match (gap(linear, part), gap(part, next)) {
                (Some(first), Some(second)) => second > 0 && (first == 0 || first < second),
                _ => true,
            }
        }
        (false, false) => false,
    };
    Ok(room.then_some(function))
}
