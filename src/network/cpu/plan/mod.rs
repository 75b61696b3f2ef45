//! The steps of a pass for one image size: forward, then backward, with all memory placed.

mod backward;
mod forward;
mod gradients;
mod placement;
mod table;

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Result;
use super::super::graph::{Graph, NodeId};
use super::super::weights::Weights;
use super::kernel::{
    Activation, Aligned, Axis, Bits, Kernels, LANES, LayerNormSpec, NormalizeSpec, Packed, Sizes, Step, Target, Tensor,
    TileShape,
};
use super::lower::{Affine, Convolution, Layer, Lowered, Trace, ValueId};
use super::pack::Placed;
use super::ties::TieRule;

/// Winograd pays where it needs at most this share of the multiplications, padding of tiles included.
const WINOGRAD_SHARE: f64 = 0.65;

/// Transformed kernels larger than this (values) need [`WINOGRAD_TILES`] tiles an image to be worth streaming.
const WINOGRAD_VALUES: usize = 256 * 1024;

/// See [`WINOGRAD_VALUES`].
const WINOGRAD_TILES: usize = 4;

/// Packed weights by layer, use and origin of the layer, shared by the plans of all image sizes and of all networks that
/// compute the layer alike.
pub(super) type PackCache = HashMap<(usize, PackKind, usize), Arc<Packed>>;

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

/// Memory that holds something from one forward step to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// First value in the memory of one image.
    pub(super) offset: usize,
    /// Values an image.
    pub(super) len: usize,
    /// The first step that touches it.
    pub(super) first: usize,
    /// The last one.
    pub(super) last: usize,
}

/// All steps for one image size.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) forward: Vec<Step>,
    /// Number of forward steps after which each layer is done.
    pub(super) layer_ends: Vec<usize>,
    /// Multiply-adds of each layer for one image, forward.
    pub(super) layer_multiply_adds: Vec<u64>,
    /// What lies in memory during the forward steps.
    pub(super) regions: Vec<Region>,
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

impl Plan {
    /// The last forward step from which on a pass can go on where all layers before `layer` were run by another one. Not
    /// after the asked-for node is complete, whose value has yet to be read.
    pub(super) fn resumable(&self, layer: usize) -> usize {
        layer.checked_sub(1).map_or(0, |before| self.layer_ends[before]).min(self.value_capture.after)
    }

    /// What is in memory before forward step `step` and read from there on.
    pub(super) fn live_at(&self, step: usize) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(move |region| region.first < step && step <= region.last)
    }

    /// Multiply-adds of the forward steps before `step` and of those from there on, for one image.
    pub(super) fn split_multiply_adds(&self, step: usize) -> [u64; 2] {
        let mut sums = [0; 2];
        for (end, multiply_adds) in self.layer_ends.iter().zip(&self.layer_multiply_adds) {
            sums[usize::from(*end > step)] += multiply_adds;
        }
        sums
    }
}

/// Everything a plan is made from.
pub(super) struct Source<'a> {
    pub(super) graph: &'a Graph,
    pub(super) weights: &'a Weights,
    pub(super) lowered: &'a Lowered,
    /// The network that each layer is packed for: equal numbers, equal layers.
    pub(super) origins: &'a [usize],
    pub(super) kernels: &'a Kernels,
    /// Use Winograd's filtering where it pays.
    pub(super) winograd: bool,
    /// Nodes whose outputs must be exact sums, for images with ties.
    pub(super) exact: Option<&'a TieRule>,
}

/// Plans passes over images of `height` x `width` pixels.
pub(super) fn plan(source: &Source<'_>, packs: &mut PackCache, height: usize, width: usize) -> Result<Plan> {
    let extents = source.graph.extents(height, width)?;
    let mut planner = Planner::new(source, packs, extents);
    planner.forward()?;
    planner.backward()?;
    Ok(planner.finish())
}

