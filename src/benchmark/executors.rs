//! Where networks run.

use crate::evaluation::Network;
use crate::network::{self, CpuExecutor, CpuOptions, CpuTrainer, Executor, Graph, Model, Weights};

/// Makes what runs networks; one for each worker and state.
pub trait Executors: Sync {
    /// Something to run a classifier with these weights.
    ///
    /// # Errors
    /// When the device refuses.
    fn classifier(&self, graph: &Graph, weights: &Weights) -> network::Result<Box<dyn Executor>>;

    /// Something to run a network that localizes forward.
    ///
    /// # Errors
    /// When the device refuses.
    fn localizer(&self, model: &Model) -> network::Result<Network>;

    /// Inputs a pass; the executor's preference when `None`. No result depends on it.
    fn batch(&self) -> Option<usize> {
        None
    }
}

/// Runs networks on the processor, in kernels made for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuExecutors {
    /// How the kernels run.
    pub options: CpuOptions,
    /// Inputs a pass.
    pub batch: Option<usize>,
}

impl Executors for CpuExecutors {
    fn classifier(&self, graph: &Graph, weights: &Weights) -> network::Result<Box<dyn Executor>> {
        Ok(Box::new(CpuExecutor::new(graph.clone(), weights, self.options)?))
    }

    fn localizer(&self, model: &Model) -> network::Result<Network> {
        Ok(Network::Trained(Box::new(CpuTrainer::new(model.graph.clone(), &model.weights, self.options)?)))
    }

    fn batch(&self) -> Option<usize> {
        self.batch
    }
}
