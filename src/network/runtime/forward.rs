//! A network of any kind, run forward.

use super::super::candle_executor::CandleExecutor;
use super::super::cpu::CpuForward;
use super::super::error::Result;
use super::super::executor::{Batch, Executor, Pass};

/// Something that runs a network forward. No gradient and nothing of an optimizer is in its memory.
pub enum Forward {
    /// A classifier in an executor.
    Classifier(Box<dyn Executor>),
    /// Any network in the processor's kernels.
    Kernels(Box<CpuForward>),
    /// Any network in candle.
    Candle(Box<CandleExecutor>),
}

impl Forward {
    /// Values of the graph's outputs, `[n, c, h, w]` each, for images `[n, c, h, w]`.
    ///
    /// # Errors
    /// When the input does not fit the graph, or the device fails.
    pub fn outputs(&mut self, input: &Batch) -> Result<Vec<Batch>> {
        match self {
            Self::Classifier(executor) => {
                let logit_count = executor.graph().logit_count();
                let logits = executor.run(&Pass::logits(input))?.logits;
                Ok(vec![Batch::new([input.len(), logit_count, 1, 1], logits)])
            }
            Self::Kernels(network) => network.outputs(input),
            Self::Candle(executor) => executor.outputs(input),
        }
    }

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    pub fn describe(&self) -> String {
        match self {
            Self::Classifier(executor) => executor.describe(),
            Self::Kernels(network) => network.describe(),
            Self::Candle(executor) => executor.describe(),
        }
    }

    /// The batch size at which it runs well for images of this size.
    pub fn preferred_batch(&self, height: usize, width: usize) -> usize {
        match self {
            Self::Classifier(executor) => executor.preferred_batch(height, width),
            // Networks that localize keep large maps of every image.
            Self::Kernels(_) | Self::Candle(_) => (2 * 320 * 320 / (height * width).max(1)).clamp(1, 16),
        }
    }
}
