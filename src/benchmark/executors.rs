//! What runs networks for a benchmark.

use crate::network::{self, Executor, Forward, Graph, Model, Runtime, Weights};

/// Makes what runs networks; one for each worker and state. A [`Runtime`] does; whoever counts or times passes stands between
/// it and the benchmark.
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
    fn localizer(&self, model: &Model) -> network::Result<Forward>;
}

impl Executors for Runtime {
    fn classifier(&self, graph: &Graph, weights: &Weights) -> network::Result<Box<dyn Executor>> {
        self.executor(graph, weights)
    }

    fn localizer(&self, model: &Model) -> network::Result<Forward> {
        self.forward(model)
    }
}
