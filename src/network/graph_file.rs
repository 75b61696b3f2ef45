//! A graph as a model card holds it: JSON that may say anything, and the graph that it then is.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::graph::{Graph, ModelKind, Node, NodeId, Start};
use super::op::Op;
use super::op_check::written_channels;
use crate::limits;

/// A graph in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphFile {
    kind: ModelKind,
    /// Smallest side of an image that it can reduce, in pixels.
    min_input_px: usize,
    /// Names of the blocks, from the image to the logits.
    blocks: Vec<String>,
    /// Nodes, inputs before readers; the image first.
    nodes: Vec<NodeFile>,
    /// Position of the feature map that Grad-CAM reads.
    features: usize,
    /// Positions of the nodes that are the result.
    outputs: Vec<usize>,
    logit_count: usize,
}

/// One operation in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeFile {
    name: String,
    op: Op,
    /// Positions of what it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<usize>,
    /// Channels of the image; of every other node they follow from what it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    /// Position of its block.
    block: usize,
    /// Position of the earlier node whose parameters it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shares: Option<usize>,
    #[serde(default, skip_serializing_if = "is_usual")]
    start: Start,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_usual(start: &Start) -> bool {
    *start == Start::Usual
}

impl From<&Graph> for GraphFile {
    fn from(graph: &Graph) -> Self {
        let node = |node: &Node| NodeFile {
            name: node.name.clone(),
            op: node.op,
            inputs: node.inputs.iter().map(|input| input.0).collect(),
            channels: (node.op == Op::Input).then_some(node.channels),
            block: node.block,
            shares: node.shares.map(|owner| owner.0),
            start: node.start,
        };
        Self {
            kind: graph.kind,
            min_input_px: graph.min_input_px,
            blocks: graph.blocks.clone(),
            nodes: graph.nodes.iter().map(node).collect(),
            features: graph.features.0,
            outputs: graph.outputs.iter().map(|output| output.0).collect(),
            logit_count: graph.logit_count,
        }
    }
}

impl GraphFile {
    /// The graph it describes, as one of `architecture`.
    ///
    /// # Errors
    /// What contradicts itself or exceeds its bound, as the rest of a sentence about the graph.
    pub(super) fn graph(self, architecture: Architecture) -> Result<Graph, String> {
        if !limits::GRAPH_NODES.contains(self.nodes.len()) {
            return Err(format!("has {} nodes, not {}", self.nodes.len(), limits::GRAPH_NODES));
        }
        if !limits::NETWORK_SIDE_PX.contains(self.min_input_px) {
            return Err(format!("has `min_input_px` {}, not {}", self.min_input_px, limits::NETWORK_SIDE_PX));
        }
        self.check_names()?;
        let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            let node = node.after(&nodes, self.blocks.len())?;
            nodes.push(node);
        }
        let count = nodes.len();
        let position = |what: &str, position: usize| {
            let known = (1..count).contains(&position).then_some(NodeId(position));
            known.ok_or_else(|| format!("has {what} at node {position}, and nodes 1 to {} can be that", count - 1))
        };
        let features = position("its features", self.features)?;
        let outputs: Vec<NodeId> =
            self.outputs.iter().map(|output| position("an output", *output)).collect::<Result<_, _>>()?;
        let graph = Graph {
            architecture: architecture.name().to_owned(),
            kind: self.kind,
            nodes,
            blocks: self.blocks,
            outputs,
            logit_count: self.logit_count,
            features,
            min_input_px: self.min_input_px,
        };
        check_outputs(&graph)?;
        check_size(&graph)?;
        Ok(graph)
    }

    /// Names are there, of a sensible length, and those of nodes differ.
    fn check_names(&self) -> Result<(), String> {
        if !(1..=self.nodes.len()).contains(&self.blocks.len()) {
            return Err(format!("has {} blocks for {} nodes", self.blocks.len(), self.nodes.len()));
        }
        for name in self.blocks.iter().chain(self.nodes.iter().map(|node| &node.name)) {
            if !limits::GRAPH_NAME_BYTES.contains(name.len()) {
                return Err(format!("has a name of {} bytes, not {}", name.len(), limits::GRAPH_NAME_BYTES));
            }
        }
        let mut known = HashSet::new();
        match self.nodes.iter().find(|node| !known.insert(node.name.as_str())) {
            Some(node) => Err(format!("has two nodes called {:?}", node.name)),
            None => Ok(()),
        }
    }
}

