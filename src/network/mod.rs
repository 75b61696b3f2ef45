//! Networks: one graph an architecture, weights, executors that run them, and one place where it is decided on what
//! ([`Runtime`]).

mod architecture;
mod candle_executor;
mod candle_ops;
mod candle_trainer;
mod card_graph;
mod caution;
mod class_logit;
mod cpu;
mod error;
mod executor;
mod families;
mod family;
mod graph;
mod graph_builder;
mod graph_file;
mod head;
mod initialize;
mod mismatch;
mod model;
mod model_card;
mod nonlinearity;
mod op;
mod op_check;
mod output;
mod read_area;
mod runtime;
mod same_border;
mod sample;
mod scaling;
mod self_check;
mod trainable;
mod weights;
mod weights_file;

pub use architecture::{Architecture, Nearest, Variant};
pub use candle_executor::{CandleExecutor, PassOutputF64};
pub use candle_trainer::CandleTrainer;
pub use card_graph::Block;
pub use caution::caution;
pub use class_logit::{class_count, class_logit, predicted_class};
pub use cpu::{CpuExecutor, CpuForward, CpuOptions, CpuTrainer, Isa};
pub use error::{Error, Result};
pub use executor::{Activation, Batch, Executor, ForwardWork, Pass, PassOutput, ReluRule, Target, Wanted};
pub use families::{retina_net, u_net};
pub use family::{Family, Joining, Turn};
pub use graph::{Graph, ModelKind, Node, NodeId, Parameter, ParameterRole, Start};
pub use graph_builder::GraphBuilder;
pub use head::{Function, HEAD_NORM_EPS, Head, HeadLayer};
pub use initialize::initial_values;
pub use mismatch::{Mismatch, Misshapen};
pub use model::Model;
pub use model_card::{DetectorCard, ModelCard, NEVER_SAW_PATIENTS, class_names};
pub use nonlinearity::Nonlinearity;
pub use op::{BatchNorm, Border, Conv2d, Op, Pool};
pub use output::Output;
pub use read_area::{ReadArea, Resize};
pub use runtime::{
    DeviceChoice, Devices, ExecutorChoice, Forward, Gpu, Runtime, RuntimeOptions, StartError, ThisMachine,
};
pub use sample::{Answer, Sample};
pub use scaling::{ChannelOrder, Scaling};
pub use self_check::{Checked, SelfCheck};
pub use trainable::{AdamW, Mode, Moments, Trainable};
pub use weights::{Tensor, Weights};
pub use weights_file::{Precision, WeightsFile, sha256_hex};
pub(crate) use weights_file::{canonical_name, read_safetensors, read_values};
