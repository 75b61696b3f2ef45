//! From nodes to layers: patterns of nodes that one pass can compute.

use super::super::super::error::{Result, unsupported};
use super::super::super::graph::{Graph, NodeId};
use super::super::super::op::{Border, Conv2d, Op, Pool};
use super::super::super::weights::Weights;
use super::super::kernel::{Activation, LANES};
use super::tail::{Tail, activation};
use super::{Affine, Convolution, Filter, Layer, Listing, Trace, Value, ValueId};

/// Images of at most this many channels are convolved patch by patch instead of being padded to a whole vector.
const MAX_PATCH_CHANNELS: usize = 8;

/// Fully connected layers of at least this many weights, and all that read more than a pixel, are not packed: packing them for
/// both directions would take three times their memory.
const FLAT_WEIGHTS: usize = 4 << 20;

/// Largest number of pixels under a max pool's window: winners are two bytes.
const MAX_WINDOW: usize = 1 << 16;

/// Channels as they lie in memory: whole vectors.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

pub(super) struct Lowering<'a> {
    pub(super) graph: &'a Graph,
    pub(super) weights: &'a Weights,
    readers: Vec<Vec<NodeId>>,
    pinned: NodeId,
    /// Where each node's output goes if a concatenation claims it: that node and the first padded channel.
    pub(super) slots: Vec<Option<(NodeId, usize)>>,
    /// Nodes computed inside an earlier layer.
    pub(super) fused: Vec<bool>,
    /// Borders of zeros that convolutions alone read, as borders of their own.
    pub(super) folded_pads: Vec<bool>,
    pub(super) values_of: Vec<Option<ValueId>>,
    /// The image padded to a whole vector, made when somebody needs it.
    pub(super) padded_image: Option<ValueId>,
    pub(super) buffer_of_root: Vec<Option<usize>>,
    pub(super) values: Vec<Value>,
    pub(super) buffers: Vec<(usize, NodeId)>,
    pub(super) layers: Vec<Layer>,
    /// Padded channels of each node.
    pub(super) widths: Vec<usize>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(graph: &'a Graph, weights: &'a Weights, pinned: NodeId) -> Self {
        let count = graph.nodes().len();
        let mut widths: Vec<usize> = Vec::with_capacity(count);
        for (index, node) in graph.nodes().iter().enumerate() {
            widths.push(match node.op {
                Op::Concat => node.inputs.iter().map(|id| widths[id.0]).sum(),
                Op::Conv2d(_) if is_depthwise(graph, NodeId(index)) => widths[node.inputs[0].0],
                Op::Input | Op::Conv2d(_) | Op::Linear { .. } => padded(node.channels),
                // These keep the layout of what they read, gaps included.
                Op::BatchNorm(_)
                | Op::Relu
                | Op::MaxPool(_)
                | Op::AvgPool { .. }
                | Op::GlobalAvgPool
                | Op::LayerNorm { .. }
                | Op::Scale { .. }
                | Op::Nonlinearity(_)
                | Op::AdaptiveAvgPool { .. }
                | Op::Add
                | Op::Mul
                | Op::Pad(_)
                | Op::UpsampleNearest => widths[node.inputs[0].0],
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
        let readers = graph.readers();
        let convolved = |id: &NodeId| matches!(graph.node(*id).op, Op::Conv2d(_));
        let folded = |(index, node): (usize, &super::super::super::graph::Node)| {
            let id = NodeId(index);
            let kept = id == pinned || id == graph.logits();
            matches!(node.op, Op::Pad(_)) && !kept && readers[index].iter().all(convolved)
        };
        let folded_pads = graph.nodes().iter().enumerate().map(folded).collect();
        Self {
            graph,
            weights,
            readers,
            pinned,
            slots,
            fused: vec![false; count],
            folded_pads,
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
    pub(super) fn sole_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.readers[id.0].as_slice() {
            [reader] if self.pinned != id => Some(*reader),
            _ => None,
        }
    }

    /// A 1x1 convolution of stride 1 that alone reads `id`.
    fn sole_pointwise(&self, id: NodeId) -> Option<(NodeId, Conv2d)> {
        let reader = self.sole_reader(id)?;
        match self.graph.node(reader).op {
            Op::Conv2d(conv)
                if conv.kernel == [1, 1]
                    && conv.stride == [1, 1]
                    && conv.padding == Border::NONE
                    && conv.groups == 1 =>
            {
                Some((reader, conv))
            }
            _ => None,
        }
    }

    pub(super) fn node(&mut self, id: NodeId) -> Result<()> {
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
                    trace: None,
                });
                self.values_of[id.0] = Some(self.values.len() - 1);
            }
            Op::Conv2d(conv) => {
                let (source, border) = self.behind_pads(node.inputs[0]);
                let mut conv = conv;
                for axis in 0..2 {
                    conv.padding.before[axis] += border.before[axis];
                    conv.padding.after[axis] += border.after[axis];
                }
                let plain = conv.groups == 1 && conv.dilation == [1, 1];
                let patches = source.0 == 0 && node_is_narrow(self.graph, source) && plain;
                let input = if patches { self.unpadded(source)? } else { self.read(source)? };
                self.convolution(id, id, input, conv, None)?;
            }
            Op::BatchNorm(_) | Op::Scale { .. } => self.batch_norm(id)?,
            Op::Relu => self.function(id, Activation::RELU)?,
            Op::Nonlinearity(function) => self.function(id, activation(function))?,
            Op::MaxPool(pool) => {
                if pool.kernel[0] * pool.kernel[1] > MAX_WINDOW {
                    return Err(unsupported("cpu", self.graph, id));
                }
                let input = self.read(node.inputs[0])?;
                let output = self.write_like(id, id, input, None);
                self.layers.push(Layer::MaxPool { input, output, pool });
            }
            Op::AvgPool { pool, count_include_pad } => self.mean_pool(id, pool, count_include_pad)?,
            Op::Concat => self.concat(id)?,
            Op::GlobalAvgPool | Op::AdaptiveAvgPool { output: [1, 1] } => {
                let input = self.read(node.inputs[0])?;
                let output = self.write_like(id, id, input, None);
                self.layers.push(Layer::GlobalMean { input, output });
            }
            Op::AdaptiveAvgPool { .. } => self.listed(id, Listing::Adaptive)?,
            Op::Pad(_) if self.folded_pads[id.0] => {}
            Op::Pad(border) => self.listed(id, Listing::Pad(border))?,
            Op::UpsampleNearest => self.listed(id, Listing::Nearest)?,
            Op::Linear { out_features, extent, bias } => self.linear(id, out_features, extent, bias)?,
            Op::LayerNorm { eps } => {
                let input = self.read(node.inputs[0])?;
                let (weight, bias) = (self.parameter(id, "weight")?, self.parameter(id, "bias")?);
                let affine = self.placed_affine(input, &weight, &bias);
                let output = self.write_like(id, id, input, None);
                self.layers.push(Layer::NormalizePixels { input, output, affine, eps: eps as f32 });
            }
            Op::Add => {
                let first = self.read(node.inputs[0])?;
                let second = self.read_as(node.inputs[1], first)?;
                let mut end = id;
                let activation = self.take_activation(&mut end);
                let output = self.write_like(end, end, first, activation.map(Trace::of));
                self.layers.push(Layer::Sum { inputs: [first, second], output, activation });
            }
            Op::Mul => {
                let first = self.read(node.inputs[0])?;
                let second = self.read_as(node.inputs[1], first)?;
                let output = self.write_like(id, id, first, None);
                self.layers.push(Layer::Product { factors: [first, second], output });
            }
        }
        Ok(())
    }

    fn parameter(&self, id: NodeId, suffix: &str) -> Result<Vec<f64>> {
        let tensor = self.weights.get(&self.graph.parameter_name(id, suffix))?;
        Ok(tensor.values.iter().map(|value| f64::from(*value)).collect())
    }

    /// A function of each value of a node that no convolution before it computes.
    fn function(&mut self, id: NodeId, activation: Activation) -> Result<()> {
        let input = self.read(self.graph.node(id).inputs[0])?;
        let width = self.values[input].channels.len();
        let affine = Affine { scale: vec![1.0; width], shift: vec![0.0; width] };
        let output = self.write_like(id, id, input, None);
        self.layers.push(Layer::Normalize { input, output, affine, activation: Some(activation), window: 1 });
        Ok(())
    }

    fn listed(&mut self, id: NodeId, listing: Listing) -> Result<()> {
        let input = self.read(self.graph.node(id).inputs[0])?;
        let output = self.write_like(id, id, input, None);
        self.layers.push(Layer::Listed { input, output, listing });
        Ok(())
    }

    fn linear(&mut self, id: NodeId, out_features: usize, extent: [usize; 2], bias: bool) -> Result<()> {
        let source = self.graph.node(id).inputs[0];
        let input = self.read(source)?;
        let weights = self.graph.node(source).channels * extent[0] * extent[1] * out_features;
        if extent == [1, 1] && weights < FLAT_WEIGHTS {
            return self.convolution(id, id, input, Conv2d::new(out_features, extent).bias(bias), None);
        }
        let tail = self.tail(id, id, bias, None)?;
        let output = self.write(tail.end, tail.end, tail.activation.map(Trace::of));
        let weight = self.graph.parameter_name(id, "weight");
        let bias = tail.bias.map(|bias| self.placed(output, &bias));
        let filter = Filter { weight, scale: tail.scale, bias, activation: tail.activation, output };
        self.layers.push(Layer::Flat { input, filter });
        Ok(())
    }

    /// Values of each channel at their places in the layout of `value`, 0 in the padding.
    fn placed(&self, value: ValueId, channels: &[f32]) -> Vec<f32> {
        let value = &self.values[value];
        let mut placed = vec![0.0; value.channels.len()];
        for (channel, at) in channels.iter().zip(&value.map) {
            placed[*at] = *channel;
        }
        placed
    }

    fn placed_affine(&self, input: ValueId, scale: &[f64], shift: &[f64]) -> Affine {
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        Affine { scale: self.placed(input, &single(scale)), shift: self.placed(input, &single(shift)) }
    }

    /// Emits the convolution at `conv_id` with the chain that follows it; its result stands for the last node of that chain,
    /// or for `stands_for` when nothing follows.
    fn convolution(
        &mut self,
        conv_id: NodeId,
        stands_for: NodeId,
        input: ValueId,
        conv: Conv2d,
        before: Option<Affine>,
    ) -> Result<()> {
        let depthwise = is_depthwise(self.graph, conv_id);
        let (map, width) = if depthwise {
            (self.values[input].map.clone(), self.values[input].channels.len())
        } else {
            ((0..conv.out_channels).collect(), padded(conv.out_channels))
        };
        let tail = self.tail(conv_id, stands_for, conv.bias, Some((&map, width)))?;
        let output = self.place(tail.end, tail.end, tail.activation.map(Trace::of), true, map, width);
        self.values_of[tail.end.0] = Some(output);
        self.push_convolution(conv_id, input, conv, before, tail, output);
        Ok(())
    }

    fn push_convolution(
        &mut self,
        conv_id: NodeId,
        input: ValueId,
        conv: Conv2d,
        before: Option<Affine>,
        tail: Tail,
        output: ValueId,
    ) {
        let weight = self.graph.parameter_name(conv_id, "weight");
        let bias = tail.bias.map(|bias| self.placed(output, &bias));
        self.layers.push(Layer::Convolution(Convolution {
            input,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding,
            dilation: conv.dilation,
            groups: conv.groups,
            depthwise: is_depthwise(self.graph, conv_id),
            filters: vec![Filter { weight, scale: tail.scale, bias, activation: tail.activation, output }],
            before,
            addend: tail.addend,
        }));
    }

    /// A normalization or a factor that no convolution before it computes.
    fn batch_norm(&mut self, id: NodeId) -> Result<()> {
        let input = self.read(self.graph.node(id).inputs[0])?;
        let Some((scale, shift)) = self.affine(id)? else { return Err(unsupported("cpu", self.graph, id)) };
        let affine = self.placed_affine(input, &scale, &shift);
        let mut end = id;
        let activation = self.take_activation(&mut end);
        if activation == Some(Activation::RELU)
            && let Some((conv_id, conv)) = self.sole_pointwise(end)
        {
            self.fused[conv_id.0] = true;
            if let Some((pool_id, window)) = self.sole_window_mean(conv_id) {
                // The mean and the 1x1 convolution commute, and the mean first leaves fewer pixels to convolve.
                self.fused[pool_id.0] = true;
                let (map, width) = (self.values[input].map.clone(), self.values[input].channels.len());
                let pooled = self.place(end, pool_id, None, false, map, width);
                self.layers.push(Layer::Normalize { input, output: pooled, affine, activation, window });
                return self.convolution(conv_id, pool_id, pooled, conv, None);
            }
            return self.convolution(conv_id, conv_id, input, conv, Some(affine));
        }
        let output = self.write_like(end, end, input, None);
        self.layers.push(Layer::Normalize { input, output, affine, activation, window: 1 });
        Ok(())
    }

    /// An average pool over disjoint square windows that alone reads `id`, and the side of its window.
    fn sole_window_mean(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let reader = self.sole_reader(id)?;
        match self.graph.node(reader).op {
            Op::AvgPool { pool, .. }
                if pool.kernel == pool.stride
                    && pool.kernel[0] == pool.kernel[1]
                    && pool.padding == Border::NONE
                    && !pool.ceil_mode
                    && pool.kernel[0] > 1 =>
            {
                Some((reader, pool.kernel[0]))
            }
            _ => None,
        }
    }

    fn mean_pool(&mut self, id: NodeId, pool: Pool, count_include_pad: bool) -> Result<()> {
        let source = self.graph.node(id).inputs[0];
        let input = self.read(source)?;
        if let Some((conv_id, conv)) = self.sole_pointwise(id)
            && pool.stride == [1, 1]
            && conv.out_channels < self.graph.node(id).channels
        {
            // The mean and the 1x1 convolution commute, and the convolution first leaves fewer channels to average.
            self.fused[conv_id.0] = true;
            let Tail { scale, bias, activation, end, .. } = self.tail(conv_id, conv_id, conv.bias, None)?;
            let linear = self.leaf(conv_id, source, None, false);
            let alone = Tail { scale, bias: None, addend: None, activation: None, end };
            self.push_convolution(conv_id, input, conv, None, alone, linear);
            let output = self.write(end, end, activation.map(Trace::of));
            let bias = bias.map(|bias| self.placed(output, &bias));
            self.layers.push(Layer::MeanPool { input: linear, output, pool, count_include_pad, bias, activation });
            return Ok(());
        }
        let output = self.write_like(id, id, input, None);
        self.layers.push(Layer::MeanPool { input, output, pool, count_include_pad, bias: None, activation: None });
        Ok(())
    }
}

/// Whether the convolution at `id` takes every channel by itself.
fn is_depthwise(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let Op::Conv2d(conv) = node.op else { return false };
    let read = graph.node(node.inputs[0]).channels;
    conv.groups > 1 && conv.groups == conv.out_channels && conv.groups == read
}

fn node_is_narrow(graph: &Graph, id: NodeId) -> bool {
    graph.node(id).channels <= MAX_PATCH_CHANNELS
}
