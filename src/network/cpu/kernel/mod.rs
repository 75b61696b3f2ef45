//! The kernels, and the only place with `unsafe` code.
//!
//! [`Step::run`] is the safe door: it checks that every tensor lies in its memory before a kernel sees an address.

#![allow(unsafe_code, unsafe_op_in_unsafe_fn)]

mod direct;
mod epilogue;
mod image;
mod isa;
mod memory;
mod pointwise;
mod pool;
mod simd;
mod step;
mod winograd;

pub(super) use image::Patches;
pub use isa::Isa;
pub(super) use isa::{Kernels, TileShape};
pub(super) use memory::{Aligned, Memory, Sizes};
pub(super) use simd::LANES;
pub(super) use step::{Bits, Mode, NormalizeSpec, Packed, PackedPanel, Step, Target, Tensor, Window};
pub(super) use winograd::Axis;
