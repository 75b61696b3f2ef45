//! Builds graphs node by node.

use std::collections::HashMap;

use super::graph::{Graph, ModelKind, Node, NodeId, Start};
use super::nonlinearity::Nonlinearity;
use super::op::{BatchNorm, Border, Conv2d, Op, Pool};
use super::op_check::written_channels;

/// Builds a [`Graph`] node by node; every method returns the id of the node it added.
#[derive(Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    blocks: Vec<String>,
    names: HashMap<String, usize>,
}

impl GraphBuilder {
    /// Starts with an image of `channels` channels, in a first block called `block`.
    pub fn new(channels: usize, block: &str) -> (Self, NodeId) {
        let mut builder = Self { nodes: Vec::new(), blocks: vec![block.to_owned()], names: HashMap::new() };
        let input = builder.push("input", Op::Input, &[], channels);
        (builder, input)
    }

    /// Nodes added from here on belong to the block called `name`.
    pub fn block(&mut self, name: &str) {
        self.blocks.push(name.to_owned());
    }

    /// Channels of a node added before.
    pub fn channels(&self, id: NodeId) -> usize {
        self.nodes[id.0].channels
    }

    /// Adds a convolution.
    pub fn conv(&mut self, name: &str, input: NodeId, conv: Conv2d) -> NodeId {
        self.push(name, Op::Conv2d(conv), &[input], conv.out_channels)
    }

