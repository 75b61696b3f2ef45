//! Sixteen `f32` lanes on every machine: one AVX-512 register, two AVX registers, or an array the compiler vectorizes.
//!
//! Kernels are written once over [`Lanes`] and compiled three times. Masks are sixteen bits, lane 0 lowest.

/// Lanes of a vector; also the number of channels in a group, and what channel counts are padded to.
pub const LANES: usize = 16;

/// Sixteen `f32` lanes.
///
/// # Safety
/// Every method may use instructions of its set: call them only inside a function compiled for it, on a machine that
/// has it. Pointers must be valid for sixteen values (`broadcast`: one).
pub trait Lanes: Copy + Send + Sync + 'static {
    /// The vector.
    type F: Copy;

    unsafe fn load(source: *const f32) -> Self::F;
    unsafe fn store(target: *mut f32, value: Self::F);
    unsafe fn splat(value: f32) -> Self::F;
    unsafe fn broadcast(source: *const f32) -> Self::F;
    /// a * b + c, fused where the set has it.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// 2 to the power of whole numbers from -126 to 127.
    unsafe fn power_of_two(exponent: Self::F) -> Self::F;
    /// Bits of the lanes where a > b (false for NaN).
    unsafe fn greater(a: Self::F, b: Self::F) -> u16;
    /// `value` where the bit is set, 0 elsewhere.
    unsafe fn keep(mask: u16, value: Self::F) -> Self::F;
    /// `on` where the bit is set, `off` elsewhere.
    unsafe fn blend(mask: u16, on: Self::F, off: Self::F) -> Self::F;
    /// Bits of the sixteen bytes at `source` that equal `value`.
    unsafe fn equal_bytes(source: *const u8, value: u8) -> u16;
}

/// Wrappers of instructions, all unsafe for one reason.
macro_rules! lanes {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)? = $value:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($argument: $kind),*) $(-> $result)? {
                // SAFETY: who calls a method of `Lanes` is compiled for the instruction set, which the machine has, and
                // a pointer is valid for the values that are read or written, of any alignment.
                unsafe { $value }
            }
        )*
    };
}

/// Any machine; serves aarch64, where the compiler turns the arrays into NEON registers.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

macro_rules! each_lane {
    (|$lane:ident| $value:expr) => {{
        let mut out = [0.0f32; LANES];
        let mut $lane = 0;
        while $lane < LANES {
            out[$lane] = $value;
            $lane += 1;
        }
        out
    }};
}

impl Lanes for Portable {
    type F = [f32; LANES];