impl NodeFile {
    /// The node that follows `nodes`.
    fn after(self, nodes: &[Node], blocks: usize) -> Result<Node, String> {
        let position = nodes.len();
        let refuse = |problem: String| Err(format!("has the node {:?} ({position}), which {problem}", self.name));
        let later = |id: &&usize| **id >= position;
        if let Some(id) = self.inputs.iter().find(later) {
            return refuse(format!("reads node {id}, and a node reads earlier ones alone"));
        }
        if let Some(id) = self.shares.iter().find(later) {
            return refuse(format!("shares parameters of node {id}, and a node shares those of earlier ones alone"));
        }
        if self.block >= blocks {
            return refuse(format!("is in block {}, and there are {blocks}", self.block));
        }
        if (position == 0) != (self.op == Op::Input) {
            return refuse("is out of place: the image is the first node, and no other".to_owned());
        }
        if self.channels.is_some() != (self.op == Op::Input) {
            return refuse("has `channels` wrongly: the image has them, and no other node".to_owned());
        }
        let inputs: Vec<NodeId> = self.inputs.iter().map(|id| NodeId(*id)).collect();
        let read: Vec<usize> = self.inputs.iter().map(|id| nodes[*id].channels).collect();
        let channels = match written_channels(&self.op, &read, self.channels) {
            Ok(channels) => channels,
            Err(problem) => return refuse(problem),
        };
        let shares = self.shares.map(NodeId);
        if let Some(owner) = shares.map(|id| &nodes[id.0]) {
            let owner_reads = owner.inputs.iter().map(|id| nodes[id.0].channels);
            if owner.shares.is_some() || owner.op != self.op || !owner_reads.eq(read.iter().copied()) {
                return refuse(format!(
                    "shares parameters of {:?}, which is another operation or has none of its own",
                    owner.name
                ));
            }
        }
        Ok(Node { name: self.name, op: self.op, inputs, channels, block: self.block, shares, start: self.start })
    }
}

/// Outputs exist, all nodes lead to them, and a classifier ends in its logits.
fn check_outputs(graph: &Graph) -> Result<(), String> {
    let [first, ..] = graph.outputs[..] else { return Err("has no output".to_owned()) };
    let count = graph.logit_count;
    if count == 0 || count > limits::CLASSES {
        return Err(format!("has `logit_count` {count}, not a number from 1 to {}", limits::CLASSES));
    }
    if graph.kind == ModelKind::Classifier {
        if graph.outputs.len() != 1 || first.0 != graph.nodes.len() - 1 {
            return Err("is of a classifier, whose only output is the last node".to_owned());
        }
        if graph.node(first).channels != count {
            let channels = graph.node(first).channels;
            return Err(format!("has `logit_count` {count}, and its output has {channels} channels"));
        }
    }
    let readers = graph.readers();
    let unread = |id: &usize| readers[*id].is_empty() && !graph.outputs.contains(&NodeId(*id));
    match (0..graph.nodes.len()).find(unread) {
        Some(id) => Err(format!("has the node {:?}, which nobody reads and which is no output", graph.nodes[id].name)),
        None => Ok(()),
    }
}

/// Weights stay below what a file of weights holds.
fn check_size(graph: &Graph) -> Result<(), String> {
    let values = graph.parameters().into_iter().fold(0_usize, |sum, parameter| {
        let count = parameter.shape.iter().fold(1_usize, |count, side| count.saturating_mul(*side));
        sum.saturating_add(count)
    });
    if values > limits::GRAPH_WEIGHTS {
        return Err(format!("has {values} weights, and {} are the most", limits::GRAPH_WEIGHTS));
    }
    Ok(())
}

