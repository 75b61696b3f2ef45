//! Turns a graph into the fewest passes over memory: batch normalization is folded or fused, branches write straight
//! into their concatenation, and convolutions that read the same tensor become one.
//!
//! Independent of the image's size; [`super::plan`] adds that.

mod fusion;
mod layout;
mod tail;

use std::ops::Range;

use super::super::graph::{Graph, NodeId};
use super::super::op::{Border, Pool};
use super::super::weights::Weights;
use super::super::{Error, Result};
use super::kernel::Activation;
use fusion::Lowering;

/// Position of a [`Value`] in [`Lowered::values`].
pub(super) type ValueId = usize;

/// A tensor in memory: a range of padded channels of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// `None` for the unpadded image.
    pub(super) buffer: Option<usize>,
    /// Padded channels within the buffer; for the image its channels.
    pub(super) channels: Range<usize>,
    /// Offset within `channels` of each of the node's channels.
    pub(super) map: Vec<usize>,
    /// The node whose height and width it has.
    pub(super) extent_of: NodeId,
    /// What the function it was written through left beside it; none where it was written as summed.
    pub(super) trace: Option<Trace>,
}

/// What an activation leaves for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// A bit a value: the derivative is 1 or 0.
    Bits,
    /// The derivative of each value.
    Slopes,
}

impl Trace {
    pub(super) fn of(activation: Activation) -> Self {
        match activation {
            Activation::Gate { .. } => Self::Bits,
            Activation::Curve(_) => Self::Slopes,
        }
    }
}

/// Factors and offsets of a normalization, one a padded channel; padding is 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// One convolution's weights with its normalization folded in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    /// Name of the weight tensor, `[out, in, kh, kw]` or `[out, in]`.
    pub(super) weight: String,
    /// Folded factor of each output channel.
    pub(super) scale: Vec<f64>,
    /// Folded offset of each padded output channel.
    pub(super) bias: Option<Vec<f32>>,
    pub(super) activation: Option<Activation>,
    pub(super) output: ValueId,
}

/// A convolution; several filters share one pass over the input where they all are 1x1 with stride 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convolution {
    pub(super) input: ValueId,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: Border,
    pub(super) dilation: [usize; 2],
    pub(super) groups: usize,
    /// Every channel by itself; the output then has the channel layout of the input.
    pub(super) depthwise: bool,
    pub(super) filters: Vec<Filter>,
    /// Normalization with ReLU applied to the input as it is read; with 1x1 kernels of stride 1 only.
    pub(super) before: Option<Affine>,
    /// Added to the sums of the only filter before its activation.
    pub(super) addend: Option<ValueId>,
}

impl Convolution {
    /// Whether every output pixel reads the input pixel of the same place alone.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == Border::NONE && !self.depthwise
    }

    /// Whether it may share its pass over the input with others of the same kind.
    fn is_mergeable(&self) -> bool {
        self.is_pointwise() && self.before.is_none() && self.groups == 1 && self.addend.is_none()
    }
}

/// Which pixels a layer sums for each pixel of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// Zeros around the image.
    Pad(Border),
    /// Repeated pixels.
    Nearest,
    /// Means over windows as equal as can be.
    Adaptive,
}

/// One pass over memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layer {
    Convolution(Convolution),
    /// A factor and an offset a channel; a mean over square windows behind it only with the ReLU.
    Normalize {
        input: ValueId,
        output: ValueId,
        affine: Affine,
        activation: Option<Activation>,
        window: usize,
    },
    MaxPool {
        input: ValueId,
        output: ValueId,
        pool: Pool,
    },
    MeanPool {
        input: ValueId,
        output: ValueId,
        pool: Pool,
        count_include_pad: bool,
        bias: Option<Vec<f32>>,
        activation: Option<Activation>,
    },
    Copy {
        input: ValueId,
        output: ValueId,
    },
    GlobalMean {
        input: ValueId,
        output: ValueId,
    },
    Sum {
        inputs: [ValueId; 2],
        output: ValueId,
        activation: Option<Activation>,
    },
    /// The second factor may have one pixel.
    Product {
        factors: [ValueId; 2],
        output: ValueId,
    },
    Listed {
        input: ValueId,
        output: ValueId,
        listing: Listing,
    },
    /// Normalization of every pixel over its channels.
    NormalizePixels {
        input: ValueId,
        output: ValueId,
        affine: Affine,
        eps: f32,
    },
    /// A large fully connected layer, whose weights stay as they are.
    Flat {
        input: ValueId,
        /// Weights `[out, in]`.
        filter: Filter,
    },
    /// The same channels in another layout.
    Rearrange {
        input: ValueId,
        output: ValueId,
    },
}

