//! Kernels of training: convolutions with gradients by input and weight, and batch normalization over batches.
//!
//! Tensors are `[c, n, h, w]`: each channel of the whole batch is one run of memory, which is what batch normalization
//! sums over and what makes convolutions products of lines (see [`geometry`]). No sum depends on how work is split.

mod convolution;
mod geometry;
mod lines;
mod norm;

pub use convolution::{InputGradient, backward, forward};
pub use geometry::{Convolution, Geometry};
pub(crate) use lines::{Correlation, Product, correlate, product};
pub use norm::NormRow;
pub(crate) use norm::{affine, moments, norm_gradient, norm_sums};
