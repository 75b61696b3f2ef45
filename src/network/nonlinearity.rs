//! Functions of single values between the layers, with PyTorch's derivatives.

use serde::{Deserialize, Serialize};

/// A function of each value. The ReLU is an operation of its own, because it is fused wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Nonlinearity {
    /// `min(max(x, low), high)`; the `ReLU6` is 0 to 6. Derivative 0 at both bounds, as PyTorch's `hardtanh`.
    Clip {
        /// Smallest value written.
        low: f32,
        /// Largest value written.
        high: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// `min(max(slope * x + offset, 0), 1)`; PyTorch's and Keras 3's have slope 1/6 and offset 1/2. Derivative 0 at both
    /// bounds.
    HardSigmoid {
        /// Factor.
        slope: f32,
        /// Offset.
        offset: f32,
    },
    /// `x * min(max(x / 6 + 1/2, 0), 1)`. Derivative 0 at -3 and 1 at 3.
    HardSwish,
    /// `x * Phi(x)`, `Phi` being the normal distribution function (exact, by `erf`).
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x` where positive, else `slope * x`; derivative `slope` at 0.
    LeakyRelu {
        /// Factor of what is not positive.
        slope: f32,
    },
    /// `x` where positive, else `alpha * (exp(x) - 1)`.
    Elu {
        /// Minus the lower limit.
        alpha: f32,
    },
    /// Hyperbolic tangent.
    Tanh,
}

impl Nonlinearity {
    /// `min(max(x, 0), 6)`.
    pub const RELU6: Self = Self::Clip { low: 0.0, high: 6.0 };
    /// PyTorch's `Hardsigmoid`.
    pub const HARD_SIGMOID: Self = Self::HardSigmoid { slope: 1.0 / 6.0, offset: 0.5 };

    /// What it is, in a word or two for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::RELU6 => "ReLU6",
            Self::Clip { .. } => "clipping",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "SiLU",
            Self::HardSigmoid { .. } => "hard sigmoid",
            Self::HardSwish => "hard swish",
            Self::Gelu | Self::GeluTanh => "GELU",
            Self::LeakyRelu { .. } => "leaky ReLU",
            Self::Elu { .. } => "ELU",
            Self::Tanh => "tanh",
        }
    }

    /// Whether its parameters are numbers.
    pub(super) fn is_finite(self) -> bool {
        match self {
            Self::Clip { low, high } => low.is_finite() && high.is_finite(),
            Self::HardSigmoid { slope, offset } => slope.is_finite() && offset.is_finite(),
            Self::LeakyRelu { slope } => slope.is_finite(),
            Self::Elu { alpha } => alpha.is_finite(),
            _ => true,
        }
    }

    /// Whether it lets a value through or holds it, as the ReLU does: where the guided rule has a meaning.
    pub fn is_gate(self) -> bool {
        matches!(self, Self::Clip { low, high } if low == 0.0 && high > 0.0)
    }

    /// The value, in double precision: the definition that every executor is held to.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Clip { low, high } => x.max(f64::from(low)).min(f64::from(high)),
            Self::Sigmoid => sigmoid(x),
            Self::Silu => x * sigmoid(x),
            Self::HardSigmoid { slope, offset } => (exact(slope) * x + exact(offset)).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Gelu => x * normal_cdf(x),
            Self::GeluTanh => 0.5 * x * (1.0 + gelu_argument(x).tanh()),
            Self::LeakyRelu { slope } => {
                if x > 0.0 {
                    x
                } else {
                    exact(slope) * x
                }
            }
            Self::Elu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    exact(alpha) * x.exp_m1()
                }
            }
            Self::Tanh => x.tanh(),
        }
    }

    /// The derivative at `x`, in double precision, at kinks as PyTorch has it.
    pub fn derivative(self, x: f64) -> f64 {
        match self {
            Self::Clip { low, high } => f64::from(u8::from(x > f64::from(low) && x < f64::from(high))),
            Self::Sigmoid => sigmoid(x) * sigmoid(-x),
            Self::Silu => sigmoid(x) * (1.0 + x * sigmoid(-x)),
            Self::HardSigmoid { slope, offset } => {
                let inside = exact(slope) * x + exact(offset);
                if inside > 0.0 && inside < 1.0 { exact(slope) } else { 0.0 }
            }
            Self::HardSwish if x <= -3.0 => 0.0,
            Self::HardSwish if x < 3.0 => x / 3.0 + 0.5,
            Self::HardSwish => 1.0,
            Self::Gelu => normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt(),
            Self::GeluTanh => {
                let tanh = gelu_argument(x).tanh();
                let slope = GELU_FACTOR * (1.0 + 3.0 * GELU_CUBE * x * x);
                0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * slope
            }
            Self::LeakyRelu { slope } => {
                if x > 0.0 {
                    1.0
                } else {
                    exact(slope)
                }
            }
            Self::Elu { alpha } => {
                if x > 0.0 {
                    1.0
                } else {
                    exact(alpha) * x.exp()
                }
            }
            Self::Tanh => 1.0 - x.tanh() * x.tanh(),
        }
    }
}

/// `sqrt(2 / pi)`.
pub(super) const GELU_FACTOR: f64 = 0.797_884_560_802_865_4;
pub(super) const GELU_CUBE: f64 = 0.044_715;

/// A factor or offset in double precision. Single precision has no 1/6: the number next to it means it.
pub(super) fn exact(constant: f32) -> f64 {
    if constant.to_bits() == (1.0_f32 / 6.0).to_bits() { 1.0 / 6.0 } else { f64::from(constant) }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn gelu_argument(x: f64) -> f64 {
    GELU_FACTOR * (x + GELU_CUBE * x * x * x)
}

/// Distribution function of the standard normal distribution.
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}
