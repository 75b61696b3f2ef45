//! Kernels of saliscope's executor and trainer for processors, and the only place with `unsafe` code.
//!
//! [`Step::run`] is the safe door: it checks that every tensor lies in its memory before a kernel sees an address.

#![allow(unsafe_code, reason = "kernels work on addresses that threads share")]
#![allow(
    missing_docs,
    reason = "one crate of this workspace reads it; parts of steps and tensors are named by what they are"
)]
#![allow(clippy::inline_always, reason = "a kernel must become part of the function compiled for its instruction set")]
#![allow(clippy::needless_range_loop, reason = "loops over registers unroll when they count, not when they iterate")]
#![allow(clippy::cast_possible_wrap, reason = "pixel positions are far below 2^31")]

mod depthwise;
mod direct;
mod epilogue;
mod flat;
mod function;
mod image;
mod isa;
mod layer_norm;
mod memory;
mod pointwise;
mod pool;
mod product;
mod simd;
mod sparse;
mod step;
mod train;
mod winograd;

pub use depthwise::Lines;
pub use direct::OUTSIDE;
pub use function::{Activation, Curve};
pub use image::Patches;
pub use isa::{Isa, Kernels, TileShape};
pub use memory::{Aligned, Memory, Sizes};
pub use simd::LANES;
pub use sparse::Listed;
pub use step::{
    Bits, FlatSpec, LayerNormSpec, Mode, NormalizeSpec, Packed, PackedPanel, SharedValues, Step, Target, Tensor, Window,
};
pub use train::{Convolution, Geometry, InputGradient, NormRow, backward, forward};
pub use winograd::Axis;
