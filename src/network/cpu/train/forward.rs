//! The way from images to outputs.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use super::super::super::error::Result;
use super::super::super::executor::Batch;
use super::super::super::graph::{Graph, NodeId};
use super::super::super::op::{BatchNorm, Border, Conv2d, Op};
use super::super::super::trainable::{Mode, NORM_MOMENTUM, check_images};
use super::super::super::weights::Weights;
use super::super::CpuOptions;
use super::super::kernel::{self, Aligned, Convolution, Geometry, Isa, Kernels};
use super::buffers::Buffers;
use super::layer_norm::PixelStatistics;
use super::linear::Inputs;
use super::norm::Statistics;
use super::parameters::Parameters;
use super::pool::Windows;
use super::{Tape, exchange_axes, planes};

/// Runs a network of any kind forward on the processor, in the kernels that train it: the same bits, without a gradient or
/// anything of an optimizer in memory.
pub struct CpuForward {
    pub(super) graph: Graph,
    pub(super) kernels: &'static Kernels,
    isa: Isa,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) parameters: Parameters,
    /// Per normalization the ReLU that alone reads it: both are computed at once.
    pub(super) relu_of: Vec<Option<NodeId>>,
    /// Per node the last one that reads it, and itself where nobody does.
    last_reader: Vec<usize>,
    pub(super) buffers: Buffers,
    /// Of the last input; the buffers are of its passes.
    shape: [usize; 4],
}

impl CpuForward {
    /// Prepares `graph` with `weights`.
    ///
    /// # Errors
    /// When weights do not fit, the instruction set is not available here, or threads cannot be started.
    pub fn new(graph: Graph, weights: &Weights, options: CpuOptions) -> Result<Self> {
        let (isa, pool) = options.start()?;
        let readers = graph.readers();
        let last = |index: usize| readers[index].iter().map(|id| id.index()).max().unwrap_or(index);
        Ok(Self {
            kernels: isa.kernels(),
            isa,
            pool: Arc::new(pool),
            parameters: Parameters::new(&graph, weights)?,
            relu_of: graph.relus_of_norms(),
            last_reader: (0..graph.nodes().len()).map(last).collect(),
            buffers: Buffers::default(),
            shape: [0; 4],
            graph,
        })
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    pub fn describe(&self) -> String {
        let threads = self.pool.current_num_threads();
        format!("cpu ({}, {threads} thread{})", self.isa, if threads == 1 { "" } else { "s" })
    }

    /// Values of the graph's outputs, one batch `[n, c, h, w]` each, for images `[n, c, h, w]`, by the running statistics.
    ///
    /// # Errors
    /// When there is no image, or the input does not fit the graph.
    pub fn outputs(&mut self, input: &Batch) -> Result<Vec<Batch>> {
        let extents = check_images(&self.graph, input)?;
        let (outputs, tape) = self.pass(input, extents, Mode::Evaluate);
        tape.values.into_iter().flatten().for_each(|values| self.buffers.give(values));
        Ok(outputs)
    }

    /// Bytes of weights, and of the values of nodes that wait to be used again.
    pub fn held_bytes(&self) -> usize {
        size_of::<f32>() * (self.parameters.values.len() + self.buffers.len())
    }

    /// Runs all nodes. In training mode the tape holds all that the way back needs, else what is left of the values.
    pub(super) fn pass(&mut self, input: &Batch, extents: Vec<[usize; 2]>, mode: Mode) -> (Vec<Batch>, Tape) {
        if self.shape != input.shape() {
            self.shape = input.shape();
            self.buffers.clear();
        }
        let count = self.graph.nodes().len();
        let values = (0..count).map(|_| None).collect();
        let mut tape = Tape { images: input.len(), extents, values, statistics: vec![None; count] };
        let pool = Arc::clone(&self.pool);
        let outputs = pool.install(|| {
            for index in 0..count {
                self.run_node(&mut tape, index, input, mode);
                if mode == Mode::Evaluate {
                    self.release_read(&mut tape, index);
                }
            }
            self.graph.outputs().iter().map(|id| self.output(&tape, *id)).collect()
        });
        (outputs, tape)
    }

    /// The convolution of a node in this batch.
    pub(super) fn geometry(&self, tape: &Tape, id: NodeId) -> Geometry {
        let node = self.graph.node(id);
        let Op::Conv2d(conv) = node.op else { unreachable!("only convolutions have a geometry") };
        let input = node.inputs[0];
        let Conv2d { out_channels, kernel, stride, padding, dilation, groups, .. } = conv;
        let Border { before, after } = padding;
        let conv = Convolution { out_channels, kernel, stride, before, after, dilation, groups };
        Geometry::new(conv, tape.images, self.graph.node(input).channels, tape.extents[input.index()])
    }
}

impl Tape {
    /// Pixels of one image at a node.
    pub(super) fn plane_len(&self, id: NodeId) -> usize {
        self.extents[id.index()].iter().product()
    }