/// Checks what a graph computes from images of `height` x `width` pixels: every value has a place, and a classifier gives one
/// number a logit.
///
/// # Errors
/// What is wrong, as the rest of a sentence about the graph.
pub(super) fn check_extents(graph: &Graph, height: usize, width: usize) -> Result<(), String> {
    let extents =
        graph.extents(height, width).map_err(|error| format!("cannot read {height}x{width} pixels ({error})"))?;
    let mut work = 0_u128;
    for (node, extent) in graph.nodes.iter().zip(&extents) {
        let values = extent.iter().fold(node.channels as u128, |count, side| count * *side as u128);
        if values > limits::GRAPH_NODE_VALUES as u128 {
            let most = limits::GRAPH_NODE_VALUES;
            return Err(format!(
                "has {:?}, which writes {values} values of an image, and {most} are the most",
                node.name
            ));
        }
        work += match node.op {
            Op::Conv2d(conv) => {
                let read = graph.nodes[node.inputs[0].0].channels / conv.groups;
                values * (read * conv.kernel[0] * conv.kernel[1]) as u128
            }
            Op::Linear { extent, .. } => {
                values * (graph.nodes[node.inputs[0].0].channels * extent[0] * extent[1]) as u128
            }
            _ => values,
        };
    }
    if work > limits::GRAPH_WORK as u128 {
        return Err(format!("needs {work} multiplications an image, and {} are the most", limits::GRAPH_WORK));
    }
    let logits = extents[graph.logits().0];
    if graph.kind == ModelKind::Classifier && logits != [1, 1] {
        let [rows, columns] = logits;
        return Err(format!("gives {rows}x{columns} numbers a logit for {height}x{width} pixels, and 1x1 are needed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::network::{BatchNorm, Border, Conv2d, GraphBuilder, Nonlinearity, Pool, Variant};

    fn read(json: Value) -> Result<Graph, String> {
        let file: GraphFile = serde_json::from_value(json).map_err(|error| error.to_string())?;
        file.graph(Architecture::Imported)
    }

    fn written(graph: &Graph) -> Value {
        serde_json::to_value(GraphFile::from(graph)).unwrap()
    }

    /// Every operation with every parameter.
    fn everything() -> Graph {
        let (mut b, image) = GraphBuilder::new(3, "stem");
        let conv = Conv2d {
            padding: Border { before: [0, 1], after: [2, 3] },
            dilation: [2, 1],
            ..Conv2d::new(6, [3, 2]).stride([2, 1]).groups(3).bias(true)
        };
        let x = b.conv("conv", image, conv);
        let x = b.batch_norm("norm", x, BatchNorm { eps: 1e-3, scale: false });
        let gate = b.global_avg_pool("squeeze", x);
        let gate = b.nonlinearity("gate", gate, Nonlinearity::HardSigmoid { slope: 0.2, offset: 0.5 });
        let x = b.mul("excite", x, gate);
        b.block("body");
        let functions = [
            Nonlinearity::RELU6,
            Nonlinearity::Sigmoid,
            Nonlinearity::Silu,
            Nonlinearity::HARD_SIGMOID,
            Nonlinearity::HardSwish,
            Nonlinearity::Gelu,
            Nonlinearity::GeluTanh,
            Nonlinearity::LeakyRelu { slope: 0.1 },
            Nonlinearity::Elu { alpha: 1.3 },
            Nonlinearity::Tanh,
        ];
        let mut x = b.layer_norm("layer_norm", x, 1e-6);
        for (index, function) in functions.into_iter().enumerate() {
            x = b.nonlinearity(&format!("f{index}"), x, function);
        }
        let x = b.scale("scale", x, true);
        let x = b.pad("pad", x, Border { before: [1, 2], after: [3, 4] });
        let x = b.max_pool("max", x, Pool { ceil_mode: true, ..Pool::square(3, 2, 1) });
        let y = b.avg_pool("mean", x, Pool::square(3, 1, 1), false);
        let up = b.upsample_nearest("up", y, x);
        let x = b.concat("concat", &[x, up]);
        let first = b.conv("first", x, Conv2d::new(4, [1, 1]));
        let x = b.conv("second", x, Conv2d::new(4, [1, 1]));
        let x = b.add("add", x, first);
        let x = b.relu("relu", x);
        b.block("head");
        let pooled = b.adaptive_avg_pool("pool", x, [2, 3]);
        b.flatten_linear("fc", pooled, [2, 3], 5, false);
        b.finish("imported", x, 16)
    }

    #[test]
    fn a_graph_survives_being_written_and_read() {
        let graph = everything();
        assert_eq!(read(written(&graph)).unwrap(), graph);
        let text = serde_json::to_string(&GraphFile::from(&graph)).unwrap();
        let again: GraphFile = serde_json::from_str(&text).unwrap();
        assert_eq!(again.graph(Architecture::Imported).unwrap(), graph);
        for architecture in Architecture::ALL {
            let graph = architecture.graph(&Variant { width: 0.37, ..architecture.usual_variant() });
            let text = serde_json::to_string(&GraphFile::from(&graph)).unwrap();
            let again: GraphFile = serde_json::from_str(&text).unwrap();
            assert_eq!(again.graph(architecture).unwrap(), graph, "{architecture}");
        }
    }

    #[test]
    fn every_contradiction_is_told() {
        type Change<'a> = &'a dyn Fn(&mut Value);
        let good = written(&everything());
        let at = |name: &str| good["nodes"].as_array().unwrap().iter().position(|node| node["name"] == name).unwrap();
        let cases: &[(&str, Change<'_>, &str)] = &[
            ("nothing", &|g| g["nodes"] = json!([]), "has 0 nodes, not a whole number from 2 to 20000"),
            ("no image", &|g| g["nodes"][0]["op"] = json!("relu"), "the image is the first node"),
            ("two images", &|g| g["nodes"][1]["op"] = json!("input"), "the image is the first node"),
            ("no channels", &|g| g["nodes"][0]["channels"] = Value::Null, "has `channels` wrongly"),
            ("zero channels", &|g| g["nodes"][0]["channels"] = json!(0), "has 0 channels, not"),
            ("channels inside", &|g| g["nodes"][1]["channels"] = json!(6), "has `channels` wrongly"),
            ("later input", &|g| g["nodes"][1]["inputs"] = json!([1]), "reads node 1, and a node reads earlier ones"),
            ("far input", &|g| g["nodes"][1]["inputs"] = json!([u64::MAX]), "and a node reads earlier ones alone"),
            ("no input", &|g| g["nodes"][1]["inputs"] = json!([]), "reads 0 nodes, and a convolution reads 1"),
            ("same name", &|g| g["nodes"][1]["name"] = json!("norm"), "has two nodes called \"norm\""),
            ("no name", &|g| g["nodes"][1]["name"] = json!(""), "has a name of 0 bytes"),
            ("block", &|g| g["nodes"][1]["block"] = json!(3), "is in block 3, and there are 3"),
            ("blocks", &|g| g["blocks"] = json!([]), "has 0 blocks"),
            ("groups", &|g| g["nodes"][1]["op"]["conv2d"]["groups"] = json!(2), "cuts 3 channels into 2 groups"),
            ("no groups", &|g| g["nodes"][1]["op"]["conv2d"]["groups"] = json!(0), "cuts 3 channels into 0 groups"),
            ("out", &|g| g["nodes"][1]["op"]["conv2d"]["out_channels"] = json!(0), "has 0 channels, not"),
            ("huge", &|g| g["nodes"][1]["op"]["conv2d"]["out_channels"] = json!(3_000_000_000_u64), "channels, not"),
            ("stride", &|g| g["nodes"][1]["op"]["conv2d"]["stride"] = json!([0, 1]), "has a stride of 0, not"),
            ("kernel", &|g| g["nodes"][1]["op"]["conv2d"]["kernel"] = json!([0, 1]), "has a kernel of 0, not"),
            ("dilation", &|g| g["nodes"][1]["op"]["conv2d"]["dilation"] = json!([1, 0]), "has a dilation of 0, not"),
            ("unknown field", &|g| g["nodes"][1]["op"]["conv2d"]["mode"] = json!("same"), "unknown field `mode`"),
            ("unknown op", &|g| g["nodes"][1]["op"] = json!("attention"), "unknown variant `attention`"),
            ("features", &|g| g["features"] = json!(1000), "has its features at node 1000"),
            ("features of the image", &|g| g["features"] = json!(0), "has its features at node 0"),
            ("outputs", &|g| g["outputs"] = json!([]), "has no output"),
            ("output", &|g| g["outputs"] = json!([99]), "has an output at node 99"),
            ("early output", &|g| g["outputs"] = json!([3]), "whose only output is the last node"),
            ("logits", &|g| g["logit_count"] = json!(4), "has `logit_count` 4, and its output has 5 channels"),
            ("side", &|g| g["min_input_px"] = json!(0), "has `min_input_px` 0, not"),
            ("shares itself", &|g| g["nodes"][1]["shares"] = json!(1), "shares parameters of node 1"),
            (
                "shares another",
                &|g| g["nodes"][2]["shares"] = json!(1),
                "shares parameters of \"conv\", which is another",
            ),
        ];
        for (what, change, expected) in cases {
            let mut graph = good.clone();
            change(&mut graph);
            let problem = read(graph).unwrap_err();
            assert!(problem.contains(expected), "{what}: {problem}");
        }
        let inside: &[(&str, &str, Value, &str)] = &[
            ("add", "inputs", json!([0, 1]), "adds or multiplies 3 and 6 channels"),
            ("excite", "inputs", json!([1, 0]), "adds or multiplies 6 and 3 channels"),
            ("concat", "inputs", json!([]), "reads 0 nodes, and a concatenation reads 1 to"),
            ("pool", "op", json!({"adaptive_avg_pool": {"output": [0, 1]}}), "has an output of 0, not"),
            ("fc", "op", json!({"linear": {"out_features": 5, "extent": [0, 3], "bias": false}}), "an extent of 0"),
            ("norm", "op", json!({"batch_norm": {"eps": -1.0, "scale": true}}), "has an eps of -1"),
            ("f0", "op", json!({"nonlinearity": {"clip": {"low": 2.0, "high": 1.0}}}), "clips from 2 to 1"),
            ("f7", "op", json!({"nonlinearity": {"leaky_relu": {"slope": 1e39}}}), "no number"),
        ];
        for (name, field, value, expected) in inside {
            let mut graph = good.clone();
            graph["nodes"][at(name)][*field] = value.clone();
            let problem = read(graph).unwrap_err();
            assert!(problem.contains(expected), "{name}: {problem}");
        }
        let mut border = good.clone();
        border["nodes"][at("max")]["op"]["max_pool"]["padding"]["before"] = json!([3, 0]);
        assert!(read(border).unwrap_err().contains("border of 3 pixels, which is not smaller than its window"));
        let mut unread = good.clone();
        unread["nodes"][at("concat")]["inputs"] = json!([at("max"), at("max")]);
        assert!(read(unread).unwrap_err().contains("has the node \"up\", which nobody reads"));
    }

    #[test]
    fn what_an_image_becomes_is_bounded() {
        let graph = everything();
        assert_eq!(check_extents(&graph, 32, 32), Ok(()));
        assert!(check_extents(&graph, 8, 8).unwrap_err().contains("at least 16x16"));
        let (mut b, image) = GraphBuilder::new(3, "all");
        let x = b.conv("conv", image, Conv2d::new(2, [3, 3]));
        b.relu("relu", x);
        let map = b.finish("imported", x, 8);
        assert!(check_extents(&map, 8, 8).unwrap_err().contains("gives 6x6 numbers a logit"));
        let (mut b, image) = GraphBuilder::new(1, "all");
        let mut x = image;
        for index in 0..40 {
            x = b.pad(&format!("pad{index}"), x, Border::equal([4000, 4000]));
        }
        let pooled = b.global_avg_pool("pool", x);
        b.linear("fc", pooled, 1);
        let wide = b.finish("imported", x, 1);
        assert!(check_extents(&wide, 8, 8).unwrap_err().contains("values of an image"));
    }
}
