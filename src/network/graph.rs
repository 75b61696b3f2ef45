//! A network as data: named nodes in named blocks, described once per architecture and read by every executor.

use super::architecture::{Architecture, Variant};
use super::class_logit::class_count;
use super::error::{Error, Result};
use super::op::Op;

/// Position of a node in its [`Graph`]; nodes only read nodes with a smaller id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a network says about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// One logit a class for the whole image; what saliency explains.
    Classifier,
    /// One logit map a class, as large as the image.
    Segmentation,
    /// Scored boxes.
    Detection,
}

impl ModelKind {
    /// Its name, such as `classifier`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Segmentation => "segmentation",
            Self::Detection => "detection",
        }
    }
}

/// How an untrained layer begins, where its place in the network decides that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// As the architecture's published initializer says.
    #[default]
    Usual,
    /// No ReLU follows: weights keep the variance of what they read.
    Linear,
    /// A layer of a detector's heads: small weights.
    Head,
    /// Its parameters are constants of the network: no training changes them, and no cascade draws them anew.
    Fixed,
    /// The last layer of a detector's class scores: small weights, and a bias that gives every place a probability
    /// of 0.01, lest the many places without a finding swamp the first steps (Lin et al. 2017, section 3.3).
    RareScore,
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
    /// The earlier node whose parameters it uses; none where it has its own or needs none.
    pub shares: Option<NodeId>,
    /// How its parameters begin.
    pub start: Start,
}

/// What a parameter tensor is, which decides how it is initialized and folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterRole {
    /// Kernel of a convolution, `[out, in, kh, kw]`.
    ConvWeight,
    /// Kernel of a convolution that no ReLU follows, `[out, in, kh, kw]`.
    LinearConvWeight,
    /// Kernel of a convolution in a detector's heads, `[out, in, kh, kw]`.
    HeadWeight,
    /// Matrix of a fully connected layer, `[out, in]`.
    LinearWeight,
    /// Bias of a convolution or a fully connected layer, `[out]`.
    Bias,
    /// Bias of a detector's class scores, `[out]`.
    RareScoreBias,
    /// Factor of a batch normalization, `[c]`.
    NormWeight,
    /// Offset of a batch normalization, `[c]`.
    NormBias,
    /// A factor that is a constant of the network, `[c]`.
    ConstantFactor,
    /// An offset that is a constant of the network, `[c]`.
    ConstantOffset,
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
    /// The first node that reads it; others may share it.
    pub node: NodeId,
}

/// A whole network: nodes in topological order, and which of them are its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    pub(super) architecture: String,
    pub(super) kind: ModelKind,
    pub(super) nodes: Vec<Node>,
    pub(super) blocks: Vec<String>,
    pub(super) outputs: Vec<NodeId>,
    pub(super) logit_count: usize,
    pub(super) features: NodeId,
    pub(super) min_input_px: usize,
}

impl Graph {
    /// Short name of the architecture, such as `inception_v3`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Whether it came from a file and no architecture here has it.
    pub fn is_imported(&self) -> bool {
        self.architecture == Architecture::Imported.name()
    }

    /// What of an imported graph [`Variant`] tells of others.
    pub(crate) fn imported_variant(&self) -> Variant {
        let usual = Architecture::Imported.usual_variant();
        Variant { input_channels: self.input_channels(), classes: self.logit_count, ..usual }
    }

    /// The smallest image side it accepts, in pixels.
    pub fn min_input_px(&self) -> usize {
        self.min_input_px
    }