    /// The values of a node.
    ///
    /// # Panics
    /// When they are not there: nodes run in order, and values stay until all readers are done.
    pub(super) fn value(&self, id: NodeId) -> &[f32] {
        match &self.values[id.index()] {
            Some(values) => values.as_slice(),
            None => panic!("the values of node {} are needed but gone", id.index()),
        }
    }
}

impl CpuForward {
    /// Values of a node for all images.
    pub(super) fn len(&self, tape: &Tape, id: NodeId) -> usize {
        self.graph.node(id).channels * tape.images * tape.plane_len(id)
    }

    /// Gives up what nobody reads after node `index`.
    fn release_read(&mut self, tape: &mut Tape, index: usize) {
        for id in self.graph.nodes()[index].inputs.clone() {
            if self.last_reader[id.index()] == index && !self.graph.outputs().contains(&id) {
                tape.values[id.index()].take().into_iter().for_each(|values| self.buffers.give(values));
            }
        }
    }

    fn output(&self, tape: &Tape, id: NodeId) -> Batch {
        let [height, width] = tape.extents[id.index()];
        let channels = self.graph.node(id).channels;
        let mut batch = Batch::zeros([tape.images, channels, height, width]);
        exchange_axes(tape.value(id), [channels, tape.images, height * width], batch.values_mut());
        batch
    }

    fn run_node(&mut self, tape: &mut Tape, index: usize, input: &Batch, mode: Mode) {
        let id = NodeId(index);
        let node = self.graph.nodes()[index].clone();
        if node.op == Op::Relu && self.relu_of[node.inputs[0].index()] == Some(id) {
            return;
        }
        if let Op::BatchNorm(norm) = node.op {
            return self.run_norm(tape, id, norm, mode);
        }
        let mut out = self.buffers.take(self.len(tape, id));
        let plane_len = tape.plane_len(id);
        let images = tape.images;
        let target = out.as_mut_slice();
        let source = node.inputs.first().map_or(&[][..], |input| tape.value(*input));
        let source_px = node.inputs.first().map_or([1, 1], |input| tape.extents[input.index()]);
        let source_len = source_px[0] * source_px[1];
        let slots = &self.parameters.slots[index];
        let parameters = &self.parameters.values;
        let plane = |number: usize| &source[number * source_len..(number + 1) * source_len];
        match node.op {
            Op::Input => exchange_axes(input.values(), [images, node.channels, plane_len], target),
            Op::Conv2d(_) => {
                let geometry = self.geometry(tape, id);
                let (weight, bias) = (&parameters[slots.weight.clone()], &parameters[slots.bias.clone()]);
                kernel::forward(self.kernels, &geometry, source, weight, bias, target);
            }
            Op::BatchNorm(_) => {}
            Op::Relu => planes::for_each_plane(target, plane_len, |number, target| {
                self.kernels.affine(plane(number), 1.0, 0.0, true, target);
            }),
            Op::MaxPool(pool) => {
                let windows = Windows::new(pool, source_px, tape.extents[index]);
                planes::for_each_plane(target, plane_len, |number, target| windows.max(plane(number), target));
            }
            Op::AvgPool { pool, count_include_pad } => {
                let windows = Windows::new(pool, source_px, tape.extents[index]);
                planes::for_each_plane(target, plane_len, |number, target| {
                    windows.mean(plane(number), count_include_pad, target);
                });
            }
            Op::Concat => {
                let mut start = 0;
                for input in &node.inputs {
                    let part = tape.value(*input);
                    planes::put(part, &mut target[start..start + part.len()], false);
                    start += part.len();
                }
            }
            Op::GlobalAvgPool => {
                let mean = |number: usize| {
                    let sum: f64 = plane(number).iter().map(|value| f64::from(*value)).sum();
                    (sum / source_len as f64) as f32
                };
                target.par_iter_mut().enumerate().for_each(|(number, value)| *value = mean(number));
            }
            Op::Linear { .. } => {
                let (weight, bias) = (&parameters[slots.weight.clone()], &parameters[slots.bias.clone()]);
                Inputs::new(source, images, source_len).forward(weight, bias, target);
            }
            Op::Add => {
                planes::put(source, target, false);
                planes::put(tape.value(node.inputs[1]), target, true);
            }
            Op::Mul => {
                let factors = tape.value(node.inputs[1]);
                let pixels_a_factor = source.len() / factors.len();
                planes::put_each(target, false, |at| source[at] * factors[at / pixels_a_factor]);
            }
            Op::LayerNorm { eps } => {
                let factors = [&parameters[slots.weight.clone()], &parameters[slots.bias.clone()]];
                PixelStatistics::new(source, node.channels, eps).normalize(factors, source, target);
            }
            Op::Scale { .. } => {
                let (factors, offsets) = (&parameters[slots.weight.clone()], &parameters[slots.bias.clone()]);
                planes::for_each_plane(target, plane_len, |number, target| {
                    let channel = number / images;
                    let offset = offsets.get(channel).copied().unwrap_or(0.0);
                    self.kernels.affine(plane(number), factors[channel], offset, false, target);
                });
            }
            Op::Nonlinearity(function) => {
                planes::put_each(target, false, |at| function.value(f64::from(source[at])) as f32);
            }
            Op::AdaptiveAvgPool { output } => {
                let windows = Windows::adaptive(source_px, output);
                planes::for_each_plane(target, plane_len, |number, target| windows.mean(plane(number), false, target));
            }
            Op::Pad(border) => planes::for_each_plane(target, plane_len, |number, target| {
                planes::pad(plane(number), source_px, border, target);
            }),
            Op::UpsampleNearest => {
                let to = tape.extents[index];
                planes::for_each_plane(target, plane_len, |number, target| {
                    planes::upsample(plane(number), source_px, to, target);
                });
            }
        }
        tape.values[index] = Some(out);
    }

