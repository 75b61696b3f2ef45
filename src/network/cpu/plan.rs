//! The steps of a pass for one image size: forward, then backward, with all memory placed.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Result;
use super::super::graph::{Graph, NodeId};
use super::super::weights::Weights;
use super::kernel::{
    Aligned, Axis, Bits, Kernels, LANES, NormalizeSpec, Packed, Patches, Sizes, Step, Target, Tensor, TileShape, Window,
};
use super::lower::{Affine, Convolution, Layer, Lowered, ValueId, is_pointwise};
use super::pack::{self, Direction, Placed};

/// Winograd pays where it needs at most this share of the multiplications, padding of tiles included.
const WINOGRAD_SHARE: f64 = 0.65;

/// Transformed kernels larger than this (values) need [`WINOGRAD_TILES`] tiles an image to be worth streaming.
const WINOGRAD_VALUES: usize = 256 * 1024;

/// See [`WINOGRAD_VALUES`].
const WINOGRAD_TILES: usize = 16;

/// Packed weights by layer and use, shared by the plans of all image sizes.
pub(super) type PackCache = HashMap<(usize, PackKind), Arc<Packed>>;

/// What weights were packed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PackKind {
    Forward,
    /// Backward for one phase of a strided convolution, `[vertical, horizontal]`.
    Backward([usize; 2]),
    WinogradForward,
    WinogradBackward,
}

/// Where the value or the gradient of the asked-for node can be read.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) tensor: Tensor,
    /// Offset of each logical channel.
    pub(super) map: Vec<usize>,
    /// Number of steps after which it is complete.
    pub(super) after: usize,
}

/// All steps for one image size.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) forward: Vec<Step>,
    pub(super) backward: Vec<Step>,
    pub(super) sizes: Sizes,
    /// The image going forward, `[h, w, c]` without padding.
    pub(super) image: Tensor,
    pub(super) logits: Tensor,
    /// Gradient of the logits, set by the caller before the backward steps.
    pub(super) logits_gradient: Tensor,
    /// Gradient of the image, zeroed by the backward steps.
    pub(super) image_gradient: Tensor,
    pub(super) value_capture: Capture,
    pub(super) gradient_capture: Capture,
}

/// Everything a plan is made from.
pub(super) struct Source<'a> {
    pub(super) graph: &'a Graph,
    pub(super) weights: &'a Weights,
    pub(super) lowered: &'a Lowered,
    pub(super) kernels: &'a Kernels,
    /// Use Winograd's filtering where it pays.
    pub(super) winograd: bool,
}

/// Plans passes over images of `height` x `width` pixels.
pub(super) fn plan(source: &Source<'_>, packs: &mut PackCache, height: usize, width: usize) -> Result<Plan> {
    let extents = source.graph.extents(height, width)?;
    let mut planner = Planner::new(source, packs, extents);
    planner.forward()?;
    planner.backward()?;
    Ok(planner.finish())
}

/// A buffer's life in steps, for placing it in memory.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    len: usize,
    first: usize,
    last: usize,
    used: bool,
}

impl Life {
    fn touch(&mut self, step: usize) {
        if !self.used {
            self.first = step;
            self.used = true;
        }
        self.first = self.first.min(step);
        self.last = self.last.max(step);
    }
}

struct Planner<'a, 'b> {
    source: &'a Source<'a>,
    packs: &'b mut PackCache,
    extents: Vec<[usize; 2]>,
    forward: Vec<Step>,
    backward: Vec<Step>,
    /// First ReLU bit group of each buffer that has any.
    buffer_bits: Vec<Option<usize>>,
    /// Bits of the normalization inside a layer.
    layer_bits: HashMap<usize, usize>,
    layer_winners: HashMap<usize, usize>,
    bits: usize,
    winners: usize,
    /// Steps after which each layer's forward work is done.
    layer_ends: Vec<usize>,
    gradient_capture: usize,
}

/// State of one channel group's gradient while the backward steps are planned.
#[derive(Clone, Copy, Debug, Default)]
struct GroupState {
    /// Contributions still to come.
    pending: usize,
    written: bool,
    masked: bool,
    /// Its values are captured before the mask.
    pinned: bool,
    relu: bool,
}