    /// What it says about an image.
    pub fn kind(&self) -> ModelKind {
        self.kind
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

    /// Number of classes: those of a classifier (two where it has a single logit), the maps of a segmentation, the kinds
    /// of boxes of a detector.
    pub fn classes(&self) -> usize {
        match self.kind {
            ModelKind::Classifier => class_count(self.logit_count),
            ModelKind::Segmentation | ModelKind::Detection => self.logit_count,
        }
    }

    /// Number of logits: of a classifier for the whole image, of a segmentation for each pixel, of a detector for each
    /// anchor.
    pub fn logit_count(&self) -> usize {
        self.logit_count
    }

    /// The nodes whose values are the result: of a classifier the logits alone, of a segmentation the logit map, of a
    /// detector the class logits of all levels and then the box offsets of all levels.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The node that holds the logits: the first of [`Graph::outputs`].
    pub fn logits(&self) -> NodeId {
        self.outputs[0]
    }

    /// The node under whose name the parameters of `id` are stored: itself, or the one it shares them with.
    pub fn owner(&self, id: NodeId) -> NodeId {
        self.nodes[id.0].shares.unwrap_or(id)
    }

    /// Name of the parameter `suffix` (`weight`, `bias`, `running_mean`, `running_var`) of the node at `id`.
    pub fn parameter_name(&self, id: NodeId, suffix: &str) -> String {
        format!("{}.{suffix}", self.nodes[self.owner(id).0].name)
    }

    /// The feature map that Grad-CAM reads: the last one before global pooling. Of networks that localize, the deepest
    /// one.
    pub fn features(&self) -> NodeId {
        self.features
    }

    /// The first node for which guided backpropagation has no rule; none where it is defined for the whole network.
    pub fn unguided(&self) -> Option<NodeId> {
        self.nodes.iter().position(|node| !node.op.is_guided()).map(NodeId)
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

    /// For every batch normalization the ReLU that alone reads it, so that both may be computed at once; none where
    /// others read it too, or where it is an output.
    pub(super) fn relus_of_norms(&self) -> Vec<Option<NodeId>> {
        let readers = self.readers();
        let relu = |(index, node): (usize, &Node)| match (node.op, &readers[index][..]) {
            (Op::BatchNorm(_), [reader]) if self.node(*reader).op == Op::Relu => {
                (!self.outputs.contains(&NodeId(index))).then_some(*reader)
            }
            _ => None,
        };
        self.nodes.iter().enumerate().map(relu).collect()
    }

    /// Every tensor the network needs, each once, in node order.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.shares.is_none()) {
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
                    let (weight, bias) = match node.start {
                        Start::Usual => (ParameterRole::ConvWeight, ParameterRole::Bias),
                        Start::Fixed => (ParameterRole::ConstantFactor, ParameterRole::ConstantOffset),
                        Start::Linear => (ParameterRole::LinearConvWeight, ParameterRole::Bias),
                        Start::Head => (ParameterRole::HeadWeight, ParameterRole::Bias),
                        Start::RareScore => (ParameterRole::HeadWeight, ParameterRole::RareScoreBias),
                    };
                    push("weight", vec![out, in_channels / conv.groups, conv.kernel[0], conv.kernel[1]], weight);
                    if conv.bias {
                        push("bias", vec![out], bias);
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
                Op::LayerNorm { .. } => {
                    push("weight", vec![out], ParameterRole::NormWeight);
                    push("bias", vec![out], ParameterRole::NormBias);
                }
                Op::Scale { bias } => {
                    let (factor, offset) = match node.start {
                        Start::Fixed => (ParameterRole::ConstantFactor, ParameterRole::ConstantOffset),
                        _ => (ParameterRole::NormWeight, ParameterRole::NormBias),
                    };
                    push("weight", vec![out], factor);
                    if bias {
                        push("bias", vec![out], offset);
                    }
                }
                Op::Linear { extent, bias, .. } => {
                    let read = in_channels * extent[0] * extent[1];
                    push("weight", vec![out, read], ParameterRole::LinearWeight);
                    if bias {
                        push("bias", vec![out], ParameterRole::Bias);
                    }
                }
                Op::Input
                | Op::Relu
                | Op::Nonlinearity(_)
                | Op::MaxPool(_)
                | Op::AvgPool { .. }
                | Op::AdaptiveAvgPool { .. }
                | Op::Concat
                | Op::GlobalAvgPool
                | Op::Add
                | Op::Mul
                | Op::Pad(_)
                | Op::UpsampleNearest => {}
            }
        }
        parameters
    }

    /// Height and width of every node's output for an image of `height` x `width` pixels.
    ///
    /// # Errors
    /// When the image is smaller than the architecture allows, a window does not fit, or nodes of different extents
    /// are added or joined.
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
            let too_small = || Error::InputTooSmall {
                architecture: self.architecture.clone(),
                height,
                width,
                min_px: self.min_input_px.max(height.min(width) + 1),
            };
            let unequal = |other| Error::UnequalExtents { node: node.name.clone(), first: input, other };
            extents.push(match node.op {
                Op::Conv2d(conv) => conv.output(input).ok_or_else(too_small)?,
                Op::MaxPool(pool) | Op::AvgPool { pool, .. } => pool.output(input).ok_or_else(too_small)?,
                Op::AdaptiveAvgPool { output } => output,
                Op::GlobalAvgPool => [1, 1],
                Op::Linear { extent, .. } => {
                    if input != extent {
                        return Err(Error::LinearExtent { node: node.name.clone(), read: extent, extent: input });
                    }
                    [1, 1]
                }
                Op::UpsampleNearest => extents[node.inputs[1].0],
                Op::Add | Op::Concat => {
                    if let Some(other) = node.inputs.iter().map(|id| extents[id.0]).find(|extent| *extent != input) {
                        return Err(unequal(other));
                    }
                    input
                }
                Op::Mul => {
                    let other = extents[node.inputs[1].0];
                    if other != input && other != [1, 1] {
                        return Err(unequal(other));
                    }
                    input
                }
                Op::Pad(border) => [0, 1].map(|axis| input[axis] + border.sum(axis)),
                Op::Input
                | Op::BatchNorm(_)
                | Op::LayerNorm { .. }
                | Op::Scale { .. }
                | Op::Relu
                | Op::Nonlinearity(_) => input,
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
                Op::Conv2d(conv) => per_pixel / conv.groups * conv.kernel[0] * conv.kernel[1] * extent[0] * extent[1],
                Op::Linear { extent, .. } => per_pixel * extent[0] * extent[1],
                _ => 0,
            } as u64;
        }
        Ok(sum)
    }
}