    /// A normalization, with its ReLU where that alone reads it; the result is then kept as the ReLU's.
    fn run_norm(&mut self, tape: &mut Tape, id: NodeId, norm: BatchNorm, mode: Mode) {
        let mut out: Aligned = self.buffers.take(self.len(tape, id));
        let input = self.graph.node(id).inputs[0];
        let channels = self.graph.node(id).channels;
        let slots = self.parameters.slots[id.index()].clone();
        let source = tape.value(input);
        let count = (source.len() / channels) as f64;
        let statistics = match mode {
            Mode::Train => {
                let found = Statistics::of_batch(self.kernels, source, channels, norm.eps);
                let values = &mut self.parameters.values;
                for (running, mean) in values[slots.mean].iter_mut().zip(&found.mean) {
                    *running += (NORM_MOMENTUM * (mean - f64::from(*running))) as f32;
                }
                // The running variance is the unbiased one (over n - 1), as PyTorch's is.
                let unbiased = count / (count - 1.0).max(1.0);
                for (running, variance) in values[slots.variance].iter_mut().zip(&found.variance) {
                    *running += (NORM_MOMENTUM * (variance * unbiased - f64::from(*running))) as f32;
                }
                found
            }
            Mode::Evaluate => {
                let running = |range: std::ops::Range<usize>| {
                    self.parameters.values[range].iter().map(|value| f64::from(*value)).collect()
                };
                Statistics::new(running(slots.mean), running(slots.variance), norm.eps)
            }
        };
        let values = &self.parameters.values;
        let factors = [&values[slots.weight], &values[slots.bias]];
        let relu = self.relu_of[id.index()];
        statistics.normalize(self.kernels, factors, relu.is_some(), source, out.as_mut_slice());
        tape.values[relu.unwrap_or(id).index()] = Some(out);
        if mode == Mode::Train {
            tape.statistics[id.index()] = Some(statistics);
        }
        if relu.is_some() && mode == Mode::Evaluate && self.last_reader[input.index()] == id.index() {
            tape.values[input.index()].take().into_iter().for_each(|values| self.buffers.give(values));
        }
    }
}