// While planning, a tensor's offset is the number of its buffer; the image is the last one.
impl<'a, 'b> Planner<'a, 'b> {
    fn new(source: &'a Source<'a>, packs: &'b mut PackCache, extents: Vec<[usize; 2]>) -> Self {
        let lowered = source.lowered;
        let mut planner = Self {
            source,
            packs,
            extents,
            forward: Vec::new(),
            backward: Vec::new(),
            buffer_bits: vec![None; lowered.buffers.len()],
            layer_bits: HashMap::new(),
            layer_winners: HashMap::new(),
            bits: 0,
            winners: 0,
            layer_ends: Vec::new(),
            gradient_capture: 0,
        };
        for value in lowered.values.iter().filter(|value| value.relu) {
            if let Some(buffer) = value.buffer
                && planner.buffer_bits[buffer].is_none()
            {
                let (channels, extent_of) = lowered.buffers[buffer];
                planner.buffer_bits[buffer] = Some(planner.bits);
                planner.bits += planner.pixels(extent_of) * channels / LANES;
            }
        }
        planner
    }

    fn pixels(&self, extent_of: NodeId) -> usize {
        self.extents[extent_of.0].iter().product()
    }

    fn image_buffer(&self) -> usize {
        self.source.lowered.buffers.len()
    }

    fn tensor(&self, id: ValueId) -> Tensor {
        let value = &self.source.lowered.values[id];
        let px = self.extents[value.extent_of.0];
        match value.buffer {
            Some(buffer) => Tensor {
                offset: buffer,
                stride: self.source.lowered.buffers[buffer].0,
                first: value.channels.start,
                channels: value.channels.len(),
                px,
            },
            None => Tensor {
                offset: self.image_buffer(),
                stride: value.channels.len(),
                first: 0,
                channels: value.channels.len(),
                px,
            },
        }
    }

    /// ReLU bits of a value in a buffer that has them.
    fn value_bits(&self, id: ValueId) -> Option<Bits> {
        let value = &self.source.lowered.values[id];
        let buffer = value.buffer?;
        let offset = self.buffer_bits[buffer]?;
        let stride = self.source.lowered.buffers[buffer].0 / LANES;
        Some(Bits { offset, stride, first: value.channels.start / LANES })
    }

    /// A forward target with bias and ReLU.
    fn output(&self, id: ValueId, bias: Option<&Vec<f32>>, relu: bool) -> Target {
        Target {
            bias: bias.map(|bias| Arc::new(Aligned::from_slice(bias))),
            relu,
            mask_out: if relu { self.value_bits(id) } else { None },
            ..Target::store(self.tensor(id))
        }
    }

    fn normalize_spec(
        &mut self,
        layer: usize,
        input: ValueId,
        affine: &Affine,
        relu: bool,
        window: usize,
    ) -> NormalizeSpec {
        let tensor = self.tensor(input);
        let stride = tensor.channels / LANES;
        let bits = if relu {
            let offset = self.bits;
            self.layer_bits.insert(layer, offset);
            self.bits += tensor.pixels() * stride;
            Some(Bits { offset, stride, first: 0 })
        } else {
            None
        };
        NormalizeSpec {
            scale: Arc::new(Aligned::from_slice(&affine.scale)),
            shift: Arc::new(Aligned::from_slice(&affine.shift)),
            relu,
            bits,
            window,
        }
    }

