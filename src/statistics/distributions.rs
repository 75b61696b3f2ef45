//! Tail probabilities and quantiles; upper tails are computed as such, so that small ones keep their digits.

use statrs::function::beta::beta_reg;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::gamma_ur;

use super::root;

/// Degrees of freedom from which Student's t is reached through the normal distribution.
const MANY: f64 = 1e6;

/// P(Z <= z), standard normal.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// P(Z > z), standard normal.
pub fn normal_upper(z: f64) -> f64 {
    normal_cdf(-z)
}

/// The z with P(Z <= z) = `p`, 0 < p < 1.
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// P(|T| > |t|) with `df` > 0 degrees of freedom, infinity being the normal distribution.
///
/// From a million on by Wallace's transformation (1959, Ann. Math. Stat. 30:1121), which is exact to 1 / df^2.
pub fn t_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    if df.is_infinite() {
        return (2.0 * normal_upper(t.abs())).min(1.0);
    }
    if df > MANY {
        let z = (8.0 * df + 1.0) / (8.0 * df + 3.0) * (df * (t * t / df).ln_1p()).sqrt();
        return (2.0 * normal_upper(z)).min(1.0);
    }
    beta_reg(df / 2.0, 0.5, df / (df + t * t)).clamp(0.0, 1.0)
}

/// P(T > t) with `df` > 0 degrees of freedom, infinity being the normal distribution.
pub fn t_upper(t: f64, df: f64) -> f64 {
    let half = 0.5 * t_two_sided(t, df);
    if t > 0.0 { half } else { 1.0 - half }
}

/// The t with P(|T| > t) = `alpha`, 0 < alpha < 1.
pub fn t_critical(alpha: f64, df: f64) -> f64 {
    if df.is_infinite() {
        return normal_quantile(1.0 - alpha / 2.0);
    }
    root::decreasing(alpha.ln(), |t| t_two_sided(t, df).ln())
}

/// P(F > f) with `d1` and `d2` degrees of freedom; `d2` may be infinite.
pub fn f_upper(f: f64, d1: f64, d2: f64) -> f64 {
    if f.is_nan() || d2.is_nan() {
        return f64::NAN;
    }
    if f <= 0.0 {
        return 1.0;
    }
    if d2 > 1e8 {
        return gamma_upper(d1 / 2.0, f * d1 / 2.0);
    }
    beta_reg(d2 / 2.0, d1 / 2.0, d2 / (d2 + d1 * f)).clamp(0.0, 1.0)
}

/// P(X > x), chi-square with `df` degrees of freedom.
pub fn chi_square_upper(x: f64, df: f64) -> f64 {
    gamma_upper(df / 2.0, x / 2.0)
}

/// Regularized upper incomplete gamma function Q(a, x).
pub(super) fn gamma_upper(a: f64, x: f64) -> f64 {
    match x {
        x if x <= 0.0 => 1.0,
        x if x > 800.0 + 2.0 * a => 0.0,
        x => gamma_ur(a, x).clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found / expected - 1.0).abs() < relative, "{found} instead of {expected}");
    }

    #[test]
    fn tails_are_those_of_scipy() {
        // 2 * t.sf(3, 5), 2 * t.sf(10, 100), f.sf(3, 4, 20), norm.sf(20), t.ppf(0.975, 3), t.ppf(0.975, 0.7).
        close(t_two_sided(3.0, 5.0), 0.030_099_247_897_462_586, 1e-11);
        close(t_two_sided(-10.0, 100.0), 9.901_688_984_594_13e-17, 1e-10);
        close(f_upper(3.0, 4.0, 20.0), 0.043_200_998_334_214_09, 1e-11);
        close(normal_upper(20.0), 2.753_624_118_606_155_6e-89, 1e-9);
        close(t_critical(0.05, 3.0), 3.182_446_305_283_708, 1e-12);
        close(t_critical(0.05, 0.7), 36.611_415_031_588_656, 1e-10);
        close(t_critical(0.05, f64::INFINITY), 1.959_963_984_540_054, 1e-12);
    }

    #[test]
    fn many_degrees_of_freedom_join_the_normal_distribution() {
        for t in [0.01, 1.0, 2.0, 5.0, 9.0] {
            close(t_two_sided(t, 0.999_999e6), t_two_sided(t, 1.000_001e6), 2e-8);
            close(t_two_sided(t, 1e13), t_two_sided(t, f64::INFINITY), 1e-9);
        }
        assert_eq!(t_two_sided(0.0, 7.0), 1.0);
        assert_eq!(t_upper(0.0, 7.0), 0.5);
        assert_eq!(t_two_sided(f64::INFINITY, 7.0), 0.0);
    }

    #[test]
    fn one_direction_of_f_is_t() {
        for (t, df) in [(0.3, 2.5), (2.0, 11.0), (6.0, 400.0)] {
            close(f_upper(t * t, 1.0, df), t_two_sided(t, df), 1e-11);
        }
        close(f_upper(2.0, 3.0, 1e12), chi_square_upper(6.0, 3.0), 1e-9);
    }
}
