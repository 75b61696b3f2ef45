//! What can go wrong in a network, each as one sentence the user can act on.

/// Result of a network operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Failure of building, loading or running a network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image is smaller than the architecture can reduce.
    #[error("{architecture} needs an image of at least {min_px}x{min_px} pixels, this one has {height}x{width}")]
    InputTooSmall {
        /// Architecture.
        architecture: String,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Smallest side accepted.
        min_px: usize,
    },
    /// The input batch has another layout than the network reads.
    #[error("the network reads {expected} channels, the input has shape {shape:?} ([n, c, h, w])")]
    InputShape {
        /// Channels the graph reads.
        expected: usize,
        /// Shape of the batch.
        shape: [usize; 4],
    },
    /// A class index beyond the logits.
    #[error("class {class} does not exist: the model has {classes} classes, 0 to {}", classes - 1)]
    UnknownClass {
        /// Class asked for.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A node name the graph does not hold.
    #[error("the network has no node called {name:?}")]
    UnknownNode {
        /// Name asked for.
        name: String,
    },
    /// A tensor is absent from a weight set that was already checked against its graph.
    #[error("the weights hold no tensor {name:?}")]
    MissingTensor {
        /// Tensor name.
        name: String,
    },
    /// The machine lacks an instruction set.
    #[error("this machine has no {isa}: leave the choice to the program, or take portable")]
    IsaUnavailable {
        /// Name of the set.
        isa: String,
    },
    /// The operating system gave no threads.
    #[error("the kernels' threads could not be started: {source}")]
    Threads {
        /// The cause.
        source: rayon::ThreadPoolBuildError,
    },
    /// candle refused an operation.
    #[error("candle could not run {operation} on shape {shape:?}: {source}")]
    Candle {
        /// Operation or node.
        operation: String,
        /// Shape of its input.
        shape: Vec<usize>,
        /// candle's own words.
        source: Box<candle_core::Error>,
    },
}