    fn forward(&mut self) -> Result<()> {
        let layers = &self.source.lowered.layers;
        for (index, layer) in layers.iter().enumerate() {
            match layer {
                Layer::Convolution(convolution) => self.convolution_forward(index, convolution)?,
                Layer::Normalize { input, output, affine, relu, window } => {
                    let spec = self.normalize_spec(index, *input, affine, *relu, *window);
                    let target = Target::store(self.tensor(*output));
                    self.forward.push(Step::Normalize { source: self.tensor(*input), target, spec });
                }
                Layer::MaxPool { input, output, pool } => {
                    let (source, target) = (self.tensor(*input), Target::store(self.tensor(*output)));
                    let window = Window {
                        kernel: pool.kernel,
                        stride: pool.stride,
                        padding: pool.padding,
                        count_include_pad: false,
                        winners: self.winners,
                    };
                    self.layer_winners.insert(index, self.winners);
                    self.winners += target.tensor.pixels() * target.tensor.channels;
                    self.forward.push(Step::MaxForward { source, target, window });
                }
                Layer::MeanPool { input, output, pool, count_include_pad, bias, relu } => {
                    let window = Window {
                        kernel: pool.kernel,
                        stride: pool.stride,
                        padding: pool.padding,
                        count_include_pad: *count_include_pad,
                        winners: 0,
                    };
                    let target = self.output(*output, bias.as_ref(), *relu);
                    self.forward.push(Step::MeanForward { source: self.tensor(*input), target, window });
                }
                Layer::Copy { input, output } => {
                    let (source, target) = (self.tensor(*input), self.tensor(*output));
                    self.forward.push(if self.source.lowered.values[*input].buffer.is_none() {
                        Step::PadImage { image: source, target }
                    } else {
                        Step::Spread { source, target: Target::store(target), window: 1 }
                    });
                }
                Layer::GlobalMean { input, output } => {
                    let target = Target::store(self.tensor(*output));
                    self.forward.push(Step::GlobalMean { source: self.tensor(*input), target });
                }
            }
            self.layer_ends.push(self.forward.len());
        }
        Ok(())
    }

