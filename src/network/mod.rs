//! Networks: one graph an architecture, weights, and executors that run them.

mod architecture;
mod candle_executor;
mod candle_ops;
mod candle_trainer;
mod cpu;
pub mod densenet_121;
mod error;
mod executor;
mod graph;
mod graph_builder;
pub mod inception_v3;
mod initialize;
mod mismatch;
mod model;
mod model_card;
pub mod retina_net;
mod trainable;
pub mod u_net;
mod weights;
mod weights_file;

pub use architecture::{Architecture, Variant};
pub use candle_executor::{CandleExecutor, PassOutputF64};
pub use candle_trainer::CandleTrainer;
pub use cpu::{CpuExecutor, CpuOptions, CpuTrainer, Isa};
pub use error::{Error, Result};
pub use executor::{Activation, Batch, Executor, ForwardWork, Pass, PassOutput, ReluRule, Target, argmax};
pub use graph::{BatchNorm, Conv2d, Graph, ModelKind, Node, NodeId, Op, Parameter, ParameterRole, Pool, Start};
pub use graph_builder::GraphBuilder;
pub use initialize::initial_values;
pub use mismatch::{Mismatch, Misshapen};
pub use model::Model;
pub use model_card::{DetectorCard, ModelCard, NEVER_SAW_PATIENTS, Scaling};
pub use trainable::{AdamW, Mode, Moments, Trainable};
pub use weights::{Tensor, Weights};
pub use weights_file::{MAX_FILE_BYTES, Precision, WeightsFile, sha256_hex};
pub(crate) use weights_file::{canonical_name, write_whole};
