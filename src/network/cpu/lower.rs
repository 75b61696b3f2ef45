//! Turns a graph into the fewest passes over memory: batch normalization is folded or fused, branches write straight
//! into their concatenation, and convolutions that read the same tensor become one.
//!
//! Independent of the image's size; [`super::plan`] adds that.

use std::ops::Range;

use super::super::graph::{BatchNorm, Conv2d, Graph, NodeId, Op, Pool};
use super::super::weights::Weights;
use super::super::{Error, Result};
use super::kernel::LANES;

/// Images of at most this many channels are convolved patch by patch instead of being padded to a whole vector.
const MAX_PATCH_CHANNELS: usize = 8;

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
    /// Written through the ReLU of a convolution or pool, whose bits lie beside it.
    pub(super) relu: bool,
}

/// Factors and offsets of a normalization, one a padded channel; padding is 0.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// One convolution's weights with its normalization folded in.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Name of the weight tensor, `[out, in, kh, kw]` or `[out, in]`.
    pub(super) weight: String,
    /// Folded factor of each output channel.
    pub(super) scale: Vec<f64>,
    /// Folded offset of each padded output channel.
    pub(super) bias: Option<Vec<f32>>,
    pub(super) relu: bool,
    pub(super) output: ValueId,
}

/// A convolution; several filters share one pass over the input where they all are 1x1 with stride 1.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub(super) input: ValueId,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) filters: Vec<Filter>,
    /// Normalization with ReLU applied to the input as it is read; with 1x1 kernels of stride 1 only.
    pub(super) before: Option<Affine>,
}

/// One pass over memory.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    Convolution(Convolution),
    Normalize {
        input: ValueId,
        output: ValueId,
        affine: Affine,
        relu: bool,
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
        relu: bool,
    },
    Copy {
        input: ValueId,
        output: ValueId,
    },
    GlobalMean {
        input: ValueId,
        output: ValueId,
    },
}

impl Layer {
    pub(super) fn input(&self) -> ValueId {
        match self {
            Self::Convolution(convolution) => convolution.input,
            Self::Normalize { input, .. }
            | Self::MaxPool { input, .. }
            | Self::MeanPool { input, .. }
            | Self::Copy { input, .. }
            | Self::GlobalMean { input, .. } => *input,
        }
    }

