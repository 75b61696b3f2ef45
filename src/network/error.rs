//! What can go wrong in a network, each as one sentence the user can act on.

use std::path::{Path, PathBuf};

use super::cpu::Isa;
use super::mismatch::Mismatch;

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
    /// A network that localizes was given work for a classifier.
    #[error("this model localizes ({architecture}); predictions and saliency need a classifier")]
    NotAClassifier {
        /// Architecture.
        architecture: String,
    },
    /// An executor met an operation it has no code for.
    #[error("the {executor} executor cannot run {operation} ({node}); use the candle executor")]
    UnsupportedOperation {
        /// Executor.
        executor: &'static str,
        /// What it cannot run.
        operation: &'static str,
        /// Where.
        node: String,
    },
    /// Nodes of different extents are added or joined.
    #[error("{node} reads {first:?} and {other:?} rows and columns, which must be equal")]
    UnequalExtents {
        /// The node that reads them.
        node: String,
        /// Extent of its first input.
        first: [usize; 2],
        /// Extent of the input that differs.
        other: [usize; 2],
    },
    /// A fully connected layer reads a fixed extent and gets another.
    #[error(
        "{node} reads {}x{} pixels and gets {}x{}: the network needs images of the size it was trained on",
        read[0], read[1], extent[0], extent[1]
    )]
    LinearExtent {
        /// The layer.
        node: String,
        /// Rows and columns it reads.
        read: [usize; 2],
        /// Rows and columns it gets.
        extent: [usize; 2],
    },
    /// The guided rule was asked of a network that has none.
    #[error("guided backpropagation is not defined for this network: {node} is a {operation}, no ReLU")]
    Unguided {
        /// The first node without a rule.
        node: String,
        /// What it computes.
        operation: &'static str,
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
        /// The set.
        isa: Isa,
    },
    /// Training cannot go on.
    #[error("{0}")]
    Training(String),
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
    /// The tensors are not those of the graph.
    #[error("the weights do not fit {architecture}: {mismatch}")]
    WeightsMismatch {
        /// Architecture.
        architecture: String,
        /// Every difference.
        mismatch: Box<Mismatch>,
    },
    /// A weight is NaN or infinite.
    #[error("tensor {name:?} holds NaN or infinite weights")]
    NonFiniteWeights {
        /// Tensor name.
        name: String,
    },
    /// A tensor of numbers that are no weights.
    #[error("tensor {name:?} has data type {dtype}; weights are f16, bf16, f32 or f64")]
    TensorDtype {
        /// Tensor name.
        name: String,
        /// Its data type.
        dtype: String,
    },
    /// Bytes that are no safetensors file.
    #[error("{0}")]
    NotSafetensors(String),
    /// A model card says something that cannot be.
    #[error("field `{field}` of the model card {problem}")]
    Card {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
    },
    /// Work that needs probabilities, and nobody said how logits become them.
    #[error(
        "the model has {logits} outputs, and nothing says how they become probabilities: write \"output\": \"sigmoid\" \
         (each label by itself) or \"output\": \"softmax\" (exactly one of them) into its model card"
    )]
    UnknownOutput {
        /// Number of logits.
        logits: usize,
    },
    /// A model card is no JSON object of the right types.
    #[error("the model card cannot be read: {0}")]
    CardSyntax(serde_json::Error),
    /// A name of no architecture.
    #[error("there is no architecture {name:?}, only {known}")]
    UnknownArchitecture {
        /// Name given.
        name: String,
        /// Those that exist, joined by commas.
        known: String,
    },
    /// Neither a card nor the tensor names tell the architecture.
    #[error(
        "the names of the weights are those of no known architecture ({known}); bring the file over with `saliscope convert`, which \
             knows other programs' names, or give a model card"
    )]
    NoArchitecture {
        /// Those that exist, joined by commas.
        known: String,
    },
    /// The architecture asked for is not the one of the card.
    #[error("the model card says {card}, but {asked} was asked for")]
    OtherArchitecture {
        /// Architecture of the card.
        card: String,
        /// Architecture asked for.
        asked: String,
    },
    /// Reading or writing failed.
    #[error("{action} failed: {problem}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        problem: crate::files::Error,
    },
    /// A sample that cannot be compared, or that the model does not agree with.
    #[error("the sample cannot confirm the model: {0}")]
    Sample(String),
    /// Something is wrong with one file.
    #[error("{problem}: {}", path.display())]
    File {
        /// What is wrong.
        problem: Box<Error>,
        /// The file.
        path: PathBuf,
    },
    /// A data type the executor does not compute in.
    #[error("the candle executor computes in f32 or f64, not in {dtype}")]
    UnsupportedDtype {
        /// Data type asked for.
        dtype: String,
    },
}

impl Error {
    /// Wraps what candle said about `operation` on an input of `shape`.
    pub(super) fn candle(operation: &str, shape: &[usize], source: candle_core::Error) -> Self {
        Self::Candle { operation: operation.to_owned(), shape: shape.to_vec(), source: Box::new(source) }
    }

    /// The file it is about, whose name may be a patient's.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// What is wrong, without the name of the file.
    pub fn without_path(&self) -> String {
        match self {
            Self::File { problem, .. } => problem.without_path(),
            other => other.to_string(),
        }
    }

    /// Adds the file it happened in.
    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::File { problem: Box::new(self), path: path.to_owned() }
    }
}

/// That an executor has no code for a node.
pub(super) fn unsupported(executor: &'static str, graph: &super::graph::Graph, id: super::graph::NodeId) -> Error {
    let node = graph.node(id);
    Error::UnsupportedOperation { executor, operation: node.op.name(), node: node.name.clone() }
}