struct Planner<'a, 'b> {
    source: &'a Source<'a>,
    packs: &'b mut PackCache,
    extents: Vec<[usize; 2]>,
    forward: Vec<Step>,
    backward: Vec<Step>,
    /// Values an image that the forward steps leave for the way back: numbers of tensors follow those of the buffers.
    kept: Vec<usize>,
    /// The kept tensor in which the values of a buffer lie, where the way back reads them.
    kept_buffers: Vec<Option<usize>>,
    /// First ReLU bit group of each buffer that has any.
    buffer_bits: Vec<Option<usize>>,
    /// The kept tensor with the derivatives of each buffer that has any.
    buffer_slopes: Vec<Option<usize>>,
    /// Bits of the normalization inside a layer.
    layer_bits: HashMap<usize, usize>,
    /// Derivatives of the function inside a layer.
    layer_slopes: HashMap<usize, Tensor>,
    layer_norms: HashMap<usize, LayerNormSpec>,
    /// Gradients of a product, with the other factor, that wait for the gradient of the mean of the same value.
    waiting_products: HashMap<ValueId, [Tensor; 2]>,
    layer_winners: HashMap<usize, usize>,
    bits: usize,
    winners: usize,
    /// Steps after which each layer's forward work is done.
    layer_ends: Vec<usize>,
    /// Which layers lie on a path to the logits.
    live: Vec<bool>,
    gradient_capture: usize,
}

// While planning, a tensor's offset is the number of its buffer; then comes the image, then what is kept.
impl<'a, 'b> Planner<'a, 'b> {
    fn new(source: &'a Source<'a>, packs: &'b mut PackCache, extents: Vec<[usize; 2]>) -> Self {
        let lowered = source.lowered;
        let mut planner = Self {
            source,
            packs,
            extents,
            forward: Vec::new(),
            backward: Vec::new(),
            kept: Vec::new(),
            kept_buffers: vec![None; lowered.buffers.len()],
            buffer_bits: vec![None; lowered.buffers.len()],
            buffer_slopes: vec![None; lowered.buffers.len()],
            layer_bits: HashMap::new(),
            layer_slopes: HashMap::new(),
            layer_norms: HashMap::new(),
            waiting_products: HashMap::new(),
            layer_winners: HashMap::new(),
            bits: 0,
            winners: 0,
            layer_ends: Vec::new(),
            live: Vec::new(),
            gradient_capture: 0,
        };
        for (value, trace) in lowered.values.iter().filter_map(|value| Some((value, value.trace?))) {
            let Some(buffer) = value.buffer else { continue };
            let len = planner.buffer_len(buffer);
            match trace {
                Trace::Bits if planner.buffer_bits[buffer].is_none() => {
                    planner.buffer_bits[buffer] = Some(planner.bits);
                    planner.bits += len / LANES;
                }
                Trace::Slopes if planner.buffer_slopes[buffer].is_none() => {
                    planner.buffer_slopes[buffer] = Some(planner.keep(len));
                }
                _ => {}
            }
        }
        for layer in &lowered.layers {
            let Layer::Product { factors, .. } = layer else { continue };
            for buffer in factors.iter().filter_map(|id| lowered.values[*id].buffer) {
                if planner.kept_buffers[buffer].is_none() {
                    planner.kept_buffers[buffer] = Some(planner.keep(planner.buffer_len(buffer)));
                }
            }
        }
        planner
    }

    /// The number of a new tensor of `len` values an image that lasts until the end of the way back.
    fn keep(&mut self, len: usize) -> usize {
        self.kept.push(len.next_multiple_of(LANES));
        self.image_buffer() + self.kept.len()
    }

    /// Values of a buffer of one image.
    fn buffer_len(&self, buffer: usize) -> usize {
        let (channels, extent_of) = self.source.lowered.buffers[buffer];
        self.pixels(extent_of) * channels
    }

    fn pixels(&self, extent_of: NodeId) -> usize {
        self.extents[extent_of.0].iter().product()
    }

    fn image_buffer(&self) -> usize {
        self.source.lowered.buffers.len()
    }

