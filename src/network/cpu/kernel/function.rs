//! Functions of single values between layers, sixteen at a time, each with its derivative.
//!
//! Exponentials and the normal distribution are accurate to a few units of the last place; near zero `ELU` and the tangent
//! are, too, because `exp(x) - 1` is computed without subtracting.

use super::simd::Lanes;

/// A function that is no gate: its derivative is kept for the way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// `min(max(x, low), high)`; derivative 0 at both bounds.
    Clip { low: f32, high: f32 },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// `min(max(slope * x + offset, 0), 1)`; derivative 0 at both bounds.
    HardSigmoid { slope: f32, offset: f32 },
    /// `x * min(max(x / 6 + 1/2, 0), 1)`; derivative 0 at -3 and 1 at 3.
    HardSwish,
    /// `x` times the normal distribution function.
    Gelu,
    /// `x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 x^3))`.
    GeluTanh,
    /// `x` where positive, else `slope * x`.
    LeakyRelu { slope: f32 },
    /// `x` where positive, else `alpha * (exp(x) - 1)`.
    Elu { alpha: f32 },
    /// Hyperbolic tangent.
    Tanh,
}

/// What follows a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `min(max(x, 0), high)`, infinite for the ReLU: a bit says where the derivative is 1.
    Gate {
        high: f32,
    },
    Curve(Curve),
}

impl Activation {
    pub const RELU: Self = Self::Gate { high: f32::INFINITY };
}

/// Replaces sixteen values by a curve's, and writes its derivatives where `slopes` is not null.
///
/// # Safety
/// The machine has the instruction set; both pointers are valid for sixteen values, or `slopes` is null.
#[inline(always)]
pub(crate) unsafe fn activate<L: Lanes>(curve: &Curve, values: *mut f32, slopes: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let (value, slope) = evaluate::<L>(curve, L::load(values));
        L::store(values, value);
        if !slopes.is_null() {
            L::store(slopes, slope);
        }
    }
}

/// Value and derivative.
#[inline(always)]
unsafe fn evaluate<L: Lanes>(curve: &Curve, x: L::F) -> (L::F, L::F) {
    // SAFETY: the caller has the instruction set; no address is read.
    unsafe {
        let (zero, one, half) = (L::splat(0.0), L::splat(1.0), L::splat(0.5));
        match *curve {
            Curve::Clip { low, high } => clip::<L>(x, low, high, one),
            Curve::Sigmoid => {
                let (value, other) = sigmoid::<L>(x);
                (value, L::mul(value, other))
            }
            Curve::Silu => {
                let (value, other) = sigmoid::<L>(x);
                (L::mul(x, value), L::mul(value, L::fma(x, other, one)))
            }
            Curve::HardSigmoid { slope, offset } => {
                let line = L::fma(L::splat(slope), x, L::splat(offset));
                clip::<L>(line, 0.0, 1.0, L::splat(slope))
            }
            Curve::HardSwish => {
                let line = L::fma(x, L::splat(1.0 / 6.0), half);
                let (share, _) = clip::<L>(line, 0.0, 1.0, one);
                let inside = L::fma(x, L::splat(1.0 / 3.0), half);
                let below = L::keep(L::greater(x, L::splat(-3.0)), inside);
                (L::mul(x, share), L::blend(L::greater(L::splat(3.0), x), below, one))
            }
            Curve::Gelu => {
                let t = absolute::<L>(x);
                let bell = exp::<L>(L::mul(L::mul(x, x), L::splat(-0.5)));
                let u = L::div(one, L::fma(L::splat(TAIL_SCALE), t, one));
                let tail = L::mul(bell, polynomial::<L, 10>(&TAIL, u));
                let share = L::blend(L::greater(x, zero), L::sub(one, tail), tail);
                let slope = L::fma(L::mul(x, bell), L::splat(BELL_HEIGHT), share);
                (L::mul(x, share), slope)
            }
            Curve::GeluTanh => {
                // Farther out both are what they are at the bounds, and the square must not become infinite.
                let (near, _) = clip::<L>(x, -10.0, 10.0, one);
                let square = L::mul(near, near);
                let factor = L::fma(square, L::splat(TWICE_GELU_FACTOR * GELU_CUBE), L::splat(TWICE_GELU_FACTOR));
                let (share, other) = sigmoid::<L>(L::mul(near, factor));
                let rate = L::fma(square, L::splat(3.0 * TWICE_GELU_FACTOR * GELU_CUBE), L::splat(TWICE_GELU_FACTOR));
                let slope = L::fma(L::mul(L::mul(near, share), other), rate, share);
                (L::mul(x, share), slope)
            }
            Curve::LeakyRelu { slope } => {
                let slopes = L::blend(L::greater(x, zero), one, L::splat(slope));
                (L::mul(x, slopes), slopes)
            }
            Curve::Elu { alpha } => {
                let positive = L::greater(x, zero);
                let (less_one, whole) = exp_less_one::<L>(x);
                let value = L::blend(positive, x, L::mul(L::splat(alpha), less_one));
                (value, L::blend(positive, one, L::mul(L::splat(alpha), whole)))
            }
            Curve::Tanh => {
                let (less_one, whole) = exp_less_one::<L>(L::mul(absolute::<L>(x), L::splat(-2.0)));
                let below = L::div(one, L::add(one, whole));
                let size = L::mul(less_one, below);
                let value = L::blend(L::greater(x, zero), L::sub(zero, size), size);
                (value, L::mul(L::mul(L::splat(4.0), whole), L::mul(below, below)))
            }
        }
    }
}

