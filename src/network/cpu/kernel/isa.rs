//! Which instruction set runs, and the kernels compiled for it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::depthwise::{Depthwise, depthwise};
use super::direct::{Direct, direct};
use super::epilogue::{Activate, Epilogue};
use super::flat::{self, Flat};
use super::function::{self, Curve};
use super::layer_norm::{self, LayerNorm};
use super::pointwise::{self, Normalize, Spread};
use super::pool::{self, Pooling};
use super::product::{self, Values};
use super::simd::Portable;
use super::sparse::{Sparse, sparse};
use super::train::{self, Correlation, NormRow, Product};
use super::winograd::{Winograd, winograd};

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// AVX-512 (F, BW, DQ, VL).
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// What every machine of the target has; NEON on aarch64.
    Portable,
}

impl Isa {
    /// The sets this machine can run, best first.
    pub fn available() -> Vec<Self> {
        [Self::Avx512, Self::Avx2, Self::Portable].into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512dq")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    pub fn kernels(self) -> &'static Kernels {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => &avx512::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => &avx2::KERNELS,
            _ => &portable::KERNELS,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        })
    }
}

impl FromStr for Isa {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "avx512" => Ok(Self::Avx512),
            "avx2" => Ok(Self::Avx2),
            "portable" => Ok(Self::Portable),
            _ => Err(format!("{name:?} is no instruction set; use avx512, avx2 or portable")),
        }
    }
}

/// The tile shape of a Winograd convolution: input and output pixels along both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileShape {
    /// 3x3 kernel.
    K3x3,
    /// 5x5 kernel.
    K5x5,
    /// 1x7 kernel.
    K1x7,
    /// 7x1 kernel.
    K7x1,
    /// 1x3 kernel.
    K1x3,
    /// 3x1 kernel.
    K3x1,
}

impl TileShape {
    /// The shape for a kernel, where one is compiled.
    pub fn for_kernel(kernel: [usize; 2]) -> Option<Self> {
        match kernel {
            [3, 3] => Some(Self::K3x3),
            [5, 5] => Some(Self::K5x5),
            [1, 7] => Some(Self::K1x7),
            [7, 1] => Some(Self::K7x1),
            [1, 3] => Some(Self::K1x3),
            [3, 1] => Some(Self::K3x1),
            _ => None,
        }
    }
}

