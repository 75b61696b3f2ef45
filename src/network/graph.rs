//! A network as data: named nodes in named blocks, described once per architecture and read by every executor.

use std::collections::HashMap;

use super::error::{Error, Result};

/// Position of a node in its [`Graph`]; nodes only read nodes with a smaller id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// A convolution without dilation or groups; weight `[out, in, kh, kw]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Channels written.
    pub out_channels: usize,
    /// Kernel `[height, width]` in pixels.
    pub kernel: [usize; 2],
    /// Step `[vertical, horizontal]` in input pixels.
    pub stride: [usize; 2],
    /// Zeros added on both sides `[vertical, horizontal]`, in pixels.
    pub padding: [usize; 2],
    /// Whether a bias `[out]` follows.
    pub bias: bool,
}

/// Batch normalization with fixed statistics: `(x - mean) / sqrt(variance + eps) * weight + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f64,
    /// Whether a learned factor exists (Keras' Inception has none).
    pub scale: bool,
}

/// Window of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Side of the square window in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Border on every side in pixels; at most half the kernel.
    pub padding: usize,
}

/// What a node computes from its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The image, `[n, c, h, w]`.
    Input,
    /// Convolution.
    Conv2d(Conv2d),
    /// Batch normalization in evaluation mode.
    BatchNorm(BatchNorm),
    /// `max(x, 0)`; its derivative at 0 is 0.
    Relu,
    /// Maximum over windows; the gradient goes to the first maximum in row-major order.
    MaxPool(Pool),
    /// Mean over windows.
    AvgPool {
        /// The window.
        pool: Pool,
        /// PyTorch's rule when true (zeros of the border count), Keras' when false.
        count_include_pad: bool,
    },
    /// Joins its inputs along the channels.
    Concat,
    /// Mean over height and width, giving `[n, c, 1, 1]`.
    GlobalAvgPool,
    /// Fully connected layer on `[n, c, 1, 1]`; weight `[out, in]`, bias `[out]`.
    Linear {
        /// Classes or features written.
        out_features: usize,
    },
}

/// One operation of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Module path in torchvision's naming; for operations with weights it is the prefix of their tensors.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<NodeId>,
    /// Channels it writes.
    pub channels: usize,
    /// Index into [`Graph::blocks`].
    pub block: usize,
}

/// What a parameter tensor is, which decides how it is initialized and folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterRole {
    /// Kernel of a convolution, `[out, in, kh, kw]`.
    ConvWeight,
    /// Matrix of a fully connected layer, `[out, in]`.
    LinearWeight,
    /// Bias of a convolution or a fully connected layer, `[out]`.
    Bias,
    /// Factor of a batch normalization, `[c]`.
    NormWeight,
    /// Offset of a batch normalization, `[c]`.
    NormBias,
    /// Running mean of a batch normalization, `[c]`.
    RunningMean,
    /// Running variance of a batch normalization, `[c]`.
    RunningVariance,
}

/// Name, shape and meaning of one tensor the graph needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Tensor name in torchvision's naming, such as `Mixed_5b.branch1x1.conv.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its meaning.
    pub role: ParameterRole,
    /// The node that reads it.
    pub node: NodeId,
}

/// A whole network: nodes in topological order, the last one being the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    architecture: String,
    nodes: Vec<Node>,
    blocks: Vec<String>,
    features: NodeId,
    min_input_px: usize,
}

impl Graph {
    /// Short name of the architecture, such as `inception_v3`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// All nodes, inputs before readers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Names of the blocks from the image to the logits, as the study calls them (`stem`, `mixed0`, ... `logits`).
    pub fn blocks(&self) -> &[String] {
        &self.blocks
    }

    /// Channels of the image.
    pub fn input_channels(&self) -> usize {
        self.nodes[0].channels
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes[self.nodes.len() - 1].channels
    }

    /// The node that holds the logits.
    pub fn logits(&self) -> NodeId {
        NodeId(self.nodes.len() - 1)
    }

    /// The feature map that Grad-CAM reads: the last one before global pooling.
    pub fn features(&self) -> NodeId {
        self.features
    }

    /// The node called `name`.
    ///
    /// # Errors
    /// Names the node when there is none.
    pub fn find(&self, name: &str) -> Result<NodeId> {
        self.nodes
            .iter()
            .position(|node| node.name == name)
            .map(NodeId)
            .ok_or_else(|| Error::UnknownNode { name: name.to_owned() })
    }

