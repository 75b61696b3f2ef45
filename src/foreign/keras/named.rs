//! Networks of a file that are networks known here by name: they get that name, its tensors and its blocks.

use std::collections::HashMap;

use super::super::tensors::Named;
use super::import::Imported;
use super::tensor::Tensor;
use crate::network::{Architecture, Graph, NodeId, Op, Variant};

/// Classifiers of keras.applications that are exactly those of torchvision, up to numbers of channels.
const CANDIDATES: [Architecture; 2] = [Architecture::InceptionV3, Architecture::DenseNet121];

/// The architecture whose graph an imported one is, node for node, its variant, and the tensors by its names.
pub(super) fn find<'a>(imported: &Imported<'a>) -> Option<(Architecture, Variant, Named<Tensor<'a>>)> {
    CANDIDATES.into_iter().find_map(|architecture| of(architecture, imported))
}

fn of<'a>(architecture: Architecture, imported: &Imported<'a>) -> Option<(Architecture, Variant, Named<Tensor<'a>>)> {
    let found = &imported.graph;
    let usual = architecture.graph(&Variant::default());
    if found.nodes().len() != usual.nodes().len() {
        return None;
    }
    // Of the networks here each node has its place, whatever its channels.
    let pairs = pairs(&usual, found, |known, found| kind(known) == kind(found))?;
    let mut tensors = Named::new();
    let names: HashMap<&str, NodeId> =
        pairs.iter().map(|(known, found_id)| (found.node(*found_id).name.as_str(), *known)).collect();
    for (name, (shape, tensor)) in &imported.tensors {
        let (node, suffix) = name.rsplit_once('.')?;
        let known = names.get(node)?;
        tensors.insert(usual.parameter_name(*known, suffix), (shape.clone(), tensor.clone()));
    }
    let bias = format!("{}.bias", architecture.last_layer());
    // A head without bias is one whose bias is 0.
    let outputs = found.logit_count();
    tensors.entry(bias).or_insert_with(|| (vec![outputs], Tensor::constant(0.0, outputs)));
    let shapes = tensors.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect();
    let mut variant = architecture.infer(&shapes);
    for node in found.nodes() {
        match node.op {
            Op::BatchNorm(norm) if architecture != Architecture::InceptionV3 => variant.norm_eps = norm.eps,
            Op::AvgPool { count_include_pad, pool } if pool.padding.sum(0) > 0 => {
                variant.count_include_pad = count_include_pad;
            }
            _ => {}
        }
    }
    let graph = architecture.graph(&variant);
    let same = |known: &Op, found: &Op| match (known, found) {
        (Op::Linear { extent, out_features, .. }, Op::Linear { extent: read, out_features: written, .. }) => {
            extent == read && out_features == written
        }
        (known, found) => known == found,
    };
    let channels =
        |(known, found_id): (&NodeId, &NodeId)| graph.node(*known).channels == found.node(*found_id).channels;
    let exact = self::pairs(&graph, found, same)?;
    (exact.iter().all(channels) && graph.node(graph.features()).name == features(&graph, found, &exact)?).then_some((
        architecture,
        variant,
        tensors,
    ))
}

/// The name of the node of `graph` that is the features of `found`.
fn features(graph: &Graph, found: &Graph, pairs: &HashMap<NodeId, NodeId>) -> Option<String> {
    let (known, _) = pairs.iter().find(|(_, found_id)| **found_id == found.features())?;
    Some(graph.node(*known).name.clone())
}

/// What decides whether two operations may be the same in networks of other widths.
fn kind(op: &Op) -> (std::mem::Discriminant<Op>, [usize; 4]) {
    let sides = match op {
        Op::Conv2d(conv) => [conv.kernel[0], conv.kernel[1], conv.stride[0], conv.stride[1]],
        Op::MaxPool(pool) | Op::AvgPool { pool, .. } => {
            [pool.kernel[0], pool.kernel[1], pool.stride[0], pool.stride[1]]
        }
        _ => [0; 4],
    };
    (std::mem::discriminant(op), sides)
}

/// The node of `found` for every node of `known`, from the logits on; none where they are not the same.
fn pairs(known: &Graph, found: &Graph, same: impl Fn(&Op, &Op) -> bool) -> Option<HashMap<NodeId, NodeId>> {
    let mut pairs = HashMap::new();
    let mut waiting = vec![(known.logits(), found.logits())];
    while let Some((a, b)) = waiting.pop() {
        if let Some(before) = pairs.insert(a, b) {
            if before != b {
                return None;
            }
            continue;
        }
        let (node, other) = (known.node(a), found.node(b));
        if !same(&node.op, &other.op) || node.inputs.len() != other.inputs.len() {
            return None;
        }
        waiting.extend(node.inputs.iter().copied().zip(other.inputs.iter().copied()));
    }
    (pairs.len() == known.nodes().len() && pairs.len() == found.nodes().len()).then_some(pairs)
}