    pub(super) fn outputs(&self) -> Vec<ValueId> {
        match self {
            Self::Convolution(convolution) => convolution.filters.iter().map(|filter| filter.output).collect(),
            Self::Normalize { output, .. }
            | Self::MaxPool { output, .. }
            | Self::MeanPool { output, .. }
            | Self::Copy { output, .. }
            | Self::GlobalMean { output, .. } => vec![*output],
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

/// Channels as they lie in memory: whole vectors.
fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

struct Lowering<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    readers: Vec<Vec<NodeId>>,
    pinned: NodeId,
    /// Where each node's output goes if a concatenation claims it: that node and the first padded channel.
    slots: Vec<Option<(NodeId, usize)>>,
    /// Nodes computed inside an earlier layer.
    fused: Vec<bool>,
    values_of: Vec<Option<ValueId>>,
    /// The image padded to a whole vector, made when somebody needs it.
    padded_image: Option<ValueId>,
    buffer_of_root: Vec<Option<usize>>,
    values: Vec<Value>,
    buffers: Vec<(usize, NodeId)>,
    layers: Vec<Layer>,
    /// Padded channels of each node.
    widths: Vec<usize>,
}

impl<'a> Lowering<'a> {
    fn new(graph: &'a Graph, weights: &'a Weights, pinned: NodeId) -> Self {
        let count = graph.nodes().len();
        let mut widths: Vec<usize> = Vec::with_capacity(count);
        for node in graph.nodes() {
            widths.push(match node.op {
                Op::Concat => node.inputs.iter().map(|id| widths[id.0]).sum(),
                Op::Input | Op::Conv2d(_) | Op::Linear { .. } => padded(node.channels),
                // These keep the layout of what they read, gaps included.
                Op::BatchNorm(_) | Op::Relu | Op::MaxPool(_) | Op::AvgPool { .. } | Op::GlobalAvgPool => {
                    widths[node.inputs[0].0]
                }
            });
        }
        // Outer concatenations come later in the graph and claim first, so that nested ones lie inside them.
        let mut slots: Vec<Option<(NodeId, usize)>> = vec![None; count];
        for (index, node) in graph.nodes().iter().enumerate().rev() {
            if node.op != Op::Concat {
                continue;
            }
            let (root, mut offset) = slots[index].unwrap_or((NodeId(index), 0));
            slots[index] = Some((root, offset));
            for input in &node.inputs {
                if slots[input.0].is_none() && graph.node(*input).op != Op::Input {
                    slots[input.0] = Some((root, offset));
                }
                offset += widths[input.0];
            }
        }
        Self {
            graph,
            weights,
            readers: graph.readers(),
            pinned,
            slots,
            fused: vec![false; count],
            values_of: vec![None; count],
            padded_image: None,
            buffer_of_root: vec![None; count],
            values: Vec::new(),
            buffers: Vec::new(),
            layers: Vec::new(),
            widths,
        }
    }

    /// The only reader of a node whose output nobody else needs.
    fn sole_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.readers[id.0].as_slice() {
            [reader] if self.pinned != id => Some(*reader),
            _ => None,
        }
    }

    fn sole_norm(&self, id: NodeId) -> Option<(NodeId, BatchNorm)> {
        let reader = self.sole_reader(id)?;
        match self.graph.node(reader).op {
            Op::BatchNorm(norm) => Some((reader, norm)),
            _ => None,
        }
    }

    fn sole_relu(&self, id: NodeId) -> Option<NodeId> {
        self.sole_reader(id).filter(|reader| self.graph.node(*reader).op == Op::Relu)
    }

    /// A 1x1 convolution of stride 1 that alone reads `id`.
    fn sole_pointwise(&self, id: NodeId) -> Option<(NodeId, Conv2d)> {
        let reader = self.sole_reader(id)?;
        match self.graph.node(reader).op {
            Op::Conv2d(conv) if conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == [0, 0] => {
                Some((reader, conv))
            }
            _ => None,
        }
    }

    fn node(&mut self, id: NodeId) -> Result<()> {
        if self.fused[id.0] {
            return Ok(());
        }
        let node = self.graph.node(id);
        match node.op {
            Op::Input => {
                let channels = node.channels;
                self.values.push(Value {
                    buffer: None,
                    channels: 0..channels,
                    map: (0..channels).collect(),
                    extent_of: id,
                    relu: false,
                });
                self.values_of[id.0] = Some(self.values.len() - 1);
            }
            Op::Conv2d(conv) => {
                let source = node.inputs[0];
                let patches = source.0 == 0 && node_is_narrow(self.graph, source);
                let input = if patches { self.unpadded(source)? } else { self.read(source)? };
                self.convolution(id, id, input, conv, None)?;
            }
            Op::BatchNorm(norm) => self.batch_norm(id, norm)?,
            Op::Relu => {
                let input = self.read(node.inputs[0])?;
                let width = self.values[input].channels.len();
                let affine = Affine { scale: vec![1.0; width], shift: vec![0.0; width] };
                let output = self.write_like(id, id, input);
                self.layers.push(Layer::Normalize { input, output, affine, relu: true, window: 1 });
            }
            Op::MaxPool(pool) => {
                let input = self.read(node.inputs[0])?;
                let output = self.write_like(id, id, input);
                self.layers.push(Layer::MaxPool { input, output, pool });
            }
            Op::AvgPool { pool, count_include_pad } => self.mean_pool(id, pool, count_include_pad)?,
            Op::Concat => self.concat(id)?,
            Op::GlobalAvgPool => {
                let input = self.read(node.inputs[0])?;
                let output = self.write_like(id, id, input);
                self.layers.push(Layer::GlobalMean { input, output });
            }
            Op::Linear { out_features } => {
                let conv =
                    Conv2d { out_channels: out_features, kernel: [1, 1], stride: [1, 1], padding: [0, 0], bias: true };
                let input = self.read(node.inputs[0])?;
                self.convolution(id, id, input, conv, None)?;
            }
        }
        Ok(())
    }

    /// The value of a node, padded.
    fn read(&mut self, id: NodeId) -> Result<ValueId> {
        let value = self.unpadded(id)?;
        if self.values[value].buffer.is_some() {
            return Ok(value);
        }
        if let Some(padded) = self.padded_image {
            return Ok(padded);
        }
        let output = self.leaf(id, id, false, false);
        self.layers.push(Layer::Copy { input: value, output });
        self.padded_image = Some(output);
        Ok(output)
    }

    fn unpadded(&self, id: NodeId) -> Result<ValueId> {
        self.values_of[id.0].ok_or_else(|| Error::UnknownNode { name: self.graph.node(id).name.clone() })
    }

    /// Memory for the output of `id`, in its concatenation if one claimed it.
    fn write(&mut self, id: NodeId, extent_of: NodeId, relu: bool) -> ValueId {
        let value = self.leaf(id, extent_of, relu, true);
        self.values_of[id.0] = Some(value);
        value
    }

    /// As [`Self::write`], with the channel layout of `input`.
    fn write_like(&mut self, id: NodeId, extent_of: NodeId, input: ValueId) -> ValueId {
        let (map, width) = (self.values[input].map.clone(), self.values[input].channels.len());
        let value = self.place(id, extent_of, false, true, map, width);
        self.values_of[id.0] = Some(value);
        value
    }

    fn leaf(&mut self, id: NodeId, extent_of: NodeId, relu: bool, in_slot: bool) -> ValueId {
        let channels = self.graph.node(id).channels;
        self.place(id, extent_of, relu, in_slot, (0..channels).collect(), padded(channels))
    }

    fn place(
        &mut self,
        id: NodeId,
        extent_of: NodeId,
        relu: bool,
        in_slot: bool,
        map: Vec<usize>,
        width: usize,
    ) -> ValueId {
        let slot = if in_slot { self.slots[id.0] } else { None };
        let (buffer, first) = if let Some((root, first)) = slot {
            (self.root_buffer(root, extent_of), first)
        } else {
            self.buffers.push((width, extent_of));
            (self.buffers.len() - 1, 0)
        };
        self.values.push(Value { buffer: Some(buffer), channels: first..first + width, map, extent_of, relu });
        self.values.len() - 1
    }

    fn root_buffer(&mut self, root: NodeId, extent_of: NodeId) -> usize {
        *self.buffer_of_root[root.0].get_or_insert_with(|| {
            self.buffers.push((self.widths[root.0], extent_of));
            self.buffers.len() - 1
        })
    }

    /// Emits the convolution at `conv_id` with the normalization and ReLU that follow it; its result stands for the
    /// last node of that chain, or for `stands_for` when nothing follows.
    fn convolution(
        &mut self,
        conv_id: NodeId,
        stands_for: NodeId,
        input: ValueId,
        conv: Conv2d,
        before: Option<Affine>,
    ) -> Result<()> {
        let (scale, bias, relu, end) = self.fold(conv_id, stands_for, &conv)?;
        let output = self.write(end, end, relu);
        self.push_convolution(conv_id, input, conv, before, scale, bias, relu, output);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one call site a pattern; a struct would only rename them")]
    fn push_convolution(
        &mut self,
        conv_id: NodeId,
        input: ValueId,
        conv: Conv2d,
        before: Option<Affine>,
        scale: Vec<f64>,
        bias: Option<Vec<f32>>,
        relu: bool,
        output: ValueId,
    ) {
        let weight = format!("{}.weight", self.graph.node(conv_id).name);
        self.layers.push(Layer::Convolution(Convolution {
            input,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding,
            filters: vec![Filter { weight, scale, bias, relu, output }],
            before,
        }));
    }

    /// Factor and offset of a convolution's outputs with what follows it, whether a ReLU ends the chain, and its end.
    #[expect(clippy::type_complexity, reason = "taken apart at once by both callers")]
    fn fold(
        &mut self,
        conv_id: NodeId,
        stands_for: NodeId,
        conv: &Conv2d,
    ) -> Result<(Vec<f64>, Option<Vec<f32>>, bool, NodeId)> {
        let mut scale = vec![1.0; conv.out_channels];
        let mut bias = vec![0.0; conv.out_channels];
        let mut has_bias = conv.bias;
        if conv.bias {
            let tensor = self.weights.get(&format!("{}.bias", self.graph.node(conv_id).name))?;
            bias = tensor.values.iter().map(|value| f64::from(*value)).collect();
        }
        let mut end = stands_for;
        if let Some((norm_id, norm)) = self.sole_norm(end) {
            let (factor, offset) = self.norm(norm_id, norm)?;
            for (channel, bias) in bias.iter_mut().enumerate() {
                scale[channel] = factor[channel];
                *bias = *bias * factor[channel] + offset[channel];
            }
            has_bias = true;
            self.fused[norm_id.0] = true;
            end = norm_id;
        }
        let relu = self.sole_relu(end);
        if let Some(id) = relu {
            self.fused[id.0] = true;
            end = id;
        }
        let bias = has_bias.then(|| {
            let mut padded_bias: Vec<f32> = bias.iter().map(|value| *value as f32).collect();
            padded_bias.resize(padded(conv.out_channels), 0.0);
            padded_bias
        });
        Ok((scale, bias, relu.is_some(), end))
    }

    /// Factor and offset of each channel of a normalization.
    fn norm(&self, id: NodeId, norm: BatchNorm) -> Result<(Vec<f64>, Vec<f64>)> {
        let name = &self.graph.node(id).name;
        let get = |suffix: &str| self.weights.get(&format!("{name}.{suffix}"));
        let (mean, variance, offset) = (get("running_mean")?, get("running_var")?, get("bias")?);
        let weight = if norm.scale { Some(get("weight")?) } else { None };
        Ok((0..self.graph.node(id).channels)
            .map(|channel| {
                let weight = weight.map_or(1.0, |tensor| f64::from(tensor.values[channel]));
                let factor = weight / (f64::from(variance.values[channel]) + norm.eps).sqrt();
                (factor, f64::from(offset.values[channel]) - f64::from(mean.values[channel]) * factor)
            })
            .unzip())
    }

    fn batch_norm(&mut self, id: NodeId, norm: BatchNorm) -> Result<()> {
        let input = self.read(self.graph.node(id).inputs[0])?;
        let (scale, shift) = self.norm(id, norm)?;
        let width = self.values[input].channels.len();
        let mut affine = Affine { scale: vec![0.0; width], shift: vec![0.0; width] };
        for (channel, at) in self.values[input].map.iter().enumerate() {
            affine.scale[*at] = scale[channel] as f32;
            affine.shift[*at] = shift[channel] as f32;
        }
        let relu = self.sole_relu(id);
        let end = relu.unwrap_or(id);
        if let Some(relu) = relu {
            self.fused[relu.0] = true;
            if let Some((conv_id, conv)) = self.sole_pointwise(relu) {
                self.fused[conv_id.0] = true;
                if let Some((pool_id, window)) = self.sole_window_mean(conv_id) {
                    // The mean and the 1x1 convolution commute, and the mean first leaves fewer pixels to convolve.
                    self.fused[pool_id.0] = true;
                    let (map, width) = (self.values[input].map.clone(), width);
                    let pooled = self.place(relu, pool_id, false, false, map, width);
                    self.layers.push(Layer::Normalize { input, output: pooled, affine, relu: true, window });
                    return self.convolution(conv_id, pool_id, pooled, conv, None);
                }
                return self.convolution(conv_id, conv_id, input, conv, Some(affine));
            }
        }
        let output = self.write_like(end, end, input);
        self.layers.push(Layer::Normalize { input, output, affine, relu: relu.is_some(), window: 1 });
        Ok(())
    }

    /// An average pool over disjoint windows that alone reads `id`, and the side of its window.
    fn sole_window_mean(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let reader = self.sole_reader(id)?;
        match self.graph.node(reader).op {
            Op::AvgPool { pool, .. } if pool.kernel == pool.stride && pool.padding == 0 && pool.kernel > 1 => {
                Some((reader, pool.kernel))
            }
            _ => None,
        }
    }

    fn mean_pool(&mut self, id: NodeId, pool: Pool, count_include_pad: bool) -> Result<()> {
        let source = self.graph.node(id).inputs[0];
        let input = self.read(source)?;
        if let Some((conv_id, conv)) = self.sole_pointwise(id)
            && pool.stride == 1
            && conv.out_channels < self.graph.node(id).channels
        {
            // The mean and the 1x1 convolution commute, and the convolution first leaves fewer channels to average.
            self.fused[conv_id.0] = true;
            let (scale, bias, relu, end) = self.fold(conv_id, conv_id, &conv)?;
            let linear = self.leaf(conv_id, source, false, false);
            self.push_convolution(conv_id, input, conv, None, scale, None, false, linear);
            let output = self.write(end, end, relu);
            self.layers.push(Layer::MeanPool { input: linear, output, pool, count_include_pad, bias, relu });
            return Ok(());
        }
        let output = self.write_like(id, id, input);
        self.layers.push(Layer::MeanPool { input, output, pool, count_include_pad, bias: None, relu: false });
        Ok(())
    }

    fn concat(&mut self, id: NodeId) -> Result<()> {
        let Some((root, first)) = self.slots[id.0] else {
            return Err(Error::UnknownNode { name: self.graph.node(id).name.clone() });
        };
        let buffer = self.root_buffer(root, id);
        let mut map = Vec::with_capacity(self.graph.node(id).channels);
        let mut offset = first;
        for input in &self.graph.node(id).inputs {
            let value = self.read(*input)?;
            let here = self.values[value].buffer == Some(buffer) && self.values[value].channels.start == offset;
            let in_place = here && self.slots[input.0] == Some((root, offset));
            let inner = if in_place {
                self.values[value].map.clone()
            } else {
                // Claimed by another concatenation, or read twice by this one.
                let width = self.values[value].channels.len();
                let inner = self.values[value].map.clone();
                self.values.push(Value {
                    buffer: Some(buffer),
                    channels: offset..offset + width,
                    map: inner.clone(),
                    extent_of: id,
                    relu: false,
                });
                self.layers.push(Layer::Copy { input: value, output: self.values.len() - 1 });
                inner
            };
            map.extend(inner.iter().map(|at| offset - first + at));
            offset += self.widths[input.0];
        }
        self.values.push(Value { buffer: Some(buffer), channels: first..offset, map, extent_of: id, relu: false });
        self.values_of[id.0] = Some(self.values.len() - 1);
        Ok(())
    }
}

fn node_is_narrow(graph: &Graph, id: NodeId) -> bool {
    graph.node(id).channels <= MAX_PATCH_CHANNELS
}

/// Joins 1x1 convolutions of stride 1 that read the same tensor, at the place of the first.
fn merge_siblings(layers: Vec<Layer>) -> Vec<Layer> {
    let mut merged: Vec<Layer> = Vec::with_capacity(layers.len());
    for layer in layers {
        if let Layer::Convolution(convolution) = &layer
            && is_pointwise(convolution)
        {
            let sibling = merged.iter_mut().find_map(|earlier| match earlier {
                Layer::Convolution(earlier) if is_pointwise(earlier) && earlier.input == convolution.input => {
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

pub(super) fn is_pointwise(convolution: &Convolution) -> bool {
    convolution.kernel == [1, 1]
        && convolution.stride == [1, 1]
        && convolution.padding == [0, 0]
        && convolution.before.is_none()
}