    fn placed<'c>(&self, convolution: &'c Convolution) -> Result<Vec<Placed<'c>>>
    where
        'a: 'c,
    {
        let values = &self.source.lowered.values;
        let input = &values[convolution.input];
        let weights = self.source.weights;
        convolution
            .filters
            .iter()
            .map(|filter| {
                let outputs = values[filter.output].channels.len();
                Placed::new(filter, weights, convolution.kernel, &input.map, input.channels.len(), outputs)
            })
            .collect()
    }

    fn packed(
        &mut self,
        layer: usize,
        kind: PackKind,
        convolution: &Convolution,
        pack: impl FnOnce(&[Placed<'_>], usize) -> Packed,
    ) -> Result<Arc<Packed>> {
        if let Some(packed) = self.packs.get(&(layer, kind)) {
            return Ok(Arc::clone(packed));
        }
        let packed = Arc::new(pack(&self.placed(convolution)?, self.source.kernels.vectors));
        self.packs.insert((layer, kind), Arc::clone(&packed));
        Ok(packed)
    }

    /// The tiling for a convolution, where Winograd's filtering pays.
    fn tiling(&self, convolution: &Convolution, source: Tensor, target: Tensor) -> Option<(TileShape, [Axis; 2])> {
        if !self.source.winograd || convolution.stride != [1, 1] || convolution.filters.len() != 1 {
            return None;
        }
        let shape = TileShape::for_kernel(convolution.kernel)?;
        let axes = [Axis::for_taps(convolution.kernel[0])?, Axis::for_taps(convolution.kernel[1])?];
        let tiles: usize = (0..2).map(|axis| target.px[axis].div_ceil(axes[axis].output)).product();
        let positions = axes[0].input * axes[1].input;
        let taps: usize = convolution.kernel.iter().product();
        let share = (tiles * positions) as f64 / (taps * target.pixels()) as f64;
        let values = positions * source.channels * target.channels;
        let worth = share <= WINOGRAD_SHARE && (values <= WINOGRAD_VALUES || tiles >= WINOGRAD_TILES);
        worth.then_some((shape, axes))
    }

    fn convolution_forward(&mut self, index: usize, convolution: &Convolution) -> Result<()> {
        let source = self.tensor(convolution.input);
        let targets: Vec<Target> = convolution
            .filters
            .iter()
            .map(|filter| self.output(filter.output, filter.bias.as_ref(), filter.relu))
            .collect();
        if self.source.lowered.values[convolution.input].buffer.is_none() {
            let packed = self.packed(index, PackKind::Forward, convolution, |placed, vectors| {
                pack::patches_forward(&placed[0], vectors)
            })?;
            self.forward.push(Step::PatchesForward {
                image: source,
                patches: patches(convolution, source, targets[0].tensor),
                target: targets[0].clone(),
                packed,
            });
            return Ok(());
        }
        if let Some((shape, axes)) = self.tiling(convolution, source, targets[0].tensor) {
            let packed = self.packed(index, PackKind::WinogradForward, convolution, |placed, vectors| {
                pack::winograd(&placed[0], axes, Direction::Forward, vectors)
            })?;
            self.forward.push(Step::Winograd {
                source,
                target: targets[0].clone(),
                shape,
                axes,
                padding: convolution.padding,
                packed,
            });
            return Ok(());
        }
        let packed = self.packed(index, PackKind::Forward, convolution, pack::direct_forward)?;
        let before =
            convolution.before.as_ref().map(|affine| self.normalize_spec(index, convolution.input, affine, true, 1));
        let pointwise = before.is_some() || is_pointwise(convolution);
        let (taps, table) = if pointwise {
            (vec![(0, None)], Vec::new())
        } else {
            let count: usize = convolution.kernel.iter().product();
            (
                (0..count).map(|column| (0, Some(column))).collect(),
                forward_table(convolution, source.px, targets[0].tensor.px),
            )
        };
        self.forward.push(Step::Direct {
            columns: if pointwise { 0 } else { taps.len() },
            sources: vec![source],
            taps,
            table: Arc::new(table),
            listed: Arc::new(Vec::new()),
            packed,
            targets,
            before,
        });
        Ok(())
    }

    /// Channel groups of a value in its buffer.
    fn groups(&self, id: ValueId) -> Option<(usize, std::ops::Range<usize>)> {
        let value = &self.source.lowered.values[id];
        Some((value.buffer?, value.channels.start / LANES..value.channels.end / LANES))
    }

    fn backward(&mut self) -> Result<()> {
        let lowered = self.source.lowered;
        let mut state: Vec<Vec<GroupState>> =
            lowered.buffers.iter().map(|(channels, _)| vec![GroupState::default(); channels / LANES]).collect();
        for (id, _) in lowered.values.iter().enumerate().filter(|(_, value)| value.relu) {
            if let Some((buffer, groups)) = self.groups(id) {
                state[buffer][groups].iter_mut().for_each(|group| group.relu = true);
            }
        }
        let (pinned, pinned_after) = lowered.pinned;
        if let Some((buffer, groups)) = self.groups(pinned) {
            state[buffer][groups].iter_mut().for_each(|group| group.pinned = true);
        }
        // Layers on a path to the logits, and how many gradients each tensor will receive.
        let mut live = vec![false; lowered.layers.len()];
        let mut reached: Vec<Vec<bool>> = state.iter().map(|groups| vec![false; groups.len()]).collect();
        if let Some((buffer, groups)) = self.groups(lowered.logits) {
            reached[buffer][groups.clone()].fill(true);
            state[buffer][groups].iter_mut().for_each(|group| group.written = true);
        }
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            live[index] = layer.outputs().iter().any(|id| {
                self.groups(*id).is_some_and(|(buffer, groups)| reached[buffer][groups].iter().any(|group| *group))
            });
            if live[index]
                && let Some((buffer, groups)) = self.groups(layer.input())
            {
                reached[buffer][groups.clone()].fill(true);
                state[buffer][groups].iter_mut().for_each(|group| group.pending += 1);
            }
        }
        self.backward.push(Step::Zero { tensor: self.tensor(lowered.image) });
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            if pinned_after == index + 1 {
                self.zero_unwritten(pinned, &mut state);
                self.gradient_capture = self.backward.len();
            }
            if !live[index] {
                continue;
            }
            for output in layer.outputs() {
                self.finish_gradient(output, &mut state);
            }
            self.layer_backward(index, layer, &mut state)?;
        }
        if pinned_after == 0 {
            self.gradient_capture = self.backward.len();
        }
        Ok(())
    }

    /// Zeros the groups of a value that no gradient reached.
    fn zero_unwritten(&mut self, id: ValueId, state: &mut [Vec<GroupState>]) {
        let Some((buffer, groups)) = self.groups(id) else { return };
        for group in groups {
            if !state[buffer][group].written {
                state[buffer][group].written = true;
                let tensor = Tensor { first: group * LANES, channels: LANES, ..self.tensor(id) };
                self.backward.push(Step::Zero { tensor });
            }
        }
    }

    /// Makes the gradient of a layer's output ready to be read: complete and behind its ReLU.
    fn finish_gradient(&mut self, id: ValueId, state: &mut [Vec<GroupState>]) {
        self.zero_unwritten(id, state);
        let Some((buffer, groups)) = self.groups(id) else { return };
        let unmasked = state[buffer][groups.clone()].iter().any(|group| group.relu && !group.masked);
        if self.source.lowered.values[id].relu && unmasked {
            let target = Target { mask: self.value_bits(id), ..Target::store(self.tensor(id)) };
            self.backward.push(Step::Mask { target });
            state[buffer][groups].iter_mut().for_each(|group| group.masked = true);
        }
    }

    /// The target of a contribution to the gradient of `id`. `covers` says whether every pixel is written.
    fn contribution(&mut self, id: ValueId, covers: bool, state: &mut [Vec<GroupState>]) -> Target {
        let mut target = Target::store(self.tensor(id));
        let Some((buffer, groups)) = self.groups(id) else { return target };
        let any_written = state[buffer][groups.clone()].iter().any(|group| group.written);
        if any_written || !covers {
            self.zero_unwritten(id, state);
            target.accumulate = true;
        }
        let groups = &mut state[buffer][groups];
        for group in groups.iter_mut() {
            group.written = true;
            group.pending -= 1;
        }
        let complete = groups.iter().all(|group| group.pending == 0 && !group.pinned && !group.masked);
        // Where only some channels come from a ReLU, each is masked by itself later: the guided rule must spare the rest.
        if covers && complete && groups.iter().all(|group| group.relu) {
            target.mask = self.value_bits(id);
            groups.iter_mut().for_each(|group| group.masked = true);
        }
        target
    }

    fn layer_backward(&mut self, index: usize, layer: &Layer, state: &mut [Vec<GroupState>]) -> Result<()> {
        match layer {
            Layer::Convolution(convolution) => self.convolution_backward(index, convolution, state)?,
            Layer::Normalize { input, output, affine, relu, window } => {
                let source = self.tensor(*output);
                let input_px = self.tensor(*input).px;
                let covers = input_px.iter().all(|extent| extent % window == 0);
                let mut target = self.contribution(*input, covers, state);
                self.inner(&mut target, index, affine, *relu);
                self.backward.push(Step::Spread { source, target, window: *window });
            }
            Layer::MaxPool { input, output, pool } => {
                let window = Window {
                    kernel: pool.kernel,
                    stride: pool.stride,
                    padding: pool.padding,
                    count_include_pad: false,
                    winners: self.layer_winners[&index],
                };
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::MaxBackward { source: self.tensor(*output), target, window });
            }
            Layer::MeanPool { input, output, pool, count_include_pad, .. } => {
                let window = Window {
                    kernel: pool.kernel,
                    stride: pool.stride,
                    padding: pool.padding,
                    count_include_pad: *count_include_pad,
                    winners: 0,
                };
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::MeanBackward { source: self.tensor(*output), target, window });
            }
            Layer::Copy { input, output } => {
                let source = self.tensor(*output);
                if self.source.lowered.values[*input].buffer.is_none() {
                    self.backward.push(Step::UnpadImage { source, image: self.tensor(*input) });
                } else {
                    let target = self.contribution(*input, true, state);
                    self.backward.push(Step::Spread { source, target, window: 1 });
                }
            }
            Layer::GlobalMean { input, output } => {
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::GlobalSpread { source: self.tensor(*output), target });
            }
        }
        Ok(())
    }

    /// Adds the gradient of a layer's own normalization to a target.
    fn inner(&self, target: &mut Target, layer: usize, affine: &Affine, relu: bool) {
        target.inner_scale = Some(Arc::new(Aligned::from_slice(&affine.scale)));
        if relu {
            let stride = target.tensor.channels / LANES;
            target.inner_mask = Some(Bits { offset: self.layer_bits[&layer], stride, first: 0 });
        }
    }

    fn convolution_backward(
        &mut self,
        index: usize,
        convolution: &Convolution,
        state: &mut [Vec<GroupState>],
    ) -> Result<()> {
        let sources: Vec<Tensor> = convolution.filters.iter().map(|filter| self.tensor(filter.output)).collect();
        if self.source.lowered.values[convolution.input].buffer.is_none() {
            let packed = self.packed(index, PackKind::Backward([0, 0]), convolution, |placed, vectors| {
                pack::patches_backward(&placed[0], vectors)
            })?;
            let image = self.tensor(convolution.input);
            self.backward.push(Step::PatchesBackward {
                source: sources[0],
                patches: patches(convolution, image, sources[0]),
                image,
                packed,
            });
            return Ok(());
        }
        let mut target = self.contribution(convolution.input, true, state);
        if let Some(affine) = &convolution.before {
            self.inner(&mut target, index, affine, true);
        }
        if let Some((shape, axes)) = self.tiling(convolution, sources[0], target.tensor) {
            let packed = self.packed(index, PackKind::WinogradBackward, convolution, |placed, vectors| {
                pack::winograd(&placed[0], axes, Direction::Backward, vectors)
            })?;
            let padding = [0, 1].map(|axis| convolution.kernel[axis] - 1 - convolution.padding[axis]);
            self.backward.push(Step::Winograd { source: sources[0], target, shape, axes, padding, packed });
            return Ok(());
        }
        if convolution.before.is_some() || is_pointwise(convolution) {
            let packed = self.packed(index, PackKind::Backward([0, 0]), convolution, |placed, vectors| {
                pack::direct_backward(placed, &[[0, 0]], vectors)
            })?;
            self.backward.push(Step::Direct {
                taps: (0..sources.len()).map(|source| (source, None)).collect(),
                sources,
                table: Arc::new(Vec::new()),
                columns: 0,
                listed: Arc::new(Vec::new()),
                packed,
                targets: vec![target],
                before: None,
            });
            return Ok(());
        }
        for phase_y in 0..convolution.stride[0] {
            for phase_x in 0..convolution.stride[1] {
                let phase = [phase_y, phase_x];
                let (taps, table, listed) = backward_table(convolution, target.tensor.px, sources[0].px, phase);
                if listed.is_empty() {
                    continue;
                }
                let packed = self.packed(index, PackKind::Backward(phase), convolution, |placed, vectors| {
                    pack::direct_backward(placed, &taps, vectors)
                })?;
                self.backward.push(Step::Direct {
                    sources: vec![sources[0]],
                    columns: taps.len(),
                    taps: (0..taps.len()).map(|column| (0, Some(column))).collect(),
                    table: Arc::new(table),
                    listed: Arc::new(listed),
                    packed,
                    targets: vec![target.clone()],
                    before: None,
                });
            }
        }
        Ok(())
    }

    /// Places all buffers and gives tensors their real offsets.
    fn finish(mut self) -> Plan {
        let lowered = self.source.lowered;
        let count = lowered.buffers.len() + 1;
        let lens: Vec<usize> = lowered
            .buffers
            .iter()
            .map(|(channels, extent_of)| channels * self.pixels(*extent_of))
            .chain([self.tensor(lowered.image).channels * self.pixels(NodeId(0))])
            .map(|len| len.next_multiple_of(LANES))
            .collect();
        let image = self.tensor(lowered.image);
        let logits = self.tensor(lowered.logits);
        let (pinned, layers) = lowered.pinned;
        let (captured, map) = (self.tensor(pinned), lowered.values[pinned].map.clone());
        let value_after = if layers == 0 { 0 } else { self.layer_ends[layers - 1] };
        let gradient_after = self.gradient_capture;

        let place = |steps: &mut Vec<Step>, kept: &[(usize, usize)]| {
            let mut lives: Vec<Life> = lens.iter().map(|len| Life { len: *len, ..Life::default() }).collect();
            for (index, step) in steps.iter().enumerate() {
                for tensor in step.tensors() {
                    lives[tensor.offset].touch(index);
                }
            }
            for (buffer, step) in kept {
                lives[*buffer].touch(*step);
            }
            let (offsets, len) = arrange(&lives);
            for step in steps.iter_mut() {
                step.for_each_tensor(|tensor| tensor.offset = offsets[tensor.offset]);
            }
            (offsets, len)
        };
        let moved = |tensor: Tensor, offsets: &[usize]| Tensor { offset: offsets[tensor.offset], ..tensor };

        let kept = [(image.offset, 0), (logits.offset, self.forward.len()), (captured.offset, value_after)];
        let (offsets, forward_len) = place(&mut self.forward, &kept);
        let value_capture = Capture { tensor: moved(captured, &offsets), map: map.clone(), after: value_after };
        let (image_forward, logits_forward) = (moved(image, &offsets), moved(logits, &offsets));

        let kept = [(logits.offset, 0), (image.offset, self.backward.len()), (captured.offset, gradient_after)];
        let (offsets, backward_len) = place(&mut self.backward, &kept);
        let gradient_capture = Capture { tensor: moved(captured, &offsets), map, after: gradient_after };
        debug_assert_eq!(offsets.len(), count);
        Plan {
            sizes: Sizes { values: forward_len.max(backward_len), bits: self.bits, winners: self.winners },
            image: image_forward,
            logits: logits_forward,
            logits_gradient: moved(logits, &offsets),
            image_gradient: moved(image, &offsets),
            value_capture,
            gradient_capture,
            forward: self.forward,
            backward: self.backward,
        }
    }
}