    lanes! {
        fn load(source: *const f32) -> Self::F = source.cast::<Self::F>().read_unaligned();
        fn store(target: *mut f32, value: Self::F) = target.cast::<Self::F>().write_unaligned(value);
        fn broadcast(source: *const f32) -> Self::F = [*source; LANES];
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            each_lane!(|i| a[i].mul_add(b[i], c[i]))
        } else {
            // Without the instruction `mul_add` is a library call; two roundings are exact enough here.
            each_lane!(|i| a[i] * b[i] + c[i])
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        each_lane!(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        each_lane!(|i| a[i] - b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        each_lane!(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        each_lane!(|i| a[i] / b[i])
    }

    #[inline(always)]
    unsafe fn power_of_two(exponent: Self::F) -> Self::F {
        each_lane!(|i| f32::from_bits(((exponent[i] as i32 + 127) << 23).cast_unsigned()))
    }

    #[inline(always)]
    unsafe fn greater(a: Self::F, b: Self::F) -> u16 {
        let mut mask = 0;
        for lane in 0..LANES {
            mask |= u16::from(a[lane] > b[lane]) << lane;
        }
        mask
    }

    #[inline(always)]
    unsafe fn keep(mask: u16, value: Self::F) -> Self::F {
        each_lane!(|i| if mask >> i & 1 == 1 { value[i] } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn blend(mask: u16, on: Self::F, off: Self::F) -> Self::F {
        each_lane!(|i| if mask >> i & 1 == 1 { on[i] } else { off[i] })
    }

    #[inline(always)]
    unsafe fn equal_bytes(source: *const u8, value: u8) -> u16 {
        // SAFETY: the caller gives a pointer to sixteen bytes.
        let bytes = unsafe { source.cast::<[u8; LANES]>().read_unaligned() };
        let mut mask = 0;
        for (lane, byte) in bytes.iter().enumerate() {
            mask |= u16::from(*byte == value) << lane;
        }
        mask
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[allow(clippy::wildcard_imports, reason = "dozens of names, all with the prefix of their set")]
    use std::arch::x86_64::*;

    use super::Lanes;

    /// AVX2 with FMA: two registers of eight lanes.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2;

    lanes! {
        // All-ones in the lanes whose bit is set, for bits 0 to 7 of `mask`.
        fn lane_mask(mask: u16) -> __m256 = {
            let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let spread = _mm256_and_si256(_mm256_set1_epi32(i32::from(mask)), bits);
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(spread, bits))
        };
        fn power_of_two(exponent: __m256) -> __m256 = {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(exponent), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        };
        // SSE2 belongs to every `x86_64` machine.
        fn equal_bytes_sse2(source: *const u8, value: u8) -> u16 = {
            let bytes = _mm_loadu_si128(source.cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(value.cast_signed()))) as u16
        };
    }

    impl Lanes for Avx2 {
        type F = [__m256; 2];

        lanes! {
            fn load(source: *const f32) -> Self::F = [_mm256_loadu_ps(source), _mm256_loadu_ps(source.add(8))];
            fn store(target: *mut f32, value: Self::F) = {
                _mm256_storeu_ps(target, value[0]);
                _mm256_storeu_ps(target.add(8), value[1]);
            };
            fn splat(value: f32) -> Self::F = [_mm256_set1_ps(value); 2];
            fn broadcast(source: *const f32) -> Self::F = [_mm256_broadcast_ss(&*source); 2];
            fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F =
                [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])];
            fn add(a: Self::F, b: Self::F) -> Self::F = [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])];
            fn sub(a: Self::F, b: Self::F) -> Self::F = [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])];
            fn mul(a: Self::F, b: Self::F) -> Self::F = [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])];
            fn div(a: Self::F, b: Self::F) -> Self::F = [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])];
            fn power_of_two(exponent: Self::F) -> Self::F = [power_of_two(exponent[0]), power_of_two(exponent[1])];
            fn greater(a: Self::F, b: Self::F) -> u16 = {
                let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a[0], b[0])) as u16;
                let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a[1], b[1])) as u16;
                low | high << 8
            };
            fn keep(mask: u16, value: Self::F) -> Self::F =
                [_mm256_and_ps(value[0], lane_mask(mask)), _mm256_and_ps(value[1], lane_mask(mask >> 8))];
            fn blend(mask: u16, on: Self::F, off: Self::F) -> Self::F = [
                _mm256_blendv_ps(off[0], on[0], lane_mask(mask)),
                _mm256_blendv_ps(off[1], on[1], lane_mask(mask >> 8)),
            ];
            fn equal_bytes(source: *const u8, value: u8) -> u16 = equal_bytes_sse2(source, value);
        }
    }

    /// AVX-512: one register.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512;

    impl Lanes for Avx512 {
        type F = __m512;

        lanes! {
            fn load(source: *const f32) -> Self::F = _mm512_loadu_ps(source);
            fn store(target: *mut f32, value: Self::F) = _mm512_storeu_ps(target, value);
            fn splat(value: f32) -> Self::F = _mm512_set1_ps(value);
            fn broadcast(source: *const f32) -> Self::F = _mm512_set1_ps(*source);
            fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F = _mm512_fmadd_ps(a, b, c);
            fn add(a: Self::F, b: Self::F) -> Self::F = _mm512_add_ps(a, b);
            fn sub(a: Self::F, b: Self::F) -> Self::F = _mm512_sub_ps(a, b);
            fn mul(a: Self::F, b: Self::F) -> Self::F = _mm512_mul_ps(a, b);
            fn div(a: Self::F, b: Self::F) -> Self::F = _mm512_div_ps(a, b);
            fn power_of_two(exponent: Self::F) -> Self::F = {
                let biased = _mm512_add_epi32(_mm512_cvtps_epi32(exponent), _mm512_set1_epi32(127));
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
            };
            fn greater(a: Self::F, b: Self::F) -> u16 = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b);
            fn keep(mask: u16, value: Self::F) -> Self::F = _mm512_maskz_mov_ps(mask, value);
            fn blend(mask: u16, on: Self::F, off: Self::F) -> Self::F = _mm512_mask_mov_ps(off, mask, on);
            fn equal_bytes(source: *const u8, value: u8) -> u16 = equal_bytes_sse2(source, value);
        }
    }
}