type WinogradKernel = unsafe fn(&Winograd<'_>, usize, usize, Range<usize>, &mut [f32]);

type MultiplyKernel = unsafe fn(&[Values; 2], Option<&(Values, f32)>, (usize, usize), &Epilogue, usize, usize);

/// Every kernel compiled for one instruction set.
///
/// # Safety of the members
/// Only call them on a machine that has the set, with arguments that describe live memory.
pub struct Kernels {
    /// Pixels computed together.
    pub rows: usize,
    /// Vectors of output channels computed together.
    pub vectors: usize,
    pub(crate) direct: unsafe fn(&Direct<'_>, usize, usize, Range<usize>),
    winograd: [WinogradKernel; 6],
    pub(crate) max_forward: unsafe fn(&Pooling, usize, usize),
    pub(crate) max_backward: unsafe fn(&Pooling, usize, usize),
    pub(crate) mean_forward: unsafe fn(&Pooling, usize, usize),
    pub(crate) mean_backward: unsafe fn(&Pooling, usize, usize),
    pub(crate) normalize_rows: unsafe fn(&Normalize, usize, usize, *mut f32),
    pub(crate) normalize: unsafe fn(&Normalize, &Epilogue, usize, usize),
    pub(crate) spread: unsafe fn(&Spread, &Epilogue, usize, usize),
    pub(crate) mask: unsafe fn(&Epilogue, usize, usize, usize),
    pub(crate) global_spread: unsafe fn(*const f32, usize, usize, usize, &Epilogue, usize, usize),
    pub(crate) activate: Activate,
    pub(crate) depthwise: unsafe fn(&Depthwise<'_>, usize, usize),
    pub(crate) sparse: unsafe fn(&Sparse<'_>, usize, usize),
    pub(crate) multiply: MultiplyKernel,
    pub(crate) sum_pixels: unsafe fn(&Values, Option<&Values>, usize, f32, &Epilogue, usize, usize),
    pub(crate) layer_norm: unsafe fn(&LayerNorm, usize, usize),
    pub(crate) layer_norm_backward: unsafe fn(&LayerNorm, usize, usize),
    pub(crate) flat_forward: unsafe fn(&Flat<'_>, *mut f32, usize, usize),
    pub(crate) flat_backward: unsafe fn(&Flat<'_>, *mut f32, usize, usize),
    pub(crate) product: unsafe fn(&Product, usize, usize),
    pub(crate) correlate: unsafe fn(&Correlation, usize, usize),
    pub(crate) moments: unsafe fn(&[f32]) -> (f64, f64),
    pub(crate) affine: unsafe fn(&[f32], f32, f32, bool, &mut [f32]),
    pub(crate) norm_sums: unsafe fn(&NormRow<'_>) -> (f64, f64),
    pub(crate) norm_gradient: unsafe fn(&NormRow<'_>, f32, f32, f32, bool, &mut [f32]),
}

impl Kernels {
    pub fn winograd(&self, shape: TileShape) -> WinogradKernel {
        self.winograd[shape as usize]
    }
}

macro_rules! compile {
    (
        $module:ident, $lanes:ty, $rows:expr, $vectors:expr, $wide:expr, $tile:expr, $neighbours:expr,
        [$($feature:meta),*]
    ) => {
        mod $module {
            use super::*;

            const ROWS: usize = $rows;
            const WIDE: usize = $vectors;
            type L = $lanes;

            pub(super) static KERNELS: Kernels = Kernels {
                rows: ROWS,
                vectors: WIDE,
                direct: run_direct,
                winograd: [run_3x3, run_5x5, run_1x7, run_7x1, run_1x3, run_3x1],
                max_forward,
                max_backward,
                mean_forward,
                mean_backward,
                normalize_rows,
                normalize,
                spread,
                mask,
                global_spread,
                activate,
                depthwise: run_depthwise,
                sparse: run_sparse,
                multiply,
                sum_pixels,
                layer_norm: run_layer_norm,
                layer_norm_backward,
                flat_forward,
                flat_backward,
                product,
                correlate,
                moments,
                affine,
                norm_sums,
                norm_gradient,
            };

            const TILE: [usize; 2] = $tile;

            compile!(doors [$($feature),*]
                run_direct(conv: &Direct<'_>, first: usize, last: usize, panels: Range<usize>) =
                    direct::<L, ROWS, WIDE>;
                run_3x3(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 6, 6, 4, 4>;
                run_5x5(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 6, 6, 2, 2>;
                run_1x7(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 1, 10, 1, 4>;
                run_7x1(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 10, 1, 4, 1>;
                run_1x3(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 1, 6, 1, 4>;
                run_3x1(conv: &Winograd<'_>, first: usize, last: usize, panels: Range<usize>, scratch: &mut [f32]) =
                    winograd::<L, ROWS, WIDE, 6, 1, 4, 1>;
                max_forward(pool: &Pooling, first: usize, last: usize) = pool::max_forward::<L>;
                max_backward(pool: &Pooling, first: usize, last: usize) = pool::max_backward::<L>;
                mean_forward(pool: &Pooling, first: usize, last: usize) = pool::mean_forward::<L>;
                mean_backward(pool: &Pooling, first: usize, last: usize) = pool::mean_backward::<L>;
                normalize_rows(step: &Normalize, first: usize, last: usize, rows: *mut f32) =
                    pointwise::normalize_rows::<L>;
                normalize(step: &Normalize, target: &Epilogue, first: usize, last: usize) = pointwise::normalize::<L>;
                spread(step: &Spread, target: &Epilogue, first: usize, last: usize) = pointwise::spread::<L>;
                mask(target: &Epilogue, groups: usize, first: usize, last: usize) = pointwise::mask::<L>;
                global_spread(
                    source: *const f32, stride: usize, groups: usize, pixels: usize, target: &Epilogue, first: usize,
                    last: usize
                ) = pointwise::global_spread::<L>;
                activate(curve: &Curve, values: *mut f32, slopes: *mut f32) = function::activate::<L>;
                run_depthwise(conv: &Depthwise<'_>, first: usize, last: usize) = depthwise::<L, { $neighbours }>;
                run_sparse(sums: &Sparse<'_>, first: usize, last: usize) = sparse::<L>;
                multiply(
                    factors: &[Values; 2], third: Option<&(Values, f32)>, size: (usize, usize), target: &Epilogue,
                    first: usize, last: usize
                ) = product::multiply::<L>;
                sum_pixels(
                    values: &Values, second: Option<&Values>, groups: usize, share: f32, target: &Epilogue,
                    first: usize, last: usize
                ) = product::sum_pixels::<L>;
                run_layer_norm(norm: &LayerNorm, first: usize, last: usize) = layer_norm::forward::<L>;
                layer_norm_backward(norm: &LayerNorm, first: usize, last: usize) = layer_norm::backward::<L>;
                flat_forward(flat: &Flat<'_>, target: *mut f32, first: usize, last: usize) = flat::forward::<L>;
                flat_backward(flat: &Flat<'_>, target: *mut f32, first: usize, last: usize) = flat::backward::<L>;
                product(step: &Product, first: usize, count: usize) = train::product::<L, { $wide }>;
                correlate(step: &Correlation, first: usize, count: usize) =
                    train::correlate::<L, { TILE[0] }, { TILE[1] }>;
                moments(x: &[f32]) -> (f64, f64) = train::moments::<L>;
                affine(x: &[f32], scale: f32, shift: f32, relu: bool, y: &mut [f32]) = train::affine::<L>;
                norm_sums(row: &NormRow<'_>) -> (f64, f64) = train::norm_sums::<L>;
                norm_gradient(
                    row: &NormRow<'_>, scale: f32, offset: f32, slope: f32, accumulate: bool, target: &mut [f32]
                ) = train::norm_gradient::<L>;
            );
        }
    };
    // A list of doors, each a kernel compiled for the instruction set.
    (doors $features:tt $($name:ident $arguments:tt $(-> $result:ty)? = $kernel:expr;)*) => {
        $(compile!(door $features, $name, $kernel, $arguments $(-> $result)?);)*
    };
    (door [$($feature:meta),*], $name:ident, $kernel:expr, ($($argument:ident: $kind:ty),*) $(-> $result:ty)?) => {
        $(#[$feature])*
        unsafe fn $name($($argument: $kind),*) $(-> $result)? {
            // SAFETY: who calls a member of `Kernels` promises what the kernel asks for: a machine that has the
            // instruction set, and arguments that describe live memory which nobody else writes.
            unsafe { $kernel($($argument),*) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};

// Rows times vectors fill the registers of each set: 24 of 32, 12 of 16 (two a vector), and 6 x 4 of 32 on NEON.
// Neighbours of a convolution a channel: as many as hide the time that a sum takes.
// Lines of training: 6 rows x 4 vectors and 4 x 6 sums with AVX-512, 6 x 1 and 2 x 2 elsewhere.
#[cfg(target_arch = "x86_64")]
compile!(avx512, Avx512, 12, 2, 4, [4, 6], 8, [target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]);
#[cfg(target_arch = "x86_64")]
compile!(avx2, Avx2, 6, 1, 1, [2, 2], 4, [target_feature(enable = "avx2,fma")]);
compile!(portable, Portable, if cfg!(target_arch = "aarch64") { 6 } else { 3 }, 1, 1, [2, 2], 4, []);