    /// Adds a batch normalization.
    pub fn batch_norm(&mut self, name: &str, input: NodeId, norm: BatchNorm) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::BatchNorm(norm), &[input], channels)
    }

    /// Adds a ReLU.
    pub fn relu(&mut self, name: &str, input: NodeId) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::Relu, &[input], channels)
    }

    /// Adds a normalization of every pixel over its channels.
    pub fn layer_norm(&mut self, name: &str, input: NodeId, eps: f64) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::LayerNorm { eps }, &[input], channels)
    }

    /// Adds a factor a channel, and an offset where `bias` is set.
    pub fn scale(&mut self, name: &str, input: NodeId, bias: bool) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::Scale { bias }, &[input], channels)
    }

    /// Adds a function of each value.
    pub fn nonlinearity(&mut self, name: &str, input: NodeId, function: Nonlinearity) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::Nonlinearity(function), &[input], channels)
    }

    /// Adds zeros around the image.
    pub fn pad(&mut self, name: &str, input: NodeId, border: Border) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::Pad(border), &[input], channels)
    }

    /// Adds a max pool.
    pub fn max_pool(&mut self, name: &str, input: NodeId, pool: Pool) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::MaxPool(pool), &[input], channels)
    }

    /// Adds an average pool.
    pub fn avg_pool(&mut self, name: &str, input: NodeId, pool: Pool, count_include_pad: bool) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::AvgPool { pool, count_include_pad }, &[input], channels)
    }

    /// Joins nodes of equal extent along the channels.
    pub fn concat(&mut self, name: &str, inputs: &[NodeId]) -> NodeId {
        let channels = inputs.iter().map(|id| self.channels(*id)).sum();
        self.push(name, Op::Concat, inputs, channels)
    }

    /// Adds global average pooling.
    pub fn global_avg_pool(&mut self, name: &str, input: NodeId) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::GlobalAvgPool, &[input], channels)
    }

    /// Adds average pooling to `output` rows and columns.
    pub fn adaptive_avg_pool(&mut self, name: &str, input: NodeId, output: [usize; 2]) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::AdaptiveAvgPool { output }, &[input], channels)
    }

    /// Adds a fully connected layer with a bias that reads one pixel, as after global pooling.
    pub fn linear(&mut self, name: &str, input: NodeId, out_features: usize) -> NodeId {
        self.flatten_linear(name, input, [1, 1], out_features, true)
    }

    /// Adds a fully connected layer that reads all values of an image of `extent` rows and columns.
    pub fn flatten_linear(
        &mut self,
        name: &str,
        input: NodeId,
        extent: [usize; 2],
        out_features: usize,
        bias: bool,
    ) -> NodeId {
        self.push(name, Op::Linear { out_features, extent, bias }, &[input], out_features)
    }

    /// Adds a convolution that uses the parameters of `of`, a convolution added before.
    ///
    /// # Panics
    /// When `of` is no convolution, or reads another number of channels.
    pub fn conv_shared(&mut self, name: &str, input: NodeId, of: NodeId) -> NodeId {
        assert!(matches!(self.nodes[of.0].op, Op::Conv2d(_)), "only convolutions share parameters: {name}");
        let read = self.channels(self.nodes[of.0].inputs[0]);
        assert_eq!(self.channels(input), read, "shared kernels read as many channels: {name}");
        self.shared(name, &[input], of)
    }

    /// Adds the sum of two nodes of equal shape.
    ///
    /// # Panics
    /// When they differ in channels.
    pub fn add(&mut self, name: &str, first: NodeId, second: NodeId) -> NodeId {
        let channels = self.channels(first);
        assert_eq!(channels, self.channels(second), "a sum has equal channels: {name}");
        self.push(name, Op::Add, &[first, second], channels)
    }

    /// Adds the product of two nodes of equal channels; `second` has the extent of `first` or one pixel.
    ///
    /// # Panics
    /// When they differ in channels.
    pub fn mul(&mut self, name: &str, first: NodeId, second: NodeId) -> NodeId {
        let channels = self.channels(first);
        assert_eq!(channels, self.channels(second), "a product has equal channels: {name}");
        self.push(name, Op::Mul, &[first, second], channels)
    }

    /// Repeats the pixels of `input` until it has the extent of `reference`.
    pub fn upsample_nearest(&mut self, name: &str, input: NodeId, reference: NodeId) -> NodeId {
        let channels = self.channels(input);
        self.push(name, Op::UpsampleNearest, &[input, reference], channels)
    }

    /// Adds any operation.
    ///
    /// # Errors
    /// What is impossible or beyond its bound, as the rest of a sentence about the node.
    pub(crate) fn op(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> Result<NodeId, String> {
        let read: Vec<usize> = inputs.iter().map(|id| self.channels(*id)).collect();
        let channels = written_channels(&op, &read, None)?;
        Ok(self.push(name, op, inputs, channels))
    }

    /// Adds a layer that reads as many channels as `of`, an earlier one, and uses its parameters.
    pub(crate) fn shared(&mut self, name: &str, inputs: &[NodeId], of: NodeId) -> NodeId {
        let owner = self.nodes[of.0].shares.unwrap_or(of);
        let Node { op, channels, start, .. } = self.nodes[owner.0].clone();
        let id = self.push(name, op, inputs, channels);
        self.nodes[id.0].shares = Some(owner);
        self.nodes[id.0].start = start;
        id
    }

    /// Says how the parameters of the node added last begin.
    pub fn start(&mut self, start: Start) {
        if let Some(node) = self.nodes.last_mut() {
            node.start = start;
        }
    }

    /// Ends the graph of a classifier; the node added last holds the logits, `features` is what Grad-CAM reads.
    pub fn finish(self, architecture: &str, features: NodeId, min_input_px: usize) -> Graph {
        let logits = NodeId(self.nodes.len() - 1);
        let logit_count = self.channels(logits);
        self.finish_as(ModelKind::Classifier, architecture, &[logits], logit_count, features, min_input_px)
    }

    /// Ends a graph of any kind with the given outputs; `logit_count` is what [`Graph::logit_count`] says.
    ///
    /// # Panics
    /// When there is no output.
    pub fn finish_as(
        self,
        kind: ModelKind,
        architecture: &str,
        outputs: &[NodeId],
        logit_count: usize,
        features: NodeId,
        min_input_px: usize,
    ) -> Graph {
        assert!(!outputs.is_empty(), "a network has an output");
        Graph {
            architecture: architecture.to_owned(),
            kind,
            nodes: self.nodes,
            blocks: self.blocks,
            outputs: outputs.to_vec(),
            logit_count,
            features,
            min_input_px,
        }
    }

    fn push(&mut self, name: &str, op: Op, inputs: &[NodeId], channels: usize) -> NodeId {
        let id = self.nodes.len();
        debug_assert!(inputs.iter().all(|input| input.0 < id), "a node reads only nodes before it");
        let earlier = self.names.insert(name.to_owned(), id);
        debug_assert!(earlier.is_none(), "node names are unique: {name}");
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            channels,
            block: self.blocks.len() - 1,
            shares: None,
            start: Start::Usual,
        });
        NodeId(id)
    }
}

/// `channels` scaled by a width multiplier: rounded to the nearest integer, at least 1.
pub(super) fn scaled_channels(channels: usize, width: f64) -> usize {
    let scaled = (channels as f64 * width).round() as usize;
    scaled.max(1)
}