/// Places buffers so that no two alive at once overlap, largest first; returns offsets and the whole length.
fn arrange(lives: &[Life]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).filter(|index| lives[*index].used).collect();
    order.sort_by_key(|index| std::cmp::Reverse(lives[*index].len));
    let mut offsets = vec![0; lives.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0;
    for index in order {
        let life = lives[index];
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|other| lives[**other].first <= life.last && life.first <= lives[**other].last)
            .map(|other| (offsets[*other], offsets[*other] + lives[*other].len))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + life.len <= start {
                break;
            }
            offset = offset.max(end);
        }
        offsets[index] = offset;
        total = total.max(offset + life.len);
        placed.push(index);
    }
    (offsets, total)
}

fn patches(convolution: &Convolution, image: Tensor, output: Tensor) -> Patches {
    Patches {
        channels: image.channels,
        input_px: image.px,
        output_px: output.px,
        kernel: convolution.kernel,
        stride: convolution.stride,
        padding: convolution.padding,
    }
}

/// Input pixel under each tap of each output pixel, -1 in the padding.
fn forward_table(convolution: &Convolution, input_px: [usize; 2], output_px: [usize; 2]) -> Vec<i32> {
    let inside = |axis: usize, at: usize, tap: usize| {
        let position = (at * convolution.stride[axis] + tap).checked_sub(convolution.padding[axis])?;
        (position < input_px[axis]).then_some(position)
    };
    let mut table = Vec::new();
    for y in 0..output_px[0] {
        for x in 0..output_px[1] {
            for tap_y in 0..convolution.kernel[0] {
                for tap_x in 0..convolution.kernel[1] {
                    let at = inside(0, y, tap_y).zip(inside(1, x, tap_x));
                    table.push(at.map_or(-1, |(y, x)| (y * input_px[1] + x) as i32));
                }
            }
        }
    }
    table
}

