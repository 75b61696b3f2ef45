//! Training networks.

pub mod loss;
