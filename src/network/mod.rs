//! Networks: one graph an architecture, weights, and executors that run them.

pub mod cpu;
pub mod densenet_121;
mod error;
mod executor;
mod graph;
pub mod inception_v3;
mod weights;

pub use error::{Error, Result};
pub use executor::{Activation, Batch, Executor, Pass, PassOutput, ReluRule, Target, argmax};
pub use graph::{BatchNorm, Conv2d, Graph, GraphBuilder, Node, NodeId, Op, Parameter, ParameterRole, Pool};
pub use weights::{Tensor, Weights};