/// `x` between two bounds, NaN staying NaN, and `slope` where it lies strictly between them.
#[inline(always)]
unsafe fn clip<L: Lanes>(x: L::F, low: f32, high: f32, slope: L::F) -> (L::F, L::F) {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let (low, high) = (L::splat(low), L::splat(high));
        let value = L::blend(L::greater(low, x), low, x);
        let value = L::blend(L::greater(value, high), high, value);
        (value, L::keep(L::greater(x, low) & L::greater(high, x), slope))
    }
}

#[inline(always)]
unsafe fn absolute<L: Lanes>(x: L::F) -> L::F {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let zero = L::splat(0.0);
        L::blend(L::greater(zero, x), L::sub(zero, x), x)
    }
}

/// `sigmoid(x)` and `sigmoid(-x)`, neither by subtraction.
#[inline(always)]
unsafe fn sigmoid<L: Lanes>(x: L::F) -> (L::F, L::F) {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let one = L::splat(1.0);
        let less = exp::<L>(L::sub(L::splat(0.0), x));
        let value = L::div(one, L::add(one, less));
        (value, L::mul(less, value))
    }
}

/// Adding and taking away 1.5 * 2^23 rounds to the nearest whole number.
const ROUNDER: f32 = 12_582_912.0;
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `2^n` and `exp(r) - 1` with `x = n ln 2 + r`, `x` being taken between -87 and 88.
#[inline(always)]
unsafe fn exp_parts<L: Lanes>(x: L::F) -> (L::F, L::F) {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let (x, _) = clip::<L>(x, -87.0, 88.0, x);
        let rounder = L::splat(ROUNDER);
        let n = L::sub(L::fma(x, L::splat(std::f32::consts::LOG2_E), rounder), rounder);
        let r = L::fma(n, L::splat(-LN_2_HIGH), x);
        let r = L::fma(n, L::splat(-LN_2_LOW), r);
        let higher = polynomial::<L, 6>(&EXP, r);
        (L::power_of_two(n), L::fma(L::mul(r, r), higher, r))
    }
}

#[inline(always)]
unsafe fn exp<L: Lanes>(x: L::F) -> L::F {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let (scale, less_one) = exp_parts::<L>(x);
        L::fma(scale, less_one, scale)
    }
}

/// `exp(x) - 1` and `exp(x)`.
#[inline(always)]
unsafe fn exp_less_one<L: Lanes>(x: L::F) -> (L::F, L::F) {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let (scale, less_one) = exp_parts::<L>(x);
        let offset = L::sub(scale, L::splat(1.0));
        (L::fma(scale, less_one, offset), L::fma(scale, less_one, scale))
    }
}

/// A polynomial with coefficients by ascending power.
#[inline(always)]
unsafe fn polynomial<L: Lanes, const N: usize>(coefficients: &[f32; N], x: L::F) -> L::F {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let mut sum = L::splat(coefficients[N - 1]);
        for power in (0..N - 1).rev() {
            sum = L::fma(sum, x, L::splat(coefficients[power]));
        }
        sum
    }
}

/// `(exp(r) - 1 - r) / r^2` for `r` up to `ln(2) / 2` (Cephes, `expf`).
const EXP: [f32; 6] = [0.5, 0.166_666_66, 4.166_579_6e-2, 8.333_452e-3, 1.398_2e-3, 1.987_569_2e-4];