    /// For every node, the nodes that read it.
    pub fn readers(&self) -> Vec<Vec<NodeId>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                readers[input.0].push(NodeId(index));
            }
        }
        readers
    }

    /// Every tensor the network needs, in node order.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let mut push = |suffix: &str, shape: Vec<usize>, role| {
                parameters.push(Parameter {
                    name: format!("{}.{suffix}", node.name),
                    shape,
                    role,
                    node: NodeId(index),
                });
            };
            let in_channels = node.inputs.first().map_or(0, |input| self.nodes[input.0].channels);
            let out = node.channels;
            match node.op {
                Op::Conv2d(conv) => {
                    push("weight", vec![out, in_channels, conv.kernel[0], conv.kernel[1]], ParameterRole::ConvWeight);
                    if conv.bias {
                        push("bias", vec![out], ParameterRole::Bias);
                    }
                }
                Op::BatchNorm(norm) => {
                    if norm.scale {
                        push("weight", vec![out], ParameterRole::NormWeight);
                    }
                    push("bias", vec![out], ParameterRole::NormBias);
                    push("running_mean", vec![out], ParameterRole::RunningMean);
                    push("running_var", vec![out], ParameterRole::RunningVariance);
                }
                Op::Linear { .. } => {
                    push("weight", vec![out, in_channels], ParameterRole::LinearWeight);
                    push("bias", vec![out], ParameterRole::Bias);
                }
                Op::Input | Op::Relu | Op::MaxPool(_) | Op::AvgPool { .. } | Op::Concat | Op::GlobalAvgPool => {}
            }
        }
        parameters
    }

    /// Height and width of every node's output for an image of `height` x `width` pixels.
    ///
    /// # Errors
    /// When the image is smaller than the architecture allows, or a window does not fit.
    pub fn extents(&self, height: usize, width: usize) -> Result<Vec<[usize; 2]>> {
        if height < self.min_input_px || width < self.min_input_px {
            return Err(Error::InputTooSmall {
                architecture: self.architecture.clone(),
                height,
                width,
                min_px: self.min_input_px,
            });
        }
        let mut extents: Vec<[usize; 2]> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let input = node.inputs.first().map_or([height, width], |id| extents[id.0]);
            let windowed = |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]| {
                let mut out = [0; 2];
                for axis in 0..2 {
                    let padded = input[axis] + 2 * padding[axis];
                    if padded < kernel[axis] {
                        return Err(Error::InputTooSmall {
                            architecture: self.architecture.clone(),
                            height,
                            width,
                            min_px: self.min_input_px.max(height.min(width) + 1),
                        });
                    }
                    out[axis] = (padded - kernel[axis]) / stride[axis] + 1;
                }
                Ok(out)
            };
            extents.push(match node.op {
                Op::Conv2d(conv) => windowed(conv.kernel, conv.stride, conv.padding)?,
                Op::MaxPool(pool) | Op::AvgPool { pool, .. } => {
                    windowed([pool.kernel; 2], [pool.stride; 2], [pool.padding; 2])?
                }
                Op::GlobalAvgPool | Op::Linear { .. } => [1, 1],
                Op::Input | Op::BatchNorm(_) | Op::Relu | Op::Concat => input,
            });
        }
        Ok(extents)
    }

    /// Multiply-adds of the convolutions and the fully connected layer for one image, forward only.
    ///
    /// # Errors
    /// As [`Graph::extents`].
    pub fn multiply_adds(&self, height: usize, width: usize) -> Result<u64> {
        let extents = self.extents(height, width)?;
        let mut sum = 0;
        for (node, extent) in self.nodes.iter().zip(&extents) {
            let Some(input) = node.inputs.first() else { continue };
            let per_pixel = self.nodes[input.0].channels * node.channels;
            sum += match node.op {
                Op::Conv2d(conv) => per_pixel * conv.kernel[0] * conv.kernel[1] * extent[0] * extent[1],
                Op::Linear { .. } => per_pixel,
                _ => 0,
            } as u64;
        }
        Ok(sum)
    }
}

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

    /// Adds a fully connected layer.
    pub fn linear(&mut self, name: &str, input: NodeId, out_features: usize) -> NodeId {
        self.push(name, Op::Linear { out_features }, &[input], out_features)
    }

    /// Ends the graph; the node added last holds the logits, `features` is what Grad-CAM reads.
    pub fn finish(self, architecture: &str, features: NodeId, min_input_px: usize) -> Graph {
        Graph { architecture: architecture.to_owned(), nodes: self.nodes, blocks: self.blocks, features, min_input_px }
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
        });
        NodeId(id)
    }
}

/// `channels` scaled by a width multiplier: rounded to the nearest integer, at least 1.
pub(super) fn scaled_channels(channels: usize, width: f64) -> usize {
    let scaled = (channels as f64 * width).round() as usize;
    scaled.max(1)
}
