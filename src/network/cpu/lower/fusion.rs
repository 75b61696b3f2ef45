//! From nodes to layers: patterns of nodes that one pass can compute.

use super::super::super::error::{Error, Result, unsupported};
use super::super::super::graph::{Graph, NodeId};
use super::super::super::op::{BatchNorm, Border, Conv2d, Op, Pool};
use super::super::super::weights::Weights;
use super::super::kernel::LANES;
use super::{Affine, Convolution, Filter, Layer, Value, ValueId};

/// Images of at most this many channels are convolved patch by patch instead of being padded to a whole vector.
const MAX_PATCH_CHANNELS: usize = 8;

/// Channels as they lie in memory: whole vectors.
fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

pub(super) struct Lowering<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    readers: Vec<Vec<NodeId>>,
    pinned: NodeId,
    /// Where each node's output goes if a concatenation claims it: that node and the first padded channel.
    slots: Vec<Option<(NodeId, usize)>>,
    /// Nodes computed inside an earlier layer.
    fused: Vec<bool>,
    pub(super) values_of: Vec<Option<ValueId>>,
    /// The image padded to a whole vector, made when somebody needs it.
    padded_image: Option<ValueId>,
    buffer_of_root: Vec<Option<usize>>,
    pub(super) values: Vec<Value>,
    pub(super) buffers: Vec<(usize, NodeId)>,
    pub(super) layers: Vec<Layer>,
    /// Padded channels of each node.
    widths: Vec<usize>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(graph: &'a Graph, weights: &'a Weights, pinned: NodeId) -> Self {
        let count = graph.nodes().len();
        let mut widths: Vec<usize> = Vec::with_capacity(count);
        for node in graph.nodes() {
            widths.push(match node.op {
                Op::Concat => node.inputs.iter().map(|id| widths[id.0]).sum(),
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
            Op::Conv2d(conv) if conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == Border::NONE => {
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
        if !node.op.is_plain() {
            return Err(unsupported("cpu", self.graph, id));
        }
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
            Op::Linear { out_features, extent, bias } => {
                let conv = Conv2d::new(out_features, extent).bias(bias);
                let input = self.read(node.inputs[0])?;
                self.convolution(id, id, input, conv, None)?;
            }
            Op::LayerNorm { .. }
            | Op::Scale { .. }
            | Op::Nonlinearity(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Add
            | Op::Mul
            | Op::Pad(_)
            | Op::UpsampleNearest => return Err(unsupported("cpu", self.graph, id)),
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
        let weight = self.graph.parameter_name(conv_id, "weight");
        self.layers.push(Layer::Convolution(Convolution {
            input,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding.before,
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
            let tensor = self.weights.get(&self.graph.parameter_name(conv_id, "bias"))?;
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
        let get = |suffix: &str| self.weights.get(&self.graph.parameter_name(id, suffix));
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
            Op::AvgPool { pool, .. }
                if pool.kernel == pool.stride && pool.padding == Border::NONE && pool.kernel[0] > 1 =>
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
