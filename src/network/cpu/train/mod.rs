//! Training on the processor: forward and backward through a graph with weights that change. Forward passes alone
//! ([`CpuForward`]) need nothing else of it.
//!
//! Values are `[c, n, h, w]`, in memory that is used again from pass to pass. Nothing depends on the number of threads.

mod backward;
mod buffers;
mod forward;
mod layer_norm;
mod linear;
mod norm;
mod parameters;
mod planes;
mod pool;

use super::super::error::Result;
use super::super::executor::Batch;
use super::super::graph::Graph;
use super::super::trainable::{AdamW, Mode, Moments, Trainable, check_images, no_gradient, no_pass};
use super::super::weights::Weights;
use super::CpuOptions;
use super::kernel::Aligned;
pub use forward::CpuForward;
use norm::Statistics;
use parameters::Optimizer;

/// Trains a graph on the processor with kernels made for it.
pub struct CpuTrainer {
    network: CpuForward,
    optimizer: Optimizer,
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
        let network = CpuForward::new(graph, weights, options)?;
        let optimizer = Optimizer::new(&network.parameters);
        Ok(Self { network, optimizer, tape: None, has_gradient: false })
    }

    /// Bytes of weights, gradients and moments, and of the values of nodes that wait to be used again.
    pub fn held_bytes(&self) -> usize {
        self.network.held_bytes() + size_of::<f32>() * self.optimizer.len()
    }
}

impl Trainable for CpuTrainer {
    fn graph(&self) -> &Graph {
        self.network.graph()
    }

    fn describe(&self) -> String {
        self.network.describe()
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.network.parameters.weights())
    }

    fn forward(&mut self, input: &Batch, mode: Mode) -> Result<Vec<Batch>> {
        let extents = check_images(self.graph(), input)?;
        if let Some(tape) = self.tape.take() {
            self.give_back(tape);
        }
        let (outputs, tape) = self.network.pass(input, extents, mode);
        match mode {
            Mode::Train => self.tape = Some(tape),
            Mode::Evaluate => self.give_back(tape),
        }
        Ok(outputs)
    }

    fn backward(&mut self, output_gradients: &[Batch]) -> Result<()> {
        let tape = self.tape.take().ok_or_else(no_pass)?;
        backward::run(self, tape, output_gradients)?;
        self.has_gradient = true;
        Ok(())
    }

    fn gradients(&self) -> Result<Weights> {
        if self.has_gradient { Ok(self.optimizer.gradients(&self.network.parameters)) } else { Err(no_gradient()) }
    }

    fn update(&mut self, step: &AdamW) -> Result<f64> {
        if !self.has_gradient {
            return Err(no_gradient());
        }
        Ok(self.optimizer.update(&mut self.network.parameters, step))
    }

    fn moments(&self) -> Result<Moments> {
        Ok(self.optimizer.moments(&self.network.parameters))
    }

    fn restore(&mut self, weights: &Weights, moments: &Moments) -> Result<()> {
        self.optimizer.restore(&mut self.network.parameters, weights, moments)
    }
}

impl CpuTrainer {
    /// Takes the memory of a pass back for the next one.
    fn give_back(&mut self, tape: Tape) {
        tape.values.into_iter().flatten().for_each(|values| self.network.buffers.give(values));
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
