//! Which instruction set runs, and the kernels compiled for it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::direct::{Direct, direct};
use super::epilogue::Epilogue;
use super::pointwise::{self, Normalize, Spread};
use super::pool::{self, Pooling};
use super::simd::Portable;
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
    pub(crate) global_mean: unsafe fn(*const f32, usize, usize, usize, &Epilogue, Range<usize>),
    pub(crate) global_spread: unsafe fn(*const f32, usize, usize, usize, &Epilogue, usize, usize),
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
    ($module:ident, $lanes:ty, $rows:expr, $vectors:expr, $wide:expr, $tile:expr, [$($feature:meta),*]) => {
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
                global_mean,
                global_spread,
                product,
                correlate,
                moments,
                affine,
                norm_sums,
                norm_gradient,
            };

            $(#[$feature])*
            unsafe fn run_direct(conv: &Direct<'_>, first: usize, last: usize, panels: Range<usize>) {
                unsafe { direct::<L, ROWS, WIDE>(conv, first, last, panels) }
            }

            compile!(tile run_3x3, 6, 6, 4, 4, [$($feature),*]);
            compile!(tile run_5x5, 6, 6, 2, 2, [$($feature),*]);
            compile!(tile run_1x7, 1, 10, 1, 4, [$($feature),*]);
            compile!(tile run_7x1, 10, 1, 4, 1, [$($feature),*]);
            compile!(tile run_1x3, 1, 6, 1, 4, [$($feature),*]);
            compile!(tile run_3x1, 6, 1, 4, 1, [$($feature),*]);

            $(#[$feature])*
            unsafe fn max_forward(pool: &Pooling, first: usize, last: usize) {
                unsafe { pool::max_forward::<L>(pool, first, last) }
            }

            $(#[$feature])*
            unsafe fn max_backward(pool: &Pooling, first: usize, last: usize) {
                unsafe { pool::max_backward::<L>(pool, first, last) }
            }

            $(#[$feature])*
            unsafe fn mean_forward(pool: &Pooling, first: usize, last: usize) {
                unsafe { pool::mean_forward::<L>(pool, first, last) }
            }

            $(#[$feature])*
            unsafe fn mean_backward(pool: &Pooling, first: usize, last: usize) {
                unsafe { pool::mean_backward::<L>(pool, first, last) }
            }

            $(#[$feature])*
            unsafe fn normalize_rows(step: &Normalize, first: usize, last: usize, rows: *mut f32) {
                unsafe { pointwise::normalize_rows::<L>(step, first, last, rows) }
            }

            $(#[$feature])*
            unsafe fn normalize(step: &Normalize, target: &Epilogue, first: usize, last: usize) {
                unsafe { pointwise::normalize::<L>(step, target, first, last) }
            }

            $(#[$feature])*
            unsafe fn spread(step: &Spread, target: &Epilogue, first: usize, last: usize) {
                unsafe { pointwise::spread::<L>(step, target, first, last) }
            }

            $(#[$feature])*
            unsafe fn mask(target: &Epilogue, groups: usize, first: usize, last: usize) {
                unsafe { pointwise::mask::<L>(target, groups, first, last) }
            }

            $(#[$feature])*
            unsafe fn global_mean(
                source: *const f32,
                stride: usize,
                groups: usize,
                pixels: usize,
                target: &Epilogue,
                images: Range<usize>,
            ) {
                unsafe { pointwise::global_mean::<L>(source, stride, groups, pixels, target, images) }
            }

            $(#[$feature])*
            unsafe fn global_spread(
                source: *const f32,
                stride: usize,
                groups: usize,
                pixels: usize,
                target: &Epilogue,
                first: usize,
                last: usize,
            ) {
                unsafe { pointwise::global_spread::<L>(source, stride, groups, pixels, target, first, last) }
            }

            $(#[$feature])*
            unsafe fn product(step: &Product, first: usize, count: usize) {
                unsafe { train::product::<L, { $wide }>(step, first, count) }
            }

            $(#[$feature])*
            unsafe fn correlate(step: &Correlation, first: usize, count: usize) {
                const TILE: [usize; 2] = $tile;
                unsafe { train::correlate::<L, { TILE[0] }, { TILE[1] }>(step, first, count) }
            }

            $(#[$feature])*
            unsafe fn moments(x: &[f32]) -> (f64, f64) {
                unsafe { train::moments::<L>(x) }
            }

            $(#[$feature])*
            unsafe fn affine(x: &[f32], scale: f32, shift: f32, relu: bool, y: &mut [f32]) {
                unsafe { train::affine::<L>(x, scale, shift, relu, y) }
            }

            $(#[$feature])*
            unsafe fn norm_sums(row: &NormRow<'_>) -> (f64, f64) {
                unsafe { train::norm_sums::<L>(row) }
            }

            $(#[$feature])*
            unsafe fn norm_gradient(
                row: &NormRow<'_>,
                scale: f32,
                offset: f32,
                slope: f32,
                accumulate: bool,
                target: &mut [f32],
            ) {
                unsafe { train::norm_gradient::<L>(row, scale, offset, slope, accumulate, target) }
            }
        }
    };
    (tile $name:ident, $hi:expr, $wi:expr, $ho:expr, $wo:expr, [$($feature:meta),*]) => {
        $(#[$feature])*
        unsafe fn $name(
            conv: &Winograd<'_>,
            first: usize,
            last: usize,
            panels: Range<usize>,
            scratch: &mut [f32],
        ) {
            unsafe { winograd::<L, ROWS, WIDE, $hi, $wi, $ho, $wo>(conv, first, last, panels, scratch) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};

// Rows times vectors fill the registers of each set: 24 of 32, 12 of 16 (two a vector), and 6 x 4 of 32 on NEON.
// Lines of training: 6 rows x 4 vectors and 4 x 6 sums with AVX-512, 6 x 1 and 2 x 2 elsewhere.
#[cfg(target_arch = "x86_64")]
compile!(avx512, Avx512, 12, 2, 4, [4, 6], [target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]);
#[cfg(target_arch = "x86_64")]
compile!(avx2, Avx2, 6, 1, 1, [2, 2], [target_feature(enable = "avx2,fma")]);
compile!(portable, Portable, if cfg!(target_arch = "aarch64") { 6 } else { 3 }, 1, 1, [2, 2], []);
