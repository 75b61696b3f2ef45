//! Whatever runs a network forward.

use crate::network::{Batch, CandleExecutor, Executor, Mode, Pass, Result, Trainable};

/// Something that runs a network forward.
pub enum Network {
    /// A classifier in an executor.
    Classifier(Box<dyn Executor>),
    /// Any network in what trains it, with its running statistics.
    Trained(Box<dyn Trainable>),
    /// Any network in candle.
    Candle(CandleExecutor),
}

impl Network {
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
            Self::Trained(network) => network.forward(input, Mode::Evaluate),
            Self::Candle(executor) => executor.outputs(input),
        }
    }

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    pub fn describe(&self) -> String {
        match self {
            Self::Classifier(executor) => executor.describe(),
            Self::Trained(network) => network.describe(),
            Self::Candle(executor) => executor.describe(),
        }
    }

    /// The batch size at which it runs well for images of this size.
    pub(super) fn preferred_batch(&self, height: usize, width: usize) -> usize {
        match self {
            Self::Classifier(executor) => executor.preferred_batch(height, width),
            // Networks that localize keep large maps of every image.
            Self::Trained(_) | Self::Candle(_) => (2 * 320 * 320 / (height * width).max(1)).clamp(1, 16),
        }
    }
}
