//! The studentized range, for Tukey's and Kramer's comparisons of all pairs.
//!
//! The double integral of Copenhaver and Holland (1988, J. Stat. Comput. Simul. 30:1) by the trapezoidal rule, which
//! converges exponentially for integrands like these. Upper tails are integrated as such and keep their digits.

use super::distributions::normal_cdf;
use super::root;

/// Step in units of a standard normal variable.
const STEP: f64 = 0.125;

/// Where the tails of the normal distribution are cut.
const EDGE: f64 = 8.5;

/// Standard deviations of log s that the outer integral covers on either side.
const OUTER_EDGE: f64 = 9.0;

/// Range of `means` independent standard normal variables.
struct Range {
    means: usize,
    /// x, its density and P(X <= x), from `-EDGE` on.
    grid: Vec<(f64, f64, f64)>,
}

impl Range {
    /// For ranges up to `widest`.
    fn new(means: usize, widest: f64) -> Self {
        let points = ((2.0 * EDGE + widest.min(80.0)) / STEP).ceil() as usize;
        let at = |point: usize| {
            let x = -EDGE + STEP * point as f64;
            (x, (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt(), normal_cdf(x))
        };
        Self { means, grid: (0..=points).map(at).collect() }
    }

    /// P(range > w) = k * integral of phi(x) (Phi(x)^(k-1) - (Phi(x) - Phi(x - w))^(k-1)), where the difference of
    /// powers is written with Phi(x - w) as a factor.
    fn upper(&self, w: f64) -> f64 {
        if w <= 0.0 {
            return 1.0;
        }
        let mut sum = 0.0;
        for (x, density, below) in self.grid.iter().take_while(|(x, _, _)| *x <= EDGE + w) {
            let far = normal_cdf(x - w);
            let inside = below - far;
            // below^n - inside^n over below - inside, by Horner's scheme.
            let (mut powers, mut inside_power) = (1.0, 1.0);
            for _ in 1..self.means - 1 {
                inside_power *= inside;
                powers = powers * below + inside_power;
            }
            sum += density * far * powers;
        }
        (self.means as f64 * STEP * sum).min(1.0)
    }
}

/// log Gamma(a) - (a log a - a), without cancellation for large a.
fn stirling(a: f64) -> f64 {
    if a < 15.0 {
        return statrs::function::gamma::ln_gamma(a) - (a * a.ln() - a);
    }
    let square = 1.0 / (a * a);
    let series =
        1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0)));
    0.5 * (2.0 * std::f64::consts::PI / a).ln() + series / a
}

/// P(Q > q) of the studentized range of `means` >= 2 means with `df` > 0 degrees of freedom, which may be infinite.
///
/// Accurate to about 1e-10.
pub fn studentized_range_upper(q: f64, means: usize, df: f64) -> f64 {
    if q.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if q <= 0.0 {
        return 1.0;
    }
    if q.is_infinite() || means < 2 {
        return 0.0;
    }
    if df > 1e12 {
        return Range::new(means, q).upper(q);
    }
    // Q is a range divided by s; u = log s has the standard deviation 1 / sqrt(2 df) about 0, and in the tail the
    // integrand's mode lies below.
    let sd = 1.0 / (2.0 * df).sqrt();
    let mode = -0.5 * (q * q / (2.0 * df)).ln_1p();
    let low = mode - (OUTER_EDGE * sd).max(40.0 / df);
    let high = if df <= 4.0 { (OUTER_EDGE * sd).max(1.5) } else { (OUTER_EDGE * sd).min(3.0) };
    let points = ((high - low) / (0.12 * sd)).ceil().clamp(160.0, 4000.0) as usize;
    let step = (high - low) / points as f64;
    let range = Range::new(means, q * high.exp());
    let normalizer = std::f64::consts::LN_2 - stirling(df / 2.0);
    let sum: f64 = (0..=points)
        .map(|point| {
            let u = low + step * point as f64;
            let density = (normalizer + df * (u - 0.5 * (2.0 * u).exp_m1())).exp();
            if density == 0.0 { 0.0 } else { density * range.upper(q * u.exp()) }
        })
        .sum();
    (sum * step).min(1.0)
}

/// The q with P(Q > q) = `alpha`, 0 < alpha < 1.
pub fn studentized_range_critical(alpha: f64, means: usize, df: f64) -> f64 {
    root::decreasing(alpha.ln(), |q| studentized_range_upper(q, means, df).ln())
}

#[cfg(test)]
mod tests {
    use super::super::distributions::{normal_upper, t_two_sided};
    use super::*;

    #[test]
    fn two_means_are_students_t() {
        for df in [1.0, 2.0, 3.3, 5.0, 17.0, 400.0, 5391.0, 30_000.0, f64::INFINITY] {
            for q in [0.05, 1.0, 3.0, 6.0, 20.0] {
                let (found, exact) = (studentized_range_upper(q, 2, df), t_two_sided(q / 2.0_f64.sqrt(), df));
                assert!((found - exact).abs() < 1e-9, "q {q}, df {df}: {found} instead of {exact}");
            }
        }
    }

    #[test]
    fn small_tails_keep_their_digits() {
        for q in [10.0, 20.0, 40.0] {
            let (found, exact) = (studentized_range_upper(q, 2, f64::INFINITY), 2.0 * normal_upper(q / 2.0_f64.sqrt()));
            assert!((found / exact - 1.0).abs() < 1e-8, "{found} instead of {exact}");
            let (found, exact) = (studentized_range_upper(q, 2, 60.0), t_two_sided(q / 2.0_f64.sqrt(), 60.0));
            assert!((found / exact - 1.0).abs() < 1e-8, "{found} instead of {exact}");
        }
    }

    #[test]
    fn critical_values_are_where_the_tail_is() {
        for (means, df) in [(3, 8.0), (10, 891.0), (20, f64::INFINITY)] {
            let q = studentized_range_critical(0.05, means, df);
            assert!((studentized_range_upper(q, means, df) - 0.05).abs() < 1e-12);
        }
        assert_eq!(studentized_range_upper(0.0, 5, 9.0), 1.0);
        assert!(studentized_range_upper(1e6, 5, 1e5) < 1e-300);
    }
}