    /// Where the gradient of a value lies.
    fn gradient(&self, id: ValueId) -> Tensor {
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

    /// Where a value lies: during the forward steps, and later where it is kept.
    fn tensor(&self, id: ValueId) -> Tensor {
        let tensor = self.gradient(id);
        let kept = self.source.lowered.values[id].buffer.and_then(|buffer| self.kept_buffers[buffer]);
        Tensor { offset: kept.unwrap_or(tensor.offset), ..tensor }
    }

    /// Derivatives of the function that a value was written through, in a buffer that has them.
    fn value_slopes(&self, id: ValueId) -> Option<Tensor> {
        let buffer = self.source.lowered.values[id].buffer?;
        Some(Tensor { offset: self.buffer_slopes[buffer]?, ..self.gradient(id) })
    }

    /// ReLU bits of a value in a buffer that has them.
    fn value_bits(&self, id: ValueId) -> Option<Bits> {
        let value = &self.source.lowered.values[id];
        let buffer = value.buffer?;
        let offset = self.buffer_bits[buffer]?;
        let stride = self.source.lowered.buffers[buffer].0 / LANES;
        Some(Bits { offset, stride, first: value.channels.start / LANES })
    }

    /// A forward target with bias and activation.
    fn output(&self, id: ValueId, bias: Option<&Vec<f32>>, activation: Option<Activation>) -> Target {
        let trace = activation.map(Trace::of);
        Target {
            bias: bias.map(|bias| Arc::new(Aligned::from_slice(bias))),
            activation,
            mask_out: if trace == Some(Trace::Bits) { self.value_bits(id) } else { None },
            slope_out: if trace == Some(Trace::Slopes) { self.value_slopes(id) } else { None },
            ..Target::store(self.tensor(id))
        }
    }

    /// Bits for every value of a layer's input.
    fn new_layer_bits(&mut self, layer: usize, input: Tensor) -> Bits {
        let (offset, stride) = (self.bits, input.channels / LANES);
        self.layer_bits.insert(layer, offset);
        self.bits += input.pixels() * stride;
        Bits { offset, stride, first: 0 }
    }

    fn normalize_spec(
        &mut self,
        layer: usize,
        input: ValueId,
        affine: &Affine,
        relu: bool,
        window: usize,
    ) -> NormalizeSpec {
        let bits = if relu { Some(self.new_layer_bits(layer, self.tensor(input))) } else { None };
        NormalizeSpec {
            scale: Arc::new(Aligned::from_slice(&affine.scale)),
            shift: Arc::new(Aligned::from_slice(&affine.shift)),
            relu,
            bits,
            window,
        }
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
                let shape = (convolution.kernel, convolution.groups);
                Placed::new(filter, weights, shape, &input.map, input.channels.len(), outputs)
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
        let key = (layer, kind, self.source.origins[layer]);
        if let Some(packed) = self.packs.get(&key) {
            return Ok(Arc::clone(packed));
        }
        let packed = Arc::new(pack(&self.placed(convolution)?, self.source.kernels.vectors));
        self.packs.insert(key, Arc::clone(&packed));
        Ok(packed)
    }

    /// The tiling for a convolution, where Winograd's filtering pays.
    fn tiling(&self, convolution: &Convolution, source: Tensor, target: Tensor) -> Option<(TileShape, [Axis; 2])> {
        let plain = convolution.stride == [1, 1] && convolution.dilation == [1, 1] && convolution.groups == 1;
        if !self.source.winograd || !plain || convolution.filters.len() != 1 {
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

    /// Multiply-adds of a layer for one image.
    fn multiply_adds(&self, layer: &Layer) -> u64 {
        let values = &self.source.lowered.values;
        let convolution = match layer {
            Layer::Convolution(convolution) => convolution,
            Layer::Flat { input, filter } => {
                let read = self.gradient(*input).pixels() * values[*input].map.len();
                return (read * filter.scale.len()) as u64;
            }
            _ => return 0,
        };
        let taps = convolution.kernel[0] * convolution.kernel[1] * values[convolution.input].map.len();
        let outputs = convolution.filters.iter().map(|filter| {
            let output = &values[filter.output];
            self.pixels(output.extent_of) * output.map.len()
        });
        (taps / convolution.groups * outputs.sum::<usize>()) as u64
    }

    /// Channel groups of a value in its buffer.
    fn groups(&self, id: ValueId) -> Option<(usize, std::ops::Range<usize>)> {
        let value = &self.source.lowered.values[id];
        Some((value.buffer?, value.channels.start / LANES..value.channels.end / LANES))
    }
}
