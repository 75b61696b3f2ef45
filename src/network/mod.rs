//! Networks: one graph an architecture, weights, and executors that run them.

mod architecture;
mod candle_executor;
mod cpu;
pub mod densenet_121;
mod error;
mod executor;
mod graph;
pub mod inception_v3;
mod initialize;
mod mismatch;
mod model;
mod model_card;
mod weights;
mod weights_file;

pub use architecture::{Architecture, Variant};
pub use candle_executor::{CandleExecutor, PassOutputF64};
pub use cpu::{CpuExecutor, CpuOptions, Isa};
pub use error::{Error, Result};
pub use executor::{Activation, Batch, Executor, Pass, PassOutput, ReluRule, Target, argmax};
pub use graph::{BatchNorm, Conv2d, Graph, GraphBuilder, Node, NodeId, Op, Parameter, ParameterRole, Pool};
pub use initialize::initial_values;
pub use mismatch::{Mismatch, Misshapen};
pub use model::Model;
pub use model_card::{ModelCard, Scaling};
pub use weights::{Tensor, Weights};
pub(crate) use weights_file::canonical_name;
pub use weights_file::{MAX_FILE_BYTES, WeightsFile, sha256_hex};