/// For the input pixels of one phase of a stride: the taps that reach them, the output pixel behind each tap (-1 for
/// none), and the pixels themselves.
fn backward_table(
    convolution: &Convolution,
    input_px: [usize; 2],
    output_px: [usize; 2],
    phase: [usize; 2],
) -> (Vec<[usize; 2]>, Vec<i32>, Vec<u32>) {
    let taps_of = |axis: usize| -> Vec<usize> {
        let stride = convolution.stride[axis];
        (0..convolution.kernel[axis])
            .filter(|tap| (phase[axis] + convolution.padding[axis]) % stride == tap % stride)
            .collect()
    };
    let taps: Vec<[usize; 2]> = taps_of(0).iter().flat_map(|y| taps_of(1).into_iter().map(move |x| [*y, x])).collect();
    let outside = |axis: usize, at: usize, tap: usize| {
        let position = (at + convolution.padding[axis]).checked_sub(tap)? / convolution.stride[axis];
        (position < output_px[axis]).then_some(position)
    };
    let (mut table, mut listed) = (Vec::new(), Vec::new());
    for y in (phase[0]..input_px[0]).step_by(convolution.stride[0]) {
        for x in (phase[1]..input_px[1]).step_by(convolution.stride[1]) {
            listed.push((y * input_px[1] + x) as u32);
            for [tap_y, tap_x] in &taps {
                let at = outside(0, y, *tap_y).zip(outside(1, x, *tap_x));
                table.push(at.map_or(-1, |(y, x)| (y * output_px[1] + x) as i32));
            }
        }
    }
    (taps, table, listed)
}