impl Layer {
    pub(super) fn inputs(&self) -> Vec<ValueId> {
        match self {
            Self::Convolution(convolution) => std::iter::once(convolution.input).chain(convolution.addend).collect(),
            Self::Sum { inputs, .. } | Self::Product { factors: inputs, .. } => inputs.to_vec(),
            Self::Normalize { input, .. }
            | Self::MaxPool { input, .. }
            | Self::MeanPool { input, .. }
            | Self::Copy { input, .. }
            | Self::GlobalMean { input, .. }
            | Self::Listed { input, .. }
            | Self::NormalizePixels { input, .. }
            | Self::Flat { input, .. }
            | Self::Rearrange { input, .. } => vec![*input],
        }
    }

    /// Whether it computes the same as `other`, the layer of that place of the same graph with other weights: `shares` says
    /// whether both sets of weights hold one tensor under a name. Tensors that are merely equal count as different.
    pub(super) fn computes_as(&self, other: &Self, shares: impl Fn(&str) -> bool) -> bool {
        let tensors = match self {
            Self::Convolution(convolution) => convolution.filters.as_slice(),
            Self::Flat { filter, .. } => std::slice::from_ref(filter),
            _ => &[],
        };
        self == other && tensors.iter().all(|filter| shares(&filter.weight))
    }

    pub(super) fn outputs(&self) -> Vec<ValueId> {
        match self {
            Self::Convolution(convolution) => convolution.filters.iter().map(|filter| filter.output).collect(),
            Self::Flat { filter, .. } => vec![filter.output],
            Self::Normalize { output, .. }
            | Self::MaxPool { output, .. }
            | Self::MeanPool { output, .. }
            | Self::Copy { output, .. }
            | Self::GlobalMean { output, .. }
            | Self::Sum { output, .. }
            | Self::Product { output, .. }
            | Self::Listed { output, .. }
            | Self::NormalizePixels { output, .. }
            | Self::Rearrange { output, .. } => vec![*output],
        }
    }
}

/// A graph as passes over memory.
#[derive(Clone, Debug)]
pub(super) struct Lowered {
    pub(super) layers: Vec<Layer>,
    pub(super) values: Vec<Value>,
    /// Padded channels of each buffer and a node of its extent.
    pub(super) buffers: Vec<(usize, NodeId)>,
    pub(super) logits: ValueId,
    pub(super) image: ValueId,
    /// The node asked for, and the number of layers after which it is complete.
    pub(super) pinned: (ValueId, usize),
}

/// Lowers `graph` so that the output of `pinned` exists in memory as the graph defines it.
pub(super) fn lower(graph: &Graph, weights: &Weights, pinned: NodeId) -> Result<Lowered> {
    let mut lowering = Lowering::new(graph, weights, pinned);
    for index in 0..graph.nodes().len() {
        lowering.node(NodeId(index))?;
    }
    let value =
        |id: NodeId| lowering.values_of[id.0].ok_or_else(|| Error::UnknownNode { name: graph.node(id).name.clone() });
    let logits = value(graph.logits())?;
    let image = value(NodeId(0))?;
    let pinned = value(pinned)?;
    let layers = merge_siblings(lowering.layers);
    let whole = &lowering.values[pinned];
    let inside = |part: &Value| {
        part.buffer == whole.buffer
            && part.channels.start >= whole.channels.start
            && part.channels.end <= whole.channels.end
    };
    let last = layers.iter().rposition(|layer| layer.outputs().iter().any(|id| inside(&lowering.values[*id])));
    let pinned = (pinned, last.map_or(0, |last| last + 1));
    Ok(Lowered { layers, values: lowering.values, buffers: lowering.buffers, logits, image, pinned })
}

/// Joins 1x1 convolutions of stride 1 that read the same tensor, at the place of the first.
fn merge_siblings(layers: Vec<Layer>) -> Vec<Layer> {
    let mut merged: Vec<Layer> = Vec::with_capacity(layers.len());
    for layer in layers {
        if let Layer::Convolution(convolution) = &layer
            && convolution.is_mergeable()
        {
            let sibling = merged.iter_mut().find_map(|earlier| match earlier {
                Layer::Convolution(earlier) if earlier.is_mergeable() && earlier.input == convolution.input => {
                    Some(earlier)
                }
                _ => None,
            });
            if let Some(sibling) = sibling {
                sibling.filters.extend(convolution.filters.iter().cloned());
                continue;
            }
        }
        merged.push(layer);
    }
    merged
}