/// `exp(t^2 / 2) * Phi(-t)` as a polynomial of `1 / (1 + 0.35 t)` for `t` up to 13.5, where it is below 1e-41: least squares
/// at 200 Chebyshev points of relative error, which is at most 3e-8.
const TAIL: [f32; 10] = [
    -1.769_615_2e-6,
    0.139_659_5,
    0.139_515_85,
    0.121_578_22,
    0.100_108_18,
    -0.012_449_967,
    0.145_701_6,
    -0.245_167_3,
    0.139_316_2,
    -0.028_260_5,
];
const TAIL_SCALE: f32 = 0.35;
/// `1 / sqrt(2 pi)`.
const BELL_HEIGHT: f32 = 0.398_942_3;
/// `2 sqrt(2 / pi)`.
const TWICE_GELU_FACTOR: f32 = 1.595_769;
const GELU_CUBE: f32 = 0.044_715;

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::super::simd::LANES;
    use super::*;

    /// The normal distribution function: Simpson's rule over its density from -14 on.
    fn normal_cdf(x: f64) -> f64 {
        let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (start, steps) = (-14.0, 20_000);
        let width = (x - start) / f64::from(steps);
        let weight = |step: i32| match step {
            0 => 1.0,
            step if step == steps => 1.0,
            step if step % 2 == 1 => 4.0,
            _ => 2.0,
        };
        (0..=steps).map(|step| weight(step) * density(start + width * f64::from(step))).sum::<f64>() * width / 3.0
    }

    fn expected(curve: Curve, x: f64) -> (f64, f64) {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match curve {
            Curve::Sigmoid => (sigmoid(x), sigmoid(x) * sigmoid(-x)),
            Curve::Silu => (x * sigmoid(x), sigmoid(x) * (1.0 + x * sigmoid(-x))),
            Curve::Gelu => {
                let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (x * normal_cdf(x), normal_cdf(x) + x * density)
            }
            Curve::Elu { alpha } if x <= 0.0 => (f64::from(alpha) * x.exp_m1(), f64::from(alpha) * x.exp()),
            Curve::Elu { .. } => (x, 1.0),
            _ => (x.tanh(), x.cosh().powi(-2)),
        }
    }

    #[test]
    fn curves_are_as_accurate_as_single_precision() {
        for isa in Isa::available() {
            for (curve, relative) in [
                (Curve::Sigmoid, 4e-7),
                (Curve::Silu, 4e-7),
                (Curve::Gelu, 4e-6),
                (Curve::Elu { alpha: 0.75 }, 4e-7),
                (Curve::Tanh, 4e-7),
            ] {
                let points: Vec<f32> = (-640..640).map(|step| (step as f32 + 0.37) / 80.0).collect();
                for chunk in points.chunks_exact(LANES) {
                    let (mut values, mut slopes) = ([0.0; LANES], [0.0; LANES]);
                    values.copy_from_slice(chunk);
                    // SAFETY: the machine has the instruction set, and both arrays hold sixteen values.
                    unsafe { (isa.kernels().activate)(&curve, values.as_mut_ptr(), slopes.as_mut_ptr()) };
                    for ((x, value), slope) in chunk.iter().zip(values).zip(slopes) {
                        let (y, derivative) = expected(curve, f64::from(*x));
                        let error = (f64::from(value) - y).abs() / y.abs();
                        assert!(error <= relative, "{isa}, {curve:?} of {x}: {value} instead of {y}");
                        let error = (f64::from(slope) - derivative).abs();
                        assert!(error <= 4e-7, "{isa}, slope of {curve:?} at {x}: {slope} instead of {derivative}");
                    }
                }
            }
        }
    }

    #[test]
    fn curves_end_well_far_out_and_keep_nan() {
        let far =
            [-1e30, -200.0, -100.0, -90.0, 90.0, 100.0, 200.0, 1e30, f32::NAN, 0.0, -0.0, 3.0, -3.0, 1.0, -1.0, 6.0];
        let all = [
            Curve::Clip { low: -1.0, high: 1.0 },
            Curve::Sigmoid,
            Curve::Silu,
            Curve::HardSigmoid { slope: 1.0 / 6.0, offset: 0.5 },
            Curve::HardSwish,
            Curve::Gelu,
            Curve::GeluTanh,
            Curve::LeakyRelu { slope: 0.1 },
            Curve::Elu { alpha: 1.0 },
            Curve::Tanh,
        ];
        for isa in Isa::available() {
            for curve in all {
                let (mut values, mut slopes) = (far, [0.0; LANES]);
                // SAFETY: as above.
                unsafe { (isa.kernels().activate)(&curve, values.as_mut_ptr(), slopes.as_mut_ptr()) };
                for ((x, value), slope) in far.iter().zip(values).zip(slopes) {
                    if x.is_nan() {
                        assert!(value.is_nan(), "{isa}, {curve:?} of NaN is {value}");
                    } else {
                        assert!(value.is_finite() && slope.is_finite(), "{isa}, {curve:?} of {x}: {value}, {slope}");
                    }
                }
            }
        }
    }
}
