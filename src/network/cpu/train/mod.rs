//! Training on the processor: forward and backward through a graph with weights that change.
//!
//! Values are `[c, n, h, w]`, in memory that is used again from pass to pass. Nothing depends on the number of threads.

mod backward;
mod buffers;
mod forward;
mod norm;
mod parameters;
mod planes;
mod pool;

use std::sync::Arc;

use rayon::ThreadPool;

use super::super::error::Result;
use super::super::executor::Batch;
use super::super::graph::{Graph, NodeId};
use super::super::trainable::{AdamW, Mode, Moments, Trainable, check_training_input, no_gradient, no_pass};
use super::super::weights::Weights;
use super::CpuOptions;
use super::kernel::{Aligned, Isa, Kernels};
use buffers::Buffers;
use norm::Statistics;
use parameters::Parameters;

/// Trains a graph on the processor with kernels made for it.
pub struct CpuTrainer {
    graph: Graph,
    kernels: &'static Kernels,
    isa: Isa,
    pool: Arc<ThreadPool>,
    parameters: Parameters,
    /// Per normalization the ReLU that alone reads it: both are computed at once.
    relu_of: Vec<Option<NodeId>>,
    /// Per node the last one that reads it, and itself where nobody does.
    last_reader: Vec<usize>,
    buffers: Buffers,
    /// Of the last input; the buffers are of its passes.
    shape: [usize; 4],
    tape: Option<Tape>,
    has_gradient: bool,
}

/// What a forward pass leaves for the way back.
struct Tape {
    images: usize,
    extents: Vec<[usize; 2]>,
    values: Vec<Option<Aligned>>,
    statistics: Vec<Option<Statistics>>,
}

impl CpuTrainer {
    /// Prepares `graph` with `weights`.
    ///
    /// # Errors
    /// When weights do not fit, the instruction set is not available here, or threads cannot be started.
    pub fn new(graph: Graph, weights: &Weights, options: CpuOptions) -> Result<Self> {
        let (isa, pool) = options.start()?;
        let pool = Arc::new(pool);
        let readers = graph.readers();
        let relu_of = graph.relus_of_norms();
        let last = |index: usize| readers[index].iter().map(|id| id.index()).max().unwrap_or(index);
        let last_reader = (0..graph.nodes().len()).map(last).collect();
        let parameters = Parameters::new(&graph, weights)?;
        let buffers = Buffers::default();
        let kernels = isa.kernels();
        Ok(Self {
            graph,
            kernels,
            isa,
            pool,
            parameters,
            relu_of,
            last_reader,
            buffers,
            shape: [0; 4],
            tape: None,
            has_gradient: false,
        })
    }
}

impl Trainable for CpuTrainer {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        let threads = self.pool.current_num_threads();
        format!("cpu ({}, {threads} thread{})", self.isa, if threads == 1 { "" } else { "s" })
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.parameters.weights())
    }

    fn forward(&mut self, input: &Batch, mode: Mode) -> Result<Vec<Batch>> {
        let extents = check_training_input(&self.graph, input)?;
        if let Some(tape) = self.tape.take() {
            tape.values.into_iter().flatten().for_each(|values| self.buffers.give(values));
        }
        if self.shape != input.shape() {
            self.shape = input.shape();
            self.buffers.clear();
        }
        Ok(forward::run(self, input, extents, mode))
    }

    fn backward(&mut self, output_gradients: &[Batch]) -> Result<()> {
        let tape = self.tape.take().ok_or_else(no_pass)?;
        backward::run(self, tape, output_gradients)?;
        self.has_gradient = true;
        Ok(())
    }

    fn gradients(&self) -> Result<Weights> {
        if self.has_gradient { Ok(self.parameters.gradients()) } else { Err(no_gradient()) }
    }

    fn update(&mut self, step: &AdamW) -> Result<f64> {
        if self.has_gradient { Ok(self.parameters.update(step)) } else { Err(no_gradient()) }
    }

    fn moments(&self) -> Result<Moments> {
        Ok(self.parameters.moments())
    }

    fn restore(&mut self, weights: &Weights, moments: &Moments) -> Result<()> {
        self.parameters.restore(weights, moments)
    }
}

/// Values of a batch, `[n, c, h, w]`, as `[c, n, h, w]`, or back with `n` and `c` exchanged.
fn exchange_axes(source: &[f32], [first, second, plane]: [usize; 3], target: &mut [f32]) {
    for (index, values) in source.chunks_exact(plane).enumerate() {
        let (outer, inner) = (index / second, index % second);
        let at = (inner * first + outer) * plane;
        target[at..at + plane].copy_from_slice(values);
    }
}
